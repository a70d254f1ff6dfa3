//! One session at a time: who holds it, what it is made of, and what frees its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::parked::Why;
use super::slots::Permit;
use crate::inventory::Device;
use crate::platform::{Dialog, ModeName};
use crate::policy::Permitted;
use crate::secret::Secret;
use crate::session::{Heard, Output, Prompt, Recorder, Session, SessionError, Stopped, TypedLine};
use crate::transport::{Connection, Handshake, Shell};

/// An open session, which belongs to nobody yet.
#[derive(Debug)]
pub(super) struct Opened {
    /// On the heap, since it is passed on from hand to hand.
    pub(super) session: Box<Session<Recorder<Shell>>>,
    pub(super) connection: Connection,
    pub(super) since: Instant,
    /// Everything secret that the login consisted of.
    pub(super) secrets: Arc<[Secret<String>]>,
}

/// A session that waits for its next caller, and what it needs to live.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) session: Box<Session<Recorder<Shell>>>,
    pub(super) connection: Connection,
    pub(super) opened: Instant,
    pub(super) used: Instant,
    pub(super) secrets: Arc<[Secret<String>]>,
    /// As what it was opened.
    pub(super) device: Arc<Device>,
    /// Its place among all sessions, freed after the connection above is gone.
    pub(super) room: Arc<Permit>,
}

impl Parked {
    /// Logs out.
    pub(super) async fn leave(self, why: Why) {
        let device = &self.device.name;
        tracing::debug!(event = "session_retired", %device, reason = why.as_str(), "logged out");
        Box::pin(self.session.close()).await;
        self.connection.close().await;
    }
}

/// The place of a session: one of its device's, and one of all.
///
/// It may be kept for a piece of work that takes several sessions one after another, or a second
/// one for a check. It is free again when the last clone and the last lease within it are gone.
#[derive(Debug, Clone)]
pub struct Reservation {
    pub(super) room: Arc<Permit>,
    #[expect(dead_code, reason = "held for its drop, which frees the device")]
    pub(super) slot: Arc<Permit>,
}

/// One of something that is counted, as long as it lives.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(super) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether it is known that the device still answers on a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// It answered.
    Proven,
    /// Nothing speaks against it.
    Presumed,
    /// It turned out to be dead before it said anything.
    Stale,
}

/// Exclusive use of one session.
#[derive(Debug)]
pub struct Lease {
    pub(super) open: Opened,
    pub(super) device: Arc<Device>,
    pub(super) place: String,
    pub(super) life: Life,
    pub(super) closing: CancellationToken,
    /// Frees the device for the next caller, after the connection above is gone.
    pub(super) reservation: Reservation,
    /// Counts it out when it is dropped.
    pub(super) counted: Counted,
    /// A pool that closes waits for its drop.
    pub(super) tracked: TaskTrackerToken,
}

impl Lease {
    /// The fingerprint of the host key, where it was recorded just now.
    pub fn new_host_key(&self) -> Option<&str> {
        let host_key = &self.open.connection.handshake.host_key;
        host_key.first_contact.then_some(host_key.fingerprint.as_str())
    }

    /// The fingerprint of the host key.
    pub fn host_key(&self) -> &str {
        &self.open.connection.handshake.host_key.fingerprint
    }

    /// The prompt that the device showed last.
    pub fn prompt(&self) -> &Prompt {
        self.open.session.prompt()
    }

    /// Whether the session can take another command.
    pub fn is_usable(&self) -> bool {
        self.open.session.is_usable()
    }

    /// The secrets of the login in use, which no text of this session may show.
    pub fn secrets(&self) -> &[Secret<String>] {
        &self.open.secrets
    }

    /// Whether the session was handed out on trust and turned out to be dead before the device said
    /// anything, so that what was asked was never begun on another one.
    pub fn is_stale(&self) -> bool {
        self.life == Life::Stale
    }

    /// Runs one command. Cancelling interrupts it on the device.
    pub async fn run(
        &mut self,
        command: &Permitted,
        cancel: &CancellationToken,
    ) -> Result<Output, SessionError> {
        let result = self.run_on(command, cancel).await;
        self.life = match &result {
            Err(SessionError::Closed | SessionError::Io(_))
                if self.life == Life::Presumed && self.open.session.heard_nothing() =>
            {
                Life::Stale
            }
            _ => Life::Proven,
        };
        result
    }

    async fn run_on(
        &mut self,
        command: &Permitted,
        cancel: &CancellationToken,
    ) -> Result<Output, SessionError> {
        let stop = self.closing.child_token();
        let stopped = stop.clone();
        // On the heap, as below: an exchange holds much, and several may be nested.
        let mut running = Box::pin(self.open.session.run(command, &stopped));
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

    /// Types one line of a change. It is never cut off in the middle.
    pub async fn type_line(
        &mut self,
        line: TypedLine<'_>,
        dialog: &[Dialog],
    ) -> Result<Output, SessionError> {
        Box::pin(self.open.session.type_line(line, dialog)).await
    }

    /// How long the device takes to answer an empty line; none where it does not.
    pub async fn round_trip(&mut self, within: Duration) -> Option<Duration> {
        let began = Instant::now();
        let answered = Box::pin(self.open.session.prove(within)).await;
        answered.then(|| began.elapsed())
    }

    /// What was agreed on when the connection was made.
    pub fn handshake(&self) -> &Handshake {
        &self.open.connection.handshake
    }

    /// What the device showed before the login.
    pub fn banner(&self) -> &str {
        &self.open.connection.banner
    }

    /// Walks to a mode of the platform.
    pub async fn enter_mode(&mut self, mode: &ModeName) -> Result<(), SessionError> {
        Box::pin(self.open.session.enter_mode(mode)).await
    }

    /// What went through a recorded session since the last call.
    pub fn heard(&self) -> Vec<Heard> {
        self.open.session.heard()
    }

    /// The identification line of the device's SSH server.
    pub fn ident(&self) -> &str {
        &self.open.connection.handshake.ident
    }

    /// Leaves the device politely.
    pub async fn leave(self) {
        self.leave_for(Why::Unfit).await;
    }

    pub(super) async fn leave_for(self, why: Why) {
        // The places are kept until the session is gone.
        let Self { open, device, reservation, counted, tracked, .. } = self;
        tracing::debug!(
            event = "session_retired", device = %device.name, reason = why.as_str(), "logged out"
        );
        Box::pin(open.session.close()).await;
        open.connection.close().await;
        drop((reservation, counted, tracked));
    }
}
