//! A logged-in CLI on one byte stream: prompt, pager, modes, and one command at a time.
//!
//! **Invariants:** an answer is returned only when a prompt proved it complete. After any failure
//! the session is poisoned unless a prompt was proven, and a poisoned session sends nothing more.
//! A command and its newline go out in one write. Nothing sleeps: a timeout ends a wait and never
//! decides what happened. This module knows neither the inventory nor SSH nor MCP; the decisions
//! are made by the pure machines in `terminal` and `exchange`, and this file only moves bytes.

mod echo;
mod error;
mod exchange;
mod terminal;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::error::{SessionError, Stopped};
pub use self::exchange::Prompt;
use self::exchange::{Done, Exchange, Kind, Step};
use self::terminal::Terminal;
use crate::platform::{Answer, Dialog, FailureKind, ModeName, Platform, SecretUse, Transition};
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

impl LoginSecrets {
    /// Nothing: a question that needs one cannot be answered.
    fn none() -> Self {
        Self { username: String::new(), password: None, enable: None }
    }
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
    limits: Limits,
    terminal: Terminal,
    prompt: Prompt,
    /// Set while an exchange is under way, so that a dropped future leaves a poisoned session.
    poisoned: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Learns the prompt, enters the platform's default mode and switches paging off.
    pub async fn open(
        stream: S,
        platform: std::sync::Arc<Platform>,
        secrets: &LoginSecrets,
        limits: Limits,
    ) -> Result<Self, SessionError> {
        let prompt = Prompt { line: String::new(), mode: platform.default_mode.clone() };
        let terminal = Terminal::new(limits.output_limit);
        let mut session = Self { stream, platform, limits, terminal, prompt, poisoned: true };
        let started = Instant::now();
        let opening = session.set_up(secrets);
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
        let text = command.as_str();
        let configuration = command.reads_configuration();
        let limits = self.limits;
        let exchange = self.exchange(Kind::Command { text, configuration }, Some(text), None);
        let outcome = tokio::select! {
            () = cancel.cancelled() => Err(Ended::Cancelled),
            result = tokio::time::timeout(limits.command_timeout, exchange) => match result {
                Ok(Ok(done)) => Ok(done),
                Ok(Err(SessionError::NeedsInput { question })) => Err(Ended::Question(question)),
                Ok(Err(SessionError::IdleTimeout { .. })) => Err(Ended::Silent),
                Ok(Err(error)) => return Err(error),
                Err(_elapsed) => Err(Ended::Late),
            },
        };
        match outcome {
            Ok(done) => {
                let output = self.output(&done);
                self.poisoned = false;
                Ok(output)
            }
            Err(ended) => Err(self.give_up(ended).await),
        }
    }

    /// Types one line of a change and returns its answer. Every line of the answer may refuse it.
    pub async fn type_line(
        &mut self,
        line: TypedLine<'_>,
        dialog: &[Dialog],
    ) -> Result<Output, SessionError> {
        if self.poisoned {
            return Err(SessionError::Poisoned);
        }
        self.poisoned = true;
        let limits = self.limits;
        let (text, kind) = match line {
            TypedLine::Caller(permitted) => {
                (permitted.as_str(), Kind::Line { text: permitted.as_str(), dialog })
            }
            TypedLine::Platform(text) => (text, Kind::Line { text, dialog }),
            TypedLine::Configuration(text) => (text, Kind::Command { text, configuration: true }),
        };
        let nothing = LoginSecrets::none();
        let exchange = self.exchange(kind, Some(text), Some(&nothing));
        match tokio::time::timeout(limits.command_timeout, exchange).await {
            Ok(Ok(done)) => {
                let mut output = self.output(&done);
                let refused = self.platform.failure_anywhere(&output.text);
                output.rejected = match line {
                    TypedLine::Configuration(_) => None,
                    _ => refused.map(|(failure, line)| (failure.kind, shorten(&line))),
                };
                self.poisoned = false;
                Ok(output)
            }
            Ok(Err(SessionError::NeedsInput { question })) => {
                Err(self.give_up(Ended::Question(question)).await)
            }
            Ok(Err(SessionError::IdleTimeout { .. })) => Err(self.give_up(Ended::Silent).await),
            Ok(Err(error)) => Err(error),
            Err(_elapsed) => Err(self.give_up(Ended::Late).await),
        }
    }

