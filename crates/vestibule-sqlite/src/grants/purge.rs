//! Purging: bounded, by an index over the ends.

use rusqlite::{Connection, params};
use vestibule_host::{Purged, UnixMillis};

use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Purge {
    pub(super) before: UnixMillis,
    pub(super) max: u16,
}

impl Operation for Purge {
    type Output = Purged;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Purged>, Failure> {
        let max = usize::from(self.max);
        let mut gone = 0;
        let statements = [
            &sql.purge_interactions,
            &sql.purge_launches,
            &sql.purge_grants,
            &sql.purge_access,
            &sql.purge_revoked_tokens,
            &sql.purge_claims,
            &sql.purge_spent_tokens,
        ];
        for statement in statements {
            let left = max.saturating_sub(gone);
            // A code and a refresh chain go with their grant and are not counted.
            gone += on.prepare_cached(statement)?.execute(params![self.before.0, left])?;
        }
        let rows = u32::try_from(gone).unwrap_or(u32::MAX);
        Ok(Effect::Keep(Purged { rows, more: gone >= max }))
    }
}
