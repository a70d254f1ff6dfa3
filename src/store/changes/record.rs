//! What is recorded about a change, each step of it on the disk before it happens.

use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::{Begun, ChangeRow, NewChange, Step};
use crate::store::{Document, Store, StoreError};

impl Store {
    /// Records a change and its first phase and takes the lock of its device, in one step. The
    /// first byte may be sent once this returned [`Begun::Started`].
    pub fn begin_change(&self, change: &NewChange) -> Result<Begun, StoreError> {
        let begun = self.write("record the change", |transaction| begin(transaction, change))?;
        begun.ok_or_else(|| StoreError::PlanMissing { plan_id: change.plan_id.clone() })
    }

    /// Records that a phase begins. Its first byte may be sent once this returned.
    pub fn advance(&self, step: &Step<'_>) -> Result<(), StoreError> {
        let held = self.write("record the phase", |transaction| {
            let held = transaction
                .prepare_cached(
                    "UPDATE changes SET phase = :phase, deadline = coalesce(:deadline, deadline),
                         updated_at = :at, heartbeat_at = :at
                     WHERE change_id = :change AND owner = :owner AND outcome IS NULL",
                )?
                .execute(named_params! {
                    ":change": step.change_id, ":owner": step.owner, ":phase": step.phase,
                    ":deadline": step.deadline, ":at": step.at,
                })?;
            if held == 1 {
                remember(transaction, step)?;
            }
            Ok(held)
        })?;
        require_held(held, step.change_id)
    }

    /// Records how a change ended and gives its device free.
    pub fn finish(
        &self,
        change_id: &str,
        owner: &str,
        outcome: &str,
        body: &Document,
        at: i64,
    ) -> Result<(), StoreError> {
        let held = self.write("record the outcome", |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE changes SET outcome = :outcome, body = :body, updated_at = :at
                     WHERE change_id = :change AND owner = :owner AND outcome IS NULL",
                )?
                .execute(named_params! {
                    ":change": change_id, ":owner": owner, ":outcome": outcome, ":body": body,
                    ":at": at,
                })
        })?;
        require_held(held, change_id)
    }

    /// Records that this process lives, and returns the changes that are still in its hands.
    pub fn heartbeat(&self, owner: &str, now: i64) -> Result<Vec<String>, StoreError> {
        self.write("record a sign of life", |transaction| {
            let mut statement = transaction.prepare_cached(
                "UPDATE changes SET heartbeat_at = ? WHERE owner = ? AND outcome IS NULL
                 RETURNING change_id",
            )?;
            statement.query_map((now, owner), |row| row.get(0))?.collect()
        })
    }

    /// Gives an unfinished change up, so that another process may take it over at once.
    pub fn release(&self, change_id: &str, owner: &str) -> Result<(), StoreError> {
        self.write("give the change up", |transaction| {
            transaction
                .prepare_cached(
                    "UPDATE changes SET heartbeat_at = 0
                     WHERE change_id = ? AND owner = ? AND outcome IS NULL",
                )?
                .execute((change_id, owner))
        })?;
        Ok(())
    }

    /// Takes over an unfinished change whose process gave no sign of life for longer than
    /// `stale_after`. Of several processes that try, one gets the change; `None` means that it was
    /// not this one, or that there is nothing to take over.
    pub fn adopt(
        &self,
        change_id: &str,
        owner: &str,
        now: i64,
        stale_after: Duration,
    ) -> Result<Option<ChangeRow>, StoreError> {
        let stale_after = i64::try_from(stale_after.as_secs()).unwrap_or(i64::MAX);
        self.write("take the change over", |transaction| {
            // A sign of life from the future means that the clock was put back since.
            let adopted = transaction
                .prepare_cached(
                    "UPDATE changes SET owner = :owner, heartbeat_at = :now, updated_at = :now
                     WHERE change_id = :change AND outcome IS NULL
                         AND abs(:now - heartbeat_at) > :stale_after
                     RETURNING *",
                )?
                .query_row(
                    named_params! {
                        ":change": change_id, ":owner": owner, ":now": now,
                        ":stale_after": stale_after,
                    },
                    ChangeRow::read,
                )
                .optional()?;
            if let Some(row) = &adopted {
                let note = Document::default();
                let (phase, deadline) = (row.phase.as_str(), None);
                let entry = Step { change_id, owner, phase, note: &note, deadline, at: now };
                remember(transaction, &entry)?;
            }
            Ok(adopted)
        })
    }
}

/// `None` when the plan is not this caller's.
fn begin(transaction: &Transaction<'_>, new: &NewChange) -> rusqlite::Result<Option<Begun>> {
    let planned: bool = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM plans WHERE id = ? AND caller = ?)")?
        .query_row((&new.plan_id, &new.caller), |row| row.get(0))?;
    if !planned {
        return Ok(None);
    }
    let earlier = transaction
        .prepare_cached("SELECT * FROM changes WHERE plan_id = ? AND device = ?")?
        .query_row((&new.plan_id, &new.device), ChangeRow::read)
        .optional()?;
    if let Some(earlier) = earlier {
        return Ok(Some(Begun::Exists(earlier)));
    }
    let holder = transaction
        .prepare_cached("SELECT * FROM changes WHERE device_key = ? AND outcome IS NULL")?
        .query_row([&new.device_key], ChangeRow::read)
        .optional()?;
    if let Some(holder) = holder {
        return Ok(Some(Begun::Busy(holder)));
    }
    transaction
        .prepare_cached(
            "INSERT INTO changes (change_id, plan_id, device, device_key, caller, phase, deadline,
                 started_at, updated_at, outcome, body, owner, heartbeat_at)
             VALUES (:change, :plan, :device, :key, :caller, :phase, :deadline,
                 :at, :at, NULL, :body, :owner, :at)",
        )?
        .execute(named_params! {
            ":change": new.change_id, ":plan": new.plan_id, ":device": new.device,
            ":key": new.device_key, ":caller": new.caller, ":phase": new.phase,
            ":deadline": new.deadline, ":at": new.at, ":body": new.body, ":owner": new.owner,
        })?;
    let first = Step {
        change_id: &new.change_id,
        owner: &new.owner,
        phase: &new.phase,
        note: &Document::default(),
        deadline: None,
        at: new.at,
    };
    remember(transaction, &first)?;
    Ok(Some(Begun::Started))
}

/// Adds to the history of a change.
fn remember(transaction: &Transaction<'_>, step: &Step<'_>) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO change_phases (change_id, phase, owner, at, note)
             VALUES (?, ?, ?, ?, ?)",
        )?
        .execute((step.change_id, step.phase, step.owner, step.at, step.note))
        .map(drop)
}

fn require_held(rows: usize, change_id: &str) -> Result<(), StoreError> {
    if rows == 1 {
        return Ok(());
    }
    Err(StoreError::ChangeNotHeld { change_id: change_id.to_owned() })
}
