//! Owns the JSON that devices print themselves: reading it, and taking off the wrapping that two vendors
//! put around it.
//!
//! Junos writes every leaf as `[{"data": "up"}]`, with attributes beside it at times. NX-OS writes a
//! table of one row as that row instead of a list of one. Which keys mean that stands in the platform
//! file; see Juniper's "Display JSON Output" and the NX-API reference.

use serde_json::{Map, Value};

/// How deep the JSON of a device may nest. It is read again by others, inside other values, and readers
/// of JSON give up at 128.
const DEEPEST: usize = 100;

/// What a platform wraps its values in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wrapping<'a> {
    /// The key of a leaf that stands alone in an object in a list.
    pub leaf: Option<&'a str>,
    /// How the keys begin whose value is always meant to be a list.
    pub row: Option<&'a str>,
}

/// Reads an answer as JSON. Several documents in a row, as FRRouting prints for several address families,
/// become a list. None if it is anything else.
pub fn read(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut documents: Vec<Value> = documents.collect::<Result<_, _>>().ok()?;
    match documents.len() {
        0 => None,
        1 => documents.pop(),
        _ => Some(Value::Array(documents)),
    }
    .filter(|value| is_shallow(value, DEEPEST))
}

/// Whether nothing nests deeper than this.
pub(super) fn is_shallow(value: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().all(|item| is_shallow(item, depth)),
        Value::Object(fields) => fields.values().all(|value| is_shallow(value, depth)),
        _ => true,
    }
}

/// Takes the wrapping off.
pub fn unwrap(value: Value, wrapping: Wrapping<'_>) -> Value {
    strip(value, wrapping, DEEPEST)
}

fn strip(value: Value, wrapping: Wrapping<'_>, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return value };
    match value {
        Value::Array(items) => match leaves(&items, wrapping.leaf) {
            Some(mut leaves) if leaves.len() == 1 => leaves.pop().unwrap_or_default(),
            Some(leaves) => Value::Array(leaves),
            None => items.into_iter().map(|item| strip(item, wrapping, depth)).collect(),
        },
        Value::Object(fields) => {
            let is_row = |key: &str| wrapping.row.is_some_and(|start| key.starts_with(start));
            let strip_field = |(key, value): (String, Value)| {
                let value = strip(value, wrapping, depth);
                let value = match value {
                    Value::Object(row) if is_row(&key) => Value::Array(vec![Value::Object(row)]),
                    value => value,
                };
                (key, value)
            };
            Value::Object(fields.into_iter().map(strip_field).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// The leaves of a list that holds nothing else.
fn leaves(items: &[Value], key: Option<&str>) -> Option<Vec<Value>> {
    let key = key?;
    let leaf = |item: &Value| {
        let fields = item.as_object()?;
        let alone = fields.keys().all(|name| name == key || name == "attributes");
        fields.get(key).filter(|value| alone && !value.is_object() && !value.is_array()).cloned()
    };
    let leaves: Option<Vec<Value>> = items.iter().map(leaf).collect();
    leaves.filter(|leaves| !leaves.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn junos_leaves_stand_for_themselves() {
        let junos = Wrapping { leaf: Some("data"), row: None };
        let value = json!({
            "system-uptime-information": [{
                "current-time": [{ "date-time": [{
                    "data": "2026-11-20 10:00:00 UTC", "attributes": { "junos:seconds": "1" }
                }] }],
                "name-server": [{ "data": "192.0.2.1" }, { "data": "192.0.2.2" }],
                "rows": [{ "name": [{ "data": "a" }] }, { "name": [{ "data": "b" }] }],
                "multi": [],
                "mixed": [{ "data": "x", "other": 1 }],
            }]
        });
        let expected = json!({
            "system-uptime-information": [{
                "current-time": [{ "date-time": "2026-11-20 10:00:00 UTC" }],
                "name-server": ["192.0.2.1", "192.0.2.2"],
                "rows": [{ "name": "a" }, { "name": "b" }],
                "multi": [],
                "mixed": [{ "data": "x", "other": 1 }],
            }]
        });
        assert_eq!(unwrap(value.clone(), junos), expected);
        assert_eq!(unwrap(value.clone(), Wrapping::default()), value);
    }

    #[test]
    fn one_row_of_nxos_is_a_list_of_one() {
        let nxos = Wrapping { leaf: None, row: Some("ROW_") };
        let row = json!({ "intf": "Eth1/1" });
        let one = json!({ "TABLE_intf": { "ROW_intf": row } });
        let many = json!({ "TABLE_intf": { "ROW_intf": [row, row] } });
        assert_eq!(unwrap(one, nxos), json!({ "TABLE_intf": { "ROW_intf": [row] } }));
        assert_eq!(unwrap(many.clone(), nxos), many);
    }

    #[test]
    fn only_json_is_read_as_json() {
        assert_eq!(read(" {\"a\": 1}\n"), Some(json!({ "a": 1 })));
        assert_eq!(read("{\"a\": 1}\n{\"b\": 2}\n"), Some(json!([{ "a": 1 }, { "b": 2 }])));
        for text in ["", "5", "% Invalid command", "{\"a\": ", "{} trailing", "[1,"] {
            assert_eq!(read(text), None, "{text}");
        }
        for depth in [101, 120, 100_000] {
            let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(read(&deep), None, "{depth}");
        }
        assert!(read(&format!("{}{}", "[".repeat(90), "]".repeat(90))).is_some());
    }
}
