//! Does what the state machine of a change says, on the device and in the journal.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::super::{Failure, Operations};
use super::journal::HEARTBEAT;
use super::script::{Stopped, Words, permit_lines};
use super::{
    ApplyRequest, ChangeReport, Decision, PlannedDevice, Running, Status, journal, possible,
    wait_for,
};
use crate::caller::Caller;
use crate::change::{Action, Event, Machine, Outcome, Phase, Run, Tree};
use crate::error::{ErrorCode, chain};
use crate::inventory::Device;
use crate::platform::{ChangeRules, Dialect, Platform, SafetyClass};
use crate::policy::permit_configuration;
use crate::pool::{Lease, PoolError, Reservation};
use crate::store::{Begun, Document, NewChange, Step, unix_now};

/// Before the device's own timer fires, a change that nobody confirmed is taken back.
const BEFORE_TIMER: Duration = Duration::from_secs(20);
/// After the device's own timer fired, it gets this long to take the change back.
const AFTER_TIMER: Duration = Duration::from_secs(15);

/// Everything that the work on one device needs.
pub(super) struct Drive {
    pub(super) change_id: String,
    pub(super) planned: PlannedDevice,
    pub(super) minutes: u32,
    pub(super) deadline: i64,
    pub(super) machine: Machine,
    pub(super) status: watch::Sender<Status>,
    pub(super) decisions: mpsc::Receiver<Decision>,
    pub(super) stop: CancellationToken,
    pub(super) abandon: CancellationToken,
}

/// What a drive works on.
struct Ground {
    device: Device,
    platform: Arc<Platform>,
    /// The device's slot; others have it while the change is held.
    reservation: Option<Reservation>,
    /// The session of the trial, as long as it is whole.
    lease: Option<Lease>,
    words: Words,
}

impl Ground {
    fn reservation(&self) -> Result<&Reservation, Failure> {
        self.reservation
            .as_ref()
            .ok_or_else(|| Failure::new(ErrorCode::Internal, "the device is not reserved"))
    }

    fn rules(&self) -> Result<&ChangeRules, Failure> {
        self.platform
            .change
            .as_ref()
            .ok_or_else(|| Failure::new(ErrorCode::Internal, "the platform has no rules of change"))
    }
}

impl Operations {
    /// Applies a plan to one device, or says what became of an earlier try.
    pub(super) async fn apply_on(
        self: &Arc<Self>,
        caller: &Caller,
        request: &ApplyRequest,
        planned: PlannedDevice,
        expired: bool,
        cancel: &CancellationToken,
    ) -> Result<ChangeReport, Failure> {
        let device = self.device(&planned.device)?;
        let change_id = uuid::Uuid::new_v4().to_string();
        let now = unix_now();
        let deadline = now.saturating_add(i64::from(request.confirm_within).saturating_mul(60));
        let new = NewChange {
            change_id: change_id.clone(),
            plan_id: request.plan_id.clone(),
            device: planned.device.clone(),
            device_key: device.place(),
            caller: caller.id.clone(),
            owner: self.changes.journal.owner.clone(),
            phase: Phase::Planned.as_str().to_owned(),
            deadline: Some(deadline),
            body: Document::of(&request.confirm_within).map_err(|error| journal::failed(&error))?,
            at: now,
        };
        let (plan_id, caller_id, name) =
            (request.plan_id.clone(), caller.id.clone(), planned.device.clone());
        let begun = self
            .changes
            .journal
            .with(move |store| {
                // An expired plan begins nothing, but still tells what became of it.
                if expired {
                    let filter = crate::store::ChangeFilter {
                        caller: Some(&caller_id),
                        device: Some(&name),
                        unfinished: false,
                    };
                    let known = store.changes(filter, 1000)?;
                    return Ok(known
                        .into_iter()
                        .find(|row| row.plan_id == plan_id)
                        .map(Begun::Exists));
                }
                store.begin_change(&new).map(Some)
            })
            .await?;
        let running = match begun {
            None => {
                return Err(Failure::new(ErrorCode::InvalidArgument, "the plan has expired")
                    .because("plan_expired")
                    .hinting("plan again with plan_change"));
            }
            Some(Begun::Busy(row)) => {
                return Err(Failure::new(
                    ErrorCode::ConfigurationLocked,
                    "another change of this device is not finished",
                )
                .on(&row.device)
                .hinting("confirm or revert it first; list_changes shows your own"));
            }
            Some(Begun::Exists(row)) => {
                let running = self.changes.running().get(&row.change_id).cloned();
                let Some(running) = running else { return Ok(self.report(&row)) };
                return self.settled(caller, &row.change_id, &running, cancel).await;
            }
            Some(Begun::Started) => {
                let machine = Machine::new(planned.class, request.after);
                self.start(change_id.clone(), planned, request.confirm_within, deadline, machine)
            }
        };
        self.settled(caller, &change_id, &running, cancel).await
    }

