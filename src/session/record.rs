//! A stream that can keep what goes through it, for transcripts.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that went one way without anything in between.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// We sent them.
    Sent(Vec<u8>),
    /// The device sent them.
    Received(Vec<u8>),
}

impl std::fmt::Debug for Heard {
    /// Shows only how many: passwords are among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sent(bytes) => write!(f, "<{} bytes sent>", bytes.len()),
            Self::Received(bytes) => write!(f, "<{} bytes received>", bytes.len()),
        }
    }
}

type Kept = Arc<Mutex<Vec<Heard>>>;

/// A stream, and what went through it where that is wanted.
#[derive(Debug)]
pub struct Recorder<S> {
    inner: S,
    kept: Option<Kept>,
}

impl<S> Recorder<S> {
    /// Keeps nothing.
    pub fn off(inner: S) -> Self {
        Self { inner, kept: None }
    }

    /// Keeps everything, passwords included; what is kept must be scrubbed before it is shown.
    pub fn on(inner: S) -> Self {
        Self { inner, kept: Some(Kept::default()) }
    }

    /// What went through since the last call.
    pub fn take(&self) -> Vec<Heard> {
        let kept = self.kept.as_ref();
        kept.map(|kept| std::mem::take(&mut *lock(kept))).unwrap_or_default()
    }

    fn keep(&self, sent: bool, bytes: &[u8]) {
        let Some(kept) = self.kept.as_ref().filter(|_| !bytes.is_empty()) else { return };
        let mut kept = lock(kept);
        match (kept.last_mut(), sent) {
            (Some(Heard::Sent(last)), true) | (Some(Heard::Received(last)), false) => {
                last.extend_from_slice(bytes);
            }
            (_, true) => kept.push(Heard::Sent(bytes.to_vec())),
            (_, false) => kept.push(Heard::Received(bytes.to_vec())),
        }
    }
}

fn lock(kept: &Kept) -> std::sync::MutexGuard<'_, Vec<Heard>> {
    // A poisoned lock only means that another thread panicked; the list itself is whole.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorder<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.keep(false, buffer.filled().get(before..).unwrap_or_default());
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorder<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &result {
            self.keep(true, bytes.get(..*count).unwrap_or_default());
        }
        result
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
