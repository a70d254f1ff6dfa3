//! Sessions per device: at most one at a time, handed out in the order of asking.
//!
//! **Invariants:** a [`Lease`] owns its device's slot and frees it when it is dropped, however it is
//! dropped, and its SSH connection with it. A session is opened for each lease and closed after it.
//! This module knows neither parsing nor MCP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::error::ErrorCode;
use crate::inventory::{Auth, Device, DeviceName};
use crate::platform::{Platform, PlatformError, Platforms};
use crate::policy::Permitted;
use crate::session::{Limits, LoginSecrets, Output, Session, SessionError, Stopped};
use crate::transport::{Connection, HostKeys, Pty, Shell, TransportError};

/// A session could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The device's platform file cannot be used.
    #[error("no usable platform")]
    Platform(#[source] PlatformError),
    /// The device could not be reached.
    #[error("no SSH connection")]
    Transport(#[source] TransportError),
    /// The device was reached and no usable CLI was found.
    #[error("no usable prompt after login")]
    Login(#[source] SessionError),
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
            Self::Transport(error) => error.code(),
            Self::Login(error) => error.code(),
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Closed => ErrorCode::ShuttingDown,
        }
    }
}

/// Hands out sessions.
#[derive(Debug)]
pub struct Pool {
    platforms: Arc<Platforms>,
    host_keys: HostKeys,
    output_limit: usize,
    slots: Mutex<HashMap<DeviceName, Arc<Semaphore>>>,
    /// Cancelled when the pool closes; every lease then stops what it runs.
    closing: CancellationToken,
    /// Counts the leases that are out.
    leases: TaskTracker,
}

impl Pool {
    /// Makes a pool that keeps at most `output_limit` bytes of one answer.
    pub fn new(platforms: Arc<Platforms>, host_keys: HostKeys, output_limit: usize) -> Self {
        Self {
            platforms,
            host_keys,
            output_limit,
            slots: Mutex::default(),
            closing: CancellationToken::new(),
            leases: TaskTracker::new(),
        }
    }

    /// Waits for the device's slot and opens a session in its default mode.
    pub async fn lease(
        &self,
        device: &Device,
        cancel: &CancellationToken,
    ) -> Result<Lease, PoolError> {
        let opening = async {
            let slot = self.slot(&device.name).acquire_owned().await;
            let slot = slot.map_err(|_closed| PoolError::Closed)?;
            self.open(device, slot).await
        };
        tokio::select! {
            () = self.closing.cancelled() => Err(PoolError::Closed),
            () = cancel.cancelled() => Err(PoolError::Cancelled),
            lease = opening => lease,
        }
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
        // A poisoned lock only means that another thread panicked; the map itself is whole.
        let mut slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(slots.entry(name.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }

    async fn open(&self, device: &Device, slot: OwnedSemaphorePermit) -> Result<Lease, PoolError> {
        let platform = self.platforms.get(&device.platform).map_err(PoolError::Platform)?;
        let connection = Box::pin(Connection::open(device, &self.host_keys));
        let connection = connection.await.map_err(PoolError::Transport)?;
        match self.log_in(device, platform, &connection).await {
            Ok(session) => {
                tracing::debug!(device = %device.name, ident = connection.ident, "session opened");
                let closing = self.closing.clone();
                let counted = self.leases.token();
                Ok(Lease { session, connection, closing, _slot: slot, _counted: counted })
            }
            Err(error) => {
                connection.close().await;
                Err(error)
            }
        }
    }

    async fn log_in(
        &self,
        device: &Device,
        platform: Arc<Platform>,
        connection: &Connection,
    ) -> Result<Session<Shell>, PoolError> {
        let terminal = &platform.terminal;
        let pty = Pty { kind: &terminal.kind, width: terminal.width, height: terminal.height };
        let shell = connection.shell(pty, device.timeouts.auth).await;
        let shell = shell.map_err(PoolError::Transport)?;
        let secrets = LoginSecrets {
            username: device.username.clone(),
            password: match &device.auth {
                Auth::Password(password) => Some(password.clone()),
                Auth::Key { .. } => None,
            },
            enable: device.enable.clone(),
        };
        let limits = Limits {
            prompt_timeout: device.timeouts.auth,
            idle_timeout: device.timeouts.idle,
            command_timeout: device.timeouts.command,
            output_limit: self.output_limit,
        };
        Session::open(shell, platform, &secrets, limits).await.map_err(PoolError::Login)
    }
}

/// Exclusive use of one session.
#[derive(Debug)]
pub struct Lease {
    session: Session<Shell>,
    connection: Connection,
    closing: CancellationToken,
    /// Frees the device for the next caller, after the connection above is gone.
    _slot: OwnedSemaphorePermit,
    _counted: TaskTrackerToken,
}

impl Lease {
    /// The fingerprint of the host key, where it was recorded just now.
    pub fn new_host_key(&self) -> Option<&str> {
        let host_key = &self.connection.host_key;
        host_key.first_contact.then_some(host_key.fingerprint.as_str())
    }

    /// Whether the session can take another command.
    pub fn is_usable(&self) -> bool {
        self.session.is_usable()
    }

    /// Runs one command. Cancelling interrupts it on the device.
    pub async fn run(
        &mut self,
        command: &Permitted,
        cancel: &CancellationToken,
    ) -> Result<Output, SessionError> {
        let stop = self.closing.child_token();
        let stopped = stop.clone();
        let running = self.session.run(command, &stopped);
        tokio::pin!(running);
        tokio::select! {
            biased;
            result = &mut running => return result,
            () = cancel.cancelled() => stop.cancel(),
        }
        // The interrupt has gone out; wait for what the device makes of it.
        match running.await {
            Ok(output) => Ok(output),
            Err(SessionError::Closed) => {
                Err(SessionError::Cancelled { stopped: Stopped::Unproven })
            }
            Err(error) => Err(error),
        }
    }

    /// Leaves the device politely.
    pub async fn release(self) {
        self.session.close().await;
        self.connection.close().await;
    }
}
