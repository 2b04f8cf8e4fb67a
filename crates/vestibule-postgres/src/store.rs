//! The store a host holds.

use std::sync::Arc;

use tokio_postgres::Row;
use vestibule_host::StoreFault;
use vestibule_host::grant_store::{Durability, FailedWrites};

use crate::error::is_no_room;
use crate::room::Room;
use crate::session::{Hold, Parameters, Sessions};
use crate::statements::{Statement, Statements};
use crate::{Database, OpenError, PostgresOptions, migrations};

/// Grants, consent and keys in a PostgreSQL database. Cloning gives another handle to the same connections.
#[derive(Clone, Debug)]
pub struct PostgresStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sessions: Sessions,
    failed: FailedWrites,
    room: Room,
}

impl PostgresStore {
    /// Opens a store in a database that was [migrated](crate::migrate). Needs a Tokio runtime, as every call does.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open(database: &Database, options: &PostgresOptions) -> Result<Self, OpenError> {
        let names = options.names()?;
        migrations::check(database, &names).await?;
        let sessions = Sessions::open(database, &names, options).await?;
        let room = Room::new(options.max_rows);
        let store = Self(Arc::new(Inner { sessions, failed: FailedWrites::default(), room }));
        store.count_first().await?;
        Ok(store)
    }

    /// Takes no more calls and waits until those that were taken are answered. Every call after this fails with `NotApplied`,
    /// through whichever handle.
    pub async fn close(&self) {
        self.0.sessions.close().await;
    }

    pub(crate) fn durability(&self) -> Durability {
        if self.0.sessions.is_durable() { Durability::Crash } else { Durability::None }
    }

    pub(crate) fn room(&self) -> &Room {
        &self.0.room
    }

    pub(crate) fn sql(&self) -> &Statements {
        &self.0.sessions.sql
    }

    /// A statement that changes something.
    pub(crate) async fn write(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreFault> {
        let end = self.0.sessions.run(statement, parameters, Hold::Nothing).await;
        self.0.failed.note(&end);
        end
    }

    /// A statement that answers with one row.
    pub(crate) async fn verb(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
        hold: Hold<'_>,
    ) -> Result<Row, StoreFault> {
        let full = if statement.is_bounded { self.full().await } else { 0 };
        let mut parameters = parameters.to_vec();
        if statement.is_bounded {
            parameters.push(&full);
        }
        let end = self.0.sessions.run(statement, &parameters, hold).await;
        // Strangers can bring about that a bound of our own is reached; a probe need not ask the disk for that.
        if full != 0 && end.as_ref().is_err_and(is_no_room) {
            return Err(StoreFault::Full);
        }
        self.0.failed.note(&end);
        end?.into_iter().next().ok_or_else(|| StoreFault::outcome_unknown("the database gave no answer"))
    }

    /// Whether the store can be used, which costs no write as long as writing works.
    pub(crate) async fn probe(&self) -> Result<(), StoreFault> {
        if let Some(due) = self.0.failed.unanswered() {
            self.0.sessions.run(&self.sql().trial, &[&as_large_as_a_verb()], Hold::Trial).await?;
            self.0.failed.answer(due);
            return Ok(());
        }
        match self.find(&self.sql().ping, &[]).await? {
            Some(_) => Ok(()),
            None => Err(StoreFault::not_applied("the schema is not there")),
        }
    }

    /// A statement that changes nothing.
    pub(crate) async fn read(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreFault> {
        self.0.sessions.read(statement, parameters).await
    }

    /// A statement that changes nothing and finds one row at most.
    pub(crate) async fn find(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Option<Row>, StoreFault> {
        Ok(self.read(statement, parameters).await?.into_iter().next())
    }
}

/// What a trial writes. Nothing in it comes again, so that the server cannot make it smaller.
fn as_large_as_a_verb() -> Vec<u8> {
    let next = |last: &u32| Some(last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), next).map(|number| number.to_be_bytes()[0]).take(16 * 1024).collect()
}
