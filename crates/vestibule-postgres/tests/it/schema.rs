//! The schema: what is refused and in which words, prefixes, migrations cut short anywhere, rows of the first schema.

use vestibule_host::registration::{CreateClient, Created};
use vestibule_host::{
    AttemptId, Binding, Call, ClientId, ClientRegistrar, CodeHash, GrantId, GrantKey, GrantStatus,
    GrantStore, KeyDocument, KeySaved, KeyStore, NewRefresh, Record, RedeemCode, Redemption, RefreshHandle,
    RefreshHash, Revocation, Revoke, Revoked, SessionId, StaticClients, StoredGrant, Tenant, UnixMillis,
    UserId,
};
use vestibule_postgres::{
    Database, OpenError, PostgresClients, PostgresOptions, PostgresStore, migrate, migrations,
};

use crate::place::Place;

async fn open(place: &Place) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(&place.database(), &place.options()).await
}

#[tokio::test]
async fn a_database_that_is_not_there_is_said_to_be_so() {
    let nowhere = Database::from_url("postgres://postgres@127.0.0.1:1/x").unwrap();
    let error = PostgresStore::open(&nowhere, &PostgresOptions::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::Unreachable(_)), "{error:?}");
    assert!(error.to_string().contains("see that it runs"), "{error}");
}

