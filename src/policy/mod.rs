//! The gate: may these exact bytes go to this device?
//!
//! **Invariants:** [`Permitted`] is made here and nowhere else, and it holds exactly the text that
//! was judged; nothing is normalised after the judgement. The gate allows what its grammar can
//! derive and refuses everything else, so a command nobody thought of is refused. It is a pure
//! function, linear in the length of the command.

mod answers;
mod configuration;
mod read;

pub use self::answers::GivenAnswer;
pub use self::configuration::{ConfigurationRefusal, PermittedConfiguration, Statement};
use crate::error::ErrorCode;
use crate::platform::{ChangeRules, Platform};

/// A command that passed the gate for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    command: String,
    reads_configuration: bool,
    reads_whole: bool,
    answers: Vec<GivenAnswer>,
}

impl Permitted {
    /// The exact text to send, without its newline.
    pub fn as_str(&self) -> &str {
        &self.command
    }

    /// Whether the answer is a configuration, whose text may quote prompts.
    pub fn reads_configuration(&self) -> bool {
        self.reads_configuration
    }

    /// Whether the answer is a whole configuration, not a part or a filtered one.
    pub fn reads_whole_configuration(&self) -> bool {
        self.reads_whole
    }

    /// What to answer to a question of the device, when so many answers were used already. The
    /// question is judged too, with the lines above it: one that would change something has no
    /// answer.
    pub fn answer_to(
        &self,
        question: &str,
        with_context: impl FnOnce() -> String,
        used: usize,
    ) -> Option<&str> {
        let given = self.answers.get(used)?;
        let meant = given.is_meant_by(question) && !answers::is_grave(&with_context());
        meant.then_some(&given.answer)
    }
}

/// Why the gate refused a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is nothing to send.
    #[error("the command is empty")]
    Empty,
    /// The command is longer than the platform's line editor takes.
    #[error("the command has {length} characters and at most {limit} are allowed")]
    TooLong {
        /// Its length in characters.
        length: usize,
        /// The platform's limit.
        limit: usize,
    },
    /// A character is not printable ASCII.
    #[error("character {position} is {shown}, and only printable ASCII may be sent")]
    NotPrintable {
        /// Its position, counted from 1.
        position: usize,
        /// The character as a code point, never itself.
        shown: String,
    },
    /// A character could chain, redirect, substitute or complete.
    #[error("character {position}, `{character}`, is not allowed in a reading command")]
    Metacharacter {
        /// Its position, counted from 1.
        position: usize,
        /// The character.
        character: char,
    },
    /// Quotes are not balanced, or the platform has none.
    #[error("the quotes are not balanced")]
    Quotes,
    /// The first word is no reading verb.
    #[error("`{word}` is not a reading command; allowed: {allowed}")]
    NotReadOnly {
        /// The first word.
        word: String,
        /// The verbs that are allowed.
        allowed: String,
    },
    /// The command names a remote file, which the device would fetch.
    #[error("`{word}` names a remote file, and a reading command reaches no other machine")]
    Remote {
        /// The word.
        word: String,
    },
    /// The command reads too much or reads secrets.
    #[error("`{rule}` is not allowed")]
    Denied {
        /// The rule that matched.
        rule: String,
    },
    /// What follows a pipe is no harmless filter.
    #[error("`| {filter}` is not allowed; allowed filters: {allowed}")]
    Pipe {
        /// The first word behind the pipe.
        filter: String,
        /// The filters that are allowed.
        allowed: String,
    },
    /// A filter's argument is missing, superfluous or not allowed.
    #[error("the filter `{filter}` {problem}")]
    FilterArgument {
        /// The filter.
        filter: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// An answer to a question is none that a reading call may give.
    #[error("the answer to `{question}` {problem}")]
    Answer {
        /// The question it is meant for, cut and cleaned.
        question: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl Refusal {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Empty | Self::TooLong { .. } => ErrorCode::InvalidArgument,
            _ => ErrorCode::PolicyDenied,
        }
    }

    /// The name of the rule, for logs and callers.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "cmd_empty",
            Self::TooLong { .. } => "cmd_too_long",
            Self::NotPrintable { .. } => "cmd_control_char",
            Self::Metacharacter { character: '?', .. } => "cmd_help_char",
            Self::Metacharacter { .. } | Self::Quotes => "cmd_metachar",
            Self::NotReadOnly { .. } => "cmd_not_read_only",
            Self::Remote { .. } => "cmd_remote",
            Self::Denied { .. } => "cmd_denied",
            Self::Pipe { .. } => "cmd_pipe_target",
            Self::FilterArgument { .. } => "cmd_filter_arg",
            Self::Answer { .. } => "cmd_answer",
        }
    }
}

/// Judges a reading command for a platform.
pub fn permit_read(platform: &Platform, command: &str) -> Result<Permitted, Refusal> {
    permit_read_with(platform, command, &[])
}

/// Judges a reading command and the answers to the questions it may raise, in their order.
pub fn permit_read_with(
    platform: &Platform,
    command: &str,
    answers: &[GivenAnswer],
) -> Result<Permitted, Refusal> {
    read::judge(&platform.read, command)?;
    answers::judge(answers)?;
    let reads_configuration =
        platform.read.configuration.iter().any(|pattern| pattern.is_match(command));
    let reads_whole =
        platform.read.whole_configuration.iter().any(|pattern| pattern.is_match(command));
    let (command, answers) = (command.to_owned(), answers.to_vec());
    Ok(Permitted { command, reads_configuration, reads_whole, answers })
}

/// Judges configuration text for a platform's rules of change.
pub fn permit_configuration(
    rules: &ChangeRules,
    text: &str,
) -> Result<PermittedConfiguration, ConfigurationRefusal> {
    configuration::judge(rules, text)
}

/// What the gate makes of the file's own cases.
pub fn case_problems(platform: &Platform) -> Vec<String> {
    let allowed = platform.read.allowed.iter().filter_map(|command| {
        let refusal = permit_read(platform, command).err()?;
        Some(format!("read.cases.allowed: `{command}` is refused: {refusal}"))
    });
    let refused = platform
        .read
        .refused
        .iter()
        .filter(|command| permit_read(platform, command).is_ok())
        .map(|command| format!("read.cases.refused: {command:?} passes the gate"));
    allowed.chain(refused).collect()
}

#[cfg(test)]
mod tests;