    /// Starts the task that works on a change.
    pub(super) fn start(
        self: &Arc<Self>,
        change_id: String,
        planned: PlannedDevice,
        minutes: u32,
        deadline: i64,
        machine: Machine,
    ) -> Arc<Running> {
        let (status, seen) = watch::channel(Status { phase: machine.phase(), outcome: None });
        let (decide, decisions) = mpsc::channel(1);
        let (stop, abandon) = (CancellationToken::new(), CancellationToken::new());
        let running = Arc::new(Running {
            device: planned.device.clone(),
            class: planned.class,
            status: seen,
            decisions: decide,
            stop: stop.clone(),
            abandon: abandon.clone(),
        });
        self.changes.running().insert(change_id.clone(), Arc::clone(&running));
        let drive = Drive {
            change_id,
            planned,
            minutes,
            deadline,
            machine,
            status,
            decisions,
            stop,
            abandon,
        };
        let operations = Arc::clone(self);
        self.changes.tasks.spawn(async move { Box::pin(operations.drive(drive)).await });
        running
    }

    /// Waits until a change is held or has ended. A caller that leaves before stops it.
    async fn settled(
        &self,
        caller: &Caller,
        change_id: &str,
        running: &Running,
        cancel: &CancellationToken,
    ) -> Result<ChangeReport, Failure> {
        let settled = |status: &Status| status.outcome.is_some() || status.phase == Phase::Held;
        tokio::select! {
            _ = wait_for(running, settled) => {}
            () = cancel.cancelled() => {
                running.stop.cancel();
                let reason = "the request was cancelled".to_owned();
                drop(running.decisions.try_send(Decision::Revert(reason)));
                wait_for(running, |status| status.outcome.is_some()).await;
            }
        }
        let row = self.changes.journal.change(change_id, caller).await.map_err(possible)?;
        Ok(self.report(&row))
    }

    async fn drive(self: Arc<Self>, mut drive: Drive) {
        let beating = self.beat();
        let working = self.work(&mut drive);
        let outcome = tokio::select! {
            outcome = working => outcome,
            never = beating => match never {},
        };
        let outcome = match outcome {
            Ok(Some(outcome)) => outcome,
            // Left to the device's own timer, for another process or nobody.
            Ok(None) => {
                let (id, owner) = (drive.change_id.clone(), self.changes.journal.owner.clone());
                let released = self.changes.journal.with(move |store| store.release(&id, &owner));
                if let Err(failure) = released.await {
                    tracing::warn!(failure.message, "a change was not given up");
                }
                return self.forget(&drive.change_id);
            }
            Err(failure) => {
                tracing::error!(change = drive.change_id, failure.message, "a change cannot go on");
                Outcome::Unknown { reason: failure.message }
            }
        };
        tracing::info!(change = drive.change_id, outcome = outcome.as_str(), "a change ended");
        if let Err(failure) = self.finish(&drive, &outcome).await {
            tracing::error!(change = drive.change_id, failure.message, "its end is not recorded");
        }
        self.forget(&drive.change_id);
        drive.status.send_replace(Status { phase: Phase::Ended, outcome: Some(outcome) });
    }

    fn forget(&self, change_id: &str) {
        self.changes.forget(change_id);
    }

    async fn finish(&self, drive: &Drive, outcome: &Outcome) -> Result<(), Failure> {
        let body = Document::of(outcome).map_err(|error| journal::failed(&error))?;
        let (id, owner) = (drive.change_id.clone(), self.changes.journal.owner.clone());
        let word = outcome.as_str();
        self.changes
            .journal
            .with(move |store| store.finish(&id, &owner, word, &body, unix_now()))
            .await
    }