#[tokio::test]
async fn a_schema_that_is_missing_or_newer_is_refused_with_its_number() {
    let place = Place::new();
    let error = open(&place).await.unwrap_err();
    assert!(matches!(error, OpenError::NotMigrated { found: 0, known: 2 }), "{error:?}");
    place.store().await;
    place
        .client()
        .await
        .execute("INSERT INTO vestibule_migrations (number) VALUES (999)", &[])
        .await
        .unwrap();
    for error in
        [open(&place).await.unwrap_err(), migrate(&place.database(), &place.options()).await.unwrap_err()]
    {
        assert!(matches!(error, OpenError::NewerSchema { found: 999, known: 2 }), "{error:?}");
        assert!(error.to_string().contains("newer version"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_refused() {
    let place = Place::new();
    place.store().await;
    let url = format!("{}&options=-c%20default_transaction_read_only%3Don", place.url());
    let error = PostgresStore::open(&Database::from_url(&url).unwrap(), &place.options()).await.unwrap_err();
    assert!(matches!(error, OpenError::ReadOnly), "{error:?}");
}

/// Where encryption was asked for there is no other way: the server here has none.
#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_was_asked_for() {
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", crate::place::server().port());
    let database = Database::with_tls(&url, tokio_postgres::NoTls).unwrap();
    let error = PostgresStore::open(&database, &PostgresOptions::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_bad_name_never_reaches_sql() {
    let place = Place::new();
    let bad = "x; DROP TABLE y; --";
    let error = PostgresStore::open(&place.database(), &place.options().with_prefix(bad)).await.unwrap_err();
    assert!(matches!(error, OpenError::Prefix(_)), "{error:?}");
    let error = migrate(&place.database(), &place.options().with_schema(bad)).await.unwrap_err();
    assert!(matches!(error, OpenError::Schema(_)), "{error:?}");
}

/// What there is, by name: tables, columns, indexes.
async fn catalogue(place: &Place) -> Vec<String> {
    let client = place.client().await;
    let columns = client
        .query(
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
             FROM information_schema.columns WHERE table_schema = $1
             UNION ALL SELECT replace(indexdef, $1, '') FROM pg_indexes WHERE schemaname = $1 ORDER BY 1",
            &[&place.schema],
        )
        .await
        .unwrap();
    columns.iter().map(|row| row.get(0)).collect()
}

/// Row 47: a migration that was cut short after any statement goes on, and ends as one that was not.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_cut_short_anywhere_is_finished() {
    let whole = Place::new();
    whole.store().await;
    let due = catalogue(&whole).await;
    assert!(due.len() > 100, "{due:?}");
    let count: usize =
        migrations().iter().map(|migration| migration.statements(&whole.options()).unwrap().len()).sum();
    for done in 0..count {
        let place = Place::new();
        let client = place.client().await;
        client.batch_execute(&format!("CREATE SCHEMA {}", place.schema)).await.unwrap();
        let statements =
            migrations().iter().flat_map(|migration| migration.statements(&place.options()).unwrap());
        for statement in statements.take(done) {
            client.batch_execute(&statement).await.unwrap();
        }
        let error = open(&place).await.unwrap_err();
        assert!(matches!(error, OpenError::NotMigrated { .. }), "after {done} statements: {error:?}");
        let store = place.store().await;
        assert!(store.ping().await.is_ok());
        assert_eq!(catalogue(&place).await, due, "after {done} statements");
        client.batch_execute(&format!("DROP SCHEMA {} CASCADE", place.schema)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_may_migrate_at_once() {
    let place = Place::new();
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let (database, options) = (place.database(), place.options());
            tokio::spawn(async move { migrate(&database, &options).await })
        })
        .collect();
    for start in starts {
        let migrated = start.await.unwrap();
        assert!(migrated.is_ok(), "{migrated:?}");
    }
    assert!(open(&place).await.is_ok());
}

#[tokio::test]
async fn two_prefixes_in_one_schema_are_two_stores_beside_the_hosts_tables() {
    let place = Place::new();
    place.store().await;
    let host = place.client().await;
    host.batch_execute("CREATE TABLE patients (id TEXT); INSERT INTO patients VALUES ('alice')")
        .await
        .unwrap();
    let (tenant, document) = (Tenant::new("t"), KeyDocument::new(vec![1]));
    for prefix in ["a_", "b_"] {
        let store = place.store_with(place.options().with_prefix(prefix)).await;
        assert_eq!(store.save(&tenant, None, &document).await.unwrap(), KeySaved::Saved(1), "{prefix}");
    }
    let alice: String = host.query_one("SELECT id FROM patients", &[]).await.unwrap().get(0);
    assert_eq!(alice, "alice");
}

/// A database as the first schema left it: a live code under a session, a spent one, and a grant that was revoked.
#[tokio::test]
async fn a_database_of_the_first_schema_is_taken_over() {
    let place = Place::new();
    let old = place.client().await;
    old.batch_execute(&format!("CREATE SCHEMA {}", place.schema)).await.unwrap();
    for statement in migrations()[0].statements(&place.options()).unwrap() {
        old.batch_execute(&statement).await.unwrap();
    }
    old.batch_execute(include_str!("golden/schema_1.sql")).await.unwrap();

    let store = place.store().await;
    let call =
        |n: u8| Call { tenant: Tenant::new("t"), attempt: AttemptId::new([n; 16]), now: UnixMillis(1) };
    let due = StoredGrant {
        id: GrantId::new("grant-1"),
        user: UserId::new("a"),
        client: ClientId::new("b"),
        session: Some(SessionId::new("s")),
        keep_until: UnixMillis(1_000),
        used: UnixMillis(7),
        status: GrantStatus::Live,
        record: Record(vec![1].into()),
    };
    assert_eq!(store.grant(GrantKey::Id(&due.id), &call(20)).await.unwrap(), Some(due));
    let redeem =
        |n: u8| {
            let (current, until) = (RefreshHash::new([n; 32]), UnixMillis(900));
            let handle = RefreshHandle::new([n; 32]);
            RedeemCode::new(CodeHash::new([n; 32]), Binding::new([1; 32]), until)
                .with_refresh(Some(NewRefresh { handle, current, idle_until: until, until }))
        };
    let replayed = Redemption::Replayed { grant: GrantId::new("grant-2") };
    for (n, due) in [(1, Redemption::Won), (2, replayed), (3, Redemption::Revoked)] {
        assert_eq!(store.redeem_code(&redeem(n), &call(20 + n)).await.unwrap(), due, "code {n}");
    }
    assert_eq!(store.load(&Tenant::new("t")).await.unwrap().map(|(revision, _)| revision), Some(4));
    let told = store.lease_events(10, UnixMillis(5), &call(30)).await.unwrap();
    assert_eq!(told.len(), 1, "an event that nobody had delivered");
    let session = Revoke::new(Revocation::Session(SessionId::new("s")));
    assert_eq!(store.revoke(&session, &call(31)).await.unwrap(), Revoked::Done);
    let ended =
        store.grant(GrantKey::Refresh(&RefreshHandle::new([1; 32])), &call(32)).await.unwrap().unwrap();
    assert_eq!(ended.status, GrantStatus::Revoked, "an old grant ends with its session");

    // What the next schema brought.
    let clients = PostgresClients::new(store, Tenant::new("t"), StaticClients::default());
    let op = CreateClient::new(crate::registrations::app("app", 1), None, UnixMillis(1));
    assert_eq!(clients.create(&op).await.unwrap(), Created::Won);
}
