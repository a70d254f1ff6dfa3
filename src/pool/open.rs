//! Sets a connection up: the way there, the breaker, the handshake, the turn to log in.
//!
//! **Invariant:** a device that stands behind another is dialed through it or not at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::breaker::{Breaker, Pass, Refused, Verdict};
use super::guard::MOST_UNPROVEN;
use super::jumps::Jumps;
use super::logins::{Attempt, Logins, Turn};
use super::rules::PoolRules;
use super::slots::{Permit, Slots};
use super::{PoolError, Reservation, Scarce};
use crate::credential::{Credentials, Login};
use crate::error::{ErrorCode, chain};
use crate::inventory::{Device, Route};
use crate::transport::{Connection, Dialer, Reached, TransportError};

/// What the platform answers to questions of the login.
pub(super) type Answers = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A platform that answers nothing, since it is not known or its shell is not used.
pub(super) fn no_answers() -> Answers {
    Arc::new(|_| None)
}

/// Whether an open breaker counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// A caller can ask again later.
    Ordinary,
    /// A change under way must see its device while that can still be taken back.
    Change,
}

/// Sets connections up.
#[derive(Debug)]
pub(super) struct Opener {
    pub(super) dialer: Dialer,
    pub(super) credentials: Arc<Credentials>,
    pub(super) rules: PoolRules,
    pub(super) logins: Logins,
    pub(super) handshakes: Slots,
    pub(super) jumps: Jumps,
    pub(super) closing: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) breakers: Mutex<HashMap<String, Breaker>>,
}

impl Opener {
    /// Connects to a device and logs in.
    pub(super) fn connect<'a>(
        self: &'a Arc<Self>,
        device: &'a Device,
        login: &'a Login,
        answers: Answers,
        hold: Option<Reservation>,
        urgency: Urgency,
    ) -> BoxFuture<'a, Result<Connection, PoolError>> {
        async move {
            let key = device.place();
            let attempt = Attempt {
                id: login.id.clone(),
                device_key: key.clone(),
                device: device.name.to_string(),
                username: login.username.clone(),
            };
            // Where the credential is held anyway the device is not bothered.
            self.logins.check(&attempt).await?;
            let mut trial = self.admit(key, device, urgency).map_err(|refused| {
                let Refused { failures, retry_after, last } = refused;
                PoolError::Unavailable { failures, retry_after, last }
            })?;
            let connecting = self.reach_and_log_in(device, login, answers, hold, attempt, urgency);
            let connected = connecting.await;
            match &connected {
                Ok(_) => trial.verdict = Verdict::Reached,
                Err(PoolError::Transport(error) | PoolError::Through { source: error, .. })
                    if may_pass(error) =>
                {
                    trial.verdict = Verdict::Failed(chain(error));
                }
                Err(_) => {}
            }
            connected
        }
        .boxed()
    }

    async fn reach_and_log_in(
        self: &Arc<Self>,
        device: &Device,
        login: &Login,
        answers: Answers,
        hold: Option<Reservation>,
        attempt: Attempt,
        urgency: Urgency,
    ) -> Result<Connection, PoolError> {
        let through = self.hop(device, urgency).await?;
        let mut permit = self.handshake().await?;
        let mut reached = self.reach(device, through.clone()).await?;
        let mut turn = self.logins.ask(attempt);
        if !turn.is_now() {
            // Those whose turn it is need the place in the other line.
            drop(permit);
            let waiting = tokio::time::timeout(self.rules.turn_on_line, turn.wait()).await;
            match waiting {
                Ok(result) => {
                    result?;
                    permit = self.handshake().await?;
                }
                Err(_elapsed) => {
                    reached.hang_up().await;
                    self.wait_long(device, &mut turn).await?;
                    permit = self.handshake().await?;
                    reached = self.reach(device, through).await?;
                }
            }
        }
        turn.confirm().await?;
        // From here on the device may judge, and a caller who leaves must not make that unheard: in
        // a task of its own, which keeps the places of the session until it ends.
        let (opener, device, login) = (Arc::clone(self), device.clone(), login.clone());
        let judging = self.tasks.spawn(async move {
            let _places = (hold, permit);
            let host_key = reached.handshake().host_key.clone();
            let logged_in = Box::pin(reached.log_in(&login, &*answers)).await;
            match logged_in {
                Ok(connection) => {
                    turn.accepted();
                    Ok(connection)
                }
                Err(error) => {
                    if error.code() == ErrorCode::AuthFailed {
                        turn.refused().await;
                        opener.credentials.forget(&device);
                    }
                    if host_key.first_contact {
                        // Nobody gets an answer in which it could stand.
                        first_contact(&device, &host_key.fingerprint);
                    }
                    Err(failed(&device, error))
                }
            }
        });
        match judging.await {
            Ok(judged) => judged,
            Err(error) => {
                tracing::error!(%error, "a login ended without a result");
                Err(PoolError::Closed)
            }
        }
    }

    pub(super) async fn reach(
        &self,
        device: &Device,
        through: Option<Arc<Connection>>,
    ) -> Result<Reached, PoolError> {
        let reaching = Box::pin(self.dialer.reach(device, through));
        reaching.await.map_err(|error| failed(device, error))
    }

    async fn wait_long(&self, device: &Device, turn: &mut Turn) -> Result<(), PoolError> {
        let waited = self.rules.limits.acquire.saturating_add(device.timeouts.auth);
        match tokio::time::timeout(waited, turn.wait()).await {
            Ok(result) => result,
            Err(_elapsed) => {
                let (_, waiting) = self.logins.counts();
                let limit = Scarce::UnprovenLogins(MOST_UNPROVEN);
                Err(PoolError::Exhausted { limit, waiting: waiting.saturating_sub(1), waited })
            }
        }
    }

    /// The connection to the device that stands before this one.
    pub(super) async fn hop(
        self: &Arc<Self>,
        device: &Device,
        urgency: Urgency,
    ) -> Result<Option<Arc<Connection>>, PoolError> {
        let Route::Through(hop) = &device.route else { return Ok(None) };
        match Jumps::through(self, hop, urgency).await {
            Ok(connection) => Ok(Some(connection)),
            Err(source) => Err(PoolError::Jump { hop: hop.name.clone(), source }),
        }
    }

    pub(super) async fn handshake(&self) -> Result<Permit, PoolError> {
        let (most, waited) = (self.rules.limits.handshakes, self.rules.limits.acquire);
        let acquiring = self.handshakes.acquire(most);
        tokio::time::timeout(waited, acquiring).await.map_err(|_elapsed| PoolError::Exhausted {
            limit: Scarce::Handshakes(most),
            waiting: self.handshakes.waiting(),
            waited,
        })
    }

    fn admit(&self, key: String, device: &Device, urgency: Urgency) -> Result<Trial<'_>, Refused> {
        let admitted = match self.breakers().get_mut(&key) {
            None => Ok(Pass::Ordinary),
            Some(breaker) => breaker.admit(Instant::now()),
        };
        let pass = match admitted {
            Ok(pass) => pass,
            Err(_) if urgency == Urgency::Change => Pass::Ordinary,
            Err(refused) => return Err(refused),
        };
        let device = device.name.to_string();
        Ok(Trial { opener: self, key, device, pass, verdict: Verdict::None })
    }

    fn breakers(&self) -> MutexGuard<'_, HashMap<String, Breaker>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A try that the breaker let through; it reports when it is dropped.
