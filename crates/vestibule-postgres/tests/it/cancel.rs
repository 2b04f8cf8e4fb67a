//! Callers that go away: nothing is left open, and the connection is as good as before.

use std::time::Duration;

use tokio_postgres::Client;
use vestibule_host::{Advanced, GrantStore, Issuance, Redemption, Revision, Rotation, StoreFault};
use vestibule_testkit::{at_every_wait, drop_after};

use crate::ops::{call, counted, issue, redeem, rotate};
use crate::place::{Place, server};
use crate::proxy::Proxy;

/// How many of the store's sessions are in a transaction with nobody at work in it.
async fn open_transactions(observer: &Client, name: &str) -> i64 {
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state LIKE 'idle in transaction%'";
    observer.query_one(asked, &[&name]).await.unwrap().get(0)
}

/// Once its last statement has ended, a session is in no transaction.
async fn settles(observer: &Client, name: &str) -> bool {
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle' AND pid <> pg_backend_pid()";
    for _ in 0..500 {
        if observer.query_one(busy, &[&name]).await.unwrap().get::<_, i64>(0) == 0 {
            return open_transactions(observer, name).await == 0;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

/// STORE-008. Dropped at every wait, on a pool of one: each verb is done or not, the same connection goes on, and no transaction is
/// open in the server's own view.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_leaves_nothing_open() {
    let place = Place::new().named("dropped");
    let store = place.store_with(place.options().with_connections(1)).await;
    let observer = place.client().await;
    store.ping().await.unwrap();
    let mut n = 0;
    let waits = at_every_wait(async |waits| {
        n += 1;
        let (op, us) = (issue(n), call(n));
        let issued = drop_after(waits, store.issue_code(&op, &us)).await;
        assert!(settles(&observer, "dropped").await, "after an issue dropped at wait {waits}");
        assert_eq!(store.issue_code(&op, &us).await.unwrap(), Issuance::Won, "the attempt made again");

        let (op, us) = (redeem(n), call(1_000 + n));
        let redeemed = drop_after(waits, store.redeem_code(&op, &us)).await;
        assert!(settles(&observer, "dropped").await, "after a redemption dropped at wait {waits}");
        assert_eq!(store.redeem_code(&op, &us).await.unwrap(), Redemption::Won, "the attempt made again");

        let (op, us) = (rotate(n, 0), call(2_000 + n));
        let rotated = drop_after(waits, store.rotate_refresh(&op, &us)).await;
        assert!(settles(&observer, "dropped").await, "after a refresh dropped at wait {waits}");
        assert_eq!(store.rotate_refresh(&op, &us).await.unwrap(), Rotation::Won, "the attempt made again");

        // The one that has a BEGIN: what is sent holds its own end.
        let (op, us) = (counted(3_000 + n), call(3_000 + n));
        let saved = drop_after(waits, store.advance_interaction(&op, &us)).await;
        assert!(settles(&observer, "dropped").await, "after a counted save dropped at wait {waits}");
        let again = store.advance_interaction(&op, &us).await.unwrap();
        assert_eq!(again, Advanced::Saved(Revision(1)), "the attempt made again");
        issued.is_some() && redeemed.is_some() && rotated.is_some() && saved.is_some()
    });
    assert!(waits.await >= 1, "a call that never waits shows nothing");
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dropped' AND pid <> pg_backend_pid()";
    assert_eq!(
        observer.query_one(sessions, &[]).await.unwrap().get::<_, i64>(0),
        1,
        "sessions of a pool of one"
    );
}

/// The test above would see a transaction that was left open.
#[tokio::test]
async fn an_open_transaction_is_seen() {
    let place = Place::new().named("left_open");
    let (culprit, observer) = (place.client().await, place.client().await);
    culprit.batch_execute("BEGIN").await.unwrap();
    assert_eq!(open_transactions(&observer, "left_open").await, 1);
}

/// A server, or a network, that says nothing more: the call ends by itself, nobody knows what became of it, and the next one has a
/// connection that works.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_is_given_up() {
    let proxy = Proxy::to(server().port()).await;
    let place = Place::new();
    crate::ops::issued(&place.store().await, 1).await;
    let options = place.options().with_connections(1).with_statement_timeout(Duration::from_millis(500));
    let store = place.behind(proxy.port).store_with(options).await;
    store.ping().await.unwrap();
    proxy.fall_silent(true);
    let end = store.redeem_code(&redeem(1), &call(2)).await;
    assert!(matches!(end, Err(StoreFault::OutcomeUnknown(_))), "{end:?}");
    proxy.fall_silent(false);
    assert_eq!(
        store.redeem_code(&redeem(1), &call(2)).await.unwrap(),
        Redemption::Won,
        "the attempt made again"
    );
}
