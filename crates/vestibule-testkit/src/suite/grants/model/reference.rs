//! The model: lists that are searched from the front, as close to the words of the contract as code gets.

use vestibule_host::{
    AccessHash, AccessKey, Advance, Advanced, AssertionClaim, AttemptId, Call, ClaimKey, ClientId, CodeHash,
    EventId, EventKind, GrantId, GrantKey, GrantStatus, InteractionHash, Issuance, IssueCode, IssueToken,
    LaunchHash, LeasedEvent, NewAccess, NewEvent, PutLaunch, RedeemCode, Redemption, RefreshHandle,
    RefreshHash, Revision, Revocation, Revoke, Revoked, RotateRefresh, Rotation, StoreFault, StoredAccess,
    StoredGrant, StoredInteraction, Tenant, TokenId, TokenIssuance, UnixMillis, UserId,
};

use super::chain::{Chain, Use};

/// What a fault says, without what it wraps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Refused {
    NotApplied,
    Full,
    Other,
}

impl From<StoreFault> for Refused {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::NotApplied(_) => Self::NotApplied,
            StoreFault::Full => Self::Full,
            _ => Self::Other,
        }
    }
}

struct Saved {
    tenant: Tenant,
    id: InteractionHash,
    by: AttemptId,
    expires: UnixMillis,
    counted: Option<ClientId>,
    stored: StoredInteraction,
}

struct Launch {
    tenant: Tenant,
    hash: LaunchHash,
    by: AttemptId,
    keep_until: UnixMillis,
    spent: bool,
}

struct Issued {
    tenant: Tenant,
    op: IssueCode,
    by: AttemptId,
    grant: StoredGrant,
    spent_by: Option<AttemptId>,
    chain: Option<(RefreshHandle, Chain)>,
}

struct Access {
    tenant: Tenant,
    token: NewAccess,
    grant: Option<GrantId>,
    by: AttemptId,
    revoked: bool,
}

struct Event {
    tenant: Tenant,
    event: LeasedEvent,
    leased_until: Option<UnixMillis>,
}

#[derive(Default)]
pub(super) struct Model {
    saved: Vec<Saved>,
    launches: Vec<Launch>,
    issued: Vec<Issued>,
    access: Vec<Access>,
    revoked: Vec<(Tenant, TokenId, UnixMillis)>,
    claims: Vec<(Tenant, ClaimKey, UnixMillis, AttemptId)>,
    events: Vec<Event>,
}

impl Model {
    pub(super) fn saved(&self, id: &InteractionHash, call: &Call) -> Option<&StoredInteraction> {
        self.saved_row(id, call).map(|row| &row.stored)
    }

    fn saved_row(&self, id: &InteractionHash, call: &Call) -> Option<&Saved> {
        let mut rows = self.saved.iter();
        rows.find(|row| row.tenant == call.tenant && row.id == *id && !row.expires.is_over(call.now))
    }

    pub(super) fn launch_is_free(&mut self, hash: &LaunchHash, call: &Call) -> bool {
        self.free_launch(hash, call).is_some()
    }

    fn free_launch(&mut self, hash: &LaunchHash, call: &Call) -> Option<&mut Launch> {
        let mut rows = self.launches.iter_mut();
        rows.find(|row| {
            row.tenant == call.tenant && row.hash == *hash && !row.keep_until.is_over(call.now) && !row.spent
        })
    }

    pub(super) fn put_launch(&mut self, op: &PutLaunch, call: &Call) -> Result<(), Refused> {
        let same = |row: &&Launch| row.tenant == call.tenant && row.hash == op.hash;
        if let Some(row) = self.launches.iter().find(same)
            && !row.keep_until.is_over(call.now)
        {
            return if row.by == call.attempt { Ok(()) } else { Err(Refused::NotApplied) };
        }
        self.launches.retain(|row| !same(&row));
        let (tenant, by) = (call.tenant.clone(), call.attempt);
        self.launches.push(Launch { tenant, hash: op.hash, by, keep_until: op.keep_until, spent: false });
        self.tell(op.event.as_ref(), EventKind::LaunchMade, call);
        Ok(())
    }

