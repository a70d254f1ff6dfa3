//! Moves the bytes of one exchange: sends, reads, and does what the state machine decides.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::exchange::{Done, Exchange, Kind, Step};
use super::{Ended, INTERRUPT_WAIT, Output, Session, SessionError, Stopped, shorten};
use crate::platform::Answer;
use crate::secret::Secret;

/// How many bytes are taken at most before other sessions get their turn. The library yields by
/// reads, and many large ones in a row would make everybody else wait; bytes that mean nothing take
/// the terminal some 100 ns each.
const TURN: usize = 4 * 1024;
/// How many bytes are read at once, at first and where much comes. Most answers are small, and what
/// thousands of logins used for a moment would be resident for as long as their sessions.
const READ: usize = 2 * 1024;
const LARGE_READ: usize = 32 * 1024;
/// How many bytes of an answer are kept as they came, to find an echo in.
const RAW: usize = 4096;

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Sends a line, if any, and reads until the exchange is done.
    pub(super) async fn exchange(
        &mut self,
        kind: Kind<'_>,
        line: Option<&str>,
    ) -> Result<Done, SessionError> {
        let platform = std::sync::Arc::clone(&self.platform);
        let newline = &platform.terminal.newline;
        let learned = match kind {
            Kind::Login => None,
            _ => Some(self.prompt.clone()),
        };
        let secrets = matches!(kind, Kind::Login | Kind::Transition { .. });
        let drawn = self.terminal.current_len();
        self.terminal.forget();
        self.raw.clear();
        if let Some(line) = line {
            self.send(format!("{line}{newline}").as_bytes()).await?;
        }
        let mut exchange = Exchange::new(&platform, learned.as_ref(), kind, drawn);
        let mut heard = Instant::now();
        let mut buffer = vec![0; READ];
        let mut taken: usize = 0;
        loop {
            let quiet = heard.elapsed();
            let wait = match exchange.step(&mut self.terminal, &self.raw, quiet) {
                Step::Done(done) => {
                    self.prompt = done.prompt.clone();
                    return Ok(done);
                }
                Step::Question(question) => {
                    return Err(SessionError::NeedsInput { question: shorten(&question) });
                }
                Step::Wait(until) => {
                    until.and_then(|until| until.checked_sub(quiet)).filter(|wait| !wait.is_zero())
                }
                step => {
                    match step {
                        Step::Keys(keys) => self.send(keys.as_bytes()).await?,
                        Step::Answer(answer) => self.answer(answer, secrets).await?,
                        _ => self.send(newline.as_bytes()).await?,
                    }
                    heard = Instant::now();
                    continue;
                }
            };
            let idle = self.limits.idle_timeout.saturating_sub(quiet);
            let wait = wait.map_or(idle, |wait| wait.min(idle));
            match tokio::time::timeout(wait, self.stream.read(&mut buffer)).await {
                Ok(Ok(0)) => return Err(SessionError::Closed),
                Ok(Ok(count)) => {
                    for bytes in buffer.get(..count).unwrap_or_default().chunks(TURN) {
                        self.keep_raw(bytes);
                        self.terminal.feed(bytes);
                        taken = taken.saturating_add(bytes.len());
                        if taken >= TURN {
                            taken = 0;
                            tokio::task::yield_now().await;
                        }
                    }
                    if count == buffer.len() {
                        buffer.resize(LARGE_READ, 0);
                    }
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

    fn keep_raw(&mut self, bytes: &[u8]) {
        let room = RAW.saturating_sub(self.raw.len()).min(bytes.len());
        self.raw.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// Answers a question; a secret only where the platform file may ask for one.
    async fn answer(&mut self, answer: Answer, secrets: bool) -> Result<(), SessionError> {
        let missing = || SessionError::NeedsInput { question: "for a credential".to_owned() };
        let newline = self.platform.terminal.newline.clone();
        let secret = |secret: &Option<Secret<String>>| {
            let secret = secret.as_ref().filter(|_| secrets);
            secret.map(|secret| Secret::new(format!("{}{newline}", secret.expose())))
        };
        let line = match answer {
            Answer::Username if secrets => {
                Some(Secret::new(format!("{}{newline}", self.secrets.username)))
            }
            Answer::Password => secret(&self.secrets.password),
            Answer::EnableSecret => secret(&self.secrets.enable),
            Answer::Enter => Some(Secret::new(newline)),
            Answer::Yes => Some(Secret::new(format!("yes{newline}"))),
            Answer::No => Some(Secret::new(format!("no{newline}"))),
            Answer::Text(text) => Some(Secret::new(format!("{text}{newline}"))),
            Answer::Key(key) => Some(Secret::new(key)),
            Answer::Username | Answer::Report => None,
        };
        self.send(line.ok_or_else(missing)?.expose().as_bytes()).await
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        self.stream.write_all(bytes).await.map_err(SessionError::Io)?;
        self.stream.flush().await.map_err(SessionError::Io)
    }

    /// Waits for an exchange, at most this long, and says why it ended where it failed.
    pub(super) async fn bounded(
        exchange: impl Future<Output = Result<Done, SessionError>>,
        most: Duration,
    ) -> Result<Result<Done, Ended>, SessionError> {
        match tokio::time::timeout(most, exchange).await {
            Ok(Ok(done)) => Ok(Ok(done)),
            Ok(Err(SessionError::NeedsInput { question })) => Ok(Err(Ended::Question(question))),
            Ok(Err(SessionError::IdleTimeout { .. })) => Ok(Err(Ended::Silent)),
            Ok(Err(error)) => Err(error),
            Err(_elapsed) => Ok(Err(Ended::Late)),
        }
    }

    /// Interrupts what the device is doing and says whether it stopped.
    pub(super) async fn give_up(&mut self, ended: Ended) -> SessionError {
        let key = self.platform.terminal.interrupt.clone();
        let stopped = if self.send(key.as_bytes()).await.is_err() {
            Stopped::Unproven
        } else {
            let proof = self.exchange(Kind::Interrupt, None);
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

    /// Collects the text of a complete answer: what stands between echo and prompt.
    pub(super) fn output(&self, done: &Done) -> Output {
        let lines = self.terminal.lines();
        let mut text = String::new();
        let kept = (done.first..).zip(lines.run(done.first, done.end.line));
        let kept = kept.filter(|(index, _)| !done.skip.contains(index));
        for (number, (_, line)) in kept.enumerate() {
            let head = if number == 0 { done.head } else { 0 };
            text.push_str(line.get(head..).unwrap_or_default());
            text.push('\n');
        }
        let whole = lines.is_whole();
        if done.end.bytes > 0 && whole {
            let last = lines.line(done.end.line).and_then(|line| line.get(..done.end.bytes));
            text.push_str(last.unwrap_or_default());
        }
        let total_bytes = if whole { text.len() as u64 } else { lines.bytes() };
        let rejected =
            self.platform.failure_in(&text).map(|(failure, line)| (failure.kind, shorten(&line)));
        let last = (done.first..done.end.line)
            .rev()
            .filter_map(|index| lines.line(index))
            .find(|line| !line.trim().is_empty());
        let marker = self.platform.read.end_of_configuration.as_ref();
        let ended = last.is_some_and(|line| marker.is_none_or(|marker| marker.is_match(line)));
        let declined = done.declined.as_deref().map(shorten);
        Output { text, total_bytes, rejected, declined, ended, pages: done.pages }
    }
}
