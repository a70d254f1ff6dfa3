//! The state directory: what this program remembers between runs, and its database ([`Store`]) of
//! plans, changes and tokens.
//!
//! **Invariants:** the directory and everything in it are for their owner only. Several processes
//! may share one directory, so files are made whole or not at all and never rewritten in place; what
//! changes is in the database. Nothing is ever deleted because it is damaged.
//!
//! This module does not know what a plan, a phase or an outcome means.

mod changes;
mod clock;
mod database;
mod detected;
mod document;
mod error;
mod lockouts;
mod plans;
mod schema;
mod tokens;

#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

pub use self::changes::{Begun, ChangeFilter, ChangeRow, NewChange, PhaseRow, Step};
pub use self::clock::{unix_now, utc};
pub use self::database::Store;
pub use self::detected::DetectedRow;
pub use self::document::Document;
pub use self::error::StoreError;
pub use self::lockouts::{LockoutRow, LockoutScope};
pub use self::plans::PlanRow;
pub use self::tokens::TokenRow;

/// A usable state directory.
#[derive(Debug, Clone)]
pub struct StateDirectory {
    path: PathBuf,
}

impl StateDirectory {
    /// Makes the directory where it is missing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let directory = Self { path: path.to_owned() };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        private_directory(&mut builder);
        builder.create(path).map_err(|source| directory.error("make it", source))?;
        Ok(directory)
    }

    /// Where the recorded host keys are.
    pub fn known_hosts(&self) -> PathBuf {
        self.path.join("known_hosts")
    }

    /// The key that makes placeholders of this installation comparable, made on first use.
    pub fn install_key(&self) -> Result<[u8; 32], StoreError> {
        let path = self.path.join("redaction.key");
        // Two processes may start at once: one makes the file, both read it.
        if let Err(source) = create_key(&path)
            && source.kind() != ErrorKind::AlreadyExists
        {
            return Err(self.error("make redaction.key", source));
        }
        let bytes =
            std::fs::read(&path).map_err(|source| self.error("read redaction.key", source))?;
        bytes.try_into().map_err(|_| {
            let source = std::io::Error::new(ErrorKind::InvalidData, "it does not have 32 bytes");
            self.error("use redaction.key", source)
        })
    }

    /// Opens the database, making or upgrading it where needed.
    pub fn database(&self) -> Result<Store, StoreError> {
        Store::open(&self.path)
    }

    fn error(&self, action: &'static str, source: std::io::Error) -> StoreError {
        StoreError::Directory { path: self.path.display().to_string(), action, source }
    }
}

/// Writes a new key beside its place and links it there, so that no reader sees half of it.
fn create_key(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let (one, two) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let draft = path.with_extension(one.simple().to_string());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    private_file(&mut options);
    let mut file = options.open(&draft)?;
    file.write_all(&[one.into_bytes(), two.into_bytes()].concat())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    linked
}

#[cfg(unix)]
fn private_directory(builder: &mut std::fs::DirBuilder) {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700);
}

#[cfg(unix)]
fn private_file(options: &mut std::fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// On Windows the profile's access list keeps others out.
#[cfg(not(unix))]
fn private_directory(_builder: &mut std::fs::DirBuilder) {}

#[cfg(not(unix))]
fn private_file(_options: &mut std::fs::OpenOptions) {}
