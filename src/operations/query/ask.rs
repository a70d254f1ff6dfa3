//! One device's answer as records, as the device's own JSON, or as text where neither is to be had.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{DEVICE, DeviceRecords, Format, Prepared, QueryStatus};
use crate::error::{ErrorCode, chain};
use crate::inventory::Device;
use crate::operations::{Failure, Operations, PARSING_AT_ONCE};
use crate::parse::catalogue::Found;
use crate::parse::native::{self, Wrapping};
use crate::parse::shape::{Condition, InterfaceNames, Table, normalise};
use crate::parse::textfsm::limits::Budget;
use crate::parse::{ParseError, Parsed};
use crate::platform::{Platform, Structured};
use crate::pool::Lease;
use crate::redact::{Hidden, clean};
use crate::session::Output;

/// How long a template that a call brought may run.
const INLINE_TIME: Duration = Duration::from_secs(5);

/// The most records that such a template may give.
const INLINE_RECORDS: usize = 50_000;

/// The most values of all devices of one call that are held at the same time. A value takes about a
/// hundred bytes.
const MOST_VALUES: usize = 3_000_000;

/// What one device gave, before it is put together with the others.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) entry: DeviceRecords,
    pub(super) data: Data,
}

/// The structured part of an answer.
#[derive(Debug)]
pub(super) enum Data {
    None,
    Rows(Table),
    Native(Value),
}

impl Asked {
    pub(super) fn failed(device: &str, failure: Failure) -> Self {
        Self { entry: DeviceRecords::failed(device, failure), data: Data::None }
    }
}

/// A way to get something structured out of a device.
#[derive(Debug)]
enum Way {
    /// By a template of the catalogue.
    Template(Found),
    /// By the template that the call brought.
    Inline,
    /// By asking for JSON with this command.
    Native(String),
    /// Not at all, for this reason if there is one.
    Text(Option<ParseError>),
}

impl Operations {
    pub(super) async fn ask_structured(
        self: Arc<Self>,
        name: &str,
        prepared: &Arc<Prepared>,
        cancel: &CancellationToken,
    ) -> Asked {
        let device = match self.located(name, cancel).await {
            Ok(device) => device,
            Err(failure) => return Asked::failed(name, failure),
        };
        let platform = match self.platform(&device) {
            Ok(platform) => platform,
            Err(failure) => return Asked::failed(name, failure),
        };
        // What the caller asked for is judged first, whatever it will be asked as.
        if let Err(failure) = self.judge(&device, &prepared.request.command) {
            return Asked::failed(name, failure);
        }
        let mut lease = match self.lease_for_reading(&device, cancel).await {
            Ok(lease) => lease,
            Err(failure) => return Asked::failed(name, failure),
        };
        let fingerprint = lease.new_host_key().map(str::to_owned);
        // The first question reads an index.
        let ways = {
            let (operations, platform, prepared) =
                (Arc::clone(&self), Arc::clone(&platform), Arc::clone(prepared));
            tokio::task::spawn_blocking(move || operations.ways(&platform, &prepared)).await
        };
        let Ok(ways) = ways else { return Asked::failed(name, internal(name)) };
        let mut asked = self.try_ways(&device, &platform, prepared, ways, &mut lease, cancel).await;
        self.pool.give_back(lease).await;
        if let Some(fingerprint) = fingerprint {
            let notice = format!("first contact: host key recorded, {fingerprint}");
            asked.entry.notices.push(notice);
        }
        asked
    }

    /// The ways to try, in this order. The last one always ends it.
    fn ways(&self, platform: &Platform, prepared: &Prepared) -> Vec<Way> {
        let request = &prepared.request;
        if prepared.inline.is_some() {
            return vec![Way::Inline];
        }
        let structured = platform.structured.as_ref();
        let native = structured.and_then(|structured| json_command(&request.command, structured));
        // A command that asks for JSON by itself needs no template, and must not be taken for the
        // command without that.
        let is_json = native.as_ref().is_some_and(|native| same_words(native, &request.command));
        match native {
            Some(native) if request.format.is_native() || is_json => {
                vec![Way::Native(native), Way::Text(None)]
            }
            None if request.format.is_native() => vec![Way::Text(None)],
            native => match self.catalogue.find(&platform.template_names(), &request.command) {
                Ok(found) => vec![Way::Template(found)],
                Err(error @ ParseError::TemplateNotFound { .. }) => {
                    let native = native.filter(|_| request.format == Format::Auto);
                    native.map(Way::Native).into_iter().chain([Way::Text(Some(error))]).collect()
                }
                Err(error) => vec![Way::Text(Some(error))],
            },
        }
    }

