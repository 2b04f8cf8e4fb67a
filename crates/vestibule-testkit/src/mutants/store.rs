//! The store in memory behind a mistake.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use vestibule_host::grant_store::Durability;
use vestibule_host::memory::MemoryLimits;
use vestibule_host::{
    AccessHash, AccessKey, Advance, Advanced, AttemptId, Binding, Call, ClaimKey, ClientId, CodeHash,
    EventId, GrantId, GrantKey, GrantStore, InteractionHash, Issuance, IssueCode, IssueToken, LaunchHash,
    LeasedEvent, MemoryGrants, NewAccess, Purged, PutLaunch, Record, RedeemCode, Redemption, RefreshHash,
    Revision, Revocation, Revoke, Revoked, RotateRefresh, Rotation, SessionId, StoreFacts, StoreFault,
    StoredAccess, StoredGrant, StoredInteraction, Tenant, TokenId, TokenIssuance, UnixMillis, UserId,
};

use super::Mistake;
use super::refresh::{Chain, Counted, NEVER};

/// What a mutant remembers beside the store: what the mistake needs.
#[derive(Debug, Default)]
pub(super) struct Notes {
    spent: HashMap<(Tenant, CodeHash), (Binding, AttemptId)>,
    bindings: HashMap<(Tenant, CodeHash), (Binding, GrantId)>,
    unguarded: HashSet<(Tenant, CodeHash)>,
    attempts: u128,
    tenants: HashSet<Tenant>,
    pub(super) seen: HashMap<(Tenant, GrantId), StoredGrant>,
    pub(super) pardoned: HashSet<(Tenant, GrantId)>,
    pub(super) kept_until: HashMap<(Tenant, GrantId), UnixMillis>,
    pub(super) looked_at: HashSet<(Tenant, RefreshHash)>,
    pub(super) counted: HashMap<Chain, Counted>,
    pub(super) claims: HashMap<(Tenant, ClaimKey), AttemptId>,
    pub(super) tried: HashSet<(Tenant, AttemptId)>,
    pub(super) appended: HashSet<(Tenant, EventId)>,
    pub(super) log: Vec<(Tenant, LeasedEvent)>,
    pub(super) tokens: HashMap<(Tenant, AccessHash), NewAccess>,
    pub(super) revoked_alone: HashSet<(Tenant, AccessHash)>,
    pub(super) revoked_until: HashMap<(Tenant, TokenId), UnixMillis>,
    pub(super) issued: HashMap<(Tenant, CodeHash), AttemptId>,
    pub(super) counted_rows: HashMap<(Tenant, InteractionHash), (ClientId, UnixMillis)>,
    pub(super) revoked_by: HashSet<(Tenant, AttemptId)>,
    pub(super) full: bool,
    pub(super) used: HashMap<(Tenant, GrantId), UnixMillis>,
}

/// A store in memory with one mistake.
#[derive(Debug)]
pub struct MutantGrants {
    mistake: Mistake,
    pub(super) inner: MemoryGrants,
    notes: Mutex<Notes>,
}

impl MutantGrants {
    /// An empty store with this mistake.
    pub fn new(mistake: Mistake) -> Self {
        Self::with_limits(mistake, MemoryLimits::default())
    }

    /// The same with other bounds.
    pub fn with_limits(mistake: Mistake, limits: MemoryLimits) -> Self {
        Self { mistake, inner: MemoryGrants::with_limits(limits), notes: Mutex::default() }
    }

