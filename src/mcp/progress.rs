//! Progress notifications: at once, whenever a device is done, and every ten seconds.

use std::sync::Mutex;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::operations::Progress;

/// Clients give up on a silent call after a minute or less.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What the reporting side of a call needs.
struct Line {
    receiver: UnboundedReceiver<Progress>,
    peer: Peer<RoleServer>,
    token: ProgressToken,
}

/// Passes progress on to the client of one call, if it asked for it.
pub(super) struct Reporter {
    sender: Option<UnboundedSender<Progress>>,
    /// Taken by the one task that reports.
    line: Mutex<Option<Line>>,
}

impl Reporter {
    /// Prepares to report on the call of this context.
    pub(super) fn new(context: &RequestContext<RoleServer>) -> Self {
        let Some(token) = context.meta.get_progress_token() else {
            return Self { sender: None, line: Mutex::default() };
        };
        let (sender, receiver) = unbounded_channel();
        let line = Line { receiver, peer: context.peer.clone(), token };
        Self { sender: Some(sender), line: Mutex::new(Some(line)) }
    }

    /// Hears about progress.
    pub(super) fn note(&self, progress: Progress) {
        if let Some(sender) = &self.sender {
            // Nobody listens any more once the call is answered.
            drop(sender.send(progress));
        }
    }

    /// Runs `work` and reports beside it until it is done.
    pub(super) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let taken = self.line.lock().map(|mut line| line.take()).unwrap_or_default();
        let Some(line) = taken else { return work.await };
        tokio::select! {
            biased;
            result = work => result,
            never = report(line) => match never {},
        }
    }
}

async fn report(mut line: Line) -> std::convert::Infallible {
    let mut beat = tokio::time::interval(HEARTBEAT);
    let mut beats: u32 = 0;
    let mut last = Progress { done: 0, total: 1, device: None };
    loop {
        let message = tokio::select! {
            Some(progress) = line.receiver.recv() => {
                beats = 0;
                last = progress;
                match &last.device {
                    None => continue,
                    Some(device) => format!("{device} is done"),
                }
            }
            _ = beat.tick() => {
                beats = beats.saturating_add(1);
                format!("{} of {} devices are done", last.done, last.total)
            }
        };
        // Must grow with every notification, so a beat moves it closer to the next device.
        let within = f64::from(beats) / f64::from(beats.saturating_add(1));
        #[expect(clippy::cast_precision_loss, reason = "there are at most some hundred devices")]
        let (done, total) = (last.done as f64, last.total as f64);
        let note = ProgressNotificationParam::new(line.token.clone(), done + within)
            .with_total(total)
            .with_message(message);
        if let Err(error) = line.peer.notify_progress(note).await {
            tracing::debug!(%error, "a progress notification was not delivered");
        }
    }
}
