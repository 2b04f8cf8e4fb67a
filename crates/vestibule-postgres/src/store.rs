//! The store a host holds.

use std::sync::Arc;

use tokio_postgres::Row;
use vestibule_host::StoreFault;
use vestibule_host::grant_store::Durability;

use crate::session::{Hold, Parameters, Sessions};
use crate::statements::{Statement, Statements};
use crate::{Database, OpenError, PostgresOptions, migrations};

/// Grants, consent and keys in a PostgreSQL database. Cloning gives another handle to the same connections.
#[derive(Clone, Debug)]
pub struct PostgresStore(Arc<Sessions>);

impl PostgresStore {
    /// Opens a store in a database that was [migrated](crate::migrate). Needs a Tokio runtime, as every call does.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn open(database: &Database, options: &PostgresOptions) -> Result<Self, OpenError> {
        let names = options.names()?;
        migrations::check(database, &names).await?;
        Ok(Self(Arc::new(Sessions::open(database, &names, options).await?)))
    }

    /// Takes no more calls and waits until those that were taken are answered. Every call after this fails with `NotApplied`,
    /// through whichever handle.
    pub async fn close(&self) {
        self.0.close().await;
    }

    pub(crate) fn durability(&self) -> Durability {
        if self.0.is_durable() { Durability::Crash } else { Durability::None }
    }

    pub(crate) fn sql(&self) -> &Statements {
        &self.0.sql
    }

    /// A statement that changes something.
    pub(crate) async fn write(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreFault> {
        self.0.run(statement, parameters, Hold::Nothing).await
    }

    /// A statement that answers with one row.
    pub(crate) async fn verb(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
        hold: Hold<'_>,
    ) -> Result<Row, StoreFault> {
        let rows = self.0.run(statement, parameters, hold).await?;
        rows.into_iter().next().ok_or_else(|| StoreFault::outcome_unknown("the database gave no answer"))
    }

    /// A statement that changes nothing.
    pub(crate) async fn read(
        &self,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreFault> {
        self.0.read(statement, parameters).await
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
