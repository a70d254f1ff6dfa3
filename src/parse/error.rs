//! Owns [`ParseError`]: every way in which turning output into records can fail.
//!
//! **Invariant:** an empty table is not an error; it is a [`Parsed`](super::Parsed) without records.
//! What is quoted from a device is cut to [`QUOTE_CHARS`] and free of control characters.

use crate::error::ErrorCode;

/// How much of a line of output an error may quote.
const QUOTE_CHARS: usize = 120;

/// Why there are no records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// No row of the index fits.
    #[error("no template is known for `{command}` on {platform}")]
    TemplateNotFound {
        /// The platform that was asked for.
        platform: String,
        /// The command that was asked for.
        command: String,
    },
    /// The index itself is wrong.
    #[error("the template index of {place} is invalid at line {line}: {message}")]
    IndexInvalid {
        /// Where the index lies.
        place: String,
        /// The line of the index, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The index names a template that does not exist.
    #[error("the template `{template}` does not exist in {place}")]
    TemplateMissing {
        /// The file name that the index gives.
        template: String,
        /// Where it was looked for.
        place: String,
    },
    /// A directory or wheel that should hold templates does not.
    #[error("templates cannot be read from {place}: {message}")]
    PlaceUnusable {
        /// The directory or file.
        place: String,
        /// What is wrong with it.
        message: String,
    },
    /// A template does not follow the rules of TextFSM.
    #[error("the template `{template}` is invalid at line {line}: {message}")]
    TemplateInvalid {
        /// The template's file name.
        template: String,
        /// The line of the template, from 1; 0 when the template as a whole is meant.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A rule with the action `Error` matched: the template does not know this output.
    #[error(
        "rule `{rule}` at line {line} of the template `{template}` refuses line {input_line} of \
         the output, `{input}`{}",
        .message.as_ref().map(|m| format!(" ({m})")).unwrap_or_default()
    )]
    Refused {
        /// The template's file name.
        template: String,
        /// The line of the rule in the template, from 1.
        line: usize,
        /// The rule as it stands in the template.
        rule: String,
        /// The message that the rule gives, if any.
        message: Option<String>,
        /// The line of the output, from 1.
        input_line: usize,
        /// The refused line, cleaned and cut.
        input: String,
    },
    /// A pattern needs more backtracking on a line than is allowed, so nothing is known about it.
    #[error(
        "the rule at line {line} of the template `{template}` cannot decide line {input_line} of \
         the output, `{input}`"
    )]
    Undecided {
        /// The template's file name.
        template: String,
        /// The line of the rule in the template, from 1.
        line: usize,
        /// The line of the output, from 1.
        input_line: usize,
        /// The line that could not be decided, cleaned and cut.
        input: String,
    },
    /// The output would give more than one call should hold in memory.
    #[error("the output exceeds {limit} {what} with the template `{template}`")]
    TooLarge {
        /// The template's file name.
        template: String,
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// The caller's budget of time ended, or nobody waits any more.
    #[error("the template `{template}` was stopped at line {input_line} of the output")]
    Stopped {
        /// The template's file name.
        template: String,
        /// The line of the output, from 1, that was not finished.
        input_line: usize,
    },
    /// A jq program cannot be used, or fails.
    #[error("the jq program fails: {message}")]
    SelectFailed {
        /// What is wrong with it.
        message: String,
    },
    /// A condition on records cannot be understood.
    #[error("the condition `{condition}` cannot be used: {message}")]
    ConditionInvalid {
        /// The condition, cleaned and cut.
        condition: String,
        /// What is wrong with it.
        message: String,
    },
    /// A field was asked for that the template does not give.
    #[error("no field `{field}` in the template `{template}`; its fields are {}", .valid.join(", "))]
    UnknownField {
        /// The template's file name.
        template: String,
        /// The field that was asked for.
        field: String,
        /// The fields there are.
        valid: Vec<String>,
    },
}

impl ParseError {
    /// The stable word for this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TemplateNotFound { .. } => ErrorCode::TemplateNotFound,
            Self::IndexInvalid { .. }
            | Self::TemplateMissing { .. }
            | Self::PlaceUnusable { .. }
            | Self::TemplateInvalid { .. } => ErrorCode::TemplateInvalid,
            Self::Refused { .. }
            | Self::Undecided { .. }
            | Self::TooLarge { .. }
            | Self::Stopped { .. } => ErrorCode::ParseFailed,
            Self::UnknownField { .. }
            | Self::ConditionInvalid { .. }
            | Self::SelectFailed { .. } => ErrorCode::InvalidArgument,
        }
    }
}

/// Cleans and cuts a line of output for an error message.
pub(super) fn quote(line: &str) -> String {
    let mut text = String::new();
    for (count, c) in line.chars().enumerate() {
        if count == QUOTE_CHARS {
            text.push('…');
            break;
        }
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}
