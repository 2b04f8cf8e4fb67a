//! The process is killed while it writes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use redb_store::RedbStore;
use vestibule_host::{AttemptId, Call, GrantStore, LaunchHash, PutLaunch, Record, Tenant, UnixMillis};

use crate::place::Place;

const FILE: &str = "REDB_STORE_KILLED";
const FAR: UnixMillis = UnixMillis(1_000_000);

fn hash(n: u32) -> LaunchHash {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    LaunchHash::new(bytes)
}

fn call(n: u32) -> Call {
    let mut attempt = [0; 16];
    attempt[..4].copy_from_slice(&n.to_be_bytes());
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new(attempt), now: UnixMillis(0) }
}

/// Puts launches for as long as it lives, and says which are acknowledged.
async fn put_launches(store: &RedbStore) {
    for n in 0.. {
        let op = PutLaunch::new(hash(n), FAR, Record(bytes::Bytes::from_static(b"launch")));
        store.put_launch(&op, &call(n)).await.unwrap();
        println!("acknowledged {n}");
    }
}

/// The test starts itself once more, with a file to write to, and kills that process.
#[test]
fn what_was_acknowledged_survives_a_kill() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    if let Ok(file) = std::env::var(FILE) {
        return runtime.block_on(put_launches(&RedbStore::open(file, 1_000_000).unwrap()));
    }
    let place = Place::new();
    for round in 1..=5 {
        let file = place.file(&format!("killed-{round}"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::what_was_acknowledged_survives_a_kill", "--nocapture"])
            .env(FILE, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut acknowledged =
            lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u32>().ok());
        assert_eq!(acknowledged.nth(round * 20), u32::try_from(round * 20).ok());
        child.kill().unwrap();
        child.wait().unwrap();
        // What was still in the pipe was acknowledged as well.
        let last = acknowledged.last().unwrap_or_default().max(u32::try_from(round * 20).unwrap());
        let store = RedbStore::open(&file, 1_000_000).unwrap();
        for n in 0..=last {
            let found = runtime.block_on(store.launch(&hash(n), &call(n))).unwrap();
            assert!(found.is_some(), "launch {n} of {last} was acknowledged and is gone");
        }
    }
}
