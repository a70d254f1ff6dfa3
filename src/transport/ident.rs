//! The server's identification line, read before the SSH library starts.
//!
//! Reading it ourselves bounds the wait, tells a server that is no SSH server from one that is
//! broken, and hands the line to those who choose quirks by it. The library then reads the same
//! bytes again from [`Replayed`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// A server that has sent this much without identifying itself speaks something else.
const MOST_BYTES: usize = 8 * 1024;

/// A stream whose first bytes were already read.
#[derive(Debug)]
pub(super) struct Replayed<S> {
    head: Vec<u8>,
    read: usize,
    stream: S,
}

/// What came instead of an identification.
pub(super) enum NoIdent {
    Other(Vec<u8>),
    Io(io::Error),
}

/// Reads up to the end of the identification line.
pub(super) async fn sniff<S: AsyncRead + Unpin>(
    mut stream: S,
) -> Result<(String, Replayed<S>), NoIdent> {
    let mut head = Vec::with_capacity(256);
    loop {
        if let Some(ident) = ident_in(&head) {
            return Ok((ident, Replayed { head, read: 0, stream }));
        }
        if head.len() >= MOST_BYTES {
            return Err(NoIdent::Other(head));
        }
        match stream.read_buf(&mut head).await {
            Ok(0) if head.is_empty() => {
                return Err(NoIdent::Io(io::ErrorKind::ConnectionReset.into()));
            }
            Ok(0) => return Err(NoIdent::Other(head)),
            Ok(_) => {}
            Err(error) => return Err(NoIdent::Io(error)),
        }
    }
}

/// Finds a whole line that starts with `SSH-`; other lines may come before it (RFC 4253, 4.2).
fn ident_in(head: &[u8]) -> Option<String> {
    let complete = head.iter().rposition(|byte| *byte == b'\n')?;
    head.get(..complete)?
        .split(|byte| *byte == b'\n')
        .find(|line| line.starts_with(b"SSH-"))
        .map(|line| String::from_utf8_lossy(line).trim_end().to_owned())
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let rest = this.head.get(this.read..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..count).unwrap_or_default());
        this.read = this.read.saturating_add(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
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
    use super::*;

    #[tokio::test]
    async fn lines_before_the_identification_are_replayed_too() {
        let sent: &[u8] = b"Welcome\r\nSSH-2.0-Cisco-1.25\r\nrest";
        let Ok((ident, mut replayed)) = sniff(sent).await else { panic!("no ident") };
        assert_eq!(ident, "SSH-2.0-Cisco-1.25");
        let mut again = Vec::new();
        replayed.read_to_end(&mut again).await.unwrap();
        assert_eq!(again, sent);
    }

    #[tokio::test]
    async fn a_web_server_and_a_flood_are_told_from_ssh() {
        let page: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        assert!(matches!(sniff(page).await, Err(NoIdent::Other(sent)) if sent == page));
        let flood = vec![b'x'; 100_000];
        let Err(NoIdent::Other(sent)) = sniff(&flood[..]).await else { panic!("accepted") };
        assert!(sent.len() <= 2 * MOST_BYTES);
        let nothing: &[u8] = b"";
        assert!(matches!(sniff(nothing).await, Err(NoIdent::Io(_))));
    }
}
