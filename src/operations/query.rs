//! Use case: run one command on devices and return records.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::fan_out::{check_names, fan_out};
use super::outputs::{piece, shares};
use super::{Failure, OnProgress, Operations};
use crate::error::{ErrorCode, chain};
use crate::parse::{ParseError, Parsed};
use crate::redact::clean;

/// What to ask where.
#[derive(Debug, Clone)]
pub struct QueryRequest {
    /// Names of devices.
    pub devices: Vec<String>,
    /// The reading command.
    pub command: String,
    /// The only fields wanted; all where none is named.
    pub fields: Vec<String>,
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
    /// No template is known for this platform and command; the text is returned.
    NoTemplate,
    /// The template does not fit the answer; the text is returned.
    ParseError,
    /// There was no answer.
    Failed,
}

/// The records of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeviceRecords {
    /// The device.
    pub device: String,
    /// What became of its answer.
    pub status: QueryStatus,
    /// The template that parsed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The records; every value is the text the device sent.
    pub records: Vec<Map<String, Value>>,
    /// How many records there are, where not all of them fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_records: Option<usize>,
    /// The text, where it could not be parsed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
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
            records: Vec::new(),
            total_records: None,
            text: None,
            error: None,
            notices: Vec::new(),
        }
    }

    fn failed(device: &str, failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::new(device, QueryStatus::Failed) }
    }
}

