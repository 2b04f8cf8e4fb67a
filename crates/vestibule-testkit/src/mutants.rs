//! Stores with one planted mistake each. A suite that has never failed proves nothing.
//!
//! Each is the store in memory with a mistake that was made in a real server, or nearly so.

mod keys;
mod registrars;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use vestibule_host::grant_store::Durability;
use vestibule_host::{
    AccessKey, Advance, Advanced, AttemptId, Binding, Call, ClientId, CodeHash, EventId, GrantId, GrantKey,
    GrantStore, InteractionHash, Issuance, IssueCode, IssueToken, LaunchHash, LeasedEvent, MemoryGrants,
    Purged, PutLaunch, Record, RedeemCode, Redemption, Revision, Revocation, Revoke, Revoked, RotateRefresh,
    Rotation, SessionId, StoreFacts, StoreFault, StoredAccess, StoredGrant, StoredInteraction, Tenant,
    TokenIssuance, UnixMillis, UserId,
};

pub use keys::{KeyMistake, MutantKeys, MutantKeysFactory};
pub use registrars::{MutantClients, RegistrarMistake};

/// A planted mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mistake {
    /// Looks, waits, then spends: two at once both win.
    UnguardedRedemption,
    /// A lost compare-and-swap is tried again over what is there.
    LastWriterWins,
    /// Codes never end.
    ForgottenExpiry,
    /// The end itself still counts.
    LateByOne,
    /// The tenant is not part of the key.
    OneTenant,
    /// A refused launch is reported as kept.
    SwallowedError,
    /// A replay is said to have killed the grant, and did not.
    ReplayWithoutRevocation,
    /// A wrong binding spends the code.
    MismatchBurns,
    /// A spent code is deleted.
    SpentCodesDeleted,
    /// Users and apps are compared without regard to case.
    CaseFolding,
    /// Grants are read from a copy that lags behind.
    LaggingRead,
    /// A repeated attempt is a new one.
    ForgetfulAttempts,
    /// A lost issue has closed the interaction.
    NonAtomicIssue,
    /// An issue that is abandoned halfway stays halfway.
    HalfDoneWhenDropped,
    /// Purging takes what will be over soon.
    GreedyPurge,
    /// Purging takes as much as there is.
    UnboundedPurge,
    /// Nothing counts against a quota.
    UncountedQuota,
    /// Revoking a session's grants does nothing.
    SessionsNotRevoked,
    /// Issuing a code does not spend the launch.
    LaunchNotSpent,
    /// Claims to survive a crash.
    FalseDurability,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::UnguardedRedemption,
        Self::LastWriterWins,
        Self::ForgottenExpiry,
        Self::LateByOne,
        Self::OneTenant,
        Self::SwallowedError,
        Self::ReplayWithoutRevocation,
        Self::MismatchBurns,
        Self::SpentCodesDeleted,
        Self::CaseFolding,
        Self::LaggingRead,
        Self::ForgetfulAttempts,
        Self::NonAtomicIssue,
        Self::HalfDoneWhenDropped,
        Self::GreedyPurge,
        Self::UnboundedPurge,
        Self::UncountedQuota,
        Self::SessionsNotRevoked,
        Self::LaunchNotSpent,
        Self::FalseDurability,
    ];
}

/// What a mutant remembers beside the store: what the mistake needs.
#[derive(Debug, Default)]
struct Notes {
    spent: HashMap<(Tenant, CodeHash), (Binding, AttemptId)>,
    bindings: HashMap<(Tenant, CodeHash), (Binding, GrantId)>,
    seen: HashMap<(Tenant, GrantId), StoredGrant>,
    unguarded: HashSet<(Tenant, CodeHash)>,
    attempts: u128,
}

/// A store in memory with one mistake.
#[derive(Debug)]
pub struct MutantGrants {
    mistake: Mistake,
    inner: MemoryGrants,
    notes: Mutex<Notes>,
}

impl MutantGrants {
    /// An empty store with this mistake.
    pub fn new(mistake: Mistake) -> Self {
        Self { mistake, inner: MemoryGrants::new(), notes: Mutex::default() }
    }

    fn has(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, call: &Call) -> Call {
        let mut call = call.clone();
        if self.has(Mistake::OneTenant) {
            call.tenant = Tenant::new("the only one");
        }
        if self.has(Mistake::ForgetfulAttempts) {
            let mut notes = self.notes();
            notes.attempts += 1;
            call.attempt = AttemptId::new(notes.attempts.to_be_bytes());
        }
        call
    }

    fn user(&self, user: &UserId) -> UserId {
        if self.has(Mistake::CaseFolding) { UserId::new(user.as_str().to_lowercase()) } else { user.clone() }
    }

    fn client(&self, client: &ClientId) -> ClientId {
        if self.has(Mistake::CaseFolding) {
            ClientId::new(client.as_str().to_lowercase())
        } else {
            client.clone()
        }
    }

