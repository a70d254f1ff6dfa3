//! Use cases of changing configuration: plan, apply, confirm, revert, list.
//!
//! **Invariants:** the journal has every phase before its first byte. A plan belongs to the caller
//! that made it; another caller's plan does not exist. The work on a device runs in a task of its own,
//! so that a caller who leaves never cuts it in the middle. One change at a time holds a device.

mod drive;
mod journal;
mod look;
mod plan;
mod script;
mod settle;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::journal::Journal;
pub use self::plan::PlanRequest;
use super::{Failure, Operations};
use crate::caller::Caller;
use crate::change::{After, Outcome, Phase};
use crate::error::{ErrorCode, SideEffects};
use crate::inventory::{Device, Inventory};
use crate::platform::SafetyClass;
use crate::store::{ChangeFilter, ChangeRow, Store, StoreError, unix_now};

/// The shortest and longest time a change may wait for its confirmation, in minutes.
const CONFIRM_WITHIN: std::ops::RangeInclusive<u32> = 2..=30;
/// Most changes in one list.
const LISTED: usize = 100;

/// What a plan says about one device. It is stored as it is; secrets are in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PlannedDevice {
    device: String,
    platform: String,
    class: SafetyClass,
    dialect: usize,
    host_key: String,
    hostname: String,
    configuration: String,
    before: String,
    after: String,
    /// Whether `after` is the device's own word.
    exact: bool,
    diff: String,
    health: Vec<(String, usize)>,
    expect_loss: bool,
}

/// What callers see of a plan for one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DevicePlan {
    /// The device.
    pub device: String,
    /// What the device promises: transactional, timed or unprotected.
    #[schemars(with = "Option<String>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<SafetyClass>,
    /// Where the difference comes from: `device`, or `predicted` by this program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// The difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Why there is no plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// A plan. It can be applied only where every device has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlanAnswer {
    /// Names the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// Binds an apply to exactly this plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// When the plan expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// One entry per device.
    pub devices: Vec<DevicePlan>,
}

/// What to apply.
#[derive(Debug, Clone)]
pub struct ApplyRequest {
    /// The plan.
    pub plan_id: String,
    /// Its hash, as the plan gave it.
    pub plan_hash: String,
    /// How long it waits for a confirmation, in minutes.
    pub confirm_within: u32,
    /// Whether it is confirmed as soon as it was checked.
    pub after: After,
}

/// What callers see of a change on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangeReport {
    /// Names the change.
    pub change_id: String,
    /// The plan it comes from.
    pub plan_id: String,
    /// The device.
    pub device: String,
    /// `held` (checked, waiting for `confirm_change`), `saved`, `not_saved`, `unchanged`, `undone`,
    /// `unknown`, or the phase it is in.
    pub state: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when it must be confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_before: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<&'static str>,
}

/// What is known of a change while it runs.
#[derive(Debug, Clone)]
struct Status {
    phase: Phase,
    outcome: Option<Outcome>,
}

/// What somebody wants of a held change.
#[derive(Debug, Clone)]
enum Decision {
    Confirm,
    Revert(String),
}

/// A change that a task of this process works on.
#[derive(Debug)]
struct Running {
    device: String,
    class: SafetyClass,
    status: watch::Receiver<Status>,
    decisions: mpsc::Sender<Decision>,
    /// Stops it at the next point where it can be taken back.
    stop: CancellationToken,
    /// Leaves a held change to the device's own timer.
    abandon: CancellationToken,
}

/// The changes of this process.
#[derive(Debug)]
pub struct Changes {
    journal: Journal,
    running: Mutex<HashMap<String, Arc<Running>>>,
    /// The devices of running changes that the device file describes in another way by now, or not
    /// at all, by change.
    kept: Mutex<HashMap<String, Device>>,
    tasks: TaskTracker,
}

