//! `vty-mcp serve`.

use tokio_util::sync::CancellationToken;

use super::args::{Global, Serve, Transport};
use super::lab::LabInventory;
use super::{CliError, Exit, output, settings};
use crate::server;

/// Serves an MCP client until it leaves or a signal comes.
pub(super) async fn serve(mut global: Global, serve: Serve) -> Result<Exit, CliError> {
    // Keeps the simulated devices alive while the client is served.
    let lab = if serve.lab { Some(LabInventory::start(None).await?) } else { None };
    if let Some(lab) = &lab {
        global.devices = Some(lab.inventory());
        global.state_dir = Some(lab.directory().join("state"));
    }
    let mut settings = settings(global)?;
    // Simulated devices are always met for the first time.
    settings.accept_new_host_keys |= lab.is_some();
    let built = server::build(&settings).map_err(CliError::Start)?;
    for notice in &built.notices {
        output::complain(&notice.to_string());
    }
    let shutdown = CancellationToken::new();
    tokio::spawn(cancel_on_signal(shutdown.clone()));
    match serve.transport {
        Transport::Stdio => server::serve_stdio(built.operations, shutdown).await,
    }
    .map_err(CliError::Serve)?;
    if let Some(lab) = lab {
        lab.stop().await?;
    }
    Ok(Exit::Ok)
}

/// Cancels on the first signal that asks the process to stop.
pub(super) async fn cancel_on_signal(shutdown: CancellationToken) {
    stop_signal().await;
    shutdown.cancel();
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
