//! The rows that the cases work with: numbered, so that a case says `7` and means one code, one grant, one interaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use vestibule_host::{
    AccessHash, AccessKey, Advance, AssertionClaim, AttemptId, Binding, Call, ClaimKey, ClientId, CodeHash,
    EventId, EventKind, GrantId, GrantKey, GrantStatus, GrantStore, InteractionHash, Issuance, IssueCode,
    IssueToken, LaunchHash, LeasedEvent, NewAccess, NewEvent, NewRefresh, PutLaunch, Record, RedeemCode,
    Redemption, RefreshHandle, RefreshHash, Revision, Revocation, Revoke, Revoked, RotateRefresh, Rotation,
    Salt, SessionId, StoreFault, StoredAccess, StoredGrant, Tenant, TokenId, TokenIssuance, UnixMillis,
    UserId,
};

use super::Factory;
use crate::Broken;
use crate::suite::{Verdict, same};

/// A real-looking moment, so that no store gets away with 32 bits or with seconds.
pub(super) const START: i64 = 1_767_225_600_123;
/// How long codes, launches and interactions last, and how long grants are kept, from the start.
pub(super) const CODE: i64 = 60_000;
pub(super) const LAUNCH: i64 = 900_000;
pub(super) const INTERACTION: i64 = 600_000;
pub(super) const KEEP: i64 = 3_600_000;

/// How long a refresh chain lasts unless it is used, and whatever happens; how long a predecessor is answered.
pub(super) const IDLE: i64 = 1_200_000;
pub(super) const AGE: i64 = 3_000_000;
pub(super) const WINDOW: i64 = 60_000;
/// How long opaque access tokens and claims last.
pub(super) const ACCESS: i64 = 300_000;
pub(super) const CLAIM: i64 = 400_000;

/// The binding that issued codes have, and one that they do not have.
pub(super) const RIGHT: u8 = 1;
pub(super) const WRONG: u8 = 2;

/// A moment, in milliseconds after the start.
pub(super) const fn at(ms: i64) -> UnixMillis {
    UnixMillis(START + ms)
}

pub(super) fn hash(kind: u8, n: u32) -> [u8; 32] {
    let mut bytes = [kind; 32];
    for (to, from) in bytes.iter_mut().rev().zip(n.to_le_bytes()) {
        *to = from;
    }
    bytes
}

pub(super) fn code(n: u32) -> CodeHash {
    CodeHash::new(hash(0xc0, n))
}

pub(super) fn launch(n: u32) -> LaunchHash {
    LaunchHash::new(hash(0x1a, n))
}

pub(super) fn interaction(n: u32) -> InteractionHash {
    InteractionHash::new(hash(0x17, n))
}

pub(super) fn grant_id(n: u32) -> GrantId {
    GrantId::new(format!("grant-{n:05}"))
}

pub(super) fn record(text: &str) -> Record {
    Record(Bytes::copy_from_slice(text.as_bytes()))
}

/// An advance of interaction `n` over revision `expected`.
pub(super) fn advance(n: u32, expected: Option<u64>) -> Advance {
    Advance::new(
        interaction(n),
        expected.map(Revision),
        at(INTERACTION),
        record(&format!("after {expected:?}")),
    )
}

/// Grant `n`, by alice for the app.
pub(super) fn grant(n: u32) -> StoredGrant {
    StoredGrant {
        id: grant_id(n),
        user: UserId::new("alice"),
        client: ClientId::new("app"),
        session: Some(SessionId::new("session-1")),
        keep_until: at(KEEP),
        used: at(0),
        status: GrantStatus::Live,
        record: record(&format!("grant {n}")),
    }
}

/// An issue of code and grant `n` over revision `expected` of interaction `n`.
pub(super) fn issue(n: u32, expected: Option<u64>, spends: Option<u32>) -> IssueCode {
    let binding = Binding::new([RIGHT; 32]);
    IssueCode::new(advance(n, expected), spends.map(launch), code(n), binding, at(CODE), grant(n))
}