    /// Redeems with the mistakes that the code's own past is needed for.
    async fn redeem(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        let key = (call.tenant.clone(), op.code);
        let spent = self.notes().spent.get(&key).copied();
        if let Some((binding, winner)) = spent {
            if self.has(Mistake::SpentCodesDeleted) && winner != call.attempt {
                return Ok(Redemption::NotFound);
            }
            if self.has(Mistake::ReplayWithoutRevocation) && binding == op.binding && winner != call.attempt {
                let grant = self.notes().bindings.get(&key).map(|(_, grant)| grant.clone());
                return Ok(grant.map_or(Redemption::NotFound, |grant| Redemption::Replayed { grant }));
            }
        }
        let looked = !self.notes().unguarded.contains(&key);
        if self.has(Mistake::UnguardedRedemption) && looked {
            tokio::task::yield_now().await;
            self.notes().unguarded.insert(key.clone());
        }
        let end = self.inner.redeem_code(op, call).await?;
        match &end {
            Redemption::Won => {
                self.notes().spent.insert(key, (op.binding, call.attempt));
            }
            Redemption::Mismatch if self.has(Mistake::MismatchBurns) => {
                let right = self.notes().bindings.get(&key).map(|(binding, _)| *binding);
                if let Some(right) = right {
                    let _ =
                        self.inner.redeem_code(&RedeemCode::new(op.code, right, op.keep_until), call).await?;
                }
            }
            Redemption::Replayed { .. } if self.has(Mistake::UnguardedRedemption) && looked => {
                return Ok(Redemption::Won);
            }
            _ => {}
        }
        Ok(end)
    }
}

#[async_trait]
impl GrantStore for MutantGrants {
    fn facts(&self) -> StoreFacts {
        let mut facts = self.inner.facts();
        if self.has(Mistake::FalseDurability) {
            facts.durability = Durability::Crash;
        }
        facts
    }

    async fn ping(&self) -> Result<(), StoreFault> {
        self.inner.ping().await
    }

    async fn interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault> {
        self.inner.interaction(id, &self.call(call)).await
    }

    async fn launch(&self, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, StoreFault> {
        self.inner.launch(hash, &self.call(call)).await
    }

    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault> {
        let call = self.call(call);
        let found = self.inner.grant(by, &call).await?;
        match found {
            Some(grant) if self.has(Mistake::LaggingRead) => {
                let key = (call.tenant, grant.id.clone());
                Ok(Some(self.notes().seen.entry(key).or_insert(grant).clone()))
            }
            found => Ok(found),
        }
    }

    async fn grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault> {
        self.inner.grants_of(&self.user(user), after, limit, &self.call(call)).await
    }

    async fn put_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
        let end = self.inner.put_launch(op, &self.call(call)).await;
        if self.has(Mistake::SwallowedError) { Ok(()) } else { end }
    }

    async fn advance_interaction(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault> {
        let (mut op, call) = (op.clone(), self.call(call));
        if self.has(Mistake::UncountedQuota) {
            op.quota = None;
        }
        if self.has(Mistake::LateByOne) {
            op.expires = UnixMillis(op.expires.0 + 1);
        }
        let end = self.inner.advance_interaction(&op, &call).await?;
        match end {
            Advanced::Stale(stored) if self.has(Mistake::LastWriterWins) => {
                op.expected = Some(stored.revision);
                self.inner.advance_interaction(&op, &call).await
            }
            end => Ok(end),
        }
    }

    async fn issue_code(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        let (mut op, call) = (op.clone(), self.call(call));
        op.grant.user = self.user(&op.grant.user);
        op.grant.client = self.client(&op.grant.client);
        if self.has(Mistake::ForgottenExpiry) {
            op.expires = UnixMillis(i64::MAX);
        }
        if self.has(Mistake::LateByOne) {
            op.expires = UnixMillis(op.expires.0 + 1);
        }
        if self.has(Mistake::LaunchNotSpent) {
            op.launch = None;
        }
        let key = (call.tenant.clone(), op.code);
        self.notes().bindings.entry(key).or_insert((op.binding, op.grant.id.clone()));
        if self.has(Mistake::HalfDoneWhenDropped)
            && op.interaction.expected.is_some()
            && let Advanced::Saved(Revision(saved)) =
                self.inner.advance_interaction(&op.interaction, &call).await?
        {
            tokio::task::yield_now().await;
            op.interaction.expected = Some(Revision(saved));
        }
        let end = self.inner.issue_code(&op, &call).await?;
        if self.has(Mistake::NonAtomicIssue) && end == Issuance::LaunchGone {
            let _ = self.inner.advance_interaction(&op.interaction, &call).await?;
        }
        Ok(end)
    }

    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        self.redeem(op, &self.call(call)).await
    }

    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault> {
        self.inner.access(by, &self.call(call)).await
    }

    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        self.inner.rotate_refresh(op, &self.call(call)).await
    }

    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        self.inner.issue_token(op, &self.call(call)).await
    }

    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        let mut op = op.clone();
        op.what = match op.what {
            Revocation::Session(_) if self.has(Mistake::SessionsNotRevoked) => {
                Revocation::Session(SessionId::new("nobody's"))
            }
            Revocation::User(user) => Revocation::User(self.user(&user)),
            Revocation::Client(client) => Revocation::Client(self.client(&client)),
            Revocation::UserAndClient(user, client) => {
                Revocation::UserAndClient(self.user(&user), self.client(&client))
            }
            other => other,
        };
        self.inner.revoke(&op, &self.call(call)).await
    }

    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        self.inner.lease_events(max, until, &self.call(call)).await
    }

    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        self.inner.ack_events(ids, &self.call(call)).await
    }

    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        if self.has(Mistake::GreedyPurge) {
            return self.inner.purge(UnixMillis(before.0.saturating_add(3_600_000)), max).await;
        }
        if self.has(Mistake::UnboundedPurge) {
            return self.inner.purge(before, u16::MAX).await;
        }
        self.inner.purge(before, max).await
    }
}
