//! `vty-mcp templates`: for people who use or write TextFSM templates.

mod cases;
mod check;
mod lookup;

use std::path::PathBuf;

use clap::Subcommand;

pub(super) use self::lookup::{Known, Lookup, unusable};
use super::args::Global;
use super::{CliError, Exit, output, rows, settings};
use crate::error::chain;
use crate::parse::ParseError;
use crate::parse::catalogue::Found;

#[derive(Debug, Subcommand)]
pub(super) enum TemplatesCommand {
    /// List which template answers which command, in the order in which the rows are asked
    #[command(
        after_help = "Platform and command are patterns, as the index writes them: sh[[ow]] stands \
        for sh, sho or show. The first row that fits answers.\n\nExamples:\n  \
        vty-mcp templates list --platform cisco_ios\n  \
        vty-mcp templates list --platform eos --json\n  \
        vty-mcp --templates ./mine templates list"
    )]
    List {
        /// Only rows for this platform, by its name, an alias, or a name of an index
        #[arg(long)]
        platform: Option<String>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show which template answers a command, its fields, and what the other sources have
    #[command(
        after_help = "Exit code 3 when no template answers; near commands are named then.\n\n\
        Examples:\n  vty-mcp templates which --platform cisco_ios 'show ip int brief'\n  \
        vty-mcp --templates ntc_templates-9.3.0-py3-none-any.whl templates which --platform ios 'show cdp nei'"
    )]
    Which {
        /// The platform, by its name, an alias, or a name of an index
        #[arg(long)]
        platform: String,
        /// The command, in full or abbreviated
        command: String,
    },
    /// Compile every rule of templates and indexes, and name file and line of what is wrong
    #[command(
        after_help = "Rows that name no existing template are problems; templates that no row names \
        are warned of. Exit code 2 when there are problems.\n\nExamples:\n  \
        vty-mcp templates check                          all sources\n  \
        vty-mcp templates check show_ports.textfsm       one template, without an index\n  \
        vty-mcp templates check ./mine                   a directory with its index\n  \
        vty-mcp templates check ntc_templates-9.3.0-py3-none-any.whl"
    )]
    Check {
        /// Templates, directories or wheels [default: every source]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Parse recorded outputs and compare the records with those expected
    #[command(
        after_help = "A case is an output, PLATFORM/COMMAND/1.raw with _ for the blanks of the \
        command, and beside it 1.json with the records that it must give. With --template, platform \
        and command do not count, and the outputs may lie anywhere below the directory. Exit code 3 \
        when a case fails.\n\nExamples:\n  \
        vty-mcp --templates ./mine templates test ./mine/tests\n  \
        vty-mcp templates test tests/data/outputs/frr/show_version\n  \
        vty-mcp templates test ./outputs --template show_ports.textfsm --write"
    )]
    Test {
        /// Where the cases lie
        #[arg(value_name = "DIR", default_value = "tests/data/outputs")]
        directory: PathBuf,
        /// Use this template instead of looking one up for each case
        #[arg(long, value_name = "FILE")]
        template: Option<PathBuf>,
        /// Write the records of outputs that have no .json yet; read them before you keep them
        #[arg(long)]
        write: bool,
    },
}

/// Runs a subcommand of `templates`.
pub(super) fn templates(global: Global, command: TemplatesCommand) -> Result<Exit, CliError> {
    let settings = settings(global)?;
    match command {
        TemplatesCommand::List { platform, json } => {
            list(&Lookup::load(&settings)?, platform.as_deref(), json)
        }
        TemplatesCommand::Which { platform, command } => {
            which(&Lookup::load(&settings)?, &platform, &command)
        }
        TemplatesCommand::Check { paths } => check::check(&settings, &paths),
        TemplatesCommand::Test { directory, template, write } => {
            cases::test(&settings, &directory, template.as_deref(), write)
        }
    }
}

fn list(lookup: &Lookup, platform: Option<&str>, json: bool) -> Result<Exit, CliError> {
    let catalogue = &lookup.catalogue;
    let listed = match platform.map(|typed| lookup.platform(typed)).transpose()? {
        Some(known) => catalogue.list_for(&known.names()),
        None => catalogue.list(),
    };
    let listed = listed.map_err(|error| unusable(&error))?;
    if json {
        let values = serde_json::to_value(&listed).map_err(std::io::Error::other)?;
        let values = values.as_array().cloned().unwrap_or_default();
        output::answer(&rows::json_lines(&values).map_err(std::io::Error::other)?)?;
    } else if !listed.is_empty() {
        let cells = listed.iter().map(|row| {
            let shown = [&row.platform, &row.command, &row.template, &row.source];
            shown.map(|text| rows::on_one_line(text)).to_vec()
        });
        let cells: Vec<Vec<String>> = cells.collect();
        output::answer(&rows::aligned(&["platform", "command", "template", "source"], &cells))?;
    }
    if listed.is_empty() {
        let sources: Vec<&str> = catalogue.sources().collect();
        output::complain(&format!(
            "no row is for this platform; asked: {}\ndocs/templates.md says how to get or write templates",
            sources.join(", ")
        ));
    }
    Ok(Exit::Ok)
}

fn which(lookup: &Lookup, platform: &str, command: &str) -> Result<Exit, CliError> {
    let known = lookup.platform(platform)?;
    let found = lookup.find(&known, command)?;
    let catalogue = &lookup.catalogue;
    let row = catalogue.list_for(&known.names()).map_err(|error| unusable(&error))?;
    let row = row.into_iter().find(|row| row.line == found.line && row.source == found.source);
    let row = row.map(|row| format!(": {}, {}", row.platform, row.command)).unwrap_or_default();
    let place = format!("{}:{}{row}", catalogue.index_of(&found), found.line);
    let fields = fields(lookup, &found).map_err(|error| lookup.broken(&found, &error))?.join(", ");
    let each = catalogue.find_in_each(&known.names(), command);
    let width = each.iter().map(|(source, _)| source.chars().count()).max().unwrap_or_default();
    let mut is_reached = true;
    let sources = each.into_iter().map(|(source, has)| {
        let has = match has {
            Ok(Some(_)) if std::mem::take(&mut is_reached) => "answers".to_owned(),
            Ok(Some(found)) => format!("not asked; it has {}", found.template),
            Ok(None) => "has none".to_owned(),
            Err(error) => chain(&error),
        };
        format!("  {source:width$}  {has}\n")
    });
    let sources: String = sources.collect();
    output::answer(&format!(
        "template  {}\nsource    {}\nrow       {}\nfields    {fields}\n\nsources, in the order in which \
         they are asked:\n{sources}",
        found.template,
        found.source,
        rows::on_one_line(&place),
    ))?;
    Ok(Exit::Ok)
}

/// The fields of the templates of a row, each once.
fn fields(lookup: &Lookup, found: &Found) -> Result<Vec<String>, ParseError> {
    let mut fields: Vec<String> = Vec::new();
    for template in lookup.catalogue.templates_of(found)? {
        for column in template.columns().map(str::to_lowercase) {
            if !fields.contains(&column) {
                fields.push(column);
            }
        }
    }
    Ok(fields)
}
