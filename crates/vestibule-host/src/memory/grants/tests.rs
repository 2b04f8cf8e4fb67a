//! The outcome tables in short; `vestibule-testkit` holds every store to the whole contract.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::*;
use crate::{
    AccessHash, AssertionClaim, AttemptId, Binding, ClaimKey, ClientId, CodeHash, EventId, GrantId,
    GrantStatus, NewAccess, NewEvent, Quota, Revision, Revocation, SessionId,
};

/// Every future of this store is ready at its first poll.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the store in memory waited"),
    }
}

fn call(attempt: u8, at: i64) -> Call {
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new([attempt; 16]), now: UnixMillis(at) }
}

fn record(text: &'static str) -> Record {
    Record(Bytes::from_static(text.as_bytes()))
}

fn advance(id: u8, expected: Option<u64>) -> Advance {
    Advance::new(InteractionHash::new([id; 32]), expected.map(Revision), UnixMillis(1_000), record("state"))
}

fn issue(id: u8, launch: Option<u8>) -> IssueCode {
    let grant = StoredGrant {
        id: GrantId::new(format!("g{id}")),
        user: UserId::new("alice"),
        client: ClientId::new("app"),
        session: Some(SessionId::new("s")),
        keep_until: UnixMillis(5_000),
        used: UnixMillis(0),
        status: GrantStatus::Live,
        record: record("grant"),
    };
    let launch = launch.map(|launch| LaunchHash::new([launch; 32]));
    let code = CodeHash::new([id; 32]);
    IssueCode::new(advance(id, None), launch, code, Binding::new([1; 32]), UnixMillis(100), grant)
}

fn redeem(id: u8, binding: u8) -> RedeemCode {
    RedeemCode::new(CodeHash::new([id; 32]), Binding::new([binding; 32]), UnixMillis(5_000))
}

#[test]
fn a_code_is_spent_once_and_its_replay_kills_the_grant() {
    let store = MemoryGrants::new();
    assert_eq!(now(store.issue_code(&issue(1, None), &call(1, 0))).unwrap(), Issuance::Won);
    assert_eq!(
        now(store.issue_code(&issue(1, None), &call(1, 0))).unwrap(),
        Issuance::Won,
        "the same attempt"
    );
    assert_eq!(now(store.redeem_code(&redeem(2, 1), &call(2, 1))).unwrap(), Redemption::NotFound);
    assert_eq!(now(store.redeem_code(&redeem(1, 9), &call(3, 1))).unwrap(), Redemption::Mismatch);
    assert_eq!(now(store.redeem_code(&redeem(1, 1), &call(4, 100))).unwrap(), Redemption::Expired);
    assert_eq!(now(store.redeem_code(&redeem(1, 1), &call(5, 99))).unwrap(), Redemption::Won);
    assert_eq!(
        now(store.redeem_code(&redeem(1, 1), &call(5, 200))).unwrap(),
        Redemption::Won,
        "the same attempt"
    );
    assert_eq!(now(store.redeem_code(&redeem(1, 9), &call(6, 200))).unwrap(), Redemption::Mismatch);
    let live = now(store.grant(GrantKey::Code(&CodeHash::new([1; 32])), &call(0, 200))).unwrap().unwrap();
    assert_eq!(live.status, GrantStatus::Live);
    let replayed = Redemption::Replayed { grant: GrantId::new("g1") };
    assert_eq!(now(store.redeem_code(&redeem(1, 1), &call(7, 200))).unwrap(), replayed);
    let dead = now(store.grant(GrantKey::Id(&GrantId::new("g1")), &call(0, 200))).unwrap().unwrap();
    assert_eq!(dead.status, GrantStatus::Revoked);
}

/// CODE-009
#[test]
fn a_revoked_grant_wins_over_an_expired_code() {
    let store = MemoryGrants::new();
    assert_eq!(now(store.issue_code(&issue(1, None), &call(1, 0))).unwrap(), Issuance::Won);
    let revoke = Revoke::new(Revocation::Session(SessionId::new("s")));
    assert_eq!(now(store.revoke(&revoke, &call(2, 0))).unwrap(), Revoked::Done);
    assert_eq!(now(store.redeem_code(&redeem(1, 1), &call(3, 500))).unwrap(), Redemption::Revoked);
    assert!(now(store.grants_of(&UserId::new("alice"), None, 9, &call(4, 0))).unwrap().is_empty());
}

