//! What a simulated device says first on a connection, which need not be SSH.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::faults::{Faults, Greeting};

/// What a web server says to a request it does not understand.
const WEB_PAGE: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: \
     close\r\n\r\n<html><body>400 Bad Request</body></html>\r\n";
/// Bytes of noise.
const NOISE: u32 = 512;
/// The length of a line before the identification, its end included.
const LINE: usize = 80;

/// Says it; whether SSH follows. Where it does not, returns when the connection is over.
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    faults: &Faults,
    ident: &str,
) -> io::Result<bool> {
    if faults.lines_before_ident > 0 {
        stream.write_all(&lines(faults.lines_before_ident)).await?;
    }
    let ident = format!("{ident}\r\n");
    match &faults.greeting {
        Greeting::Ident => return Ok(true),
        Greeting::Nothing => {}
        Greeting::Noise => stream.write_all(&noise()).await?,
        Greeting::Text(text) => stream.write_all(text.as_bytes()).await?,
        Greeting::WebPage => {
            stream.write_all(WEB_PAGE.as_bytes()).await?;
            return stream.shutdown().await.map(|()| false);
        }
        Greeting::IdentOnly => stream.write_all(ident.as_bytes()).await?,
        Greeting::IdentAndClose => {
            stream.write_all(ident.as_bytes()).await?;
            return stream.shutdown().await.map(|()| false);
        }
    }
    stream.flush().await?;
    // What the client says is heard and of no use, until it gives up.
    tokio::io::copy(stream, &mut tokio::io::sink()).await.map(|_| false)
}

/// Lines of this many bytes in all.
fn lines(bytes: usize) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes);
    while lines.len() < bytes {
        let length = LINE.min(bytes - lines.len());
        lines.extend(std::iter::repeat_n(b'*', length.saturating_sub(2)));
        lines.extend(b"\r\n".iter().take(length));
    }
    lines
}

/// The same bytes each time, without an end of a line among them.
fn noise() -> Vec<u8> {
    let byte = |n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80;
    (0..NOISE).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_before_the_identification_have_the_length_asked_for() {
        for bytes in [1, 2, 79, 80, 81, 100_000] {
            let lines = lines(bytes);
            assert_eq!(lines.len(), bytes);
            assert_eq!(
                lines.last(),
                Some(&if bytes == 1 || bytes % LINE == 1 { b'\r' } else { b'\n' })
            );
        }
    }
}
