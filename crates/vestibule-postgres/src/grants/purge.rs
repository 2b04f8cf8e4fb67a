//! Purging: bounded, by an index over the ends. Rows that somebody works on are left for the next time.
//!
//! One statement a table, each a transaction of its own: what was removed before a fault is removed, and nobody misses it.

use vestibule_host::{Purged, StoreFault, UnixMillis};

use crate::PostgresStore;

pub(super) async fn purge(store: &PostgresStore, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
    let sql = store.sql();
    let statements = [
        &sql.purge_interactions,
        &sql.purge_launches,
        &sql.purge_grants,
        &sql.purge_access,
        &sql.purge_revoked_tokens,
        &sql.purge_claims,
        &sql.purge_spent_registration_tokens,
    ];
    let max = u32::from(max);
    let mut gone = 0;
    for statement in statements {
        let left = i64::from(max.saturating_sub(gone));
        // A code and a refresh chain go with their grant and are not counted.
        let removed = store.write(statement, &[&before.0, &left]).await?;
        if !removed.is_empty() {
            store.room().made();
        }
        gone += u32::try_from(removed.len()).unwrap_or(u32::MAX);
        if gone >= max {
            break;
        }
    }
    Ok(Purged { rows: gone, more: gone >= max })
}