#[test]
fn one_launch_buys_one_code_and_a_loser_changes_nothing() {
    let store = MemoryGrants::new();
    let hash = LaunchHash::new([7; 32]);
    now(store.put_launch(&PutLaunch::new(hash, UnixMillis(900), record("launch")), &call(1, 0))).unwrap();
    assert_eq!(now(store.issue_code(&issue(1, Some(7)), &call(2, 1))).unwrap(), Issuance::Won);
    assert_eq!(now(store.issue_code(&issue(2, Some(7)), &call(3, 1))).unwrap(), Issuance::LaunchGone);
    assert_eq!(now(store.launch(&hash, &call(0, 1))).unwrap(), None);
    assert_eq!(now(store.interaction(&InteractionHash::new([2; 32]), &call(0, 1))).unwrap(), None);
}

#[test]
fn of_two_tabs_one_wins() {
    let store = MemoryGrants::new();
    let saved = |revision| Advanced::Saved(Revision(revision));
    assert_eq!(now(store.advance_interaction(&advance(1, None), &call(1, 0))).unwrap(), saved(1));
    assert_eq!(now(store.advance_interaction(&advance(1, None), &call(1, 0))).unwrap(), saved(1));
    assert_eq!(now(store.advance_interaction(&advance(1, Some(1)), &call(2, 0))).unwrap(), saved(2));
    let stale = now(store.advance_interaction(&advance(1, Some(1)), &call(3, 0))).unwrap();
    assert!(matches!(stale, Advanced::Stale(stored) if stored.revision == Revision(2)));
    assert!(matches!(
        now(store.advance_interaction(&advance(1, None), &call(4, 0))).unwrap(),
        Advanced::Stale(_)
    ));
    assert_eq!(
        now(store.advance_interaction(&advance(1, Some(2)), &call(5, 1_000))).unwrap(),
        Advanced::Gone
    );
}

#[test]
fn the_quota_counts_unexpired_rows_of_one_app_until_somebody_signs_in() {
    let store = MemoryGrants::new();
    let quota = Some(Quota { client: ClientId::new("app"), max: 2 });
    let counted = |id| advance(id, None).with_quota(quota.clone());
    for id in [1, 2] {
        assert!(now(store.advance_interaction(&counted(id), &call(id, 0))).is_ok());
    }
    assert!(matches!(now(store.advance_interaction(&counted(3), &call(3, 0))), Err(StoreFault::Full)));
    // Somebody signs in on the first row: it counts no more.
    assert!(now(store.advance_interaction(&advance(1, Some(1)), &call(4, 0))).is_ok());
    assert!(now(store.advance_interaction(&counted(3), &call(5, 0))).is_ok());
    assert!(matches!(now(store.advance_interaction(&counted(4), &call(6, 999))), Err(StoreFault::Full)));
    let later = Advance { expires: UnixMillis(2_000), ..counted(4) };
    assert!(now(store.advance_interaction(&later, &call(7, 1_000))).is_ok(), "all others are over");
}

#[test]
fn at_the_bound_only_what_is_over_goes() {
    let store = MemoryGrants::with_limits(MemoryLimits::new(2, 1, 1));
    assert_eq!(now(store.issue_code(&issue(1, None), &call(1, 0))).unwrap(), Issuance::Won);
    assert!(matches!(now(store.issue_code(&issue(2, None), &call(2, 999))), Err(StoreFault::Full)));
    assert_eq!(
        now(store.interaction(&InteractionHash::new([2; 32]), &call(0, 999))).unwrap(),
        None,
        "nothing changed"
    );
    assert_eq!(
        now(store.redeem_code(&redeem(1, 1), &call(3, 0))).unwrap(),
        Redemption::Won,
        "nothing was evicted"
    );
    assert_eq!(now(store.issue_code(&issue(2, None), &call(4, 5_000))).unwrap(), Issuance::Won);
}

