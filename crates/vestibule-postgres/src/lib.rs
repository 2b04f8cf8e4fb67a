//! A store of Vestibule for many servers: PostgreSQL.
//!
//! [`PostgresStore`] implements `GrantStore`, `ConsentStore` and `KeyStore` of `vestibule-host`; [`PostgresClients`] implements
//! `ClientRegistrar` over it. Any number of processes share one
//! database.
//!
//! ```no_run
//! use vestibule_postgres::{Database, PostgresOptions, PostgresStore, migrate};
//!
//! # async fn example() -> Result<(), vestibule_postgres::OpenError> {
//! let database = Database::from_url("postgres://vestibule@localhost/ehr")?;
//! let options = PostgresOptions::default();
//! migrate(&database, &options).await?; // once a release, with a role that may make tables
//! let store = PostgresStore::open(&database, &options).await?;
//! # drop(store);
//! # Ok(())
//! # }
//! ```
//!
//! # Atomicity
//!
//! * **A verb is one statement**, and a statement is a transaction: all of it happens, or none. A verb and a read are one round trip
//!   each, so redeeming a code and using a refresh token cost two with their read, and introspection costs one. Where rows are
//!   [bounded](PostgresOptions::with_max_rows), some verb now and then waits half a second at most until the tables are counted.
//! * **What decides is a row that is held.** Of many who want it each waits for the one before and is then judged by what is there,
//!   not by what was there when it asked (`READ COMMITTED`, which the store asks for). Where the outcome depends on something that the
//!   statement saw before its turn came, it undoes itself and is run again: whoever loses a race may pay another round trip, at
//!   most five.
//! * **Locks are taken in one order** (claim, launch, interaction, code or chain, grant, access token), and many grants in the order of
//!   their ids. Should two still wait for each other, or a serialization fail, the statement is run again, and `Busy` after six times.
//! * The one exception to "one statement" is a row that counts against a quota: a short transaction around the same statement, sent in
//!   one go together with its end, so it is one round trip as well.
//!
//! # Cancellation
//!
//! A future may be dropped at every await. What was not sent has not happened; what was sent runs to its end in the server, and the
//! same attempt is told its outcome. No transaction is left open and the connection is as good as before.
//!
//! # Errors
//!
//! | what happened | fault |
//! |---|---|
//! | no connection in time, statement or lock timeout, too many connections, races without end | `Busy` |
//! | disk, memory or a configured limit of the server is used up; a table has as many rows as it may | `Full` |
//! | no connection can be made; the statement was refused | `NotApplied` |
//! | the connection or the server ended, or did not answer, after the statement was sent | `OutcomeUnknown`; for a read `NotApplied` |
//!
//! After an `OutcomeUnknown` the same attempt is told what became of it. Connections that have ended, or of which the store does not
//! know, are replaced, so a database that comes back is used at once.
//!
//! # Readiness
//!
//! `ping` is one small read. After a write that failed it writes as much as a large verb into every table that grows with a launch, takes
//! it back and commits, until that works: a server whose disk is full, or whose standby does not answer, can be read. A verb
//! that only waited, for a lock or for a connection, is `Busy` and asks for no trial; a `ping` that gets no connection itself is `Busy` too.
//!
//! # Durability
//!
//! `Ok` means that the commit is in the write-ahead log on disk. The store insists on `synchronous_commit` where a role or a database has
//! it off, and says [`Durability::None`](vestibule_host::grant_store::Durability::None) of a server with `fsync=off`. With standbys,
//! use synchronous replication (`synchronous_standby_names`): a failover to a standby that lags behind brings spent codes back.
//! While no standby confirms, a call that was given up keeps its connection, so that others are `Busy` soon: the server is not filled
//! with sessions that wait.
//!
//! # Deployment
//!
//! * **Clear text is never a default.** [`Database::from_url`] connects without TLS only to this machine, or where the URL says
//!   `sslmode=disable`; for all else bring a connector: [`Database::with_tls`]. The tests use `tokio-postgres-rustls`, which proves the
//!   server's name and, with passwords, binds them to the connection.
//! * **Several hosts:** `postgres://a,b/ehr?target_session_attrs=read-write` finds the primary. A server that takes no writes is refused:
//!   every read must see every commit.
//! * **PgBouncer:** session pooling, or from 1.21 on transaction pooling with `max_prepared_statements` of at least 64. With transaction
//!   pooling set the timeouts on the role instead, since they are session settings.
//! * **Roles:** [`migrate`] needs to make tables; the store needs `SELECT`, `INSERT`, `UPDATE` and `DELETE`, and `USAGE` of two sequences.
//! * **Room:** a table grows with what is stored until `purge` is called; autovacuum as it comes is enough. On a disk that is full nothing can
//!   be revoked: [`PostgresOptions::with_max_rows`] keeps room for what ends something. What exceeds it is `Full` and, unlike a full disk,
//!   says nothing about readiness.
//! * **Other databases with this protocol:** no extensions, functions, triggers, advisory locks, `LISTEN` or temporary tables are used,
//!   no table is written twice in one statement, keys are random bytes, times are parameters. What is used beyond plain SQL is
//!   `INSERT … ON CONFLICT`, `RETURNING`, data-modifying `WITH`, `FOR UPDATE SKIP LOCKED`, `BYTEA` and its arrays with a GIN index, and identity columns, which YugabyteDB
//!   and CockroachDB have too. Both want `READ COMMITTED` to be switched on. Neither is part of the tests. There, identity columns
//!   may be handed out in blocks: give them a cache of one, or events are delivered out of order.
//!
//! # Security
//!
//! The database holds private keys and who granted what to whom. Give it a role of its own; treat its backups as key files.
//!
//! # Migrations
//!
//! Numbered, forward only, made so that neighbouring versions can share a schema. [`migrate`] runs them, from any number of processes,
//! and again after whatever cut it short. A host with a tool of its own takes the texts from [`migrations()`]. A database of a newer
//! version is refused.

mod consents;
mod database;
mod error;
mod grants;
mod keys;
mod migrations;
mod options;
#[cfg(test)]
mod plans;
mod registrations;
mod room;
mod row;
mod session;
mod statements;
mod store;

pub use database::Database;
pub use error::OpenError;
pub use migrations::{Migration, migrate, migrations};
pub use options::PostgresOptions;
pub use registrations::PostgresClients;
pub use store::PostgresStore;
