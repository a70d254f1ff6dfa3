//! Plans: what somebody was shown and may apply for a while.

use rusqlite::{OptionalExtension, Row, named_params};

use super::{Document, Store, StoreError};

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// Its name, not to be guessed.
    pub id: String,
    /// Who made it. Nobody else finds it.
    pub caller: String,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// From when on it must not be applied any more. Looking it up does not check this, so that
    /// applying it again can still be answered with what was done.
    pub expires_at: i64,
    /// The hash that whoever applies it must repeat.
    pub hash: String,
    /// What is to be done where.
    pub body: Document,
}

impl PlanRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            caller: row.get("caller")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
            hash: row.get("hash")?,
            body: row.get("body")?,
        })
    }
}

impl Store {
    /// Records a plan. A plan is never changed afterwards; a second one of the same id is an error.
    pub fn insert_plan(&self, plan: &PlanRow) -> Result<(), StoreError> {
        self.write("record the plan", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO plans (id, caller, created_at, expires_at, hash, body)
                     VALUES (:id, :caller, :created_at, :expires_at, :hash, :body)",
                )?
                .execute(named_params! {
                    ":id": plan.id, ":caller": plan.caller, ":created_at": plan.created_at,
                    ":expires_at": plan.expires_at, ":hash": plan.hash, ":body": plan.body,
                })
                .map(drop)
        })
    }

    /// A plan of this caller, expired or not. Another caller's plan is not found.
    pub fn plan(&self, id: &str, caller: &str) -> Result<Option<PlanRow>, StoreError> {
        self.read("read the plan", |connection| {
            connection
                .prepare_cached("SELECT * FROM plans WHERE id = ? AND caller = ?")?
                .query_row((id, caller), PlanRow::read)
                .optional()
        })
    }

    /// Forgets the plans that expired without being applied, and returns how many.
    pub fn expire_plans(&self, now: i64) -> Result<usize, StoreError> {
        self.write("forget expired plans", |transaction| {
            transaction
                .prepare_cached(
                    "DELETE FROM plans WHERE expires_at <= ? AND NOT EXISTS
                     (SELECT 1 FROM changes WHERE changes.plan_id = plans.id)",
                )?
                .execute([now])
        })
    }
}