#[test]
fn a_purge_is_bounded_and_takes_no_live_row() {
    let store = MemoryGrants::new();
    for id in 1..=3 {
        assert_eq!(now(store.issue_code(&issue(id, None), &call(id, 0))).unwrap(), Issuance::Won);
    }
    assert_eq!(now(store.purge(UnixMillis(999), 9)).unwrap(), Purged { rows: 0, more: false });
    assert_eq!(now(store.purge(UnixMillis(1_001), 2)).unwrap(), Purged { rows: 2, more: true });
    assert_eq!(now(store.purge(UnixMillis(1_001), 2)).unwrap(), Purged { rows: 1, more: false });
    assert_eq!(now(store.redeem_code(&redeem(1, 1), &call(9, 0))).unwrap(), Redemption::Won);
    assert_eq!(now(store.purge(UnixMillis(5_001), 9)).unwrap(), Purged { rows: 3, more: false });
    assert_eq!(now(store.redeem_code(&redeem(1, 1), &call(9, 0))).unwrap(), Redemption::NotFound);
}

fn told(n: u8) -> Option<NewEvent> {
    Some(NewEvent { id: EventId::new([n; 16]), record: record("event") })
}

/// A thief's grant dies, however full the log is, as long as its last tenth is not.
#[test]
fn a_full_log_keeps_room_for_what_ends_something() {
    let store = MemoryGrants::with_limits(MemoryLimits::default().with_beside(9, 9, 10));
    assert_eq!(now(store.issue_code(&issue(1, None), &call(1, 0))).unwrap(), Issuance::Won);
    assert_eq!(now(store.issue_code(&issue(2, None), &call(2, 0))).unwrap(), Issuance::Won);
    assert_eq!(now(store.redeem_code(&redeem(1, 1), &call(3, 1))).unwrap(), Redemption::Won);
    for n in 0..9 {
        let op = IssueToken::new().with_event(told(n));
        assert_eq!(now(store.issue_token(&op, &call(10 + n, 1))).unwrap(), TokenIssuance::Won);
    }
    let op = redeem(2, 1).with_event(told(20));
    assert!(matches!(now(store.redeem_code(&op, &call(4, 1))), Err(StoreFault::Full)), "an ordinary verb");
    let op = redeem(1, 1).with_event(told(21));
    let replayed = Redemption::Replayed { grant: GrantId::new("g1") };
    assert_eq!(now(store.redeem_code(&op, &call(5, 1))).unwrap(), replayed, "a replay");
    let op = Revoke::new(Revocation::Grant(GrantId::new("g2"))).with_event(told(22));
    assert!(matches!(now(store.revoke(&op, &call(6, 1))), Err(StoreFault::Full)), "the bound is a bound");
    let leased = now(store.lease_events(99, UnixMillis(9), &call(7, 1))).unwrap();
    assert_eq!(leased.len(), 10);
    now(store.ack_events(&[leased[0].id], &call(8, 1))).unwrap();
    assert_eq!(now(store.revoke(&op, &call(6, 1))).unwrap(), Revoked::Done, "with room");
}

/// What is over makes room at the bound, without a purge; what is not over stays.
#[test]
fn claims_and_tokens_that_are_over_make_room() {
    let store = MemoryGrants::with_limits(MemoryLimits::default().with_beside(2, 2, 100));
    let op = |n: u8, until| {
        let access = NewAccess {
            hash: AccessHash::new([n; 32]),
            client: ClientId::new("app"),
            expires: UnixMillis(until),
            record: record("token"),
        };
        let claim = AssertionClaim { key: ClaimKey::new([n; 32]), keep_until: UnixMillis(until) };
        IssueToken::new().with_access(Some(access)).with_claim(Some(claim))
    };
    for (n, until) in [(1, 10), (2, 20)] {
        assert_eq!(now(store.issue_token(&op(n, until), &call(n, 0))).unwrap(), TokenIssuance::Won);
    }
    assert!(matches!(now(store.issue_token(&op(3, 30), &call(3, 9))), Err(StoreFault::Full)));
    assert_eq!(now(store.issue_token(&op(3, 30), &call(3, 10))).unwrap(), TokenIssuance::Won);
    assert!(matches!(now(store.issue_token(&op(4, 30), &call(4, 10))), Err(StoreFault::Full)));
    let seen = now(store.issue_token(&op(2, 30), &call(5, 10))).unwrap();
    assert_eq!(seen, TokenIssuance::ClaimSeen, "what is not over is remembered");
}