    async fn try_ways(
        self: &Arc<Self>,
        device: &Device,
        platform: &Arc<Platform>,
        prepared: &Arc<Prepared>,
        ways: Vec<Way>,
        lease: &mut Lease,
        cancel: &CancellationToken,
    ) -> Asked {
        let mut notices: Vec<String> = Vec::new();
        let mut refused = None;
        for way in ways {
            let command = match &way {
                Way::Native(command) => command.as_str(),
                _ => prepared.request.command.as_str(),
            };
            let output = match self.judge(device, command) {
                Ok(permitted) => self.ask(device, lease, &permitted, cancel).await,
                Err(failure) => Err(failure),
            };
            let answered = match (way, output) {
                (Way::Native(_), Ok(output)) if output.is_cut() => {
                    let message = format!(
                        "the device sent {} bytes of JSON, of which only the first {} were kept",
                        output.total_bytes,
                        output.text.len()
                    );
                    let failure = Failure::new(ErrorCode::OutputTooLarge, message);
                    Ok(Asked::failed(device.name.as_str(), failure.on(device.name.as_str())))
                }
                (Way::Native(asked), Ok(output)) => {
                    match self.native(device, platform, prepared, output).await {
                        Ok(native) => Ok(native),
                        // The text is the answer to what the caller asked; asking again gives no
                        // other.
                        Err(output) if same_words(&asked, &prepared.request.command) => {
                            let way = Way::Text(None);
                            Ok(self.parsed(device, platform, prepared, way, output).await)
                        }
                        Err(_) => Err("it answered in text".to_owned()),
                    }
                }
                // An old version refuses to answer in JSON and answers in text.
                (Way::Native(asked), Err(failure))
                    if is_refusal(failure.code)
                        && !same_words(&asked, &prepared.request.command) =>
                {
                    Err(failure.message)
                }
                (_, Err(failure)) => Ok(Asked::failed(device.name.as_str(), failure)),
                (way, Ok(output)) => Ok(self.parsed(device, platform, prepared, way, output).await),
            };
            match answered {
                Ok(mut asked) => {
                    asked.entry.notices.splice(0..0, notices);
                    return asked;
                }
                Err(reason) => {
                    notices.push(format!("the device gives no JSON for this command: {reason}"));
                    refused = Some(reason);
                }
            }
        }
        let message = refused.unwrap_or_else(|| "there is no way to ask".to_owned());
        let failure = Failure::new(ErrorCode::Internal, message).on(device.name.as_str());
        Asked::failed(device.name.as_str(), failure)
    }

