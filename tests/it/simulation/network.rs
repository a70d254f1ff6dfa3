//! The simulated network as both ends see it, with the faults that the network itself has not.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;
use vty_mcp::transport::{BoxedStream, Connecting, Network, TransportError};

/// Resets connections and freezes the device.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Streams made before the last reset are dead.
    resets: AtomicU64,
    frozen: AtomicBool,
    /// Our ends of connections that exist. The network itself also counts those it refused.
    ours: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
}

impl Control {
    pub(super) fn reset(&self) {
        self.resets.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
        self.wake();
    }

    /// How many connections our side has.
    pub(super) fn connections(&self) -> usize {
        self.ours.load(Ordering::SeqCst)
    }

    fn wake(&self) {
        self.waiting.lock().unwrap().drain(..).for_each(Waker::wake);
    }

    fn wait(&self, context: &Context<'_>) {
        let mut waiting = self.waiting.lock().unwrap();
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    }
}

/// Whose end of a connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Ours,
    Devices,
}

/// One end of a connection.
pub(super) struct Wire {
    stream: TcpStream,
    control: Arc<Control>,
    end: End,
    born: u64,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, control: &Arc<Control>, end: End) -> Self {
        let born = control.resets.load(Ordering::SeqCst);
        control.ours.fetch_add(usize::from(end == End::Ours), Ordering::SeqCst);
        Self { stream, control: Arc::clone(control), end, born }
    }

    /// What the faults make of a look at the stream; nothing where it may go on.
    fn spoiled<T>(&self, context: &Context<'_>) -> Option<Poll<io::Result<T>>> {
        if self.control.resets.load(Ordering::SeqCst) != self.born {
            return Some(Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())));
        }
        self.control.wait(context);
        let frozen = self.end == End::Devices && self.control.frozen.load(Ordering::SeqCst);
        frozen.then_some(Poll::Pending)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.control.ours.fetch_sub(usize::from(self.end == End::Ours), Ordering::SeqCst);
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(spoiled) = self.spoiled(context) {
            return spoiled;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(spoiled) = self.spoiled(context) {
            return spoiled;
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The network as the dialer uses it.
#[derive(Debug)]
pub(super) struct Simulated(pub(super) Arc<Control>);

impl Network for Simulated {
    fn connect<'a>(&'a self, address: &'a str, port: u16, waited: Duration) -> Connecting<'a> {
        Box::pin(async move {
            let address = address.to_owned();
            match tokio::time::timeout(waited, TcpStream::connect((address.as_str(), port))).await {
                Ok(Ok(stream)) => {
                    Ok(Box::new(Wire::new(stream, &self.0, End::Ours)) as BoxedStream)
                }
                Ok(Err(source)) => Err(TransportError::Connect { address, port, source }),
                Err(_elapsed) => Err(TransportError::ConnectTimeout { address, port, waited }),
            }
        })
    }
}
