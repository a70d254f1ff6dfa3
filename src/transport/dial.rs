//! How bytes get to an SSH server: over TCP, or over whatever network a test puts in its place.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::TransportError;

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream of which nobody needs to know what it is made of.
pub type BoxedStream = Box<dyn Stream>;

/// What [`Network::connect`] returns.
pub type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<BoxedStream, TransportError>> + Send + 'a>>;

/// Connects to addresses. There is one implementation; a simulated network is another.
pub trait Network: fmt::Debug + Send + Sync {
    /// Resolves an address and connects to it; each of the two takes at most `waited`.
    fn connect<'a>(&'a self, address: &'a str, port: u16, waited: Duration) -> Connecting<'a>;
}

/// The network of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Network for Tcp {
    fn connect<'a>(&'a self, address: &'a str, port: u16, waited: Duration) -> Connecting<'a> {
        Box::pin(async move {
            let stream = connect(address, port, waited).await?;
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY cannot be set");
            }
            Ok(Box::new(stream) as BoxedStream)
        })
    }
}

/// Resolves the address and connects to the first one that answers.
async fn connect(address: &str, port: u16, waited: Duration) -> Result<TcpStream, TransportError> {
    let late = || TransportError::ConnectTimeout { address: address.to_owned(), port, waited };
    let resolving = tokio::net::lookup_host((address, port));
    let resolved: Vec<_> = match tokio::time::timeout(waited, resolving).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(source)) => {
            return Err(TransportError::Resolve { address: address.to_owned(), source });
        }
        Err(_elapsed) => return Err(late()),
    };
    match tokio::time::timeout(waited, TcpStream::connect(resolved.as_slice())).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(source)) => {
            Err(TransportError::Connect { address: address.to_owned(), port, source })
        }
        Err(_elapsed) => Err(late()),
    }
}
