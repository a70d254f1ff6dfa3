//! `vty-mcp token`.

use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};

use super::args::Global;
use super::{CliError, Exit, output, settings};
use crate::caller::Role;
use crate::store::{StateDirectory, unix_now, utc};
use crate::token::{NewToken, TokenInfo, Tokens};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it, once
    #[command(after_help = "Example: vty-mcp token create vscode --role operator")]
    Create {
        /// What to call it: letters, digits and . _ - @
        name: String,
        /// What its holder may do: viewer reads, operator may also change where that is allowed
        #[arg(long, default_value = "viewer", value_parser = role())]
        role: Role,
        /// After how many days it is not accepted any more, at most 365
        #[arg(long, value_name = "DAYS", default_value_t = 90)]
        expires_in_days: u32,
    },
    /// List all tokens
    List {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one token, without its secret
    Show {
        /// The id, as `token list` prints it
        id: String,
    },
    /// Refuse a token from now on
    Revoke {
        /// The id, as `token list` prints it
        id: String,
    },
}

fn role() -> impl TypedValueParser<Value = Role> {
    let words = Role::ALL.iter().map(|role| role.as_str());
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Role>())
}

/// Makes, shows and revokes the tokens of the HTTP transport.
pub(super) fn token(global: Global, command: TokenCommand) -> Result<Exit, CliError> {
    let settings = settings(global)?;
    let directory = StateDirectory::open(&settings.state_dir).map_err(CliError::State)?;
    let store = directory.database().map_err(CliError::State)?;
    for path in store.put_aside() {
        output::complain(&format!(
            "{} is a damaged database that was put aside; tokens in it are not accepted",
            path.display()
        ));
    }
    let tokens = Tokens::new(Arc::new(store));
    let now = unix_now();
    match command {
        TokenCommand::Create { name, role, expires_in_days } => {
            let expires_in = DAY.saturating_mul(expires_in_days);
            create(&tokens, &NewToken { name, role, expires_in }, now)?;
        }
        TokenCommand::List { json } => {
            let list = tokens.list().map_err(CliError::Token)?;
            output::answer(&if json { list_as_json(&list, now) } else { table(&list, now) })?;
            if list.is_empty() && !json {
                output::complain("there are no tokens; make one with: vty-mcp token create NAME");
            }
        }
        TokenCommand::Show { id } => {
            let info = tokens.show(&id).map_err(CliError::Token)?;
            output::answer(&page(&info, now))?;
        }
        TokenCommand::Revoke { id } => {
            let info = tokens.revoke(&id, now).map_err(CliError::Token)?;
            output::answer(&page(&info, now))?;
        }
    }
    Ok(Exit::Ok)
}

/// The token alone goes to standard output, so that it can be piped to where it is kept.
fn create(tokens: &Tokens, new: &NewToken, now: i64) -> Result<(), CliError> {
    let created = tokens.create(new, now).map_err(CliError::Token)?;
    output::answer(created.token.expose())?;
    output::answer("\n")?;
    let TokenInfo { id, name, role, expires_at, .. } = created.info;
    output::complain(&format!(
        "This is token {id} ({name}, {role}), accepted until {}.\n\
         It is shown this once; only its hash is kept. Clients send it as\n\
         Authorization: Bearer <token>",
        utc(expires_at)
    ));
    Ok(())
}

fn moment(at: Option<i64>) -> String {
    at.map_or_else(|| "-".to_owned(), utc)
}

/// One line for each token, nothing where there is none.
fn table(list: &[TokenInfo], now: i64) -> String {
    let width = list.iter().map(|info| info.name.len()).max().unwrap_or_default().max(4);
    let line = |[id, name, role, state, expires, used]: [&str; 6]| {
        format!("{id:8}  {name:width$}  {role:8}  {state:7}  {expires:20}  {used}\n")
    };
    let heading = line(["ID", "NAME", "ROLE", "STATE", "EXPIRES", "LAST USED"]);
    let rows = list.iter().map(|info| {
        let (expires, used) = (utc(info.expires_at), moment(info.last_used_at));
        let state = info.state(now).as_str();
        line([&info.id, &info.name, info.role.as_str(), state, &expires, &used])
    });
    let heading = (!list.is_empty()).then_some(heading);
    heading.into_iter().chain(rows).collect()
}

fn page(info: &TokenInfo, now: i64) -> String {
    format!(
        "id         {}\nname       {}\nrole       {}\nstate      {}\ncreated    {}\nexpires    {}\n\
         revoked    {}\nlast used  {}\n",
        info.id,
        info.name,
        info.role,
        info.state(now).as_str(),
        utc(info.created_at),
        utc(info.expires_at),
        moment(info.revoked_at),
        moment(info.last_used_at),
    )
}

fn list_as_json(list: &[TokenInfo], now: i64) -> String {
    let entry = |info: &TokenInfo| {
        json!({
            "id": info.id, "name": info.name, "role": info.role, "state": info.state(now),
            "created_at": utc(info.created_at), "expires_at": utc(info.expires_at),
            "revoked_at": info.revoked_at.map(utc), "last_used_at": info.last_used_at.map(utc),
        })
    };
    let list: Value = list.iter().map(entry).collect();
    format!("{list:#}\n")
}