    /// Reads a device's own JSON and makes it fit to be shown. Gives back what is none.
    async fn native(
        self: &Arc<Self>,
        device: &Device,
        platform: &Arc<Platform>,
        prepared: &Arc<Prepared>,
        output: Output,
    ) -> Result<Asked, Output> {
        let name = device.name.to_string();
        let work = {
            let (operations, platform, prepared, name) =
                (Arc::clone(self), Arc::clone(platform), Arc::clone(prepared), name.clone());
            move || match native::read(&output.text) {
                Some(value) => Ok(operations.native_entry(&name, &platform, &prepared, value)),
                None => Err(output),
            }
        };
        let place = self.parsing.acquire().await;
        let done = tokio::task::spawn_blocking(work).await;
        drop(place);
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "reading JSON ended without a result");
            Ok(Asked::failed(&name, internal(&name)))
        })
    }

    fn native_entry(
        &self,
        name: &str,
        platform: &Platform,
        prepared: &Prepared,
        value: Value,
    ) -> Asked {
        let request = &prepared.request;
        let wrapping = match (&platform.structured, request.format) {
            (_, Format::NativeAsIs) | (None, _) => Wrapping::default(),
            (Some(structured), _) => {
                Wrapping { leaf: structured.leaf.as_deref(), row: structured.row.as_deref() }
            }
        };
        let mut value = native::unwrap(value, wrapping);
        self.redactor.redact_json(&mut value);
        clean_strings(&mut value);
        let mut entry = DeviceRecords::new(name, QueryStatus::Native);
        if !request.fields.is_empty() || !request.conditions.is_empty() {
            let notice = "fields and where are for records; use select on the device's own JSON";
            entry.notices.push(notice.to_owned());
        }
        Asked { entry, data: Data::Native(value) }
    }

    /// Parses an answer, or returns it as text.
    async fn parsed(
        self: &Arc<Self>,
        device: &Device,
        platform: &Arc<Platform>,
        prepared: &Arc<Prepared>,
        way: Way,
        output: Output,
    ) -> Asked {
        let name = device.name.to_string();
        let cut = output.is_cut().then(|| {
            let (sent, kept) = (output.total_bytes, output.text.len());
            format!("the device sent {sent} bytes; only the first {kept} were parsed")
        });
        let is_inline = matches!(way, Way::Inline);
        // Records take many times the memory of the text; templates of callers come one at a time.
        let permits = if is_inline { PARSING_AT_ONCE } else { 1 };
        let place = self.parsing.acquire_many(permits).await;
        let stop = Arc::new(AtomicBool::new(false));
        // Parsing a large answer takes a while and must not hold up other devices.
        let mut task = {
            let (operations, prepared) = (Arc::clone(self), Arc::clone(prepared));
            let (platform, name, stop) = (Arc::clone(platform), name.clone(), Arc::clone(&stop));
            tokio::task::spawn_blocking(move || {
                let parsed = operations.parse(way, &prepared, &output.text, &stop);
                operations.entry(&name, &platform, &prepared, parsed, &output.text)
            })
        };
        let done = if is_inline {
            if let Ok(done) = tokio::time::timeout(INLINE_TIME, &mut task).await {
                done
            } else {
                // The engine looks at this every few rules.
                stop.store(true, Ordering::Relaxed);
                task.await
            }
        } else {
            task.await
        };
        drop(place);
        match done {
            Ok(mut asked) => {
                asked.entry.notices.extend(cut);
                asked
            }
            Err(error) => {
                tracing::error!(%error, "parsing ended without a result");
                Asked::failed(&name, internal(&name))
            }
        }
    }

    fn parse(
        &self,
        way: Way,
        prepared: &Prepared,
        text: &str,
        stop: &AtomicBool,
    ) -> Result<Parsed, Option<ParseError>> {
        match (way, &prepared.inline) {
            (Way::Inline, Some(template)) => {
                let budget = Budget {
                    records: INLINE_RECORDS,
                    stop: &|| stop.load(Ordering::Relaxed),
                    ..Budget::default()
                };
                // The caller decides what becomes a field, so nothing that is a secret may be there.
                let text = self.redactor.redact(text);
                let records = template.run_within(&text, &budget).map_err(Some)?;
                let columns = template.columns().map(str::to_lowercase).collect();
                let (template, source) = (template.name().to_owned(), "call".to_owned());
                Ok(Parsed { template, source, columns, records })
            }
            (Way::Template(found), _) => self.catalogue.parse_with(&found, text).map_err(Some),
            (Way::Text(reason), _) => Err(reason),
            (Way::Inline | Way::Native(_), _) => Err(None),
        }
    }

    fn entry(
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

fn internal(name: &str) -> Failure {
    Failure::new(ErrorCode::Internal, "parsing failed").on(name)
}

/// Whether a device, or the gate for it, does not take a command at all.
fn is_refusal(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::CommandRejected | ErrorCode::PolicyDenied)
}

/// The command that asks for the same in JSON. None where the command goes on after a pipe, so that
/// nothing can stand behind it; only the filter that switches paging off may go.
fn json_command(command: &str, structured: &Structured) -> Option<String> {
    let suffix = structured.suffix.trim();
    let apart = command.replace('|', " | ");
    let words: Vec<&str> = apart.split_whitespace().collect();
    let suffix_words: Vec<&str> = suffix.split_whitespace().collect();
    if words.ends_with(&suffix_words) {
        return Some(command.to_owned());
    }
    let words = words.strip_suffix(&["|", "no-more"]).unwrap_or(&words);
    (!words.contains(&"|") && !words.is_empty()).then(|| format!("{} {suffix}", words.join(" ")))
}

fn same_words(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
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

    fn check(suffix: &str, command: &str, expected: Option<&str>) {
        let structured = Structured { suffix: suffix.to_owned(), leaf: None, row: None };
        assert_eq!(json_command(command, &structured).as_deref(), expected, "{command}");
    }

    #[test]
    fn hostile_characters_are_shown_wherever_they_stand() {
        let mut value =
            serde_json::json!({ "a\u{1b}[2J": ["\u{202e}x", { "b": "c\u{7}" }], "d": 1 });
        clean_strings(&mut value);
        let text = value.to_string();
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text}");
        assert_eq!(value["d"], 1);
    }

    #[test]
    fn json_is_asked_for_behind_the_command() {
        check("| json", "show version", Some("show version | json"));
        check("| json", "show  version |  json", Some("show  version |  json"));
        check("| json", "show version|json", Some("show version|json"));
        check("| json", "show version | include x", None);
        check("| display json", "show version | no-more", Some("show version | display json"));
        check("json", "show ip route", Some("show ip route json"));
        check("json", "show ip route json", Some("show ip route json"));
        check("json", "show ip route | include x", None);
        check("json", "  ", None);
    }
}