pub(super) fn redeem(n: u32, binding: u8) -> RedeemCode {
    RedeemCode::new(code(n), Binding::new([binding; 32]), at(KEEP))
}

pub(super) fn handle(n: u32) -> RefreshHandle {
    RefreshHandle::new(hash(0x4a, n))
}

/// The refresh token of chain `n` that is current after so many rotations.
pub(super) fn token(n: u32, generation: u32) -> RefreshHash {
    RefreshHash::new(hash(0x5e, n * 1_000 + generation))
}

/// From which that token was derived.
pub(super) fn salt(n: u32, generation: u32) -> Salt {
    Salt::new(hash(0x5a, n * 1_000 + generation))
}

pub(super) fn access_hash(n: u32) -> AccessHash {
    AccessHash::new(hash(0xac, n))
}

/// Opaque token `n`, the app's.
pub(super) fn access(n: u32) -> NewAccess {
    NewAccess {
        hash: access_hash(n),
        client: ClientId::new("app"),
        expires: at(ACCESS),
        record: record(&format!("token {n}")),
    }
}

pub(super) fn claim(n: u32) -> AssertionClaim {
    AssertionClaim { key: ClaimKey::new(hash(0xcc, n)), keep_until: at(CLAIM) }
}

pub(super) fn event_id(n: u32) -> EventId {
    let mut bytes = [0xe0; 16];
    for (to, from) in bytes.iter_mut().rev().zip(n.to_le_bytes()) {
        *to = from;
    }
    EventId::new(bytes)
}

pub(super) fn event(n: u32) -> NewEvent {
    NewEvent { id: event_id(n), record: record(&format!("event {n}")) }
}

/// A redemption of code `n` that opens chain `n`.
pub(super) fn redeem_and_open(n: u32) -> RedeemCode {
    let (handle, current) = (handle(n), token(n, 0));
    let refresh = NewRefresh { handle, current, idle_until: at(IDLE), until: at(AGE) };
    redeem(n, RIGHT).with_refresh(Some(refresh))
}

/// A use of the token of chain `n` that is current after so many rotations, by the app.
pub(super) fn rotate(n: u32, generation: u32) -> RotateRefresh {
    RotateRefresh::new(
        handle(n),
        token(n, generation),
        ClientId::new("app"),
        (token(n, generation + 1), salt(n, generation + 1)),
        (Duration::from_millis(WINDOW.unsigned_abs()), 2),
        (at(IDLE), at(KEEP)),
    )
}

pub(super) fn jti(n: u32) -> TokenId {
    TokenId::new(format!("jti-{n}"))
}

/// An attempt that no other call has.
pub(super) fn attempt() -> AttemptId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    AttemptId::new(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)).to_be_bytes())
}

/// A store, seen by one tenant.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) store: Arc<dyn GrantStore>,
    pub(super) tenant: Tenant,
}

impl Rows {
    pub(super) async fn open(factory: Factory<'_>) -> Self {
        Self::over(factory.open().await)
    }

    pub(super) fn over(store: Arc<dyn GrantStore>) -> Self {
        Self { store, tenant: Tenant::new("https://ehr.example") }
    }

    pub(super) fn of_tenant(&self, tenant: &str) -> Self {
        Self { store: Arc::clone(&self.store), tenant: Tenant::new(tenant) }
    }

    /// A call with an attempt of its own.
    pub(super) fn call(&self, ms: i64) -> Call {
        Call { tenant: self.tenant.clone(), attempt: attempt(), now: at(ms) }
    }

    /// Issues code `n` without a launch, at the start.
    pub(super) async fn issue(&self, n: u32) -> Verdict {
        let issued = self.store.issue_code(&issue(n, None, None), &self.call(0)).await?;
        same!(issued, Issuance::Won, "issuing code {n} over nothing");
        Ok(())
    }

    pub(super) async fn put_launch(&self, n: u32) -> Verdict {
        let op = PutLaunch::new(launch(n), at(LAUNCH), record(&format!("launch {n}")));
        Ok(self.store.put_launch(&op, &self.call(0)).await?)
    }

