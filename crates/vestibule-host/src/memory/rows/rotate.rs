//! Using a refresh token.

use super::Rows;
use super::beside::ClaimSeen;
use crate::memory::MemoryLimits;
use crate::{Call, RotateRefresh, Rotation, StoreFault};

impl Rows {
    pub(in crate::memory) fn rotate(
        &mut self,
        op: &RotateRefresh,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<Rotation, StoreFault> {
        let mut beside = match self.judge_claim(op.claim.as_ref(), call) {
            Err(ClaimSeen) => return Ok(Rotation::ClaimSeen),
            Ok(beside) => beside,
        };
        let id = self.handles.get(&op.handle).cloned();
        let row = id.as_ref().and_then(|id| self.grants.live(id, call.now));
        let chain = row.and_then(|row| row.chain.as_ref().map(|(_, family)| (family, &row.stored)));
        let (Some(id), Some((family, grant))) = (id, chain) else {
            self.room_beside(&beside, call, limits)?;
            self.write_beside(beside, call);
            return Ok(Rotation::NotFound);
        };
        let answer = family.answer(op, grant, call);
        if let Some((_, kind)) = &answer.change {
            beside = beside.tells(op.event.as_ref(), *kind);
        }
        if answer.issues() {
            beside = beside.keeps(op.access.as_ref(), Some(&id));
        }
        self.room_beside(&beside, call, limits)?;

        // Nothing below can refuse: this is the one commit.
        self.write_beside(beside, call);
        if answer.issues() {
            self.note_use(&id, op.keep_until, call.now);
        }
        if let (Some((family, _)), Some((_, row))) = (answer.change, self.grants.any_mut(&id)) {
            row.chain = Some((op.handle, family));
        }
        if matches!(answer.outcome, Rotation::Reuse { .. }) {
            self.revoke_grant(&id); // RT-004
        }
        Ok(answer.outcome)
    }
}