    /// Records again and again that this process lives.
    async fn beat(&self) -> std::convert::Infallible {
        let mut ticks = tokio::time::interval(HEARTBEAT);
        loop {
            ticks.tick().await;
            let owner = self.changes.journal.owner.clone();
            let beat = self.changes.journal.with(move |store| store.heartbeat(&owner, unix_now()));
            if let Err(failure) = beat.await {
                tracing::warn!(failure.message, "a sign of life was not recorded");
            }
        }
    }

    /// Does what the machine says until it ends, or until the change is left to the device.
    async fn work(&self, drive: &mut Drive) -> Result<Option<Outcome>, Failure> {
        let device = self.located_for_change(&drive.change_id, &drive.planned.device).await?;
        let platform = self.platform(&device)?;
        let session: String = drive.change_id.chars().take(8).collect();
        let words = Words {
            session: format!("vty{session}"),
            minutes: drive.minutes,
            comment: format!("vty-mcp change {}", drive.change_id),
        };
        let mut ground = Ground { device, platform, reservation: None, lease: None, words };
        let mut event = Event::Start;
        loop {
            let action = drive.machine.next(event);
            tracing::debug!(change = drive.change_id, ?action, "next");
            let touches = matches!(action, Action::LookBefore | Action::Look | Action::Run(_));
            if touches && ground.reservation.is_none() {
                match self.pool.reserve(&ground.device, &drive.abandon).await {
                    Ok(reservation) => ground.reservation = Some(reservation),
                    Err(PoolError::Cancelled) => return Ok(None),
                    Err(error) => return Err(self.pool_failure(&error, &ground.device)),
                }
            }
            event = match action {
                Action::End(outcome) => {
                    if let Some(lease) = ground.lease.take() {
                        lease.leave().await;
                    }
                    return Ok(Some(outcome));
                }
                Action::Enter(phase) => self.enter(drive, phase).await?,
                Action::LookBefore => self.before(drive, &mut ground).await?,
                Action::Look => {
                    let rules = ground.rules()?;
                    let reservation = ground.reservation()?;
                    Event::Seen(self.look(&ground.device, reservation, rules, &drive.planned).await)
                }
                Action::Run(run) => Box::pin(self.run(drive, &mut ground, run)).await?,
                Action::Hold => {
                    // Whoever decides may want to look at the device first.
                    (ground.lease, ground.reservation) = (None, None);
                    match self.hold(drive).await {
                        Some(event) => event,
                        None => return Ok(None),
                    }
                }
                Action::AwaitTimer => {
                    (ground.lease, ground.reservation) = (None, None);
                    tokio::select! {
                        () = tokio::time::sleep(until(drive.deadline).saturating_add(AFTER_TIMER)) => {}
                        () = drive.abandon.cancelled() => return Ok(None),
                    }
                    Event::TimerOver
                }
            };
        }
    }

    /// Writes a phase to the journal before anything of it is sent.
    async fn enter(&self, drive: &mut Drive, phase: Phase) -> Result<Event, Failure> {
        if phase == Phase::Trial {
            // The device's timer starts with the trial, not when the work was asked for.
            let seconds = i64::from(drive.minutes).saturating_mul(60);
            drive.deadline = unix_now().saturating_add(seconds);
        }
        let (id, owner) = (drive.change_id.clone(), self.changes.journal.owner.clone());
        let deadline = drive.deadline;
        self.changes
            .journal
            .with(move |store| {
                let note = Document::default();
                store.advance(&Step {
                    change_id: &id,
                    owner: &owner,
                    phase: phase.as_str(),
                    note: &note,
                    deadline: Some(deadline),
                    at: unix_now(),
                })
            })
            .await?;
        drive.status.send_replace(Status { phase, outcome: None });
        Ok(Event::Entered)
    }

    async fn before(&self, drive: &Drive, ground: &mut Ground) -> Result<Event, Failure> {
        let nothing = CancellationToken::new();
        let fresh = self.pool.open_fresh(&ground.device, ground.reservation()?, &nothing).await;
        let mut lease = match fresh {
            Ok(lease) => lease,
            Err(error) => {
                let reason = self.show(&chain(&error));
                return Ok(Event::Seen(crate::change::Seen::Unreachable(reason)));
            }
        };
        let rules = ground.rules()?;
        let seen = self.look_before(&ground.device, &mut lease, rules, &drive.planned).await;
        ground.lease = Some(lease);
        Ok(Event::Seen(seen))
    }

