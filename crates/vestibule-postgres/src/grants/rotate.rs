//! Using a refresh token.
//!
//! The statement judges as [`Family::answer`] does, writes, and returns the chain before and after. The outcome is then read out of
//! the chain by `Family::answer` itself: a chain remembers what its newest attempt was told.

use vestibule_host::{Call, Family, RotateRefresh, Rotation, StoreFault};

use super::beside::{Access, Caller, Claim, Event};
use crate::PostgresStore;
use crate::row::{self, CHAIN_COLUMNS, GRANT_COLUMNS, get, of_verb, unknown};
use crate::session::Hold;

/// Where the chain as it was found begins, where the chain as it was left, and where the outcome is.
const BEFORE: usize = GRANT_COLUMNS;
const AFTER: usize = BEFORE + CHAIN_COLUMNS;
const OUTCOME: usize = AFTER + CHAIN_COLUMNS;

pub(super) async fn rotate(
    store: &PostgresStore,
    op: &RotateRefresh,
    call: &Call,
) -> Result<Rotation, StoreFault> {
    let (caller, claim) = (Caller::of(call), Claim::of(op.claim.as_ref()));
    let (event, access) = (Event::of(op.event.as_ref()), Access::of(op.access.as_ref()));
    let (handle, presented): (&[u8], &[u8]) = (op.handle.as_bytes(), op.presented.as_bytes());
    let (next, salt): (&[u8], &[u8]) = (op.next.as_bytes(), op.salt.as_bytes());
    let client = op.client.as_str().as_bytes();
    let window = i64::try_from(op.window.as_millis()).unwrap_or(i64::MAX);
    let max_replays = i64::from(op.max_replays);
    let row = store
        .verb(
            &store.sql().rotate,
            &[
                &caller.tenant,
                &caller.now,
                &caller.attempt,
                &claim.key,
                &claim.keep_until,
                &event.id,
                &event.record,
                &access.hash,
                &access.expires,
                &access.record,
                &handle,
                &presented,
                &client,
                &next,
                &salt,
                &window,
                &max_replays,
                &op.idle_until.0,
                &op.keep_until.0,
            ],
            Hold::Nothing,
        )
        .await?;
    let first = match of_verb(get::<&str>(&row, OUTCOME))? {
        "claim_seen" => return Ok(Rotation::ClaimSeen),
        "not_found" => return Ok(Rotation::NotFound),
        "unchanged" => BEFORE,
        "changed" => AFTER,
        other => return Err(unknown(other)),
    };
    let (grant, family) = (of_verb(row::grant(&row))?, of_verb(row::family(&row, first))?);
    let answer = Family::answer(&family, op, &grant, call);
    // Both judgements say that nothing more is to be written. If they ever differed, nobody is told that it went well.
    if answer.change.is_some() {
        return Err(StoreFault::outcome_unknown("the chain was judged in two ways"));
    }
    Ok(answer.outcome)
}
