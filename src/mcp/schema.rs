//! JSON schemas that clients understand: no `$schema`, no `$ref`, no null unions.
//!
//! Several clients garble references and unions at the root, so schemas are flattened as far as
//! they can be without losing meaning.

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

/// Builds the slim schema of a type.
pub(super) fn slim<T: JsonSchema>() -> Arc<JsonObject> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    let mut root = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(slim_one).transform(&mut root);
    root.remove("description");
    match Value::from(root) {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}

/// Builds the slim schema of what a tool returns. A call that fails as a whole returns `errors` and
/// nothing else, and clients check that against the same schema; so nothing is required.
pub(super) fn answer<T: JsonSchema>() -> Arc<JsonObject> {
    let mut schema = Arc::unwrap_or_clone(slim::<T>());
    schema.remove("required");
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("errors".to_owned(), json!({ "type": "array" }));
    }
    Arc::new(schema)
}

fn slim_one(schema: &mut Schema) {
    for key in ["format", "title"] {
        schema.remove(key);
    }
    // An array of anything; validators of clients refuse a bare `true` where a schema belongs.
    if schema.get("items") == Some(&Value::Bool(true)) {
        schema.remove("items");
    }
    let list = |schema: &Schema, key: &str| {
        schema.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let [kind, null] = list(schema, "type").as_slice()
        && null == "null"
    {
        schema.insert("type".into(), kind.clone());
    }
    if let [Value::Object(inner), null] = list(schema, "anyOf").as_slice()
        && null.get("type").is_some_and(|kind| kind == "null")
    {
        schema.remove("anyOf");
        for (key, value) in inner {
            if schema.get(key).is_none() {
                schema.insert(key.clone(), value.clone());
            }
        }
    }
    let choices = list(schema, "oneOf");
    let words: Vec<Value> = choices.iter().filter_map(|c| c.get("const").cloned()).collect();
    if !choices.is_empty() && words.len() == choices.len() {
        schema.remove("oneOf");
        schema.insert("type".into(), json!("string"));
        schema.insert("enum".into(), Value::Array(words));
    }
}
