//! One tenant's launches, interactions, codes and grants, and the verbs over them.
//!
//! Each verb judges first and changes after the last judgement, so that a refusal leaves everything as it was.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use super::MemoryLimits;
use super::table::Table;
use crate::{
    Advance, Advanced, AttemptId, Binding, Call, ClientId, CodeHash, GrantId, GrantKey, GrantStatus,
    InteractionHash, Issuance, IssueCode, LaunchHash, PutLaunch, Quota, Record, RedeemCode, Redemption,
    Revision, Revocation, SessionId, StoreFault, StoredGrant, StoredInteraction, UnixMillis, UserId,
};

/// At the bound, so many rows that are over are dropped before the answer is `Full`. Keeps each call's cost bounded.
const SWEEP: u16 = 64;

#[derive(Debug)]
struct InteractionRow {
    stored: StoredInteraction,
    saved_by: AttemptId,
    counted: Option<ClientId>,
}

#[derive(Debug)]
struct LaunchRow {
    record: Record,
    put_by: AttemptId,
    spent: bool,
}

#[derive(Debug)]
struct GrantRow {
    stored: StoredGrant,
    code: CodeHash,
}

#[derive(Debug)]
struct CodeRow {
    grant: GrantId,
    binding: Binding,
    expires: UnixMillis,
    issued_by: AttemptId,
    spent_by: Option<AttemptId>,
}

