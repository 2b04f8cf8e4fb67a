//! One server for all tests, and a schema in it for each.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_postgres::{Client, NoTls};
use vestibule_postgres::{Database, PostgresOptions, PostgresStore, migrate};
use vestibule_test_servers::Postgres;

/// Started by whichever test comes first; gone with the program.
pub(crate) fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start)
}

/// A schema for one test.
#[derive(Debug)]
pub(crate) struct Place {
    url: String,
    pub(crate) schema: String,
    connections: usize,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::on(server())
    }

    pub(crate) fn on(server: &Postgres) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let schema = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { url: server.url("postgres"), schema, connections: 10 }
    }

    /// With one connection for all.
    pub(crate) fn narrow() -> Self {
        Self { connections: 1, ..Self::new() }
    }

    /// With a name in the server's list of sessions.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.url = format!("{}&application_name={name}", self.url);
        self
    }

    /// The same schema, through another port.
    pub(crate) fn behind(&self, port: u16) -> Self {
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
        Self { url, schema: self.schema.clone(), connections: self.connections }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn database(&self) -> Database {
        Database::from_url(&self.url).unwrap()
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        // Tests share the machine with others: who waits for a connection is patient.
        let options = PostgresOptions::default().with_schema(&self.schema).with_wait(Duration::from_secs(30));
        options.with_connections(self.connections)
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        self.store_with(self.options()).await
    }

    pub(crate) async fn store_with(&self, options: PostgresOptions) -> PostgresStore {
        migrate(&self.database(), &options).await.unwrap();
        PostgresStore::open(&self.database(), &options).await.unwrap()
    }

    /// A connection that is not the store's.
    pub(crate) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("SET search_path = {}", self.schema)).await.unwrap();
        client
    }
}
