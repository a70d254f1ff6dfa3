//! A logged-in CLI on one byte stream: prompt, pager, modes, and one command at a time.
//!
//! **Invariants:** an answer is returned only when a prompt proved it complete. After any failure
//! the session is poisoned unless a prompt was proven, and a poisoned session sends nothing more.
//! A command and its newline go out in one write. Nothing sleeps: a timeout ends a wait and never
//! decides what happened. This module knows neither the inventory nor SSH nor MCP; the decisions
//! are made by the pure machines in `terminal` and `exchange`, and `drive` only moves bytes.

mod drive;
mod echo;
mod error;
mod exchange;
mod probe;
mod record;
mod replay;
mod terminal;
mod trail;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::error::{SessionError, Stopped};
pub use self::exchange::Prompt;
use self::exchange::{Done, Kind};
pub use self::probe::probe;
pub use self::record::{Heard, Recorder};
pub use self::replay::{Cuts, replay};
use self::terminal::Terminal;
use crate::platform::{Dialog, FailureKind, ModeName, Platform, SecretUse};
use crate::policy::Permitted;
use crate::secret::Secret;

/// How long the device may take to show a prompt after the interrupt key.
const INTERRUPT_WAIT: Duration = Duration::from_secs(2);
/// How long the device may take to close its side after we said goodbye.
const GOODBYE_WAIT: Duration = Duration::from_millis(500);
/// The longest tail of output that an error quotes, in characters.
const TAIL: usize = 200;

/// What the platform's dialogs may be answered with.
#[derive(Debug, Clone)]
pub struct LoginSecrets {
    /// The user name.
    pub username: String,
    /// The password, for devices that ask again inside the shell.
    pub password: Option<Secret<String>>,
    /// The enable secret.
    pub enable: Option<Secret<String>>,
}

/// A line of a change, by who says it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum TypedLine<'a> {
    /// A statement of a caller, which passed the gate.
    Caller(&'a Permitted),
    /// A step of the platform file.
    Platform(&'a str),
    /// A step of the platform file that shows a configuration.
    Configuration(&'a str),
    /// A step of the platform file that takes a text of a caller, such as `load set terminal`.
    Block {
        /// The line that begins it.
        begin: &'a str,
        /// The lines of the text, each of which passed the gate.
        lines: &'a [&'a Permitted],
    },
}

/// How long a session waits, and how much it keeps.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bounds the wait for the first proven prompt, mode changes and set-up included.
    pub prompt_timeout: Duration,
    /// Bounds the silence in the middle of an answer.
    pub idle_timeout: Duration,
    /// Bounds one command as a whole.
    pub command_timeout: Duration,
    /// How many bytes of one answer are kept. The rest is read and counted.
    pub output_limit: usize,
}

/// The answer to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The text between echo and prompt, lines ended by `\n`.
    pub text: String,
    /// How many bytes the device sent as lines; more than `text` has when it was cut.
    pub total_bytes: u64,
    /// Why the device refused the command, and the line that says so.
    pub rejected: Option<(FailureKind, String)>,
    /// A question that the platform file declined, so that this may not be what was asked for.
    pub declined: Option<String>,
    /// Whether the last line is the one that ends a configuration, or the platform has none such.
    pub ended: bool,
    /// How many times a pager was answered, where paging could not be switched off.
    pub pages: usize,
}

impl Output {
    /// Whether the text is shorter than what the device sent.
    pub fn is_cut(&self) -> bool {
        (self.text.len() as u64) < self.total_bytes
    }
}

/// A logged-in CLI.
#[derive(Debug)]
pub struct Session<S> {
    stream: S,
    platform: std::sync::Arc<Platform>,
    secrets: LoginSecrets,
    limits: Limits,
    terminal: Terminal,
    /// The beginning of what came since something was sent, as it came.
    raw: Vec<u8>,
    prompt: Prompt,
    /// Set while an exchange is under way, so that a dropped future leaves a poisoned session.
    poisoned: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Learns the prompt, enters the platform's default mode and switches paging off.
    pub async fn open(
        stream: S,
        platform: std::sync::Arc<Platform>,
        secrets: LoginSecrets,
        limits: Limits,
    ) -> Result<Self, SessionError> {
        let prompt = Prompt { line: String::new(), mode: platform.default_mode.clone() };
        let terminal = Terminal::new(limits.output_limit);
        let raw = Vec::new();
        let mut session =
            Self { stream, platform, secrets, limits, terminal, raw, prompt, poisoned: true };
        let started = Instant::now();
        let opening = session.set_up();
        match tokio::time::timeout(limits.prompt_timeout, opening).await {
            Ok(Ok(())) => {
                session.poisoned = false;
                Ok(session)
            }
            Ok(Err(SessionError::IdleTimeout { .. })) | Err(_) => {
                let (waited, tail) = (started.elapsed(), session.tail());
                Err(SessionError::PromptTimeout { waited, tail })
            }
            Ok(Err(error)) => Err(error),
        }
    }

    /// The prompt that the device showed last.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// Whether the session can take another command.
    pub fn is_usable(&self) -> bool {
        !self.poisoned
    }

