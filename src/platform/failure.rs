//! What marks a command as refused, and where in an answer that counts.

use regex::Regex;

/// How many lines with text are the first ones of an answer.
const FIRST: usize = 3;

/// Text that marks a command as refused.
#[derive(Debug)]
pub struct FailureIndicator {
    /// Matches from the start of a line.
    pub line: Regex,
    /// Why the device refused.
    pub kind: FailureKind,
    /// Where in the answer to a command it counts.
    pub counts: Counts,
}

/// Where in the answer to a command a failure indicator counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counts {
    /// In the first lines: later ones may quote a refusal, as logs do.
    First,
    /// In the last line.
    Last,
    /// Anywhere.
    Anywhere,
}

/// Why a device refused a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// It does not know the words.
    Syntax,
    /// Something is missing.
    Incomplete,
    /// An abbreviation fits several commands.
    Ambiguous,
    /// The user may not run it.
    Authorization,
    /// Somebody else holds the configuration.
    Locked,
    /// The configuration cannot be committed.
    Commit,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// The word that callers see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Incomplete => "incomplete",
            Self::Ambiguous => "ambiguous",
            Self::Authorization => "authorization",
            Self::Locked => "locked",
            Self::Commit => "commit",
            Self::Other => "other",
        }
    }
}

/// Finds why the device refused a command. Most indicators count only in the first lines of the
/// answer: a refusal comes first, while later lines may quote one, as logs do.
pub(super) fn in_command<'a>(
    failures: &'a [FailureIndicator],
    output: &str,
) -> Option<(&'a FailureIndicator, String)> {
    let lines = || output.lines().filter(|line| !line.trim().is_empty());
    let search = |counts: Counts, line: &str| {
        let mut counting = failures.iter().filter(|failure| failure.counts == counts);
        let indicator = counting.find(|failure| failure.line.is_match(line))?;
        Some((indicator, line.trim().to_owned()))
    };
    lines()
        .take(FIRST)
        .find_map(|line| search(Counts::First, line))
        .or_else(|| lines().next_back().and_then(|line| search(Counts::Last, line)))
        .or_else(|| {
            // Searching every line of a long answer is worth it only where an indicator asks for it.
            let wanted = failures.iter().any(|failure| failure.counts == Counts::Anywhere);
            wanted.then(|| lines().find_map(|line| search(Counts::Anywhere, line))).flatten()
        })
}

/// Finds why the device refused a configuration line; there every line of the answer counts.
pub(super) fn anywhere<'a>(
    failures: &'a [FailureIndicator],
    output: &str,
) -> Option<(&'a FailureIndicator, String)> {
    output.lines().find_map(|line| {
        let indicator = failures.iter().find(|failure| failure.line.is_match(line))?;
        Some((indicator, line.trim().to_owned()))
    })
}
