//! One device's records on their way to a caller: without secrets, filtered, and cut to what was asked.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value};

use super::ask::{Asked, Data};
use super::{DEVICE, DeviceRecords, Prepared, QueryStatus};
use crate::error::{ErrorCode, chain};
use crate::operations::{Failure, Operations};
use crate::parse::shape::{Condition, InterfaceNames, Table, normalise};
use crate::parse::{ParseError, Parsed};
use crate::platform::Platform;
use crate::redact::{Hidden, clean};

/// The most values of all devices of one call that are held at the same time. A value takes about a
/// hundred bytes.
const MOST_VALUES: usize = 3_000_000;

impl Operations {
    /// Makes a parsed answer fit to be shown, or says why it could not be parsed.
    pub(super) fn entry(
        &self,
        name: &str,
        platform: &Platform,
        prepared: &Prepared,
        parsed: Result<Parsed, Option<ParseError>>,
        text: &str,
    ) -> Asked {
        let request = &prepared.request;
        let mut notices = Vec::new();
        let hidden = self.redactor.hidden(text);
        let source = Source { name, platform, hidden: &hidden };
        let shaped = parsed.and_then(|parsed| {
            let table = self.shape(&source, prepared, &parsed, &mut notices).map_err(Some)?;
            Ok((parsed, table))
        });
        match shaped {
            Ok((_, table)) if !prepared.has_room_for(&table) => {
                let message = format!(
                    "the records of all devices together have more than {MOST_VALUES} values"
                );
                let failure = Failure::new(ErrorCode::OutputTooLarge, message);
                Asked::failed(
                    name,
                    failure
                        .on(name)
                        .hinting("ask fewer devices at once, name fields, or use where"),
                )
            }
            Ok((parsed, table)) => {
                let is_empty = parsed.records.is_empty();
                let status = if is_empty { QueryStatus::Empty } else { QueryStatus::Parsed };
                let entry = DeviceRecords {
                    template: Some(parsed.template),
                    source: Some(parsed.source),
                    notices: notices.iter().map(|notice| self.show_line(notice)).collect(),
                    ..DeviceRecords::new(name, status)
                };
                Asked { entry, data: Data::Rows(table) }
            }
            Err(reason) => {
                let status = match &reason {
                    None => QueryStatus::NoNative,
                    Some(ParseError::TemplateNotFound { .. }) => QueryStatus::NoTemplate,
                    Some(ParseError::UnknownField { .. }) => QueryStatus::UnknownField,
                    Some(_) => QueryStatus::ParseError,
                };
                let error = reason.map(|mut error| {
                    withhold(&mut error, &hidden);
                    Failure::new(error.code(), self.show(&chain(&error)))
                        .on(name)
                        .with_command(self.show_line(&request.command))
                });
                let text = (!status.is_failure()).then(|| self.show(text));
                let entry = DeviceRecords { text, error, ..DeviceRecords::new(name, status) };
                Asked { entry, data: Data::None }
            }
        }
    }

    /// The records without secrets that fit the conditions, cut to the fields.
    fn shape(
        &self,
        source: &Source<'_>,
        prepared: &Prepared,
        parsed: &Parsed,
        notices: &mut Vec<String>,
    ) -> Result<Table, ParseError> {
        let request = &prepared.request;
        let unknown = |field: &str| ParseError::UnknownField {
            template: parsed.template.clone(),
            field: field.to_owned(),
            valid: parsed.columns.clone(),
        };
        let is_column = |field: &str| parsed.columns.iter().any(|column| column == field);
        // Every record has its device, though no template gives it.
        let (of_device, conditions): (Vec<&Condition>, Vec<&Condition>) =
            prepared.conditions.iter().partition(|c| c.column() == DEVICE && !is_column(DEVICE));
        if let Some(condition) = conditions.iter().find(|c| !is_column(c.column())) {
            return Err(unknown(condition.column()));
        }
        // A field that this platform's template lacks is left out, unless nothing would be left.
        let (known, lacking): (Vec<String>, Vec<String>) =
            request.fields.iter().cloned().partition(|field| is_column(field));
        if let (true, Some(field)) = (known.is_empty(), lacking.first()) {
            return Err(unknown(field));
        }
        if !lacking.is_empty() {
            let (lacking, columns) = (lacking.join(", "), parsed.columns.join(", "));
            notices.push(format!("no field {lacking} in {}; it has {columns}", parsed.template));
        }
        let names = InterfaceNames::new(&source.platform.interface_names);
        let mut table = self.cleaned(parsed, source.hidden);
        let name = Value::from(source.name);
        if !of_device.iter().all(|condition| condition.holds(&name, &names)) {
            table.rows.clear();
        }
        table.retain(&conditions, &names);
        if request.wants_types() {
            normalise(&mut table, &names);
        }
        if !known.is_empty() {
            table.keep_columns(&known);
        }
        Ok(table)
    }

    /// The records as a table, without secrets and hostile characters.
    fn cleaned(&self, parsed: &Parsed, hidden: &Hidden) -> Table {
        let mut table = Table::from(parsed);
        for row in &mut table.rows {
            for (column, value) in table.columns.iter().zip(row) {
                // The name of a field tells whether it holds a secret, so each is looked at with it.
                let mut field = Value::Object(Map::from_iter([(column.clone(), value.take())]));
                self.redactor.redact_json(&mut field);
                self.redactor.hide(hidden, &mut field);
                clean_strings(&mut field);
                if let Value::Object(field) = field {
                    *value = field.into_iter().next().map(|(_, value)| value).unwrap_or_default();
                }
            }
        }
        table
    }
}

/// Where an answer comes from.
struct Source<'a> {
    name: &'a str,
    platform: &'a Platform,
    /// What was taken out of the whole text.
    hidden: &'a Hidden,
}

impl Prepared {
    /// Takes a table into account that is going to be held.
    fn has_room_for(&self, table: &Table) -> bool {
        let values = table.rows.len().saturating_mul(table.columns.len());
        let before = self.values.fetch_add(values, Ordering::Relaxed);
        before.saturating_add(values) <= MOST_VALUES
    }
}

/// Takes the line that an error quotes out of it, if it holds what was hidden in the whole text: a line
/// alone may not show that it is part of a key.
fn withhold(error: &mut ParseError, hidden: &Hidden) {
    if let ParseError::Refused { input, .. } | ParseError::Undecided { input, .. } = error
        && hidden.is_in(input)
    {
        "a line with a secret".clone_into(input);
    }
}

/// Makes hostile characters of every string and every key visible.
pub(super) fn clean_strings(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(cleaned) = clean(text) {
                *text = cleaned;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean_strings),
        Value::Object(fields) => {
            fields.values_mut().for_each(clean_strings);
            if fields.keys().any(|key| matches!(clean(key), Cow::Owned(_))) {
                let named = std::mem::take(fields).into_iter();
                *fields = named.map(|(key, value)| (clean(&key).into_owned(), value)).collect();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_are_shown_wherever_they_stand() {
        let mut value =
            serde_json::json!({ "a\u{1b}[2J": ["\u{202e}x", { "b": "c\u{7}" }], "d": 1 });
        clean_strings(&mut value);
        let text = value.to_string();
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text}");
        assert_eq!(value["d"], 1);
    }
}
