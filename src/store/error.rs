//! What can go wrong with remembered state.

use std::path::PathBuf;

use crate::error::ErrorCode;

/// The state directory or its database cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or the directory itself cannot be used.
    #[error("state directory {path}: cannot {action}")]
    Directory {
        /// The directory.
        path: String,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot do what was asked.
    #[error("database {path}: cannot {action}")]
    Database {
        /// The file.
        path: String,
        /// What was tried.
        action: &'static str,
        /// What SQLite said. It names columns, never values.
        #[source]
        source: rusqlite::Error,
    },
    /// The database is damaged, and it cannot be put aside while somebody writes to it.
    #[error(
        "database {path} is damaged and another vty-mcp still uses it: stop that one and start \
         again, and the damaged file is put aside"
    )]
    DamagedInUse {
        /// The file.
        path: String,
    },
    /// The database must be upgraded, and an older program still uses it.
    #[error(
        "database {path} must be upgraded and another vty-mcp still uses it: stop that one and \
         start again"
    )]
    UpgradeInUse {
        /// The file.
        path: String,
    },
    /// A newer program wrote the database.
    #[error(
        "database {path} has version {found} and this vty-mcp knows versions up to {known}: use \
         the newer program, or another state directory"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// There is no such plan, or another caller made it.
    #[error("there is no plan {plan_id} of this caller")]
    PlanMissing {
        /// The plan.
        plan_id: String,
    },
    /// The change does not exist, is finished, or another process took it over.
    #[error("change {change_id} is not in the hands of this process")]
    ChangeNotHeld {
        /// The change.
        change_id: String,
    },
    /// A document does not have the form that its reader expects.
    #[error("a stored document does not have the expected form (line {line}, column {column})")]
    Document {
        /// Where the reader stopped. Its message may quote the document, so it is not kept.
        line: usize,
        /// Where the reader stopped.
        column: usize,
    },
}

impl StoreError {
    /// The stable code of this failure.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Directory { .. }
            | Self::DamagedInUse { .. }
            | Self::UpgradeInUse { .. }
            | Self::Newer { .. }
            | Self::PlanMissing { .. } => ErrorCode::InvalidArgument,
            Self::Database { .. } | Self::ChangeNotHeld { .. } | Self::Document { .. } => {
                ErrorCode::Internal
            }
        }
    }
}

/// Why opening failed, before it is clear whose fault that is.
#[derive(Debug)]
pub(super) enum Opening {
    /// SQLite does not recognise its own file.
    Damaged,
    /// Everything else.
    Failed(StoreError),
}

impl Opening {
    /// Tells damage from other failures of SQLite.
    pub(super) fn new(path: &std::path::Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        if matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)) {
            return Self::Damaged;
        }
        let path = path.display().to_string();
        Self::Failed(StoreError::Database { path, action: "open it", source })
    }
}

/// A failure of the file system beside the database.
pub(super) fn directory(
    path: &std::path::Path,
    action: &'static str,
) -> impl FnOnce(std::io::Error) -> StoreError {
    let path: PathBuf = path.to_owned();
    move |source| StoreError::Directory { path: path.display().to_string(), action, source }
}