struct Trial<'a> {
    opener: &'a Opener,
    key: String,
    device: String,
    pass: Pass,
    verdict: Verdict,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        let verdict = std::mem::replace(&mut self.verdict, Verdict::None);
        let mut breakers = self.opener.breakers();
        if verdict == Verdict::None && !breakers.contains_key(&self.key) {
            return;
        }
        let rules = self.opener.rules.breaker;
        let breaker = breakers.entry(self.key.clone()).or_insert_with(|| Breaker::new(rules));
        let reached = verdict == Verdict::Reached;
        let changed = breaker.report(self.pass, verdict, Instant::now());
        if breaker.is_new() {
            breakers.remove(&self.key);
        }
        drop(breakers);
        let device = &self.device;
        if changed && reached {
            tracing::info!(event = "breaker_closed", device, "a device answers again");
        } else if changed {
            tracing::warn!(event = "breaker_opened", device, "a device is left alone for a while");
        }
    }
}

/// Tells operators of a host key that was recorded where no answer of a device tells it.
pub(super) fn first_contact(device: &Device, fingerprint: &str) {
    let device = device.name.as_str();
    tracing::warn!(event = "first_contact", device, fingerprint, "a host key was recorded");
}

/// Whether another try may end otherwise, so that a failure says something about the device.
fn may_pass(error: &TransportError) -> bool {
    matches!(
        error.code(),
        ErrorCode::ConnectFailed | ErrorCode::ConnectTimeout | ErrorCode::ResolveFailed
    )
}

/// Names the device in between where there is one, since it may be the one that refused.
fn failed(device: &Device, source: TransportError) -> PoolError {
    match &device.route {
        Route::Through(hop) => PoolError::Through { hop: hop.name.clone(), source },
        _ => PoolError::Transport(source),
    }
}
