//! Files and connections.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{OpenError, SqliteOptions};

/// Every statement is used over and over; none is ever parsed twice.
const CACHED_STATEMENTS: usize = 128;

/// Makes the file if it is not there, for its owner only: it will hold private keys (KEY-004). SQLite gives its companions
/// (`-wal`, `-shm`) the same permissions.
pub(crate) fn prepare_file(path: &Path) -> Result<(), OpenError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory
        && !directory.is_dir()
    {
        return Err(OpenError::MissingDirectory(directory.to_owned()));
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().read(true).write(true).open(path)
        }
        other => other,
    };
    opened.map(drop).map_err(|source| OpenError::File { path: path.to_owned(), source })
}

/// The connection that writes.
pub(crate) fn writer(path: &Path, options: &SqliteOptions) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| refused(path, error))?;
    connection.busy_timeout(options.busy_timeout)?;
    write_ahead(&connection, options.busy_timeout).map_err(|error| refused(path, error))?;
    settle(&connection, options)?;
    Ok(connection)
}

/// Switches to a write-ahead log, which is kept in the file: readers and writer do not wait for each other.
///
/// Processes that open a new file at the same moment switch it one after another, and the switch does not wait by itself as
/// other statements do.
fn write_ahead(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    const PAUSE: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    loop {
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if matches!(failure.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
                    && waited < patience =>
            {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            settled => return settled,
        }
    }
}

/// A connection that reads.
pub(crate) fn reader(path: &Path, options: &SqliteOptions) -> Result<Connection, OpenError> {
    // Opened for writing as well, since a reader may be the one that has to recover the write-ahead log.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| refused(path, error))?;
    connection.busy_timeout(options.busy_timeout)?;
    settle(&connection, options)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A database without a file.
pub(crate) fn in_memory(options: &SqliteOptions) -> Result<Connection, OpenError> {
    let connection = Connection::open_in_memory()?;
    settle(&connection, options)?;
    Ok(connection)
}

fn settle(connection: &Connection, options: &SqliteOptions) -> Result<(), OpenError> {
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // An acknowledged commit survives a power cut, which `NORMAL` does not promise with a write-ahead log.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // What a row held is gone when the row is: freed pages are overwritten.
    connection.pragma_update(None, "secure_delete", true)?;
    // What a burst of writes made of the log is given back.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    if let Some(bytes) = options.max_bytes {
        let page: u64 =
            connection.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0)).map(u64::from)?;
        let pages = u32::try_from((bytes / page.max(1)).max(1)).unwrap_or(u32::MAX - 1);
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    Ok(())
}

/// How many pages the options allow, by the page size that the file has.
pub(crate) fn bound(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<Option<u32>> {
    let bound = || connection.pragma_query_value(None, "max_page_count", |row| row.get(0));
    options.max_bytes.map(|_| bound()).transpose()
}

fn refused(path: &Path, error: rusqlite::Error) -> OpenError {
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        return OpenError::NotADatabase(path.to_owned());
    }
    error.into()
}
