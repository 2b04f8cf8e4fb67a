//! A server that forgets its scripts, goes away, comes back, or does not answer.

use std::time::Duration;

use vestibule_host::{GrantKey, GrantStore, Redemption, Rotation, StoreFault};
use vestibule_redis::RedisOptions;
use vestibule_test_servers::Redis;

use crate::place::{Operator, connect};
use crate::rows::{call, event, events, grant_id, issued, redeem, rotate};

/// Scripts are a cache: a server may forget them at any moment.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_may_be_forgotten_in_the_middle() {
    let server = Redis::start();
    let store = connect(&server, RedisOptions::default()).await;
    let flushing = tokio::spawn({
        let mut operator = Operator::of(&server).await;
        async move {
            loop {
                operator.says::<()>("SCRIPT FLUSH").await;
            }
        }
    });
    for n in 1..=200 {
        issued(&store, n).await;
        assert_eq!(store.redeem_code(&redeem(n), &call(1_000 + n)).await.unwrap(), Redemption::Won);
        assert_eq!(store.rotate_refresh(&rotate(n, 0), &call(2_000 + n)).await.unwrap(), Rotation::Won);
    }
    flushing.abort();
    assert_eq!(events(&store).await.unwrap().len(), 400);
}

/// Row 29: what is sent to a server that is away was not done; when it is back, so is the store.
#[tokio::test]
async fn the_store_recovers_when_the_server_is_back() {
    let server = Redis::start();
    let store = connect(&server, RedisOptions::default()).await;
    issued(&store, 1).await;
    issued(&store, 2).await;
    for (n, end) in [(1, Redis::stop as fn(&Redis)), (2, Redis::kill)] {
        end(&server);
        let mut faults = Vec::new();
        for attempt in 0..5 {
            faults.push(store.redeem_code(&redeem(n), &call(10 * n + attempt)).await.unwrap_err());
        }
        // The first one may find out that the connection is gone; after that nothing is sent.
        let sent = faults.iter().filter(|fault| matches!(fault, StoreFault::OutcomeUnknown(_))).count();
        assert!(sent <= 1, "{faults:?}");
        assert!(store.ping().await.is_err());
        server.resume();
        let mut back = store.ping().await;
        for _ in 0..50 {
            if back.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            back = store.ping().await;
        }
        back.unwrap();
        assert_eq!(store.redeem_code(&redeem(n), &call(100 * n)).await.unwrap(), Redemption::Won, "code {n}");
    }
}

/// No answer in time says nothing; the same attempt tells.
#[tokio::test]
async fn what_was_not_answered_is_told_by_the_attempt() {
    let server = Redis::start();
    let options = RedisOptions::default().with_response_timeout(Duration::from_secs(1));
    let store = connect(&server, options.with_connect_timeout(Duration::from_secs(1))).await;
    issued(&store, 1).await;
    server.freeze();
    let fault = store.redeem_code(&redeem(1), &call(10)).await.unwrap_err();
    assert!(matches!(fault, StoreFault::OutcomeUnknown(_)), "{fault:?}");
    // The next one has no connection and gets none: nothing is sent, so it is busy and not unknown.
    let fault = store.redeem_code(&redeem(1), &call(11)).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Busy { .. } | StoreFault::NotApplied(_)), "{fault:?}");
    server.thaw();
    let mut told = store.redeem_code(&redeem(1), &call(10)).await;
    for _ in 0..50 {
        if told.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        told = store.redeem_code(&redeem(1), &call(10)).await;
    }
    assert_eq!(told.unwrap(), Redemption::Won);
    let mut other = redeem(1).with_event(event(2));
    other.claim = None;
    assert_eq!(
        store.redeem_code(&other, &call(12)).await.unwrap(),
        Redemption::Replayed { grant: grant_id(1) }
    );
}

/// Somebody else's script that never ends: busy, and nothing is done.
#[tokio::test]
async fn a_server_that_is_busy_is_busy() {
    let server = Redis::start_with(&[("lua-time-limit", "50")]);
    let store = connect(&server, RedisOptions::default()).await;
    issued(&store, 1).await;
    let hog = tokio::spawn({
        let mut operator = Operator::of(&server).await;
        async move {
            let endless = ["while true do end".as_bytes(), b"0"];
            let mut sent = redis::cmd("EVAL");
            sent.arg(&endless);
            let _ = operator.raw(&sent).await;
        }
    });
    let mut other = Operator::of(&server).await;
    while other.tries::<String>("PING").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let fault = store.redeem_code(&redeem(1), &call(10)).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Busy { .. }), "{fault:?}");
    let fault = store.grant(GrantKey::Id(&grant_id(1)), &call(10)).await.unwrap_err();
    assert!(matches!(fault, StoreFault::Busy { .. }), "{fault:?}");
    other.says::<()>("SCRIPT KILL").await;
    hog.await.unwrap();
    assert_eq!(store.redeem_code(&redeem(1), &call(11)).await.unwrap(), Redemption::Won);
}

/// Row 28's like: connections that are cut, and callers that go away, leave whole verbs behind.
#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_and_lost_callers_leave_whole_verbs() {
    let server = Redis::start();
    let store = connect(&server, RedisOptions::default()).await;
    let mut operator = Operator::of(&server).await;
    operator.says::<()>("CLIENT NO-EVICT on").await;
    for n in 1..=150 {
        issued(&store, n).await;
        let redeeming = tokio::spawn({
            let store = store.clone();
            async move { store.redeem_code(&redeem(n), &call(1_000 + n)).await }
        });
        if n % 3 == 0 {
            tokio::time::sleep(Duration::from_micros(u64::from(n) * 7 % 500)).await;
            redeeming.abort();
        } else if n % 3 == 1 {
            operator.says::<i64>("CLIENT KILL TYPE normal SKIPME yes").await;
        }
        let first = redeeming.await;
        if let Ok(Ok(outcome)) = &first {
            assert_eq!(*outcome, Redemption::Won, "code {n}");
        }
        // Before the attempt is made again: all of it is there, or nothing.
        let told = again(async || events(&store).await).await;
        let opened = again(async || {
            let handle = redeem(n).refresh.unwrap().handle;
            Ok(store.grant(GrantKey::Refresh(&handle), &call(0)).await?.is_some())
        })
        .await;
        assert_eq!(told.len(), usize::from(opened), "code {n}: {first:?}");
        let repeated = again(async || store.redeem_code(&redeem(n), &call(1_000 + n)).await).await;
        assert_eq!(repeated, Redemption::Won, "code {n}");
        let after = again(async || events(&store).await).await;
        assert_eq!(told.len() + after.len(), 1, "code {n}");
    }
}

/// Makes the same attempt until it is answered.
async fn again<T>(call: impl AsyncFn() -> Result<T, StoreFault>) -> T {
    for _ in 0..200 {
        if let Ok(answer) = call().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the store does not recover");
}
