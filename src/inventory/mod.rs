//! Owns the inventory: the device file on one side, the validated [`Inventory`] on the other.
//!
//! A file is read whole, and every problem in it is reported at once, each with its place and what
//! to do. What comes out needs no further checks.
//!
//! **Invariant:** no secret of the file is in a problem, an error or a `Debug` print.
//! **Invariant:** nothing here opens a socket or resolves a name.
//! The two forms of the file, every key and every reason word are in `docs/inventory.md`.

mod address;
mod auth;
mod collect;
mod configured;
mod device;
mod files;
mod hint;
mod inherit;
mod json;
mod keyfile;
mod layer;
mod node;
mod path;
mod problem;
mod reach;
mod read;
mod route;
mod select;
mod source;
mod sshconfig;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;
use std::path::Path;

pub use device::{
    Auth, AuthProof, Device, DeviceName, HostKeyPolicy, LoginAnswer, Route, SecretSource, Security,
    Timeouts,
};
pub use problem::{InventoryError, Place, Position, Problem, Severity, report};
pub use select::{Inventory, Selector};

use auth::KeyUse;
use collect::Problems;
use files::Strictness;
use read::{Files, Reader};
use source::SecretUse;

use crate::platform::PlatformName;

/// What reading a device file needs to know from outside.
pub struct LoadOptions<'a> {
    /// Resolves a platform's name or alias.
    pub resolve_platform: &'a dyn Fn(&str) -> Option<PlatformName>,
    /// The names to list when one is unknown.
    pub platform_names: Vec<String>,
    /// Makes a device file that is open to others an error instead of a warning.
    pub strict_files: bool,
    /// Whether a `ProxyCommand` of an OpenSSH configuration may be used.
    pub allow_proxy_commands: bool,
}

impl fmt::Debug for LoadOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOptions")
            .field("platform_names", &self.platform_names)
            .field("strict_files", &self.strict_files)
            .field("allow_proxy_commands", &self.allow_proxy_commands)
            .finish_non_exhaustive()
    }
}

/// A file that can be used, and what the operator should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// The devices.
    pub inventory: Inventory,
    /// Warnings and notices in the order of the file.
    pub notices: Vec<Problem>,
}

/// Reads the device file at `path` and the OpenSSH configurations it names, and looks at its key
/// files and files of secrets.
///
/// # Errors
///
/// When the file cannot be read, or anything in it or in a key file is wrong. The error holds every
/// problem; [`InventoryError::report`] writes them down for the operator.
pub fn load(path: &Path, options: &LoadOptions<'_>) -> Result<Loaded, InventoryError> {
    let mut problems = Problems::new(path);
    let Some(source) = files::read(path, &mut problems) else {
        return Err(InventoryError::new(path, problems.finish()));
    };
    let draft = draft(&source.text, path, options, Files::Open);
    let Draft { inventory, mut problems, inline_secrets, keys, secret_files } = draft;
    let strictness = if options.strict_files { Strictness::Refuse } else { Strictness::Warn };
    files::check_inventory(path, &source, inline_secrets, strictness, &mut problems);
    files::check_keys(keys, &mut problems);
    files::check_secrets(secret_files, strictness, &mut problems);
    finish(path, inventory, problems)
}

/// Reads the text of a device file. `origin` is what messages call it and where relative key paths
/// start; no file is opened, so modes and key files are not looked at, and a device that needs an
/// OpenSSH configuration is an error.
///
/// # Errors
///
/// When anything in the text is wrong; the error holds every problem.
pub fn parse(
    text: &str,
    origin: &Path,
    options: &LoadOptions<'_>,
) -> Result<Loaded, InventoryError> {
    let Draft { inventory, problems, .. } = draft(text, origin, options, Files::Closed);
    finish(origin, inventory, problems)
}

/// A file as far as its text goes.
struct Draft {
    inventory: Inventory,
    problems: Problems,
    inline_secrets: bool,
    keys: Vec<KeyUse>,
    secret_files: Vec<SecretUse>,
}

fn draft(text: &str, origin: &Path, options: &LoadOptions<'_>, files: Files) -> Draft {
    let mut problems = Problems::new(origin);
    let root = if text.trim_start_matches('\u{feff}').trim().is_empty() {
        let remedy = "write a device file; devices.example.json is a start";
        let place = Place::file(origin);
        problems.add(Severity::Error, "inv_empty", place, "the file is empty", remedy);
        None
    } else {
        match json::parse(text) {
            Ok(root) => Some(root),
            Err(json::SyntaxError { position, path, what, remedy, reason }) => {
                let place = Place { position: Some(position), path, ..Place::file(origin) };
                problems.add(Severity::Error, reason, place, what, remedy);
                None
            }
        }
    };
    let Some(root) = root else {
        // Whether the file holds secrets is unknown; a device file mostly does.
        let inventory = Inventory::default();
        let (keys, secret_files) = (Vec::new(), Vec::new());
        return Draft { inventory, problems, inline_secrets: true, keys, secret_files };
    };
    let mut reader = Reader::new(origin, options, files);
    let devices = reader.file(&root);
    let Reader { problems, inline_secrets, keys, secret_files, .. } = reader;
    Draft { inventory: Inventory::new(devices), problems, inline_secrets, keys, secret_files }
}

fn finish(
    origin: &Path,
    inventory: Inventory,
    problems: Problems,
) -> Result<Loaded, InventoryError> {
    if problems.has_errors() {
        return Err(InventoryError::new(origin, problems.finish()));
    }
    Ok(Loaded { inventory, notices: problems.finish() })
}
