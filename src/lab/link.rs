//! The connection of a simulated device, which can be cut or silenced from outside.
//!
//! russh offers no way to abort a running session; a stream that fails at once does. The stream may
//! be of any kind; only TCP knows resets.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::observed::Recorder;

/// The connections of a device, which can be cut all at once.
#[derive(Debug)]
pub(super) struct Links {
    device: CancellationToken,
    /// Ends the connections there are; those to come get another.
    present: Mutex<CancellationToken>,
}

impl Links {
    pub(super) fn new(device: CancellationToken) -> Self {
        Self { present: Mutex::new(device.child_token()), device }
    }

    /// A cutter for a new connection.
    pub(super) fn cutter(self: &Arc<Self>) -> Cutter {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        Cutter {
            token: present.child_token(),
            links: Arc::clone(self),
            written: Arc::new(watch::Sender::new(0)),
            voice: Arc::default(),
        }
    }

    fn cut(&self) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *present, self.device.child_token()).cancel();
    }
}

/// Whether what is written reaches the client.
const SPEAKS: u8 = 0;
/// It is kept until the device speaks again.
const HUSHED: u8 = 1;
/// It never does, as when the host lost power.
const VANISHED: u8 = 2;

/// Cuts or silences a connection and knows how much was written to it.
#[derive(Debug, Clone)]
pub(super) struct Cutter {
    token: CancellationToken,
    links: Arc<Links>,
    written: Arc<watch::Sender<u64>>,
    voice: Arc<AtomicU8>,
}

impl Cutter {
    pub(super) fn cut(&self) {
        self.token.cancel();
    }

    /// Cuts every connection of the device.
    pub(super) fn cut_all(&self) {
        self.links.cut();
    }

    /// Waits until the connection is cut.
    pub(super) async fn cut_off(&self) {
        self.token.cancelled().await;
    }

    /// Keeps what is written from now on until the device speaks again.
    pub(super) fn hush(&self) {
        let _vanished =
            self.voice.compare_exchange(SPEAKS, HUSHED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Lets what was kept, and what follows, go out with the next write.
    pub(super) fn speak(&self) {
        let _vanished =
            self.voice.compare_exchange(HUSHED, SPEAKS, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Loses everything that is written from now on.
    pub(super) fn vanish(&self) {
        self.voice.store(VANISHED, Ordering::SeqCst);
    }

    pub(super) fn written(&self) -> u64 {
        *self.written.borrow()
    }

    /// Waits until this much was handed to the network; gives up after a second, as when the
    /// client's window is closed.
    pub(super) async fn wait_written(&self, amount: u64) {
        let mut written = self.written.subscribe();
        let reached = written.wait_for(|written| *written >= amount);
        if tokio::time::timeout(Duration::from_secs(1), reached).await.is_err() {
            tracing::debug!("the bytes before a cut were not taken by the client");
        }
    }
}

/// What becomes of the bytes of every connection of a device.
#[derive(Debug, Clone, Default)]
pub(super) struct LinkRules {
    /// The connection is dropped when the device has sent so much on it.
    pub(super) drop_after: Option<u64>,
    /// The device is silent when it has sent so much on the connection.
    pub(super) silent_after: Option<u64>,
    /// One byte goes out in this time, where it is not zero.
    pub(super) trickle: Duration,
    /// A connection that is cut is reset instead of closed.
    pub(super) resets: bool,
}

/// A stream that fails once its cutter says so.
pub(super) struct Link<S> {
    stream: S,
    /// Makes the end of the stream a reset, where streams of its kind know resets.
    abort: fn(&S),
    rules: LinkRules,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    cutter: Cutter,
    recorder: Arc<Recorder>,
    sent: u64,
    kept: Vec<u8>,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub(super) fn new(
        stream: S,
        abort: fn(&S),
        rules: LinkRules,
        cutter: Cutter,
        recorder: Arc<Recorder>,
    ) -> Self {
        let cut = Box::pin(cutter.token.clone().cancelled_owned());
        let (sent, kept, pause) = (0, Vec::new(), None);
        Self { stream, abort, rules, cut, cutter, recorder, sent, kept, pause }
    }

    fn is_cut(&mut self, context: &mut Context<'_>) -> bool {
        self.cutter.token.is_cancelled() || self.cut.as_mut().poll(context).is_ready()
    }

    /// How many of `length` bytes may go out at once; `None` when none ever will again.
    fn allowance(&self, length: usize) -> Option<usize> {
        let left = |limit: Option<u64>| {
            limit.map_or(usize::MAX, |limit| {
                usize::try_from(limit.saturating_sub(self.sent)).unwrap_or(usize::MAX)
            })
        };
        let silent = left(self.rules.silent_after);
        if silent == 0 || self.cutter.voice.load(Ordering::SeqCst) == VANISHED {
            return None;
        }
        let most = if self.rules.trickle.is_zero() { usize::MAX } else { 1 };
        Some(length.min(silent).min(left(self.rules.drop_after)).min(most))
    }

    /// Hands bytes to the network as the rules allow it; how many of them are dealt with.
    fn send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let Some(allowed) = self.allowance(bytes.len()) else {
            return Poll::Ready(Ok(bytes.len()));
        };
        let now = bytes.get(..allowed).unwrap_or_default();
        let count = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, now))?;
        self.sent = self.sent.saturating_add(as_u64(count));
        self.recorder.sent(as_u64(count));
        if !self.rules.trickle.is_zero() {
            self.pause = Some(Box::pin(tokio::time::sleep(self.rules.trickle)));
        }
        if self.rules.drop_after.is_some_and(|limit| self.sent >= limit) {
            self.cutter.cut();
        }
        Poll::Ready(Ok(count))
    }

    /// Sends what was kept while the device was hushed.
    fn send_kept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.kept.is_empty() {
            let kept = std::mem::take(&mut self.kept);
            let result = self.send(context, &kept);
            let count = if let Poll::Ready(Ok(count)) = &result { *count } else { 0 };
            self.kept = kept.get(count..).unwrap_or_default().to_vec();
            std::task::ready!(result)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> Drop for Link<S> {
    fn drop(&mut self) {
        if self.rules.resets && self.cutter.token.is_cancelled() {
            (self.abort)(&self.stream);
        }
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn cut_error() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the lab cut the connection")
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Link<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut(context) {
            return Poll::Ready(Err(cut_error()));
        }
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let count = buffer.filled().len().saturating_sub(before);
        if count > 0 {
            self.recorder.received(as_u64(count));
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Link<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut(context) {
            return Poll::Ready(Err(cut_error()));
        }
        let result = if self.cutter.voice.load(Ordering::SeqCst) == HUSHED {
            self.kept.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        } else {
            std::task::ready!(self.send_kept(context))?;
            self.send(context, bytes)
        };
        if let Poll::Ready(Ok(count)) = &result {
            let count = as_u64(*count);
            self.cutter.written.send_modify(|written| *written += count);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
