//! `vty-mcp templates test`: holds templates against recorded outputs.
//!
//! **Invariant:** a file that exists is never written.

use std::path::{Path, PathBuf};

use serde_json::Value;
use similar::TextDiff;

use super::Lookup;
use crate::cli::parse::{Input, counted, read_template};
use crate::cli::rows::json_lines;
use crate::cli::{CliError, Exit, output};
use crate::error::chain;
use crate::parse::shape::Table;
use crate::parse::textfsm::Template;
use crate::settings::Settings;

/// How deep directories are looked into.
const DEEPEST: usize = 8;

/// What parses the outputs.
enum With {
    Template(Box<Template>),
    Catalogue(Box<Lookup>),
}

/// What became of a case.
enum Verdict {
    Passed,
    /// A file was written.
    Wrote,
    /// The records differ, as a unified diff shows.
    Differs(String),
    /// There are no records to compare.
    Failed(String),
}

/// Runs the cases of a directory.
pub(super) fn test(
    settings: &Settings,
    directory: &Path,
    template: Option<&Path>,
    write: bool,
) -> Result<Exit, CliError> {
    let with = match template {
        Some(path) => With::Template(Box::new(read_template(path)?)),
        None => With::Catalogue(Box::new(Lookup::load(settings)?)),
    };
    let (mut outputs, mut expectations) = (Vec::new(), Vec::new());
    let wrong =
        |error| CliError::Usage(format!("{}: cannot be read: {error}", directory.display()));
    collect(directory, DEEPEST, &mut outputs, &mut expectations).map_err(wrong)?;
    outputs.sort();
    expectations.sort();
    if outputs.is_empty() {
        return Err(CliError::Usage(format!(
            "{}: no case is there; a case is an output, such as cisco_ios/show_version/1.raw, and \
             beside it 1.json with its records",
            directory.display()
        )));
    }
    let (mut passed, mut wrote, mut failed) = (0_usize, 0_usize, 0_usize);
    for raw in &outputs {
        let shown = raw.display();
        let (template, verdict) = run(&with, raw, write);
        let by = template.map(|template| format!(", {template}")).unwrap_or_default();
        match verdict {
            Verdict::Passed => {
                passed = passed.saturating_add(1);
                output::answer(&format!("{shown}: passed{by}\n"))?;
            }
            Verdict::Wrote => {
                wrote = wrote.saturating_add(1);
                let json = raw.with_extension("json");
                output::answer(&format!("{}: written{by}; read it\n", json.display()))?;
            }
            Verdict::Differs(diff) => {
                failed = failed.saturating_add(1);
                output::answer(&format!("{shown}: FAILED{by}\n{diff}"))?;
            }
            Verdict::Failed(problem) => {
                failed = failed.saturating_add(1);
                output::answer(&format!("{shown}: FAILED{by}\n"))?;
                output::complain(&format!("{shown}: {problem}"));
            }
        }
    }
    for json in expectations.iter().filter(|json| !json.with_extension("raw").exists()) {
        output::complain(&format!("{}: warning: there is no output beside it", json.display()));
    }
    let written = if wrote > 0 { format!(", {wrote} written") } else { String::new() };
    let cases = counted(outputs.len(), "case");
    output::answer(&format!("{cases}: {passed} passed, {failed} failed{written}\n"))?;
    Ok(if failed == 0 { Exit::Ok } else { Exit::Failed })
}

/// Finds outputs and expectations below a directory.
fn collect(
    directory: &Path,
    depth: usize,
    outputs: &mut Vec<PathBuf>,
    expectations: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        // A link may lead back to where it lies.
        if entry.file_type()?.is_dir() {
            if let Some(depth) = depth.checked_sub(1) {
                collect(&path, depth, outputs, expectations)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "raw") {
            outputs.push(path);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            expectations.push(path);
        }
    }
    Ok(())
}

/// Runs one case. With its verdict comes the template that answered.
fn run(with: &With, raw: &Path, write: bool) -> (Option<String>, Verdict) {
    let input = match Input::read(raw) {
        Ok(input) => input,
        Err(error) => return (None, Verdict::Failed(chain(&error))),
    };
    let (template, parsed) = match with {
        With::Template(template) => (template.name().to_owned(), template.parse(&input.text)),
        With::Catalogue(lookup) => {
            let found = platform_and_command(raw).and_then(|(platform, command)| {
                lookup.find(&lookup.platform(&platform)?, &command)
            });
            match found {
                Ok(found) => {
                    let label = format!("{} from {}", found.template, found.source);
                    (label, lookup.catalogue.parse_with(&found, &input.text))
                }
                Err(error) => return (None, Verdict::Failed(chain(&error))),
            }
        }
    };
    let verdict = match parsed {
        Err(error) => Verdict::Failed(chain(&error)),
        Ok(parsed) => {
            let records = Table::from(&parsed).objects().map(Value::Object).collect();
            compare(&raw.with_extension("json"), records, write).unwrap_or_else(Verdict::Failed)
        }
    };
    (Some(template), verdict)
}

/// What the directories of a case say.
fn platform_and_command(raw: &Path) -> Result<(String, String), CliError> {
    let absolute = std::path::absolute(raw)?;
    let mut above = absolute.ancestors().skip(1).filter_map(|path| path.file_name()?.to_str());
    match (above.next(), above.next()) {
        (Some(command), Some(platform)) => Ok((platform.to_owned(), command.replace('_', " "))),
        _ => Err(CliError::Usage(format!(
            "{}: an output lies in PLATFORM/COMMAND, with _ for blanks",
            raw.display()
        ))),
    }
}

fn compare(path: &Path, records: Vec<Value>, write: bool) -> Result<Verdict, String> {
    if !path.exists() {
        let shown = path.display();
        if !write {
            return Err(format!("{shown} does not exist; --write writes what the template gives"));
        }
        let text = json_lines(&records).map_err(|error| error.to_string())?;
        // Between the question and here somebody may have written it.
        let mut file = std::fs::File::create_new(path).map_err(|e| format!("{shown}: {e}"))?;
        std::io::Write::write_all(&mut file, text.as_bytes())
            .map_err(|e| format!("{shown}: {e}"))?;
        return Ok(Verdict::Wrote);
    }
    let input = Input::read(path).map_err(|error| chain(&error))?;
    let expected: Value = serde_json::from_str(&input.text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("{}:{line}:{column}: this is no JSON: {error}", input.name)
    })?;
    let records = Value::Array(records);
    if expected == records {
        return Ok(Verdict::Passed);
    }
    // One field on each line, so that one that differs can be seen in a wide record.
    let (before, after) = (format!("{expected:#}\n"), format!("{records:#}\n"));
    let diff = TextDiff::from_lines(&before, &after);
    let diff = diff.unified_diff().header("expected", "got").to_string();
    Ok(Verdict::Differs(diff))
}
