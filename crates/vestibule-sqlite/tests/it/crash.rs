//! A process that is killed while it redeems and refreshes. The same test is the victim, when it is told so.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use vestibule_host::{
    Advance, AssertionClaim, AttemptId, Binding, Call, ClaimKey, ClientId, CodeHash, EventId, GrantId,
    GrantKey, GrantStatus, GrantStore, InteractionHash, Issuance, IssueCode, NewEvent, NewRefresh, Record,
    RedeemCode, Redemption, RefreshHandle, RefreshHash, RotateRefresh, Rotation, Salt, SessionId,
    StoredGrant, Tenant, UnixMillis, UserId,
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

fn event(n: u32) -> Option<NewEvent> {
    Some(NewEvent { id: EventId::new(bytes(n)), record: Record(vec![7; 50].into()) })
}

fn claim(n: u32) -> Option<AssertionClaim> {
    Some(AssertionClaim { key: ClaimKey::new(bytes(n)), keep_until: UnixMillis(1_000) })
}

/// Redeems code `n`, opens its chain, spends assertion `n`, and tells it in event `n`.
fn redeem(n: u32) -> RedeemCode {
    let handle = RefreshHandle::new(bytes(n));
    let current = RefreshHash::new(bytes(n));
    let until = UnixMillis(1_000);
    RedeemCode::new(CodeHash::new(bytes(n)), Binding::new([1; 32]), UnixMillis(1_000))
        .with_refresh(Some(NewRefresh { handle, current, idle_until: until, until }))
        .with_claim(claim(n))
        .with_event(event(n))
}

/// Uses the token that is current after so many rotations, and tells it in an event of its own.
fn rotate(n: u32, generation: u32) -> RotateRefresh {
    let token = |generation| RefreshHash::new(bytes(n + generation * 100_000_000));
    let until = UnixMillis(1_000);
    RotateRefresh::new(
        RefreshHandle::new(bytes(n)),
        token(generation),
        ClientId::new("app"),
        (token(generation + 1), Salt::new(bytes(n))),
        (Duration::from_secs(60), 2),
        (until, until),
    )
    .with_event(event(n + (generation + 1) * 1_000_000_000))
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
        assert_eq!(store.rotate_refresh(&rotate(n, 0), &call(2_000_000 + n)).await.unwrap(), Rotation::Won);
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
        let mut new = vec![lines.by_ref().find_map(number).unwrap()];
        std::thread::sleep(Duration::from_millis(u64::from(7 + 23 * cycle)));
        victim.kill().unwrap();
        victim.wait().unwrap();
        new.extend(lines.filter_map(number));

        let store = SqliteStore::open(directory.file(), SqliteOptions::default()).unwrap();
        let told = events(&store).await;
        for n in &new {
            survived(&store, *n, &told).await;
        }
        // The one that was in the middle of something: whatever is there is there as a whole.
        let next = new.last().unwrap() + 1;
        let has = |n: u32| told.contains(&EventId::new(bytes(n)));
        let key = RefreshHandle::new(bytes(next));
        let opened = store.grant(GrantKey::Refresh(&key), &call(0)).await.unwrap().is_some();
        assert_eq!(has(next), opened, "code {next}, in the middle of which the kill came");
        let seen = store.redeem_code(&redeem(next), &call(4_000_000 + next)).await.unwrap();
        assert_eq!(seen == Redemption::ClaimSeen, opened, "its assertion: {seen:?}");
        won.extend(new);
        for n in &won {
            let mut again = redeem(*n);
            again.claim = None;
            let end = store.redeem_code(&again, &call(2_000_000 + n)).await.unwrap();
            assert!(matches!(end, Redemption::Replayed { .. }), "code {n} after the kill: {end:?}");
        }
        store.close().await;
    }
    assert!(won.len() > usize::try_from(CYCLES).unwrap(), "only {} codes were redeemed", won.len());
}

/// Everything that was acknowledged is there: both events, the spent assertion, the second generation of the chain.
async fn survived(store: &SqliteStore, n: u32, told: &BTreeSet<EventId>) {
    for event in [n, n + 1_000_000_000] {
        assert!(told.contains(&EventId::new(bytes(event))), "event {event} was lost in the kill");
    }
    let end = store.redeem_code(&redeem(n), &call(3_000_000 + n)).await.unwrap();
    assert_eq!(end, Redemption::ClaimSeen, "assertion {n} was forgotten in the kill");
    let end = store.rotate_refresh(&rotate(n, 1), &call(3_000_000 + n)).await.unwrap();
    assert_eq!(end, Rotation::Won, "chain {n} after the kill");
}

async fn events(store: &SqliteStore) -> BTreeSet<EventId> {
    let mut told = BTreeSet::new();
    loop {
        let leased = store.lease_events(1_000, UnixMillis(10), &call(0)).await.unwrap();
        if leased.is_empty() {
            return told;
        }
        let ids: Vec<_> = leased.iter().map(|event| event.id).collect();
        told.extend(ids.iter().copied());
        store.ack_events(&ids, &call(0)).await.unwrap();
    }
}
