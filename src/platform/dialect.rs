//! How a platform's configuration is read and changed: scripts and patterns, as data.
//!
//! What the scripts mean, and in which order they run, is `change`'s.

use regex::Regex;

use super::{Dialog, ModeName};

/// How configuration is read and changed on a platform.
#[derive(Debug)]
pub struct ChangeRules {
    /// Shows the running configuration.
    pub running: String,
    /// Shows the startup configuration, where there is one of its own.
    pub startup: Option<String>,
    /// Shows the candidate configuration, where there is one for everybody.
    pub candidate: Script,
    /// Shows how the running configuration differs from an earlier one; `{n}` is its number.
    pub rollback_diff: Option<String>,
    /// How a configuration is written.
    pub layout: Layout,
    /// The mode in which configuration lines are typed.
    pub mode: ModeName,
    /// Leaves a section.
    pub leave: Option<String>,
    /// The only first words a line may have; any where none is named.
    pub verbs: Vec<String>,
    /// First words that leave the mode or act at once.
    pub forbidden: Vec<String>,
    /// Longest line in characters.
    pub max_length: usize,
    /// Lines that begin a text of several lines; the first group is its delimiter.
    pub literals: Vec<Regex>,
    /// Lines of a configuration that are no statements.
    pub ignore: Vec<Regex>,
    /// Statements of which a section has only one; the match is what they share.
    pub singles: Vec<Regex>,
    /// What must not get worse by a change.
    pub health: Vec<Health>,
    /// The ways to change, the safest first.
    pub dialects: Vec<Dialect>,
}

/// How a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// Sections whose statements are indented.
    Indented,
    /// One whole statement a line, such as `set system host-name r1`.
    Set,
}

/// A count that must not be lower after a change.
#[derive(Debug)]
pub struct Health {
    /// What is counted.
    pub name: String,
    /// The command.
    pub command: String,
    /// The column of its records.
    pub column: String,
    /// Matches the values that count.
    pub healthy: Regex,
}

/// One way to change a configuration.
#[derive(Debug)]
pub struct Dialect {
    /// What the device promises.
    pub class: SafetyClass,
    /// Matches a running configuration with which this way can be gone.
    pub requires: Option<Regex>,
    /// The least and the most minutes of the device's own revert timer.
    pub timer_minutes: Option<(u32, u32)>,
    /// Finds the difference without changing anything.
    pub plan: Script,
    /// Puts the change in force, to be taken back by itself.
    pub trial: Script,
    /// Leaves nothing behind when the trial was refused, on the same session.
    pub abandon: Script,
    /// Leaves nothing behind when the session was lost before the trial ran.
    pub clean_up: Script,
    /// Makes the change stay.
    pub confirm: Script,
    /// Takes the trial back at once; where it is empty, the opposite lines are typed.
    pub undo: Script,
    /// Writes the startup configuration.
    pub save: Script,
}

/// What a device promises about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SafetyClass {
    /// All or nothing, taken back by the device itself, its own difference before the change.
    Transactional,
    /// Taken back by the device itself; until then a half change can exist.
    Timed,
    /// Nothing takes it back but this program.
    Unprotected,
}

impl SafetyClass {
    /// The word that callers see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transactional => "transactional",
            Self::Timed => "timed",
            Self::Unprotected => "unprotected",
        }
    }
}

/// Steps in their order.
pub type Script = Vec<Step>;

/// One step of a script.
#[derive(Debug)]
pub struct Step {
    /// What is typed.
    pub input: Input,
    /// The mode that must be reached.
    pub to: Option<ModeName>,
    /// Matches the answer of a step that worked.
    pub expect: Option<Regex>,
    /// What the answer is.
    pub capture: Option<Capture>,
    /// Questions that it may raise.
    pub dialog: Vec<Dialog>,
}

/// What a step types.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// A line with `{session}`, `{minutes}`, `{hhmmss}` and `{comment}` to be filled in.
    Line(String),
    /// The lines of the change.
    Lines,
}

/// What the answer of a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capture {
    /// The device's own difference.
    Diff,
    /// The configuration as it would be.
    Candidate,
}
