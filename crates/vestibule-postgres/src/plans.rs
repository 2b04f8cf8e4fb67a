//! How the server goes about each statement.

use tokio_postgres::{Client, NoTls};
use vestibule_test_servers::Postgres;

use crate::options::Names;
use crate::statements::{Statement, Statements};
use crate::{Database, PostgresOptions, migrate};

/// The steps of its plan, whatever the parameters will be.
async fn steps(client: &Client, Statement { text, types, .. }: &Statement) -> Vec<String> {
    let names: Vec<_> = types.iter().map(|of| of.name()).collect();
    let (types, nulls) = match names.len() {
        0 => (String::new(), String::new()),
        count => (format!("({})", names.join(", ")), format!("({})", vec!["NULL"; count].join(", "))),
    };
    client.batch_execute(&format!("PREPARE probe {types} AS {text}")).await.unwrap();
    let plan = client.query(&format!("EXPLAIN EXECUTE probe {nulls}"), &[]).await.unwrap();
    client.batch_execute("DEALLOCATE probe").await.unwrap();
    plan.iter().map(|row| row.get(0)).collect()
}

/// What a verb costs does not grow with what is stored: every statement finds its rows by an index.
#[tokio::test]
async fn no_statement_walks_through_a_table() {
    let server = Postgres::start();
    let url = server.url("postgres");
    migrate(&Database::from_url(&url).unwrap(), &PostgresOptions::default()).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    // On empty tables a walk is cheap; it is taken only where there is no other way.
    client.batch_execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan").await.unwrap();
    let sql = Statements::new(&Names::new(None, "vestibule_").unwrap());
    let mut looked_at = 0;
    for statement in sql.all() {
        if matches!(statement.text.as_str(), "BEGIN" | "COMMIT") {
            continue;
        }
        let steps = steps(&client, statement).await;
        let walks: Vec<_> = steps.iter().filter(|step| step.contains("Seq Scan on vestibule_")).collect();
        assert!(walks.is_empty(), "{walks:?} in {}", statement.text);
        looked_at += 1;
    }
    assert!(looked_at > 40, "only {looked_at} statements");

    // A walk would be seen.
    let walk = "UPDATE vestibule_grants SET revoked = true WHERE record = $1".to_owned();
    let walk = Statement { text: walk, types: vec![tokio_postgres::types::Type::BYTEA], is_bounded: false };
    assert!(steps(&client, &walk).await.iter().any(|step| step.contains("Seq Scan on vestibule_grants")));
}
