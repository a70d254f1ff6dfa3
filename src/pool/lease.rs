//! One session at a time: who holds it, who waits for it, and what frees the device's slot.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::platform::{Dialog, ModeName};
use crate::policy::Permitted;
use crate::session::{Heard, Output, Prompt, Recorder, Session, SessionError, Stopped, TypedLine};
use crate::transport::{Connection, Handshake, Shell};

/// A session that waits for its next caller, and what it needs to live.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) session: Session<Recorder<Shell>>,
    pub(super) connection: Connection,
    pub(super) opened: Instant,
}

impl Parked {
    pub(super) async fn leave(self) {
        Box::pin(self.session.close()).await;
        self.connection.close().await;
    }
}

/// Asks the task that keeps a parked session to hand it over.
#[derive(Debug)]
pub(super) struct Take(pub(super) tokio::sync::oneshot::Sender<Parked>);

pub(super) type Taker = tokio::sync::oneshot::Sender<Take>;

/// The slot of a device, kept for one piece of work. It is free again when the last clone and the
/// last lease within it are gone.
#[derive(Debug, Clone)]
pub struct Reservation {
    #[expect(dead_code, reason = "held for its drop, which frees the slot")]
    pub(super) slot: Arc<OwnedSemaphorePermit>,
}

/// Exclusive use of one session.
#[derive(Debug)]
pub struct Lease {
    pub(super) session: Session<Recorder<Shell>>,
    pub(super) connection: Connection,
    pub(super) opened: Instant,
    pub(super) closing: CancellationToken,
    /// Frees the device for the next caller, after the connection above is gone.
    #[expect(dead_code, reason = "held for its drop, which frees the slot")]
    pub(super) slot: Reservation,
    pub(super) counted: TaskTrackerToken,
}

impl Lease {
    /// The fingerprint of the host key, where it was recorded just now.
    pub fn new_host_key(&self) -> Option<&str> {
        let host_key = &self.connection.handshake.host_key;
        host_key.first_contact.then_some(host_key.fingerprint.as_str())
    }

    /// The fingerprint of the host key.
    pub fn host_key(&self) -> &str {
        &self.connection.handshake.host_key.fingerprint
    }

    /// The prompt that the device showed last.
    pub fn prompt(&self) -> &Prompt {
        self.session.prompt()
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
        // On the heap, as below: an exchange holds much, and several may be nested.
        let mut running = Box::pin(self.session.run(command, &stopped));
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
        Box::pin(self.session.type_line(line, dialog)).await
    }

    /// How long the device takes to answer an empty line; none where it does not.
    pub async fn round_trip(&mut self, within: Duration) -> Option<Duration> {
        let began = Instant::now();
        let answered = Box::pin(self.session.prove(within)).await;
        answered.then(|| began.elapsed())
    }

    /// What was agreed on when the connection was made.
    pub fn handshake(&self) -> &Handshake {
        &self.connection.handshake
    }

    /// What the device showed before the login.
    pub fn banner(&self) -> &str {
        &self.connection.banner
    }

    /// Walks to a mode of the platform.
    pub async fn enter_mode(&mut self, mode: &ModeName) -> Result<(), SessionError> {
        Box::pin(self.session.enter_mode(mode)).await
    }

    /// What went through a recorded session since the last call.
    pub fn heard(&self) -> Vec<Heard> {
        self.session.heard()
    }

    /// The identification line of the device's SSH server.
    pub fn ident(&self) -> &str {
        &self.connection.handshake.ident
    }

    /// Leaves the device politely.
    pub async fn leave(self) {
        let Self { session, connection, opened, .. } = self;
        Parked { session, connection, opened }.leave().await;
    }
}
