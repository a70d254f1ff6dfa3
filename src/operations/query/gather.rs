//! The answers of all devices as one: in a table, as records, or as what a program makes of them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::{Asked, Data};
use super::body::Body;
use super::records::clean_strings;
use super::{DEVICE, DeviceRecords, Format, Prepared};
use crate::caller::Caller;
use crate::error::ErrorCode;
use crate::operations::outputs::{piece, shares};
use crate::operations::{Failure, Operations};
use crate::parse::shape::{Table, numbers};

/// The most columns of a table that a program makes up; more of them are no table.
const MOST_COLUMNS: usize = 200;

impl Operations {
    pub(super) async fn put_together(
        self: &Arc<Self>,
        caller: &Caller,
        prepared: &Arc<Prepared>,
        asked: Vec<Asked>,
    ) -> Result<(Vec<DeviceRecords>, Body), Failure> {
        let request = &prepared.request;
        let mut gathered = Gathered::default();
        for asked in asked {
            gathered.add(asked);
        }
        let answered = gathered.silent.len() < gathered.devices.len();
        let program = request.select.as_deref().filter(|_| answered);
        // Hundreds of thousands of values must not hold up other calls.
        let types = request.wants_types();
        let is_program = program.is_some();
        let format = request.format;
        let (mut gathered, rows) = aside(move || {
            let rows = gathered.rows(types, is_program, format);
            (gathered, rows)
        })
        .await?;
        let body = match (program, rows) {
            (Some(program), Rows::Input(input)) => {
                let values = self.programs.run(program, input).await;
                let values = values
                    .map_err(|failure| without(self.cleaned_failure(failure), &gathered.silent))?;
                let (operations, caller) = (Arc::clone(self), caller.clone());
                aside(move || operations.made(&caller, values, format)).await?
            }
            (_, Rows::Input(_)) => Body::Records(Vec::new()),
            (_, Rows::Body(body)) => {
                let natives = std::mem::take(&mut gathered.natives);
                self.cut_natives(caller, &mut gathered.devices, natives);
                body
            }
        };
        self.cut_texts(caller, &mut gathered.devices);
        Ok((gathered.devices, body))
    }

    /// What a program gave, fit to be shown: it can make up any text.
    fn made(&self, caller: &Caller, mut values: Vec<Value>, format: Format) -> Body {
        // One array, as `map` and `sort_by` give it, is as good as its items, and has pages only so.
        if let [Value::Array(items)] = values.as_mut_slice() {
            values = std::mem::take(items);
        }
        for value in &mut values {
            self.redactor.redact_json(value);
            clean_strings(value);
        }
        let as_table = format != Format::Records && !values.is_empty();
        if let Some(table) = Table::of_objects(&values, MOST_COLUMNS).filter(|_| as_table) {
            return Body::Table(table);
        }
        // A single value cannot be cut into pages.
        let most = self.limits.result_bytes.saturating_mul(2);
        for value in &mut values {
            let text = value.to_string();
            if text.len() > most {
                let id = self.outputs.keep(caller, &format!("{value:#}\n"));
                *value = json!({ "output_id": id, "bytes": text.len() });
            }
        }
        Body::Values(values)
    }

    /// Gives each device its JSON, or names the whole of it where it is too long for one result.
    fn cut_natives(
        &self,
        caller: &Caller,
        devices: &mut [DeviceRecords],
        natives: Vec<(usize, Value)>,
    ) {
        let sizes: Vec<usize> = natives.iter().map(|(_, value)| value.to_string().len()).collect();
        let shares = shares(&sizes, self.limits.result_bytes);
        for ((at, value), (size, share)) in natives.into_iter().zip(sizes.into_iter().zip(shares)) {
            let Some(entry) = devices.get_mut(at) else { continue };
            if size <= share {
                entry.data = Some(value);
                continue;
            }
            let notice = format!(
                "the JSON has {size} bytes and does not fit; narrow the command, use select, or \
                 read_output with this output_id"
            );
            entry.notices.push(notice);
            entry.output_id = Some(self.outputs.keep(caller, &format!("{value:#}\n")));
        }
    }

    /// Leaves out what does not fit of texts, and names the whole.
    fn cut_texts(&self, caller: &Caller, devices: &mut [DeviceRecords]) {
        let sizes = devices.iter().map(|device| device.text.as_ref().map_or(0, String::len));
        let sizes: Vec<usize> = sizes.collect();
        let shares = shares(&sizes, self.limits.result_bytes);
        for (device, share) in devices.iter_mut().zip(shares) {
            let Some(text) = &mut device.text else { continue };
            let shown = piece(text, 0, share).filter(|part| part.next.is_some());
            if let Some(shown) = shown.map(|part| part.text.to_owned()) {
                device.output_id = Some(self.outputs.keep(caller, text));
                *text = shown;
                let notice = "the text was cut; read_output with this output_id has all of it";
                device.notices.push(notice.to_owned());
            }
        }
    }
}

/// The answers of devices, by what they are.
#[derive(Default)]
struct Gathered {
    devices: Vec<DeviceRecords>,
    /// With the place of the device.
    tables: Vec<(usize, Table)>,
    /// With the place of the device.
    natives: Vec<(usize, Value)>,
    /// The devices that gave nothing structured.
    silent: Vec<String>,
}

enum Rows {
    /// What a program gets.
    Input(Value),
    Body(Body),
}

impl Gathered {
    fn add(&mut self, asked: Asked) {
        let Asked { mut entry, data } = asked;
        let at = self.devices.len();
        match data {
            Data::None => self.silent.push(entry.device.clone()),
            Data::Rows(table) => {
                entry.total_records = Some(table.rows.len());
                self.tables.push((at, table));
            }
            Data::Native(value) => self.natives.push((at, value)),
        }
        self.devices.push(entry);
    }

    fn name(&self, at: usize) -> String {
        self.devices.get(at).map_or_else(String::new, |entry| entry.device.clone())
    }

    fn rows(&mut self, types: bool, is_program: bool, format: Format) -> Rows {
        let mut tables = std::mem::take(&mut self.tables);
        if types {
            numbers(tables.iter_mut().map(|(_, table)| table));
        }
        let is_table = match format {
            Format::Table => true,
            Format::Auto => self.devices.len() > 1,
            _ => false,
        };
        if !is_program && !is_table {
            let rows = tables.into_iter().flat_map(|(at, table)| {
                table.into_objects().map(move |object| (at, object)).collect::<Vec<_>>()
            });
            return Rows::Body(Body::Records(rows.collect()));
        }
        let named = tables.into_iter().map(|(at, table)| with_device(table, &self.name(at)));
        let named: Vec<Table> = named.collect();
        if !is_program {
            return Rows::Body(Body::Table(Table::join(named)));
        }
        let records = named.into_iter().flat_map(Table::into_objects).map(Value::Object);
        let natives = std::mem::take(&mut self.natives).into_iter();
        let natives = natives.map(|(at, value)| json!({ DEVICE: self.name(at), "data": value }));
        Rows::Input(records.chain(natives).collect())
    }
}

/// Works on a thread of its own.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "records ended without a result");
        Failure::new(ErrorCode::Internal, "the records cannot be put together")
    })
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
    for column in table.columns.iter_mut().filter(|column| *column == DEVICE) {
        column.insert_str(0, "own_");
    }
    table.columns.insert(0, DEVICE.to_owned());
    for row in &mut table.rows {
        row.insert(0, Value::from(device));
    }
    table
}