    pub(super) async fn redeem(&self, n: u32, binding: u8, ms: i64) -> Result<Redemption, StoreFault> {
        self.store.redeem_code(&redeem(n, binding), &self.call(ms)).await
    }

    /// Issues and redeems code `n`, with chain `n`, at the start.
    pub(super) async fn open_chain(&self, n: u32) -> Verdict {
        self.issue(n).await?;
        let end = self.store.redeem_code(&redeem_and_open(n), &self.call(0)).await?;
        same!(end, Redemption::Won, "opening chain {n}");
        Ok(())
    }

    pub(super) async fn rotate(&self, n: u32, generation: u32, ms: i64) -> Result<Rotation, StoreFault> {
        self.store.rotate_refresh(&rotate(n, generation), &self.call(ms)).await
    }

    /// Keeps opaque token `n` of the app without a grant.
    pub(super) async fn keep_token(&self, n: u32) -> Verdict {
        let op = IssueToken::new().with_access(Some(access(n)));
        same!(self.store.issue_token(&op, &self.call(0)).await?, TokenIssuance::Won, "keeping token {n}");
        Ok(())
    }

    pub(super) async fn access(&self, n: u32, ms: i64) -> Result<Option<StoredAccess>, StoreFault> {
        self.store.access(AccessKey::Opaque(&access_hash(n)), &self.call(ms)).await
    }

    pub(super) async fn jwt_is_revoked(&self, n: u32, ms: i64) -> Result<Option<bool>, StoreFault> {
        let key = AccessKey::Jwt { id: &jti(n), grant: None };
        Ok(self.store.access(key, &self.call(ms)).await?.map(|known| known.revoked))
    }

    /// Whether somebody else could still spend claim `n`. Asking spends it.
    pub(super) async fn claim_was_free(&self, n: u32, ms: i64) -> Result<bool, StoreFault> {
        let op = IssueToken::new().with_claim(Some(claim(n)));
        Ok(self.store.issue_token(&op, &self.call(ms)).await? == TokenIssuance::Won)
    }

    /// Leases everything and acknowledges it.
    pub(super) async fn take_events(&self, ms: i64) -> Result<Vec<LeasedEvent>, Broken> {
        let leased = self.store.lease_events(1_000, at(ms + 1), &self.call(ms)).await?;
        let ids: Vec<_> = leased.iter().map(|event| event.id).collect();
        self.store.ack_events(&ids, &self.call(ms)).await?;
        Ok(leased)
    }

    /// The same, in short: what happened to which event.
    pub(super) async fn happened(&self, ms: i64) -> Result<Vec<(EventKind, EventId)>, Broken> {
        Ok(self.take_events(ms).await?.into_iter().map(|event| (event.kind, event.id)).collect())
    }

    pub(super) async fn revoke(&self, what: Revocation, ms: i64) -> Verdict {
        let end = self.store.revoke(&Revoke::new(what.clone()), &self.call(ms)).await?;
        same!(end, Revoked::Done, "revoking {what:?}");
        Ok(())
    }

    pub(super) async fn launch_is_free(&self, n: u32, ms: i64) -> Result<bool, StoreFault> {
        Ok(self.store.launch(&launch(n), &self.call(ms)).await?.is_some())
    }

    pub(super) async fn revision(&self, n: u32, ms: i64) -> Result<Option<u64>, StoreFault> {
        Ok(self.store.interaction(&interaction(n), &self.call(ms)).await?.map(|stored| stored.revision.0))
    }

    pub(super) async fn status(&self, n: u32, ms: i64) -> Result<Option<GrantStatus>, StoreFault> {
        Ok(self.store.grant(GrantKey::Id(&grant_id(n)), &self.call(ms)).await?.map(|grant| grant.status))
    }

    /// The numbers of alice's live grants.
    pub(super) async fn live(&self, ms: i64) -> Result<Vec<GrantId>, StoreFault> {
        let grants = self.store.grants_of(&UserId::new("alice"), None, 1_000, &self.call(ms)).await?;
        Ok(grants.into_iter().map(|grant| grant.id).collect())
    }
}
