//! Logs to standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::{Global, LogFormat};
use crate::server;

/// Accepts what the log filter understands.
pub(super) fn filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Starts logging as the command line asks.
pub(super) fn start(global: &Global) {
    let filter = EnvFilter::try_new(&global.log).unwrap_or_else(|_| EnvFilter::new("warn"));
    // The MCP library logs what clients send, bodies included; nothing of that may be kept.
    let quiet = tracing_subscriber::filter::filter_fn(server::may_log);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    let started = match global.log_format {
        LogFormat::Text => subscriber.finish().with(quiet).try_init(),
        LogFormat::Json => subscriber.json().finish().with(quiet).try_init(),
    };
    if let Err(error) = started {
        super::output::complain(&format!("logging cannot start: {error}"));
    }
}