    /// Runs one command and returns its answer. Cancelling interrupts the command on the device.
    pub async fn run(
        &mut self,
        command: &Permitted,
        cancel: &CancellationToken,
    ) -> Result<Output, SessionError> {
        if self.poisoned {
            return Err(SessionError::Poisoned);
        }
        self.poisoned = true;
        let most = self.limits.command_timeout;
        let exchange = self.exchange(Kind::Command(command), Some(command.as_str()));
        let outcome = tokio::select! {
            () = cancel.cancelled() => Err(Ended::Cancelled),
            result = Self::bounded(exchange, most) => result?,
        };
        let done = self.conclude(outcome).await?;
        self.poisoned = false;
        let output = self.output(&done);
        // An idle session does not hold on to the memory of a large answer.
        self.terminal.forget();
        Ok(output)
    }

    /// Types one line of a change and returns its answer. Every line of the answer may refuse it.
    /// A text of several lines is typed in the platform's way of ending one.
    pub async fn type_line(
        &mut self,
        line: TypedLine<'_>,
        dialog: &[Dialog],
    ) -> Result<Output, SessionError> {
        if self.poisoned {
            return Err(SessionError::Poisoned);
        }
        self.poisoned = true;
        let (text, kind) = match line {
            TypedLine::Block { begin, lines } => {
                let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
                return self.type_block(begin, &lines.join("\n")).await;
            }
            TypedLine::Caller(permitted) => {
                let text = permitted.as_str();
                if let Some((begin, rest)) = text.split_once('\n') {
                    return self.type_block(begin, rest).await;
                }
                (text, Kind::Line { text, dialog })
            }
            TypedLine::Platform(text) => (text, Kind::Line { text, dialog }),
            TypedLine::Configuration(text) => (text, Kind::Configuration(text)),
        };
        let most = self.limits.command_timeout;
        let outcome = Self::bounded(self.exchange(kind, Some(text)), most).await?;
        let done = self.conclude(outcome).await?;
        let mut output = self.refusable(&done);
        if matches!(line, TypedLine::Configuration(_)) {
            output.rejected = None;
        }
        Ok(output)
    }

    /// Types a text of several lines, during which the device shows no prompt.
    async fn type_block(&mut self, begin: &str, text: &str) -> Result<Output, SessionError> {
        let platform = std::sync::Arc::clone(&self.platform);
        let newline = &platform.terminal.newline;
        let block = platform.blocks.iter().find(|block| block.begins.is_match(begin));
        let end = block.map(|block| block.end.as_str()).unwrap_or_default();
        let lines = text.lines().flat_map(|line| [line, newline.as_str()]);
        let mut whole: String = lines.chain([end]).collect();
        let most = self.limits.command_timeout;
        match block.and_then(|block| block.ready.as_ref()) {
            None => whole = format!("{begin}{newline}{whole}"),
            Some(ready) => {
                let kind = Kind::BlockBegin { text: begin, ready };
                let outcome = Self::bounded(self.exchange(kind, Some(begin)), most).await?;
                let done = self.conclude(outcome).await?;
                // A prompt instead of the readiness: the device refused the line.
                if done.end.line > 0 {
                    return Ok(self.refusable(&done));
                }
            }
        }
        let typed = async {
            self.send(whole.as_bytes()).await?;
            self.exchange(Kind::Block, None).await
        };
        let outcome = Self::bounded(typed, most).await?;
        let done = self.conclude(outcome).await?;
        Ok(self.refusable(&done))
    }

    /// Interrupts what did not come to its end.
    async fn conclude(&mut self, outcome: Result<Done, Ended>) -> Result<Done, SessionError> {
        match outcome {
            Ok(done) => Ok(done),
            Err(ended) => Err(self.give_up(ended).await),
        }
    }

    /// The answer to a line of a change, which every line of it may refuse.
    fn refusable(&mut self, done: &Done) -> Output {
        let mut output = self.output(done);
        let refused = self.platform.failure_anywhere(&output.text);
        output.rejected = refused.map(|(failure, line)| (failure.kind, shorten(&line)));
        self.poisoned = false;
        output
    }

    /// Whether nothing speaks against using the session without a proof: it is whole, its stream is
    /// open, and the device said nothing unasked. What it said is kept for a proof to stumble over.
    pub async fn looks_alive(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let mut reading = std::pin::pin!(self.stream.read(&mut buffer));
        // Only what is there already counts, and a task that has run for long must not see less.
        let looking = std::future::poll_fn(|context| {
            std::task::Poll::Ready(match reading.as_mut().poll(context) {
                std::task::Poll::Pending => None,
                std::task::Poll::Ready(read) => Some(read),
            })
        });
        let found = tokio::task::unconstrained(looking).await;
        if let Some(Ok(count)) = found {
            self.terminal.feed(buffer.get(..count).unwrap_or_default());
        }
        found.is_none() && !self.poisoned
    }

    /// Whether nothing came since something was sent last.
    pub fn heard_nothing(&self) -> bool {
        self.raw.is_empty()
    }

