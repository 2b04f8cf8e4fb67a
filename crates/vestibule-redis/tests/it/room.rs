//! At the bound of the server's memory, and what else bounds it.

use vestibule_host::{
    ClientId, EventId, GrantKey, GrantStatus, GrantStore, IssueToken, PutLaunch, Redemption, Revocation,
    Revoke, Revoked, Rotation, StoreFault, TokenIssuance, UnixMillis,
};
use vestibule_redis::{RedisOptions, RedisStore};
use vestibule_test_servers::Redis;

use crate::place::{Operator, connect};
use crate::rows::{END, access, bytes, call, claim, event, events, grant_id, issued, record, redeem, rotate};

async fn fill(store: &RedisStore) {
    for n in 10_000.. {
        let mut token = access(n);
        token.as_mut().unwrap().record = record(4_000);
        let op = IssueToken::new().with_access(token).with_event(event(n));
        match store.issue_token(&op, &call(n)).await {
            Ok(TokenIssuance::Won) => {}
            Err(StoreFault::Full) => return,
            other => panic!("{other:?}"),
        }
    }
}

/// A full store must not keep a thief's grant alive, nor keep itself full.
#[tokio::test]
async fn a_full_store_still_ends_things() {
    let server = Redis::start_with(&[("maxmemory", "4mb")]);
    let store = connect(&server, RedisOptions::default()).await;
    for n in 1..=4 {
        issued(&store, n).await;
    }
    for n in 1..=2 {
        assert_eq!(store.redeem_code(&redeem(n), &call(10 + n)).await.unwrap(), Redemption::Won);
    }
    assert_eq!(store.rotate_refresh(&rotate(2, 0), &call(20)).await.unwrap(), Rotation::Won);
    assert_eq!(store.rotate_refresh(&rotate(2, 1), &call(21)).await.unwrap(), Rotation::Won);
    events(&store).await.unwrap();
    store.ping().await.unwrap();
    fill(&store).await;
    assert!(matches!(store.ping().await, Err(StoreFault::Full)), "it can be read, and is not ready");
    let put = PutLaunch::new(vestibule_host::LaunchHash::new(bytes(1)), END, record(5_000));
    assert!(matches!(store.put_launch(&put, &call(30)).await, Err(StoreFault::Full)));

    let replayed = Redemption::Replayed { grant: grant_id(1) };
    let replay = redeem(1).with_claim(claim(31)).with_event(event(31));
    assert_eq!(store.redeem_code(&replay, &call(31)).await.unwrap(), replayed);
    let reuse = rotate(2, 0).with_event(event(32));
    assert_eq!(
        store.rotate_refresh(&reuse, &call(32)).await.unwrap(),
        Rotation::Reuse { grant: grant_id(2) }
    );
    let revoke = Revoke::new(Revocation::Grant(grant_id(3))).with_event(event(33));
    assert_eq!(store.revoke(&revoke, &call(33)).await.unwrap(), Revoked::Done);
    let revoke = Revoke::new(Revocation::Client(ClientId::new("app"))).with_event(event(34));
    assert_eq!(store.revoke(&revoke, &call(34)).await.unwrap(), Revoked::Done);
    for n in 1..=4 {
        let status =
            store.grant(GrantKey::Id(&grant_id(n)), &call(40)).await.unwrap().map(|grant| grant.status);
        assert_eq!(status, Some(GrantStatus::Revoked), "grant {n}");
    }
    // A node that starts now finds its way in; delivery and purging make room.
    let other = connect(&server, RedisOptions::default()).await;
    let told = events(&other).await.unwrap();
    for n in 31..=34 {
        assert!(told.contains(&EventId::new(bytes(n))), "event {n}");
    }
    while other.purge(END, 500).await.unwrap().more {}
    store.put_launch(&put, &call(41)).await.unwrap();
    store.ping().await.unwrap();
    assert!(Operator::of(&server).await.keys("*trial*").await.is_empty());
}

/// A call too many is told at once, and costs the server nothing.
#[tokio::test]
async fn calls_in_flight_are_bounded() {
    let server = Redis::start();
    let store = connect(&server, RedisOptions::default().with_in_flight(4)).await;
    issued(&store, 1).await;
    server.freeze();
    let waiting: Vec<_> = (0..4)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.redeem_code(&redeem(1), &call(10 + n)).await })
        })
        .collect();
    for _ in 0..20 {
        tokio::task::yield_now().await; // until each has sent its verb and waits
    }
    let end = store.redeem_code(&redeem(1), &call(20)).await;
    assert!(matches!(end, Err(StoreFault::Busy { .. })), "{end:?}");
    server.thaw();
    for call in waiting {
        assert!(call.await.unwrap().is_ok());
    }
}

/// Purging takes its bites and goes on with the next tenants.
#[tokio::test]
async fn a_purge_goes_round_all_tenants() {
    let server = Redis::start();
    let store = connect(&server, RedisOptions::default()).await;
    for n in 0..600 {
        let mut call = call(n);
        call.tenant = vestibule_host::Tenant::new(format!("tenant-{n}"));
        let op = PutLaunch::new(vestibule_host::LaunchHash::new(bytes(n)), UnixMillis(10), record(10));
        store.put_launch(&op, &call).await.unwrap();
    }
    let (mut rows, mut calls) = (0, 0);
    loop {
        let purged = store.purge(UnixMillis(10), 1_000).await.unwrap();
        (rows, calls) = (rows + purged.rows, calls + 1);
        if !purged.more {
            break;
        }
    }
    assert_eq!(rows, 600);
    assert!((3..=5).contains(&calls), "{calls} calls");
    let left = Operator::of(&server).await.keys("*l:").await;
    assert!(left.is_empty(), "{} launches", left.len());
}

/// Row 6. Calls of one process take turns; processes do not, and the script decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_race_on_one_chain_have_one_winner() {
    let server = Redis::start();
    let first = connect(&server, RedisOptions::default()).await;
    for n in 1..=5 {
        issued(&first, n).await;
        assert_eq!(first.redeem_code(&redeem(n), &call(100 + n)).await.unwrap(), Redemption::Won);
        let mut racing = Vec::new();
        for process in 0..16 {
            let store = connect(&server, RedisOptions::default()).await;
            for task in 0..4 {
                let store = store.clone();
                let attempt = n * 1_000 + process * 4 + task;
                let op = rotate(n, 0).with_event(event(attempt));
                racing.push(tokio::spawn(async move { store.rotate_refresh(&op, &call(attempt)).await }));
            }
        }
        let (mut won, mut same) = (0, 0);
        for end in racing {
            match end.await.unwrap().unwrap() {
                Rotation::Won => won += 1,
                Rotation::Same { .. } => same += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((won, same), (1, 63), "chain {n}");
        assert_eq!(events(&first).await.unwrap().len(), 65, "chain {n}");
    }
}