    pub(super) fn advance(&mut self, op: &Advance, call: &Call) -> Result<Advanced, Refused> {
        let next = Revision(op.expected.map_or(0, |read| read.0) + 1);
        match (self.saved_row(&op.id, call), op.expected) {
            (Some(row), _) if row.by == call.attempt && row.stored.revision == next => {
                return Ok(Advanced::Saved(next));
            }
            (Some(row), read) if Some(row.stored.revision) != read => {
                return Ok(Advanced::Stale(row.stored.clone()));
            }
            (None, Some(_)) => return Ok(Advanced::Gone),
            _ => {}
        }
        self.save(op, next, call)?;
        self.tell(op.event.as_ref(), EventKind::Refused, call);
        Ok(Advanced::Saved(next))
    }

    fn save(&mut self, op: &Advance, next: Revision, call: &Call) -> Result<(), Refused> {
        if let Some(quota) = &op.quota {
            let counts = |row: &&Saved| {
                row.tenant == call.tenant
                    && row.counted.as_ref() == Some(&quota.client)
                    && !row.expires.is_over(call.now)
            };
            let already = self.saved.iter().filter(counts).any(|row| row.id == op.id);
            if !already && self.saved.iter().filter(counts).count() >= usize::try_from(quota.max).unwrap_or(0)
            {
                return Err(Refused::Full);
            }
        }
        self.saved.retain(|row| row.tenant != call.tenant || row.id != op.id);
        self.saved.push(Saved {
            tenant: call.tenant.clone(),
            id: op.id,
            by: call.attempt,
            expires: op.expires,
            counted: op.quota.as_ref().map(|quota| quota.client.clone()),
            stored: StoredInteraction { revision: next, record: op.record.clone() },
        });
        Ok(())
    }

    pub(super) fn issue(&mut self, op: &IssueCode, call: &Call) -> Result<Issuance, Refused> {
        let same = |row: &&Issued| row.tenant == call.tenant && row.op.code == op.code;
        if self.issued.iter().find(same).is_some_and(|row| row.by == call.attempt) {
            return Ok(Issuance::Won);
        }
        let read = op.interaction.expected;
        let next = Revision(read.map_or(0, |read| read.0) + 1);
        match (self.saved_row(&op.interaction.id, call), read) {
            // Its grant was purged and its interaction was not.
            (Some(row), _) if row.by == call.attempt && row.stored.revision == next => {
                return Err(Refused::NotApplied);
            }
            (Some(row), read) if Some(row.stored.revision) != read => {
                return Ok(Issuance::Stale(row.stored.clone()));
            }
            (None, Some(_)) => return Ok(Issuance::Gone),
            _ => {}
        }
        if let Some(launch) = &op.launch
            && self.free_launch(launch, call).is_none()
        {
            return Ok(Issuance::LaunchGone);
        }
        let taken = |row: &Issued| same(&row) || (row.tenant == call.tenant && row.grant.id == op.grant.id);
        if self.issued.iter().any(taken) {
            return Err(Refused::NotApplied);
        }
        self.save(&op.interaction, next, call)?;
        if let Some(row) = op.launch.as_ref().and_then(|launch| self.free_launch(launch, call)) {
            row.spent = true;
        }
        let (tenant, grant) = (call.tenant.clone(), op.grant.clone());
        let (by, spent_by, chain) = (call.attempt, None, None);
        self.issued.push(Issued { tenant, op: op.clone(), by, grant, spent_by, chain });
        self.tell(op.event.as_ref(), EventKind::CodeIssued, call);
        Ok(Issuance::Won)
    }

    /// The grants that are kept, with what belongs to them.
    fn kept<'a>(&'a mut self, call: &'a Call) -> impl Iterator<Item = &'a mut Issued> {
        let kept = |row: &&mut Issued| row.tenant == call.tenant && !row.grant.keep_until.is_over(call.now);
        self.issued.iter_mut().filter(kept)
    }

