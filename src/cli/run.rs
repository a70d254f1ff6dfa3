//! `vty-mcp run`.

use std::time::Duration;

use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use super::args::{Global, Run};
use super::serve::cancel_on_signal;
use super::{CliError, Exit, output, settings};
use crate::caller::{Caller, Role};
use crate::inventory::Severity;
use crate::operations::{DeviceAnswers, RunRequest};
use crate::server;

/// Runs commands on one device and prints the answers.
pub(super) async fn run(global: Global, run: Run) -> Result<Exit, CliError> {
    let mut settings = settings(global)?;
    // A person sees the whole answer; the limit is for models.
    settings.limits.result_bytes = settings.limits.output_bytes;
    let built = server::build(&settings).map_err(CliError::Start)?;
    // Whoever asks one question is told what is dangerous; `check` tells the rest.
    let warnings = built.notices.iter().filter(|notice| notice.severity == Severity::Warning);
    warnings.for_each(|warning| output::complain(&warning.to_string()));
    let cancel = CancellationToken::new();
    tokio::spawn(cancel_on_signal(cancel.clone()));
    // Drawn only where standard error is a terminal.
    let spinner = ProgressBar::new_spinner().with_message(format!("asking {}", run.device));
    spinner.enable_steady_tick(Duration::from_millis(100));
    let answers = run.answer.into_iter().map(Into::into).collect();
    let request = RunRequest { devices: vec![run.device], commands: run.commands, answers };
    let answers = built
        .operations
        .run_commands(&Caller::local(Role::Viewer), request, &cancel, &|_| {})
        .await;
    built.operations.close().await;
    spinner.finish_and_clear();
    let answers = match answers {
        Ok(answers) => answers,
        Err(failure) => {
            output::complain(&failure.to_string());
            return Ok(Exit::Failed);
        }
    };
    if run.json {
        let json = serde_json::to_string_pretty(&answers).map_err(std::io::Error::other)?;
        output::answer(&format!("{json}\n"))?;
    } else {
        print(&answers)?;
    }
    let failed = answers.iter().flat_map(|device| &device.answers).any(|a| a.error.is_some());
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}

/// Prints text for people: the answer as it is, a heading only between several commands.
fn print(devices: &[DeviceAnswers]) -> Result<(), CliError> {
    for device in devices {
        for notice in &device.notices {
            output::complain(&format!("{}: {notice}", device.device));
        }
        for answer in &device.answers {
            if device.answers.len() > 1 {
                output::answer(&format!("--- {}: {} ---\n", device.device, answer.command))?;
            }
            output::answer(&answer.text)?;
            if let Some(failure) = &answer.error {
                output::complain(&format!("{}: {failure}", device.device));
            }
        }
    }
    Ok(())
}
