//! Spending a code.

use super::Rows;
use super::beside::ClaimSeen;
use crate::memory::MemoryLimits;
use crate::{Call, EventKind, Family, GrantId, GrantStatus, RedeemCode, Redemption, StoreFault};

impl Rows {
    pub(in crate::memory) fn redeem(
        &mut self,
        op: &RedeemCode,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<Redemption, StoreFault> {
        let mut beside = match self.judge_claim(op.claim.as_ref(), call) {
            Err(ClaimSeen) => return Ok(Redemption::ClaimSeen),
            Ok(beside) => beside,
        };
        let (outcome, grant, change) = self.judge_redemption(op, call);
        if let (Some(kind), Some(grant)) = (change, &grant) {
            beside = beside.tells(op.event.as_ref(), kind);
            if kind == EventKind::CodeRedeemed {
                beside = beside.keeps(op.access.as_ref(), Some(grant));
                if op.refresh.is_some_and(|refresh| self.handles.contains_key(&refresh.handle)) {
                    return Err(StoreFault::not_applied("the refresh chain is already kept"));
                }
            }
        }
        self.room_beside(&beside, call, limits)?;

        // Nothing below can refuse: this is the one commit.
        self.write_beside(beside, call);
        match (change, grant) {
            (Some(EventKind::CodeRedeemed), Some(grant)) => self.spend(op, &grant, call),
            (Some(EventKind::CodeReplayed), Some(grant)) => {
                self.revoke_grant(&grant); // CODE-006
            }
            _ => {}
        }
        Ok(outcome)
    }

    /// The outcome, the grant, and what happened if anything changes.
    fn judge_redemption(
        &self,
        op: &RedeemCode,
        call: &Call,
    ) -> (Redemption, Option<GrantId>, Option<EventKind>) {
        let Some(code) = self.codes.get(&op.code) else { return (Redemption::NotFound, None, None) };
        let Some(grant) = self.grants.live(&code.grant, call.now) else {
            return (Redemption::NotFound, None, None);
        };
        if code.binding != op.binding {
            return (Redemption::Mismatch, None, None); // CODE-007
        }
        let id = Some(code.grant.clone());
        let live = grant.stored.status == GrantStatus::Live;
        match code.spent_by {
            Some(winner) if winner == call.attempt => (Redemption::Won, id, None),
            Some(_) => {
                let replayed = Redemption::Replayed { grant: code.grant.clone() };
                (replayed, id, live.then_some(EventKind::CodeReplayed))
            }
            None if !live => (Redemption::Revoked, id, None),
            None if code.expires.is_over(call.now) => (Redemption::Expired, id, None),
            None => (Redemption::Won, id, Some(EventKind::CodeRedeemed)),
        }
    }

    fn spend(&mut self, op: &RedeemCode, grant: &GrantId, call: &Call) {
        if let Some(code) = self.codes.get_mut(&op.code) {
            code.spent_by = Some(call.attempt); // CODE-004
        }
        if let (Some(refresh), Some((_, row))) = (op.refresh, self.grants.any_mut(grant)) {
            let family = Family::new(refresh.current, refresh.idle_until, refresh.until);
            row.chain = Some((refresh.handle, family));
            self.handles.insert(refresh.handle, grant.clone());
        }
        self.note_use(grant, op.keep_until, call.now);
    }
}
