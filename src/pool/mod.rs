//! Sessions per device: at most one at a time, handed out in the order of asking.
//!
//! **Invariants:** a [`Lease`] owns its device's slot and frees it when it is dropped, however it is
//! dropped, and its SSH connection with it. A session given back is parked for the next caller and
//! must prove that it lives before it is used again; a broken one is closed, never parked.
//! This module knows neither parsing nor MCP.

mod inspect;
mod lease;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::inspect::Inspection;
pub use self::lease::{Lease, Reservation};
use self::lease::{Parked, Take, Taker};
use crate::credential::{CredentialError, Credentials, Login, LoginProof};
use crate::error::ErrorCode;
use crate::inventory::{Device, DeviceName};
use crate::platform::{Platform, PlatformError, PlatformName, Platforms, SecretUse, Seen, Verdict};
use crate::session::{Limits, LoginSecrets, Recorder, Session, SessionError, probe};
use crate::transport::{Connection, Dialer, Pty, Shell, TransportError};

/// How long a session waits for its next caller before it is closed.
const IDLE_CLOSE: Duration = Duration::from_secs(300);
/// Older sessions are not used again; devices may not survive a new key exchange after an hour.
const MOST_AGE: Duration = Duration::from_secs(55 * 60);
/// How long a parked session may take to prove that it lives.
const PROOF_WAIT: Duration = Duration::from_secs(3);

/// A session could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The device's platform file cannot be used.
    #[error("no usable platform")]
    Platform(#[source] PlatformError),
    /// The credential could not be had.
    #[error("no credential")]
    Credential(#[source] CredentialError),
    /// The device could not be reached.
    #[error("no SSH connection")]
    Transport(#[source] TransportError),
    /// The device was reached and no usable CLI was found.
    #[error("no usable prompt after login")]
    Login(#[source] SessionError),
    /// Nothing tells which platform the device is.
    #[error(
        "the platform cannot be told from the prompt `{}` of `{}`{}",
        seen.prompt, seen.ident, listed(possible)
    )]
    Unrecognised {
        /// The platforms that fit equally well.
        possible: Vec<PlatformName>,
        /// What was seen.
        seen: Seen,
    },
    /// The caller gave up.
    #[error("the request was cancelled before the device was reached")]
    Cancelled,
    /// The pool is closing.
    #[error("the server is stopping")]
    Closed,
}

impl PoolError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Platform(error) => error.code(),
            Self::Credential(error) => error.code(),
            Self::Transport(error) => error.code(),
            Self::Login(error) => error.code(),
            Self::Unrecognised { .. } => ErrorCode::PlatformUnknown,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Closed => ErrorCode::ShuttingDown,
        }
    }
}

fn listed(possible: &[PlatformName]) -> String {
    if possible.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = possible.iter().map(PlatformName::as_str).collect();
    format!("; it may be {}", names.join(", "))
}

/// Hands out sessions.
#[derive(Debug)]
pub struct Pool {
    platforms: Arc<Platforms>,
    dialer: Dialer,
    credentials: Arc<Credentials>,
    output_limit: usize,
    slots: Mutex<HashMap<DeviceName, Arc<Semaphore>>>,
    /// How to get at the sessions that wait for their next caller.
    parked: Mutex<HashMap<DeviceName, Taker>>,
    /// Host keys that were recorded while a platform was found out, and nobody was told of yet.
    untold: Mutex<HashMap<DeviceName, String>>,
    /// Cancelled when the pool closes; every lease then stops what it runs.
    closing: CancellationToken,
    /// Counts the leases that are out.
    leases: TaskTracker,
}

impl Pool {
    /// Makes a pool that keeps at most `output_limit` bytes of one answer.
    pub fn new(
        platforms: Arc<Platforms>,
        dialer: Dialer,
        credentials: Arc<Credentials>,
        output_limit: usize,
    ) -> Self {
        Self {
            platforms,
            dialer,
            credentials,
            output_limit,
            slots: Mutex::default(),
            parked: Mutex::default(),
            untold: Mutex::default(),
            closing: CancellationToken::new(),
            leases: TaskTracker::new(),
        }
    }

    /// Waits for the device's slot and hands out a session in its default mode: the one that was
    /// parked if it still answers, else a new one.
    pub async fn lease(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        let slot = self.reserve(device, cancel).await?;
        let opening = async {
            if let Some(lease) = self.unpark(device, &slot).await {
                return Ok(lease);
            }
            self.open(device, &slot, Recording::Off).await
        };
        self.unless_ended(cancel, opening).await
    }

