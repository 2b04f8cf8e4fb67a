//! A server that is killed while codes are redeemed and tokens rotate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use vestibule_host::{EventId, GrantKey, GrantStore, Issuance, Redemption, RefreshHandle, Rotation};
use vestibule_redis::{RedisOptions, RedisStore};
use vestibule_test_servers::Redis;

use crate::place::connect;
use crate::rows::{bytes, call, events, issue, issued, redeem, rotate};

const WORKERS: u32 = 8;

/// What a server has kept of what it had acknowledged.
#[derive(Debug, Default)]
struct Kept {
    acknowledged: usize,
    lost: Vec<String>,
}

/// `VESTIBULE_CRASHES=100` for more than a few cycles.
fn cycles() -> u32 {
    std::env::var("VESTIBULE_CRASHES").map_or(5, |number| number.parse().unwrap())
}

/// What the workers of a cycle share.
#[derive(Debug, Default)]
struct Shift {
    next: AtomicU32,
    done: AtomicU32,
    over: AtomicBool,
}

/// Redeems and rotates until the store fails; returns the numbers whose rotation was acknowledged.
async fn work(store: RedisStore, shift: Arc<Shift>) -> Vec<u32> {
    let mut done = Vec::new();
    while !shift.over.load(Ordering::Acquire) {
        let n = shift.next.fetch_add(1, Ordering::AcqRel);
        if !matches!(store.issue_code(&issue(n), &call(n)).await, Ok(Issuance::Won)) {
            break;
        }
        if !matches!(store.redeem_code(&redeem(n), &call(10_000_000 + n)).await, Ok(Redemption::Won)) {
            break;
        }
        if !matches!(store.rotate_refresh(&rotate(n, 0), &call(20_000_000 + n)).await, Ok(Rotation::Won)) {
            break;
        }
        done.push(n);
        shift.done.fetch_add(1, Ordering::AcqRel);
    }
    done
}

/// Kills the server at some moment of each cycle, starts it again, and counts what is missing.
async fn kill_and_count(server: &Redis, options: RedisOptions, cycles: u32) -> Kept {
    let mut first = 1;
    let mut kept = Kept::default();
    for cycle in 0..cycles {
        let store = connect(server, options.clone()).await;
        let shift = Arc::new(Shift { next: AtomicU32::new(first), ..Shift::default() });
        let workers: Vec<_> =
            (0..WORKERS).map(|_| tokio::spawn(work(store.clone(), Arc::clone(&shift)))).collect();
        // The first answer shows that it runs; the kill comes at some moment after it.
        while shift.done.load(Ordering::Acquire) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(u64::from(7 + cycle * 37 % 160))).await;
        tokio::task::block_in_place(|| server.kill());
        shift.over.store(true, Ordering::Release);
        let mut done = Vec::new();
        for worker in workers {
            done.extend(worker.await.unwrap());
        }
        kept.acknowledged += done.len();
        tokio::task::block_in_place(|| server.resume());

        let store = connect(server, options.clone()).await;
        let told = events(&store).await.unwrap();
        for n in &done {
            survived(&store, *n, &told, &mut kept.lost).await;
        }
        // Those that were in the middle of something: whatever is there is there as a whole.
        let next = shift.next.load(Ordering::Acquire);
        for n in (first..next).filter(|n| !done.contains(n)) {
            let handle = RefreshHandle::new(bytes(n));
            let opened = store.grant(GrantKey::Refresh(&handle), &call(0)).await.unwrap().is_some();
            assert_eq!(
                told.contains(&EventId::new(bytes(n))),
                opened,
                "code {n}, in the middle of which the kill came"
            );
        }
        first = next;
    }
    kept
}

async fn survived(
    store: &RedisStore,
    n: u32,
    told: &std::collections::BTreeSet<EventId>,
    lost: &mut Vec<String>,
) {
    for event in [n, n + 1_000_000_000] {
        if !told.contains(&EventId::new(bytes(event))) {
            lost.push(format!("event {event}"));
        }
    }
    let end = store.redeem_code(&redeem(n), &call(30_000_000 + n)).await.unwrap();
    if end != Redemption::ClaimSeen {
        lost.push(format!("assertion {n}: {end:?}"));
    }
    let end = store.rotate_refresh(&rotate(n, 1), &call(40_000_000 + n)).await.unwrap();
    if end != Rotation::Won {
        lost.push(format!("the second generation of chain {n}: {end:?}"));
    }
    let mut again = redeem(n);
    again.claim = None;
    let end = store.redeem_code(&again, &call(50_000_000 + n)).await.unwrap();
    if !matches!(end, Redemption::Replayed { .. }) {
        lost.push(format!("spent code {n}: {end:?}"));
    }
}

/// STORE-008
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_won_before_the_server_was_killed_stays_won() {
    let server = Redis::start();
    let kept = kill_and_count(&server, RedisOptions::default(), cycles()).await;
    println!("{} acknowledged in {} cycles, {} losses", kept.acknowledged, cycles(), kept.lost.len());
    assert!(kept.acknowledged >= usize::try_from(cycles()).unwrap());
    assert!(kept.lost.is_empty(), "{:?}", kept.lost);
}

/// The same on a server that may lose: the harness sees it, and so would the test above.
///
/// `appendfsync no` or `everysec` would not be seen: what a killed process has written is in the system's cache and survives it. They
/// lose when the machine stops, which no test here can do; they are refused by what the server says of itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_without_its_file_is_seen_to_lose() {
    let server = Redis::start_with(&[("appendonly", "no")]);
    let kept = kill_and_count(&server, RedisOptions::default().danger_failover_may_lose(), 1).await;
    assert!(kept.acknowledged > 0);
    assert!(kept.lost.len() >= kept.acknowledged, "{} losses of {}", kept.lost.len(), kept.acknowledged);
}

/// Killed at rest, a server comes back with all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_comes_back_with_all_of_it() {
    let server = Redis::start();
    let store = connect(&server, RedisOptions::default()).await;
    for n in 1..=50 {
        issued(&store, n).await;
    }
    tokio::task::block_in_place(|| {
        server.kill();
        server.resume();
    });
    let store = connect(&server, RedisOptions::default()).await;
    for n in 1..=50 {
        assert_eq!(store.redeem_code(&redeem(n), &call(100 + n)).await.unwrap(), Redemption::Won, "code {n}");
    }
}
