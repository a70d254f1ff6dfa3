//! `vty-mcp check --connect`.

use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use super::args::{Check, Global};
use super::serve::cancel_on_signal;
use super::{CliError, Exit, output, settings};
use crate::server;

/// How many devices go into one call.
const PART: usize = 500;

/// Visits devices, all of the inventory where none is named, and prints what was seen.
pub(super) async fn check(global: Global, check: Check) -> Result<Exit, CliError> {
    let settings = settings(global)?;
    let built = server::build(&settings).map_err(CliError::Start)?;
    built.notices.iter().for_each(|notice| output::complain(&notice.to_string()));
    let names = if check.device.is_empty() {
        built.operations.inventory().devices().map(|device| device.name.to_string()).collect()
    } else {
        check.device
    };
    let cancel = CancellationToken::new();
    tokio::spawn(cancel_on_signal(cancel.clone()));
    // Drawn only where standard error is a terminal.
    let bar = ProgressBar::new(u64::try_from(names.len()).unwrap_or(u64::MAX));
    let advance = |progress: crate::operations::Progress| {
        if progress.device.is_some() {
            bar.inc(1);
        }
    };
    let mut checks = Vec::with_capacity(names.len());
    let mut refused = None;
    for part in names.chunks(PART) {
        match built.operations.check_devices(part, &cancel, &advance).await {
            Ok(checked) => checks.extend(checked),
            Err(failure) => refused = Some(failure),
        }
    }
    built.operations.close().await;
    bar.finish_and_clear();
    if let Some(failure) = refused {
        output::complain(&failure.to_string());
        return Ok(Exit::Failed);
    }
    if check.json {
        let json = serde_json::to_string_pretty(&checks).map_err(std::io::Error::other)?;
        output::answer(&format!("{json}\n"))?;
    } else {
        let reports: String = checks.iter().map(ToString::to_string).collect();
        output::answer(&reports)?;
    }
    Ok(if checks.iter().all(|check| check.ok) { Exit::Ok } else { Exit::Failed })
}
