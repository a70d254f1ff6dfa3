//! `vty-mcp change` and `vty-mcp config`.

use std::io::Read;
use std::path::Path;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::args::{ChangeCommand, ConfigCommand, Global};
use super::serve::cancel_on_signal;
use super::{CliError, Exit, output, settings};
use crate::caller::{Caller, Role};
use crate::change::After;
use crate::operations::{Against, ApplyRequest, ChangeReport, Failure, PlanRequest, Source};
use crate::server;

/// The largest file of configuration lines, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Plans and makes changes. Whoever types the command is an operator.
pub(super) async fn change(global: Global, command: ChangeCommand) -> Result<Exit, CliError> {
    let built = server::build(&settings(global)?).map_err(CliError::Start)?;
    let operations = built.operations;
    let caller = Caller::local(Role::Operator);
    let cancel = CancellationToken::new();
    tokio::spawn(cancel_on_signal(cancel.clone()));
    let exit = match command {
        ChangeCommand::Plan { names: devices, file, expect_loss } => {
            let configuration = read_lines(&file)?;
            let request = PlanRequest { devices, configuration, expect_loss };
            let plan = operations.plan_change(&caller, request, &cancel, &|_| {}).await;
            let whole = plan.as_ref().is_ok_and(|plan| plan.plan_id.is_some());
            print(plan, whole)
        }
        ChangeCommand::Apply { plan_id, plan_hash, confirm_within, yes } => {
            let after = if yes { After::Confirm } else { After::Hold };
            let request = ApplyRequest { plan_id, plan_hash, confirm_within, after };
            let applied = operations.apply_change(&caller, &request, &cancel).await;
            // Leaving decides about what is held: a device's own timer keeps it, or it is undone.
            operations.close().await;
            match applied {
                Ok(applied) => reports(operations.reports(&caller, &applied).await),
                Err(failure) => reports(Err(failure)),
            }
        }
        ChangeCommand::Confirm { change_id } => {
            reports(operations.confirm_change(&caller, &change_id).await.map(|one| vec![one]))
        }
        ChangeCommand::Revert { change_id } => {
            let reverted = operations.revert_change(&caller, &change_id).await;
            let worked = reverted.as_ref().is_ok_and(|report| report.state == "undone");
            print(reverted, worked)
        }
        ChangeCommand::List { device } => {
            let listed = operations.list_changes(&caller, device.as_deref()).await;
            let worked = listed.is_ok();
            print(listed, worked)
        }
    };
    operations.close().await;
    exit
}

/// Shows and compares configurations.
pub(super) async fn config(global: Global, command: ConfigCommand) -> Result<Exit, CliError> {
    let built = server::build(&settings(global)?).map_err(CliError::Start)?;
    let operations = built.operations;
    let cancel = CancellationToken::new();
    tokio::spawn(cancel_on_signal(cancel.clone()));
    let text = match command {
        ConfigCommand::Get { device, startup, candidate, section } => {
            let source = match (startup, candidate) {
                (true, _) => Source::Startup,
                (false, true) => Source::Candidate,
                (false, false) => Source::Running,
            };
            operations.config(&device, source, section.as_deref(), &cancel).await
        }
        ConfigCommand::Compare { device, candidate, rollback, with, .. } => {
            let against = match (rollback, with) {
                (Some(number), _) => Against::Rollback(number),
                (None, Some(other)) => Against::Device(other),
                (None, None) if candidate => Against::Candidate,
                (None, None) => Against::Startup,
            };
            operations.compare_config(&device, &against, &cancel).await
        }
    };
    operations.close().await;
    match text {
        Ok(text) => {
            output::answer(&text)?;
            Ok(Exit::Ok)
        }
        Err(failure) => {
            output::complain(&failure.to_string());
            Ok(Exit::Failed)
        }
    }
}

fn reports(result: Result<Vec<ChangeReport>, Failure>) -> Result<Exit, CliError> {
    let fine = |report: &ChangeReport| matches!(&*report.state, "held" | "saved");
    let worked = result.as_ref().is_ok_and(|reports| reports.iter().all(fine));
    print(result, worked)
}

fn print<T: Serialize>(result: Result<T, Failure>, worked: bool) -> Result<Exit, CliError> {
    match result {
        Ok(value) => {
            let json = serde_json::to_string_pretty(&value).map_err(std::io::Error::other)?;
            output::answer(&format!("{json}\n"))?;
        }
        Err(failure) => output::complain(&failure.to_string()),
    }
    Ok(if worked { Exit::Ok } else { Exit::Failed })
}

/// Reads the lines of a change from a file or from standard input.
fn read_lines(path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().take(MOST_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| CliError::Failed(format!("cannot read {}: {error}", path.display())))?;
    Ok(text)
}
