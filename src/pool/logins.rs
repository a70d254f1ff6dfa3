//! Turns to log in: the guard, the store beside it, and the callers that wait.
//!
//! **Invariants:** the store is read before every login. A verdict is kept by a task of its own, so
//! that a caller who leaves cannot make a refusal forgotten. A turn is given back when it is
//! dropped, wherever its owner was dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::PoolError;
use super::guard::{Guard, GuardRules, Place, seconds};
use super::lockouts::Lockouts;
use crate::credential::CredentialId;
use crate::store::{LockoutRow, LockoutScope, unix_now};

/// How often one who waits looks into the store, where another process or an operator may have
/// changed something.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Who may log in now.
#[derive(Debug, Clone)]
pub(super) struct Logins {
    lockouts: Lockouts,
    rules: GuardRules,
    tasks: TaskTracker,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug)]
struct Queue {
    guard: Guard,
    /// How to wake those who wait.
    wakers: HashMap<Place, oneshot::Sender<()>>,
}

impl Queue {
    fn wake(&mut self, turns: Vec<Place>) {
        for place in turns {
            if let Some(waker) = self.wakers.remove(&place) {
                // One that is gone gives its turn back as soon as it gets the lock.
                let _gone = waker.send(());
            }
        }
    }
}

/// A credential, where it is to be sent, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) id: CredentialId,
    pub(super) device_key: String,
    pub(super) device: String,
    pub(super) username: String,
}

/// A turn, or a place in the line for one.
#[derive(Debug)]
pub(super) struct Turn {
    logins: Logins,
    attempt: Attempt,
    place: Place,
    wake: Option<oneshot::Receiver<()>>,
    /// Set when the guard was told how it ended.
    over: bool,
}

impl Logins {
    pub(super) fn new(lockouts: Lockouts, rules: GuardRules, tasks: TaskTracker) -> Self {
        let queue = Queue { guard: Guard::new(rules), wakers: HashMap::new() };
        Self { lockouts, rules, tasks, queue: Arc::new(Mutex::new(queue)) }
    }

    /// Says what keeps the credential from being sent there, as the store and this process know it.
    pub(super) async fn check(&self, attempt: &Attempt) -> Result<(), PoolError> {
        let now = unix_now();
        let rows = self.lockouts.of(&attempt.id, now).await;
        let mut queue = self.queue();
        if let Some(rows) = rows {
            let turns = queue.guard.learn(&attempt.id, rows, now);
            queue.wake(turns);
        }
        match queue.guard.held(&attempt.id, &attempt.device_key, now) {
            None => Ok(()),
            Some(row) => Err(PoolError::Held { lockout: Box::new(row.clone()) }),
        }
    }

    /// Asks for a turn.
    pub(super) fn ask(&self, attempt: Attempt) -> Turn {
        let mut queue = self.queue();
        let (place, now) = queue.guard.ask(&attempt.id, unix_now());
        let wake = if now {
            None
        } else {
            let (waker, wake) = oneshot::channel();
            queue.wakers.insert(place, waker);
            Some(wake)
        };
        drop(queue);
        Turn { logins: self.clone(), attempt, place, wake, over: false }
    }

    /// Logins under way, and those who wait for one.
    pub(super) fn counts(&self) -> (usize, usize) {
        self.queue().guard.counts()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a refusal, and pauses the credential where it was the second in a row.
    async fn keep(&self, attempt: &Attempt, row: &LockoutRow) {
        if !self.lockouts.record(row).await {
            return;
        }
        let Some(rows) = self.lockouts.of(&attempt.id, row.since).await else { return };
        let pause = self.queue().guard.saved(&attempt.id, row, rows, row.since);
        if !pause {
            return;
        }
        let pause = LockoutRow {
            scope: LockoutScope::Fleet,
            reason: "two devices in a row refused it".to_owned(),
            ..row.clone()
        };
        tracing::warn!(
            event = "credential_paused",
            username = pause.username,
            device = pause.device,
            "two devices in a row refused a credential; no device gets it for a while"
        );
        if self.lockouts.record(&pause).await
            && let Some(rows) = self.lockouts.of(&attempt.id, row.since).await
        {
            let mut queue = self.queue();
            let turns = queue.guard.learn(&attempt.id, rows, row.since);
            queue.wake(turns);
        }
    }
}

impl Turn {
    /// Whether it has come.
    pub(super) fn is_now(&self) -> bool {
        self.wake.is_none()
    }

    /// Waits until it comes. Ends early where the credential is held meanwhile.
    pub(super) async fn wait(&mut self) -> Result<(), PoolError> {
        while let Some(wake) = &mut self.wake {
            if tokio::time::timeout(LOOK_AGAIN, wake).await.is_ok() {
                self.wake = None;
            } else {
                let (logins, attempt) = (self.logins.clone(), self.attempt.clone());
                logins.check(&attempt).await?;
            }
        }
        Ok(())
    }

    /// Looks into the store once more, right before the credential is sent.
    pub(super) async fn confirm(&self) -> Result<(), PoolError> {
        self.logins.check(&self.attempt).await
    }

    /// The device took the credential.
    pub(super) fn accepted(mut self) {
        self.over = true;
        let mut queue = self.logins.queue();
        let turns = queue.guard.accepted(&self.attempt.id, unix_now());
        queue.wake(turns);
    }

    /// The device refused the credential. The turn lasts until that is kept; a caller who stays to
    /// hear of the refusal hears of it when other processes can know it too.
    pub(super) async fn refused(self) {
        let now = unix_now();
        let Attempt { id, device_key, device, username } = self.attempt.clone();
        let row = LockoutRow {
            scope: LockoutScope::Device,
            credential: id.as_str().to_owned(),
            device_key,
            device,
            username,
            since: now,
            until: now.saturating_add(seconds(self.logins.rules.hold)),
            reason: "the device refused it".to_owned(),
        };
        tracing::warn!(
            event = "credential_held",
            username = row.username,
            device = row.device,
            "a device refused a credential; it is not sent there again for a while"
        );
        self.logins.queue().guard.refused(&id, row.clone());
        let tasks = self.logins.tasks.clone();
        let keeping = tasks.spawn(async move {
            let logins = self.logins.clone();
            logins.keep(&self.attempt, &row).await;
            drop(self);
        });
        if let Err(error) = keeping.await {
            tracing::error!(%error, "keeping a refusal ended without a result");
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let now = unix_now();
        let mut queue = self.logins.queue();
        // Who is not waiting any more has a turn, though it may not know yet.
        let turns = if queue.wakers.remove(&self.place).is_some() {
            queue.guard.leave(&self.attempt.id, self.place, now)
        } else {
            queue.guard.unjudged(&self.attempt.id, now)
        };
        queue.wake(turns);
    }
}
