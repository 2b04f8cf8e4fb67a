//! The store a host holds.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use vestibule_host::StoreFault;
use vestibule_host::grant_store::{Durability, FailedWrites, Sharing};

use crate::error::Failure;
use crate::lane::Lane;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;
use crate::{OpenError, SqliteOptions, connection, migrations};

/// Grants, consent and keys in one SQLite file. Cloning gives another handle to the same store.
///
/// When the last handle is dropped, verbs that were taken are finished in the background. [`close`](Self::close) waits for
/// them.
#[derive(Clone, Debug)]
pub struct SqliteStore(Arc<Lanes>);

#[derive(Debug)]
struct Lanes {
    writes: Lane,
    /// Without readers the writer reads as well.
    reads: Option<Lane>,
    sharing: Sharing,
    durability: Durability,
    failed: FailedWrites,
}

impl SqliteStore {
    /// Opens a file, makes it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    ///
    /// # Security
    /// A new file can be read by its owner only. The permissions of a file that is already there are not changed.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, OpenError> {
        let path = path.as_ref();
        options.check()?;
        connection::prepare_file(path)?;
        let mut writer = connection::writer(path, &options)?;
        migrations::migrate(&mut writer, &options)?;
        let readers = (0..options.readers.max(1)).map(|_| connection::reader(path, &options));
        let readers = readers.collect::<Result<Vec<_>, _>>()?;

        let sql = Arc::new(Statements::new(&options.prefix).within(connection::bound(&writer, &options)?));
        let reads = Lane::of_readers(readers, &sql, options.queue)?;
        let writes = Lane::of_writer(writer, sql, options.queue)?;
        Ok(Self(Arc::new(Lanes {
            writes,
            reads: Some(reads),
            sharing: Sharing::Shared,
            durability: Durability::Crash,
            failed: FailedWrites::default(),
        })))
    }

    /// A store without a file, for tests. Everything goes through the one thread that writes.
    ///
    /// # Errors
    /// [`OpenError`] when the options are not allowed or no thread could be started.
    pub fn open_in_memory(options: SqliteOptions) -> Result<Self, OpenError> {
        options.check()?;
        let mut writer = connection::in_memory(&options)?;
        migrations::migrate(&mut writer, &options)?;
        let sql = Statements::new(&options.prefix).within(connection::bound(&writer, &options)?);
        let writes = Lane::of_writer(writer, Arc::new(sql), options.queue)?;
        let (sharing, durability) = (Sharing::Process, Durability::None);
        let failed = FailedWrites::default();
        Ok(Self(Arc::new(Lanes { writes, reads: None, sharing, durability, failed })))
    }

    /// Takes no more verbs and waits until those that were taken are answered and the file is closed. Every call after this
    /// fails with `NotApplied`, through whichever handle.
    pub async fn close(&self) {
        // Readers first: the last connection to go writes the log back into the file, and that should be the writer.
        if let Some(reads) = &self.0.reads {
            reads.close().await;
        }
        self.0.writes.close().await;
    }

    pub(crate) fn sharing(&self) -> Sharing {
        self.0.sharing
    }

    pub(crate) fn durability(&self) -> Durability {
        self.0.durability
    }

    pub(crate) async fn write<O: Operation>(&self, operation: O) -> Result<O::Output, StoreFault> {
        let end = self.0.writes.run(operation).await;
        self.0.failed.note(&end);
        end
    }

    /// Whether the store can be used, which costs no write as long as writing works.
    pub(crate) async fn probe(&self) -> Result<(), StoreFault> {
        let Some(due) = self.0.failed.unanswered() else { return self.write(Ping).await };
        self.write(Trial).await?;
        self.0.failed.answer(due);
        Ok(())
    }

    pub(crate) async fn read<O: Operation>(&self, operation: O) -> Result<O::Output, StoreFault> {
        self.0.reads.as_ref().unwrap_or(&self.0.writes).run(operation).await
    }
}

/// Shows that the writer is alive and that the write lock can be had.
#[derive(Debug)]
struct Ping;

/// Shows that there is room for what a verb writes.
#[derive(Debug)]
struct Trial;

impl Operation for Ping {
    type Output = ();

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<()>, Failure> {
        on.prepare_cached(&sql.ping)?.query_row([], |_| Ok(()))?;
        Ok(Effect::Keep(()))
    }
}

impl Operation for Trial {
    type Output = ();

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<()>, Failure> {
        on.prepare_cached(&sql.trial)?.execute([])?;
        on.prepare_cached(&sql.end_trial)?.execute([])?;
        Ok(Effect::Keep(()))
    }
}
