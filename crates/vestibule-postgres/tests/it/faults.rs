//! A statement that fails in the middle, at each table that it writes to: all of it is undone, and the fault says what it was.
//!
//! The server is told to fail by a trigger, which is the only way in which one statement can be stopped halfway.

use tokio_postgres::Client;
use vestibule_host::{
    GrantKey, GrantStore, Redemption, RefreshHandle, Rotation, StoreFault, StoredGrant, UnixMillis,
};
use vestibule_postgres::PostgresStore;

use crate::ops::{access, call, claim, handle, issue, issued, redeem, rotate};
use crate::place::Place;

/// From now on every change of this table fails with this code.
async fn break_table(client: &Client, table: &str, code: &str) {
    let text = format!(
        "CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql
             AS $$ BEGIN RAISE EXCEPTION 'broken' USING ERRCODE = '{code}'; END $$;
         CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON vestibule_{table}
             FOR EACH ROW EXECUTE FUNCTION broken();"
    );
    client.batch_execute(&text).await.unwrap();
}

async fn mend_table(client: &Client, table: &str) {
    client.batch_execute(&format!("DROP TRIGGER broken ON vestibule_{table}")).await.unwrap();
}

async fn found(store: &PostgresStore, handle: &RefreshHandle) -> Option<StoredGrant> {
    store.grant(GrantKey::Refresh(handle), &call(0)).await.unwrap()
}

/// STORE-002
#[tokio::test(flavor = "multi_thread")]
async fn a_redemption_that_fails_anywhere_has_not_happened() {
    let place = Place::new();
    let (store, client) = (place.store().await, place.client().await);
    for (n, table) in (1..).zip(["claims", "codes", "grants", "chains", "access", "events"]) {
        issued(&store, n).await;
        break_table(&client, table, "53100").await;
        let end = store.redeem_code(&redeem(n), &call(100 + n)).await;
        assert!(matches!(end, Err(StoreFault::Full)), "{table}: {end:?}");
        mend_table(&client, table).await;
        assert!(found(&store, &handle(n)).await.is_none(), "{table}: a chain");
        assert!(
            store.lease_events(10, UnixMillis(1), &call(0)).await.unwrap().is_empty(),
            "{table}: an event"
        );
        // Another attempt with the same code and the same assertion: neither was spent.
        let end = store.redeem_code(&redeem(n), &call(200 + n)).await.unwrap();
        assert_eq!(end, Redemption::Won, "{table}");
        let told = store.lease_events(10, UnixMillis(1), &call(0)).await.unwrap();
        let ids: Vec<_> = told.iter().map(|event| event.id).collect();
        assert_eq!(ids.len(), 1, "{table}");
        store.ack_events(&ids, &call(0)).await.unwrap();
    }
}

/// STORE-002
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_and_an_issue_that_fail_anywhere_have_not_happened() {
    let place = Place::new();
    let (store, client) = (place.store().await, place.client().await);
    for (n, table) in (1..).zip(["claims", "chains", "grants", "access", "events"]) {
        issued(&store, n).await;
        assert_eq!(store.redeem_code(&redeem(n), &call(100 + n)).await.unwrap(), Redemption::Won);
        let op = rotate(n, 0).with_access(access(1_000 + n)).with_claim(claim(1_000 + n));
        break_table(&client, table, "53200").await;
        let end = store.rotate_refresh(&op, &call(200 + n)).await;
        assert!(matches!(end, Err(StoreFault::Full)), "{table}: {end:?}");
        mend_table(&client, table).await;
        assert_eq!(store.rotate_refresh(&op, &call(300 + n)).await.unwrap(), Rotation::Won, "{table}");
    }
    for (n, table) in (50..).zip(["interactions", "grants", "codes"]) {
        break_table(&client, table, "53100").await;
        let end = store.issue_code(&issue(n), &call(n)).await;
        assert!(matches!(end, Err(StoreFault::Full)), "{table}: {end:?}");
        mend_table(&client, table).await;
        issued(&store, n).await;
    }
}

/// Row 25, row 75: what the server says, and what is made of it. None of it is an outcome.
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_failure_is_told_apart() {
    type Due = fn(&StoreFault) -> bool;
    let (full, busy): (Due, Due) =
        (|f| matches!(f, StoreFault::Full), |f| matches!(f, StoreFault::Busy { .. }));
    let not_applied: Due = |f| matches!(f, StoreFault::NotApplied(_));
    let unknown: Due = |f| matches!(f, StoreFault::OutcomeUnknown(_));
    let place = Place::new();
    let (store, client) = (place.store().await, place.client().await);
    issued(&store, 1).await;
    for (code, due) in [
        ("53100", full),
        ("53200", full),
        ("40001", busy),
        ("40P01", busy),
        ("57014", busy),
        ("55P03", busy),
        ("53300", busy),
        ("23505", not_applied),
        ("42501", not_applied),
        ("XX000", not_applied),
        // The server itself does not know.
        ("40003", unknown),
        ("08007", unknown),
    ] {
        break_table(&client, "grants", code).await;
        let end = store.redeem_code(&redeem(1), &call(2)).await;
        assert!(end.as_ref().is_err_and(due), "{code}: {end:?}");
        mend_table(&client, "grants").await;
    }
    assert_eq!(store.redeem_code(&redeem(1), &call(3)).await.unwrap(), Redemption::Won);
}

/// A server that is cut off in the middle of a statement: nobody knows, and the same attempt is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_leaves_the_outcome_open() {
    let place = Place::new().named("ended");
    let store = place.store_with(place.options().with_connections(1)).await;
    issued(&store, 1).await;
    let other = place.client().await;
    other.batch_execute("BEGIN; SELECT 1 FROM vestibule_codes FOR UPDATE").await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.redeem_code(&redeem(1), &call(2)).await }
    });
    let waits = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name = 'ended' AND wait_event_type = 'Lock'";
    let mut ended = 0;
    while ended == 0 {
        ended = other.query(waits, &[]).await.unwrap().len();
    }
    let end = waiting.await.unwrap();
    assert!(matches!(end, Err(StoreFault::OutcomeUnknown(_))), "{end:?}");
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.redeem_code(&redeem(1), &call(2)).await.unwrap(), Redemption::Won);
}
