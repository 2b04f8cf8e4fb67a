//! The rows that the tests work with, numbered.

use std::collections::BTreeSet;
use std::time::Duration;

use vestibule_host::{
    AccessHash, Advance, AssertionClaim, AttemptId, Binding, Call, ClaimKey, ClientId, CodeHash, EventId,
    GrantId, GrantStatus, GrantStore, InteractionHash, Issuance, IssueCode, NewAccess, NewEvent, NewRefresh,
    Record, RedeemCode, RefreshHandle, RefreshHash, RotateRefresh, Salt, SessionId, StoreFault, StoredGrant,
    Tenant, UnixMillis, UserId,
};

/// When codes end, and everything else.
pub(crate) const CODE: UnixMillis = UnixMillis(100);
pub(crate) const END: UnixMillis = UnixMillis(1_000_000);

pub(crate) fn bytes<const N: usize>(n: u32) -> [u8; N] {
    let mut out = [0; N];
    out[..4].copy_from_slice(&n.to_be_bytes());
    out
}

pub(crate) fn call(n: u32) -> Call {
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new(bytes(n)), now: UnixMillis(0) }
}

pub(crate) fn record(size: usize) -> Record {
    Record(vec![7; size].into())
}

pub(crate) fn event(n: u32) -> Option<NewEvent> {
    Some(NewEvent { id: EventId::new(bytes(n)), record: record(50) })
}

pub(crate) fn claim(n: u32) -> Option<AssertionClaim> {
    Some(AssertionClaim { key: ClaimKey::new(bytes(n)), keep_until: END })
}

pub(crate) fn access(n: u32) -> Option<NewAccess> {
    let hash = AccessHash::new(bytes(n));
    Some(NewAccess { hash, client: ClientId::new("app"), expires: END, record: record(50) })
}

pub(crate) fn grant_id(n: u32) -> GrantId {
    GrantId::new(format!("grant-{n}"))
}

pub(crate) fn issue(n: u32) -> IssueCode {
    let grant = StoredGrant {
        id: grant_id(n),
        user: UserId::new("alice"),
        client: ClientId::new("app"),
        session: Some(SessionId::new("s")),
        keep_until: END,
        used: UnixMillis(0),
        status: GrantStatus::Live,
        record: record(200),
    };
    let interaction = Advance::new(InteractionHash::new(bytes(n)), None, END, record(200));
    IssueCode::new(interaction, None, redeem(n).code, redeem(n).binding, CODE, grant)
}

pub(crate) async fn issued(store: &impl GrantStore, n: u32) {
    assert_eq!(store.issue_code(&issue(n), &call(n)).await.unwrap(), Issuance::Won, "code {n}");
}

/// Redeems code `n`, opens its chain, spends assertion `n`, and tells it in event `n`.
pub(crate) fn redeem(n: u32) -> RedeemCode {
    let handle = RefreshHandle::new(bytes(n));
    let current = RefreshHash::new(bytes(n));
    RedeemCode::new(CodeHash::new(bytes(n)), Binding::new([1; 32]), END)
        .with_refresh(Some(NewRefresh { handle, current, idle_until: END, until: END }))
        .with_claim(claim(n))
        .with_event(event(n))
}

/// Uses the token that is current after so many rotations, and tells it in an event of its own.
pub(crate) fn rotate(n: u32, generation: u32) -> RotateRefresh {
    let token = |generation| RefreshHash::new(bytes(n + generation * 100_000_000));
    RotateRefresh::new(
        RefreshHandle::new(bytes(n)),
        token(generation),
        ClientId::new("app"),
        (token(generation + 1), Salt::new(bytes(n))),
        (Duration::from_secs(60), 2),
        (END, END),
    )
    .with_event(event(n + (generation + 1) * 1_000_000_000))
}

/// All events that are there, taken out.
pub(crate) async fn events(store: &impl GrantStore) -> Result<BTreeSet<EventId>, StoreFault> {
    let mut told = BTreeSet::new();
    loop {
        let leased = store.lease_events(1_000, UnixMillis(10), &call(0)).await?;
        if leased.is_empty() {
            return Ok(told);
        }
        let ids: Vec<_> = leased.iter().map(|event| event.id).collect();
        told.extend(ids.iter().copied());
        store.ack_events(&ids, &call(0)).await?;
    }
}
