//! Looks at a CLI nobody knows yet: what it says by itself, its prompt, and one safe command.
//!
//! Waits here end at quiet moments, because nothing tells what a prompt of this device is; the
//! login that follows proves the guess or fails.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::SessionError;
use super::terminal::Terminal;
use crate::platform::{Platforms, Seen, Verdict};

/// How long nothing may come before the device is taken to wait for us.
const QUIET: Duration = Duration::from_millis(700);
/// How often a device is woken before it is given up.
const MOST_WAKES: usize = 4;
/// How much of what a device says is kept.
const KEPT: usize = 1 << 18;
/// Enter, as a terminal sends it.
const ENTER: &[u8] = b"\r";

/// Finds out the platform of the device behind a fresh shell, within `most`.
pub async fn probe<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    ident: &str,
    platforms: &Platforms,
    most: Duration,
) -> Result<(Verdict, Seen), SessionError> {
    let mut look = Look { stream, terminal: Terminal::new(KEPT) };
    let looking = async {
        let mut seen = look.until_prompt(ident, platforms).await?;
        let verdict = platforms.detect(&seen);
        let Verdict::Ask(command) = verdict else { return Ok((verdict, seen)) };
        look.terminal.forget();
        look.send(format!("{command}\r").as_bytes()).await?;
        look.until_prompt_again(&seen.prompt, platforms).await?;
        seen.version = Some(look.text());
        Ok((platforms.detect(&seen), seen))
    };
    match tokio::time::timeout(most, looking).await {
        Ok(result) => result,
        Err(_elapsed) => Err(SessionError::PromptTimeout { waited: most, tail: String::new() }),
    }
}

struct Look<S> {
    stream: S,
    terminal: Terminal,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Look<S> {
    /// Reads until the same last line was shown twice, an Enter of ours in between.
    async fn until_prompt(
        &mut self,
        ident: &str,
        platforms: &Platforms,
    ) -> Result<Seen, SessionError> {
        let mut banner = String::new();
        let mut last = String::new();
        for _ in 0..MOST_WAKES {
            self.until_quiet().await?;
            let current = self.terminal.current_tail(KEPT).into_owned();
            let prompt = current.trim_end();
            if !prompt.is_empty() && prompt == last {
                return Ok(Seen {
                    ident: ident.to_owned(),
                    banner,
                    above: self.above(),
                    prompt: super::shorten(prompt),
                    version: None,
                });
            }
            if let Some(key) = platforms.pager_key(prompt) {
                self.terminal.blank_current();
                self.send(key.as_bytes()).await?;
                continue;
            }
            // Enter might be an answer, so it is pressed only where a prompt may stand.
            let above = self.above();
            let known = platforms.usable().any(|p| p.mode_of(&above, prompt).is_some());
            if !known && prompt.ends_with([':', '?', ']', ')', '>']) {
                let question = super::shorten(prompt);
                return Err(SessionError::NeedsInput { question });
            }
            if banner.is_empty() {
                banner = self.text();
            }
            last = prompt.to_owned();
            self.send(ENTER).await?;
        }
        Err(SessionError::PromptTimeout { waited: QUIET, tail: super::shorten(&last) })
    }

    /// Reads the answer to a command, however long the device thinks and whatever pager it has.
    async fn until_prompt_again(
        &mut self,
        prompt: &str,
        platforms: &Platforms,
    ) -> Result<(), SessionError> {
        loop {
            self.until_quiet().await?;
            let current = self.terminal.current_tail(KEPT).into_owned();
            let line = current.trim_end();
            if line == prompt {
                return Ok(());
            }
            if let Some(key) = platforms.pager_key(line) {
                self.terminal.blank_current();
                self.send(key.as_bytes()).await?;
            }
        }
    }

    fn above(&self) -> String {
        let lines = self.terminal.lines();
        let above = lines.count().checked_sub(1).and_then(|last| lines.line(last));
        above.map(str::trim_end).unwrap_or_default().to_owned()
    }

    async fn until_quiet(&mut self) -> Result<(), SessionError> {
        let mut buffer = vec![0; 16 * 1024];
        let mut heard = false;
        loop {
            // The first word of a slow device is waited for; the caller bounds that.
            let read = self.stream.read(&mut buffer);
            let read = if heard { tokio::time::timeout(QUIET, read).await } else { Ok(read.await) };
            match read {
                Err(_elapsed) => return Ok(()),
                Ok(Ok(0)) => return Err(SessionError::Closed),
                Ok(Ok(count)) => {
                    heard = true;
                    self.terminal.feed(buffer.get(..count).unwrap_or_default());
                }
                Ok(Err(error)) => return Err(SessionError::Io(error)),
            }
        }
    }

    fn text(&self) -> String {
        let lines = self.terminal.lines();
        let lines = (0..lines.count()).filter_map(|index| lines.line(index));
        lines.flat_map(|line| [line, "\n"]).collect()
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        self.stream.write_all(bytes).await.map_err(SessionError::Io)?;
        self.stream.flush().await.map_err(SessionError::Io)
    }
}
