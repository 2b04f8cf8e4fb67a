//! A disk without room: what a probe is told, and what it costs.

use std::time::Duration;

use tokio_postgres::Client;
use vestibule_host::{
    Advanced, GrantStore, Issuance, IssueToken, LaunchHash, PutLaunch, Record, Redemption, Revocation,
    Revoke, Revoked, Rotation, StoreFault, TokenIssuance,
};
use vestibule_postgres::PostgresStore;
use vestibule_test_servers::Postgres;

use crate::ops::{END, access, advance, bytes, call, claim, event, grant_id, issue, issued, redeem, rotate};
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

/// What was done is told again in a full store, what adds nothing is answered, and what ends something is told.
#[tokio::test]
async fn a_full_store_tells_again_what_it_told() {
    const MAX: u32 = 64;
    let place = Place::new();
    let store = place.store_with(place.options().with_max_rows(MAX.into())).await;
    let rotation = || rotate(1, 0).with_access(access(101)).with_claim(claim(101));
    let token = || IssueToken::new().with_access(access(102)).with_claim(claim(102)).with_event(event(102));
    let untold = || IssueToken::new().with_event(event(103));
    for n in 1..=4 {
        issued(&store, n).await;
    }
    let due = [Redemption::Won, Redemption::Won];
    assert_eq!([redeemed(&store, 1, 10).await, redeemed(&store, 2, 20).await], due);
    assert_eq!(store.rotate_refresh(&rotation(), &call(11)).await.unwrap(), Rotation::Won);
    assert_eq!(store.issue_token(&token(), &call(12)).await.unwrap(), TokenIssuance::Won);
    assert_eq!(store.issue_token(&untold(), &call(13)).await.unwrap(), TokenIssuance::Won);
    assert!(matches!(store.advance_interaction(&advance(50), &call(14)).await, Ok(Advanced::Saved(_))));

    let is_full = |end: Result<TokenIssuance, StoreFault>| match end {
        Ok(won) => won != TokenIssuance::Won,
        Err(fault) => matches!(fault, StoreFault::Full),
    };
    let mut fill = 1_000;
    for with in [
        |n| IssueToken::new().with_event(event(n)),
        |n| IssueToken::new().with_access(access(n)),
        |n| IssueToken::new().with_claim(claim(n)),
    ] {
        while !is_full(store.issue_token(&with(fill), &call(fill)).await) {
            fill += 1;
        }
        // Claims have room until the last of the three is full, and what takes no other place is answered.
        let unknown = redeem(900 + fill).with_claim(claim(900 + fill));
        let end = store.redeem_code(&unknown, &call(900 + fill)).await;
        let last = matches!(end, Err(StoreFault::Full));
        assert!(last || matches!(end, Ok(Redemption::NotFound)), "{end:?}");
        assert_eq!(
            last,
            store
                .issue_token(&IssueToken::new().with_claim(claim(800 + fill)), &call(800 + fill))
                .await
                .is_err()
        );
    }
    assert!(matches!(issue_more(&store).await, StoreFault::Full));

    assert_eq!([redeemed(&store, 1, 10).await, redeemed(&store, 2, 20).await], due);
    assert_eq!(store.rotate_refresh(&rotation(), &call(11)).await.unwrap(), Rotation::Won);
    assert_eq!(store.issue_token(&token(), &call(12)).await.unwrap(), TokenIssuance::Won);
    assert_eq!(store.issue_token(&untold(), &call(13)).await.unwrap(), TokenIssuance::Won);
    assert!(matches!(store.advance_interaction(&advance(50), &call(14)).await, Ok(Advanced::Saved(_))));
    assert_eq!(store.issue_code(&issue(1), &call(1)).await.unwrap(), Issuance::Won);

    // With an assertion that finds no place: what ends something is done, what ends nothing is not.
    let revoke = |n| Revoke::new(Revocation::Grant(grant_id(n))).with_claim(claim(500 + n));
    assert_eq!(store.revoke(&revoke(3), &call(30)).await.unwrap(), Revoked::Done);
    let nothing = store.revoke(&revoke(999), &call(31)).await;
    assert!(matches!(nothing, Err(StoreFault::Full)), "{nothing:?}");
    let replay = redeem(2).with_claim(claim(502)).with_event(event(502));
    let due = Redemption::Replayed { grant: grant_id(2) };
    assert_eq!(store.redeem_code(&replay, &call(32)).await.unwrap(), due);
    let reuse = rotate(1, 3).with_claim(claim(505));
    let due = Rotation::Reuse { grant: grant_id(1) };
    assert_eq!(store.rotate_refresh(&reuse, &call(33)).await.unwrap(), due);
    store.ping().await.unwrap();
}

