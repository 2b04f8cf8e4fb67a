//! The schema and how it grows: numbered, forward only.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::{OpenError, SqliteOptions};

/// A step from one schema to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Migration {
    /// Its number: 1, 2, 3 and so on.
    pub number: u32,
    /// What it does, in a word.
    pub name: &'static str,
    text: &'static str,
}

impl Migration {
    /// The statements for tables that begin with `prefix`. Run them in one transaction. The last one records that the
    /// migration was run.
    pub fn sql(&self, prefix: &str) -> String {
        self.text.replace("{prefix}", prefix)
    }
}

const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "first", text: include_str!("../migrations/0001_first.sql") },
    Migration { number: 2, name: "tokens", text: include_str!("../migrations/0002_tokens.sql") },
    Migration {
        number: 3,
        name: "registrations",
        text: include_str!("../migrations/0003_registrations.sql"),
    },
];

/// All migrations, in their order: for hosts that run them with a tool of their own.
pub const fn migrations() -> &'static [Migration] {
    MIGRATIONS
}

/// Brings the schema up to date in one transaction, so that two processes that start at once do not meet halfway.
pub(crate) fn migrate(connection: &mut Connection, options: &SqliteOptions) -> Result<(), OpenError> {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.number);
    let found = schema(connection, &options.prefix)?;
    if found > known {
        return Err(OpenError::NewerSchema { found, known });
    }
    if found == known {
        return Ok(());
    }
    if !options.migrate {
        return Err(OpenError::NotMigrated { found, known });
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again: another process may have been here before the lock was ours.
    let found = schema(&transaction, &options.prefix)?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > found) {
        transaction.execute_batch(&migration.sql(&options.prefix))?;
    }
    transaction.commit()?;
    Ok(())
}

/// The number of the last migration that was run; 0 for a file without our tables.
fn schema(connection: &Connection, prefix: &str) -> Result<u32, OpenError> {
    let table = format!("{prefix}migrations");
    let exists = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    if connection.query_row(exists, [&table], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    Ok(connection
        .query_row(&format!("SELECT coalesce(max(number), 0) FROM {table}"), [], |row| row.get(0))?)
}
