//! A process that is killed while it redeems and refreshes. The same test is the victim, when it is told so.
//! `VESTIBULE_KILLS=1000` for a long run.

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
use vestibule_testkit::invariants::{History, Seen};

use crate::directory::Directory;

const VICTIM: &str = "VESTIBULE_SQLITE_VICTIM";

/// When a victim says that a code is redeemed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Says {
    /// Once the store has said so.
    Afterwards,
    /// Before the store was asked: the mistake that must be seen.
    Before,
}

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

/// Redeems until it is killed, and says each number.
async fn be_the_victim(file: &str, first: u32, says: Says) {
    let store = SqliteStore::open(file, SqliteOptions::default()).unwrap();
    for n in first..first + 100_000 {
        issue(&store, n).await;
        if says == Says::Before {
            println!("won {n}");
        }
        assert_eq!(store.redeem_code(&redeem(n), &call(1_000_000 + n)).await.unwrap(), Redemption::Won);
        assert_eq!(store.rotate_refresh(&rotate(n, 0), &call(2_000_000 + n)).await.unwrap(), Rotation::Won);
        if says == Says::Afterwards {
            println!("won {n}");
        }
    }
}

/// Kills a victim at some moment, and gives back what it has said.
fn kill_one(directory: &Directory, first: u32, says: Says, after: Duration) -> Vec<u32> {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::what_was_won_before_a_kill_stays_won", "--nocapture"])
        .env(VICTIM, format!("{first} {says:?} {}", directory.file().display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let number = |line: std::io::Result<String>| line.unwrap().rsplit_once("won ")?.1.parse::<u32>().ok();
    // The first answer shows that it runs; the kill comes at some moment after it.
    let mut said = vec![lines.by_ref().find_map(number).unwrap()];
    std::thread::sleep(after);
    victim.kill().unwrap();
    victim.wait().unwrap();
    said.extend(lines.filter_map(number));
    said
}

/// STORE-008
#[tokio::test]
async fn what_was_won_before_a_kill_stays_won() {
    if let Ok(victim) = std::env::var(VICTIM) {
        let mut words = victim.splitn(3, ' ');
        let first = words.next().unwrap().parse().unwrap();
        let says = if words.next() == Some("Before") { Says::Before } else { Says::Afterwards };
        return be_the_victim(words.next().unwrap(), first, says).await;
    }
    let kills: u32 = std::env::var("VESTIBULE_KILLS").map_or(20, |number| number.parse().unwrap());
    let directory = Directory::new();
    let mut won: Vec<u32> = Vec::new();
    for kill in 0..kills {
        let after = Duration::from_millis(u64::from(7 + 23 * kill % 211));
        let new = kill_one(&directory, kill * 2_000, Says::Afterwards, after);
        let store = SqliteStore::open(directory.file(), SqliteOptions::default()).unwrap();
        let told = events(&store).await;
        for n in &new {
            survived(&store, *n, &told).await.unwrap();
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
        // The newest, and some of those that have seen many kills.
        let old = won.iter().step_by(won.len() / 50 + 1);
        for n in old.chain(won.iter().rev().take(20)) {
            let mut again = redeem(*n);
            again.claim = None;
            let end = store.redeem_code(&again, &call(2_000_000 + n)).await.unwrap();
            assert!(matches!(end, Redemption::Replayed { .. }), "code {n} after the kill: {end:?}");
        }
        store.close().await;
    }
    println!("{kills} kills: {} redemptions and as many refreshes told, 0 lost", won.len());
    assert!(won.len() > usize::try_from(kills).unwrap(), "only {} codes were redeemed", won.len());
}

/// The test above would see a loss: a victim that says so too early has promised what a kill takes away.
#[tokio::test]
async fn what_was_said_too_early_is_seen_to_be_lost() {
    let directory = Directory::new();
    for kill in 0..40 {
        let said =
            kill_one(&directory, kill * 2_000, Says::Before, Duration::from_millis(20 + 7 * u64::from(kill)));
        let store = SqliteStore::open(directory.file(), SqliteOptions::default()).unwrap();
        let told = events(&store).await;
        // Only the last one can be missing: the victim does one after another.
        let lost = survived(&store, *said.last().unwrap(), &told).await;
        store.close().await;
        if let Err(lost) = lost {
            println!("after {} kills: {lost}", kill + 1);
            return;
        }
    }
    panic!("nothing was lost: the kill proves nothing");
}

/// Everything that was acknowledged is there (I3): both events, the spent assertion, the second generation of the chain. The code
/// has no second winner (I1).
async fn survived(store: &SqliteStore, n: u32, told: &BTreeSet<EventId>) -> Result<(), String> {
    let mut history = History::default();
    history.saw(Seen::CodeWon { code: n.to_string(), attempt: "the victim".to_owned() });
    let mut look = |what: String, there: bool| {
        history.saw(Seen::Acknowledged(what.clone()));
        history.looked_for(what, there);
    };
    for event in [n, n + 1_000_000_000] {
        look(format!("event {event}"), told.contains(&EventId::new(bytes(event))));
    }
    let redeemed = store.redeem_code(&redeem(n), &call(3_000_000 + n)).await.unwrap();
    look(format!("assertion {n}"), redeemed == Redemption::ClaimSeen);
    let rotated = store.rotate_refresh(&rotate(n, 1), &call(3_000_000 + n)).await.unwrap();
    look(format!("the second token of chain {n}"), rotated == Rotation::Won);
    if redeemed == Redemption::Won {
        history.saw(Seen::CodeWon { code: n.to_string(), attempt: "another".to_owned() });
    }
    history.check().map_err(|broken| broken.0)
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
