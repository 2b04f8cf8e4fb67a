//! Spending a code.

use rusqlite::{Connection, OptionalExtension, params};
use vestibule_host::{Call, EventKind, Family, GrantId, RedeemCode, Redemption};

use super::beside::{self, Claimed};
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
        let (op, call) = (&self.op, &self.call);
        if beside::spend(on, sql, op.claim.as_ref(), call)? == Claimed::Seen {
            return Ok(Effect::Undo(Redemption::ClaimSeen));
        }
        let (tenant, code) = (call.tenant.as_str().as_bytes(), op.code.as_bytes());
        let (binding, attempt, now) = (op.binding.as_bytes(), call.attempt.as_bytes(), call.now.0);

        // The one place where a code is spent: a conditional update, whose row decides (CODE-004).
        let spend = params![tenant, code, binding, attempt, now];
        let won =
            on.prepare_cached(&sql.spend_code)?.query_row(spend, |row| read::text(row, 0)).optional()?;
        if let Some(grant) = won {
            self.issue_tokens(on, sql, &GrantId::new(grant))?;
            return Ok(Effect::Keep(Redemption::Won));
        }

        let state =
            on.prepare_cached(&sql.code_state)?.query_row(params![tenant, code, binding, now], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, read::text(row, 3)?))
            });
        let Some((bound, spent_by, revoked, grant)) = state.optional()? else {
            return Ok(Effect::Keep(Redemption::NotFound));
        };
        let (bound, spent_by, revoked): (bool, Option<[u8; 16]>, bool) = (bound, spent_by, revoked);
        let grant = GrantId::new(grant);
        // From here on nothing but the claim is written, unless the code was replayed.
        Ok(Effect::Keep(match spent_by {
            _ if !bound => Redemption::Mismatch, // CODE-007
            Some(winner) if winner == *attempt => Redemption::Won,
            Some(_) => {
                // CODE-006: in this commit, so that nobody can be told "replayed" while the grant lives.
                let key = params![tenant, grant.as_str().as_bytes()];
                if on.prepare_cached(&sql.revoke_grant)?.execute(key)? == 1 {
                    beside::append(on, sql, op.event.as_ref(), EventKind::CodeReplayed, call)?;
                }
                Redemption::Replayed { grant }
            }
            None if revoked => Redemption::Revoked,
            None => Redemption::Expired,
        }))
    }
}

impl Redeem {
    fn issue_tokens(&self, on: &Connection, sql: &Statements, grant: &GrantId) -> Result<(), Failure> {
        let (op, call) = (&self.op, &self.call);
        let tenant = call.tenant.as_str().as_bytes();
        if let Some(refresh) = &op.refresh {
            let family = Family::new(refresh.current, refresh.idle_until, refresh.until);
            // A handle that is there already fails the whole verb.
            on.prepare_cached(&sql.open_chain)?.execute(params![
                tenant,
                refresh.handle.as_bytes(),
                grant.as_str().as_bytes(),
                family.generation,
                family.current.as_bytes(),
                family.idle_until.0,
                family.until.0,
            ])?;
        }
        beside::keep(on, sql, op.access.as_ref(), Some(grant), call)?;
        beside::note_use(on, sql, grant, op.keep_until, call)?;
        beside::append(on, sql, op.event.as_ref(), EventKind::CodeRedeemed, call)
    }
}
