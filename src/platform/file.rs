//! The raw shape of a platform file, exactly as it is written in TOML.
//!
//! These structs are converted once, by [`super::validate`], into the types the rest of the program
//! runs on. Field documentation here is the reference for people who write platform files.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A whole platform file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlatformFile {
    /// What people call it: `Cisco IOS and IOS-XE`.
    pub(super) title: String,
    /// Other names that resolve to this platform.
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    /// The mode in which show commands run.
    pub(super) default_mode: String,
    #[serde(default)]
    pub(super) terminal: TerminalFile,
    /// Modes by name, each with the prompt that proves it.
    pub(super) modes: BTreeMap<String, ModeFile>,
    /// Lines that may stand between output and prompt and belong to the prompt, such as `[edit]`.
    #[serde(default)]
    pub(super) prompt_prelude: Vec<String>,
    #[serde(default)]
    pub(super) transitions: Vec<TransitionFile>,
    /// Questions of the login itself, before the first prompt.
    #[serde(default)]
    pub(super) login: Vec<DialogFile>,
    /// Commands sent once per session, mostly to switch paging off.
    #[serde(default)]
    pub(super) setup: Vec<SetupFile>,
    /// Pager prompts; only the fallback where paging cannot be switched off.
    #[serde(default)]
    pub(super) pagers: Vec<PagerFile>,
    /// What marks a command as refused.
    #[serde(default)]
    pub(super) failures: Vec<FailureFile>,
    pub(super) read: ReadFile,
    /// How configuration is changed; without it changes are refused.
    pub(super) change: Option<ChangeFile>,
    pub(super) tests: TestsFile,
}

/// How the terminal is set up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TerminalFile {
    /// `TERM` of the pseudo-terminal.
    pub(super) kind: String,
    /// Columns asked for.
    pub(super) width: u32,
    /// Rows asked for.
    pub(super) height: u32,
    /// What ends a line we send.
    pub(super) newline: String,
    /// The key that stops a running command.
    pub(super) interrupt: String,
    /// What is sent to leave politely.
    pub(super) logout: Option<String>,
    /// Whether a slow device may echo a command a second time, behind the prompt it draws late.
    pub(super) echo_may_repeat: bool,
}

impl Default for TerminalFile {
    fn default() -> Self {
        Self {
            kind: "vt100".to_owned(),
            width: 511,
            height: 1000,
            newline: "\n".to_owned(),
            interrupt: "\u{3}".to_owned(),
            logout: None,
            echo_may_repeat: false,
        }
    }
}

/// One mode.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModeFile {
    /// Matches the whole prompt line of this mode and no other mode's.
    pub(super) prompt: String,
    /// Lines that match `prompt` but are none.
    #[serde(default)]
    pub(super) exclude: Vec<String>,
    /// Real prompts of this mode: the file's own test cases.
    pub(super) cases: Vec<String>,
}

/// A step from one mode to another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TransitionFile {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) send: String,
    /// Whether the step needs the device's enable secret.
    #[serde(default)]
    pub(super) secret: SecretUseFile,
    /// Questions the step may raise.
    #[serde(default)]
    pub(super) dialog: Vec<DialogFile>,
}

/// Whether a step can be taken without an enable secret.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SecretUseFile {
    /// No secret is asked.
    #[default]
    None,
    /// A secret may be asked; the step is tried without one.
    Optional,
    /// The step is taken only where the inventory has a secret.
    Required,
}

/// A question and what answers it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DialogFile {
    /// Matches the last, unterminated line.
    pub(super) question: String,
    pub(super) answer: AnswerFile,
}

/// What is sent to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AnswerFile {
    Username,
    Password,
    EnableSecret,
    Enter,
    Yes,
    No,
}

/// A command of the session's set-up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetupFile {
    pub(super) send: String,
}

/// How a pager looks and what it understands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PagerFile {
    /// Matches the whole pager prompt.
    pub(super) prompt: String,
    /// The key that is pressed.
    pub(super) key: String,
    /// Whether the pager fills the screen with blank lines before it stops.
    #[serde(default)]
    pub(super) pads_screen: bool,
    /// Real pager prompts.
    pub(super) cases: Vec<String>,
}

/// A failure indicator.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailureFile {
    /// Matches from the start of an output line.
    pub(super) line: String,
    pub(super) kind: FailureKindFile,
    /// Real refusals.
    pub(super) cases: Vec<String>,
}

/// Why a device refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FailureKindFile {
    Syntax,
    Incomplete,
    Ambiguous,
    Authorization,
    Other,
}

/// What the gate lets pass as reading.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadFile {
    /// Longest command in characters.
    pub(super) max_length: usize,
    /// First words, with the optional part in double brackets: `sh[[ow]]`.
    pub(super) verbs: Vec<String>,
    /// Characters beside letters, digits and blank.
    pub(super) punctuation: String,
    /// Whether double quotes group words, as the device's own tokenizer does.
    #[serde(default)]
    pub(super) quotes: bool,
    /// Whether `a|b` without blanks is an alternative inside a filter's argument.
    #[serde(default)]
    pub(super) alternation: bool,
    /// Word sequences that are refused, also abbreviated.
    #[serde(default)]
    pub(super) deny: Vec<String>,
    /// Filters that may follow a pipe.
    #[serde(default)]
    pub(super) filters: Vec<FilterFile>,
    /// Pipe targets that write or run something; an alternative must not look like one.
    #[serde(default)]
    pub(super) forbidden_filters: Vec<String>,
    /// Commands that read a configuration, so that the prompt after them is proven twice.
    #[serde(default)]
    pub(super) configuration: Vec<String>,
    /// Matches the last line of a whole configuration.
    pub(super) end_of_configuration: Option<String>,
    /// The file's own test cases.
    pub(super) cases: ReadCasesFile,
}

/// What the read grammar must let pass and what it must not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadCasesFile {
    pub(super) allowed: Vec<String>,
    pub(super) refused: Vec<String>,
}

/// A pipe filter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilterFile {
    /// The word, with the optional part in double brackets: `inc[[lude]]`.
    pub(super) word: String,
    #[serde(default)]
    pub(super) argument: ArgumentFile,
    /// The only words allowed as the argument, where the device has a fixed set.
    #[serde(default)]
    pub(super) words: Vec<String>,
}

/// What a filter's argument may be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ArgumentFile {
    #[default]
    None,
    Text,
    Words,
}

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

/// Transcripts that prove the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestsFile {
    /// Lines of real output that no mode may take for a prompt.
    pub(super) not_prompts: Vec<String>,
    #[serde(default)]
    pub(super) transcripts: Vec<TranscriptFile>,
}

/// A recorded exchange.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TranscriptFile {
    pub(super) name: String,
    /// What the device sends on its own after login.
    pub(super) greeting: String,
    #[serde(default)]
    pub(super) enable_secret: Option<String>,
    /// The answers to what is sent, in order.
    pub(super) exchanges: Vec<ExchangeFile>,
    /// The command that the test runs last, and the exact output it must return.
    pub(super) command: String,
    pub(super) output: String,
}

/// One line sent and what comes back, echo and prompt included.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeFile {
    pub(super) sent: String,
    pub(super) reply: String,
}
