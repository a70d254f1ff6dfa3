//! A connection over the standard input and output of a command, as `ProxyCommand` of `ssh_config`.
//!
//! The command is the operator's own, from a file on this machine, and runs only where the settings
//! allow it. It gets no credential. It is killed when the connection ends.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The command that carries a connection.
#[derive(Debug)]
pub(super) struct Proxy {
    input: ChildStdin,
    output: ChildStdout,
    #[expect(dead_code, reason = "held for its drop, which kills the command")]
    child: Child,
}

impl Proxy {
    /// Starts a command in the shell, as OpenSSH does.
    pub(super) fn start(command: &str) -> io::Result<Self> {
        let mut child = Command::new(if cfg!(windows) { "cmd" } else { "/bin/sh" })
            .arg(if cfg!(windows) { "/C" } else { "-c" })
            .arg(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Self { input, output, child })
    }
}

impl AsyncRead for Proxy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(context, buffer)
    }
}

impl AsyncWrite for Proxy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(context)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_command_carries_bytes_both_ways() {
        let mut proxy = Proxy::start("exec cat").unwrap();
        proxy.write_all(b"to and fro").await.unwrap();
        let mut back = [0; 10];
        proxy.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"to and fro");
    }
}
