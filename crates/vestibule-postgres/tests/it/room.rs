//! A disk without room: what a probe is told, and what it costs.

use tokio_postgres::Client;
use vestibule_host::{GrantStore, LaunchHash, PutLaunch, Record, StoreFault};
use vestibule_test_servers::Postgres;

use crate::ops::{END, bytes, call};
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
    let mut n = 1;
    let end = loop {
        match store.put_launch(&launch(n), &call(n)).await {
            Ok(_) => n += 1,
            Err(fault) => break fault,
        }
    };
    assert!(matches!(end, StoreFault::Full), "{end:?}");
    for _ in 0..2 {
        let told = store.ping().await;
        assert!(matches!(told, Err(StoreFault::Full)), "{told:?}");
        assert!(store.launch(&LaunchHash::new(bytes(0)), &call(0)).await.unwrap().is_some());
    }

    server.make_room();
    store.ping().await.unwrap();
    store.put_launch(&launch(n), &call(n)).await.unwrap();
    let mended = next_change(&client).await;
    store.ping().await.unwrap();
    assert_eq!(next_change(&client).await, mended, "one trial was enough");
    let left = client.query_one("SELECT count(*) FROM vestibule_interactions", &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 0, "a trial leaves nothing");
}