    pub(super) fn redeem(&mut self, op: &RedeemCode, call: &Call) -> Result<Redemption, Refused> {
        if self.is_seen(op.claim.as_ref(), call) {
            return Ok(Redemption::ClaimSeen);
        }
        let handle_taken = op.refresh.is_some_and(|refresh| self.chain_is_open(&refresh.handle, call));
        let token_taken = self.token_is_kept(op.access.as_ref(), call).is_some();
        let (mut end, mut kind, mut owner) = (Redemption::NotFound, None, None);
        if let Some(row) = self.kept(call).find(|row| row.op.code == op.code) {
            let live = row.grant.status == GrantStatus::Live;
            end = match row.spent_by {
                _ if row.op.binding != op.binding => Redemption::Mismatch,
                Some(by) if by == call.attempt => Redemption::Won,
                Some(_) => {
                    row.grant.status = GrantStatus::Revoked;
                    kind = live.then_some(EventKind::CodeReplayed);
                    Redemption::Replayed { grant: row.grant.id.clone() }
                }
                None if !live => Redemption::Revoked,
                None if row.op.expires.is_over(call.now) => Redemption::Expired,
                None if handle_taken || token_taken => return Err(Refused::NotApplied),
                None => {
                    row.spent_by = Some(call.attempt);
                    row.chain = op.refresh.map(|refresh| (refresh.handle, Chain::open(&refresh)));
                    row.grant.used = call.now;
                    row.grant.keep_until = row.grant.keep_until.max(op.keep_until);
                    (kind, owner) = (Some(EventKind::CodeRedeemed), Some(row.grant.id.clone()));
                    Redemption::Won
                }
            };
        }
        self.spend(op.claim.as_ref(), call);
        if owner.is_some() {
            self.keep_token(op.access.as_ref(), owner, call);
        }
        if let Some(kind) = kind {
            self.tell(op.event.as_ref(), kind, call);
        }
        Ok(end)
    }

    pub(super) fn rotate(&mut self, op: &RotateRefresh, call: &Call) -> Result<Rotation, Refused> {
        if self.is_seen(op.claim.as_ref(), call) {
            return Ok(Rotation::ClaimSeen);
        }
        let token_taken = self.token_is_kept(op.access.as_ref(), call).is_some();
        let (mut end, mut kind, mut owner) = (Rotation::NotFound, None, None);
        let by_handle = |row: &&mut Issued| row.chain.as_ref().is_some_and(|(at, _)| *at == op.handle);
        if let Some(row) = self.kept(call).find(by_handle)
            && let Some((_, chain)) = &mut row.chain
        {
            let grant = row.grant.id.clone();
            let told = chain.told(op, call);
            let repeated = told.is_some();
            let used = match told {
                _ if row.grant.client != op.client => Err(Rotation::Mismatch),
                Some(told) => Ok(told),
                None if row.grant.status == GrantStatus::Revoked => Err(Rotation::Revoked),
                None if chain.is_over(call.now) => Err(Rotation::Expired),
                // A token that is there already is found out where tokens are issued, and not before.
                None if token_taken && would_issue(chain, op, call) => return Err(Refused::NotApplied),
                None => Ok(chain.present(op, call)),
            };
            (end, kind) = match used {
                Err(end) => (end, None),
                Ok(Use::Rotates) => (Rotation::Won, Some(EventKind::Refreshed)),
                Ok(Use::Repeats(salt)) => (Rotation::Same { salt }, Some(EventKind::RefreshRepeated)),
                Ok(Use::Suspected(first)) => {
                    (Rotation::Suspected { grant }, first.then_some(EventKind::ReuseSuspected))
                }
                Ok(Use::Kills) => (Rotation::Reuse { grant }, Some(EventKind::ReuseDetected)),
            };
            kind = kind.filter(|_| !repeated);
            match kind {
                Some(EventKind::Refreshed | EventKind::RefreshRepeated) => {
                    row.grant.used = call.now;
                    row.grant.keep_until = row.grant.keep_until.max(op.keep_until);
                    owner = Some(row.grant.id.clone());
                }
                Some(EventKind::ReuseDetected) => row.grant.status = GrantStatus::Revoked,
                _ => {}
            }
        }
        self.spend(op.claim.as_ref(), call);
        if owner.is_some() {
            self.keep_token(op.access.as_ref(), owner, call);
        }
        if let Some(kind) = kind {
            self.tell(op.event.as_ref(), kind, call);
        }
        Ok(end)
    }

