//! The server's identification line, read before the SSH library starts.
//!
//! Reading it ourselves bounds the wait, tells a server that is no SSH server from one that is
//! broken, and hands the line to those who choose quirks by it. The library then reads the same
//! bytes again from [`Wire`](super::wire::Wire).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A server that has sent this much without identifying itself speaks something else.
const MOST_BYTES: usize = 8 * 1024;

/// A stream whose server said who it is.
#[derive(Debug)]
pub(super) struct Identified<S> {
    /// The identification line.
    pub(super) ident: String,
    /// What was read, from that line on: servers may send others before it (RFC 4253, 4.2), and the
    /// library takes fewer of them than we do.
    pub(super) head: Vec<u8>,
    pub(super) stream: S,
}

/// What came instead of an identification.
#[derive(Debug)]
pub(super) enum NoIdent {
    /// Something that is none; the bytes stand in the buffer.
    Other,
    /// A server of the first protocol, which nobody should speak any more.
    Old(String),
    Io(io::Error),
}

/// Reads up to the end of the identification line. What was read stands in `head`, also where the
/// wait is given up.
pub(super) async fn sniff<S: AsyncRead + Unpin>(
    mut stream: S,
    head: &mut Vec<u8>,
) -> Result<Identified<S>, NoIdent> {
    loop {
        if let Some((start, ident)) = ident_in(head) {
            let speaks_2 = ident.starts_with("SSH-2.") || ident.starts_with("SSH-1.99-");
            if !speaks_2 {
                return Err(NoIdent::Old(ident));
            }
            return Ok(Identified { ident, head: head.split_off(start), stream });
        }
        if head.len() >= MOST_BYTES {
            return Err(NoIdent::Other);
        }
        match stream.read_buf(head).await {
            Ok(0) if head.is_empty() => {
                return Err(NoIdent::Io(io::ErrorKind::ConnectionReset.into()));
            }
            Ok(0) => return Err(NoIdent::Other),
            Ok(_) => {}
            Err(error) => return Err(NoIdent::Io(error)),
        }
    }
}

/// Finds a whole line that starts with `SSH-`, and where it stands.
fn ident_in(head: &[u8]) -> Option<(usize, String)> {
    let mut start: usize = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"SSH-") && line.ends_with(b"\n") {
            return Some((start, String::from_utf8_lossy(line).trim_end().to_owned()));
        }
        start = start.saturating_add(line.len());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::wire::Wire;
    use super::*;

    async fn sniffed(sent: &[u8]) -> Result<Identified<&[u8]>, NoIdent> {
        sniff(sent, &mut Vec::new()).await
    }

    #[tokio::test]
    async fn many_lines_may_come_before_the_identification_and_are_left_out() {
        let mut sent = "Welcome to this network.\r\n".repeat(200).into_bytes();
        let behind = b"SSH-2.0-Cisco-1.25\r\nrest";
        sent.extend(behind);
        let identified = sniffed(&sent).await.unwrap();
        assert_eq!(identified.ident, "SSH-2.0-Cisco-1.25");
        let (mut wire, _overheard, _holder) = Wire::new(identified.head, identified.stream);
        let mut again = Vec::new();
        wire.read_to_end(&mut again).await.unwrap();
        assert_eq!(again, behind);
    }

    #[tokio::test]
    async fn a_web_server_and_a_flood_are_told_from_ssh() {
        let page: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        let mut head = Vec::new();
        assert!(matches!(sniff(page, &mut head).await, Err(NoIdent::Other)));
        assert_eq!(head, page);
        let mut head = Vec::new();
        let flood = vec![b'x'; 100_000];
        assert!(matches!(sniff(&flood[..], &mut head).await, Err(NoIdent::Other)));
        assert!(head.len() <= 2 * MOST_BYTES);
        assert!(matches!(sniffed(b"").await, Err(NoIdent::Io(_))));
    }

    #[tokio::test]
    async fn a_server_of_the_first_protocol_is_known_at_once() {
        for (ident, speaks_2) in
            [("SSH-1.5-Cisco-1.25", false), ("SSH-1.99-Cisco-1.25", true), ("SSH-2.0-x", true)]
        {
            let sent = format!("{ident}\r\n");
            let result = sniffed(sent.as_bytes()).await;
            assert_eq!(result.is_ok(), speaks_2, "{ident}");
            assert!(speaks_2 || matches!(result, Err(NoIdent::Old(old)) if old == ident));
        }
    }
}
