//! Owns the platforms: how each operating system's CLI looks and what it understands, as data.
//!
//! A platform is one TOML file under `platforms/`, named after the platform key of ntc-templates.
//! **Invariants:** a [`Platform`] that exists is valid: its patterns compile, every prompt case
//! matches its own mode and no other, the default mode can be reached from every mode, and every
//! name it refers to exists. Files are validated when a platform is first used, so that starting
//! the program does not pay for platforms nobody has. The only I/O is reading the operator's directory of
//! platform files; the others are embedded in the binary.

mod detect;
mod dialect;
mod dialog;
mod failure;
mod file;
mod file_change;
mod grammar;
mod mode;
mod name;
mod overlay;
mod registry;
mod transcript;
mod validate;
mod validate_change;

use regex::Regex;

pub use self::detect::{Detect, Seen, Verdict};
pub use self::dialect::{
    Capture, ChangeRules, Dialect, Health, Input, Layout, SafetyClass, Script, Step,
};
pub use self::dialog::{Answer, Block, Dialog, Pager, SecretUse, Setup, Transition};
pub use self::failure::{Counts, FailureIndicator, FailureKind};
pub use self::grammar::{Argument, Filter, ReadGrammar, Word};
pub use self::mode::{Echo, Mode, ModeName, TerminalSetup};
pub use self::name::PlatformName;
pub use self::registry::{Origin, PlatformError, Platforms};
pub use self::transcript::{Exchange, Transcript};

/// One platform, validated.
#[derive(Debug)]
pub struct Platform {
    /// The canonical name.
    pub name: PlatformName,
    /// What people call it.
    pub title: String,
    /// Other names that resolve to it.
    pub aliases: Vec<String>,
    /// The mode in which show commands run.
    pub default_mode: ModeName,
    /// How the terminal is set up.
    pub terminal: TerminalSetup,
    /// How a device of this platform is recognised.
    pub detect: Detect,
    /// Shows the software version.
    pub version_command: String,
    /// How it answers in JSON, where it can.
    pub structured: Option<Structured>,
    /// The long forms of interface names by their short ones, such as `Gi` for `GigabitEthernet`.
    pub interface_names: Vec<(String, String)>,
    /// The platforms whose files it inherits from, the nearest first.
    pub inherits: Vec<PlatformName>,
    /// How many characters of its name a device shows in the prompts of configuration modes.
    pub hostname_limit: Option<usize>,
    /// The modes, sorted by name.
    pub modes: Vec<Mode>,
    /// Lines that may stand between output and prompt and belong to the prompt.
    pub prompt_prelude: Vec<Regex>,
    /// The steps between modes.
    pub transitions: Vec<Transition>,
    /// Questions of the login, before the first prompt.
    pub login: Vec<Dialog>,
    /// Commands sent once per session.
    pub setup: Vec<Setup>,
    /// Questions that any command may raise, and the answers that change nothing.
    pub questions: Vec<Dialog>,
    /// Matches lines that a device writes on its own.
    pub log_lines: Vec<Regex>,
    /// Matches lines behind which a device hangs until it is interrupted.
    pub hangs: Vec<Regex>,
    /// Inputs of several lines.
    pub blocks: Vec<Block>,
    /// Pager prompts, answered where paging could not be switched off.
    pub pagers: Vec<Pager>,
    /// What marks a command as refused.
    pub failures: Vec<FailureIndicator>,
    /// What the gate lets pass as reading.
    pub read: ReadGrammar,
    /// How its configuration is changed; without it changes are refused.
    pub change: Option<ChangeRules>,
    /// Lines of real output that are no prompts.
    pub not_prompts: Vec<String>,
    /// Recorded exchanges that prove the file.
    pub transcripts: Vec<Transcript>,
}

/// How a platform answers in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structured {
    /// Put behind a command, it makes the device answer in JSON.
    pub suffix: String,
    /// The key under which a leaf stands alone in an object in a list, as `[{"data": 1}]`.
    pub leaf: Option<String>,
    /// How the keys begin whose value is a list of rows, or one row alone.
    pub row: Option<String>,
}

impl Platform {
    /// The names under which templates for it are looked up, the most specific first.
    pub fn template_names(&self) -> Vec<&str> {
        std::iter::once(&self.name).chain(&self.inherits).map(PlatformName::as_str).collect()
    }

    /// Reads and validates the text of a platform file that inherits from none.
    pub fn parse(name: &PlatformName, text: &str) -> Result<Self, PlatformError> {
        let platform =
            toml::from_str(text).map_err(|error| PlatformError::unreadable(name, error))?;
        validate::convert(name, platform).map_err(|problems| PlatformError::invalid(name, problems))
    }

    /// What answers a question of the login that needs nothing of the inventory, such as whether a
    /// banner was read. Servers may ask it before there is a shell.
    pub fn login_answer(&self, question: &str) -> Option<String> {
        let last = question.lines().last().unwrap_or_default();
        let dialog = self.login.iter().find(|dialog| dialog.question.is_match(last))?;
        match &dialog.answer {
            Answer::Yes => Some("yes".to_owned()),
            Answer::No => Some("no".to_owned()),
            Answer::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Finds the mode whose prompt this line is, below the line above it. A mode that names the line
    /// above outranks one that does not, as the MD-CLI's candidates on SR OS do.
    pub fn mode_of(&self, above: &str, line: &str) -> Option<&Mode> {
        let accepting = || self.modes.iter().filter(|mode| mode.accepts(above, line));
        accepting().find(|mode| mode.above.is_some()).or_else(|| accepting().next())
    }

    /// Says whether a line belongs to the prompt below it.
    pub fn is_prelude(&self, line: &str) -> bool {
        self.prompt_prelude.iter().any(|prelude| prelude.is_match(line))
            || self.modes.iter().any(|mode| mode.is_above(line))
    }

    /// Says whether a device writes such a line on its own.
    pub fn is_log_line(&self, line: &str) -> bool {
        self.log_lines.iter().any(|pattern| pattern.is_match(line))
    }

    /// Finds a mode by name.
    pub fn mode(&self, name: &ModeName) -> Option<&Mode> {
        self.modes.iter().find(|mode| mode.name == *name)
    }

    /// Finds why the device refused a command.
    pub fn failure_in(&self, output: &str) -> Option<(&FailureIndicator, String)> {
        failure::in_command(&self.failures, output)
    }

    /// Finds why the device refused a configuration line; there every line of the answer counts.
    pub fn failure_anywhere(&self, output: &str) -> Option<(&FailureIndicator, String)> {
        failure::anywhere(&self.failures, output)
    }

    /// Finds the shortest way from one mode to another.
    pub fn path(&self, from: &ModeName, to: &ModeName) -> Option<Vec<&Transition>> {
        validate::shortest_path(&self.transitions, from, to)
    }
}

#[cfg(test)]
mod tests;
