//! Why a credential could not be had.

use std::io;
use std::sync::Arc;

use crate::error::ErrorCode;

/// A credential that could not be had. No variant ever holds a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A file cannot be read.
    #[error("{what} {path} cannot be read")]
    File {
        /// What the file is.
        what: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// A file does not end in time, as a pipe that nobody writes to.
    #[error("{what} {path} could not be read within {seconds} s")]
    FileTimeout {
        /// What the file is.
        what: &'static str,
        /// The file.
        path: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// An environment variable is not there.
    #[error("the environment variable `{name}` is not set where this server was started")]
    EnvUnset {
        /// Its name.
        name: String,
    },
    /// A program cannot be started.
    #[error("`{program}`, which is to print a secret, cannot be started")]
    CommandStart {
        /// The program, without its arguments.
        program: String,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// A program said that it failed.
    #[error(
        "`{program}`, which is to print a secret, failed with {status}; run it by hand to see why"
    )]
    CommandFailed {
        /// The program, without its arguments.
        program: String,
        /// How it ended.
        status: String,
    },
    /// A program did not end in time.
    #[error(
        "`{program}`, which is to print a secret, did not end within {seconds} s; it must not ask \
         anything, and the setting `credentials.command_seconds` allows more time"
    )]
    CommandTimeout {
        /// The program, without its arguments.
        program: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A source gave more than a secret has.
    #[error("{from} gave more than {limit} bytes, which is no secret")]
    TooLong {
        /// The source.
        from: String,
        /// How many bytes it may give.
        limit: u64,
    },
    /// A program printed more than one line.
    #[error("{from} gave several lines; it must give the secret alone")]
    SeveralLines {
        /// The source.
        from: String,
    },
    /// A source gave nothing.
    #[error("{from} gave nothing")]
    Empty {
        /// The source.
        from: String,
    },
    /// A source gave bytes that are no text.
    #[error("{from} gave something that is not UTF-8")]
    NotText {
        /// The source.
        from: String,
    },
    /// A source gave characters that would act when they are typed.
    #[error("{from} gave a control character, which no secret may hold")]
    ControlCharacter {
        /// The source.
        from: String,
    },
    /// The keyring has no such entry.
    #[error("the keyring has no entry for service `{service}` and account `{account}`")]
    KeyringEntry {
        /// The service.
        service: String,
        /// The account.
        account: String,
    },
    /// The keyring cannot be used.
    #[error("the desktop's keyring cannot be used: {reason}")]
    Keyring {
        /// What it said.
        reason: String,
    },
    /// The keyring did not answer in time.
    #[error("the desktop's keyring did not answer within {seconds} s; it may be locked")]
    KeyringTimeout {
        /// How long it was waited for.
        seconds: u64,
    },
}

impl CredentialError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::CredentialUnavailable
    }
}
