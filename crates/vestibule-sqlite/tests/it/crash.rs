//! A process that is killed while it redeems. The same test is the victim, when it is told so.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use vestibule_host::{
    Advance, AttemptId, Binding, Call, ClientId, CodeHash, GrantId, GrantStatus, GrantStore, InteractionHash,
    Issuance, IssueCode, Record, RedeemCode, Redemption, SessionId, StoredGrant, Tenant, UnixMillis, UserId,
};
use vestibule_sqlite::{SqliteOptions, SqliteStore};

use crate::directory::Directory;

const VICTIM: &str = "VESTIBULE_SQLITE_VICTIM";
const CYCLES: u32 = 5;

fn bytes<const N: usize>(n: u32) -> [u8; N] {
    let mut out = [0; N];
    out[..4].copy_from_slice(&n.to_be_bytes());
    out
}

fn call(n: u32) -> Call {
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new(bytes(n)), now: UnixMillis(0) }
}

fn redeem(n: u32) -> RedeemCode {
    RedeemCode::new(CodeHash::new(bytes(n)), Binding::new([1; 32]), UnixMillis(1_000))
}

async fn issue(store: &SqliteStore, n: u32) {
    let record = Record(vec![7; 200].into());
    let grant = StoredGrant {
        id: GrantId::new(format!("grant-{n}")),
        user: UserId::new("alice"),
        client: ClientId::new("app"),
        session: Some(SessionId::new("s")),
        keep_until: UnixMillis(1_000),
        used: UnixMillis(0),
        status: GrantStatus::Live,
        record: record.clone(),
    };
    let interaction = Advance::new(InteractionHash::new(bytes(n)), None, UnixMillis(500), record);
    let op = IssueCode::new(interaction, None, redeem(n).code, redeem(n).binding, UnixMillis(100), grant);
    assert_eq!(store.issue_code(&op, &call(n)).await.unwrap(), Issuance::Won, "code {n}");
}

/// Redeems until it is killed, and says each number once the store has said `Won`.
async fn be_the_victim(file: &str, first: u32) {
    let store = SqliteStore::open(file, SqliteOptions::default()).unwrap();
    for n in first..first + 100_000 {
        issue(&store, n).await;
        assert_eq!(store.redeem_code(&redeem(n), &call(1_000_000 + n)).await.unwrap(), Redemption::Won);
        println!("won {n}");
    }
}

/// STORE-008
#[tokio::test]
async fn what_was_won_before_a_kill_stays_won() {
    if let Ok(victim) = std::env::var(VICTIM) {
        let (first, file) = victim.split_once(' ').unwrap();
        return be_the_victim(file, first.parse().unwrap()).await;
    }
    let directory = Directory::new();
    let mut won = Vec::new();
    for cycle in 0..CYCLES {
        let first = cycle * 200_000;
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::what_was_won_before_a_kill_stays_won", "--nocapture"])
            .env(VICTIM, format!("{first} {}", directory.file().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let number = |line: std::io::Result<String>| line.unwrap().rsplit_once("won ")?.1.parse::<u32>().ok();
        // The first answer shows that it runs; the kill comes at some moment after it.
        won.push(lines.by_ref().find_map(number).unwrap());
        std::thread::sleep(Duration::from_millis(u64::from(7 + 23 * cycle)));
        victim.kill().unwrap();
        victim.wait().unwrap();
        won.extend(lines.filter_map(number));

        let store = SqliteStore::open(directory.file(), SqliteOptions::default()).unwrap();
        for n in &won {
            let end = store.redeem_code(&redeem(*n), &call(2_000_000 + n)).await.unwrap();
            assert!(matches!(end, Redemption::Replayed { .. }), "code {n} after the kill: {end:?}");
        }
        store.close().await;
    }
    assert!(won.len() > usize::try_from(CYCLES).unwrap(), "only {} codes were redeemed", won.len());
}
