//! What is written beside a verb's own rows: the assertion that it spends, the opaque token that it keeps, its event.

use super::{AccessRow, Owner, Rows, SWEEP};
use crate::memory::MemoryLimits;
use crate::memory::table::Table;
use crate::{
    AssertionClaim, AttemptId, Call, ClaimKey, EventKind, GrantId, NewAccess, NewEvent, StoreFault,
    UnixMillis,
};

/// Spent assertions, and by which attempt.
#[derive(Debug, Default)]
pub(super) struct Claims(Table<ClaimKey, AttemptId>);

impl Claims {
    pub(super) fn drop_over(&mut self, now: UnixMillis) -> bool {
        self.0.pop_over(now).is_some()
    }
}

/// What an outcome writes, gathered before anything is written.
#[derive(Debug, Default)]
pub(super) struct Beside<'a> {
    /// A claim that is not spent yet.
    claim: Option<&'a AssertionClaim>,
    access: Option<(&'a NewAccess, Owner)>,
    event: Option<(&'a NewEvent, EventKind)>,
}

/// The assertion was spent before, by another attempt.
pub(super) struct ClaimSeen;

impl<'a> Beside<'a> {
    /// Whether this attempt has spent the claim before, and so was here before.
    pub(super) fn is_repeated(&self, claim: Option<&AssertionClaim>) -> bool {
        claim.is_some() && self.claim.is_none()
    }

    /// Under a grant, or without one.
    pub(super) fn keeps(mut self, access: Option<&'a NewAccess>, grant: Option<&GrantId>) -> Self {
        self.access = access.map(|access| match grant {
            Some(grant) => (access, Owner::Grant(grant.clone())),
            None => (access, Owner::Client(access.client.clone())),
        });
        self
    }

    pub(super) fn tells(mut self, event: Option<&'a NewEvent>, kind: EventKind) -> Self {
        self.event = event.map(|event| (event, kind));
        self
    }
}

impl Rows {
    /// The first judgement of a verb (JWTCA-009).
    pub(super) fn judge_claim<'a>(
        &self,
        claim: Option<&'a AssertionClaim>,
        call: &Call,
    ) -> Result<Beside<'a>, ClaimSeen> {
        let spent_by = claim.and_then(|claim| self.claims.0.live(&claim.key, call.now));
        match spent_by {
            Some(attempt) if *attempt != call.attempt => Err(ClaimSeen),
            Some(_) => Ok(Beside::default()),
            None => Ok(Beside { claim, ..Beside::default() }),
        }
    }

    /// Asks for all the room at once. Drops at most some rows that are over and changes nothing else.
    pub(super) fn room_beside(
        &mut self,
        beside: &Beside<'_>,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<(), StoreFault> {
        // Asked before the insert: a full store never accepts an assertion unchecked (row 17).
        if beside.claim.is_some() && self.claims.0.len() >= limits.claims {
            for _ in 0..SWEEP {
                if !self.claims.drop_over(call.now) {
                    break;
                }
            }
            if self.claims.0.len() >= limits.claims {
                return Err(StoreFault::Full);
            }
        }
        if let Some((access, _)) = &beside.access {
            if self.access.live(&access.hash, call.now).is_some() {
                return Err(StoreFault::not_applied("the access token is already kept"));
            }
            self.room_for_access(call.now, limits)?;
        }
        if let Some((event, kind)) = beside.event {
            self.events.room(Some(event), kind, limits)?;
        }
        Ok(())
    }

    /// Nothing here can refuse.
    pub(super) fn write_beside(&mut self, beside: Beside<'_>, call: &Call) {
        if let Some(claim) = beside.claim {
            self.claims.0.put(claim.key, claim.keep_until, call.attempt);
        }
        if let Some((access, owner)) = beside.access {
            self.drop_access(&access.hash);
            if let Owner::Client(client) = &owner {
                self.without_grant.add(client, &access.hash);
            }
            let record = access.record.clone();
            let row = AccessRow { owner, kept_by: call.attempt, revoked: false, record };
            self.access.put(access.hash, access.expires, row);
        }
        if let Some((event, kind)) = beside.event {
            self.events.append(Some(event), kind, call.now);
        }
    }

    /// Opaque tokens and revoked JWTs share one bound.
    pub(super) fn room_for_access(
        &mut self,
        now: UnixMillis,
        limits: &MemoryLimits,
    ) -> Result<(), StoreFault> {
        let full = |rows: &Self| rows.access.len() + rows.revoked_tokens.len() >= limits.access;
        if !full(self) {
            return Ok(());
        }
        for _ in 0..SWEEP {
            if !self.drop_over_access(now) && self.revoked_tokens.pop_over(now).is_none() {
                break;
            }
        }
        if full(self) { Err(StoreFault::Full) } else { Ok(()) }
    }
}
