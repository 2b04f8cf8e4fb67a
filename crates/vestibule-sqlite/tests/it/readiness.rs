//! What a probe is told: whether the store can be used, not only whether it can be read.

use vestibule_host::{
    AttemptId, Call, GrantStore, LaunchHash, PutLaunch, Record, StoreFault, Tenant, UnixMillis,
};
use vestibule_sqlite::{SqliteOptions, SqliteStore};

use crate::directory::Directory;

const END: UnixMillis = UnixMillis(1_000);

fn call(n: u32) -> Call {
    let mut attempt = [0; 16];
    attempt[..4].copy_from_slice(&n.to_be_bytes());
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new(attempt), now: UnixMillis(0) }
}

fn hash(n: u32) -> LaunchHash {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&n.to_be_bytes());
    LaunchHash::new(hash)
}

async fn put(store: &SqliteStore, n: u32) -> Result<(), StoreFault> {
    store.put_launch(&PutLaunch::new(hash(n), END, Record(vec![7; 1_000].into())), &call(n)).await
}

/// How much was ever written to the log that is there.
fn log_of(directory: &Directory) -> u64 {
    std::fs::metadata(directory.path().join("vestibule.sqlite3-wal")).unwrap().len()
}

#[tokio::test]
async fn a_full_file_is_not_ready_until_there_is_room() {
    let directory = Directory::new();
    let options = SqliteOptions::default().with_max_bytes(512 * 1024);
    let store = SqliteStore::open(directory.file(), options).unwrap();
    let mut kept = 0;
    let end = loop {
        match put(&store, kept).await {
            Ok(()) => kept += 1,
            Err(fault) => break fault,
        }
    };
    assert!(matches!(end, StoreFault::Full), "{end:?}");
    for _ in 0..3 {
        let told = store.ping().await;
        assert!(matches!(told, Err(StoreFault::Full)), "{told:?}");
    }
    assert!(store.launch(&hash(0), &call(0)).await.unwrap().is_some(), "reading goes on");
    assert_eq!(store.purge(END, u16::MAX).await.unwrap().rows, kept);
    store.ping().await.unwrap();
    put(&store, kept).await.unwrap();
}

#[tokio::test]
async fn a_probe_writes_nothing_while_writing_works_and_one_trial_after_a_failure() {
    let directory = Directory::new();
    let store = SqliteStore::open(directory.file(), SqliteOptions::default()).unwrap();
    put(&store, 1).await.unwrap();
    let written = log_of(&directory);
    store.ping().await.unwrap();
    assert_eq!(log_of(&directory), written);

    let taken = PutLaunch::new(hash(1), END, Record(vec![7].into()));
    let refused = store.put_launch(&taken, &call(2)).await;
    assert!(matches!(refused, Err(StoreFault::NotApplied(_))), "{refused:?}");
    store.ping().await.unwrap();
    let tried = log_of(&directory);
    assert!(tried > written, "a trial is a write");
    store.ping().await.unwrap();
    assert_eq!(log_of(&directory), tried);
    assert_eq!(store.purge(END, 100).await.unwrap().rows, 1, "a trial leaves nothing behind");
}
