//! One tenant's rows, and the verbs over them: one file a verb.
//!
//! Each verb judges first, then asks for room, and changes after that, so that a refusal leaves everything as it was.

mod advance;
mod beside;
mod events;
mod index;
mod issue;
mod redeem;
mod revoke;
mod rotate;
mod token;

use std::collections::{BTreeSet, HashMap};

use self::beside::Claims;
use self::events::Events;
use self::index::Index;
use super::MemoryLimits;
use super::table::Table;
use crate::{
    AccessHash, AttemptId, Binding, Call, ClientId, CodeHash, EventId, EventKind, Family, GrantId, GrantKey,
    GrantStatus, InteractionHash, LaunchHash, LeasedEvent, PutLaunch, Record, RefreshHandle, SessionId,
    StoreFault, StoredGrant, StoredInteraction, TokenId, UnixMillis, UserId,
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
    /// One code, one grant, one refresh chain.
    chain: Option<(RefreshHandle, Family)>,
}

#[derive(Debug)]
struct CodeRow {
    grant: GrantId,
    binding: Binding,
    expires: UnixMillis,
    issued_by: AttemptId,
    spent_by: Option<AttemptId>,
}

/// Under what an opaque access token was issued.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Owner {
    Grant(GrantId),
    Client(ClientId),
}

#[derive(Debug)]
struct AccessRow {
    owner: Owner,
    kept_by: AttemptId,
    revoked: bool,
    record: Record,
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
    /// One for each refresh chain, and gone with its grant: whatever the generation, a token finds it.
    handles: HashMap<RefreshHandle, GrantId>,
    by_user: Index<UserId, GrantId>,
    by_client: Index<ClientId, GrantId>,
    by_session: Index<SessionId, GrantId>,
    access: Table<AccessHash, AccessRow>,
    /// Opaque tokens without a grant.
    without_grant: Index<ClientId, AccessHash>,
    /// JWTs that were revoked alone.
    revoked_tokens: Table<TokenId, ()>,
    claims: Claims,
    events: Events,
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
            GrantKey::Refresh(handle) => self.handles.get(handle)?,
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
        self.by_user
            .after(user, after)
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
        self.events.room(op.event.as_ref(), EventKind::LaunchMade, limits)?;
        let row = LaunchRow { record: op.record.clone(), put_by: call.attempt, spent: false };
        self.launches.put(op.hash, op.keep_until, row);
        self.events.append(op.event.as_ref(), EventKind::LaunchMade, call.now);
        Ok(())
    }

    pub(super) fn lease(&mut self, max: u16, until: UnixMillis, now: UnixMillis) -> Vec<LeasedEvent> {
        self.events.lease(max, until, now)
    }

    pub(super) fn acknowledge(&mut self, ids: &[EventId]) {
        self.events.acknowledge(ids);
    }

    /// Drops at most `max` rows that are over and says how many they were. What goes with a grant is not counted.
    pub(super) fn purge(&mut self, before: UnixMillis, max: u16) -> u16 {
        let mut gone = 0;
        while gone < max
            && (self.drop_over_interaction(before)
                || self.launches.pop_over(before).is_some()
                || self.drop_over_grant(before)
                || self.drop_over_access(before)
                || self.revoked_tokens.pop_over(before).is_some()
                || self.claims.drop_over(before))
        {
            gone += 1;
        }
        gone
    }

    fn drop_over_grant(&mut self, now: UnixMillis) -> bool {
        let Some((id, _, row)) = self.grants.pop_over(now) else { return false };
        self.codes.remove(&row.code);
        if let Some((handle, _)) = row.chain {
            self.handles.remove(&handle);
        }
        self.by_user.remove(&row.stored.user, &id);
        self.by_client.remove(&row.stored.client, &id);
        if let Some(session) = &row.stored.session {
            self.by_session.remove(session, &id);
        }
        true
    }

    /// Notes that something was issued under a grant. Its row never ends earlier than it did (CODE-005).
    fn note_use(&mut self, grant: &GrantId, keep_until: UnixMillis, now: UnixMillis) {
        self.grants.extend(grant, keep_until);
        if let Some((end, row)) = self.grants.any_mut(grant) {
            row.stored.used = now;
            row.stored.keep_until = end;
        }
    }

    fn revoke_grant(&mut self, id: &GrantId) -> bool {
        let Some((_, row)) = self.grants.any_mut(id) else { return false };
        std::mem::replace(&mut row.stored.status, GrantStatus::Revoked) == GrantStatus::Live
    }
}
