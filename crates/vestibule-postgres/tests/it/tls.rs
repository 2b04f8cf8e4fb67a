//! The way to the server encrypted, by the connector that the documentation names.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use vestibule_host::GrantStore as _;
use vestibule_postgres::{Database, OpenError, PostgresOptions, PostgresStore, migrate};
use vestibule_test_servers::Postgres;

fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start_encrypted)
}

/// Trusts the authority of this server, and nobody else.
fn trusting(server: &Postgres) -> MakeRustlsConnect {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_file_iter(server.authority()).unwrap() {
        roots.add(authority.unwrap()).unwrap();
    }
    MakeRustlsConnect::new(
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

async fn refusal(url: &str, tls: MakeRustlsConnect) -> OpenError {
    let database = Database::with_tls(url, tls).unwrap();
    PostgresStore::open(&database, &PostgresOptions::default()).await.unwrap_err()
}

#[tokio::test]
async fn every_session_of_the_store_is_encrypted() {
    let server = Postgres::start_encrypted();
    // `prefer`, which is what a URL says that says nothing, is not asked.
    for (name, mode) in [("demanded", "&sslmode=require"), ("unsaid", ""), ("preferred", "&sslmode=prefer")] {
        let query = format!("?application_name={name}{mode}");
        let url = server.encrypted_url("localhost", "postgres").replace("?sslmode=require", &query);
        let database = Database::with_tls(&url, trusting(&server)).unwrap();
        let options = PostgresOptions::default().with_schema(name);
        migrate(&database, &options).await.unwrap();
        let store = PostgresStore::open(&database, &options).await.unwrap();
        let asked = (0..20).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.ping().await })
        });
        for answer in asked.collect::<Vec<_>>() {
            answer.await.unwrap().unwrap();
        }
        let tls = sessions(&server, name).await;
        assert!(!tls.is_empty() && tls.iter().all(|is_encrypted| *is_encrypted), "{name}: {tls:?}");
        store.close().await;
    }
    // The question itself sees what is not encrypted.
    let database = Database::from_url(&format!("{}&application_name=clear", server.url("postgres"))).unwrap();
    let options = PostgresOptions::default().with_schema("clear");
    migrate(&database, &options).await.unwrap();
    let store = PostgresStore::open(&database, &options).await.unwrap();
    store.ping().await.unwrap();
    assert!(sessions(&server, "clear").await.contains(&false));
}

/// What the server says of the sessions of a name.
async fn sessions(server: &Postgres, name: &str) -> Vec<bool> {
    let (client, connection) =
        tokio_postgres::connect(&server.url("postgres"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let query = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $1";
    client.query(query, &[&name]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn another_authority_another_name_and_no_encryption_are_refused() {
    let (here, other) = (server(), Postgres::start_encrypted());
    let right = here.encrypted_url("localhost", "postgres");
    for (url, tls, why) in [
        // Its authority only calls itself the same.
        (right.clone(), trusting(&other), "BadSignature"),
        (here.encrypted_url("127.0.0.1", "postgres"), trusting(here), "NotValidForName"),
        (crate::place::Place::new().url().replace("?sslmode=disable", "?"), trusting(here), "support TLS"),
    ] {
        let error = refusal(&url, tls).await;
        assert!(matches!(error, OpenError::Unreachable(_)), "{why}: {error:?}");
        assert!(format!("{error:?}").contains(why), "{why}: {error:?}");
    }
    let database = Database::with_tls(&right, trusting(here)).unwrap();
    let error = PostgresStore::open(&database, &PostgresOptions::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::NotMigrated { .. }), "{error:?}");
}

/// A pool whose server was away comes back encrypted.
#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let server = Postgres::start_encrypted();
    let url = server.encrypted_url("localhost", "postgres");
    let database = Database::with_tls(&format!("{url}&application_name=again"), trusting(&server)).unwrap();
    let options = PostgresOptions::default();
    migrate(&database, &options).await.unwrap();
    let store = PostgresStore::open(&database, &options).await.unwrap();
    store.ping().await.unwrap();
    server.kill();
    assert!(store.ping().await.is_err());
    server.resume();
    store.ping().await.unwrap();
    assert!(sessions(&server, "again").await.iter().all(|is_encrypted| *is_encrypted));
}

/// A password is bound to the connection that it is said on: whoever stands between could not use it.
#[tokio::test]
async fn a_password_is_bound_to_its_connection() {
    let server = Postgres::start_encrypted();
    let (client, connection) =
        tokio_postgres::connect(&server.url("postgres"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let rules: String = client.query_one("SHOW hba_file", &[]).await.unwrap().get(0);
    client
        .batch_execute(&format!(
            "CREATE ROLE clerk SUPERUSER LOGIN PASSWORD 'not-a-secret';
             COPY (VALUES ('hostssl all clerk 127.0.0.1/32 scram-sha-256'), ('host all postgres 127.0.0.1/32 trust')) TO '{rules}';
             SELECT pg_reload_conf()"
        ))
        .await
        .unwrap();
    let url = |password: &str| {
        let user = format!("clerk:{password}@");
        format!(
            "{}&channel_binding=require",
            server.encrypted_url("localhost", "postgres").replace("postgres@", &user)
        )
    };
    let right = Database::with_tls(&url("not-a-secret"), trusting(&server)).unwrap();
    let options = PostgresOptions::default();
    // The server takes the new rules a moment later.
    let settled = async {
        while migrate(&right, &options).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), settled).await.expect("the right password");
    PostgresStore::open(&right, &options).await.unwrap().ping().await.unwrap();
    let error = refusal(&url("wrong"), trusting(&server)).await;
    assert!(matches!(error, OpenError::Unreachable(_)), "{error:?}");
    assert!(format!("{error:?}").contains("28P01"), "{error:?}");
}
