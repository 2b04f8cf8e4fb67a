//! The rows that the cases work with: numbered, so that a case says `7` and means one code, one grant, one interaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use vestibule_host::{
    Advance, AttemptId, Binding, Call, ClientId, CodeHash, GrantId, GrantKey, GrantStatus, GrantStore,
    InteractionHash, Issuance, IssueCode, LaunchHash, PutLaunch, Record, RedeemCode, Redemption, Revision,
    Revocation, Revoke, Revoked, SessionId, StoreFault, StoredGrant, Tenant, UnixMillis, UserId,
};

use super::Factory;
use crate::suite::{Verdict, same};

/// A real-looking moment, so that no store gets away with 32 bits or with seconds.
pub(super) const START: i64 = 1_767_225_600_123;
/// How long codes, launches and interactions last, and how long grants are kept, from the start.
pub(super) const CODE: i64 = 60_000;
pub(super) const LAUNCH: i64 = 900_000;
pub(super) const INTERACTION: i64 = 600_000;
pub(super) const KEEP: i64 = 3_600_000;

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