    /// Runs a script: the trial and what abandons it on one session, everything else on a new one.
    async fn run(&self, drive: &Drive, ground: &mut Ground, run: Run) -> Result<Event, Failure> {
        let same = matches!(run, Run::Trial | Run::Abandon);
        let lease = match ground.lease.take() {
            Some(lease) if same => Ok(lease),
            other => {
                if let Some(lease) = other {
                    lease.leave().await;
                }
                let nothing = CancellationToken::new();
                self.pool.open_fresh(&ground.device, ground.reservation()?, &nothing).await
            }
        };
        let mut lease = match lease {
            Ok(lease) => lease,
            Err(error) => return Ok(Event::Lost(self.show(&chain(&error)))),
        };
        let rules = ground.rules()?;
        let Some(dialect) = rules.dialects.get(drive.planned.dialect) else {
            return Err(Failure::new(ErrorCode::Internal, "the plan's dialect is gone"));
        };
        let result = self.run_on_lease(drive, ground, &mut lease, dialect, run).await?;
        let event = match result {
            Ok(()) => Event::Ran,
            Err(Stopped::Refused(reason)) => Event::Refused(reason),
            Err(Stopped::Lost(reason)) => Event::Lost(reason),
        };
        if lease.is_usable() && run == Run::Trial && event != Event::Ran {
            ground.lease = Some(lease);
        } else {
            lease.leave().await;
        }
        Ok(event)
    }

    async fn run_on_lease(
        &self,
        drive: &Drive,
        ground: &Ground,
        lease: &mut Lease,
        dialect: &Dialect,
        run: Run,
    ) -> Result<Result<(), Stopped>, Failure> {
        let rules = ground.rules()?;
        let invalid = |reason: String| Failure::new(ErrorCode::Internal, reason);
        let mut configuration = permit_configuration(rules, &drive.planned.configuration)
            .map_err(|refusal| invalid(refusal.to_string()))?;
        let stop = drive.stop.clone();
        let asked = move || run == Run::Trial && stop.is_cancelled();
        let script = match run {
            Run::Trial => &dialect.trial,
            Run::Abandon => &dialect.abandon,
            Run::CleanUp => &dialect.clean_up,
            Run::Confirm => &dialect.confirm,
            Run::Save => &dialect.save,
            Run::Undo if dialect.undo.is_empty() => {
                // Nothing takes the change back by itself: the opposite lines are typed.
                let running = match self.running(&ground.device, lease, rules).await {
                    Ok(running) => running,
                    Err(failure) => return Ok(Err(Stopped::Lost(failure.message))),
                };
                let before = Tree::read(rules, &drive.planned.before);
                let lines = before.undoing(&Tree::read(rules, &running));
                if lines.is_empty() {
                    return Ok(Ok(()));
                }
                configuration = permit_lines(rules, &lines).map_err(invalid)?;
                &dialect.trial
            }
            Run::Undo => &dialect.undo,
        };
        Ok(self
            .run_script(lease, rules, script, &ground.words, &configuration, &asked)
            .await
            .map(|_captured| ()))
    }

    /// Waits for a decision; none when the change is left to the device's own timer.
    async fn hold(&self, drive: &mut Drive) -> Option<Event> {
        let left = until(drive.deadline).saturating_sub(BEFORE_TIMER);
        tokio::select! {
            decision = drive.decisions.recv() => Some(match decision {
                Some(Decision::Confirm) => Event::Confirm,
                Some(Decision::Revert(reason)) => Event::Revert(reason),
                None => Event::Revert("nobody can confirm it any more".to_owned()),
            }),
            () = drive.abandon.cancelled(), if drive.planned.class != SafetyClass::Unprotected => None,
            () = tokio::time::sleep(left) => {
                Some(Event::Revert("nobody confirmed it in time".to_owned()))
            }
        }
    }
}

/// How long it is until a time.
fn until(deadline: i64) -> Duration {
    Duration::from_secs(u64::try_from(deadline.saturating_sub(unix_now())).unwrap_or_default())
}
