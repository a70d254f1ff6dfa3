//! What can go wrong with tokens.

use std::time::Duration;

use crate::caller::UnknownRole;
use crate::error::ErrorCode;
use crate::store::StoreError;

/// A token is refused or cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// What was presented does not have the form of a token.
    #[error("what was presented is no token")]
    Malformed,
    /// No token has the id that was presented.
    #[error("no token has the id {id}")]
    Unknown {
        /// The id.
        id: String,
    },
    /// The id is right and the secret is not.
    #[error("the secret presented for token {id} is wrong")]
    WrongSecret {
        /// The id.
        id: String,
    },
    /// The token was good once.
    #[error("token {id} has expired")]
    Expired {
        /// The id.
        id: String,
    },
    /// The token was good once.
    #[error("token {id} was revoked")]
    Revoked {
        /// The id.
        id: String,
    },
    /// An operator names a token that does not exist.
    #[error("there is no token {id}; `vty-mcp token list` shows them all")]
    Missing {
        /// The id.
        id: String,
    },
    /// An operator names something that is no id. It is not repeated: it may be half a token.
    #[error("this is no id of a token; an id has eight digits and letters, as in 1a2b3c4d")]
    NoId,
    /// The name of a new token has other characters or another length.
    #[error("a token's name has 1 to {longest} letters, digits and `.`, `_`, `-`, `@`")]
    Name {
        /// The most characters.
        longest: usize,
    },
    /// A new token is to live too long, or not at all.
    #[error("a token lives from one second to {} days", longest.as_secs() / 86_400)]
    Lifetime {
        /// The longest.
        longest: Duration,
    },
    /// A recorded token has a role that this program does not know.
    #[error("a recorded token cannot be read")]
    Role(#[source] UnknownRole),
    /// The operating system gives no randomness.
    #[error("no randomness for a token")]
    Random(#[source] getrandom::Error),
    /// The database cannot be used.
    #[error("the tokens cannot be read or written")]
    Store(#[source] StoreError),
}

impl TokenError {
    /// Whether the presented token is at fault. Callers see all of these as one.
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Malformed
                | Self::Unknown { .. }
                | Self::WrongSecret { .. }
                | Self::Expired { .. }
                | Self::Revoked { .. }
        )
    }

    /// The stable code of this failure.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed
            | Self::Unknown { .. }
            | Self::WrongSecret { .. }
            | Self::Expired { .. }
            | Self::Revoked { .. }
            | Self::Missing { .. }
            | Self::NoId
            | Self::Name { .. }
            | Self::Lifetime { .. } => ErrorCode::InvalidArgument,
            Self::Role(_) | Self::Random(_) => ErrorCode::Internal,
            Self::Store(error) => error.code(),
        }
    }
}
