//! `vty-mcp record`.

use tokio_util::sync::CancellationToken;

use super::args::Global;
use super::serve::cancel_on_signal;
use super::{CliError, Exit, output, settings};
use crate::server;

/// Runs commands on a device and prints a transcript of each.
pub(super) async fn record(
    global: Global,
    device: String,
    commands: Vec<String>,
) -> Result<Exit, CliError> {
    let settings = settings(global)?;
    let built = server::build(&settings).map_err(CliError::Start)?;
    let cancel = CancellationToken::new();
    tokio::spawn(cancel_on_signal(cancel.clone()));
    let mut exit = Exit::Ok;
    for command in &commands {
        match built.operations.record(&device, command, &cancel).await {
            Ok(recording) => {
                if let Some(fingerprint) = &recording.new_host_key {
                    let told = format!("first contact: host key recorded, {fingerprint}");
                    output::complain(&format!("{device}: {told}"));
                }
                output::answer(&format!("{}\n", recording.text))?;
            }
            Err(failure) => {
                output::complain(&failure.to_string());
                exit = Exit::Failed;
            }
        }
    }
    built.operations.close().await;
    Ok(exit)
}
