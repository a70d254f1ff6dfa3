//! Owns the platforms: how each operating system's CLI looks and what it understands, as data.
//!
//! A platform is one TOML file under `platforms/`, named after the platform key of ntc-templates.
//! **Invariants:** a [`Platform`] that exists is valid: its patterns compile, every prompt case
//! matches its own mode and no other, the default mode can be reached from every mode, and every
//! name it refers to exists. Files are validated when a platform is first used, so that starting
//! the program does not pay for platforms nobody has. This module does no I/O: the files are
//! embedded in the binary.

mod dialect;
mod file;
mod grammar;
mod name;
mod transcript;
mod validate;
mod validate_change;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use include_dir::{Dir, include_dir};
use regex::Regex;

pub use self::dialect::{
    Capture, ChangeRules, Dialect, Health, Input, Layout, SafetyClass, Script, Step,
};
pub use self::grammar::{Argument, Filter, ReadGrammar, Word};
pub use self::name::PlatformName;
pub use self::transcript::{Exchange, Transcript};
use crate::error::ErrorCode;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/platforms");

/// A platform file that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// The file is no valid TOML or has unknown or missing keys.
    #[error("platform file `{file}` cannot be read: {message}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the TOML reader said, with line and column.
        message: String,
    },
    /// The file can be read and contradicts itself.
    #[error("platform file `{file}` is invalid: {}", problems.join("; "))]
    Invalid {
        /// The file.
        file: String,
        /// Every problem found.
        problems: Vec<String>,
    },
    /// No platform has this name.
    #[error("no platform is called `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
    },
}

impl PlatformError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown { .. } => ErrorCode::InvalidArgument,
            Self::Unreadable { .. } | Self::Invalid { .. } => ErrorCode::Internal,
        }
    }
}

/// All platforms that this program knows.
#[derive(Debug)]
pub struct Platforms {
    entries: BTreeMap<String, Entry>,
    aliases: BTreeMap<String, PlatformName>,
}

#[derive(Debug)]
struct Entry {
    name: PlatformName,
    source: &'static str,
    loaded: OnceLock<Result<Arc<Platform>, PlatformError>>,
}

impl Platforms {
    /// Lists the platform files embedded in the binary; each is read when it is first used.
    pub fn embedded() -> Self {
        let mut entries = BTreeMap::new();
        let mut aliases = BTreeMap::new();
        for file in FILES.files() {
            let path = file.path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let (Some(stem), Some(source)) =
                (path.file_stem().and_then(|s| s.to_str()), file.contents_utf8())
            else {
                continue;
            };
            let name = PlatformName::new(stem);
            for alias in aliases_of(source) {
                aliases.insert(alias, name.clone());
            }
            let entry = Entry { name, source, loaded: OnceLock::new() };
            entries.insert(stem.to_owned(), entry);
        }
        Self { entries, aliases }
    }

    /// Finds the platform that a name or alias means.
    pub fn resolve(&self, name: &str) -> Option<PlatformName> {
        let wanted = name.trim().to_ascii_lowercase();
        let own = self.entries.get(&wanted).map(|entry| entry.name.clone());
        own.or_else(|| self.aliases.get(&wanted).cloned())
    }

    /// Loads a platform, validating its file on first use.
    pub fn get(&self, name: &PlatformName) -> Result<Arc<Platform>, PlatformError> {
        let Some(entry) = self.entries.get(name.as_str()) else {
            return Err(PlatformError::Unknown { name: name.to_string() });
        };
        entry
            .loaded
            .get_or_init(|| Platform::parse(&entry.name, entry.source).map(Arc::new))
            .clone()
    }

    /// Names every platform, sorted.
    pub fn names(&self) -> impl Iterator<Item = &PlatformName> {
        self.entries.values().map(|entry| &entry.name)
    }
}

/// Reads only the `aliases` line, so that a start does not parse every file.
fn aliases_of(source: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Line {
        aliases: Vec<String>,
    }
    let line = source.lines().find(|line| line.starts_with("aliases = "));
    line.and_then(|line| toml::from_str::<Line>(line).ok()).map_or_else(Vec::new, |l| l.aliases)
}

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
    /// The modes, sorted by name.
    pub modes: Vec<Mode>,
    /// Lines that may stand between output and prompt and belong to the prompt.
    pub prompt_prelude: Vec<Regex>,
    /// The steps between modes.
    pub transitions: Vec<Transition>,
    /// Questions of the login, before the first prompt.
    pub login: Vec<Dialog>,
    /// Commands sent once per session.
    pub setup: Vec<String>,
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

