//! Use case: run one command on devices and return structured data, cut to what was asked for.
//!
//! `ask.rs` gets the answer of one device as records, as the device's own JSON, or as text; `body.rs`
//! puts the answers of all devices together; `pages.rs` keeps what did not fit.
//! **Invariant:** secrets and hostile characters are taken out before any condition, program or caller
//! sees a value, so that none of them can find out what was there.

mod ask;
mod body;
mod pages;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use self::ask::{Asked, Data};
use self::body::{Body, Kept};
pub(super) use self::pages::Pages;
use super::fan_out::{check_names, fan_out};
use super::outputs::{piece, shares};
use super::{Failure, OnProgress, Operations};
use crate::error::{ErrorCode, chain};
use crate::parse::ParseError;
use crate::parse::shape::{Condition, Table, numbers};
use crate::parse::textfsm::Template;

/// The most rows that one page may be asked for.
const MOST_ROWS: usize = 10_000;

/// The longest template that a call may bring, in bytes.
const INLINE_BYTES: usize = 64 << 10;

/// The most rules of a template that a call brings.
const INLINE_RULES: usize = 1000;

/// What to ask where, and what to make of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryRequest {
    /// Names of devices.
    pub devices: Vec<String>,
    /// The reading command.
    pub command: String,
    /// The only fields wanted, in this order; all where none is named.
    pub fields: Vec<String>,
    /// Conditions that a record must fit, as `mtu > 1500`; all of them.
    pub conditions: Vec<String>,
    /// A jq program over the records of all devices.
    pub select: Option<String>,
    /// What the answer looks like.
    pub format: Format,
    /// Whether values get types. Programs of `select` see types unless told otherwise.
    pub types: Option<bool>,
    /// The most rows of one page.
    pub limit: Option<usize>,
    /// Where to go on, from the page before.
    pub cursor: Option<String>,
    /// A TextFSM template to use instead of those in the catalogue.
    pub template: Option<String>,
}

impl QueryRequest {
    /// A program compares texts with numbers without a complaint, so it sees types.
    fn wants_types(&self) -> bool {
        self.types.unwrap_or_else(|| self.select.is_some())
    }
}

/// What an answer looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// Records by a template, else the device's JSON, else text; several devices in one table.
    #[default]
    Auto,
    /// Records of each device as objects.
    Records,
    /// Records of all devices in one table.
    Table,
    /// The device's own JSON, in plain form.
    Native,
    /// The device's own JSON, as it prints it.
    NativeAsIs,
}

impl Format {
    fn is_native(self) -> bool {
        matches!(self, Self::Native | Self::NativeAsIs)
    }
}

/// What became of a device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QueryStatus {
    /// The records are there.
    Parsed,
    /// The template understood the answer, and there is nothing in it.
    Empty,
    /// The device answered in JSON.
    Native,
    /// No template is known for this platform and command; the text is returned.
    NoTemplate,
    /// The device gives no JSON for this command; the text is returned.
    NoNative,
    /// The template does not fit the answer; the text is returned.
    ParseError,
    /// There was no answer.
    Failed,
}

/// What one device gave.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DeviceRecords {
    /// The device.
    pub device: String,
    /// What became of its answer.
    pub status: QueryStatus,
    /// The template that parsed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Where that template comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The records, where they are not in the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<Map<String, Value>>>,
    /// How many records it gave that fit the conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_records: Option<usize>,
    /// The device's own JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The text, where there are no records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Names the whole text for `read_output`, where only a part is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_id: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What the caller should know beside the records.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub notices: Vec<String>,
}

impl DeviceRecords {
    fn new(device: &str, status: QueryStatus) -> Self {
        Self {
            device: device.to_owned(),
            status,
            template: None,
            source: None,
            records: None,
            total_records: None,
            data: None,
            text: None,
            output_id: None,
            error: None,
            notices: Vec::new(),
        }
    }

    fn failed(device: &str, failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::new(device, QueryStatus::Failed) }
    }
}

