//! What a probe is told: whether the store can be used, not only whether it can be read.

use vestibule_host::{
    Advance, Advanced, AttemptId, Call, ClientId, GrantStore, InteractionHash, LaunchHash, PutLaunch, Quota,
    Record, Revision, StoreFault, Tenant, UnixMillis,
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

/// Strangers can use up an app's quota; that must not make a probe a write.
#[tokio::test]
async fn a_quota_that_is_used_up_is_no_reason_for_a_trial() {
    let directory = Directory::new();
    let store = SqliteStore::open(directory.file(), SqliteOptions::default()).unwrap();
    let save = |n: u32| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        Advance::new(InteractionHash::new(id), None, END, Record(vec![7; 100].into()))
            .with_quota(Some(Quota { client: ClientId::new("app"), max: 1 }))
    };
    let saved = store.advance_interaction(&save(1), &call(1)).await.unwrap();
    assert_eq!(saved, Advanced::Saved(Revision(1)));
    let refused = store.advance_interaction(&save(2), &call(2)).await;
    assert!(matches!(refused, Err(StoreFault::Full)), "{refused:?}");
    let written = log_of(&directory);
    store.ping().await.unwrap();
    assert_eq!(log_of(&directory), written);
}