async fn redeemed(store: &PostgresStore, n: u32, attempt: u32) -> Redemption {
    store.redeem_code(&redeem(n), &call(attempt)).await.unwrap()
}

/// Issues codes until one is not issued.
async fn issue_more(store: &PostgresStore) -> StoreFault {
    for n in 5.. {
        if let Err(fault) = store.issue_code(&issue(n), &call(n)).await {
            return fault;
        }
    }
    unreachable!("there are more grants than room")
}

/// A count that cannot be made, or takes too long, is no answer for a verb: it goes by the one before.
#[tokio::test]
async fn a_count_that_fails_is_nobodys_fault() {
    let place = Place::new();
    let options = place.options().with_max_rows(4).with_statement_timeout(Duration::from_millis(2_000));
    let (store, client) = (place.store_with(options.clone()).await, place.client().await);
    issued(&store, 1).await;
    // Nobody can connect while the table is locked.
    let (one, two, three, four) = tokio::join!(store.ping(), store.ping(), store.ping(), store.ping());
    one.and(two).and(three).and(four).unwrap();
    // Whoever counts waits here, and no verb below needs this table.
    client.batch_execute("BEGIN; LOCK TABLE vestibule_launches IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(redeemed(&store, 1, 10).await, Redemption::Won);
    for n in 0..40 {
        // Dropped while it may be the one that counts.
        let dropped = (IssueToken::new().with_event(event(2_000 + n)), call(2_000 + n));
        let quick = store.issue_token(&dropped.0, &dropped.1);
        let _ = tokio::time::timeout(Duration::from_millis(5), quick).await;
        let kept = IssueToken::new().with_event(event(3_000 + n));
        let end = store.issue_token(&kept, &call(3_000 + n)).await;
        assert!(matches!(end, Ok(TokenIssuance::Won)), "{end:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    // A store that cannot count at all is not opened.
    let refused = PostgresStore::open(&place.database(), &options).await;
    assert!(refused.is_err());
    client.batch_execute("ROLLBACK").await.unwrap();
    // Once it can be counted again, the bound holds.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let _ = store.issue_token(&IssueToken::new().with_event(event(4_000)), &call(4_000)).await;
    let end = store.issue_token(&IssueToken::new().with_event(event(4_001)), &call(4_001)).await;
    assert!(matches!(end, Err(StoreFault::Full)), "{end:?}");
    assert_eq!(
        store.revoke(&Revoke::new(Revocation::Grant(grant_id(1))), &call(40)).await.unwrap(),
        Revoked::Done
    );
}

/// An error of the host's own, in a rule on these tables, is not a lack of room.
#[tokio::test]
async fn an_error_of_the_hosts_own_is_not_full() {
    let place = Place::new();
    let store = place.store_with(place.options().with_max_rows(1_000)).await;
    let rule = "ALTER TABLE vestibule_launches ADD CHECK (CAST(encode(record, 'escape') AS bigint) > 0)";
    place.client().await.batch_execute(rule).await.unwrap();
    let end = store.put_launch(&launch(1), &call(1)).await;
    assert!(matches!(end, Err(StoreFault::NotApplied(_))), "{end:?}");
    assert!(store.ping().await.is_err(), "a probe tries what has failed");
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
