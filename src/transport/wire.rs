//! The stream that the SSH library works on: our own, with what the library cannot do.
//!
//! It starts with what was read to identify the server, lets the server's first message be overheard,
//! and ends when nobody holds the connection any more: the library has a task of its own for each
//! connection, which outlives the caller and, facing a device that went silent in a key exchange or
//! takes no more bytes, never ends. A stream that fails ends it.
//!
//! **Invariant:** no byte is changed or held back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

use super::offer::{Hearing, Overheard};

/// A stream from its identification line on.
pub(super) struct Wire<S> {
    /// What was read already, and how much of it was read again.
    head: Vec<u8>,
    read: usize,
    stream: S,
    /// Who listens; nobody once enough was heard.
    listener: Option<Overheard>,
    gone: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Wire<S> {
    /// The stream behind `head`, what is overheard on it, and what to hold while it is wanted.
    pub(super) fn new(head: Vec<u8>, stream: S) -> (Self, Overheard, DropGuard) {
        let (overheard, token) = (Overheard::default(), CancellationToken::new());
        let gone = Box::pin(token.clone().cancelled_owned());
        let listener = Some(overheard.clone());
        (Self { head, read: 0, stream, listener, gone }, overheard, token.drop_guard())
    }

    /// Fails once nobody holds the connection.
    fn held(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.gone.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.held(context)?;
        let before = buffer.filled().len();
        let rest = this.head.get(this.read..).unwrap_or_default();
        if rest.is_empty() {
            std::task::ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        } else {
            let count = rest.len().min(buffer.remaining());
            buffer.put_slice(rest.get(..count).unwrap_or_default());
            this.read = this.read.saturating_add(count);
        }
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        this.listener.take_if(|listener| listener.hear(fresh) == Hearing::IsOver);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.held(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.held(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_stream_lives_as_long_as_its_holder() {
        let (near, mut far) = tokio::io::duplex(64);
        let (mut wire, _overheard, holder) = Wire::new(Vec::new(), near);
        far.write_all(b"x").await.unwrap();
        assert_eq!(wire.read_u8().await.unwrap(), b'x');
        wire.write_all(b"y").await.unwrap();
        drop(holder);
        assert!(wire.read_u8().await.is_err());
        assert!(wire.write_all(b"z").await.is_err());
    }
}