    /// Proves that the device still answers, with one newline.
    pub async fn prove(&mut self, within: Duration) -> bool {
        if self.poisoned {
            return false;
        }
        self.poisoned = true;
        let proof = self.exchange(Kind::Interrupt, None);
        let alive = matches!(tokio::time::timeout(within, proof).await, Ok(Ok(_)));
        self.poisoned = !alive;
        alive
    }

    /// Says goodbye, so that the device frees its line at once.
    pub async fn close(mut self) {
        self.restore().await;
        if let Some(logout) = self.platform.terminal.logout.clone().filter(|_| !self.poisoned) {
            let line = format!("{logout}{}", self.platform.terminal.newline);
            // The device may already be gone, and nothing more is wanted of it.
            drop(self.send(line.as_bytes()).await);
            let mut rest = vec![0; 1024];
            let leaving = async { while self.stream.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
            drop(tokio::time::timeout(GOODBYE_WAIT, leaving).await);
        }
        drop(self.stream.shutdown().await);
    }

    /// Takes back the settings that would outlive the session.
    async fn restore(&mut self) {
        let platform = std::sync::Arc::clone(&self.platform);
        for undo in platform.setup.iter().filter_map(|setup| setup.undo.as_deref()) {
            if self.poisoned {
                return;
            }
            let restoring = self.exchange(Kind::Setup(undo), Some(undo));
            let done = tokio::time::timeout(INTERRUPT_WAIT, restoring).await;
            self.poisoned = !matches!(done, Ok(Ok(_)));
        }
    }

    async fn set_up(&mut self) -> Result<(), SessionError> {
        self.exchange(Kind::Login, None).await?;
        let platform = std::sync::Arc::clone(&self.platform);
        self.walk(&platform.default_mode).await?;
        for setup in &platform.setup {
            // Where paging cannot be switched off, the pager is answered instead.
            self.exchange(Kind::Setup(&setup.send), Some(&setup.send)).await?;
        }
        Ok(())
    }

    /// Walks the mode graph to a mode, verifying every step from the prompt that the device really
    /// shows. A step that needs an enable secret that nobody gave is left out: a read-only account
    /// stays where it is and may still show much.
    pub async fn enter_mode(&mut self, wanted: &ModeName) -> Result<(), SessionError> {
        if self.poisoned {
            return Err(SessionError::Poisoned);
        }
        self.poisoned = true;
        let most = self.limits.command_timeout;
        match tokio::time::timeout(most, self.walk(wanted)).await {
            Ok(Ok(())) => {
                self.poisoned = false;
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_elapsed) => Err(self.give_up(Ended::Late).await),
        }
    }

    async fn walk(&mut self, wanted: &ModeName) -> Result<(), SessionError> {
        let platform = std::sync::Arc::clone(&self.platform);
        let unreachable =
            |reason: String| SessionError::ModeUnreachable { mode: wanted.to_string(), reason };
        let from = self.prompt.mode.clone();
        let Some(path) = platform.path(&from, wanted) else {
            return Err(unreachable(format!("no step leads there from `{from}`")));
        };
        let has_secret = self.secrets.enable.is_some();
        for step in path {
            if step.secret == SecretUse::Required && !has_secret {
                return Ok(());
            }
            let kind = Kind::Transition { text: &step.send, to: &step.to, dialog: &step.dialog };
            let taken = self.exchange(kind, Some(&step.send)).await;
            taken.map_err(|error| match error {
                // A question of another kind, such as one about uncommitted changes.
                error if step.secret == SecretUse::None => error,
                SessionError::NeedsInput { .. } if !has_secret => unreachable(
                    "the device asks for a password and the inventory has no `enable`".to_owned(),
                ),
                SessionError::NeedsInput { .. } => {
                    unreachable("the device refused the enable secret".to_owned())
                }
                error => error,
            })?;
            if self.prompt.mode != step.to {
                let said = self.last_line().unwrap_or_else(|| "it said nothing".to_owned());
                return Err(unreachable(format!("the device answered `{said}`")));
            }
        }
        Ok(())
    }

    /// The last line of output before the prompt that has any text.
    fn last_line(&self) -> Option<String> {
        let lines = self.terminal.lines();
        (1..lines.count())
            .rev()
            .filter_map(|index| lines.line(index))
            .find(|line| !line.trim().is_empty() && *line != self.prompt.line)
            .map(shorten)
    }

    fn tail(&self) -> String {
        let current = self.terminal.current_tail(TAIL);
        if current.trim().is_empty() {
            self.last_line().unwrap_or_default()
        } else {
            shorten(&current)
        }
    }
}

impl<S> Session<Recorder<S>> {
    /// What went through since the last call, where it is kept.
    pub fn heard(&self) -> Vec<Heard> {
        self.stream.take()
    }
}

/// Why a command was given up.
enum Ended {
    Cancelled,
    Silent,
    Late,
    Question(String),
}

/// Cuts a line for an error message.
fn shorten(line: &str) -> String {
    line.trim().chars().take(TAIL).collect()
}

#[cfg(test)]
mod tests;
