//! `vty-mcp host-key`.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value, json};

use super::args::Global;
use super::{CliError, Exit, output, settings};
use crate::error::chain;
use crate::inventory::{Device, HostKeyPolicy, Inventory, Route};
use crate::server::{self, StartError};
use crate::settings::Settings;
use crate::store::StateDirectory;
use crate::transport::{
    Dialer, Forgotten, HostKeys, KnownKey, Marker, OfferedKey, Others, Tcp, TransportError, Trusted,
};

#[derive(Debug, Subcommand)]
pub(super) enum HostKeyCommand {
    /// List the recorded host keys, also those that cannot be read
    List {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Record the host key of a device, after comparing its fingerprint
    #[command(after_help = "The device is asked for its key; nobody logs in to it. Compare the \
        fingerprint with one that you have from elsewhere, such as the device's console. Without \
        a terminal to answer on, --fingerprint or --yes is needed. --key contacts nobody, so it \
        works for a device behind a jump host too.\n\nExamples:\n  \
        vty-mcp host-key trust core-r1             ask the device, then you\n  \
        vty-mcp host-key trust core-r1 --replace   after the device was replaced\n  \
        vty-mcp host-key trust core-r1 --fingerprint SHA256:q4UgR16klfYXSpFm4tMp2Qlm2wxRwRHwl7OTnvc1A2E\n  \
        vty-mcp host-key trust core-r1 --key 'ssh-ed25519 AAAA…' --yes")]
    Trust {
        /// A device of the inventory
        device: String,
        /// Record the key only if this is its fingerprint; nobody is asked then
        #[arg(long, value_name = "SHA256:…", value_parser = sha256)]
        fingerprint: Option<String>,
        /// Forget other keys of the device
        #[arg(long)]
        replace: bool,
        /// Record the key without asking
        #[arg(long)]
        yes: bool,
        /// Record this key, as in a .pub file, instead of asking the device for one
        #[arg(long, value_name = "LINE")]
        key: Option<String>,
    },
    /// Forget the recorded host keys of a device
    #[command(
        after_help = "Lines that say @revoked or @cert-authority stay, and so do patterns, since \
        they mean other devices too. The next contact with the device is its first one again.\n\n\
        Examples:\n  vty-mcp host-key forget core-r1\n  \
        vty-mcp host-key forget '[192.0.2.1]:2222'"
    )]
    Forget {
        /// A device of the inventory, or a host as known_hosts writes it: an address, with a port
        /// other than 22 as [ADDRESS]:PORT
        #[arg(value_name = "DEVICE|HOST")]
        host: String,
    },
}

/// MD5 is shown to be compared by people, and is too weak for more.
fn sha256(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('=');
    let hash = text.strip_prefix("SHA256:").ok_or("write SHA256: and what follows it")?;
    let fits = hash.len() == 43
        && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    if fits { Ok(text.to_owned()) } else { Err("43 characters follow SHA256:".to_owned()) }
}

/// Shows and changes which host keys are trusted.
pub(super) async fn host_key(global: Global, command: HostKeyCommand) -> Result<Exit, CliError> {
    let settings = settings(global)?;
    let state = StateDirectory::open(&settings.state_dir).map_err(CliError::State)?;
    let keys = HostKeys::new(state.known_hosts());
    match command {
        HostKeyCommand::List { json } => list(&keys, json),
        HostKeyCommand::Trust { device, fingerprint, replace, yes, key } => {
            let inventory = inventory(&settings)?;
            let Some(device) = inventory.device(&device) else {
                return Ok(usage(&format!("there is no device `{device}` in the inventory")));
            };
            let shown = match key {
                Some(line) => match OfferedKey::from_line(&line) {
                    Ok(key) => key,
                    Err(error) => return Ok(usage(&format!("--key: {error}"))),
                },
                None if device.route != Route::Direct => return Ok(behind_another(device)),
                None => {
                    // Only used to listen, so its policy decides nothing.
                    let strict = HostKeyPolicy::Strict;
                    let dialer = Dialer::new(Arc::new(Tcp), keys.clone(), strict);
                    match Box::pin(dialer.host_key_of(device, None)).await {
                        Ok(key) => key,
                        Err(error) => return Ok(failed(device, &error)),
                    }
                }
            };
            let others = if replace { Others::Replace } else { Others::Refuse };
            trust(&keys, device, &shown, others, fingerprint.as_deref(), yes)
        }
        HostKeyCommand::Forget { host } => forget(&settings, &keys, &host),
    }
}

fn inventory(settings: &Settings) -> Result<Inventory, CliError> {
    let platforms = server::load_platforms(settings).map_err(CliError::Platforms)?;
    let loaded = server::load_inventory(settings, &platforms)
        .map_err(|error| CliError::Start(StartError(vec![error.report()])))?;
    Ok(loaded.inventory)
}

fn trust(
    keys: &HostKeys,
    device: &Device,
    shown: &OfferedKey,
    others: Others,
    expected: Option<&str>,
    yes: bool,
) -> Result<Exit, CliError> {
    let (name, host) = (&device.name, HostKeys::name_of(device));
    output::complain(&format!(
        "host key of {name} ({host}):\n  kind    {}\n  SHA256  {}\n  MD5     {}",
        shown.kind(),
        shown.fingerprint(),
        shown.md5(),
    ));
    if let Some(expected) = expected {
        if expected != shown.fingerprint() {
            output::complain(&format!(
                "this is not the key with {expected}; nothing was recorded. Either the fingerprint \
                 is that of another key of {name}, or somebody is in between"
            ));
            return Ok(Exit::Failed);
        }
    } else if !yes && !agreed()? {
        return Ok(Exit::Usage);
    }
    let done = match keys.trust(&host, shown, others) {
        Ok(done) => done,
        Err(error) => return Ok(failed(device, &error)),
    };
    if let Some(HostKeyPolicy::Pinned(_)) = &device.host_keys {
        output::complain(&format!(
            "{name} is pinned: its `host_key` in the device file decides, whatever is recorded"
        ));
    }
    let done = match done {
        Trusted::Already => "this key was recorded before".to_owned(),
        Trusted::Replaced(forgotten) => {
            tell_patterns(&host, &forgotten);
            format!("recorded; other lines that were forgotten: {}", forgotten.lines)
        }
        _ => "recorded".to_owned(),
    };
    output::answer(&format!("{name}: {done}\n"))?;
    Ok(Exit::Ok)
}

