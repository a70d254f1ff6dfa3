//! A simulated device as a jump host: connections to others on behalf of its clients.
//!
//! **Invariant:** it connects to loopback only, since a lab is open to anybody who reads its
//! inventory.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use russh::server::{ChannelOpenHandle, Msg};
use russh::{Channel, ChannelOpenFailure};
use tokio::net::TcpStream;

use super::link::Cutter;
use super::observed::Recorder;

/// Where a client wants to go.
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) port: u32,
}

impl Destination {
    fn on_loopback(&self) -> Option<(IpAddr, u16)> {
        let host = match self.host.as_str() {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            other => other.parse().ok()?,
        };
        host.is_loopback().then_some((host, u16::try_from(self.port).ok()?))
    }
}

/// Connects and copies in both directions until either side is gone or the connection is cut.
pub(super) async fn run(
    channel: Channel<Msg>,
    to: Destination,
    reply: ChannelOpenHandle,
    cutter: Cutter,
    recorder: Arc<Recorder>,
) {
    let Some(address) = to.on_loopback() else {
        return reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
    };
    let mut stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "a jump host of the lab could not connect");
            return reply.reject(ChannelOpenFailure::ConnectFailed).await;
        }
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the lab could not turn Nagle's algorithm off");
    }
    recorder.note(|seen| seen.forwarded += 1);
    reply.accept().await;
    let mut tunnel = channel.into_stream();
    tokio::select! {
        copied = tokio::io::copy_bidirectional(&mut tunnel, &mut stream) => {
            if let Err(error) = copied {
                tracing::debug!(%error, "a connection through a jump host of the lab ended");
            }
        }
        () = cutter.cut_off() => {}
    }
}
