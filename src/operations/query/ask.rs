//! One device's answer as records, as the device's own JSON, or as text where neither is to be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::records::clean_strings;
use super::{DeviceRecords, Format, Prepared, QueryStatus};
use crate::error::ErrorCode;
use crate::inventory::Device;
use crate::operations::{Failure, Operations, PARSING_AT_ONCE};
use crate::parse::catalogue::{Found, lower_cased};
use crate::parse::native::{self, Wrapping};
use crate::parse::shape::Table;
use crate::parse::textfsm::limits::Budget;
use crate::parse::{ParseError, Parsed};
use crate::platform::{Platform, Structured};
use crate::pool::Lease;
use crate::session::Output;

/// How long a template that a call brought may run.
const INLINE_TIME: Duration = Duration::from_secs(5);

/// The most records that such a template may give.
const INLINE_RECORDS: usize = 50_000;

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
                let columns = lower_cased(template.columns());
                let (template, source) = (template.name().to_owned(), "call".to_owned());
                Ok(Parsed { template, source, columns, records })
            }
            (Way::Template(found), _) => self.catalogue.parse_with(&found, text).map_err(Some),
            (Way::Text(reason), _) => Err(reason),
            (Way::Inline | Way::Native(_), _) => Err(None),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(suffix: &str, command: &str, expected: Option<&str>) {
        let structured = Structured { suffix: suffix.to_owned(), leaf: None, row: None };
        assert_eq!(json_command(command, &structured).as_deref(), expected, "{command}");
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