/// The records of several devices, columns once.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RecordTable {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, one value per column.
    pub rows: Vec<Vec<Value>>,
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct QueryAnswer {
    /// One entry per device.
    pub devices: Vec<DeviceRecords>,
    /// The records of all devices, or what select gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<RecordTable>,
    /// What select gave, where that is no table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
    /// How many rows there are, where not all are here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// Repeat the call with this cursor for the next rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A request whose parts were checked before any device was asked.
#[derive(Debug)]
struct Prepared {
    request: QueryRequest,
    conditions: Vec<Condition>,
    inline: Option<Template>,
}

impl Operations {
    /// Queries devices. The error is about the request as a whole.
    pub async fn query_devices(
        self: &Arc<Self>,
        request: QueryRequest,
        cancel: &CancellationToken,
        on_progress: OnProgress<'_>,
    ) -> Result<QueryAnswer, Failure> {
        let names = check_names(&request.devices)?;
        let limit = request.limit.unwrap_or(MOST_ROWS);
        if !(1..=MOST_ROWS).contains(&limit) {
            let message = format!("limit is {limit}; it must be 1 to {MOST_ROWS}");
            return Err(Failure::new(ErrorCode::InvalidArgument, message));
        }
        if let Some(cursor) = &request.cursor {
            let (kept, offset) = self.pages.find(cursor, &request)?;
            return Ok(self.page(&kept, offset, limit));
        }
        let prepared = Arc::new(self.prepare(request)?);
        let work = |operations: Arc<Self>, name: String| {
            let (prepared, cancel) = (Arc::clone(&prepared), cancel.clone());
            async move { operations.ask_structured(&name, &prepared, &cancel).await }
        };
        let lost = |name: &str, failure: Failure| Asked::failed(name, failure);
        let asked = fan_out(self, names, on_progress, work, lost).await;
        // A program may run for a while, and must not when nobody waits for it any more.
        let kept = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                return Err(Failure::new(ErrorCode::Cancelled, "the call was cancelled"));
            }
            kept = self.put_together(&prepared, asked) => kept?,
        };
        Ok(self.page(&Arc::new(kept), 0, limit))
    }

    /// Reads conditions and template, so that what is wrong with them is told at once.
    fn prepare(&self, request: QueryRequest) -> Result<Prepared, Failure> {
        let wrong = |error: &ParseError| Failure::new(error.code(), self.show(&chain(error)));
        let conditions: Result<Vec<Condition>, ParseError> =
            request.conditions.iter().map(|text| Condition::read(text)).collect();
        let conditions = conditions.map_err(|error| wrong(&error))?;
        let inline = request.template.as_deref().map(|text| self.inline(text)).transpose()?;
        Ok(Prepared { request, conditions, inline })
    }

    /// Reads a template that a call brings, where the operator allows that.
    fn inline(&self, text: &str) -> Result<Template, Failure> {
        let refused = |message: String| Failure::new(ErrorCode::InvalidArgument, message);
        if !self.limits.allow_inline_templates {
            let message = "templates of callers are switched off";
            return Err(Failure::new(ErrorCode::PolicyDenied, message).hinting(
                "leave template out, or ask the operator for allow_inline in [templates] of the settings",
            ));
        }
        if text.len() > INLINE_BYTES {
            return Err(refused(format!("the template is longer than {INLINE_BYTES} bytes")));
        }
        let template = Template::read("inline", text)
            .map_err(|error| Failure::new(ErrorCode::InvalidArgument, self.show(&chain(&error))))?;
        if template.rules() > INLINE_RULES {
            return Err(refused(format!("the template has more than {INLINE_RULES} rules")));
        }
        Ok(template)
    }

    /// Makes one answer of those of all devices.
    async fn put_together(
        self: &Arc<Self>,
        prepared: &Prepared,
        asked: Vec<Asked>,
    ) -> Result<Kept, Failure> {
        let request = &prepared.request;
        let mut devices = Vec::with_capacity(asked.len());
        let mut tables = Vec::new();
        let mut natives = Vec::new();
        let mut silent = Vec::new();
        for Asked { mut entry, data } in asked {
            let at = devices.len();
            match data {
                Data::None => silent.push(entry.device.clone()),
                Data::Rows(table) => {
                    entry.total_records = Some(table.rows.len());
                    tables.push((at, table));
                }
                Data::Native(value) => natives.push((at, value)),
            }
            devices.push(entry);
        }
        if request.wants_types() {
            numbers(tables.iter_mut().map(|(_, table)| table));
        }
        let name = |devices: &[DeviceRecords], at: usize| {
            devices.get(at).map_or_else(String::new, |entry| entry.device.clone())
        };
        let body = if let Some(program) =
            request.select.as_deref().filter(|_| silent.len() < devices.len())
        {
            let mut input: Vec<Value> = Vec::new();
            for (at, table) in tables {
                let device = name(&devices, at);
                input.extend(with_device(table, &device).objects().map(Value::Object));
            }
            for (at, value) in natives {
                input.push(json!({ "device": name(&devices, at), "data": value }));
            }
            let values = self.selector.run(program, Value::Array(input)).await;
            let values = rows(values.map_err(|failure| without(failure, &silent))?);
            let as_table = request.format != Format::Records && !values.is_empty();
            match Table::of_objects(&values).filter(|_| as_table) {
                Some(table) => Body::Table(table),
                None => Body::Values(values),
            }
        } else {
            self.cut_natives(&mut devices, natives);
            let as_table = match request.format {
                Format::Table => true,
                Format::Auto => devices.len() > 1,
                _ => false,
            };
            if as_table {
                let named = tables.into_iter().map(|(at, table)| {
                    let device = name(&devices, at);
                    with_device(table, &device)
                });
                Body::Table(Table::join(named))
            } else {
                let rows = tables.iter().flat_map(|(at, table)| {
                    table.objects().map(|object| (*at, object)).collect::<Vec<_>>()
                });
                Body::Records(rows.collect())
            }
        };
        self.cut_texts(&mut devices);
        Ok(Kept::new(request, devices, body))
    }

    /// Gives each device its JSON, or names the whole of it where it is too long for one result.
    fn cut_natives(&self, devices: &mut [DeviceRecords], natives: Vec<(usize, Value)>) {
        let texts: Vec<String> = natives.iter().map(|(_, value)| value.to_string()).collect();
        let sizes: Vec<usize> = texts.iter().map(String::len).collect();
        let shares = shares(&sizes, self.limits.result_bytes.saturating_mul(2));
        for ((at, value), (text, share)) in natives.into_iter().zip(texts.iter().zip(shares)) {
            let Some(entry) = devices.get_mut(at) else { continue };
            if text.len() <= share {
                entry.data = Some(value);
                continue;
            }
            let whole = format!("{value:#}\n");
            let notice = format!(
                "the JSON has {} bytes and does not fit; narrow the command, use select, or \
                 read_output with this output_id",
                text.len()
            );
            entry.notices.push(notice);
            entry.output_id = Some(self.outputs.keep(&whole));
        }
    }

    /// Leaves out what does not fit of texts, and names the whole.
    fn cut_texts(&self, devices: &mut [DeviceRecords]) {
        let sizes = devices.iter().map(|device| device.text.as_ref().map_or(0, String::len));
        let sizes: Vec<usize> = sizes.collect();
        let shares = shares(&sizes, self.limits.result_bytes);
        for (device, share) in devices.iter_mut().zip(shares) {
            let Some(text) = &mut device.text else { continue };
            let shown = piece(text, 0, share).filter(|part| part.next.is_some());
            if let Some(shown) = shown.map(|part| part.text.to_owned()) {
                device.output_id = Some(self.outputs.keep(text));
                *text = shown;
                let notice = "the text was cut; read_output with this output_id has all of it";
                device.notices.push(notice.to_owned());
            }
        }
    }

    /// Cuts the rows from an offset on to one page.
    fn page(&self, kept: &Arc<Kept>, offset: usize, limit: usize) -> QueryAnswer {
        // Records are denser than text, and half of them is worth less than half a text.
        let (mut answer, next) =
            kept.page(offset, limit, self.limits.result_bytes.saturating_mul(2));
        answer.next_cursor = next.map(|next| self.pages.keep(kept, offset, next));
        answer
    }
}

/// What a program gave as rows: one array of objects, as `map` and `sort_by` give it, is as good as
/// its items, and can be cut into pages only so.
fn rows(mut values: Vec<Value>) -> Vec<Value> {
    match values.as_mut_slice() {
        [Value::Array(items)] if !items.is_empty() && items.iter().all(Value::is_object) => {
            std::mem::take(items)
        }
        _ => values,
    }
}

/// Says whose records a program that failed did not see: it may have failed for that.
fn without(failure: Failure, silent: &[String]) -> Failure {
    let Some(first) = silent.first() else { return failure };
    let others = silent.len().saturating_sub(1);
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    let hint = format!(
        "{}; there was nothing from {first}{others}: call without select to see why",
        failure.hint
    );
    failure.hinting(hint)
}

/// A table with the device's name in front of each row. A column of that name would be the device's own.
fn with_device(mut table: Table, device: &str) -> Table {
    for column in table.columns.iter_mut().filter(|column| *column == "device") {
        column.insert_str(0, "own_");
    }
    table.columns.insert(0, "device".to_owned());
    for row in &mut table.rows {
        row.insert(0, Value::from(device));
    }
    table
}
