//! Owns how the file of recorded host keys is read and written.
//!
//! **Invariants:** several processes may share the file: whoever writes holds the lock beside it,
//! and decides on what it read under that lock. A new text takes the place of the old one at once,
//! so no reader sees half of it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

/// Where the host keys are.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    path: PathBuf,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    path: &'a Path,
    #[expect(dead_code, reason = "held for its drop, which lets the next one write")]
    lock: File,
}

impl KeyFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file between two writes; it is empty where there is none yet.
    pub(super) fn read(&self) -> Result<Vec<u8>> {
        // Without the lock's file nobody has written yet, or the directory is only readable.
        let lock = File::open(self.lock_path()).ok();
        if let Some(lock) = &lock {
            lock.lock_shared()?;
        }
        read(&self.path)
    }

    /// Waits until nobody else writes.
    pub(super) fn lock(&self) -> Result<Locked<'_>> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        private(&mut options);
        let lock = options.open(self.lock_path())?;
        lock.lock()?;
        Ok(Locked { path: &self.path, lock })
    }

    /// A file of its own, because the other one is replaced.
    fn lock_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        path.into()
    }
}

impl Locked<'_> {
    pub(super) fn read(&self) -> Result<Vec<u8>> {
        read(self.path)
    }

    /// Adds a line behind `existing`, which is what the file holds.
    ///
    /// It is not forced onto the disk: a record that is lost with the power is a first contact
    /// again, and reported, while a thousand devices at once would wait for a thousand writes.
    pub(super) fn append(&self, existing: &[u8], line: &str) -> Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        private(&mut options);
        let start = glue(existing);
        options.open(self.path)?.write_all(format!("{start}{line}\n").as_bytes())
    }

    /// Puts a new text in the place of the old one.
    pub(super) fn replace(&self, text: &[u8]) -> Result<()> {
        // A link stays one; what it leads to is replaced.
        let path = std::fs::canonicalize(self.path).unwrap_or_else(|_| self.path.to_owned());
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // For its owner only, and removed unless it takes its place.
        let mut draft = tempfile::Builder::new().prefix(".known_hosts-").tempfile_in(directory)?;
        draft.write_all(text)?;
        draft.as_file().sync_all()?;
        draft.persist(&path).map_err(|error| error.error)?;
        sync_directory(directory)
    }
}

/// What must stand in front of a new line. An editor may have left the last one without its end.
pub(super) fn glue(existing: &[u8]) -> &'static str {
    if existing.last().is_none_or(|byte| *byte == b'\n') { "" } else { "\n" }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        result => result,
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// On Windows the state directory's access list protects the file.
#[cfg(not(unix))]
fn private(_options: &mut OpenOptions) {}

/// Makes the new name of the file last.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory)?.sync_all()
}

/// Windows does not open directories.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> Result<()> {
    Ok(())
}
