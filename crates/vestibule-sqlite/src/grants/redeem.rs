//! Spending a code.

use rusqlite::{Connection, OptionalExtension, params};
use vestibule_host::{Call, GrantId, RedeemCode, Redemption};

use super::read;
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Redeem {
    pub(super) op: RedeemCode,
    pub(super) call: Call,
}

impl Operation for Redeem {
    type Output = Redemption;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Redemption>, Failure> {
        let (tenant, code) = (self.call.tenant.as_str().as_bytes(), self.op.code.as_bytes());
        let (binding, attempt, now) =
            (self.op.binding.as_bytes(), self.call.attempt.as_bytes(), self.call.now.0);

        // The one place where a code is spent: a conditional update, whose row count decides (CODE-004).
        let spend = params![tenant, code, binding, attempt, now];
        if on.prepare_cached(&sql.spend_code)?.execute(spend)? == 1 {
            return Ok(Effect::Keep(Redemption::Won));
        }

        let state =
            on.prepare_cached(&sql.code_state)?.query_row(params![tenant, code, binding, now], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, read::text(row, 3)?))
            });
        let Some((bound, spent_by, revoked, grant)) = state.optional()? else {
            return Ok(Effect::Undo(Redemption::NotFound));
        };
        let (bound, spent_by, revoked): (bool, Option<[u8; 16]>, bool) = (bound, spent_by, revoked);
        if !bound {
            return Ok(Effect::Undo(Redemption::Mismatch)); // CODE-007
        }
        match spent_by {
            Some(winner) if winner == *attempt => Ok(Effect::Undo(Redemption::Won)),
            Some(_) => {
                // CODE-006: in this commit, so that nobody can be told "replayed" while the grant lives.
                on.prepare_cached(&sql.revoke_grant)?.execute(params![tenant, grant.as_bytes()])?;
                Ok(Effect::Keep(Redemption::Replayed { grant: GrantId::new(grant) }))
            }
            None if revoked => Ok(Effect::Undo(Redemption::Revoked)),
            None => Ok(Effect::Undo(Redemption::Expired)),
        }
    }
}
