//! Use case: run one command on devices and return structured data, cut to what was asked for.
//!
//! `ask.rs` gets the answer of one device as records, as the device's own JSON, or as text;
//! `records.rs` cuts its records to what was asked; `gather.rs` puts the answers of all devices together; `body.rs` cuts them into pages, which `pages.rs` keeps.
//! **Invariant:** secrets and hostile characters are taken out before any condition, program or caller
//! sees a value, so that none of them can find out what was there.

mod ask;
mod body;
mod gather;
mod pages;
mod records;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use self::ask::Asked;
use self::body::Kept;
pub(super) use self::pages::Pages;
use super::fan_out::{check_names, fan_out};
use super::{Failure, OnProgress, Operations};
use crate::caller::Caller;
use crate::error::{ErrorCode, chain};
use crate::parse::ParseError;
use crate::parse::shape::Condition;
use crate::parse::textfsm::Template;

/// The most rows that one page may be asked for.
const MOST_ROWS: usize = 10_000;

/// The most conditions of one call. Each may hold a pattern that takes memory of its own.
const MOST_CONDITIONS: usize = 20;

/// The most fields that one call may name.
const MOST_FIELDS: usize = 200;

/// The longest template that a call may bring, in bytes.
const INLINE_BYTES: usize = 64 << 10;

/// The most rules of a template that a call brings.
const INLINE_RULES: usize = 100;

/// The field that says where a record comes from, beside those of its template.
const DEVICE: &str = "device";

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
    /// A field that was asked for does not exist; the error names those that do.
    UnknownField,
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

impl QueryStatus {
    /// Whether nothing came of the question.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::UnknownField)
    }
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
    /// Devices with records in the table and nothing to remark, where there are too many to list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Vec<TemplateUse>>,
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
    /// With fields in lower case and without [`DEVICE`], which every record has anyway.
    request: QueryRequest,
    conditions: Vec<Condition>,
    inline: Option<Template>,
    /// How many values of all devices together are held so far.
    values: AtomicUsize,
}

/// Devices that gave records and nothing to remark, counted instead of listed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TemplateUse {
    /// The template that parsed them.
    pub template: String,
    /// Where it comes from.
    pub source: String,
    /// How many devices.
    pub devices: usize,
}

impl QueryAnswer {
    /// Whether nothing came of the question, as far as this page tells.
    pub fn is_failure(&self) -> bool {
        self.unlisted.is_none()
            && !self.devices.is_empty()
            && self.devices.iter().all(|device| device.status.is_failure())
    }
}

impl Operations {
    /// Queries devices. The error is about the request as a whole.
    pub async fn query_devices(
        self: &Arc<Self>,
        caller: &Caller,
        request: QueryRequest,
        cancel: &CancellationToken,
        on_progress: OnProgress<'_>,
    ) -> Result<QueryAnswer, Failure> {
        let names = check_names(&request.devices)?;
        let limit = request.limit.unwrap_or(MOST_ROWS);
        in_range("limit", limit, 1, MOST_ROWS)?;
        in_range("the number of conditions", request.conditions.len(), 0, MOST_CONDITIONS)?;
        in_range("the number of fields", request.fields.len(), 0, MOST_FIELDS)?;
        if let Some(cursor) = &request.cursor {
            let (kept, offset) = self.pages.find(caller, cursor, &request)?;
            return Ok(self.page(caller, &kept, offset, limit));
        }
        let asked_for = request.clone();
        let prepared = Arc::new(self.prepare(request)?);
        // A mistake in a program must not cost a login on each device.
        if let Some(program) = &prepared.request.select {
            self.programs.check(program).await.map_err(|failure| self.cleaned_failure(failure))?;
        }
        let work = |operations: Arc<Self>, name: String| {
            let (prepared, cancel) = (Arc::clone(&prepared), cancel.clone());
            async move { operations.ask_structured(&name, &prepared, &cancel).await }
        };
        let lost = |name: &str, failure: Failure| Asked::failed(name, failure);
        let asked = fan_out(self, names, on_progress, work, lost).await;
        // A program may run for a while, and must not when nobody waits for it any more.
        let (devices, body) = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                return Err(Failure::new(ErrorCode::Cancelled, "the call was cancelled"));
            }
            together = self.put_together(caller, &prepared, asked) => together?,
        };
        let kept = Arc::new(Kept::new(&asked_for, devices, body));
        Ok(self.page(caller, &kept, 0, limit))
    }

    /// Reads conditions and template, so that what is wrong with them is told at once.
    fn prepare(&self, mut request: QueryRequest) -> Result<Prepared, Failure> {
        let wrong = |error: &ParseError| Failure::new(error.code(), self.show(&chain(error)));
        let conditions: Result<Vec<Condition>, ParseError> =
            request.conditions.iter().map(|text| Condition::read(text)).collect();
        let conditions = conditions.map_err(|error| wrong(&error))?;
        let inline = request.template.as_deref().map(|text| self.inline(text)).transpose()?;
        for field in &mut request.fields {
            *field = field.to_lowercase();
        }
        let named = request.fields.len();
        request.fields.retain(|field| field != DEVICE);
        if request.fields.is_empty() && named > 0 {
            let message = "device alone is no field to ask for; name one of the records too";
            return Err(Failure::new(ErrorCode::InvalidArgument, message));
        }
        Ok(Prepared { request, conditions, inline, values: AtomicUsize::new(0) })
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
        let template =
            Template::read("inline", text).map_err(|error| refused(self.show(&chain(&error))))?;
        if template.rules() > INLINE_RULES {
            return Err(refused(format!("the template has more than {INLINE_RULES} rules")));
        }
        Ok(template)
    }

    /// Makes what a program says of itself fit to be shown: it may quote records, or make up text.
    fn cleaned_failure(&self, failure: Failure) -> Failure {
        Failure { message: self.show(&failure.message), ..failure }
    }

    /// Cuts the rows from an offset on to one page.
    fn page(&self, caller: &Caller, kept: &Arc<Kept>, offset: usize, limit: usize) -> QueryAnswer {
        // Records are denser than text, and half of them is worth less than half a text.
        let bytes = self.limits.result_bytes.saturating_mul(2);
        let (mut answer, next) = kept.page(offset, limit, bytes);
        answer.next_cursor = next.map(|next| self.pages.keep(caller, kept, next));
        answer
    }
}

fn in_range(what: &str, value: usize, least: usize, most: usize) -> Result<(), Failure> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let message = format!("{what} is {value}; it must be {least} to {most}");
    Err(Failure::new(ErrorCode::InvalidArgument, message))
}
