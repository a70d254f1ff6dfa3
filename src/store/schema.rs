//! The tables, and how a database of an older version gets them.
//!
//! **Invariant:** a migration that was released is never edited; a new version is a new entry.

use rusqlite::{Connection, TransactionBehavior};

/// Entry *n* leads from version *n* to version *n* + 1.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE plans (
        id          TEXT PRIMARY KEY,
        caller      TEXT NOT NULL,
        created_at  INTEGER NOT NULL,
        expires_at  INTEGER NOT NULL,
        hash        TEXT NOT NULL,
        body        TEXT NOT NULL
    ) STRICT;
    CREATE INDEX plans_by_expiry ON plans (expires_at);

    CREATE TABLE changes (
        number        INTEGER PRIMARY KEY,
        change_id     TEXT NOT NULL UNIQUE,
        plan_id       TEXT NOT NULL REFERENCES plans (id),
        device        TEXT NOT NULL,
        device_key    TEXT NOT NULL,
        caller        TEXT NOT NULL,
        phase         TEXT NOT NULL,
        deadline      INTEGER,
        started_at    INTEGER NOT NULL,
        updated_at    INTEGER NOT NULL,
        outcome       TEXT,
        body          TEXT NOT NULL,
        owner         TEXT NOT NULL,
        heartbeat_at  INTEGER NOT NULL,
        UNIQUE (plan_id, device)
    ) STRICT;
    -- The lock of a device is its unfinished change: even a defect here cannot make two.
    CREATE UNIQUE INDEX unfinished_changes ON changes (device_key) WHERE outcome IS NULL;

    CREATE TABLE change_phases (
        number     INTEGER PRIMARY KEY,
        change_id  TEXT NOT NULL REFERENCES changes (change_id),
        phase      TEXT NOT NULL,
        owner      TEXT NOT NULL,
        at         INTEGER NOT NULL,
        note       TEXT NOT NULL
    ) STRICT;
    CREATE INDEX phases_by_change ON change_phases (change_id);

    CREATE TABLE tokens (
        id            TEXT PRIMARY KEY,
        name          TEXT NOT NULL,
        role          TEXT NOT NULL,
        hash          BLOB NOT NULL CHECK (length(hash) = 32),
        created_at    INTEGER NOT NULL,
        expires_at    INTEGER NOT NULL,
        revoked_at    INTEGER,
        last_used_at  INTEGER
    ) STRICT;
",
    "
    CREATE TABLE detected_platforms (
        device_key   TEXT PRIMARY KEY,
        platform     TEXT NOT NULL,
        detected_at  INTEGER NOT NULL
    ) STRICT;
",
    "
    CREATE TABLE lockouts (
        scope       TEXT NOT NULL CHECK (scope IN ('device', 'fleet')),
        credential  TEXT NOT NULL,
        device_key  TEXT NOT NULL,
        device      TEXT NOT NULL,
        username    TEXT NOT NULL,
        since       INTEGER NOT NULL,
        until       INTEGER NOT NULL,
        reason      TEXT NOT NULL,
        PRIMARY KEY (scope, credential, device_key)
    ) STRICT;
",
];

/// The version of the tables in this connection's database.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// The version that a list of migrations leads to.
pub(super) fn newest(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// Brings the tables to the newest version, all steps or none.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = usize::try_from(version(&transaction)?).unwrap_or_default();
    for step in migrations.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", newest(migrations))?;
    transaction.commit()
}
