//! A disk without room: what a probe is told, and what it costs.

use std::time::Duration;

use tokio_postgres::Client;
use vestibule_host::{Advanced, GrantStore, LaunchHash, PutLaunch, Record, StoreFault};
use vestibule_postgres::PostgresStore;
use vestibule_test_servers::Postgres;

use crate::ops::{END, advance, bytes, call, event};
use crate::place::Place;

fn launch(n: u32) -> PutLaunch {
    PutLaunch::new(LaunchHash::new(bytes(n)), END, Record(vec![7; 1_500].into()))
}

/// The number that the next transaction that changes something will have. Nobody else is on this server.
async fn next_change(client: &Client) -> i64 {
    let asked = "SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)";
    client.query_one(asked, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_database_without_room_is_not_ready_until_there_is_some() {
    let server = Postgres::start_on_small_disk(64);
    let place = Place::on(&server);
    let (store, client) = (place.store().await, place.client().await);
    client.batch_execute("ALTER TABLE vestibule_launches SET (autovacuum_enabled = off)").await.unwrap();
    store.put_launch(&launch(0), &call(0)).await.unwrap();
    let begun = next_change(&client).await;
    for _ in 0..5 {
        store.ping().await.unwrap();
    }
    assert_eq!(next_change(&client).await, begun, "a probe moves nothing");

    server.fill_disk();
    // It can be read, and nobody has found out yet.
    store.ping().await.unwrap();
    let end = fill_up(&store).await;
    assert!(matches!(end, StoreFault::Full), "{end:?}");
    for _ in 0..2 {
        let told = store.ping().await;
        assert!(matches!(told, Err(StoreFault::Full)), "{told:?}");
        assert!(store.launch(&LaunchHash::new(bytes(0)), &call(0)).await.unwrap().is_some());
    }

    server.make_room();
    store.ping().await.unwrap();
    store.put_launch(&launch(100_000), &call(100_000)).await.unwrap();
    let mended = next_change(&client).await;
    store.ping().await.unwrap();
    assert_eq!(next_change(&client).await, mended, "one trial was enough");
    let left = client.query_one("SELECT count(*) FROM vestibule_interactions", &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 0, "a trial leaves nothing");
}

/// A trial speaks for every table: one of them has room from rows that are gone, the others have not.
#[tokio::test]
async fn room_in_one_table_is_not_room() {
    let server = Postgres::start_on_small_disk(64);
    let place = Place::on(&server);
    let (store, client) = (place.store().await, place.client().await);
    let large =
        "SELECT string_agg(sha256(CAST(n || '-' || i AS bytea)), '') FROM generate_series(1, 250) AS of(i)";
    let rows = format!(
        "INSERT INTO vestibule_interactions (tenant, id, revision, expires, saved_by, record)
         SELECT 't', sha256(CAST(CAST(n AS text) AS bytea)), 0, 0, '', ({large}) FROM generate_series(1, 300) AS at(n)"
    );
    client.batch_execute(&rows).await.unwrap();
    client.batch_execute("DELETE FROM vestibule_interactions").await.unwrap();
    client.batch_execute("VACUUM vestibule_interactions").await.unwrap();
    server.fill_disk();
    let end = fill_up(&store).await;
    assert!(matches!(end, StoreFault::Full), "{end:?}");
    for _ in 0..3 {
        let told = store.ping().await;
        assert!(matches!(told, Err(StoreFault::Full)), "{told:?}");
    }
    server.make_room();
    store.ping().await.unwrap();
}

/// A standby that must confirm and does not: what is written is never acknowledged, and the trial's commit waits like any other.
#[tokio::test]
async fn a_server_that_cannot_commit_is_not_ready() {
    let server = Postgres::start();
    let place = Place::on(&server).named("waiting");
    let options = place.options().with_statement_timeout(Duration::from_millis(200)).with_connections(3);
    let options = options.with_wait(Duration::from_millis(500));
    let (store, client) = (place.store_with(options).await, place.client().await);
    client.batch_execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let end = fill_up(&store).await;
    assert!(matches!(end, StoreFault::OutcomeUnknown(_)), "{end:?}");
    let told = store.ping().await;
    assert!(matches!(told, Err(StoreFault::OutcomeUnknown(_))), "{told:?}");
    // What is given up is not made good for by new sessions: whoever comes now is told to come later.
    let asked = (200..212).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.put_launch(&launch(n), &call(n)).await })
    });
    for end in asked.collect::<Vec<_>>() {
        let end = end.await.unwrap();
        assert!(matches!(end, Err(StoreFault::OutcomeUnknown(_) | StoreFault::Busy { .. })), "{end:?}");
    }
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waiting' AND pid <> pg_backend_pid()";
    assert_eq!(client.query_one(sessions, &[]).await.unwrap().get::<_, i64>(0), 3);
    client.batch_execute("ALTER SYSTEM RESET synchronous_standby_names").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let recovered = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), recovered).await.expect("recovery within 10 s");
    for n in 200..212 {
        store.put_launch(&launch(n), &call(n)).await.unwrap();
    }
    assert_eq!(client.query_one(sessions, &[]).await.unwrap().get::<_, i64>(0), 3);
}

/// One table that may not be written is enough.
#[tokio::test]
async fn a_table_that_refuses_is_not_ready() {
    let place = Place::new();
    let (store, client) = (place.store().await, place.client().await);
    store.put_launch(&launch(0), &call(0)).await.unwrap();
    client.batch_execute("DROP TABLE vestibule_events CASCADE").await.unwrap();
    assert!(store.put_launch(&launch(1).with_event(event(1)), &call(1)).await.is_err());
    assert!(matches!(store.ping().await, Err(StoreFault::NotApplied(_))));
}

/// The store's own bound, shared by two processes: it holds, says nothing about the disk, and leaves alone whoever is inside.
#[tokio::test]
async fn a_bound_of_the_stores_own() {
    const MAX: u32 = 128;
    let place = Place::new();
    let options = place.options().with_max_rows(MAX.into());
    let (one, other) = (place.store_with(options.clone()).await, place.store_with(options).await);
    let mut kept = Vec::new();
    for n in 0..10 * MAX {
        let store = if n % 2 == 0 { &one } else { &other };
        match store.put_launch(&launch(n), &call(n)).await {
            Ok(()) => kept.push(n),
            Err(fault) => assert!(matches!(fault, StoreFault::Full), "{fault:?}"),
        }
    }
    // Each of them counts after every second row.
    let most = MAX + 2 * (MAX / 64 + 1);
    assert!((MAX..=most).contains(&u32::try_from(kept.len()).unwrap()), "{} of {MAX}", kept.len());
    for store in [&one, &other] {
        store.ping().await.unwrap();
        // Whoever was told, or would have been, is told again.
        for n in [kept[0], kept[kept.len() - 1]] {
            store.put_launch(&launch(n), &call(n)).await.unwrap();
        }
        // One full table is one full table.
        let saved = store.advance_interaction(&advance(50), &call(5_000)).await.unwrap();
        assert!(matches!(saved, Advanced::Saved(_)), "{saved:?}");
    }
    // What the one removes is room for the other, a second later at most.
    while one.purge(END, 50).await.unwrap().more {}
    one.put_launch(&launch(9_000), &call(9_000)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    other.put_launch(&launch(9_001), &call(9_001)).await.unwrap();
}

/// Keeps launches until one is not kept.
async fn fill_up(store: &PostgresStore) -> StoreFault {
    for n in 1.. {
        if let Err(fault) = store.put_launch(&launch(n), &call(n)).await {
            return fault;
        }
    }
    unreachable!("there are more launches than room")
}