    pub(super) fn has(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, call: &Call) -> Call {
        let mut call = call.clone();
        if self.has(Mistake::OneTenant) {
            call.tenant = Tenant::new("the only one");
        }
        if self.has(Mistake::EventsPurged) {
            self.notes().tenants.insert(call.tenant.clone());
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
        Ok(found.and_then(|grant| self.show(grant, &call)))
    }

    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault> {
        self.look_up(by, &self.call(call)).await
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
        if self.judges_again(&op, &call) {
            return Err(StoreFault::Full);
        }
        let end = self.inner.advance_interaction(&op, &call).await?;
        self.note_save(&op, &end, &call);
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
        let end = self.issue(&op, &call).await?;
        if self.has(Mistake::NonAtomicIssue) && end == Issuance::LaunchGone {
            let _ = self.inner.advance_interaction(&op.interaction, &call).await?;
        }
        Ok(end)
    }

    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        let (mut op, call) = (op.clone(), self.call(call));
        if let Some(refresh) = &mut op.refresh {
            if self.has(Mistake::RestIgnored) {
                refresh.idle_until = NEVER;
            }
            if self.has(Mistake::AgeIgnored) {
                refresh.until = NEVER;
            }
        }
        let run = |claim, event| -> Pin<Box<dyn Future<Output = _> + Send>> {
            let op = op.clone().with_claim(claim).with_event(event);
            let call = &call;
            Box::pin(async move { self.redeem(&op, call).await })
        };
        let end = self.along(op.claim, op.event.clone(), &call, &run).await?;
        if end == Redemption::Won {
            self.note_token(op.access.as_ref(), &call);
            self.note_end(GrantKey::Code(&op.code), op.keep_until, &call).await?;
        }
        Ok(end)
    }

    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        let call = self.call(call);
        let run = |claim, event| -> Pin<Box<dyn Future<Output = _> + Send>> {
            let op = op.clone().with_claim(claim).with_event(event);
            let call = &call;
            Box::pin(async move { self.rotate(&op, call).await })
        };
        let end = self.along(op.claim, op.event.clone(), &call, &run).await?;
        if matches!(end, Rotation::Won | Rotation::Same { .. }) {
            self.note_token(op.access.as_ref(), &call);
            self.note_end(GrantKey::Refresh(&op.handle), op.keep_until, &call).await?;
        }
        Ok(end)
    }

    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        let call = self.call(call);
        let run = |claim, event| -> Pin<Box<dyn Future<Output = _> + Send>> {
            let op = op.clone().with_claim(claim).with_event(event);
            let call = &call;
            Box::pin(async move { self.inner.issue_token(&op, call).await })
        };
        match self.along(op.claim, op.event.clone(), &call, &run).await {
            Err(StoreFault::NotApplied(_)) if self.has(Mistake::TokenReplaced) => Ok(TokenIssuance::Won),
            end => end,
        }
    }

    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        let (mut op, call) = (op.clone(), self.call(call));
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
        if self.has(Mistake::EventLost) {
            op.event = None;
        }
        if self.revokes_nothing(&op, &call)? {
            return Ok(Revoked::Done);
        }
        self.note_revocation(&op.what, &call);
        let run = |claim, event| -> Pin<Box<dyn Future<Output = _> + Send>> {
            let op = op.clone().with_claim(claim).with_event(event);
            let call = &call;
            Box::pin(async move { self.inner.revoke(&op, call).await })
        };
        let end = self.along(op.claim, op.event.clone(), &call, &run).await?;
        if end == Revoked::Done {
            self.notes().revoked_by.insert((call.tenant.clone(), call.attempt));
        }
        Ok(end)
    }

    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        let call = self.call(call);
        let until = match self.mistake {
            Mistake::LeasedForever => NEVER,
            Mistake::LeasedTwice => call.now,
            _ => until,
        };
        let mut leased = self.inner.lease_events(max, until, &call).await?;
        if self.has(Mistake::EventsReversed) {
            leased.reverse();
        }
        let mut notes = self.notes();
        let (mine, others): (Vec<_>, Vec<_>) =
            notes.log.drain(..).partition(|(tenant, _)| *tenant == call.tenant);
        notes.log = others;
        leased.extend(mine.into_iter().map(|(_, event)| event));
        Ok(leased)
    }

    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        if self.has(Mistake::AcknowledgementIgnored) {
            return Ok(());
        }
        self.inner.ack_events(ids, &self.call(call)).await
    }

    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        if self.has(Mistake::EventsPurged) {
            let tenants: Vec<_> = self.notes().tenants.iter().cloned().collect();
            for tenant in tenants {
                let call = Call { tenant, attempt: AttemptId::new([0; 16]), now: before };
                let leased = self.inner.lease_events(u16::MAX, before, &call).await?;
                let ids: Vec<_> = leased.iter().map(|event| event.id).collect();
                self.inner.ack_events(&ids, &call).await?;
            }
        }
        if self.has(Mistake::GreedyPurge) {
            return self.inner.purge(UnixMillis(before.0.saturating_add(3_600_000)), max).await;
        }
        if self.has(Mistake::UnboundedPurge) {
            return self.inner.purge(before, u16::MAX).await;
        }
        self.purge_about(before, max).await
    }
}
