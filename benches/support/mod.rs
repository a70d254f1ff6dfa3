//! The SSH library alone, as the floor that benchmarks measure against.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::client;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// No prompt comes later than this.
const LATEST: Duration = Duration::from_secs(60);

/// A client that trusts every host key.
pub(crate) struct AcceptAny;

impl client::Handler for AcceptAny {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// Opens a shell. The connection ends when the handle is dropped.
pub(crate) async fn shell(
    address: SocketAddr,
    username: &str,
    password: &str,
) -> (client::Handle<AcceptAny>, impl AsyncRead + AsyncWrite + Send + Unpin + use<>) {
    let config = client::Config { nodelay: true, ..client::Config::default() };
    let mut handle = client::connect(Arc::new(config), address, AcceptAny).await.unwrap();
    let login = handle.authenticate_password(username, password).await.unwrap();
    assert!(login.success());
    let channel = handle.channel_open_session().await.unwrap();
    channel.request_pty(false, "vt100", 511, 1000, 0, 0, &[]).await.unwrap();
    channel.request_shell(false).await.unwrap();
    (handle, channel.into_stream())
}

/// Reads until what came ends with one of the prompts, and is at least this long.
pub(crate) async fn until_prompt(
    stream: &mut (impl AsyncRead + Unpin),
    prompts: &[&[u8]],
    least: usize,
) {
    let mut buffer = vec![0; 32 * 1024];
    let (mut tail, mut seen) = (Vec::new(), 0);
    while seen < least || !prompts.iter().any(|prompt| tail.ends_with(prompt)) {
        let read = tokio::time::timeout(LATEST, stream.read(&mut buffer)).await;
        let count = read.unwrap_or_else(|_| no_prompt(&tail)).unwrap();
        assert!(count > 0, "the device left");
        seen += count;
        tail.extend(buffer.iter().take(count));
        let excess = tail.len().saturating_sub(512);
        tail.drain(..excess);
    }
}

fn no_prompt(tail: &[u8]) -> ! {
    panic!("no prompt ends {:?}", String::from_utf8_lossy(tail))
}
