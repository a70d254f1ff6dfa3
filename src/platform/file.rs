//! The raw shape of a platform file, exactly as it is written in TOML.
//!
//! These structs are converted once, by [`super::validate`], into the types the rest of the program
//! runs on. Field documentation here is the reference for people who write platform files.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::file_change::ChangeFile;

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
    /// How a device of this platform is recognised where the inventory says `auto`.
    #[serde(default)]
    pub(super) detect: DetectFile,
    /// What shows the software version, and how structured output is asked for.
    pub(super) show: ShowFile,
    /// Long forms of interface names by their short ones: `Gi = "GigabitEthernet"`.
    #[serde(default)]
    pub(super) interface_names: BTreeMap<String, String>,
    /// How many characters of its name a device shows in the prompts of configuration modes.
    pub(super) hostname_limit: Option<usize>,
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
    /// Questions that any command may raise, and the answers that change nothing.
    #[serde(default)]
    pub(super) questions: Vec<DialogFile>,
    /// Matches lines that a device writes on its own, such as log messages.
    #[serde(default)]
    pub(super) log_lines: Vec<String>,
    /// Lines behind which a device hangs until it is interrupted, such as a name lookup.
    #[serde(default)]
    pub(super) hangs: Vec<HangFile>,
    /// Lines that begin an input of several lines, during which no prompt is shown.
    #[serde(default)]
    pub(super) blocks: Vec<BlockFile>,
    /// Pager prompts; only the fallback where paging cannot be switched off.
    #[serde(default)]
    pub(super) pagers: Vec<PagerFile>,
    /// What marks a command as refused.
    #[serde(default)]
    pub(super) failures: Vec<FailureFile>,
    pub(super) read: ReadFile,
    /// How configuration is changed; without it changes are refused.
    pub(super) change: Option<ChangeFile>,
    #[serde(default)]
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
    /// How the device echoes what is typed.
    pub(super) echo: EchoFile,
    /// Put behind the user name at login, where the device takes settings of its console there.
    pub(super) username_suffix: String,
}

/// How a device echoes what is typed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EchoFile {
    /// Once, however it is painted.
    #[default]
    Once,
    /// A second time, behind the prompt it draws late, where the device is slow.
    MayRepeat,
    /// Not at all.
    None,
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
            echo: EchoFile::Once,
            username_suffix: String::new(),
        }
    }
}

/// One mode.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModeFile {
    /// Matches the whole prompt line of this mode and no other mode's.
    pub(super) prompt: String,
    /// Matches the line above the prompt, where only that tells the mode, as on SR Linux.
    pub(super) above: Option<String>,
    /// Lines that match `prompt` but are none.
    #[serde(default)]
    pub(super) exclude: Vec<String>,
    /// Real prompts of this mode, the line above included where it counts: the file's own test
    /// cases.
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
    /// Real questions.
    #[serde(default)]
    pub(super) cases: Vec<String>,
}

/// What is sent to a question.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AnswerFile {
    Username,
    Password,
    EnableSecret,
    Enter,
    Yes,
    No,
    /// This key, without Enter: `{ key = "a" }`.
    Key(String),
    /// This text and Enter: `{ text = "y" }`.
    Text(String),
    /// Nothing: the login fails and the question is reported, such as a demand for a new password.
    Report,
}

/// A command of the session's set-up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetupFile {
    pub(super) send: String,
    /// Takes the setting back before the session is closed, where it would outlive it.
    pub(super) undo: Option<String>,
}

/// How a device is recognised.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DetectFile {
    /// Matches the identification line of its SSH server.
    pub(super) ident: Vec<String>,
    /// Matches what it says before the first prompt.
    pub(super) banner: Vec<String>,
    /// Matches what it says to the version command.
    pub(super) version: Vec<String>,
}

/// Reading commands that the program itself uses.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowFile {
    /// Shows the software version.
    pub(super) version: String,
    /// Put behind a command, it makes the device answer in JSON; `none` where an inherited one does not.
    pub(super) structured: Option<String>,
    /// The key under which each leaf of that JSON stands alone: `"data"` for `[{"data": 1}]`.
    pub(super) structured_leaf: Option<String>,
    /// How the keys of that JSON begin whose value is a list of rows, or, where there is only one, that
    /// row: `"ROW_"`.
    pub(super) structured_row: Option<String>,
}

/// A line behind which a device hangs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HangFile {
    /// Matches the unterminated line.
    pub(super) line: String,
    /// Real lines.
    pub(super) cases: Vec<String>,
}

/// An input of several lines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockFile {
    /// Matches the line that begins it.
    pub(super) begins: String,
    /// Matches what the device says when it takes the text; without it the text follows at once.
    pub(super) ready: Option<String>,
    /// Sent behind the last line, where the text does not end itself: `\u0004`.
    #[serde(default)]
    pub(super) end: String,
    /// Real first lines.
    pub(super) cases: Vec<String>,
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
    /// Where in the answer to a command it counts. To a line of configuration every line counts.
    #[serde(default)]
    pub(super) counts: CountsFile,
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
    Locked,
    Commit,
    Other,
}

/// Where in an answer a failure indicator counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CountsFile {
    /// In the first lines: later ones may quote a refusal, as logs do.
    #[default]
    First,
    /// In the last line.
    Last,
    /// Anywhere.
    Anywhere,
}

/// What the gate lets pass as reading.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadFile {
    /// Longest command in characters.
    pub(super) max_length: usize,
    /// First words, with the optional part in double brackets: `sh[[ow]]`.
    pub(super) verbs: Vec<String>,
    /// Patterns of whole commands, up to the first pipe, that pass whatever their first word is;
    /// for systems on which the same word reads and writes.
    #[serde(default)]
    pub(super) forms: Vec<String>,
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
    /// Commands whose answer is a whole configuration, not a part of one.
    #[serde(default)]
    pub(super) whole_configuration: Vec<String>,
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

/// Transcripts that prove the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TestsFile {
    /// Lines of real output that no mode may take for a prompt.
    pub(super) not_prompts: Vec<String>,
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