    /// Proves that the device still answers, with one newline.
    pub async fn prove(&mut self, within: Duration) -> bool {
        if self.poisoned {
            return false;
        }
        self.poisoned = true;
        let proof = self.exchange(Kind::Interrupt, None, None);
        let alive = matches!(tokio::time::timeout(within, proof).await, Ok(Ok(_)));
        self.poisoned = !alive;
        alive
    }

    /// Says goodbye, so that the device frees its line at once.
    pub async fn close(mut self) {
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

    async fn set_up(&mut self, secrets: &LoginSecrets) -> Result<(), SessionError> {
        self.exchange(Kind::Login, None, Some(secrets)).await?;
        let platform = std::sync::Arc::clone(&self.platform);
        self.enter_mode(&platform.default_mode, secrets).await?;
        for line in &platform.setup {
            // Where paging cannot be switched off, the pager is answered instead.
            let kind = Kind::Command { text: line, configuration: false };
            self.exchange(kind, Some(line), None).await?;
        }
        Ok(())
    }

    /// Walks the mode graph, verifying every step from the prompt that the device really shows.
    async fn enter_mode(
        &mut self,
        wanted: &ModeName,
        secrets: &LoginSecrets,
    ) -> Result<(), SessionError> {
        let platform = std::sync::Arc::clone(&self.platform);
        let unreachable =
            |reason: String| SessionError::ModeUnreachable { mode: wanted.to_string(), reason };
        let from = self.prompt.mode.clone();
        let Some(path) = platform.path(&from, wanted) else {
            return Err(unreachable(format!("no step leads there from `{from}`")));
        };
        for step in path {
            if step.secret == SecretUse::Required && secrets.enable.is_none() {
                // A read-only account stays where it is and may still show much.
                return Ok(());
            }
            self.take_step(step, secrets).await.map_err(|error| match error {
                SessionError::NeedsInput { .. } if secrets.enable.is_none() => unreachable(
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

    async fn take_step(
        &mut self,
        step: &Transition,
        secrets: &LoginSecrets,
    ) -> Result<(), SessionError> {
        let kind = Kind::Transition { text: &step.send, to: &step.to, dialog: &step.dialog };
        self.exchange(kind, Some(&step.send), Some(secrets)).await.map(|_| ())
    }

    /// Sends a line, if any, and reads until the exchange is done.
    async fn exchange(
        &mut self,
        kind: Kind<'_>,
        line: Option<&str>,
        secrets: Option<&LoginSecrets>,
    ) -> Result<Done, SessionError> {
        let platform = std::sync::Arc::clone(&self.platform);
        let newline = &platform.terminal.newline;
        let learned = match kind {
            Kind::Login => None,
            _ => Some(self.prompt.clone()),
        };
        self.terminal.forget();
        if let Some(line) = line {
            self.send(format!("{line}{newline}").as_bytes()).await?;
        }
        let mut exchange = Exchange::new(&platform, learned.as_ref(), kind);
        let mut heard = Instant::now();
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let quiet = heard.elapsed();
            let wait = match exchange.step(&mut self.terminal, quiet) {
                Step::Done(done) => {
                    self.prompt = done.prompt.clone();
                    return Ok(done);
                }
                Step::Question(question) => {
                    return Err(SessionError::NeedsInput { question: shorten(&question) });
                }
                Step::Keys(keys) => {
                    self.send(keys.as_bytes()).await?;
                    heard = Instant::now();
                    continue;
                }
                Step::Newline => {
                    self.send(newline.as_bytes()).await?;
                    heard = Instant::now();
                    continue;
                }
                Step::Answer(answer) => {
                    self.answer(answer, secrets).await?;
                    heard = Instant::now();
                    continue;
                }
                Step::Wait(until) => until.map(|until| until.saturating_sub(quiet)),
            };
            let idle = self.limits.idle_timeout.saturating_sub(quiet);
            let wait = wait.map_or(idle, |wait| wait.min(idle));
            match tokio::time::timeout(wait, self.stream.read(&mut buffer)).await {
                Ok(Ok(0)) => return Err(SessionError::Closed),
                Ok(Ok(count)) => {
                    self.terminal.feed(buffer.get(..count).unwrap_or_default());
                    heard = Instant::now();
                }
                Ok(Err(error)) => return Err(SessionError::Io(error)),
                Err(_elapsed) if heard.elapsed() >= self.limits.idle_timeout => {
                    return Err(SessionError::IdleTimeout {
                        waited: self.limits.idle_timeout,
                        stopped: Stopped::Unproven,
                    });
                }
                Err(_elapsed) => {}
            }
        }
    }

    async fn answer(
        &mut self,
        answer: Answer,
        secrets: Option<&LoginSecrets>,
    ) -> Result<(), SessionError> {
        let missing = || SessionError::NeedsInput { question: "a password".to_owned() };
        let secrets = secrets.ok_or_else(missing)?;
        let newline = self.platform.terminal.newline.clone();
        let secret = |secret: &Option<Secret<String>>| {
            secret.as_ref().map(|secret| Secret::new(format!("{}{newline}", secret.expose())))
        };
        let line = match answer {
            Answer::Username => Some(Secret::new(format!("{}{newline}", secrets.username))),
            Answer::Password => secret(&secrets.password),
            Answer::EnableSecret => secret(&secrets.enable),
            Answer::Enter => Some(Secret::new(newline)),
            Answer::Yes => Some(Secret::new(format!("yes{newline}"))),
            Answer::No => Some(Secret::new(format!("no{newline}"))),
        };
        self.send(line.ok_or_else(missing)?.expose().as_bytes()).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        self.stream.write_all(bytes).await.map_err(SessionError::Io)?;
        self.stream.flush().await.map_err(SessionError::Io)
    }

    /// Interrupts what the device is doing and says whether it stopped.
    async fn give_up(&mut self, ended: Ended) -> SessionError {
        let key = self.platform.terminal.interrupt.clone();
        let stopped = if self.send(key.as_bytes()).await.is_err() {
            Stopped::Unproven
        } else {
            let proof = self.exchange(Kind::Interrupt, None, None);
            match tokio::time::timeout(INTERRUPT_WAIT, proof).await {
                Ok(Ok(_)) => Stopped::Proven,
                Ok(Err(_)) | Err(_) => Stopped::Unproven,
            }
        };
        // Only a proven prompt makes the session fit for another command.
        self.poisoned = stopped == Stopped::Unproven;
        match ended {
            Ended::Cancelled => SessionError::Cancelled { stopped },
            Ended::Silent => {
                SessionError::IdleTimeout { waited: self.limits.idle_timeout, stopped }
            }
            Ended::Late => {
                SessionError::CommandTimeout { waited: self.limits.command_timeout, stopped }
            }
            Ended::Question(question) => {
                // A CLI that asks is in a state nobody foresaw.
                self.poisoned = true;
                SessionError::NeedsInput { question }
            }
        }
    }

    /// Collects the lines of a complete answer.
    fn output(&self, done: &Done) -> Output {
        let lines = self.terminal.lines();
        let mut text = String::new();
        for line in (done.first..done.end).map_while(|index| lines.line(index)) {
            text.push_str(line);
            text.push('\n');
        }
        let total_bytes = if lines.is_whole() { text.len() as u64 } else { lines.bytes() };
        let rejected =
            self.platform.failure_in(&text).map(|(failure, line)| (failure.kind, shorten(&line)));
        Output { text, total_bytes, rejected }
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
        let current = self.terminal.current();
        if current.trim().is_empty() {
            self.last_line().unwrap_or_default()
        } else {
            shorten(&current)
        }
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
