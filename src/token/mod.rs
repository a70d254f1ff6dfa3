//! Owns bearer tokens: makes, shows and revokes them, and tells who presents one.
//!
//! **Invariants:** only the hash of a token's secret is kept, and the secret leaves once, when the
//! token is made. No error and no log line holds any text that was presented. A revoked token is
//! refused from the next request on, in every process.

mod error;
mod format;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use subtle::ConstantTimeEq;

pub use self::error::TokenError;
use self::format::Parts;
use crate::caller::{Caller, Role};
use crate::error::chain;
use crate::secret::Secret;
use crate::store::{Store, TokenRow};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest name of a token.
const LONGEST_NAME: usize = 64;

/// How exact the record of the last use is, in seconds. Each record costs a write to the disk.
const USE_RECORDED_EVERY: u64 = 60;

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What the operator calls it: letters, digits, `.`, `_`, `-` and `@`.
    pub name: String,
    /// What its holder may do at most.
    pub role: Role,
    /// How long it is accepted, at most [`Tokens::LONGEST_LIFETIME`].
    pub expires_in: Duration,
}

/// A token that was just made.
#[derive(Debug)]
pub struct CreatedToken {
    /// What is kept.
    pub info: TokenInfo,
    /// The token itself. This is the only time it is seen.
    pub token: Secret<String>,
}

/// What may be known about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Names the token; no secret.
    pub id: String,
    /// What the operator calls it.
    pub name: String,
    /// What its holder may do at most.
    pub role: Role,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// From when on it is not accepted.
    pub expires_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
}

/// Whether a token is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// It is.
    Valid,
    /// Its time is over.
    Expired,
    /// Somebody revoked it.
    Revoked,
}

impl TokenState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl TokenInfo {
    /// Whether the token is accepted at this moment.
    pub const fn state(&self, now: i64) -> TokenState {
        if self.revoked_at.is_some() {
            TokenState::Revoked
        } else if self.expires_at <= now {
            TokenState::Expired
        } else {
            TokenState::Valid
        }
    }
}

impl TryFrom<TokenRow> for TokenInfo {
    type Error = TokenError;

    fn try_from(row: TokenRow) -> Result<Self, TokenError> {
        let role = row.role.parse().map_err(TokenError::Role)?;
        Ok(Self {
            id: row.id,
            name: row.name,
            role,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    }
}

/// The tokens of this state directory. Methods wait for the database, see [`Store`].
#[derive(Debug, Clone)]
pub struct Tokens {
    store: Arc<Store>,
}

impl Tokens {
    /// How long a token is accepted where nobody says otherwise.
    pub const DEFAULT_LIFETIME: Duration = DAY.saturating_mul(90);
    /// How long a token is accepted at most.
    pub const LONGEST_LIFETIME: Duration = DAY.saturating_mul(365);

    /// The tokens in this database.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Makes a token.
    pub fn create(&self, new: &NewToken, now: i64) -> Result<CreatedToken, TokenError> {
        if !is_name(&new.name) {
            return Err(TokenError::Name { longest: LONGEST_NAME });
        }
        let lifetime = i64::try_from(new.expires_in.as_secs()).unwrap_or_default();
        if lifetime == 0 || new.expires_in > Self::LONGEST_LIFETIME {
            return Err(TokenError::Lifetime { longest: Self::LONGEST_LIFETIME });
        }
        loop {
            let minted = format::mint()?;
            let row = TokenRow {
                id: minted.id,
                name: new.name.clone(),
                role: new.role.as_str().to_owned(),
                hash: minted.hash,
                created_at: now,
                expires_at: now.saturating_add(lifetime),
                revoked_at: None,
                last_used_at: None,
            };
            // An id is short, so another token may have it; the next one is another.
            if self.store.insert_token(&row).map_err(TokenError::Store)? {
                return Ok(CreatedToken { info: row.try_into()?, token: minted.token });
            }
        }
    }

    /// Every token, oldest first, whether accepted or not.
    pub fn list(&self) -> Result<Vec<TokenInfo>, TokenError> {
        let rows = self.store.tokens().map_err(TokenError::Store)?;
        rows.into_iter().map(TokenInfo::try_from).collect()
    }

    /// One token, by its id or by the token itself.
    pub fn show(&self, id: &str) -> Result<TokenInfo, TokenError> {
        let id = format::id_in(id).ok_or(TokenError::NoId)?;
        let row = self.store.token(id).map_err(TokenError::Store)?;
        row.ok_or_else(|| TokenError::Missing { id: id.to_owned() })?.try_into()
    }

    /// Revokes a token, by its id or by the token itself. Revoking it again changes nothing.
    pub fn revoke(&self, id: &str, now: i64) -> Result<TokenInfo, TokenError> {
        let id = format::id_in(id).ok_or(TokenError::NoId)?;
        let row = self.store.revoke_token(id, now).map_err(TokenError::Store)?;
        row.ok_or_else(|| TokenError::Missing { id: id.to_owned() })?.try_into()
    }

    /// Whether anybody could authenticate at this moment.
    pub fn any_valid(&self, now: i64) -> Result<bool, TokenError> {
        self.store.any_valid_token(now).map_err(TokenError::Store)
    }

    /// Tells whose token this is. A caller must not learn which refusal it got
    /// ([`TokenError::is_refusal`]); the log may.
    pub fn authenticate(&self, presented: &str, now: i64) -> Result<Caller, TokenError> {
        let parts = Parts::of(presented).ok_or(TokenError::Malformed)?;
        let hash = parts.hash();
        let row = self.store.token(parts.id).map_err(TokenError::Store)?;
        // Without a token of that id the same comparison is made, against nobody's hash.
        let expected = row.as_ref().map_or([0; 32], |row| row.hash);
        let proven = bool::from(hash.ct_eq(&expected));
        let id = || parts.id.to_owned();
        let row = row.ok_or_else(|| TokenError::Unknown { id: id() })?;
        if !proven {
            return Err(TokenError::WrongSecret { id: id() });
        }
        let info = TokenInfo::try_from(row)?;
        match info.state(now) {
            TokenState::Revoked => Err(TokenError::Revoked { id: id() }),
            TokenState::Expired => Err(TokenError::Expired { id: id() }),
            TokenState::Valid => {
                self.record_use(&info, now);
                Ok(Caller::with_token(&info.id, info.role))
            }
        }
    }

    /// A token stays good where its use cannot be recorded.
    fn record_use(&self, info: &TokenInfo, now: i64) {
        if info.last_used_at.is_some_and(|used| used.abs_diff(now) < USE_RECORDED_EVERY) {
            return;
        }
        if let Err(error) = self.store.touch_token(&info.id, now) {
            tracing::warn!(token = info.id, error = chain(&error), "a use is not recorded");
        }
    }
}

fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits)
}