/// Asks a person, where there is one.
fn agreed() -> Result<bool, CliError> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        output::complain(
            "nothing was recorded: there is no terminal to ask on. Compare the fingerprint and \
             give it as --fingerprint, or --yes to record whatever is shown",
        );
        return Ok(false);
    }
    output::complain(
        "Compare this with what the device itself says. Type yes to record it, anything else to \
         leave:",
    );
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    let agreed = answer.trim() == "yes";
    if !agreed {
        output::complain("nothing was recorded");
    }
    Ok(agreed)
}

fn forget(settings: &Settings, keys: &HostKeys, host: &str) -> Result<Exit, CliError> {
    // A host needs no inventory, so a missing or wrong one only matters for names of devices.
    let inventory = inventory(settings);
    let device = inventory.as_ref().ok().and_then(|inventory| inventory.device(host));
    let named = device.map_or_else(|| host.to_owned(), HostKeys::name_of);
    let forgotten = match keys.forget(&named) {
        Ok(forgotten) => forgotten,
        Err(error) => {
            output::complain(&told(&error));
            return Ok(Exit::Failed);
        }
    };
    tell_patterns(&named, &forgotten);
    if forgotten.lines == 0 {
        output::complain(&format!("no line names {named}"));
        if let (Err(error), None) = (&inventory, device) {
            output::complain(&format!("names of devices were not looked up: {}", chain(error)));
        }
        return Ok(Exit::Failed);
    }
    output::answer(&format!("{named}: lines that were forgotten: {}\n", forgotten.lines))?;
    Ok(Exit::Ok)
}

/// A key that a pattern records goes on being accepted.
fn tell_patterns(host: &str, forgotten: &Forgotten) {
    for line in &forgotten.by_pattern {
        output::complain(&format!(
            "line {line} still means {host}, by a pattern; edit the file to change that"
        ));
    }
}

fn list(keys: &HostKeys, json: bool) -> Result<Exit, CliError> {
    let list = match keys.list() {
        Ok(list) => list,
        Err(error) => {
            output::complain(&told(&error));
            return Ok(Exit::Failed);
        }
    };
    if json {
        output::answer(&format!("{:#}\n", as_json(&list)))?;
        return Ok(Exit::Ok);
    }
    output::answer(&table(&list))?;
    for line in list.iter().filter(|known| known.key.is_none()) {
        output::complain(&format!(
            "line {} cannot be read; what it is about is refused until the line is corrected",
            line.line
        ));
    }
    if list.is_empty() {
        output::complain("no host key is recorded");
    }
    Ok(Exit::Ok)
}

fn as_json(list: &[KnownKey]) -> Value {
    let entry = |known: &KnownKey| {
        json!({
            "line": known.line, "hosts": known.hosts, "marker": known.marker.map(Marker::as_str),
            "kind": known.key.as_ref().map(OfferedKey::kind),
            "fingerprint": known.key.as_ref().map(OfferedKey::fingerprint),
            "readable": known.key.is_some(),
        })
    };
    list.iter().map(entry).collect()
}

/// One line for each key, nothing where there is none.
fn table(list: &[KnownKey]) -> String {
    let hosts = |known: &KnownKey| match known.marker {
        Some(marker) => format!("{} {}", marker.as_str(), known.hosts),
        None => known.hosts.clone(),
    };
    let width = list.iter().map(|known| hosts(known).chars().count()).max();
    let width = width.unwrap_or_default().clamp(4, 40);
    let line = |number: &str, hosts: &str, kind: &str, fingerprint: &str| {
        format!("{number:>4}  {hosts:width$}  {kind:19}  {fingerprint}\n")
    };
    let heading = (!list.is_empty()).then(|| line("LINE", "HOST", "KIND", "FINGERPRINT"));
    let rows = list.iter().map(|known| {
        let (kind, fingerprint) = match &known.key {
            Some(key) => (key.kind(), key.fingerprint()),
            None => ("-".to_owned(), "cannot be read".to_owned()),
        };
        line(&known.line.to_string(), &hosts(known), &kind, &fingerprint)
    });
    heading.into_iter().chain(rows).collect()
}

fn usage(problem: &str) -> Exit {
    output::complain(problem);
    Exit::Usage
}

/// The way to such a device leads through logins, which learning a key never does.
fn behind_another(device: &Device) -> Exit {
    let name = &device.name;
    usage(&format!(
        "{name} is reached over another device, so it cannot be asked for its key here. Read the \
         key on the device and record it: vty-mcp host-key trust {name} --key 'ssh-ed25519 AAAA…'"
    ))
}

fn told(error: &TransportError) -> String {
    format!("{}: {}", error.code(), chain(error))
}

fn failed(device: &Device, error: &TransportError) -> Exit {
    let name = device.name.as_str();
    let advice = error.advice(name).map(|advice| format!(" ({advice})"));
    output::complain(&format!("{name}: {}{}", told(error), advice.unwrap_or_default()));
    Exit::Failed
}
