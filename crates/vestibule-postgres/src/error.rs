//! What went wrong, in the words of the host's traits.

use std::time::Duration;

use deadpool_postgres::PoolError;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};
use vestibule_host::{BoxError, StoreFault};

/// The store could not be opened. Each text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is none.
    #[error("this is not the URL of a PostgreSQL database: it looks like `postgres://user@host/database`")]
    Url(#[source] Error),
    /// Passwords and keys would go over the network in clear text.
    #[error(
        "the way to the database is not encrypted: open it with a TLS connector, or say `sslmode=disable` if the network is safe"
    )]
    Plaintext,
    /// A TLS connector, and a URL that says not to use it.
    #[error("the URL says `sslmode=disable` and a TLS connector was given: leave one of them out")]
    TlsDisabled,
    /// Nobody answers, or not to us.
    #[error("the database cannot be reached: see that it runs, and that this user may connect to it")]
    Unreachable(#[source] BoxError),
    /// A standby, or a server that was told not to write.
    #[error(
        "the database takes no writes: name the primary, or all hosts with `target_session_attrs=read-write`"
    )]
    ReadOnly,
    /// The database was written by a newer version.
    #[error(
        "the database has schema {found}, this version knows schemas up to {known}: use the newer version"
    )]
    NewerSchema {
        /// The schema of the database.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// The schema is old, or not there.
    #[error("the database has schema {found} of {known}: run the migrations first")]
    NotMigrated {
        /// The schema of the database.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// The table prefix is not a plain name.
    #[error(
        "the table prefix `{0}` is not allowed: use at most 32 of `a` to `z`, `0` to `9`, `_`, no digit first"
    )]
    Prefix(String),
    /// The schema is not a plain name.
    #[error("the schema `{0}` is not allowed: use 1 to 32 of `a` to `z`, `0` to `9`, `_`, no digit first")]
    Schema(String),
    /// Anything else that the database said.
    #[error("the database cannot be used")]
    Database(#[source] BoxError),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Database(error.into())
    }
}

/// What `Statements` says of a verb that has no room.
pub(crate) fn is_no_room(fault: &StoreFault) -> bool {
    let StoreFault::NotApplied(source) = fault else { return false };
    let code = source.downcast_ref::<Error>().and_then(Error::code);
    code == Some(&SqlState::INVALID_TEXT_REPRESENTATION)
}

/// Why a statement did not come to an answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Nothing was changed, and the next try may go better: it lost a race, or was the victim of a deadlock.
    Again,
    /// A row that must be new is there already. Nothing was changed. It may be this very attempt's own, from a moment ago.
    Taken(BoxError),
    Fault(StoreFault),
}

impl From<StoreFault> for Trouble {
    fn from(fault: StoreFault) -> Self {
        Self::Fault(fault)
    }
}

/// For a caller that must come again.
pub(crate) const fn busy() -> StoreFault {
    StoreFault::Busy { retry_after: Duration::from_secs(1) }
}

/// Nothing was sent yet.
pub(crate) fn without_connection(error: PoolError) -> StoreFault {
    match error {
        PoolError::Timeout(_) => busy(),
        PoolError::Closed => StoreFault::not_applied("the store is closed"),
        other => StoreFault::not_applied(other),
    }
}

/// What a statement that was sent came to. An error of the statement has undone all of it; an error of the session says nothing
/// about what was committed before it.
pub(crate) fn trouble(error: Error) -> Trouble {
    let Some(said) = error.as_db_error() else {
        return StoreFault::outcome_unknown(error).into();
    };
    if !is_of_the_statement(said) {
        return StoreFault::outcome_unknown(error).into();
    }
    match said.code().code() {
        // serialization failure, deadlock, and what `Statements` says when it lost a race
        "40001" | "40P01" | "22012" => Trouble::Again,
        "23505" | "23502" => Trouble::Taken(error.into()),
        // statement or lock timeout, too many connections
        "57014" | "55P03" | "53300" => busy().into(),
        // disk, memory, a configured limit
        "53000" | "53100" | "53200" | "53400" => StoreFault::Full.into(),
        _ => StoreFault::not_applied(error).into(),
    }
}

fn is_of_the_statement(said: &DbError) -> bool {
    let severe = matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    let code = said.code().code();
    // Connections that end, servers that end, and results that the server itself calls ambiguous.
    !severe && !code.starts_with("08") && !code.starts_with("57P") && code != "40003"
}
