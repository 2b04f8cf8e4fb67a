//! The schema and how it grows: numbered, forward only.

use tokio_postgres::Client;

use crate::options::{Names, PostgresOptions};
use crate::{Database, OpenError};

/// A step from one schema to the next.
///
/// Versions that stand next to each other can use the same schema: a step adds, and takes nothing away that the version before
/// needs. No step rewrites a table.
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
    /// The statements, for tables that begin with the prefix and are in the schema of these options. Run them one by one, in their
    /// order, not in one transaction: databases that only speak PostgreSQL's protocol want that. Each may be run again, so whatever
    /// was cut short is begun anew. The last one records that the migration was run.
    ///
    /// # Errors
    /// [`OpenError`] when the options are not allowed.
    pub fn statements(&self, options: &PostgresOptions) -> Result<Vec<String>, OpenError> {
        let names = options.names()?;
        Ok(self.with(&names))
    }

    fn with(&self, names: &Names) -> Vec<String> {
        let without_comments = |line: &&str| !line.starts_with("--");
        let text = self.text.lines().filter(without_comments).collect::<Vec<_>>().join("\n");
        names.fill(&text).split(';').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
    }
}

const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "first", text: include_str!("../migrations/0001_first.sql") },
    Migration {
        number: 2,
        name: "registrations",
        text: include_str!("../migrations/0002_registrations.sql"),
    },
];

/// All migrations, in their order: for hosts that run them with a tool of their own.
pub const fn migrations() -> &'static [Migration] {
    MIGRATIONS
}

/// So often is a statement tried that met the same one of another process.
const TRIES: u32 = 10;

/// Brings the schema up to date. What is up to date is left alone; several processes may do it at once; whatever cut it short, it
/// can be run again.
///
/// Give it a role that may make tables. The store itself needs to read, insert, update and delete.
///
/// # Errors
/// [`OpenError`]; its text says what to do.
pub async fn migrate(database: &Database, options: &PostgresOptions) -> Result<(), OpenError> {
    let names = options.names()?;
    let (client, connection) =
        database.connect().await.map_err(|error| OpenError::Unreachable(error.into()))?;
    let migrated = run(&client, &names, options.schema.as_deref()).await;
    connection.abort();
    migrated
}

/// Refuses to go on with a schema that this version does not know.
pub(crate) async fn check(database: &Database, names: &Names) -> Result<(), OpenError> {
    let (client, connection) =
        database.connect().await.map_err(|error| OpenError::Unreachable(error.into()))?;
    let found = schema(&client, names).await;
    connection.abort();
    let (found, known) = (found?, known());
    if found < known { Err(OpenError::NotMigrated { found, known }) } else { Ok(()) }
}

fn known() -> u32 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

async fn run(client: &Client, names: &Names, place: Option<&str>) -> Result<(), OpenError> {
    let found = schema(client, names).await?;
    if found == 0
        && let Some(place) = place
    {
        one(client, &format!("CREATE SCHEMA IF NOT EXISTS \"{place}\"")).await?;
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > found) {
        for statement in migration.with(names) {
            one(client, &statement).await?;
        }
    }
    Ok(())
}

/// `IF NOT EXISTS` does not cover another process that is making the same thing at this moment.
async fn one(client: &Client, statement: &str) -> Result<(), OpenError> {
    for _ in 1..TRIES {
        match client.batch_execute(statement).await {
            Ok(()) => return Ok(()),
            Err(error) => match error.code().map(tokio_postgres::error::SqlState::code) {
                // duplicate key of a catalogue, object, table or column; serialization, deadlock; "tuple concurrently updated"
                Some("23505" | "42710" | "42P07" | "42P06" | "42701" | "40001" | "40P01" | "XX000") => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                _ => return Err(error.into()),
            },
        }
    }
    Ok(client.batch_execute(statement).await?)
}

/// The number of the last migration that was run; 0 where our tables are not.
async fn schema(client: &Client, names: &Names) -> Result<u32, OpenError> {
    let newest = names.fill("SELECT coalesce(max(number), 0)::BIGINT FROM {p}migrations");
    let found = match client.query_one(&newest, &[]).await {
        Ok(row) => row.try_get::<_, i64>(0)?,
        // no such table, no such schema
        Err(error) if matches!(error.code().map(|code| code.code()), Some("42P01" | "3F000")) => 0,
        Err(error) => return Err(error.into()),
    };
    let (found, known) = (u32::try_from(found).unwrap_or(u32::MAX), known());
    if found > known { Err(OpenError::NewerSchema { found, known }) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_a_gap_and_say_so_last() {
        let numbers: Vec<_> = migrations().iter().map(|migration| migration.number).collect();
        assert_eq!(numbers, (1..=u32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
        let options = PostgresOptions::default().with_prefix("x_");
        for migration in migrations() {
            let statements = migration.statements(&options).unwrap();
            let due = format!("INSERT INTO x_migrations (number) VALUES ({})", migration.number);
            assert!(statements.last().unwrap().starts_with(&due), "{}", migration.name);
            for statement in &statements {
                assert!(!statement.contains(['{', '}']), "{statement}");
                assert!(statement.contains("NOT EXISTS") || statement.contains("ON CONFLICT"), "{statement}");
            }
        }
    }
}
