//! Tokens, of which only hashes are kept.

use std::fmt;

use rusqlite::{OptionalExtension, Row, named_params};

use super::{Store, StoreError};

/// A token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The part of the token that is no secret.
    pub id: String,
    /// What the operator calls it.
    pub name: String,
    /// What its holder may do.
    pub role: String,
    /// SHA-256 of the secret part.
    pub hash: [u8; 32],
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// From when on it is not accepted.
    pub expires_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// About when it was last used.
    pub last_used_at: Option<i64>,
}

impl fmt::Debug for TokenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRow")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .field("expires_at", &self.expires_at)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

impl TokenRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            role: row.get("role")?,
            hash: row.get("hash")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
            revoked_at: row.get("revoked_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    }
}

impl Store {
    /// Records a token, unless its id is taken; returns whether it was recorded.
    pub fn insert_token(&self, token: &TokenRow) -> Result<bool, StoreError> {
        self.write("record the token", |transaction| {
            let rows = transaction
                .prepare_cached(
                    "INSERT INTO tokens (id, name, role, hash, created_at, expires_at,
                         revoked_at, last_used_at)
                     VALUES (:id, :name, :role, :hash, :created, :expires, :revoked, :used)
                     ON CONFLICT (id) DO NOTHING",
                )?
                .execute(named_params! {
                    ":id": token.id, ":name": token.name, ":role": token.role,
                    ":hash": token.hash, ":created": token.created_at,
                    ":expires": token.expires_at, ":revoked": token.revoked_at,
                    ":used": token.last_used_at,
                })?;
            Ok(rows == 1)
        })
    }

    /// The token of this id.
    pub fn token(&self, id: &str) -> Result<Option<TokenRow>, StoreError> {
        self.read("read the token", |connection| {
            connection
                .prepare_cached("SELECT * FROM tokens WHERE id = ?")?
                .query_row([id], TokenRow::read)
                .optional()
        })
    }

    /// Every token, oldest first.
    pub fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        self.read("read the tokens", |connection| {
            connection
                .prepare_cached("SELECT * FROM tokens ORDER BY created_at, rowid")?
                .query_map([], TokenRow::read)?
                .collect()
        })
    }

    /// Revokes a token and returns it. A token that was revoked before keeps that moment.
    pub fn revoke_token(&self, id: &str, at: i64) -> Result<Option<TokenRow>, StoreError> {
        self.write("revoke the token", |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?
                     RETURNING *",
                )?
                .query_row((at, id), TokenRow::read)
                .optional()
        })
    }

    /// Records that a token was used.
    pub fn touch_token(&self, id: &str, at: i64) -> Result<(), StoreError> {
        self.write("record the use of a token", |transaction| {
            transaction
                .prepare_cached("UPDATE tokens SET last_used_at = ? WHERE id = ?")?
                .execute((at, id))
                .map(drop)
        })
    }

    /// Whether any token is accepted at this moment.
    pub fn any_valid_token(&self, now: i64) -> Result<bool, StoreError> {
        self.read("read the tokens", |connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM tokens
                     WHERE revoked_at IS NULL AND expires_at > ?)",
                )?
                .query_row([now], |row| row.get(0))
        })
    }
}
