//! Notices that a client is gone: its input has ended.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

/// A stream that tells when it ends, or when nobody reads it any more.
#[derive(Debug)]
pub(super) struct Watched<R> {
    stream: R,
    ended: CancellationToken,
}

impl<R> Watched<R> {
    /// Cancels `ended` when the stream ends.
    pub(super) fn new(stream: R, ended: CancellationToken) -> Self {
        Self { stream, ended }
    }
}

impl<R> Drop for Watched<R> {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let room = buffer.remaining() > 0 || buffer.filled().len() > before;
        let nothing = buffer.filled().len() == before;
        if matches!(&polled, Poll::Ready(Ok(())) if nothing && room)
            || matches!(&polled, Poll::Ready(Err(_)))
        {
            self.ended.cancel();
        }
        polled
    }
}