impl Platform {
    /// Reads and validates the text of a platform file.
    pub fn parse(name: &PlatformName, text: &str) -> Result<Self, PlatformError> {
        let file = toml::from_str(text).map_err(|error| PlatformError::Unreadable {
            file: format!("{name}.toml"),
            message: error.to_string(),
        })?;
        validate::convert(name, file)
            .map_err(|problems| PlatformError::Invalid { file: format!("{name}.toml"), problems })
    }

    /// Finds the mode whose prompt this line is.
    pub fn mode_of(&self, line: &str) -> Option<&Mode> {
        self.modes.iter().find(|mode| mode.accepts(line))
    }

    /// Finds a mode by name.
    pub fn mode(&self, name: &ModeName) -> Option<&Mode> {
        self.modes.iter().find(|mode| mode.name == *name)
    }

    /// Finds why the device refused, looking only at the first lines of its answer: a refusal
    /// comes first, while later lines may quote one, as logs do.
    pub fn failure_in(&self, output: &str) -> Option<(&FailureIndicator, String)> {
        const LINES: usize = 3;
        output.lines().filter(|line| !line.trim().is_empty()).take(LINES).find_map(|line| {
            let indicator = self.failures.iter().find(|failure| failure.line.is_match(line))?;
            Some((indicator, line.trim().to_owned()))
        })
    }

    /// Finds why the device refused a configuration line; there every line of the answer counts.
    pub fn failure_anywhere(&self, output: &str) -> Option<(&FailureIndicator, String)> {
        output.lines().find_map(|line| {
            let indicator = self.failures.iter().find(|failure| failure.line.is_match(line))?;
            Some((indicator, line.trim().to_owned()))
        })
    }

    /// Finds the shortest way from one mode to another.
    pub fn path(&self, from: &ModeName, to: &ModeName) -> Option<Vec<&Transition>> {
        validate::shortest_path(&self.transitions, from, to)
    }
}

/// A mode's name: `exec`, `privileged_exec`, `configuration`, `shell`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModeName(String);

impl ModeName {
    fn new(name: impl Into<String>) -> Self {
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
    prompt: Regex,
    exclude: Vec<Regex>,
    /// Real prompts of this mode.
    pub cases: Vec<String>,
}

impl Mode {
    /// Says whether a line is a prompt of this mode.
    pub fn accepts(&self, line: &str) -> bool {
        self.prompt.is_match(line) && !self.exclude.iter().any(|exclude| exclude.is_match(line))
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
    /// Whether a slow device may echo a command a second time.
    pub echo_may_repeat: bool,
}

/// A step from one mode to another.
#[derive(Debug)]
pub struct Transition {
    /// The mode it starts in.
    pub from: ModeName,
    /// The mode it must end in.
    pub to: ModeName,
    /// What is sent.
    pub send: String,
    /// Whether the step needs the enable secret.
    pub secret: SecretUse,
    /// Questions that it may raise.
    pub dialog: Vec<Dialog>,
}

/// Whether a step can be taken without an enable secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretUse {
    /// No secret is asked.
    None,
    /// A secret may be asked; the step is tried without one.
    Optional,
    /// The step is taken only where the inventory has a secret.
    Required,
}

/// A question and what answers it.
#[derive(Debug)]
pub struct Dialog {
    /// Matches the last, unterminated line.
    pub question: Regex,
    /// What is sent.
    pub answer: Answer,
}

/// What is sent to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The user name of the inventory.
    Username,
    /// The password of the inventory.
    Password,
    /// The enable secret of the inventory.
    EnableSecret,
    /// An empty line.
    Enter,
    /// `yes`.
    Yes,
    /// `no`.
    No,
}

/// How a pager looks and what it understands.
#[derive(Debug)]
pub struct Pager {
    /// Matches the whole pager prompt.
    pub prompt: Regex,
    /// The key that is pressed.
    pub key: String,
    /// Whether the pager fills the screen with blank lines before it stops.
    pub pads_screen: bool,
}

/// Text that marks a command as refused.
#[derive(Debug)]
pub struct FailureIndicator {
    /// Matches from the start of a line.
    pub line: Regex,
    /// Why the device refused.
    pub kind: FailureKind,
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
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests;
