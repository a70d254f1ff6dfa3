//! Credentials that devices refused and that are not sent again for a while.

use rusqlite::{Row, named_params};

use super::{Store, StoreError};

/// How far a lockout reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockoutScope {
    /// One credential on one device.
    Device,
    /// One credential everywhere.
    Fleet,
}

impl LockoutScope {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Fleet => "fleet",
        }
    }
}

/// A credential that is not sent for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockoutRow {
    /// How far it reaches.
    pub scope: LockoutScope,
    /// The name of the credential, which tells nothing about it.
    pub credential: String,
    /// Where the device is reached that refused it, or that refused it last.
    pub device_key: String,
    /// What that device is called.
    pub device: String,
    /// Whose credential it is.
    pub username: String,
    /// When it was refused, in seconds since 1970.
    pub since: i64,
    /// From when on it may be sent again.
    pub until: i64,
    /// Why.
    pub reason: String,
}

impl LockoutRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let scope: String = row.get("scope")?;
        Ok(Self {
            scope: match scope.as_str() {
                "device" => LockoutScope::Device,
                // The table takes no third word, and a fleet's hold is the safer one.
                _ => LockoutScope::Fleet,
            },
            credential: row.get("credential")?,
            device_key: row.get("device_key")?,
            device: row.get("device")?,
            username: row.get("username")?,
            since: row.get("since")?,
            until: row.get("until")?,
            reason: row.get("reason")?,
        })
    }

    /// Whether two rows are about the same thing, so that the later one takes the place of the other.
    pub fn replaces(&self, other: &Self) -> bool {
        self.scope == other.scope
            && self.credential == other.credential
            && (self.scope == LockoutScope::Fleet || self.device_key == other.device_key)
    }
}

impl Store {
    /// Records a lockout and forgets those that are over.
    pub fn record_lockout(&self, row: &LockoutRow) -> Result<(), StoreError> {
        self.write("record the lockout", |transaction| {
            transaction
                .prepare_cached(
                    "DELETE FROM lockouts WHERE until <= :since
                     OR (scope = 'fleet' AND :scope = 'fleet' AND credential = :credential)",
                )?
                .execute(named_params! {
                    ":since": row.since, ":scope": row.scope.as_str(),
                    ":credential": row.credential,
                })?;
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO lockouts
                         (scope, credential, device_key, device, username, since, until, reason)
                     VALUES (:scope, :credential, :key, :device, :username, :since, :until,
                         :reason)",
                )?
                .execute(named_params! {
                    ":scope": row.scope.as_str(), ":credential": row.credential,
                    ":key": row.device_key, ":device": row.device, ":username": row.username,
                    ":since": row.since, ":until": row.until, ":reason": row.reason,
                })?;
            Ok(())
        })
    }

    /// The lockouts of one credential that hold at this moment, the oldest first.
    pub fn lockouts_of(&self, credential: &str, now: i64) -> Result<Vec<LockoutRow>, StoreError> {
        self.read("read the lockouts", |connection| {
            connection
                .prepare_cached(
                    "SELECT * FROM lockouts WHERE credential = ?1 AND until > ?2
                     ORDER BY since, rowid",
                )?
                .query_map((credential, now), LockoutRow::read)?
                .collect()
        })
    }

    /// Every lockout that holds at this moment, the oldest first.
    pub fn lockouts(&self, now: i64) -> Result<Vec<LockoutRow>, StoreError> {
        self.read("read the lockouts", |connection| {
            connection
                .prepare_cached("SELECT * FROM lockouts WHERE until > ?1 ORDER BY since, rowid")?
                .query_map([now], LockoutRow::read)?
                .collect()
        })
    }

    /// Lifts the lockouts of a device, by its name or its address and port, and those of the fleet
    /// that hold the same credentials; all of them where no device is named. Returns those that
    /// were lifted.
    pub fn lift_lockouts(&self, device: Option<&str>) -> Result<Vec<LockoutRow>, StoreError> {
        self.write("lift the lockouts", |transaction| {
            transaction
                .prepare_cached(
                    "DELETE FROM lockouts
                     WHERE ?1 IS NULL
                         OR device = ?1 COLLATE NOCASE OR device_key = ?1 COLLATE NOCASE
                         OR (scope = 'fleet' AND credential IN
                             (SELECT credential FROM lockouts
                              WHERE device = ?1 COLLATE NOCASE
                                  OR device_key = ?1 COLLATE NOCASE))
                     RETURNING *",
                )?
                .query_map([device], LockoutRow::read)?
                .collect()
        })
    }
}
