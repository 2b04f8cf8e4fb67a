//! What went wrong, in the words of the host's traits.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::ErrorCode;
use vestibule_host::{BoxError, StoreFault};

/// The store could not be opened. Each text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory is not there.
    #[error("the directory `{}` does not exist: create it, or name another file", .0.display())]
    MissingDirectory(PathBuf),
    /// The file cannot be created or opened.
    #[error("the database file `{}` cannot be opened: it must be a file that this process may read and write", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("`{}` is not an SQLite database: name another file, or restore it from a backup", .0.display())]
    NotADatabase(PathBuf),
    /// The file was written by a newer version.
    #[error(
        "the database has schema {found}, this version knows schemas up to {known}: use the newer version"
    )]
    NewerSchema {
        /// The schema of the file.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// The schema is old and changing it was not allowed.
    #[error("the database has schema {found} of {known}: run the migrations first")]
    NotMigrated {
        /// The schema of the file.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// The table prefix is not a plain name.
    #[error(
        "the table prefix `{0}` is not allowed: use at most 32 of `a` to `z`, `0` to `9`, `_`, no digit first"
    )]
    Prefix(String),
    /// The system gave no thread.
    #[error("no thread could be started for the database")]
    Thread(#[source] std::io::Error),
    /// Anything else that SQLite said.
    #[error("the database cannot be used")]
    Database(#[source] BoxError),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Why an operation did not get done. It left nothing behind.
#[derive(Debug)]
pub(crate) enum Failure {
    Sql(rusqlite::Error),
    Fault(StoreFault),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreFault> for Failure {
    fn from(fault: StoreFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Failure> for StoreFault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fault(fault) => fault,
            Failure::Sql(error) => unapplied(error),
        }
    }
}

/// For a caller that must come again.
pub(crate) const fn busy() -> StoreFault {
    StoreFault::Busy { retry_after: Duration::from_secs(1) }
}

/// For an error whose transaction or savepoint was rolled back.
pub(crate) fn unapplied(error: rusqlite::Error) -> StoreFault {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => busy(),
        // The disk or the page limit: either way a bound is reached.
        Some(ErrorCode::DiskFull) => StoreFault::Full,
        _ => StoreFault::not_applied(error),
    }
}
