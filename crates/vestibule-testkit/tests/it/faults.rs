//! The store that fails when it is told to, in every way and in every verb, and callers that go away.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use vestibule_host::{
    AccessHash, Advance, AssertionClaim, AttemptId, Binding, Call, ClaimKey, ClientId, CodeHash, EventId,
    GrantId, GrantStatus, GrantStore, InteractionHash, IssueCode, IssueToken, LaunchHash, MemoryGrants,
    NewAccess, NewEvent, NewRefresh, PutLaunch, Record, RedeemCode, RefreshHandle, RefreshHash, Revision,
    Revocation, Revoke, RotateRefresh, Salt, SessionId, StoreFault, StoredGrant, Tenant, UnixMillis, UserId,
};
use vestibule_testkit::{FaultyGrants, Injected, at_every_wait, drop_after};

const FAR: UnixMillis = UnixMillis(1_000_000);

/// A flow in seven verbs, each of which needs the one before.
const VERBS: [&str; 7] = [
    "put_launch",
    "advance_interaction",
    "issue_code",
    "redeem_code",
    "rotate_refresh",
    "issue_token",
    "revoke",
];

fn call(n: u8) -> Call {
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new([n; 16]), now: UnixMillis(i64::from(n)) }
}

fn record() -> Record {
    Record(Bytes::from_static(b"record"))
}

fn told(n: usize) -> Option<NewEvent> {
    Some(NewEvent { id: EventId::new([u8::try_from(n).unwrap(); 16]), record: record() })
}

fn claim(n: u8) -> Option<AssertionClaim> {
    Some(AssertionClaim { key: ClaimKey::new([n; 32]), keep_until: FAR })
}

fn access(n: u8) -> Option<NewAccess> {
    let hash = AccessHash::new([n; 32]);
    Some(NewAccess { hash, client: ClientId::new("app"), expires: FAR, record: record() })
}

/// Verb `n` of the flow, always with the same attempt, and what it came to.
async fn verb(store: &dyn GrantStore, n: usize) -> Result<String, StoreFault> {
    let call = call(u8::try_from(n).unwrap() + 1);
    let (launch, interaction) = (LaunchHash::new([1; 32]), InteractionHash::new([1; 32]));
    let (code, binding, handle) =
        (CodeHash::new([1; 32]), Binding::new([1; 32]), RefreshHandle::new([1; 32]));
    Ok(match n {
        0 => {
            let op = PutLaunch::new(launch, FAR, record()).with_event(told(n));
            format!("{:?}", store.put_launch(&op, &call).await?)
        }
        1 => {
            let op = Advance::new(interaction, None, FAR, record()).with_event(told(n));
            format!("{:?}", store.advance_interaction(&op, &call).await?)
        }
        2 => {
            let interaction = Advance::new(interaction, Some(Revision(1)), FAR, record());
            let grant = StoredGrant {
                id: GrantId::new("g"),
                user: UserId::new("alice"),
                client: ClientId::new("app"),
                session: Some(SessionId::new("s")),
                keep_until: FAR,
                used: call.now,
                status: GrantStatus::Live,
                record: record(),
            };
            let op = IssueCode::new(interaction, Some(launch), code, binding, FAR, grant);
            format!("{:?}", store.issue_code(&op.with_event(told(n)), &call).await?)
        }
        3 => {
            let current = RefreshHash::new([0; 32]);
            let op = RedeemCode::new(code, binding, FAR)
                .with_refresh(Some(NewRefresh { handle, current, idle_until: FAR, until: FAR }))
                .with_access(access(3))
                .with_claim(claim(3))
                .with_event(told(n));
            format!("{:?}", store.redeem_code(&op, &call).await?)
        }
        4 => {
            let next = (RefreshHash::new([1; 32]), Salt::new([1; 32]));
            let window = (Duration::from_secs(60), 2);
            let presented = RefreshHash::new([0; 32]);
            let op = RotateRefresh::new(handle, presented, ClientId::new("app"), next, window, (FAR, FAR))
                .with_access(access(4))
                .with_claim(claim(4))
                .with_event(told(n));
            format!("{:?}", store.rotate_refresh(&op, &call).await?)
        }
        5 => {
            let op = IssueToken::new().with_access(access(5)).with_claim(claim(5)).with_event(told(n));
            format!("{:?}", store.issue_token(&op, &call).await?)
        }
        _ => {
            let op = Revoke::new(Revocation::Grant(GrantId::new("g"))).with_claim(claim(6));
            format!("{:?}", store.revoke(&op.with_event(told(n)), &call).await?)
        }
    })
}

/// The whole flow, as an engine would go through it.
async fn flow(store: &dyn GrantStore) -> Vec<String> {
    let mut ends = Vec::new();
    for n in 0..VERBS.len() {
        ends.push(verb(store, n).await.unwrap());
    }
    ends
}

/// How many events were appended. Each verb has one.
async fn events(store: &dyn GrantStore, at: u8) -> usize {
    let later = Call { now: UnixMillis(100 + i64::from(at)), ..call(99) };
    let leased = store.lease_events(100, later.now, &later).await.unwrap();
    leased.len()
}

