//! Owns how the file of recorded host keys is read and written.
//!
//! **Invariants:** several processes may share the file: whoever writes holds the lock beside it,
//! and decides on what it read under that lock. A new text takes the place of the old one at once,
//! so no reader sees half of it. What was read is kept for as long as the file's length, times and
//! identity stay the same: every login asks several times, and thousands of them would each read
//! hundreds of kilobytes.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where the host keys are.
#[derive(Debug, Clone)]
pub(super) struct KeyFile {
    path: PathBuf,
    kept: Arc<Mutex<Kept>>,
}

/// What was read last. The lock is held while the file is read, never longer.
#[derive(Debug, Default)]
struct Kept {
    /// Of the file that the text is all of; none where nothing was read.
    stamp: Option<Stamp>,
    text: Arc<Vec<u8>>,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    file: &'a KeyFile,
    #[expect(dead_code, reason = "held for its drop, which lets the next one write")]
    lock: File,
}

impl KeyFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, kept: Arc::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file between two writes; it is empty where there is none yet.
    pub(super) fn read(&self) -> Result<Arc<Vec<u8>>> {
        // Without the lock's file nobody has written yet, or the directory is only readable.
        let lock = File::open(self.lock_path()).ok();
        if let Some(lock) = &lock {
            lock.lock_shared()?;
        }
        self.current()
    }

    /// The text of the file, which is read where it is not the one that is kept.
    fn current(&self) -> Result<Arc<Vec<u8>>> {
        // Taken before the text, so that a change in between is noticed next time.
        let stamp = match std::fs::metadata(&self.path) {
            Ok(metadata) => Stamp::of(&metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Arc::default()),
            Err(error) => return Err(error),
        };
        let mut kept = self.kept();
        if stamp.is_none() || kept.stamp != stamp {
            *kept = Kept { stamp, text: Arc::new(read(&self.path)?) };
        }
        Ok(Arc::clone(&kept.text))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Text and stamp are written together, so a panic elsewhere left them whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else writes.
    pub(super) fn lock(&self) -> Result<Locked<'_>> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        private(&mut options);
        let lock = options.open(self.lock_path())?;
        lock.lock()?;
        Ok(Locked { file: self, lock })
    }

    /// A file of its own, because the other one is replaced.
    fn lock_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        path.into()
    }
}

impl Locked<'_> {
    pub(super) fn read(&self) -> Result<Arc<Vec<u8>>> {
        self.file.current()
    }

    /// Adds a line behind `existing`, which is what the file holds.
    ///
    /// It is not forced onto the disk: a record that is lost with the power is a first contact
    /// again, and reported, while a thousand devices at once would wait for a thousand writes.
    pub(super) fn append(&self, existing: Arc<Vec<u8>>, line: &str) -> Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        private(&mut options);
        let added = format!("{}{line}\n", glue(&existing));
        let mut file = options.open(&self.file.path)?;
        file.write_all(added.as_bytes())?;
        let grown = file.metadata().ok().and_then(|metadata| Stamp::of(&metadata));
        let mut kept = self.file.kept();
        let same = Arc::ptr_eq(&existing, &kept.text);
        drop(existing);
        // Whoever edits the file by hand holds no lock: only where it grew by this line alone is
        // the rest of it known.
        let known = match (&kept.stamp, &grown) {
            (Some(before), Some(after)) => same && after.is_grown_by(before, added.len()),
            _ => false,
        };
        if known {
            Arc::make_mut(&mut kept.text).extend_from_slice(added.as_bytes());
            kept.stamp = grown;
        } else {
            *kept = Kept::default();
        }
        Ok(())
    }

    /// Puts a new text in the place of the old one.
    pub(super) fn replace(&self, text: &[u8]) -> Result<()> {
        // A link stays one; what it leads to is replaced.
        let path = std::fs::canonicalize(&self.file.path);
        let path = path.unwrap_or_else(|_| self.file.path.clone());
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

/// Tells one state of a file from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    length: u64,
    /// Device and number of the file, where the system has them.
    identity: (u64, u64),
    /// When content and entry last changed, in seconds and nanoseconds.
    times: [i64; 4],
}

impl Stamp {
    #[cfg(unix)]
    #[expect(clippy::unnecessary_wraps, reason = "other systems cannot tell states apart")]
    fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self {
            length: metadata.len(),
            identity: (metadata.dev(), metadata.ino()),
            times: [
                metadata.mtime(),
                metadata.mtime_nsec(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ],
        })
    }

    /// Elsewhere nothing is kept: no time there changes with every edit.
    #[cfg(not(unix))]
    fn of(_metadata: &Metadata) -> Option<Self> {
        None
    }

    /// Whether this is the file of `before`, longer by so many bytes.
    fn is_grown_by(&self, before: &Self, added: usize) -> bool {
        self.identity == before.identity
            && Some(self.length) == before.length.checked_add(added as u64)
    }
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
