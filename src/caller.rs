//! Owns who asks: [`Caller`] and what a caller may do at most ([`Role`]).
//!
//! **Invariant:** a caller holds no secret, so it may be printed and logged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;

/// What a caller may do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and changes, where changes are switched on.
    Operator,
}

impl Role {
    /// Every role, from the least to the most.
    pub const ALL: &'static [Self] = &[Self::Viewer, Self::Operator];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.iter().find(|role| role.as_str() == word);
        found.copied().ok_or_else(|| UnknownRole { word: word.to_owned() })
    }
}

/// A word that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no role; use \"viewer\" or \"operator\"")]
pub struct UnknownRole {
    word: String,
}

impl UnknownRole {
    /// The stable code of this failure.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// Who asks. Plans, sessions and outputs are bound to the id of the caller that made them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Tells callers apart, and is the same each time the same one asks.
    pub id: String,
    /// What this caller may do at most.
    pub role: Role,
}

impl Caller {
    /// Whoever started the program: over standard input and output, or on the command line.
    pub fn local(role: Role) -> Self {
        Self { id: "local".to_owned(), role }
    }

    /// Whoever holds the token of this id. Never the same as [`Caller::local`].
    pub fn with_token(token_id: &str, role: Role) -> Self {
        Self { id: format!("token:{token_id}"), role }
    }

    /// Whether this caller may change devices, where changes are switched on.
    pub const fn may_change(&self) -> bool {
        matches!(self.role, Role::Operator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_roles_lead_back_to_them() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            let read: Role = serde_json::from_value(role.as_str().into()).unwrap();
            assert_eq!(read, *role);
        }
    }

    #[test]
    fn another_word_is_refused_with_the_right_ones() {
        for word in ["Viewer", "admin", "", "operator "] {
            let message = word.parse::<Role>().unwrap_err().to_string();
            assert!(message.contains("\"viewer\" or \"operator\""), "{message}");
        }
    }

    #[test]
    fn only_operators_may_change() {
        assert!(Caller::local(Role::Operator).may_change());
        assert!(!Caller::local(Role::Viewer).may_change());
    }

    #[test]
    fn a_token_never_makes_the_local_caller() {
        let local = Caller::local(Role::Viewer);
        assert_ne!(Caller::with_token("local", Role::Viewer).id, local.id);
    }
}
