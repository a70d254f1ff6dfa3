//! Ends a connection when nobody holds it any more.
//!
//! The library has a task of its own for each connection, which outlives the caller and, facing a
//! device that went silent in a key exchange or takes no more bytes, never ends. A stream that fails
//! ends it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// A stream that nothing can be read from once its holder is gone.
pub(super) struct Leash<S> {
    stream: S,
    gone: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Leash<S> {
    /// The stream, and what to hold while it is wanted.
    pub(super) fn new(stream: S) -> (Self, DropGuard) {
        let token = CancellationToken::new();
        let gone = Box::pin(token.clone().cancelled_owned());
        (Self { stream, gone }, token.drop_guard())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Leash<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.gone.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Leash<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.gone.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gone.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
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
        let (mut leash, holder) = Leash::new(near);
        far.write_all(b"x").await.unwrap();
        assert_eq!(leash.read_u8().await.unwrap(), b'x');
        leash.write_all(b"y").await.unwrap();
        drop(holder);
        assert!(leash.read_u8().await.is_err());
        assert!(leash.write_all(b"z").await.is_err());
    }
}