    pub(super) fn issue_token(&mut self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, Refused> {
        if self.is_seen(op.claim.as_ref(), call) {
            return Ok(TokenIssuance::ClaimSeen);
        }
        let claimed = op.claim.is_some_and(|claim| self.claim(&claim.key, call).is_some());
        let kept_by = self.token_is_kept(op.access.as_ref(), call);
        if claimed {
            return Ok(TokenIssuance::Won);
        }
        match kept_by {
            Some(by) if by != call.attempt => return Err(Refused::NotApplied),
            Some(_) => self.spend(op.claim.as_ref(), call),
            None => {
                self.spend(op.claim.as_ref(), call);
                self.keep_token(op.access.as_ref(), None, call);
                self.tell(op.event.as_ref(), EventKind::TokenIssued, call);
            }
        }
        Ok(TokenIssuance::Won)
    }

    pub(super) fn revoke(&mut self, op: &Revoke, call: &Call) -> Result<Revoked, Refused> {
        if self.is_seen(op.claim.as_ref(), call) {
            return Ok(Revoked::ClaimSeen);
        }
        let mut changed = false;
        for row in self.issued.iter_mut().filter(|row| row.tenant == call.tenant) {
            let grant = &mut row.grant;
            let hit = match &op.what {
                Revocation::Grant(id) => grant.id == *id,
                Revocation::User(user) => grant.user == *user,
                Revocation::UserAndClient(user, client) => grant.user == *user && grant.client == *client,
                Revocation::Client(client) => grant.client == *client,
                Revocation::Session(session) => grant.session.as_ref() == Some(session),
                _ => false,
            };
            if hit && grant.status == GrantStatus::Live {
                (grant.status, changed) = (GrantStatus::Revoked, true);
            }
        }
        for row in self.access.iter_mut().filter(|row| row.tenant == call.tenant) {
            let hit = match &op.what {
                Revocation::Access(hash) => row.token.hash == *hash,
                Revocation::Client(client) => row.grant.is_none() && row.token.client == *client,
                _ => false,
            };
            if hit && !row.revoked {
                (row.revoked, changed) = (true, true);
            }
        }
        if let Revocation::Token { id, until } = &op.what {
            let known = |row: &&(Tenant, TokenId, UnixMillis)| row.0 == call.tenant && row.1 == *id;
            if self.revoked.iter().find(known).is_none_or(|row| row.2 < *until) {
                self.revoked.retain(|row| !known(&row));
                self.revoked.push((call.tenant.clone(), id.clone(), *until));
                changed = true;
            }
        }
        self.spend(op.claim.as_ref(), call);
        if changed {
            self.tell(op.event.as_ref(), EventKind::Revoked, call);
        }
        Ok(Revoked::Done)
    }

    pub(super) fn lease(&mut self, max: u16, until: UnixMillis, call: &Call) -> Vec<LeasedEvent> {
        let free = |row: &&mut Event| {
            row.tenant == call.tenant && row.leased_until.is_none_or(|until| until.is_over(call.now))
        };
        let mut leased = Vec::new();
        for row in self.events.iter_mut().filter(free).take(usize::from(max)) {
            row.leased_until = Some(until);
            leased.push(row.event.clone());
        }
        leased
    }

    pub(super) fn acknowledge(&mut self, ids: &[EventId], call: &Call) {
        self.events.retain(|row| row.tenant != call.tenant || !ids.contains(&row.event.id));
    }

    pub(super) fn purge(&mut self, before: UnixMillis) {
        self.saved.retain(|row| !row.expires.is_over(before));
        self.launches.retain(|row| !row.keep_until.is_over(before));
        self.issued.retain(|row| !row.grant.keep_until.is_over(before));
        self.access.retain(|row| !row.token.expires.is_over(before));
        self.revoked.retain(|row| !row.2.is_over(before));
        self.claims.retain(|row| !row.2.is_over(before));
    }

    pub(super) fn grants_of(&mut self, user: &UserId, call: &Call) -> Vec<StoredGrant> {
        let mine = |grant: &StoredGrant| grant.user == *user && grant.status == GrantStatus::Live;
        let mut grants: Vec<_> = self.kept(call).map(|row| row.grant.clone()).filter(mine).collect();
        grants.sort_by(|one, other| one.id.cmp(&other.id));
        grants
    }

    pub(super) fn grant(&mut self, by: GrantKey<'_>, call: &Call) -> Option<StoredGrant> {
        let named = |row: &&mut Issued| match by {
            GrantKey::Id(id) => row.grant.id == *id,
            GrantKey::Code(code) => row.op.code == *code,
            GrantKey::Refresh(handle) => row.chain.as_ref().is_some_and(|(at, _)| at == handle),
        };
        self.kept(call).find(named).map(|row| row.grant.clone())
    }

    pub(super) fn access(&mut self, by: AccessKey<'_>, call: &Call) -> Option<StoredAccess> {
        match by {
            AccessKey::Opaque(hash) => {
                let row = self.access_row(hash, call)?;
                let (record, expires) = (Some(row.token.record.clone()), Some(row.token.expires));
                let (revoked, owner) = (row.revoked, row.grant.clone());
                let grant = owner.as_ref().and_then(|id| self.grant(GrantKey::Id(id), call));
                if owner.is_some() && grant.is_none() {
                    return None;
                }
                Some(StoredAccess { record, expires, revoked, grant })
            }
            AccessKey::Jwt { id, grant } => {
                let listed = |row: &(Tenant, TokenId, UnixMillis)| {
                    row.0 == call.tenant && row.1 == *id && !row.2.is_over(call.now)
                };
                let revoked = self.revoked.iter().any(listed);
                let grant = grant.and_then(|id| self.grant(GrantKey::Id(id), call));
                Some(StoredAccess { record: None, expires: None, revoked, grant })
            }
        }
    }

    /// The chains that are kept, the newest first: for the dice.
    pub(super) fn chains(&mut self, call: &Call) -> Vec<RefreshHandle> {
        let live = |row: &&mut Issued| row.grant.status == GrantStatus::Live;
        let handle = |row: &mut Issued| row.chain.as_ref().map(|(handle, _)| *handle);
        let mut open: Vec<_> = self.kept(call).filter(live).filter_map(handle).collect();
        open.reverse();
        open
    }

    pub(super) fn is_unspent(&mut self, code: &CodeHash, call: &Call) -> bool {
        let unspent = |row: &Issued| row.op.code == *code && row.spent_by.is_none();
        self.kept(call).any(|row| unspent(row) && !row.op.expires.is_over(call.now))
    }

    /// The tokens of a chain, the newest first, and whose they are: for the dice.
    pub(super) fn tokens(
        &mut self,
        handle: &RefreshHandle,
        call: &Call,
    ) -> Option<(ClientId, Vec<RefreshHash>)> {
        let mut rows = self.issued.iter().filter(|row| row.tenant == call.tenant);
        rows.find_map(|row| {
            let (at, chain) = row.chain.as_ref()?;
            (at == handle).then(|| (row.grant.client.clone(), chain.newest_first()))
        })
    }

    fn chain_is_open(&self, handle: &RefreshHandle, call: &Call) -> bool {
        let named = |row: &Issued| row.chain.as_ref().is_some_and(|(at, _)| at == handle);
        self.issued.iter().any(|row| row.tenant == call.tenant && named(row))
    }

    fn access_row(&self, hash: &AccessHash, call: &Call) -> Option<&Access> {
        let live = |row: &&Access| row.tenant == call.tenant && !row.token.expires.is_over(call.now);
        self.access.iter().filter(live).find(|row| row.token.hash == *hash)
    }

    fn token_is_kept(&self, token: Option<&NewAccess>, call: &Call) -> Option<AttemptId> {
        token.and_then(|token| self.access_row(&token.hash, call)).map(|row| row.by)
    }

    fn keep_token(&mut self, token: Option<&NewAccess>, grant: Option<GrantId>, call: &Call) {
        let Some(token) = token else { return };
        self.access.retain(|row| row.tenant != call.tenant || row.token.hash != token.hash);
        let (tenant, by) = (call.tenant.clone(), call.attempt);
        self.access.push(Access { tenant, token: token.clone(), grant, by, revoked: false });
    }

    fn claim(&self, key: &ClaimKey, call: &Call) -> Option<AttemptId> {
        let live = |row: &&(Tenant, ClaimKey, UnixMillis, AttemptId)| {
            row.0 == call.tenant && row.1 == *key && !row.2.is_over(call.now)
        };
        self.claims.iter().find(live).map(|row| row.3)
    }

    fn is_seen(&self, claim: Option<&AssertionClaim>, call: &Call) -> bool {
        claim.and_then(|claim| self.claim(&claim.key, call)).is_some_and(|by| by != call.attempt)
    }

    fn spend(&mut self, claim: Option<&AssertionClaim>, call: &Call) {
        let Some(claim) = claim else { return };
        if self.claim(&claim.key, call).is_none() {
            self.claims.retain(|row| row.0 != call.tenant || row.1 != claim.key);
            self.claims.push((call.tenant.clone(), claim.key, claim.keep_until, call.attempt));
        }
    }

    fn tell(&mut self, event: Option<&NewEvent>, kind: EventKind, call: &Call) {
        let Some(event) = event else { return };
        let there = |row: &Event| row.tenant == call.tenant && row.event.id == event.id;
        if !self.events.iter().any(there) {
            let told = LeasedEvent { id: event.id, kind, at: call.now, record: event.record.clone() };
            self.events.push(Event { tenant: call.tenant.clone(), event: told, leased_until: None });
        }
    }
}

/// Whether using the token would issue another, asked of a copy of the chain.
fn would_issue(chain: &Chain, op: &RotateRefresh, call: &Call) -> bool {
    matches!(chain.clone().present(op, call), Use::Rotates | Use::Repeats(_))
}
