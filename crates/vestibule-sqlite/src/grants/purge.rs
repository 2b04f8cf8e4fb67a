//! Purging: bounded, by an index over the ends, and in bites.
//!
//! There is one writer, so whoever writes waits for the bite that is being taken. Each is a commit of its own, bounded by the time
//! that it takes: what waited meanwhile is served before the next one, and what was removed before a fault is removed.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use vestibule_host::{Purged, StoreFault, UnixMillis};

use crate::SqliteStore;
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

/// After this a bite ends. A commit that waits for the disk takes longer.
const BITE: Duration = Duration::from_millis(2);

/// Rows between two looks at the clock.
const MOUTHFUL: u32 = 8;

pub(super) async fn purge(store: &SqliteStore, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
    let max = u32::from(max);
    let mut rows = 0_u32;
    loop {
        let bite = store.write(Bite { before, max: max.saturating_sub(rows) }).await?;
        rows = rows.saturating_add(bite.rows);
        if !bite.more || rows >= max {
            return Ok(Purged { rows, more: bite.more });
        }
    }
}

/// What one commit takes.
#[derive(Debug)]
struct Bite {
    before: UnixMillis,
    max: u32,
}

impl Operation for Bite {
    type Output = Purged;

    #[allow(clippy::disallowed_methods, reason = "for how long others wait, not what time it is")]
    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Purged>, Failure> {
        let begun = Instant::now();
        let mut rows = 0_u32;
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
            loop {
                let some = self.max.saturating_sub(rows).min(MOUTHFUL);
                // A code and a refresh chain go with their grant and are not counted.
                let gone = on.prepare_cached(statement)?.execute(params![self.before.0, some])?;
                let gone = u32::try_from(gone).unwrap_or(u32::MAX);
                rows = rows.saturating_add(gone);
                // However slow the disk is, a bite takes something.
                if rows >= self.max || (rows > 0 && begun.elapsed() >= BITE) {
                    return Ok(Effect::Keep(Purged { rows, more: true }));
                }
                if gone < some {
                    break;
                }
            }
        }
        Ok(Effect::Keep(Purged { rows, more: false }))
    }
}
