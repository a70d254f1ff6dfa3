//! Owns what is said about a device file: [`Problem`], its [`Place`], and [`InventoryError`] with
//! every problem of a file at once.
//!
//! **Invariant:** a problem holds keys, names and positions, never a text of the file that may be a
//! secret.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::ErrorCode;

/// A line and a column, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The inventory cannot be used.
    Error,
    /// The inventory can be used, but somebody should act.
    Warning,
    /// Something was decided for the operator.
    Notice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        })
    }
}

/// Where a problem is: the file, the position in it and the path of keys to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The device file, or an OpenSSH configuration that it names.
    pub file: PathBuf,
    /// Absent when the file as a whole is meant.
    pub position: Option<Position>,
    /// Keys on the way, such as `devices.core-r1.auth.password`; empty at the top.
    pub path: String,
}

impl Place {
    /// The file as a whole.
    pub(super) fn file(file: &Path) -> Self {
        Self { file: file.to_owned(), position: None, path: String::new() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        Ok(())
    }
}

/// One thing to know or to mend in a device file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What is wrong, a lower-case fragment.
    pub what: String,
    /// What to do about it, a lower-case fragment.
    pub remedy: String,
    /// How much it matters.
    pub severity: Severity,
    /// A stable word for it; the list is in `docs/inventory.md`.
    pub reason: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, what, remedy, reason, .. } = self;
        write!(f, "{place}: {what}; {remedy} ({reason})")
    }
}

/// A device file that cannot be used, with everything that is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryError {
    file: PathBuf,
    problems: Vec<Problem>,
}

impl InventoryError {
    pub(super) fn new(file: &Path, problems: Vec<Problem>) -> Self {
        Self { file: file.to_owned(), problems }
    }

    /// Every problem in the order of the file, warnings and notices too.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The stable word for callers. The operator gets [`Self::report`].
    pub fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }

    /// Writes the problems down for people, one paragraph each, errors first.
    pub fn report(&self) -> String {
        report(&self.problems)
    }

    fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

impl fmt::Display for InventoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        write!(f, "the device file {} has {errors} error{}", self.file.display(), plural(errors))?;
        if warnings > 0 {
            write!(f, " and {warnings} warning{}", plural(warnings))?;
        }
        Ok(())
    }
}

impl std::error::Error for InventoryError {}

/// How many problems a report shows; a file with more has one cause that repeats.
const REPORTED: usize = 200;

/// Writes problems down for people, one paragraph each, errors first and at most 200 of them.
pub fn report(problems: &[Problem]) -> String {
    let mut text = String::new();
    let mut ordered: Vec<&Problem> = problems.iter().collect();
    ordered.sort_by_key(|problem| problem.severity);
    for Problem { place, what, remedy, severity, reason } in ordered.into_iter().take(REPORTED) {
        // Writing to a `String` cannot fail.
        let _infallible =
            write!(text, "{severity}[{reason}]: {what}\n  at {place}\n  do: {remedy}\n");
    }
    if let Some(more @ 1..) = problems.len().checked_sub(REPORTED) {
        // Writing to a `String` cannot fail.
        let _infallible = writeln!(text, "… and {more} more problems");
    }
    text
}

/// Adds a key to a path: plainly where it is a word, else quoted, escaped and cut.
pub(super) fn push_key(path: &mut String, key: &str) {
    if is_plain_word(key) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    } else {
        path.push_str("[\"");
        path.push_str(&cleaned(key));
        path.push_str("\"]");
    }
}

/// Adds the index of a list to a path.
pub(super) fn push_index(path: &mut String, index: usize) {
    // Writing to a `String` cannot fail.
    let _infallible = write!(path, "[{index}]");
}

/// Whether a text is short and made of letters, digits, `_`, `-` and `$`: safe and useful to show.
pub(super) fn is_plain_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$');
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

/// Makes a name printable: everything but printable ASCII is escaped, and it is cut after 40.
pub(super) fn cleaned(name: &str) -> String {
    let mut text: String = name.chars().take(40).flat_map(char::escape_default).collect();
    if name.chars().nth(40).is_some() {
        text.push('…');
    }
    text
}
