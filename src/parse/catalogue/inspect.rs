//! Owns [`Inspection`]: what is wrong with the files of a place, each with its file and line, for whoever
//! writes them.
//!
//! **Invariant:** the problems are those of [`Catalogue::check`](super::Catalogue::check); a warning
//! never keeps a template from answering.

use std::collections::HashSet;

use super::index::Index;
use super::library::INDEX;
use super::{Place, alike};
use crate::parse::ParseError;

/// What was seen in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The directory, the wheel, or the built-in templates.
    pub source: String,
    /// How many templates the index names.
    pub templates: usize,
    /// What keeps a row or a template from answering.
    pub problems: Vec<Finding>,
    /// What is probably not meant.
    pub warnings: Vec<Finding>,
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

pub(super) fn inspect(place: &Place) -> Inspection {
    let named: Vec<(usize, &str)> = match place.index() {
        Ok(index) => {
            let rows = index.rows();
            rows.flat_map(|row| row.templates.split(':').map(move |name| (row.line, name)))
                .collect()
        }
        Err(_) => Vec::new(),
    };
    let names: HashSet<&str> = named.iter().map(|(_, name)| *name).collect();
    let unnamed = place.library.templates().into_iter().filter(|name| !names.contains(&**name));
    let warning = |name: String| Finding {
        file: place.library.path_of(&name),
        line: 0,
        message: "no row of the index names this template, so it never answers".to_owned(),
    };
    // An index that cannot be read names nothing, which is not the templates' fault.
    let mut warnings: Vec<Finding> =
        unnamed.filter(|_| place.index().is_ok()).map(warning).collect();
    let rows = place.index().into_iter().flat_map(Index::rows);
    let joined: HashSet<&str> = rows.map(|row| row.templates).collect();
    for finding in joined.into_iter().flat_map(|templates| clashing(place, templates)) {
        if !warnings.contains(&finding) {
            warnings.push(finding);
        }
    }
    warnings.sort_by(|a, b| a.file.cmp(&b.file));
    let problems = place.check().iter().map(|error| finding(place, &named, error)).collect();
    let source = place.library.label().to_owned();
    Inspection { source, templates: names.len(), problems, warnings }
}

/// The Values of templates that are joined whose names differ in case only.
fn clashing(place: &Place, templates: &str) -> Vec<Finding> {
    let mut columns: Vec<String> = Vec::new();
    let mut findings = Vec::new();
    for name in templates.split(':') {
        let Ok(template) = place.read(name) else { continue };
        let own: Vec<&str> = template.columns().collect();
        // Columns of the same name are one column.
        let new = own.into_iter().filter(|column| !columns.iter().any(|known| known == column));
        let new: Vec<String> = new.map(str::to_owned).collect();
        let all = columns.iter().chain(&new).map(String::as_str);
        let clashes = alike(all).into_iter().filter(|column| new.contains(column));
        findings.extend(clashes.map(|column| Finding {
            file: place.library.path_of(name),
            line: 0,
            message: clash(&column),
        }));
        columns.extend(new);
    }
    findings
}

/// What is said of a Value whose name differs from that of another in case only.
pub fn clash(column: &str) -> String {
    format!(
        "another Value is called as `{column}` is but for the case, so the later column gets a number"
    )
}

fn finding(place: &Place, named: &[(usize, &str)], error: &ParseError) -> Finding {
    let at = |name: &str, line: usize, message: String| Finding {
        file: place.library.path_of(name),
        line,
        message,
    };
    match error {
        ParseError::IndexInvalid { line, message, .. } => at(INDEX, *line, message.clone()),
        ParseError::TemplateInvalid { template, line, message } => {
            at(template, *line, message.clone())
        }
        ParseError::TemplateMissing { template, .. } if template != INDEX => {
            let row = named.iter().find(|(_, name)| name == template);
            let message = format!("the template `{template}` does not exist");
            at(INDEX, row.map_or(0, |(line, _)| *line), message)
        }
        other => {
            Finding { file: place.library.label().to_owned(), line: 0, message: other.to_string() }
        }
    }
}
