//! The raw shape of the `change` section of a platform file.

use serde::Deserialize;

use super::file::DialogFile;

/// How configuration is read and changed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeFile {
    /// Commands that show configurations.
    pub(super) running: String,
    pub(super) startup: Option<String>,
    /// Shows the candidate configuration, where there is one for everybody.
    #[serde(default)]
    pub(super) candidate: Vec<StepFile>,
    /// Shows how the running configuration differs from an earlier one; `{n}` is its number.
    pub(super) rollback_diff: Option<String>,
    pub(super) layout: LayoutFile,
    /// The mode in which configuration lines are typed.
    pub(super) mode: String,
    /// Leaves a section.
    #[serde(default)]
    pub(super) leave: Option<String>,
    /// The only first words a line may have; any where none is named.
    #[serde(default)]
    pub(super) verbs: Vec<String>,
    /// First words that leave the mode or act at once, refused also abbreviated.
    #[serde(default)]
    pub(super) forbidden: Vec<String>,
    /// Longest line in characters.
    pub(super) max_length: usize,
    /// Lines that begin a text of several lines; the first group is its delimiter.
    #[serde(default)]
    pub(super) literals: Vec<String>,
    /// Lines of a configuration that are no statements.
    #[serde(default)]
    pub(super) ignore: Vec<String>,
    /// Matches the statements of which a section has only one; the match is what they share.
    #[serde(default)]
    pub(super) singles: Vec<String>,
    /// What must not get worse by a change.
    #[serde(default)]
    pub(super) health: Vec<HealthFile>,
    /// The ways to change, the safest first.
    pub(super) dialects: Vec<DialectFile>,
}

/// How a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LayoutFile {
    Indented,
    Set,
}

/// A count that must not be lower after a change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthFile {
    pub(super) name: String,
    pub(super) command: String,
    pub(super) column: String,
    /// Matches the values that count.
    pub(super) healthy: String,
}

/// One way to change a configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DialectFile {
    pub(super) class: ClassFile,
    /// Matches a running configuration with which this way can be gone.
    pub(super) requires: Option<String>,
    /// The least and the most minutes of the device's own revert timer.
    pub(super) timer_minutes: Option<[u32; 2]>,
    /// Finds the difference without changing anything.
    #[serde(default)]
    pub(super) plan: Vec<StepFile>,
    pub(super) trial: Vec<StepFile>,
    /// Leaves nothing behind when the trial was refused, on the same session.
    #[serde(default)]
    pub(super) abandon: Vec<StepFile>,
    /// Leaves nothing behind when the session was lost before the trial ran.
    #[serde(default)]
    pub(super) clean_up: Vec<StepFile>,
    #[serde(default)]
    pub(super) confirm: Vec<StepFile>,
    /// Takes the trial back at once; without it the opposite lines are typed.
    #[serde(default)]
    pub(super) undo: Vec<StepFile>,
    #[serde(default)]
    pub(super) save: Vec<StepFile>,
}

/// What a device promises about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClassFile {
    Transactional,
    Timed,
    Unprotected,
}

/// One step of a script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
    /// What is typed; `{session}`, `{minutes}`, `{hhmmss}` and `{comment}` are filled in.
    pub(super) send: Option<String>,
    /// Types the configuration lines instead.
    #[serde(default)]
    pub(super) lines: bool,
    /// The mode that must be reached.
    pub(super) to: Option<String>,
    /// Matches the answer of a step that worked.
    pub(super) expect: Option<String>,
    pub(super) capture: Option<CaptureFile>,
    /// Questions the step may raise.
    #[serde(default)]
    pub(super) dialog: Vec<DialogFile>,
}

/// What the answer of a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CaptureFile {
    Diff,
    Candidate,
}
