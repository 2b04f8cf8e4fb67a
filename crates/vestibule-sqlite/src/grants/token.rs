//! Keeping a token without a user.

use rusqlite::Connection;
use vestibule_host::{Call, EventKind, IssueToken, TokenIssuance};

use super::beside::{self, Claimed};
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Issue {
    pub(super) op: IssueToken,
    pub(super) call: Call,
}

impl Operation for Issue {
    type Output = TokenIssuance;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<TokenIssuance>, Failure> {
        let (op, call) = (&self.op, &self.call);
        match beside::spend(on, sql, op.claim.as_ref(), call)? {
            Claimed::Seen => return Ok(Effect::Undo(TokenIssuance::ClaimSeen)),
            Claimed::Before => return Ok(Effect::Keep(TokenIssuance::Won)),
            Claimed::Now => {}
        }
        if beside::is_kept(on, sql, op.access.as_ref(), call)? {
            return Ok(Effect::Keep(TokenIssuance::Won));
        }
        beside::keep(on, sql, op.access.as_ref(), None, call)?;
        beside::append(on, sql, op.event.as_ref(), EventKind::TokenIssued, call)?;
        Ok(Effect::Keep(TokenIssuance::Won))
    }
}
