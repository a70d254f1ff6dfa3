//! `vty-mcp parse`: records out of an output that lies in a file, without inventory and device.
//!
//! **Invariant:** the output is parsed as it is; what was probably left in it is told, not taken away.

mod explain;
mod hints;
mod input;

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};

pub(super) use self::input::Input;
use super::args::Global;
use super::templates::{Known, Lookup, unusable};
use super::{CliError, Exit, output, rows, settings};
use crate::error::{ErrorCode, chain};
use crate::parse::catalogue::Found;
use crate::parse::shape::{Condition, InterfaceNames, Table, normalise, numbers};
use crate::parse::textfsm::Template;
use crate::parse::{ParseError, Parsed};
use crate::server;
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct ParseArgs {
    /// What the command printed; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The platform of the device, by its name, an alias, or a name of an index
    #[arg(long, required_unless_present = "template")]
    platform: Option<String>,
    /// The command, in full or abbreviated
    #[arg(long, required_unless_present = "template")]
    command: Option<String>,
    /// Use this template instead of looking one up
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Print only these fields, in this order
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    fields: Vec<String>,
    /// Print only records that fit, such as 'mtu > 1500', 'state != up', 'description ~ core' or
    /// 'gateway in 10.0.0.0/8'; may be given several times, and all must fit
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Run a jq program on the array of records; it sees types unless --types=false
    #[arg(long, value_name = "JQ")]
    select: Option<String>,
    /// Make numbers of columns that hold nothing else, and write MAC, IPv6 and interface names in one
    /// way
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    types: Option<bool>,
    /// How to print the records: in aligned columns, as an array of objects, or as columns once and
    /// rows as arrays
    #[arg(long, value_enum, default_value = "text")]
    format: Shape,
    /// Print what each rule did with each line instead of the records alone
    #[arg(long, conflicts_with_all = ["fields", "conditions", "select", "types", "format"])]
    explain: bool,
}

/// How records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Text,
    Json,
    Table,
}

/// Parses an output, or explains how it is parsed.
pub(super) async fn parse(global: Global, args: ParseArgs) -> Result<Exit, CliError> {
    let settings = settings(global)?;
    let conditions: Vec<Condition> = read_conditions(&args.conditions)?;
    let chosen = Chosen::new(&settings, &args)?;
    let input = Input::read(&args.file)?;
    if args.explain {
        return explain::explain(&chosen, &input, args.command.as_deref());
    }
    let parsed = match chosen.parse(&input.text) {
        Ok(parsed) => parsed,
        Err(error) => return Err(chosen.failed(&error, &input, args.command.as_deref())),
    };
    let found = counted(parsed.records.len(), "record");
    let mut table = Table::from(&parsed);
    let fields = known_fields(&parsed, &args.fields, &conditions)?;
    table.retain(&conditions.iter().collect::<Vec<_>>(), &chosen.names);
    let fitting = if conditions.is_empty() {
        String::new()
    } else {
        format!(", of which {} fit", table.rows.len())
    };
    output::complain(&format!("{}: {found}{fitting}", chosen.label()));
    if parsed.is_empty() {
        tell_hints(&input, args.command.as_deref());
    }
    if args.types.unwrap_or_else(|| args.select.is_some()) {
        normalise(&mut table, &chosen.names);
        numbers(std::iter::once(&mut table));
    }
    if !fields.is_empty() {
        table.keep_columns(&fields);
    }
    match &args.select {
        None => print(&table, args.format)?,
        Some(program) => {
            let mut values = select(&settings, program, &table).await?;
            // One array is as good as its items, as in query_devices.
            if let [Value::Array(items)] = values.as_mut_slice() {
                values = std::mem::take(items);
            }
            match Table::of_objects(&values, usize::MAX).filter(|_| !values.is_empty()) {
                Some(table) if args.format != Shape::Json => print(&table, args.format)?,
                _ => print_values(&values, args.format)?,
            }
        }
    }
    Ok(Exit::Ok)
}

/// The templates that parse.
pub(super) struct Chosen {
    way: Way,
    names: InterfaceNames,
}

enum Way {
    /// A file that was named.
    Given(Box<Template>),
    /// A row of an index.
    Found(Box<Lookup>, Found),
}

impl Chosen {
    fn new(settings: &Settings, args: &ParseArgs) -> Result<Self, CliError> {
        let lookup = Box::new(Lookup::load(settings)?);
        let known = args.platform.as_deref().map(|typed| lookup.platform(typed)).transpose()?;
        let pairs = known.as_ref().and_then(|known| known.platform.as_ref());
        let pairs = pairs.map(|platform| platform.interface_names.as_slice()).unwrap_or_default();
        let names = InterfaceNames::new(pairs);
        let way = match (&args.template, &known, &args.command) {
            (Some(path), ..) => Way::Given(Box::new(read_template(path)?)),
            (None, Some(known), Some(command)) => Self::look_up(lookup, known, command)?,
            _ => return Err(CliError::Usage("name --platform and --command".to_owned())),
        };
        Ok(Self { way, names })
    }

    fn look_up(lookup: Box<Lookup>, known: &Known, command: &str) -> Result<Way, CliError> {
        let found = lookup.find(known, command)?;
        Ok(Way::Found(lookup, found))
    }

