//! The state directory: what this program remembers between runs.
//!
//! **Invariants:** the directory and everything in it are for their owner only. Several processes
//! may share one directory, so files are made whole or not at all and never rewritten in place.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::ErrorCode;

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("state directory {path}: cannot {action}")]
pub struct StoreError {
    path: String,
    action: &'static str,
    #[source]
    source: std::io::Error,
}

impl StoreError {
    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

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

    fn error(&self, action: &'static str, source: std::io::Error) -> StoreError {
        StoreError { path: self.path.display().to_string(), action, source }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_the_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let directory = StateDirectory::open(&parent.path().join("a/b")).unwrap();
        let key = directory.install_key().unwrap();
        assert_eq!(directory.install_key().unwrap(), key);
        assert_ne!(key, [0; 32]);
        let names: Vec<_> = std::fs::read_dir(parent.path().join("a/b")).unwrap().collect();
        assert_eq!(names.len(), 1, "no draft stays behind");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &str| {
                std::fs::metadata(parent.path().join(path)).unwrap().permissions().mode() & 0o777
            };
            assert_eq!((mode("a/b"), mode("a/b/redaction.key")), (0o700, 0o600));
        }
    }

    #[test]
    fn a_place_that_cannot_be_a_directory_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = StateDirectory::open(&file.path().join("state")).unwrap_err();
        assert!(error.to_string().contains("cannot make it"), "{error}");
    }

    #[test]
    fn a_damaged_key_is_an_error_and_not_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let directory = StateDirectory::open(parent.path()).unwrap();
        std::fs::write(parent.path().join("redaction.key"), b"short").unwrap();
        assert!(directory.install_key().is_err());
        assert_eq!(std::fs::read(parent.path().join("redaction.key")).unwrap(), b"short");
    }
}
