//! Listeners, and the order in which things start and stop.
//!
//! **Invariants:** on the stdio transport nothing but MCP ever appears on standard output; logs go to
//! standard error. When a client goes away or a signal comes, running commands are interrupted on
//! their devices and sessions closed before the process ends.

mod builder;
mod end_of_input;
mod http;
mod reload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

pub use self::builder::{
    Built, StartError, build, load_inventory, load_platforms, load_templates, program_runner,
};
use self::end_of_input::Watched;
pub use self::http::{HttpOptions, check_bind, may_log, serve_http};
pub use self::reload::{FileVersion, LOOK_EVERY, OnDevices, Reload};
use crate::caller::Caller;
use crate::mcp::VtyMcp;
use crate::operations::Operations;

/// How long devices may take to let go when the server stops.
const GRACE: Duration = Duration::from_secs(60);

/// Clients cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The client said something else than a client must say first.
    #[error("the MCP client did not start a session: {message}")]
    NoSession {
        /// What was wrong.
        message: String,
    },
    /// Others could reach the server, and nothing would ask who they are.
    #[error(
        "{address} can be reached from other machines, so callers need tokens; make one with \
         `vty-mcp token create`, or listen on 127.0.0.1"
    )]
    OpenToOthers {
        /// Where the server was to listen.
        address: SocketAddr,
    },
    /// A name of the allow-lists cannot be read.
    #[error("`{value}` is no {expected}")]
    AllowList {
        /// The name.
        value: String,
        /// What it should look like.
        expected: &'static str,
    },
    /// The socket does not say where it listens.
    #[error("the listening socket cannot be used")]
    Listener(#[source] std::io::Error),
}

/// Serves one client over a pair of byte streams until it leaves or `shutdown` is cancelled.
pub async fn serve_streams<R, W>(
    operations: Arc<Operations>,
    caller: Caller,
    read: R,
    write: W,
    shutdown: CancellationToken,
) -> Result<(), ServeError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let service = VtyMcp::new(Arc::clone(&operations), caller);
    // The library lets running calls go on for a while when its client is gone; we end them.
    let ended = CancellationToken::new();
    let starting = service.serve((Watched::new(read, ended.clone()), write));
    let running = tokio::select! {
        running = starting => running,
        () = shutdown.cancelled() => return Ok(()),
    };
    let running = match running {
        Ok(running) => running,
        // A client that leaves before it says anything is no failure of ours.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(ServeError::NoSession { message: error.to_string() }),
    };
    let stop = running.cancellation_token();
    let waiting = running.waiting();
    let closing = async {
        tokio::select! {
            () = ended.cancelled() => {}
            () = shutdown.cancelled() => {}
        }
        if tokio::time::timeout(GRACE, operations.close()).await.is_err() {
            tracing::warn!("some devices did not let go in time");
        }
        stop.cancel();
    };
    let (waited, ()) = tokio::join!(waiting, closing);
    if let Err(error) = waited {
        tracing::error!(%error, "the MCP service ended unexpectedly");
    }
    Ok(())
}

/// Serves one client on standard input and output.
pub async fn serve_stdio(
    operations: Arc<Operations>,
    caller: Caller,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    serve_streams(operations, caller, tokio::io::stdin(), tokio::io::stdout(), shutdown).await
}