#[tokio::test]
async fn every_verb_fails_in_every_way_and_can_be_repeated() {
    let clean = flow(&MemoryGrants::new()).await;
    assert_eq!(clean, ["()", "Saved(Revision(1))", "Won", "Won", "Won", "Won", "Done"]);
    for how in Injected::ALL {
        for (n, name) in VERBS.iter().enumerate() {
            let memory = Arc::new(MemoryGrants::new());
            let store = FaultyGrants::new(memory.clone());
            for before in 0..n {
                verb(&store, before).await.unwrap();
            }
            store.fail(n, how);
            let faulty = store.clone();
            let task = tokio::spawn(async move { verb(&faulty, n).await });
            let end = tokio::time::timeout(Duration::from_millis(20), task).await;
            let why = format!("{name} {how:?}");
            assert_eq!(how.answers(), matches!(end, Ok(Ok(_))), "{why}");
            match how {
                Injected::Before => assert!(matches!(end, Ok(Ok(Err(StoreFault::NotApplied(_))))), "{why}"),
                Injected::Busy => assert!(matches!(end, Ok(Ok(Err(StoreFault::Busy { .. })))), "{why}"),
                Injected::Full => assert!(matches!(end, Ok(Ok(Err(StoreFault::Full)))), "{why}"),
                Injected::After | Injected::Reset => {
                    assert!(matches!(end, Ok(Ok(Err(StoreFault::OutcomeUnknown(_))))), "{why}");
                }
                Injected::Delay => assert_eq!(end.unwrap().unwrap().unwrap(), clean[n], "{why}"),
                Injected::Hang | Injected::HangAfter => assert!(end.is_err(), "{why} answered"),
                Injected::Panic | Injected::PanicAfter => {
                    assert!(end.unwrap().unwrap_err().is_panic(), "{why}");
                }
            }
            let happened = n + usize::from(how.takes_effect());
            assert_eq!(events(&*memory, 0).await, happened, "{why}");
            // The same attempt again: done once, whatever the first try came to.
            assert_eq!(verb(&store, n).await.unwrap(), clean[n], "{why}, made again");
            assert_eq!(events(&*memory, 1).await, n + 1, "{why}, made again");
            for (later, due) in clean.iter().enumerate().skip(n + 1) {
                assert_eq!(verb(&store, later).await.unwrap(), *due, "{why}, then verb {later}");
            }
            assert_eq!(store.calls().iter().filter(|call| *call == name).count(), 2, "{why}");
        }
    }
}

#[tokio::test]
async fn a_flow_that_is_dropped_at_any_wait_can_be_made_again() {
    let clean = flow(&MemoryGrants::new()).await;
    let waits = at_every_wait(async |waits| {
        let memory = Arc::new(MemoryGrants::new());
        let store = FaultyGrants::new(memory.clone()).that_waits();
        let end = drop_after(waits, flow(&store)).await;
        // Each verb waits before its effect and behind it: half of the waits are over when an effect is there.
        let calls = store.calls().len();
        let happened = events(&*memory, 0).await;
        assert!(happened == calls || happened + 1 == calls, "{happened} events of {calls} calls");
        // The verb that was dropped is made again, done or not, and then the others.
        for (n, due) in clean.iter().enumerate().skip(calls.saturating_sub(1)) {
            assert_eq!(verb(&*memory, n).await.unwrap(), *due, "verb {n} after a drop at wait {waits}");
        }
        assert_eq!(events(&*memory, 1).await, VERBS.len(), "after a drop at wait {waits}");
        end.is_some()
    });
    assert_eq!(waits.await, 2 * u32::try_from(VERBS.len()).unwrap(), "each verb was dropped twice");
}

#[tokio::test]
async fn reads_and_housekeeping_fail_too() {
    let store = FaultyGrants::new(Arc::new(MemoryGrants::new()));
    flow(&store).await;
    store.restart();
    let (hash, id) = (AccessHash::new([5; 32]), GrantId::new("g"));
    for method in ["access", "grant", "lease_events", "ack_events", "purge", "ping"] {
        store.fail_next(method, Injected::Before);
    }
    let far = UnixMillis(0);
    let access = vestibule_host::AccessKey::Opaque(&hash);
    let grant = vestibule_host::GrantKey::Id(&id);
    assert!(store.access(access, &call(50)).await.is_err());
    assert!(store.grant(grant, &call(50)).await.is_err());
    assert!(store.lease_events(9, far, &call(50)).await.is_err());
    assert!(store.ack_events(&[], &call(50)).await.is_err());
    assert!(store.purge(far, 9).await.is_err());
    assert!(store.ping().await.is_err());
    assert!(store.access(access, &call(50)).await.unwrap().is_some());
    assert_eq!(store.grant(grant, &call(50)).await.unwrap().unwrap().status, GrantStatus::Revoked);
    assert_eq!(
        store.calls(),
        ["access", "grant", "lease_events", "ack_events", "purge", "ping", "access", "grant"]
    );
}