    /// Waits for the device's slot and keeps it, so that several sessions one after another, or a
    /// second one for a check, belong to one piece of work.
    pub async fn reserve(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Reservation, PoolError> {
        let waiting = async {
            let slot = self.slot(&device.name).acquire_owned().await;
            slot.map_err(|_closed| PoolError::Closed)
        };
        let slot = self.unless_ended(cancel, waiting).await?;
        Ok(Reservation { slot: Arc::new(slot) })
    }

    /// Opens a new session within a reservation; it is never parked, and a parked one is closed first.
    pub async fn open_fresh(
        &self,
        device: &Device,
        reservation: &Reservation,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        self.open_new(device, reservation, Recording::Off, cancel).await
    }

    /// Opens a new session that keeps what goes through it, from the first byte on.
    pub async fn open_recorded(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        let reservation = self.reserve(device, cancel).await?;
        self.open_new(device, &reservation, Recording::On, cancel).await
    }

    /// Closes what is parked, since a device may have one line only, and opens a new session.
    async fn open_new(
        &self,
        device: &Device,
        reservation: &Reservation,
        recording: Recording,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        let opening = Box::pin(async {
            if let Some(lease) = self.unpark(device, reservation).await {
                lease.leave().await;
            }
            self.open(device, reservation, recording).await
        });
        self.unless_ended(cancel, opening).await
    }

    /// Finds out which platform a device is, on a connection of its own.
    pub async fn detect(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<PlatformName, PoolError> {
        let _slot = self.reserve(device, cancel).await?;
        let detecting = async {
            let login = self.credentials.login(device).await.map_err(PoolError::Credential)?;
            let connection = Box::pin(self.connect(device, &login)).await?;
            let host_key = &connection.handshake.host_key;
            if host_key.first_contact {
                let fingerprint = host_key.fingerprint.clone();
                locked(&self.untold).insert(device.name.clone(), fingerprint);
            }
            // What most platforms ask for; the login that follows asks for its own.
            let pty = Pty { kind: "vt100", width: 511, height: 1000 };
            let shell = connection.shell(pty, device.timeouts.auth).await;
            let looked = match shell {
                Err(error) => Err(PoolError::Transport(error)),
                Ok(shell) => {
                    let most = device.timeouts.auth.saturating_add(device.timeouts.idle);
                    let looked =
                        probe(shell, &connection.handshake.ident, &self.platforms, most).await;
                    looked.map_err(PoolError::Login)
                }
            };
            connection.close().await;
            let (verdict, seen) = looked?;
            match verdict {
                Verdict::Is(platform) => Ok(platform),
                Verdict::Unclear(possible) => Err(PoolError::Unrecognised { possible, seen }),
                Verdict::Ask(_) => Err(PoolError::Unrecognised { possible: Vec::new(), seen }),
            }
        };
        self.unless_ended(cancel, detecting).await
    }

    async fn unless_ended<T>(
        &self,
        cancel: &CancellationToken,
        work: impl Future<Output = Result<T, PoolError>>,
    ) -> Result<T, PoolError> {
        tokio::select! {
            () = self.closing.cancelled() => Err(PoolError::Closed),
            () = cancel.cancelled() => Err(PoolError::Cancelled),
            result = work => result,
        }
    }

    /// Gives a session back. One that can be used again waits for the next caller.
    pub async fn give_back(&self, device: &Device, lease: Lease) {
        let young = lease.opened.elapsed() < MOST_AGE;
        // The next caller is promised a session where reading commands run.
        let platform = self.platforms.get(&device.platform).ok();
        let home = platform.is_some_and(|p| {
            let mode = &lease.prompt().mode;
            // A read-only account stays below the default mode, and is there again next time.
            *mode == p.default_mode
                || p.path(mode, &p.default_mode)
                    .is_some_and(|path| path.iter().any(|step| step.secret == SecretUse::Required))
        });
        if !(lease.is_usable() && young && home) || self.closing.is_cancelled() {
            return lease.leave().await;
        }
        let (taker, taken) = tokio::sync::oneshot::channel();
        let replaced = locked(&self.parked).insert(device.name.clone(), taker);
        // At most one session of a device is ever parked.
        drop(replaced);
        let closing = self.closing.clone();
        let Lease { session, connection, opened, counted, .. } = lease;
        tokio::spawn(async move {
            let counted = counted;
            tokio::select! {
                () = closing.cancelled() => {}
                () = tokio::time::sleep(IDLE_CLOSE) => {}
                asked = taken => {
                    // A caller wants it; a sender that was dropped means that nobody ever will.
                    let whole = Parked { session, connection, opened };
                    let refused = match asked {
                        Ok(Take(handover)) => handover.send(whole).err(),
                        Err(_) => Some(whole),
                    };
                    if let Some(parked) = refused {
                        parked.leave().await;
                    }
                    return drop(counted);
                }
            }
            Parked { session, connection, opened }.leave().await;
            drop(counted);
        });
    }

    /// Takes the parked session of a device, if it proves that it lives.
    async fn unpark(&self, device: &Device, reservation: &Reservation) -> Option<Lease> {
        let taker = locked(&self.parked).remove(&device.name)?;
        let (handover, handed) = tokio::sync::oneshot::channel();
        taker.send(Take(handover)).ok()?;
        let Parked { mut session, mut connection, opened } = handed.await.ok()?;
        connection.handshake.host_key.first_contact = false;
        let closing = self.closing.clone();
        if !Box::pin(session.prove(PROOF_WAIT)).await {
            tracing::debug!(device = %device.name, "a parked session did not answer");
            connection.close().await;
            return None;
        }
        let slot = reservation.clone();
        Some(Lease { session, connection, opened, closing, slot, counted: self.leases.token() })
    }

    /// Stops every command under way and hands out nothing more.
    pub fn close(&self) {
        self.closing.cancel();
        self.leases.close();
    }

    /// Waits until the pool was closed and every lease is back.
    pub async fn closed(&self) {
        self.leases.wait().await;
    }

    fn slot(&self, name: &DeviceName) -> Arc<Semaphore> {
        let mut slots = locked(&self.slots);
        Arc::clone(slots.entry(name.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }

    async fn open(
        &self,
        device: &Device,
        slot: &Reservation,
        recording: Recording,
    ) -> Result<Lease, PoolError> {
        let platform = self.platforms.get(&device.platform).map_err(PoolError::Platform)?;
        let mut login = self.credentials.login(device).await.map_err(PoolError::Credential)?;
        let username = login.username.clone();
        // Some devices take settings of their console behind the user name.
        login.username.push_str(&platform.terminal.username_suffix);
        let mut connection = Box::pin(self.connect(device, &login)).await?;
        login.username = username;
        let host_key = &mut connection.handshake.host_key;
        if locked(&self.untold).remove(&device.name).as_ref() == Some(&host_key.fingerprint) {
            host_key.first_contact = true;
        }
        match self.log_in(device, login, platform, &connection, recording).await {
            Ok(session) => {
                let ident = &connection.handshake.ident;
                tracing::debug!(device = %device.name, ident, "session opened");
                let (closing, counted) = (self.closing.clone(), self.leases.token());
                let (opened, slot) = (Instant::now(), slot.clone());
                Ok(Lease { session, connection, opened, closing, slot, counted })
            }
            Err(error) => {
                connection.close().await;
                Err(error)
            }
        }
    }

    async fn connect(&self, device: &Device, login: &Login) -> Result<Connection, PoolError> {
        let reached =
            Box::pin(self.dialer.reach(device, None)).await.map_err(PoolError::Transport)?;
        Box::pin(reached.log_in(login, &|_| None)).await.map_err(PoolError::Transport)
    }

    async fn log_in(
        &self,
        device: &Device,
        login: Login,
        platform: Arc<Platform>,
        connection: &Connection,
        recording: Recording,
    ) -> Result<Session<Recorder<Shell>>, PoolError> {
        let terminal = &platform.terminal;
        let pty = Pty { kind: &terminal.kind, width: terminal.width, height: terminal.height };
        let shell = connection.shell(pty, device.timeouts.auth).await;
        let shell = shell.map_err(PoolError::Transport)?;
        let secrets = LoginSecrets {
            username: login.username,
            password: match login.proof {
                LoginProof::Password(password) => Some(password),
                _ => None,
            },
            enable: login.enable,
        };
        let limits = Limits {
            prompt_timeout: device.timeouts.auth,
            idle_timeout: device.timeouts.idle,
            command_timeout: device.timeouts.command,
            output_limit: self.output_limit,
        };
        let shell = match recording {
            Recording::Off => Recorder::off(shell),
            Recording::On => Recorder::on(shell),
        };
        let opening = Box::pin(Session::open(shell, platform, secrets, limits));
        opening.await.map_err(PoolError::Login)
    }
}

/// A poisoned lock only means that another thread panicked; the maps themselves are whole.
fn locked<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a session keeps what goes through it.
#[derive(Debug, Clone, Copy)]
enum Recording {
    Off,
    On,
}
