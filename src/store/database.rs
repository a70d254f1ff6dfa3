//! Opens the database and lends its one connection.
//!
//! **Invariants:** a writer sees the newest state before it decides, because it takes the write
//! lock first. What a method wrote is on the disk when it returns.
//! Whoever has the database open holds a shared lock on `state.use.lock`. Only who holds that lock
//! alone upgrades the database or puts a damaged one aside, so no process ever goes on writing to a
//! file that others no longer read.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::StoreError;
use super::error::{Opening, directory};
use super::schema::{self, MIGRATIONS};

/// The name of the database in the state directory.
const FILE: &str = "state.db";

/// What stands between the name of the database and a moment when a damaged one is put aside.
const DAMAGED: &str = "state.db.damaged-";

/// What SQLite keeps beside a database, by ending. The log holds what the database lacks yet.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// How long one process waits for another one's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The database of plans, changes, tokens and lockouts.
///
/// Methods block for a moment (a write waits for the disk) and up to five seconds while another
/// process writes. Dropping it closes it.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
    damaged: Vec<PathBuf>,
    /// Held so that nobody puts the database aside; declared last, released after the connection.
    _in_use: LockFile,
}

impl Store {
    /// Opens the database of this directory.
    pub(super) fn open(home: &Path) -> Result<Self, StoreError> {
        Self::open_with(home, MIGRATIONS)
    }

    /// Opens the database of this directory with these migrations.
    pub(super) fn open_with(home: &Path, migrations: &[&str]) -> Result<Self, StoreError> {
        // One process at a time opens; the kernel frees the lock of one that dies.
        let opening = LockFile::open(home, "state.open.lock")?;
        opening.0.lock().map_err(directory(home, "lock state.open.lock"))?;
        let in_use = LockFile::open(home, "state.use.lock")?;
        let alone = match in_use.0.try_lock() {
            Ok(()) => Alone::Yes,
            Err(TryLockError::WouldBlock) => Alone::No,
            Err(TryLockError::Error(error)) => {
                return Err(directory(home, "lock state.use.lock")(error));
            }
        };
        let connection = connect_or_put_aside(home, migrations, alone)?;
        // Nobody else can take the lock in between: that needs `state.open.lock`.
        if matches!(alone, Alone::Yes) {
            in_use.0.unlock().map_err(directory(home, "share state.use.lock"))?;
        }
        in_use.0.lock_shared().map_err(directory(home, "share state.use.lock"))?;
        let damaged = damaged(home).map_err(directory(home, "list it"))?;
        let path = home.join(FILE);
        Ok(Self { path, connection: Mutex::new(connection), damaged, _in_use: in_use })
    }

    /// Damaged databases that were put aside and are still in the directory. What they knew about
    /// unfinished changes and tokens is not known here.
    pub fn put_aside(&self) -> &[PathBuf] {
        &self.damaged
    }

    /// Reads at one moment: nothing that others write is seen half.
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&self.connection()).map_err(|source| self.failed(action, source))
    }

    /// Reads and writes under the write lock, all or nothing.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let run = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|source| self.failed(action, source))
    }

    /// A panic elsewhere cannot leave a transaction open: dropping one rolls it back.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, action: &'static str, source: rusqlite::Error) -> StoreError {
        StoreError::Database { path: self.path.display().to_string(), action, source }
    }
}

/// Whether no other process has the database open.
#[derive(Debug, Clone, Copy)]
enum Alone {
    Yes,
    No,
}

/// A file that is only there to be locked.
#[derive(Debug)]
struct LockFile(File);

impl LockFile {
    fn open(home: &Path, name: &str) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        super::private_file(&mut options);
        let file = options.open(home.join(name));
        file.map(Self).map_err(directory(home, "open its lock files"))
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing alone does not release it while a child that was just forked has a copy.
        drop(self.0.unlock());
    }
}

/// Makes an empty database for its owner only; SQLite gives its companions the same permissions.
/// One that exists is not touched: on POSIX systems, closing any handle of a file releases every
/// lock that this process has on it, those of SQLite too.
fn make(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    super::private_file(&mut options);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        result => result.map(drop),
    }
}

fn connect_or_put_aside(
    home: &Path,
    migrations: &[&str],
    alone: Alone,
) -> Result<Connection, StoreError> {
    let path = home.join(FILE);
    let mut attempt =
        if is_torn_apart(&path) { Err(Opening::Damaged) } else { connect(home, migrations, alone) };
    if let (Err(Opening::Damaged), Alone::Yes) = (&attempt, alone) {
        put_aside(home).map_err(directory(home, "put the damaged state.db aside"))?;
        attempt = connect(home, migrations, alone);
    }
    attempt.map_err(|problem| match problem {
        Opening::Damaged => StoreError::DamagedInUse { path: path.display().to_string() },
        Opening::Failed(error) => error,
    })
}

/// Whether there is a log without its database. SQLite would delete it unread.
fn is_torn_apart(path: &Path) -> bool {
    companion(path, "-wal").exists() && !path.exists()
}

fn connect(home: &Path, migrations: &[&str], alone: Alone) -> Result<Connection, Opening> {
    let path = home.join(FILE);
    make(&path).map_err(|error| Opening::Failed(directory(home, "make state.db")(error)))?;
    let problem = |source| Opening::new(&path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&path, flags).map_err(problem)?;
    configure(&connection).map_err(problem)?;
    let found = schema::version(&connection).map_err(problem)?;
    let known = schema::newest(migrations);
    let shown = || path.display().to_string();
    if found > known {
        return Err(Opening::Failed(StoreError::Newer { path: shown(), found, known }));
    }
    match alone {
        Alone::Yes => {
            if !is_sound(&connection).map_err(problem)? {
                return Err(Opening::Damaged);
            }
            if found < known {
                schema::migrate(&mut connection, migrations).map_err(problem)?;
            }
        }
        Alone::No if found < known => {
            return Err(Opening::Failed(StoreError::UpgradeInUse { path: shown() }));
        }
        Alone::No => {}
    }
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // macOS returns from `fsync` before the disk has the data; elsewhere this does nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn is_sound(connection: &Connection) -> rusqlite::Result<bool> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok(verdict == "ok")
}

/// Renames a damaged database and its companions. The database goes first: were this cut in
/// between, the log that stays is found and follows at the next start.
fn put_aside(home: &Path) -> std::io::Result<()> {
    let path = home.join(FILE);
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let moment = super::utc(super::unix_now()).replace(':', "");
    let aside = home.join(format!("{DAMAGED}{moment}-{unique}"));
    rename_if_there(&path, &aside)?;
    for ending in COMPANIONS {
        rename_if_there(&companion(&path, ending), &companion(&aside, ending))?;
    }
    Ok(())
}

fn rename_if_there(from: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn companion(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// What was put aside, without the companions of what is listed anyway.
fn damaged(home: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(home)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let main = COMPANIONS.iter().find_map(|ending| name.strip_suffix(ending));
        let listed = main.is_some_and(|main| home.join(main).exists());
        if name.starts_with(DAMAGED) && !listed {
            found.push(home.join(name));
        }
    }
    found.sort();
    Ok(found)
}
