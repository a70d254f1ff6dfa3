//! The TCP connection of a simulated device, which can be cut from outside.
//!
//! russh offers no way to abort a running session; a stream that fails at once does.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

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
        }
    }

    fn cut(&self) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *present, self.device.child_token()).cancel();
    }
}

/// Cuts a connection and knows how much was written to it.
#[derive(Debug, Clone)]
pub(super) struct Cutter {
    token: CancellationToken,
    links: Arc<Links>,
    written: Arc<watch::Sender<u64>>,
}

impl Cutter {
    pub(super) fn cut(&self) {
        self.token.cancel();
    }

    /// Cuts every connection of the device.
    pub(super) fn cut_all(&self) {
        self.links.cut();
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

/// A TCP stream that fails once its cutter says so.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    cutter: Cutter,
}

impl Link {
    pub(super) fn new(stream: TcpStream, cutter: Cutter) -> Self {
        Self { stream, cut: Box::pin(cutter.token.clone().cancelled_owned()), cutter }
    }

    fn is_cut(&mut self, context: &mut Context<'_>) -> bool {
        self.cutter.token.is_cancelled() || self.cut.as_mut().poll(context).is_ready()
    }
}

fn cut_error() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the lab cut the connection")
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut(context) {
            return Poll::Ready(Err(cut_error()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut(context) {
            return Poll::Ready(Err(cut_error()));
        }
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &result {
            let count = u64::try_from(*count).unwrap_or(u64::MAX);
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
