//! The journal of changes: one entry for each plan and device, and the history of its phases.
//!
//! **Invariants:** a device has at most one unfinished change, whichever processes ask. A change
//! belongs to the process that owns it; only that one may write to it, so a process that slept
//! while another took its change over learns so before it sends the next byte.

mod record;

use rusqlite::{Params, Row, named_params};

use super::{Document, Store, StoreError};

/// A change that is about to begin.
#[derive(Debug, Clone)]
pub struct NewChange {
    /// Its name.
    pub change_id: String,
    /// The plan it carries out, which this caller made.
    pub plan_id: String,
    /// The name of the device.
    pub device: String,
    /// What the lock is on, `address:port`: two names of one device share it.
    pub device_key: String,
    /// Who asked for it.
    pub caller: String,
    /// The process that carries it out.
    pub owner: String,
    /// The first phase.
    pub phase: String,
    /// When the device takes the change back by itself, if it does so already.
    pub deadline: Option<i64>,
    /// What must be known to finish or undo the change.
    pub body: Document,
    /// The present.
    pub at: i64,
}

/// What came of beginning a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is recorded and holds its device.
    Started,
    /// This plan was applied to this device before; here is what is known of that.
    Exists(ChangeRow),
    /// Another change holds the device. It may be another caller's: tell no more than that it is.
    Busy(ChangeRow),
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its name.
    pub change_id: String,
    /// The plan it carries out.
    pub plan_id: String,
    /// The name of the device.
    pub device: String,
    /// What its lock is on.
    pub device_key: String,
    /// Who asked for it.
    pub caller: String,
    /// The phase it is in, or was in when it finished.
    pub phase: String,
    /// When the device takes the change back by itself.
    pub deadline: Option<i64>,
    /// When it began.
    pub started_at: i64,
    /// When something was last recorded about it, heartbeats aside.
    pub updated_at: i64,
    /// How it ended. A change without an outcome holds its device.
    pub outcome: Option<String>,
    /// What must be known to finish or undo it; once it is finished, what came of it.
    pub body: Document,
    /// The process that carries it out.
    pub owner: String,
    /// When that process was last known to live.
    pub heartbeat_at: i64,
}

impl ChangeRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            change_id: row.get("change_id")?,
            plan_id: row.get("plan_id")?,
            device: row.get("device")?,
            device_key: row.get("device_key")?,
            caller: row.get("caller")?,
            phase: row.get("phase")?,
            deadline: row.get("deadline")?,
            started_at: row.get("started_at")?,
            updated_at: row.get("updated_at")?,
            outcome: row.get("outcome")?,
            body: row.get("body")?,
            owner: row.get("owner")?,
            heartbeat_at: row.get("heartbeat_at")?,
        })
    }
}

/// The next phase of a change.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The change.
    pub change_id: &'a str,
    /// The process that carries it out.
    pub owner: &'a str,
    /// The phase that begins.
    pub phase: &'a str,
    /// What must be known about the phase if it is cut.
    pub note: &'a Document,
    /// When the device takes the change back by itself; `None` leaves what is recorded.
    pub deadline: Option<i64>,
    /// The present.
    pub at: i64,
}

/// An entry in the history of a change: a phase began, or another process took over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseRow {
    /// The phase.
    pub phase: String,
    /// The process that was in charge.
    pub owner: String,
    /// When.
    pub at: i64,
    /// What was to be known.
    pub note: Document,
}

/// Which changes to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChangeFilter<'a> {
    /// Only this caller's.
    pub caller: Option<&'a str>,
    /// Only this device's.
    pub device: Option<&'a str>,
    /// Only those without an outcome.
    pub unfinished: bool,
}

impl Store {
    /// A change of this caller. Another caller's change is not found.
    pub fn change(&self, id: &str, caller: &str) -> Result<Option<ChangeRow>, StoreError> {
        let query = "SELECT * FROM changes WHERE change_id = ? AND caller = ?";
        self.list(query, (id, caller)).map(|rows| rows.into_iter().next())
    }

    /// The newest changes that the filter lets through, newest first.
    pub fn changes(
        &self,
        filter: ChangeFilter<'_>,
        limit: usize,
    ) -> Result<Vec<ChangeRow>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = "SELECT * FROM changes
             WHERE (:caller IS NULL OR caller = :caller)
                 AND (:device IS NULL OR device = :device)
                 AND (NOT :unfinished OR outcome IS NULL)
             ORDER BY number DESC LIMIT :limit";
        let params = named_params! {
            ":caller": filter.caller, ":device": filter.device, ":unfinished": filter.unfinished,
            ":limit": limit,
        };
        self.list(query, params)
    }

    /// Every change without an outcome, oldest first, for whoever settles them after a crash.
    pub fn unfinished(&self) -> Result<Vec<ChangeRow>, StoreError> {
        self.list("SELECT * FROM changes WHERE outcome IS NULL ORDER BY number", [])
    }

    /// The history of a change, oldest first.
    pub fn phases(&self, change_id: &str) -> Result<Vec<PhaseRow>, StoreError> {
        self.read("read the history of a change", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT phase, owner, at, note FROM change_phases WHERE change_id = ?
                 ORDER BY number",
            )?;
            let read = |row: &Row<'_>| {
                let (phase, owner) = (row.get("phase")?, row.get("owner")?);
                Ok(PhaseRow { phase, owner, at: row.get("at")?, note: row.get("note")? })
            };
            statement.query_map([change_id], read)?.collect()
        })
    }

    fn list(&self, query: &str, params: impl Params) -> Result<Vec<ChangeRow>, StoreError> {
        self.read("read the changes", |connection| {
            connection.prepare_cached(query)?.query_map(params, ChangeRow::read)?.collect()
        })
    }
}