impl Operations {
    /// Queries devices. The error is about the request as a whole.
    pub async fn query_devices(
        self: &Arc<Self>,
        request: QueryRequest,
        cancel: &CancellationToken,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<DeviceRecords>, Failure> {
        let names = check_names(&request.devices)?;
        let request = Arc::new(request);
        let work = |operations: Arc<Self>, name: String| {
            let (request, cancel) = (Arc::clone(&request), cancel.clone());
            async move { operations.query(&name, &request, &cancel).await }
        };
        let lost = |name: &str, failure: Failure| DeviceRecords::failed(name, failure);
        let mut devices = fan_out(self, names, on_progress, work, lost).await;
        self.cut_records(&mut devices);
        Ok(devices)
    }

    /// Leaves out what does not fit into one result, and says so.
    fn cut_records(&self, devices: &mut [DeviceRecords]) {
        // Records are denser than text, and half of them is worth less than half a text.
        let total = self.limits.result_bytes.saturating_mul(2);
        let size = |record: &Map<String, Value>| {
            serde_json::to_string(record).map_or(0, |text| text.len().saturating_add(1))
        };
        let whole = |device: &DeviceRecords| {
            let records: usize = device.records.iter().map(size).sum();
            records.saturating_add(device.text.as_ref().map_or(0, String::len))
        };
        let sizes: Vec<usize> = devices.iter().map(whole).collect();
        for (device, share) in devices.iter_mut().zip(shares(&sizes, total)) {
            if let Some(text) = &mut device.text {
                let shown = piece(text, 0, share).filter(|part| part.next.is_some());
                if let Some(shown) = shown.map(|part| part.text.to_owned()) {
                    *text = shown;
                    device
                        .notices
                        .push("the text was cut; use run_commands for all of it".to_owned());
                }
                continue;
            }
            let mut used: usize = 0;
            let fits = |record: &&Map<String, Value>| {
                used = used.saturating_add(size(record));
                used <= share
            };
            let kept = device.records.iter().take_while(fits).count();
            let all = device.records.len();
            if kept < all {
                device.records.truncate(kept);
                device.total_records = Some(all);
                device.notices.push(format!(
                    "{kept} of {all} records fit; name fewer fields or narrow the command"
                ));
            }
        }
    }

    async fn query(
        self: Arc<Self>,
        name: &str,
        request: &QueryRequest,
        cancel: &CancellationToken,
    ) -> DeviceRecords {
        let device = match self.located(name, cancel).await {
            Ok(device) => device,
            Err(failure) => return DeviceRecords::failed(name, failure),
        };
        let permitted = match self.judge(&device, &request.command) {
            Ok(permitted) => permitted,
            Err(failure) => return DeviceRecords::failed(name, failure),
        };
        let mut lease = match self.lease_for_reading(&device, cancel).await {
            Ok(lease) => lease,
            Err(failure) => return DeviceRecords::failed(name, failure),
        };
        let fingerprint = lease.new_host_key().map(str::to_owned);
        let output = self.ask(&device, &mut lease, &permitted, cancel).await;
        self.pool.give_back(lease).await;
        let mut result = match output {
            Err(failure) => DeviceRecords::failed(name, failure),
            Ok(output) => {
                let (platform, command) =
                    (device.platform.to_string(), permitted.as_str().to_owned());
                let cut = output.is_cut().then(|| {
                    let (sent, kept) = (output.total_bytes, output.text.len());
                    format!("the device sent {sent} bytes; only the first {kept} were parsed")
                });
                let (operations, text) = (Arc::clone(&self), output.text);
                // Parsing a large answer takes a while and must not hold up other devices.
                let parsing = tokio::task::spawn_blocking(move || {
                    let parsed = operations.catalogue.parse(&platform, &command, &text);
                    (parsed, text)
                });
                match parsing.await {
                    Ok((parsed, text)) => {
                        let mut records = self.records(name, request, parsed, &text);
                        records.notices.extend(cut);
                        records
                    }
                    Err(error) => {
                        tracing::error!(%error, "parsing ended without a result");
                        let failure = Failure::new(ErrorCode::Internal, "parsing failed");
                        DeviceRecords::failed(name, failure.on(name))
                    }
                }
            }
        };
        if let Some(fingerprint) = fingerprint {
            result.notices.push(format!("first contact: host key recorded, {fingerprint}"));
        }
        result
    }

    fn records(
        &self,
        name: &str,
        request: &QueryRequest,
        parsed: Result<Parsed, ParseError>,
        text: &str,
    ) -> DeviceRecords {
        // A field that this platform's template lacks is left out, unless nothing would be left.
        let mut notices = Vec::new();
        let parsed = parsed.and_then(|parsed| {
            let (known, unknown): (Vec<_>, Vec<_>) =
                request.fields.iter().cloned().partition(|field| parsed.columns.contains(field));
            let fields = if known.is_empty() { &request.fields } else { &known };
            let records = parsed.to_objects((!fields.is_empty()).then_some(fields.as_slice()))?;
            if !unknown.is_empty() {
                let (unknown, columns) = (unknown.join(", "), parsed.columns.join(", "));
                notices
                    .push(format!("no field {unknown} in {}; it has {columns}", parsed.template));
            }
            Ok((parsed.template, records))
        });
        match parsed {
            Ok((template, records)) => {
                let status =
                    if records.is_empty() { QueryStatus::Empty } else { QueryStatus::Parsed };
                let records = records.into_iter().map(|record| self.clean_record(record)).collect();
                let template = Some(template);
                let notices = notices.iter().map(|notice| self.show_line(notice)).collect();
                DeviceRecords { template, records, notices, ..DeviceRecords::new(name, status) }
            }
            Err(error) => {
                let status = match &error {
                    ParseError::TemplateNotFound { .. } => QueryStatus::NoTemplate,
                    ParseError::UnknownField { .. } => QueryStatus::Failed,
                    _ => QueryStatus::ParseError,
                };
                let failure = Failure::new(error.code(), self.show(&chain(&error)))
                    .on(name)
                    .with_command(request.command.clone());
                let text = (status != QueryStatus::Failed).then(|| self.show(text));
                let error = Some(failure);
                DeviceRecords { text, error, ..DeviceRecords::new(name, status) }
            }
        }
    }

    fn clean_record(&self, record: Map<String, Value>) -> Map<String, Value> {
        let mut value = Value::Object(record);
        self.redactor.redact_json(&mut value);
        clean_strings(&mut value);
        match value {
            Value::Object(record) => record,
            _ => Map::new(),
        }
    }
}

/// Makes hostile characters of every string visible.
fn clean_strings(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(cleaned) = clean(text) {
                *text = cleaned;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean_strings),
        Value::Object(fields) => fields.values_mut().for_each(clean_strings),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
