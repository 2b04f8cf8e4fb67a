//! Operations by number: code `n`, its chain, its assertion, its event.

use std::time::Duration;

use vestibule_host::{
    AccessHash, Advance, AssertionClaim, AttemptId, Binding, Call, ClaimKey, ClientId, CodeHash, EventId,
    GrantId, GrantStatus, GrantStore, InteractionHash, Issuance, IssueCode, LaunchHash, NewAccess, NewEvent,
    NewRefresh, PutLaunch, Quota, Record, RedeemCode, RefreshHandle, RefreshHash, RotateRefresh, Salt,
    SessionId, StoredGrant, Tenant, UnixMillis, UserId,
};

pub(crate) const END: UnixMillis = UnixMillis(1_000_000);

pub(crate) fn bytes<const N: usize>(n: u32) -> [u8; N] {
    let mut out = [0; N];
    out[..4].copy_from_slice(&n.to_be_bytes());
    out
}

/// The attempt `n`, at the beginning of time.
pub(crate) fn call(n: u32) -> Call {
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new(bytes(n)), now: UnixMillis(0) }
}

pub(crate) fn record() -> Record {
    Record(vec![7; 200].into())
}

pub(crate) fn event(n: u32) -> Option<NewEvent> {
    Some(NewEvent { id: EventId::new(bytes(n)), record: record() })
}

pub(crate) fn claim(n: u32) -> Option<AssertionClaim> {
    Some(AssertionClaim { key: ClaimKey::new(bytes(n)), keep_until: END })
}

pub(crate) fn access(n: u32) -> Option<NewAccess> {
    Some(NewAccess {
        hash: AccessHash::new(bytes(n)),
        client: ClientId::new("app"),
        expires: END,
        record: record(),
    })
}

pub(crate) fn handle(n: u32) -> RefreshHandle {
    RefreshHandle::new(bytes(n))
}

pub(crate) fn grant_id(n: u32) -> GrantId {
    GrantId::new(format!("grant-{n}"))
}

/// Spends code `n`, opens its chain, spends assertion `n`, keeps token `n`, and tells it in event `n`.
pub(crate) fn redeem(n: u32) -> RedeemCode {
    let (handle, current) = (handle(n), RefreshHash::new(bytes(n)));
    RedeemCode::new(CodeHash::new(bytes(n)), Binding::new([1; 32]), END)
        .with_refresh(Some(NewRefresh { handle, current, idle_until: END, until: END }))
        .with_access(access(n))
        .with_claim(claim(n))
        .with_event(event(n))
}

/// Uses the token that is current after so many rotations, and tells it in an event of its own.
pub(crate) fn rotate(n: u32, generation: u32) -> RotateRefresh {
    let token = |generation| RefreshHash::new(bytes(n + generation * 100_000_000));
    RotateRefresh::new(
        handle(n),
        token(generation),
        ClientId::new("app"),
        (token(generation + 1), Salt::new(bytes(n))),
        (Duration::from_secs(60), 2),
        (END, END),
    )
    .with_event(event(n + (generation + 1) * 1_000_000_000))
}

pub(crate) fn launch(n: u32) -> PutLaunch {
    PutLaunch::new(LaunchHash::new(bytes(n)), END, record())
}

pub(crate) fn advance(n: u32) -> Advance {
    Advance::new(InteractionHash::new(bytes(n)), None, END, record())
}

pub(crate) fn counted(n: u32) -> Advance {
    advance(n).with_quota(Some(Quota { client: ClientId::new("app"), max: 1_000 }))
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
        record: record(),
    };
    IssueCode::new(advance(n), None, redeem(n).code, redeem(n).binding, END, grant)
}

pub(crate) async fn issued(store: &dyn GrantStore, n: u32) {
    assert_eq!(store.issue_code(&issue(n), &call(n)).await.unwrap(), Issuance::Won, "code {n}");
}