    fn parse(&self, text: &str) -> Result<Parsed, ParseError> {
        match &self.way {
            Way::Given(template) => template.parse(text),
            Way::Found(lookup, found) => lookup.catalogue.parse_with(found, text),
        }
    }

    /// The template, and the source that it comes from.
    fn label(&self) -> String {
        match &self.way {
            Way::Given(template) => format!("template {}", template.name()),
            Way::Found(_, found) => format!("template {} from {}", found.template, found.source),
        }
    }

    /// What to say where an output cannot be parsed.
    fn failed(&self, error: &ParseError, input: &Input, command: Option<&str>) -> CliError {
        if error.code() == ErrorCode::TemplateInvalid {
            return match &self.way {
                Way::Given(_) => unusable(error),
                Way::Found(lookup, found) => lookup.broken(found, error),
            };
        }
        let mut lines = vec![format!("{}: {}", place_of(error, input), chain(error))];
        if let Way::Found(_, found) = &self.way {
            lines.push(format!("the template comes from {}", found.source));
        }
        lines.extend(hints::hints(&input.text, command));
        lines.push("--explain shows what each rule did with each line".to_owned());
        CliError::Failed(lines.join("\n"))
    }
}

/// The file of an output, with the line that an error is about.
fn place_of(error: &ParseError, input: &Input) -> String {
    match error {
        ParseError::Refused { input_line, .. }
        | ParseError::Undecided { input_line, .. }
        | ParseError::Stopped { input_line, .. } => format!("{}:{input_line}", input.name),
        _ => input.name.clone(),
    }
}

/// Reads one template from a file of its own.
pub(super) fn read_template(path: &std::path::Path) -> Result<Template, CliError> {
    let input = Input::read(path)?;
    Template::read(&input.name, &input.text).map_err(|error| unusable(&error))
}

/// Reads all conditions, so that everything that is wrong with them is told at once.
fn read_conditions(texts: &[String]) -> Result<Vec<Condition>, CliError> {
    let mut conditions = Vec::new();
    let mut problems = Vec::new();
    for text in texts {
        match Condition::read(text) {
            Ok(condition) => conditions.push(condition),
            Err(error) => problems.push(format!("--where: {}", chain(&error))),
        }
    }
    if problems.is_empty() { Ok(conditions) } else { Err(CliError::Usage(problems.join("\n"))) }
}

/// The fields as columns are called.
fn known_fields(
    parsed: &Parsed,
    fields: &[String],
    conditions: &[Condition],
) -> Result<Vec<String>, CliError> {
    let fields: Vec<String> = fields.iter().map(|field| field.trim().to_lowercase()).collect();
    let asked = fields.iter().map(|field| ("--fields", field.as_str()));
    let compared = conditions.iter().map(|condition| ("--where", condition.column()));
    let unknown =
        asked.chain(compared).find(|(_, field)| !parsed.columns.iter().any(|c| c == field));
    match unknown {
        None => Ok(fields),
        Some((option, field)) => {
            let error = ParseError::UnknownField {
                template: parsed.template.clone(),
                field: field.to_owned(),
                valid: parsed.columns.clone(),
            };
            Err(CliError::Usage(format!("{option}: {}", chain(&error))))
        }
    }
}

async fn select(settings: &Settings, program: &str, table: &Table) -> Result<Vec<Value>, CliError> {
    let records: Value = table.objects().map(Value::Object).collect();
    let run = server::program_runner(settings).run(program, records).await;
    run.map_err(|failure| match failure.code {
        ErrorCode::InvalidArgument => CliError::Usage(format!(
            "--select: {}\nthe program gets one array of records, such as '.[] | .interface' or \
             'map(select(.mtu > 1500))'; --format json shows what it gets",
            failure.message
        )),
        _ => CliError::Failed(format!("--select: {}", failure.message)),
    })
}

fn print(table: &Table, shape: Shape) -> Result<(), CliError> {
    match shape {
        Shape::Text if table.rows.is_empty() => Ok(()),
        Shape::Text => Ok(output::answer(&as_text(table))?),
        Shape::Table => {
            let value = json!({ "columns": table.columns, "rows": table.rows });
            Ok(output::answer(&format!("{value}\n"))?)
        }
        Shape::Json => {
            let records: Vec<Value> = table.objects().map(Value::Object).collect();
            print_values(&records, shape)
        }
    }
}

/// Records in aligned columns.
pub(super) fn as_text(table: &Table) -> String {
    let cells: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(rows::cell).collect()).collect();
    rows::aligned(&table.columns, &cells)
}

/// Prints values that make no table: each on its line, or all as one array.
fn print_values(values: &[Value], shape: Shape) -> Result<(), CliError> {
    let text = match shape {
        Shape::Text => values.iter().flat_map(|value| [rows::cell(value), "\n".into()]).collect(),
        Shape::Json | Shape::Table => rows::json_lines(values).map_err(std::io::Error::other)?,
    };
    Ok(output::answer(&text)?)
}

/// Says what may be wrong with an output in which nothing was found.
fn tell_hints(input: &Input, command: Option<&str>) {
    for hint in hints::hints(&input.text, command) {
        output::complain(&format!("{}: {hint}", input.name));
    }
}

/// A count with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
