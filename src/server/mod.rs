//! Listeners, and the order in which things start and stop.
//!
//! **Invariants:** on the stdio transport nothing but MCP ever appears on standard output; logs go to
//! standard error. When a client goes away or a signal comes, running commands are interrupted on
//! their devices and sessions closed before the process ends.

mod builder;

use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

pub use self::builder::{Built, StartError, build, load_inventory};
use crate::mcp::VtyMcp;
use crate::operations::Operations;

/// How long devices may take to let go when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// The MCP connection could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the MCP client did not start a session: {message}")]
pub struct ServeError {
    message: String,
}

/// Serves one client over a pair of byte streams until it leaves or `shutdown` is cancelled.
pub async fn serve_streams<R, W>(
    operations: Arc<Operations>,
    read: R,
    write: W,
    shutdown: CancellationToken,
) -> Result<(), ServeError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let service = VtyMcp::new(Arc::clone(&operations));
    let starting = service.serve((read, write));
    let running = tokio::select! {
        running = starting => running,
        () = shutdown.cancelled() => return Ok(()),
    };
    let running = match running {
        Ok(running) => running,
        // A client that leaves before it says anything is no failure of ours.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(ServeError { message: error.to_string() }),
    };
    let stop = running.cancellation_token();
    let waiting = running.waiting();
    tokio::pin!(waiting);
    let ended = tokio::select! {
        ended = &mut waiting => ended,
        () = shutdown.cancelled() => {
            operations.close();
            stop.cancel();
            waiting.await
        }
    };
    if let Err(error) = ended {
        tracing::error!(%error, "the MCP service ended unexpectedly");
    }
    operations.close();
    if tokio::time::timeout(GRACE, operations.closed()).await.is_err() {
        tracing::warn!("some devices did not let go in time");
    }
    Ok(())
}

/// Serves one client on standard input and output.
pub async fn serve_stdio(
    operations: Arc<Operations>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    serve_streams(operations, tokio::io::stdin(), tokio::io::stdout(), shutdown).await
}
