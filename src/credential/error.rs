//! Why a credential could not be had.

use crate::error::ErrorCode;

/// A credential that could not be had. No variant ever holds a secret.
#[derive(Debug, thiserror::Error)]
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
        source: std::io::Error,
    },
    /// This kind of source is not available.
    #[error("secrets from {what} are not available here")]
    Unavailable {
        /// The kind.
        what: &'static str,
    },
}

impl CredentialError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::CredentialUnavailable
    }
}
