//! `vty-mcp templates check`.

use std::path::{Path, PathBuf};

use crate::cli::parse::{Input, counted};
use crate::cli::{CliError, Exit, output};
use crate::error::chain;
use crate::parse::catalogue::{Finding, Inspection, alike, clash};
use crate::parse::textfsm::Template;
use crate::parse::{Catalogue, ParseError};
use crate::server;
use crate::settings::Settings;

/// Checks these files and places, or every source where none is named.
pub(super) fn check(settings: &Settings, paths: &[PathBuf]) -> Result<Exit, CliError> {
    let mut inspections = Vec::new();
    if paths.is_empty() {
        let catalogue = server::load_templates(&settings.templates).map_err(CliError::Templates)?;
        inspections = catalogue.inspect();
    }
    for path in paths {
        inspections.extend(inspect(path));
    }
    let mut exit = Exit::Ok;
    for Inspection { source, templates, problems, warnings } in &inspections {
        for problem in problems {
            output::complain(&problem.to_string());
        }
        for Finding { file, line, message } in warnings {
            let message = format!("warning: {message}");
            let warning = Finding { file: file.clone(), line: *line, message };
            output::complain(&warning.to_string());
        }
        let mut verdict = vec![counted(*templates, "template")];
        if problems.is_empty() {
            verdict.push("in order".to_owned());
        } else {
            verdict.push(counted(problems.len(), "problem"));
            exit = Exit::Usage;
        }
        if !warnings.is_empty() {
            verdict.push(counted(warnings.len(), "warning"));
        }
        output::answer(&format!("{source}: {}\n", verdict.join(", ")))?;
    }
    Ok(exit)
}

/// Looks at one path: a place with an index, or a template alone.
fn inspect(path: &Path) -> Vec<Inspection> {
    // Whoever names the index means all that it names.
    let is_index = path.is_file() && path.file_name().is_some_and(|name| name == "index");
    let place = match path.parent().filter(|_| is_index) {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    };
    match Catalogue::only(place) {
        Ok(catalogue) => catalogue.inspect(),
        Err(_) if place.is_dir() => vec![without_index(place)],
        Err(error) if is_archive(place) => vec![alone(place, 0, vec![at(place, 0, chain(&error))])],
        Err(_) => vec![template(place)],
    }
}

fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "whl" || extension == "zip")
}

fn at(path: &Path, line: usize, message: String) -> Finding {
    Finding { file: path.display().to_string(), line, message }
}

fn alone(path: &Path, templates: usize, problems: Vec<Finding>) -> Inspection {
    let source = path.display().to_string();
    Inspection { source, templates, problems, warnings: Vec::new() }
}

/// Checks the templates of a directory that no index describes.
fn without_index(directory: &Path) -> Inspection {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "textfsm"));
    paths.sort();
    let message = "there is no file `index`, so no template here answers a command";
    let mut warnings = vec![at(directory, 0, message.to_owned())];
    let mut problems = Vec::new();
    for one in paths.iter().map(|path| template(path)) {
        problems.extend(one.problems);
        warnings.extend(one.warnings);
    }
    Inspection { warnings, ..alone(directory, paths.len(), problems) }
}

/// Checks one template.
fn template(path: &Path) -> Inspection {
    let input = match Input::read(path) {
        Ok(input) => input,
        Err(error) => {
            let name = format!("{}: ", path.display());
            let message = chain(&error);
            let message = message.strip_prefix(&name).unwrap_or(&message).to_owned();
            return alone(path, 0, vec![at(path, 0, message)]);
        }
    };
    let (errors, clashes) = match Template::read(&input.name, &input.text) {
        Ok(template) => (template.check(), alike(template.columns())),
        Err(error) => (vec![error], Vec::new()),
    };
    let warnings = clashes.iter().map(|column| at(path, 0, clash(column))).collect();
    let problems = errors.iter().map(|error| match error {
        ParseError::TemplateInvalid { line, message, .. } => at(path, *line, message.clone()),
        other => at(path, 0, chain(other)),
    });
    Inspection { warnings, ..alone(path, 1, problems.collect()) }
}
