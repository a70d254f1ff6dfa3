//! `vty-mcp lockout`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::args::Global;
use super::{CliError, Exit, output, settings};
use crate::store::{LockoutRow, LockoutScope, StateDirectory, unix_now, utc};

#[derive(Debug, Subcommand)]
pub(super) enum LockoutCommand {
    /// List the credentials that are held, and until when
    List {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Have refused credentials tried again, also by servers that run
    #[command(
        group = clap::ArgGroup::new("what").required(true),
        after_help = "Correct the credential on the device or in the inventory first: every refusal \
        counts towards the lock of the account. A credential that was corrected in the inventory is \
        another one and needs no reset.\n\nExample: vty-mcp lockout reset core-r1"
    )]
    Reset {
        /// The device that refused, by name or as address:port; a pause of the whole fleet that it
        /// led to ends, too
        #[arg(group = "what")]
        device: Option<String>,
        /// Those of every device
        #[arg(long, group = "what")]
        all: bool,
    },
}

/// Lists and lifts holds of credentials.
pub(super) fn lockout(global: Global, command: LockoutCommand) -> Result<Exit, CliError> {
    let settings = settings(global)?;
    let directory = StateDirectory::open(&settings.state_dir).map_err(CliError::State)?;
    let store = directory.database().map_err(CliError::State)?;
    match command {
        LockoutCommand::List { json } => {
            let rows = store.lockouts(unix_now()).map_err(CliError::State)?;
            output::answer(&if json { as_json(&rows) } else { table(&rows) })?;
            if rows.is_empty() && !json {
                output::complain("no credential is held");
            }
            Ok(Exit::Ok)
        }
        LockoutCommand::Reset { device, .. } => {
            let lifted = store.lift_lockouts(device.as_deref()).map_err(CliError::State)?;
            output::answer(&table(&lifted))?;
            if lifted.is_empty() {
                output::complain(
                    "nothing was held there; `vty-mcp lockout list` names the devices that refused",
                );
                return Ok(if device.is_some() { Exit::Failed } else { Exit::Ok });
            }
            output::complain("these are tried again with the next call");
            Ok(Exit::Ok)
        }
    }
}

const fn scope(row: &LockoutRow) -> &'static str {
    row.scope.as_str()
}

/// One line for each hold, nothing where there is none.
fn table(rows: &[LockoutRow]) -> String {
    let width = |name: fn(&LockoutRow) -> &str, least: usize| {
        rows.iter().map(|row| name(row).len()).max().unwrap_or_default().max(least)
    };
    let (device, user) = (width(|row| &row.device, 6), width(|row| &row.username, 4));
    let line = |[what, name, who, since, until, place]: [&str; 6]| {
        format!("{what:6}  {name:device$}  {who:user$}  {since:20}  {until:20}  {place}\n")
    };
    let heading = line(["SCOPE", "DEVICE", "USER", "REFUSED", "HELD UNTIL", "WHERE"]);
    let lines = rows.iter().map(|row| {
        let place = match row.scope {
            LockoutScope::Device => row.device_key.as_str(),
            LockoutScope::Fleet => "every device; this one refused last",
        };
        let (since, until) = (utc(row.since), utc(row.until));
        line([scope(row), &row.device, &row.username, &since, &until, place])
    });
    let heading = (!rows.is_empty()).then_some(heading);
    heading.into_iter().chain(lines).collect()
}

fn as_json(rows: &[LockoutRow]) -> String {
    let entry = |row: &LockoutRow| {
        json!({
            "scope": scope(row), "device": row.device, "where": row.device_key,
            "username": row.username, "credential": row.credential, "reason": row.reason,
            "since": utc(row.since), "until": utc(row.until),
        })
    };
    let list: Value = rows.iter().map(entry).collect();
    format!("{list:#}\n")
}
