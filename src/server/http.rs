//! The streamable HTTP transport: `/mcp` for clients of both protocol eras, `/healthz` for probes.
//!
//! **Invariants:** a request reaches the MCP service only after Host, Origin and bearer token have
//! passed, in this order, and no byte of its body is asked for before. A session belongs to the
//! caller that opened it. The service learns who calls from the [`Caller`](crate::caller::Caller)
//! in the request's extensions and never sees the token. Nothing of bodies or tokens is logged.
//! A connection that is slow, broken or malicious costs one of many slots for a bounded time.
//!
//! TLS is left to a proxy in front.

mod answer;
mod brake;
mod gate;
mod sessions;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::{any, get};
use axum::serve::{Listener, ListenerExt};
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rmcp::ServerHandler;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::answer::{Endpoint, Peer, Stops};
use super::ServeError;
use crate::caller::Role;
use crate::token::Tokens;

/// How many connections are open at the same time. Further ones wait in the system's queue, so that
/// sessions to devices never run out of file descriptors.
const CONNECTIONS: usize = 512;

/// How long answers that were cut at the end of the grace period may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How clients are served over HTTP.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Who may call. Without tokens everyone on this machine may, and [`check_bind`] keeps the
    /// server on this machine.
    pub tokens: Option<Arc<Tokens>>,
    /// What callers may do where there are no tokens.
    pub local_role: Role,
    /// Names by which clients may address the server, besides the loopback names and the address
    /// it listens on: `vty.example.com`, or `vty.example.com:8443` for one port only.
    pub allowed_hosts: Vec<String>,
    /// Web origins that may call, besides those of loopback with the server's port:
    /// `https://console.example.com`.
    pub allowed_origins: Vec<String>,
    /// The longest body of a request, in bytes.
    pub body_limit: usize,
    /// How many sessions of the older protocol versions may be open at the same time.
    pub sessions: usize,
    /// How long a client may take to send the head of a request, which bounds an idle connection
    /// too.
    pub head_timeout: Duration,
    /// How long a client may take to send the body of a request.
    pub body_timeout: Duration,
    /// How long running calls may go on when the server stops.
    pub grace: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            tokens: None,
            local_role: Role::Viewer,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            body_limit: 1 << 20,
            sessions: 64,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            grace: super::GRACE,
        }
    }
}

/// Refuses an address that other machines can reach while there is no token to tell callers apart.
pub fn check_bind(address: SocketAddr, has_tokens: bool) -> Result<(), ServeError> {
    if has_tokens || address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(ServeError::OpenToOthers { address })
}

/// Whether an event may be logged at all, whatever the filter of the operator says.
///
/// `rmcp` logs messages as they come, with every argument, and parts of them even in warnings. What
/// callers send may hold configuration text, so nothing of it passes.
pub fn may_log(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.target().split("::").next() != Some("rmcp")
}

/// Serves clients until `shutdown` is cancelled.
///
/// Then nothing new is accepted, streams that only wait for notifications end at once, and running
/// calls may finish within the grace period before they lose their clients and sessions. Whoever owns
/// the use cases closes them at the same moment, so that running calls end soon and with an answer.
pub async fn serve_http<S>(
    service: S,
    listener: TcpListener,
    options: HttpOptions,
    shutdown: CancellationToken,
) -> Result<(), ServeError>
where
    S: ServerHandler + Clone,
{
    let address = listener.local_addr().map_err(ServeError::Listener)?;
    check_bind(address, options.tokens.is_some())?;
    let stops = Stops { waiting: shutdown.clone(), running: CancellationToken::new() };
    let endpoint = Arc::new(Endpoint::new(service, address, &options, stops.clone())?);
    let app = Router::new()
        .route("/mcp", any(answer::mcp::<S>))
        .route("/healthz", get(|| async { "ok" }))
        .with_state(Arc::clone(&endpoint));

    let mut connections = accept_all(listener, app, options.head_timeout, shutdown.clone()).await;
    if tokio::time::timeout(options.grace, all_ended(&mut connections)).await.is_err() {
        tracing::warn!("some HTTP calls did not end in time");
    }
    stops.running.cancel();
    let last = async {
        endpoint.close_sessions().await;
        all_ended(&mut connections).await;
    };
    if tokio::time::timeout(LAST_WORDS, last).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

/// Accepts connections until `shutdown` is cancelled and hands out those that are still open.
async fn accept_all(
    listener: TcpListener,
    app: Router,
    head_timeout: Duration,
    shutdown: CancellationToken,
) -> JoinSet<()> {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    // Events are small and many: without this each one waits 40 ms for an acknowledgement.
    let mut listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
    });
    loop {
        // This listener retries by itself when the system has no file descriptor left.
        let next = async { (Arc::clone(&slots).acquire_owned().await, listener.accept().await) };
        let (slot, (stream, peer)) = tokio::select! {
            biased;
            () = shutdown.cancelled() => return connections,
            next = next => next,
        };
        let serving = serve_connection(stream, peer, app.clone(), head_timeout, shutdown.clone());
        connections.spawn(async move {
            let _slot = slot;
            serving.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection until its client leaves; after `shutdown` only the running request.
async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    head_timeout: Duration,
    shutdown: CancellationToken,
) {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout);
    let service = TowerToHyperService::new(app.layer(Extension(Peer(peer))));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "an HTTP connection ended early");
    }
}

async fn all_ended(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_be_open_without_tokens() {
        for address in ["127.0.0.1:30030", "127.9.9.9:1", "[::1]:30030", "[::ffff:127.0.0.1]:1"] {
            check_bind(address.parse().unwrap(), false).unwrap();
        }
        for address in ["0.0.0.0:30030", "[::]:30030", "192.0.2.7:1", "[::ffff:192.0.2.7]:1"] {
            let error = check_bind(address.parse().unwrap(), false).unwrap_err().to_string();
            assert!(error.contains(address) && error.contains("vty-mcp token create"), "{error}");
            check_bind(address.parse().unwrap(), true).unwrap();
        }
    }
}
