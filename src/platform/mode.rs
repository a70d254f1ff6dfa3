//! Modes of a CLI and the terminal it runs on.

use regex::Regex;

/// A mode's name: `exec`, `privileged_exec`, `configuration`, `shell`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModeName(String);

impl ModeName {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as the platform file spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ModeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One mode of a CLI.
#[derive(Debug)]
pub struct Mode {
    /// Its name.
    pub name: ModeName,
    pub(super) prompt: Regex,
    pub(super) above: Option<Regex>,
    pub(super) exclude: Vec<Regex>,
    /// Real prompts of this mode.
    pub cases: Vec<String>,
}

impl Mode {
    /// Says whether a line, below another one, is a prompt of this mode.
    pub fn accepts(&self, above: &str, line: &str) -> bool {
        self.prompt.is_match(line)
            && self.is_below(above)
            && !self.exclude.iter().any(|exclude| exclude.is_match(line))
    }

    /// Says whether the line above a prompt may be this mode's.
    pub fn is_below(&self, above: &str) -> bool {
        self.above.as_ref().is_none_or(|pattern| pattern.is_match(above))
    }

    /// Says whether a line belongs to the prompt below it.
    pub fn is_above(&self, line: &str) -> bool {
        self.above.as_ref().is_some_and(|pattern| pattern.is_match(line))
    }
}

/// How the terminal is set up.
#[derive(Debug)]
pub struct TerminalSetup {
    /// `TERM` of the pseudo-terminal.
    pub kind: String,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What ends a line we send.
    pub newline: String,
    /// The key that stops a running command.
    pub interrupt: String,
    /// What is sent to leave politely.
    pub logout: Option<String>,
    /// How the device echoes what is typed.
    pub echo: Echo,
    /// Put behind the user name at login.
    pub username_suffix: String,
}

/// How a device echoes what is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Echo {
    /// Once, however it is painted.
    Once,
    /// A second time, behind the prompt it draws late, where the device is slow.
    MayRepeat,
    /// Not at all.
    None,
}
