//! Connections: few, ended, or none to be had.

use std::time::Duration;

use vestibule_host::{GrantKey, GrantStore, Redemption, Rotation, StoreFault};
use vestibule_test_servers::Postgres;

use crate::ops::{call, handle, issued, redeem, rotate};
use crate::place::Place;

/// A call holds one connection and never wants a second: two hundred callers share one (row 27).
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_one_is_enough() {
    let place = Place::new();
    let options = place.options().with_connections(1).with_wait(Duration::from_secs(60));
    let store = place.store_with(options).await;
    let flows: Vec<_> = (0..200)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                issued(&store, n).await;
                assert_eq!(store.redeem_code(&redeem(n), &call(1_000 + n)).await.unwrap(), Redemption::Won);
                assert!(store.grant(GrantKey::Refresh(&handle(n)), &call(n)).await.unwrap().is_some());
                assert_eq!(
                    store.rotate_refresh(&rotate(n, 0), &call(2_000 + n)).await.unwrap(),
                    Rotation::Won
                );
            })
        })
        .collect();
    for flow in flows {
        flow.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_used_up_is_busy() {
    let place = Place::new();
    // Also how long a connection may take to be made, on a machine with much to do.
    let options = place.options().with_connections(1).with_wait(Duration::from_millis(500));
    let store = place.store_with(options).await;
    let other = place.client().await;
    // Somebody holds the table, and so the one connection waits.
    other.batch_execute("BEGIN; LOCK TABLE vestibule_launches IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.put_launch(&crate::ops::launch(1), &call(1)).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let busy = store.ping().await;
    assert!(matches!(busy, Err(StoreFault::Busy { .. })), "{busy:?}");
    other.batch_execute("ROLLBACK").await.unwrap();
    assert!(waiting.await.unwrap().is_ok());
    assert!(store.ping().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_given_back_is_busy_and_changes_nothing() {
    let place = Place::new();
    let store = place.store_with(place.options().with_statement_timeout(Duration::from_millis(300))).await;
    issued(&store, 1).await;
    let other = place.client().await;
    other.batch_execute("BEGIN; SELECT 1 FROM vestibule_codes FOR UPDATE").await.unwrap();
    let busy = store.redeem_code(&redeem(1), &call(2)).await;
    assert!(matches!(busy, Err(StoreFault::Busy { .. })), "{busy:?}");
    other.batch_execute("ROLLBACK").await.unwrap();
    // Another attempt with the same assertion: a fault spends nothing.
    assert_eq!(store.redeem_code(&redeem(1), &call(3)).await.unwrap(), Redemption::Won);
}

/// Row 29: after a restart of the database the store works again, and in between it says that nobody knows, never "not found".
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_database_is_used_at_once() {
    let server = Postgres::start();
    let place = Place::on(&server);
    let store = place.store().await;
    for n in 0..20 {
        issued(&store, n).await;
    }
    // All connections are made, and all of them will be dead.
    let pings: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn({
                let store = store.clone();
                async move { store.ping().await }
            })
        })
        .collect();
    for ping in pings {
        ping.await.unwrap().unwrap();
    }
    server.stop();
    for n in 0..3 {
        let end = store.redeem_code(&redeem(n), &call(1_000 + n)).await;
        let fault = matches!(
            end,
            Err(StoreFault::NotApplied(_) | StoreFault::OutcomeUnknown(_) | StoreFault::Busy { .. })
        );
        assert!(fault, "{end:?}");
        assert!(
            store.grant(GrantKey::Refresh(&handle(n)), &call(n)).await.is_err(),
            "a read without a database"
        );
    }
    server.resume();
    let recovered = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), recovered).await.expect("recovery within 10 s");
    for n in 0..20 {
        assert_eq!(
            store.redeem_code(&redeem(n), &call(1_000 + n)).await.unwrap(),
            Redemption::Won,
            "code {n}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_takes_nothing_more() {
    let place = Place::new();
    let store = place.store().await;
    store.ping().await.unwrap();
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreFault::NotApplied(_))));
    store.close().await;
}