/// Grants by something that they can be revoked by.
#[derive(Debug)]
struct Index<K>(HashMap<K, BTreeSet<GrantId>>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash> Index<K> {
    fn add(&mut self, key: &K, grant: &GrantId) {
        self.0.entry(key.clone()).or_default().insert(grant.clone());
    }

    fn remove(&mut self, key: &K, grant: &GrantId) {
        if let Some(grants) = self.0.get_mut(key) {
            grants.remove(grant);
            if grants.is_empty() {
                self.0.remove(key);
            }
        }
    }

    fn of(&self, key: &K) -> impl Iterator<Item = &GrantId> {
        self.0.get(key).into_iter().flatten()
    }
}

/// What an advance may do, judged before anything changes.
enum Judged {
    Free(Revision),
    Repeated(Revision),
    Stale(StoredInteraction),
    Gone,
}

/// All rows of one tenant.
#[derive(Debug, Default)]
pub(super) struct Rows {
    interactions: Table<InteractionHash, InteractionRow>,
    /// Interactions that nobody signed in for, by app and in the order of their ends.
    counted: HashMap<ClientId, BTreeSet<(UnixMillis, InteractionHash)>>,
    launches: Table<LaunchHash, LaunchRow>,
    grants: Table<GrantId, GrantRow>,
    /// One for each grant, and gone with it: a spent code stays as long as its grant may hold live tokens (CODE-005).
    codes: HashMap<CodeHash, CodeRow>,
    by_user: Index<UserId>,
    by_client: Index<ClientId>,
    by_session: Index<SessionId>,
}

impl Rows {
    pub(super) fn interaction(&self, id: &InteractionHash, now: UnixMillis) -> Option<StoredInteraction> {
        self.interactions.live(id, now).map(|row| row.stored.clone())
    }

    pub(super) fn launch(&self, hash: &LaunchHash, now: UnixMillis) -> Option<Record> {
        self.launches.live(hash, now).filter(|row| !row.spent).map(|row| row.record.clone())
    }

    pub(super) fn grant(&self, by: GrantKey<'_>, now: UnixMillis) -> Option<StoredGrant> {
        let id = match by {
            GrantKey::Id(id) => id,
            GrantKey::Code(code) => &self.codes.get(code)?.grant,
        };
        self.grants.live(id, now).map(|row| row.stored.clone())
    }

    pub(super) fn grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        now: UnixMillis,
    ) -> Vec<StoredGrant> {
        let Some(ids) = self.by_user.0.get(user) else { return Vec::new() };
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        ids.range::<GrantId, _>((from, std::ops::Bound::Unbounded))
            .filter_map(|id| self.grants.live(id, now))
            .filter(|row| row.stored.status == GrantStatus::Live)
            .take(usize::from(limit))
            .map(|row| row.stored.clone())
            .collect()
    }

    pub(super) fn put_launch(
        &mut self,
        op: &PutLaunch,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<(), StoreFault> {
        if let Some(row) = self.launches.live(&op.hash, call.now) {
            return if row.put_by == call.attempt {
                Ok(())
            } else {
                Err(StoreFault::not_applied("a launch with this hash is already kept"))
            };
        }
        if self.launches.len() >= limits.launches {
            for _ in 0..SWEEP {
                if self.launches.pop_over(call.now).is_none() {
                    break;
                }
            }
            if self.launches.len() >= limits.launches {
                return Err(StoreFault::Full);
            }
        }
        let row = LaunchRow { record: op.record.clone(), put_by: call.attempt, spent: false };
        self.launches.put(op.hash, op.keep_until, row);
        Ok(())
    }

    pub(super) fn advance(
        &mut self,
        op: &Advance,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<Advanced, StoreFault> {
        match self.judge(op, call) {
            Judged::Repeated(revision) => Ok(Advanced::Saved(revision)),
            Judged::Stale(stored) => Ok(Advanced::Stale(stored)),
            Judged::Gone => Ok(Advanced::Gone),
            Judged::Free(revision) => {
                self.room_for_interaction(op, call.now, limits)?;
                self.save(op, revision, call);
                Ok(Advanced::Saved(revision))
            }
        }
    }

    pub(super) fn issue(
        &mut self,
        op: &IssueCode,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<Issuance, StoreFault> {
        if self.codes.get(&op.code).is_some_and(|row| row.issued_by == call.attempt) {
            return Ok(Issuance::Won);
        }
        let revision = match self.judge(&op.interaction, call) {
            Judged::Stale(stored) => return Ok(Issuance::Stale(stored)),
            Judged::Gone => return Ok(Issuance::Gone),
            // The interaction's row is this attempt's, its code is not there: not a repetition of the same call.
            Judged::Repeated(_) => return Err(StoreFault::not_applied("one attempt was used for two verbs")),
            Judged::Free(revision) => revision,
        };
        if let Some(hash) = &op.launch
            && self.launches.live(hash, call.now).is_none_or(|row| row.spent)
        {
            return Ok(Issuance::LaunchGone);
        }
        if self.codes.contains_key(&op.code) || self.grants.any(&op.grant.id).is_some() {
            return Err(StoreFault::not_applied("the code or the grant is already kept"));
        }
        self.room_for_interaction(&op.interaction, call.now, limits)?;
        if self.grants.len() >= limits.grants {
            for _ in 0..SWEEP {
                if !self.drop_over_grant(call.now) {
                    break;
                }
            }
            if self.grants.len() >= limits.grants {
                return Err(StoreFault::Full);
            }
        }

        // Nothing below can refuse: this is the one commit.
        self.save(&op.interaction, revision, call);
        if let Some(row) = op.launch.as_ref().and_then(|hash| self.launches.live_mut(hash, call.now)) {
            row.spent = true;
        }
        let grant = &op.grant;
        self.by_user.add(&grant.user, &grant.id);
        self.by_client.add(&grant.client, &grant.id);
        self.by_session.add(&grant.session, &grant.id);
        self.codes.insert(
            op.code,
            CodeRow {
                grant: grant.id.clone(),
                binding: op.binding,
                expires: op.expires,
                issued_by: call.attempt,
                spent_by: None,
            },
        );
        self.grants.put(
            grant.id.clone(),
            grant.keep_until,
            GrantRow { stored: grant.clone(), code: op.code },
        );
        Ok(Issuance::Won)
    }

    pub(super) fn redeem(&mut self, op: &RedeemCode, call: &Call) -> Redemption {
        let Some(code) = self.codes.get_mut(&op.code) else { return Redemption::NotFound };
        let Some(grant) = self.grants.live_mut(&code.grant, call.now) else { return Redemption::NotFound };
        if code.binding != op.binding {
            return Redemption::Mismatch; // CODE-007
        }
        if let Some(winner) = code.spent_by {
            if winner == call.attempt {
                return Redemption::Won;
            }
            grant.stored.status = GrantStatus::Revoked; // CODE-006
            return Redemption::Replayed { grant: code.grant.clone() };
        }
        if grant.stored.status == GrantStatus::Revoked {
            return Redemption::Revoked;
        }
        if code.expires.is_over(call.now) {
            return Redemption::Expired;
        }
        code.spent_by = Some(call.attempt); // CODE-004
        Redemption::Won
    }

    pub(super) fn revoke(&mut self, what: &Revocation) {
        let ids: Vec<GrantId> = match what {
            Revocation::Grant(id) => vec![id.clone()],
            Revocation::User(user) | Revocation::UserAndClient(user, _) => {
                self.by_user.of(user).cloned().collect()
            }
            Revocation::Client(client) => self.by_client.of(client).cloned().collect(),
            Revocation::Session(session) => self.by_session.of(session).cloned().collect(),
        };
        for id in ids {
            if let Some(row) = self.grants.any_mut(&id) {
                if matches!(what, Revocation::UserAndClient(_, client) if *client != row.stored.client) {
                    continue;
                }
                row.stored.status = GrantStatus::Revoked;
            }
        }
    }

    /// Drops at most `max` rows that are over and says how many they were. A code goes with its grant and is not counted.
    pub(super) fn purge(&mut self, before: UnixMillis, max: u16) -> u16 {
        let mut gone = 0;
        while gone < max
            && (self.drop_over_interaction(before)
                || self.launches.pop_over(before).is_some()
                || self.drop_over_grant(before))
        {
            gone += 1;
        }
        gone
    }

    /// A repeated attempt is known while its save is the newest one. After another save it is told `Stale`, which is true as
    /// well and asks the caller to go on from what is there.
    fn judge(&self, op: &Advance, call: &Call) -> Judged {
        let row = self.interactions.live(&op.id, call.now);
        let next = Revision(op.expected.map_or(0, |read| read.0).saturating_add(1));
        match (row, op.expected) {
            (Some(row), _) if row.saved_by == call.attempt && row.stored.revision == next => {
                Judged::Repeated(next)
            }
            (Some(row), Some(read)) if row.stored.revision == read => Judged::Free(next),
            (Some(row), _) => Judged::Stale(row.stored.clone()),
            (None, None) => Judged::Free(next),
            (None, Some(_)) => Judged::Gone,
        }
    }

    fn room_for_interaction(
        &mut self,
        op: &Advance,
        now: UnixMillis,
        limits: &MemoryLimits,
    ) -> Result<(), StoreFault> {
        if let Some(quota) = &op.quota {
            self.room_in_quota(&op.id, quota, now)?;
        }
        if self.interactions.any(&op.id).is_some() || self.interactions.len() < limits.interactions {
            return Ok(());
        }
        for _ in 0..SWEEP {
            if !self.drop_over_interaction(now) {
                break;
            }
        }
        if self.interactions.len() < limits.interactions { Ok(()) } else { Err(StoreFault::Full) }
    }

    fn room_in_quota(&self, id: &InteractionHash, quota: &Quota, now: UnixMillis) -> Result<(), StoreFault> {
        let counted = |row: &InteractionRow| row.counted.as_ref() == Some(&quota.client);
        if self.interactions.live(id, now).is_some_and(counted) {
            return Ok(()); // a row that counts already is not one more
        }
        let max = usize::try_from(quota.max).unwrap_or(usize::MAX);
        let rows = self.counted.get(&quota.client).into_iter().flatten().rev();
        // From the last end backwards, so that rows that are over cost nothing.
        let unexpired = rows.take_while(|(end, _)| !end.is_over(now)).take(max).count();
        if unexpired < max { Ok(()) } else { Err(StoreFault::Full) }
    }

    fn save(&mut self, op: &Advance, revision: Revision, call: &Call) {
        let row = InteractionRow {
            stored: StoredInteraction { revision, record: op.record.clone() },
            saved_by: call.attempt,
            counted: op.quota.as_ref().map(|quota| quota.client.clone()),
        };
        if let Some(client) = &row.counted {
            self.counted.entry(client.clone()).or_default().insert((op.expires, op.id));
        }
        let counted_now = row.counted.clone().map(|client| (client, op.expires));
        if let Some((end, old)) = self.interactions.put(op.id, op.expires, row)
            && let Some(client) = old.counted
            && counted_now != Some((client.clone(), end))
        {
            self.uncount(&client, end, op.id);
        }
    }

    fn uncount(&mut self, client: &ClientId, end: UnixMillis, id: InteractionHash) {
        if let Some(rows) = self.counted.get_mut(client) {
            rows.remove(&(end, id));
            if rows.is_empty() {
                self.counted.remove(client);
            }
        }
    }

    fn drop_over_interaction(&mut self, now: UnixMillis) -> bool {
        let Some((id, end, row)) = self.interactions.pop_over(now) else { return false };
        if let Some(client) = row.counted {
            self.uncount(&client, end, id);
        }
        true
    }

    fn drop_over_grant(&mut self, now: UnixMillis) -> bool {
        let Some((id, _, row)) = self.grants.pop_over(now) else { return false };
        self.codes.remove(&row.code);
        self.by_user.remove(&row.stored.user, &id);
        self.by_client.remove(&row.stored.client, &id);
        self.by_session.remove(&row.stored.session, &id);
        true
    }
}
