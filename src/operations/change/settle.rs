//! Takes over changes that another process left unfinished.

use std::sync::Arc;

use super::super::{Failure, Operations};
use super::journal::{self, STALE};
use super::{PlannedDevice, Running};
use crate::change::{Machine, Phase};
use crate::error::ErrorCode;
use crate::store::{ChangeRow, Store, unix_now};

impl Operations {
    /// Takes over every change whose process is gone and brings it to an end.
    async fn settle_changes(self: &Arc<Self>) {
        let rows = match self.changes.journal.with(Store::unfinished).await {
            Ok(rows) => rows,
            Err(failure) => {
                tracing::error!(failure.message, "unfinished changes cannot be looked for");
                return;
            }
        };
        for row in rows {
            if self.changes.running().contains_key(&row.change_id) {
                continue;
            }
            match self.adopt(&row).await {
                Ok(_) => tracing::warn!(change = row.change_id, device = row.device, "settling"),
                Err(failure) => {
                    tracing::debug!(change = row.change_id, failure.message, "left alone");
                }
            }
        }
    }

    /// Looks again and again for changes whose process is gone, as long as these use cases live.
    pub fn keep_settling(self: &Arc<Self>) {
        let operations = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(STALE);
            loop {
                ticks.tick().await;
                let Some(operations) = operations.upgrade() else { return };
                operations.settle_changes().await;
            }
        });
    }

    /// Takes over one change, unless its process still lives.
    pub(super) async fn adopt(self: &Arc<Self>, row: &ChangeRow) -> Result<Arc<Running>, Failure> {
        let (id, owner) = (row.change_id.clone(), self.changes.journal.owner.clone());
        let adopted = self
            .changes
            .journal
            .with(move |store| store.adopt(&id, &owner, unix_now(), STALE))
            .await?;
        let Some(row) = adopted else {
            return Err(Failure::new(
                ErrorCode::ConfigurationLocked,
                "another process works on this change",
            )
            .on(&row.device)
            .hinting("ask that process, or wait until it is gone for half a minute"));
        };
        let (plan_id, caller) = (row.plan_id.clone(), row.caller.clone());
        let plan = self.changes.journal.with(move |store| store.plan(&plan_id, &caller)).await?;
        let devices: Vec<PlannedDevice> = match plan {
            Some(plan) => plan.body.read().map_err(|error| journal::failed(&error))?,
            None => Vec::new(),
        };
        let Some(planned) = devices.into_iter().find(|planned| planned.device == row.device) else {
            return Err(Failure::new(ErrorCode::Internal, "the plan of the change is gone"));
        };
        let minutes: u32 = row.body.read().map_err(|error| journal::failed(&error))?;
        let phase: Phase = serde_json::from_value(serde_json::Value::String(row.phase.clone()))
            .unwrap_or(Phase::Undo);
        let deadline = row.deadline.unwrap_or_else(unix_now);
        let machine = Machine::resumed(planned.class, phase, deadline < unix_now());
        Ok(self.start(row.change_id, planned, minutes, deadline, machine))
    }
}
