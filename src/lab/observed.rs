//! What a simulated device saw, for tests to assert on.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// What a device saw since it was started.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Observed {
    /// TCP connections accepted.
    pub connections: usize,
    /// TCP connections closed at once for what the configuration says.
    pub refused_connections: usize,
    /// TCP connections that are still up.
    pub open_connections: usize,
    /// Connections on which the key exchange is over and a client wants to log in.
    pub logins_begun: usize,
    /// Requests to log in, the initial `none` left out.
    pub logins_attempted: usize,
    /// Logins that succeeded.
    pub logins_succeeded: usize,
    /// Passwords received for SSH, right or wrong, also as answers to keyboard-interactive.
    pub password_attempts: usize,
    /// Public keys whose ownership was proven.
    pub public_key_attempts: usize,
    /// Certificates whose ownership was proven.
    pub certificate_attempts: usize,
    /// Times that keyboard-interactive was begun.
    pub interactive_attempts: usize,
    /// Connections to others that were made for clients.
    pub forwarded: usize,
    /// Bytes that went out, SSH's own included. Nobody who waits is told when this grows.
    pub bytes_sent: u64,
    /// Bytes that came in, SSH's own included. Nobody who waits is told when this grows.
    pub bytes_received: u64,
    /// Shells opened.
    pub sessions_opened: usize,
    /// Shells that are still open.
    pub open_sessions: usize,
    /// Interrupt keys received.
    pub interrupts: usize,
    /// Pager prompts answered.
    pub pager_answers: usize,
    /// Pseudo-terminals asked for.
    pub ptys: Vec<PtyRequest>,
    /// Every line received, in order, empty ones included.
    pub lines: Vec<ReceivedLine>,
}

impl Observed {
    /// The command lines received, without empty ones, passwords and answers.
    pub fn commands(&self) -> Vec<&str> {
        self.lines
            .iter()
            .filter(|line| line.kind == LineKind::Command && !line.text.is_empty())
            .map(|line| line.text.as_str())
            .collect()
    }

    /// The answers to questions inside the shell before the first prompt.
    pub fn login_answers(&self) -> Vec<&str> {
        self.lines
            .iter()
            .filter(|line| line.kind == LineKind::Login)
            .map(|line| line.text.as_str())
            .collect()
    }

    /// How many privileged passwords were received.
    pub fn enable_attempts(&self) -> usize {
        self.lines.iter().filter(|line| line.kind == LineKind::Password).count()
    }
}

/// A pseudo-terminal as a client asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PtyRequest {
    /// The terminal type.
    pub term: String,
    /// Columns.
    pub columns: u32,
    /// Rows.
    pub rows: u32,
}

/// A line as it was received.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedLine {
    /// The bytes before Enter, as they came.
    pub raw: Vec<u8>,
    /// The line after editing.
    pub text: String,
    /// What the device took it for.
    pub kind: LineKind,
    /// The mode it was typed in.
    pub mode: String,
}

impl fmt::Debug for ReceivedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_secret = matches!(self.kind, LineKind::Password | LineKind::Login);
        let text = if is_secret { "<secret>" } else { &self.text };
        write!(f, "{:?} in {}: {text:?}", self.kind, self.mode)
    }
}

/// What a device took a line for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// A command, or a line of configuration.
    Command,
    /// The privileged password.
    Password,
    /// An answer inside the shell before the first prompt, which may be a password.
    Login,
    /// An answer to a question.
    Answer,
    /// A line of a text that is loaded.
    Text,
    /// Anything typed while nothing listened.
    Ignored,
}

/// Where the tasks of a device note what they see.
#[derive(Debug)]
pub(super) struct Recorder {
    seen: watch::Sender<Observed>,
    // Counted apart, since a flood should wake nobody at each packet.
    sent: AtomicU64,
    received: AtomicU64,
}

impl Recorder {
    pub(super) fn new() -> Self {
        let seen = watch::Sender::new(Observed::default());
        Self { seen, sent: AtomicU64::new(0), received: AtomicU64::new(0) }
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Observed)) {
        self.seen.send_modify(change);
    }

    pub(super) fn sent(&self, count: u64) {
        self.sent.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn received(&self, count: u64) {
        self.received.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> Observed {
        self.complete(self.seen.borrow().clone())
    }

    fn complete(&self, seen: Observed) -> Observed {
        Observed {
            bytes_sent: self.sent.load(Ordering::Relaxed),
            bytes_received: self.received.load(Ordering::Relaxed),
            ..seen
        }
    }

    /// Waits until `wanted` holds; `None` when it did not within `limit`.
    pub(super) async fn wait_for(
        &self,
        limit: Duration,
        wanted: impl FnMut(&Observed) -> bool,
    ) -> Option<Observed> {
        let mut seen = self.seen.subscribe();
        let found = tokio::time::timeout(limit, seen.wait_for(wanted)).await.ok()?.ok()?;
        Some(self.complete(found.clone()))
    }
}
