//! Owns [`Parsed`]: the records that a template found in an output, with their columns in order.
//!
//! Every value stays the text the device sent: a VLAN may be `1-4`, an AS number `65000.1`.
//! **Invariant:** every record has as many values as there are columns.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Map;

use super::ParseError;

/// One value of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(untagged)]
pub enum Value {
    /// The text of a plain Value, empty when it was not seen.
    Text(String),
    /// What a Value with the option `List` collected.
    List(Vec<Item>),
}

impl Value {
    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
        }
    }
}

/// One item of a [`Value::List`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Item {
    /// The matched text.
    Text(String),
    /// The named groups inside the Value's own pattern, in the order they stand there.
    Groups(Vec<(String, Option<String>)>),
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Groups(groups) => {
                let mut map = serializer.serialize_map(Some(groups.len()))?;
                for (name, text) in groups {
                    map.serialize_entry(name, text)?;
                }
                map.end()
            }
        }
    }
}

impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Text(text) => Self::from(text.as_str()),
            Value::List(items) => items.iter().map(Self::from).collect(),
        }
    }
}

impl From<&Item> for serde_json::Value {
    fn from(item: &Item) -> Self {
        match item {
            Item::Text(text) => Self::from(text.as_str()),
            Item::Groups(groups) => {
                Self::Object(groups.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect())
            }
        }
    }
}

/// The records found in one output.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Parsed {
    /// The template that answered, as the index names it; several are joined by `:`.
    pub template: String,
    /// Where the template comes from: a directory, a wheel, or `built-in`.
    pub source: String,
    /// The names of the columns, lower-cased, in the order of the template.
    pub columns: Vec<String>,
    /// The records, each with one value per column. None means that the output holds no entries.
    pub records: Vec<Vec<Value>>,
}

impl Parsed {
    /// Whether the output was understood but holds no entries.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records as JSON objects, in column order, cut down to `fields` if given.
    ///
    /// # Errors
    ///
    /// A field that is not a column; the error names those there are.
    pub fn to_objects(
        &self,
        fields: Option<&[String]>,
    ) -> Result<Vec<Map<String, serde_json::Value>>, ParseError> {
        for field in fields.unwrap_or_default() {
            if !self.columns.contains(field) {
                return Err(ParseError::UnknownField {
                    template: self.template.clone(),
                    field: field.clone(),
                    valid: self.columns.clone(),
                });
            }
        }
        let wanted = |column: &String| fields.is_none_or(|fields| fields.contains(column));
        let object = |record: &Vec<Value>| {
            let pairs = self.columns.iter().zip(record).filter(|(column, _)| wanted(column));
            pairs.map(|(column, value)| (column.clone(), value.into())).collect()
        };
        Ok(self.records.iter().map(object).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed() -> Parsed {
        Parsed {
            template: "t".into(),
            source: "built-in".into(),
            columns: vec!["b".into(), "a".into()],
            records: vec![vec![
                Value::Text("1".into()),
                Value::List(vec![
                    Item::Text("x".into()),
                    Item::Groups(vec![("n".into(), Some("y".into())), ("m".into(), None)]),
                ]),
            ]],
        }
    }

    #[test]
    fn objects_keep_the_column_order() {
        let text = serde_json::to_string(&parsed().to_objects(None).unwrap()).unwrap();
        assert_eq!(text, r#"[{"b":"1","a":["x",{"n":"y","m":null}]}]"#);
    }

    #[test]
    fn both_ways_to_json_agree() {
        let parsed = parsed();
        for value in &parsed.records[0] {
            assert_eq!(serde_json::to_value(value).unwrap(), serde_json::Value::from(value));
        }
    }

    #[test]
    fn fields_cut_the_objects_down() {
        let objects = parsed().to_objects(Some(&["a".into()])).unwrap();
        assert_eq!(objects[0].keys().collect::<Vec<_>>(), ["a"]);
        assert!(parsed().to_objects(Some(&[])).unwrap()[0].is_empty());
    }

    #[test]
    fn an_unknown_field_names_those_there_are() {
        let error = parsed().to_objects(Some(&["c".into()])).unwrap_err();
        assert_eq!(error.to_string(), "no field `c` in the template `t`; its fields are b, a");
    }
}
