//! What can go wrong on a session.

use std::time::Duration;

use crate::error::ErrorCode;

/// Whether a command that was given up on is known to have stopped on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// The device showed a prompt after the interrupt key.
    Proven,
    /// It did not; the command may still be running.
    Unproven,
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Proven => "it was interrupted",
            Self::Unproven => "it was interrupted and may still be running on the device",
        })
    }
}

/// A failure of a session. `tail` is the cleaned and cut last line the device showed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The device closed the connection.
    #[error("the device closed the session")]
    Closed,
    /// The connection failed.
    #[error("the connection broke")]
    Io(#[source] std::io::Error),
    /// No prompt appeared after login.
    #[error("no prompt within {}s after login; the device showed `{tail}` last", waited.as_secs())]
    PromptTimeout {
        /// How long we waited.
        waited: Duration,
        /// What the device showed last.
        tail: String,
    },
    /// The device went silent in the middle of an answer.
    #[error("nothing came for {}s and no prompt was seen; {stopped}", waited.as_secs())]
    IdleTimeout {
        /// How long nothing came.
        waited: Duration,
        /// Whether the command stopped.
        stopped: Stopped,
    },
    /// The answer took longer than a command may take.
    #[error("the command did not finish within {}s; {stopped}", waited.as_secs())]
    CommandTimeout {
        /// How long we waited.
        waited: Duration,
        /// Whether the command stopped.
        stopped: Stopped,
    },
    /// The caller gave up.
    #[error("the request was cancelled; {stopped}")]
    Cancelled {
        /// Whether the command stopped.
        stopped: Stopped,
    },
    /// The device asks something that no answer is known for.
    #[error("the device asks `{question}`")]
    NeedsInput {
        /// The question.
        question: String,
    },
    /// A mode could not be entered.
    #[error("mode `{mode}` cannot be entered; {reason}")]
    ModeUnreachable {
        /// The mode.
        mode: String,
        /// What the device said or what is missing.
        reason: String,
    },
    /// The session was given up after an earlier failure.
    #[error("the session was given up after an earlier failure")]
    Poisoned,
}

impl SessionError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Closed | Self::Io(_) | Self::Poisoned => ErrorCode::SessionLost,
            Self::PromptTimeout { .. } => ErrorCode::PromptTimeout,
            Self::IdleTimeout { .. } | Self::CommandTimeout { .. } => ErrorCode::CommandTimeout,
            Self::Cancelled { .. } => ErrorCode::Cancelled,
            Self::NeedsInput { .. } => ErrorCode::NeedsInput,
            Self::ModeUnreachable { .. } => ErrorCode::ModeUnreachable,
        }
    }
}