impl Changes {
    /// Runs work on what is remembered between runs, without holding up other tasks.
    pub(super) async fn remember<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        self.journal.with(work).await
    }

    /// Keeps changes in this store.
    pub fn new(store: Arc<Store>) -> Self {
        let journal = Journal::new(store);
        let (running, kept) = (Mutex::default(), Mutex::default());
        Self { journal, running, kept, tasks: TaskTracker::new() }
    }

    /// Keeps the devices of running changes as they were when a new device file says otherwise.
    pub(super) fn keep_devices(&self, old: &Inventory, new: &Inventory) {
        for (change, running) in self.running().iter() {
            let Some(device) = old.device(&running.device) else { continue };
            let is = new.device(&running.device);
            if is == Some(device) {
                continue;
            }
            self.kept().entry(change.clone()).or_insert_with(|| device.clone());
            let what = if is.is_some() { "changed" } else { "is gone" };
            tracing::warn!(
                change,
                device = running.device,
                "a device with an unfinished change {what} in the device file; the change is \
                 brought to its end with the old entry"
            );
        }
    }

    /// The device of a change, where it was kept.
    pub(super) fn kept_device(&self, change_id: &str) -> Option<Device> {
        self.kept().get(change_id).cloned()
    }

    fn forget(&self, change_id: &str) {
        self.running().remove(change_id);
        self.kept().remove(change_id);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Device>> {
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Running>>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Operations {
    /// Applies a plan, one device after another; the first that does not work ends the work.
    pub async fn apply_change(
        self: &Arc<Self>,
        caller: &Caller,
        request: &ApplyRequest,
        cancel: &CancellationToken,
    ) -> Result<Vec<ChangeReport>, Failure> {
        may_change(caller)?;
        if !CONFIRM_WITHIN.contains(&request.confirm_within) {
            let message = format!(
                "confirm_within is {} minutes; it must be {} to {}",
                request.confirm_within,
                CONFIRM_WITHIN.start(),
                CONFIRM_WITHIN.end()
            );
            return Err(Failure::new(ErrorCode::InvalidArgument, message).because("timer_range"));
        }
        let plan = self.changes.journal.plan(&request.plan_id, caller).await?;
        if plan.hash != request.plan_hash {
            let message = "the hash is not that of this plan";
            return Err(Failure::new(ErrorCode::InvalidArgument, message)
                .because("plan_hash_mismatch")
                .hinting("give plan_hash exactly as plan_change returned it, or plan again"));
        }
        let devices: Vec<PlannedDevice> =
            plan.body.read().map_err(|error| journal::failed(&error))?;
        let mut reports: Vec<ChangeReport> = Vec::new();
        for planned in devices {
            let before = reports.last().map(|report: &ChangeReport| report.state.clone());
            if before.is_some_and(|state| state != "held" && state != "saved") {
                break;
            }
            let expired = plan.expires_at < unix_now();
            reports.push(self.apply_on(caller, request, planned, expired, cancel).await?);
        }
        Ok(reports)
    }

    /// Makes a held change stay.
    pub async fn confirm_change(
        self: &Arc<Self>,
        caller: &Caller,
        change_id: &str,
    ) -> Result<ChangeReport, Failure> {
        self.decide(caller, change_id, Decision::Confirm).await
    }

    /// Takes a change back that was not confirmed yet.
    pub async fn revert_change(
        self: &Arc<Self>,
        caller: &Caller,
        change_id: &str,
    ) -> Result<ChangeReport, Failure> {
        self.decide(caller, change_id, Decision::Revert("it was reverted on request".to_owned()))
            .await
    }

    async fn decide(
        self: &Arc<Self>,
        caller: &Caller,
        change_id: &str,
        decision: Decision,
    ) -> Result<ChangeReport, Failure> {
        may_change(caller)?;
        let row = self.changes.journal.change(change_id, caller).await?;
        if row.outcome.is_none() {
            let running = self.changes.running().get(change_id).cloned();
            let running = match running {
                Some(running) => running,
                None => self.adopt(&row).await?,
            };
            // A task that is past its decision has dropped the receiver; its outcome counts.
            drop(running.decisions.send(decision).await);
            wait_for(&running, |status| status.outcome.is_some()).await;
        }
        let row = self.changes.journal.change(change_id, caller).await?;
        Ok(self.report(&row))
    }

    /// Reports on the same changes as they stand.
    pub async fn reports(
        &self,
        caller: &Caller,
        known: &[ChangeReport],
    ) -> Result<Vec<ChangeReport>, Failure> {
        let mut reports = Vec::with_capacity(known.len());
        for report in known {
            reports
                .push(self.report(&self.changes.journal.change(&report.change_id, caller).await?));
        }
        Ok(reports)
    }

    /// Lists changes of the caller, the newest first.
    pub async fn list_changes(
        &self,
        caller: &Caller,
        device: Option<&str>,
    ) -> Result<Vec<ChangeReport>, Failure> {
        may_change(caller)?;
        let (id, device) = (caller.id.clone(), device.map(str::to_owned));
        let rows = self
            .changes
            .journal
            .with(move |store| {
                let filter = ChangeFilter {
                    caller: Some(&id),
                    device: device.as_deref(),
                    unfinished: false,
                };
                store.changes(filter, LISTED)
            })
            .await?;
        Ok(rows.iter().map(|row| self.report(row)).collect())
    }

    fn report(&self, row: &ChangeRow) -> ChangeReport {
        let outcome: Option<Outcome> = row.outcome.as_ref().and_then(|_| row.body.read().ok());
        let state = row.outcome.clone().unwrap_or_else(|| row.phase.clone());
        let held = state == Phase::Held.as_str();
        let next = match state.as_str() {
            "held" => Some("confirm_change makes it stay, revert_change takes it back"),
            "unknown" => Some("look at the device before anything else is changed"),
            "not_saved" => Some("save the configuration on the device"),
            "undone" | "unchanged" => Some("correct the reason and plan again"),
            _ => None,
        };
        ChangeReport {
            change_id: row.change_id.clone(),
            plan_id: row.plan_id.clone(),
            device: row.device.clone(),
            state,
            reason: outcome.as_ref().and_then(Outcome::reason).map(|reason| self.show(reason)),
            confirm_before: row.deadline.filter(|_| held).map(crate::store::utc),
            next,
        }
    }

    /// Ends the changes of this process: what can be taken back is, what is held by a device's own
    /// timer is left to it, and nothing is cut in the middle.
    pub async fn stop_changes(&self) {
        let running: Vec<_> = self.changes.running().values().cloned().collect();
        for change in running {
            if change.class == SafetyClass::Unprotected {
                let reason = "the program is stopping".to_owned();
                drop(change.decisions.try_send(Decision::Revert(reason)));
            } else {
                change.abandon.cancel();
            }
            change.stop.cancel();
        }
        self.changes.tasks.close();
        self.changes.tasks.wait().await;
    }
}

/// Refuses callers that may only read.
pub(super) fn may_change(caller: &Caller) -> Result<(), Failure> {
    if caller.may_change() {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::PolicyDenied, "this caller may not change anything")
        .because("read_only")
        .hinting("an operator must allow changes, with --allow-changes or an operator's token"))
}

/// Waits until a change has come so far. A task that ended is waited for no longer.
async fn wait_for(running: &Running, so_far: impl FnMut(&Status) -> bool) -> Option<Status> {
    let mut status = running.status.clone();
    status.wait_for(so_far).await.map(|status| status.clone()).ok()
}

/// A failure that may have left something on the device.
fn possible(mut failure: Failure) -> Failure {
    failure.side_effects = SideEffects::Possible;
    failure
}
