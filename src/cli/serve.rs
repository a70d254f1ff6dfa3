//! `vty-mcp serve`.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::{Global, Serve, Transport};
use super::lab::LabInventory;
use super::{CliError, Exit, output, settings};
use crate::caller::{Caller, Role};
use crate::mcp::VtyMcp;
use crate::server::{self, FileVersion, HttpOptions, Reload};
use crate::store::unix_now;
use crate::token::Tokens;

/// Serves an MCP client until it leaves or a signal comes.
pub(super) async fn serve(mut global: Global, serve: Serve) -> Result<Exit, CliError> {
    // Keeps the simulated devices alive while the client is served.
    let lab = if serve.lab { Some(LabInventory::start().await?) } else { None };
    if let Some(lab) = &lab {
        global.devices = Some(lab.inventory());
        global.state_dir = Some(lab.directory().join("state"));
    }
    let mut settings = settings(global)?;
    // Simulated devices are always met for the first time.
    settings.accept_new_host_keys |= lab.is_some();
    let read = FileVersion::of(&settings.inventory);
    let built = server::build(&settings).map_err(CliError::Start)?;
    for notice in &built.notices {
        output::complain(&notice.to_string());
    }
    let shutdown = CancellationToken::new();
    tokio::spawn(cancel_on(shutdown.clone(), Hangup::Reloads));
    built.operations.keep_settling();
    let watching = CancellationToken::new();
    let reload = Reload::new(&settings, Arc::clone(&built.operations), read, built.on_devices());
    tokio::spawn(reload.watch(hangups(), watching.clone()));
    let _watching = watching.drop_guard();
    let role =
        if settings.allow_changes || serve.allow_changes { Role::Operator } else { Role::Viewer };
    match serve.transport {
        Transport::Stdio => {
            let caller = Caller::local(role);
            let served = server::serve_stdio(built.operations, caller, shutdown).await;
            served.map_err(CliError::Serve)?;
        }
        Transport::Http => http(&built, &serve, role, shutdown).await?,
    }
    if let Some(lab) = lab {
        lab.stop().await?;
    }
    Ok(Exit::Ok)
}

/// Cancels on the first signal that asks the process to stop.
pub(super) async fn cancel_on_signal(shutdown: CancellationToken) {
    cancel_on(shutdown, Hangup::Stops).await;
}

async fn cancel_on(shutdown: CancellationToken, hangup: Hangup) {
    stop_signal(hangup).await;
    shutdown.cancel();
}

/// What SIGHUP means: the terminal is gone, or, to a server, that files were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hangup {
    Stops,
    Reloads,
}

/// Passes every SIGHUP on.
#[cfg(unix)]
fn hangups() -> mpsc::Receiver<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::channel(1);
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => drop(tokio::spawn(async move {
            while hangup.recv().await.is_some() && sender.send(()).await.is_ok() {}
        })),
        Err(error) => tracing::warn!(%error, "SIGHUP cannot be waited for"),
    }
    receiver
}

/// There is no such signal.
#[cfg(not(unix))]
fn hangups() -> mpsc::Receiver<()> {
    mpsc::channel(1).1
}

#[cfg(unix)]
async fn stop_signal(on_hangup: Hangup) {
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
        _ = hangup.recv(), if on_hangup == Hangup::Stops => {}
    }
}

#[cfg(not(unix))]
async fn stop_signal(_on_hangup: Hangup) {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Serves clients over streamable HTTP.
async fn http(
    built: &server::Built,
    serve: &Serve,
    role: Role,
    shutdown: CancellationToken,
) -> Result<(), CliError> {
    let address = SocketAddr::new(serve.host, serve.port);
    let tokens = Tokens::new(Arc::clone(&built.store));
    let asked = tokens.any_valid(unix_now()).map_err(CliError::Token)?;
    server::check_bind(address, asked).map_err(CliError::Serve)?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|error| CliError::Failed(format!("cannot listen on {address}: {error}")))?;
    let address = listener.local_addr()?;
    let who = if asked { "clients need a token" } else { "clients of this machine need no token" };
    output::complain(&format!("serving MCP at http://{address}/mcp; {who}"));
    let options = HttpOptions {
        tokens: asked.then(|| Arc::new(tokens)),
        local_role: role,
        allowed_hosts: serve.allowed_host.clone(),
        allowed_origins: serve.allowed_origin.clone(),
        ..HttpOptions::default()
    };
    let service = VtyMcp::new(Arc::clone(&built.operations), Caller::local(Role::Viewer));
    let serving = async {
        let served = server::serve_http(service, listener, options, shutdown.clone()).await;
        shutdown.cancel();
        served
    };
    let closing = async {
        shutdown.cancelled().await;
        built.operations.close().await;
    };
    let (served, ()) = tokio::join!(serving, closing);
    served.map_err(CliError::Serve)
}
