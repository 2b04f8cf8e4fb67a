//! The writer: groups, neighbours, a foreign lock, an end.

use std::time::Duration;

use rusqlite::Connection;
use vestibule_host::grant_store::{Durability, Sharing};
use vestibule_host::{
    Advance, Advanced, AttemptId, Call, GrantStore, InteractionHash, LaunchHash, Purged, PutLaunch, Record,
    Revision, StoreFault, Tenant, UnixMillis,
};
use vestibule_sqlite::{SqliteOptions, SqliteStore};

use crate::directory::Directory;

fn call(n: u32) -> Call {
    let mut attempt = [0; 16];
    attempt[..4].copy_from_slice(&n.to_be_bytes());
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new(attempt), now: UnixMillis(0) }
}

fn launch(n: u32) -> LaunchHash {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&n.to_be_bytes());
    LaunchHash::new(hash)
}

fn put(n: u32) -> PutLaunch {
    PutLaunch::new(launch(n), UnixMillis(1_000), Record(vec![7; 100].into()))
}

fn open(directory: &Directory, options: SqliteOptions) -> SqliteStore {
    SqliteStore::open(directory.file(), options).unwrap()
}

#[test]
fn the_facts_say_what_is_true() {
    let directory = Directory::new();
    let facts = open(&directory, SqliteOptions::default()).facts();
    assert_eq!((facts.sharing, facts.durability), (Sharing::Shared, Durability::Crash));
    let facts = SqliteStore::open_in_memory(SqliteOptions::default()).unwrap().facts();
    assert_eq!((facts.sharing, facts.durability), (Sharing::Process, Durability::None));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_does_not_take_its_neighbours_along() {
    let directory = Directory::new();
    let store = open(&directory, SqliteOptions::default());
    let puts: Vec<_> = (0..200)
        .map(|n| {
            let store = store.clone();
            // Every third hash is the same one: all but one of them are refused.
            let hash = if n % 3 == 0 { 0 } else { n };
            tokio::spawn(async move { (hash, store.put_launch(&put(hash), &call(n)).await) })
        })
        .collect();
    let (mut kept, mut refused) = (0, 0);
    for put in puts {
        match put.await.unwrap() {
            (_, Ok(())) => kept += 1,
            (0, Err(StoreFault::NotApplied(_))) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((kept, refused), (134, 66));
}

#[tokio::test]
async fn what_was_taken_is_finished_before_the_end_and_nothing_after_it() {
    let directory = Directory::new();
    let store = open(&directory, SqliteOptions::default());
    let taken: Vec<_> = (0..100)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.put_launch(&put(n), &call(n)).await })
        })
        .collect();
    tokio::task::yield_now().await; // each has sent its verb and waits
    store.close().await;
    let mut kept = Vec::new();
    for (n, put) in (0..).zip(taken) {
        match put.await.unwrap() {
            Ok(()) => kept.push(n),
            Err(StoreFault::NotApplied(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(!kept.is_empty());
    assert!(matches!(store.ping().await, Err(StoreFault::NotApplied(_))));
    assert!(matches!(store.launch(&launch(0), &call(0)).await, Err(StoreFault::NotApplied(_))));
    assert!(!directory.path().join("vestibule.sqlite3-wal").exists(), "the log was written back");

    let store = open(&directory, SqliteOptions::default());
    for n in 0..100 {
        let there = store.launch(&launch(n), &call(n)).await.unwrap().is_some();
        assert_eq!(there, kept.contains(&n), "launch {n}");
    }
    store.close().await;
    store.close().await;
}

#[tokio::test]
async fn a_lock_of_another_process_is_busy_and_passes() {
    let directory = Directory::new();
    let store = open(&directory, SqliteOptions::default().with_busy_timeout(Duration::from_millis(20)));
    let other = Connection::open(directory.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = store.put_launch(&put(1), &call(1)).await;
    assert!(matches!(busy, Err(StoreFault::Busy { .. })), "{busy:?}");
    assert_eq!(store.launch(&launch(1), &call(1)).await.unwrap(), None, "reading goes on");
    other.execute_batch("COMMIT").unwrap();
    assert!(store.put_launch(&put(1), &call(1)).await.is_ok());
}

#[tokio::test]
async fn a_full_queue_is_busy() {
    let directory = Directory::new();
    let options = SqliteOptions::default().with_queue(4).with_busy_timeout(Duration::from_millis(300));
    let store = open(&directory, options);
    let other = Connection::open(directory.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let puts: Vec<_> = (0..50)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.put_launch(&put(n), &call(n)).await })
        })
        .collect();
    for put in puts {
        let end = put.await.unwrap();
        assert!(matches!(end, Err(StoreFault::Busy { .. })), "{end:?}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    assert!(store.ping().await.is_ok(), "the store recovers");
}

#[tokio::test]
async fn a_row_that_is_over_is_no_row() {
    // A row that is over and not purged is no row: it is replaced, with its quota and its attempt.
    let directory = Directory::new();
    let store = open(&directory, SqliteOptions::default());
    let op = Advance::new(InteractionHash::new([1; 32]), None, UnixMillis(10), Record(vec![1].into()));
    assert_eq!(store.advance_interaction(&op, &call(1)).await.unwrap(), Advanced::Saved(Revision(1)));
    let mut later = call(2);
    later.now = UnixMillis(10);
    let op = Advance::new(InteractionHash::new([1; 32]), None, UnixMillis(20), Record(vec![2].into()));
    assert_eq!(store.advance_interaction(&op, &later).await.unwrap(), Advanced::Saved(Revision(1)));
    let found = store.interaction(&InteractionHash::new([1; 32]), &later).await.unwrap().unwrap();
    assert_eq!(found.record, Record(vec![2].into()));
}

/// On one thread the purge cannot ask for its next bite before the answer of the launch was looked at.
#[tokio::test]
async fn whoever_waits_is_served_between_the_bites_of_a_purge() {
    const DEAD: u16 = 20_000;
    let directory = Directory::new();
    let store = open(&directory, SqliteOptions::default());
    let file = Connection::open(directory.file()).unwrap();
    let dead = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1 - 1)
                INSERT INTO vestibule_launches (tenant, hash, keep_until, put_by, record)
                SELECT x'74', CAST(printf('%032d', n) AS BLOB), 10, x'00', x'00' FROM numbers";
    assert_eq!(file.execute(dead, [DEAD]).unwrap(), usize::from(DEAD));
    drop(file);
    let purging = tokio::spawn({
        let store = store.clone();
        async move { store.purge(UnixMillis(10), DEAD).await }
    });
    for n in 0..3 {
        tokio::task::yield_now().await;
        store.put_launch(&put(n), &call(n)).await.unwrap();
        assert!(!purging.is_finished(), "launch {n} waited for the whole purge");
    }
    assert_eq!(purging.await.unwrap().unwrap().rows, u32::from(DEAD));
    assert_eq!(store.purge(UnixMillis(10), 100).await.unwrap(), Purged { rows: 0, more: false });
    assert!(store.launch(&launch(2), &call(2)).await.unwrap().is_some());
}
