//! Ends a connection that is being set up when nobody waits for it any more.
//!
//! The library sets a connection up in a task of its own, which outlives the caller and, facing a
//! device that went silent in the key exchange, never ends. A stream that fails ends it.

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
    /// The stream, and what to hold while it is wanted. Disarm that to let the stream live on.
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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
    async fn a_stream_ends_with_its_holder_unless_it_was_let_go() {
        let (near, mut far) = tokio::io::duplex(64);
        let (mut leash, holder) = Leash::new(near);
        drop(holder);
        assert!(leash.read_u8().await.is_err());
        let (near, mut other) = tokio::io::duplex(64);
        let (mut leash, holder) = Leash::new(near);
        drop(holder.disarm());
        other.write_all(b"x").await.unwrap();
        assert_eq!(leash.read_u8().await.unwrap(), b'x');
        far.shutdown().await.unwrap();
    }
}
