//! What is written beside a verb's own rows, in its savepoint: the assertion that it spends, the opaque token that it keeps,
//! the use that it notes, its event.

use rusqlite::{Connection, OptionalExtension, params};
use vestibule_host::{AssertionClaim, Call, EventKind, GrantId, NewAccess, NewEvent, StoreFault, UnixMillis};

use crate::error::Failure;
use crate::statements::Statements;

/// What SQLite allows at most.
const MOST_PAGES: u32 = u32::MAX - 1;

/// What the first judgement of a verb came to (JWTCA-009).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Claimed {
    /// Spent now, or there is none.
    Now,
    /// This attempt has spent it before, and so was here before.
    Before,
    /// Another attempt has spent it.
    Seen,
}

/// Spends the assertion. The row count of a conditional insert decides, so that of two verbs one wins.
pub(super) fn spend(
    on: &Connection,
    sql: &Statements,
    claim: Option<&AssertionClaim>,
    call: &Call,
) -> Result<Claimed, Failure> {
    let Some(claim) = claim else { return Ok(Claimed::Now) };
    let (tenant, key) = (call.tenant.as_str().as_bytes(), claim.key.as_bytes());
    let attempt = call.attempt.as_bytes();
    let row = params![tenant, key, claim.keep_until.0, attempt, call.now.0];
    if on.prepare_cached(&sql.spend_claim)?.execute(row)? == 1 {
        return Ok(Claimed::Now);
    }
    let spent_by: [u8; 16] =
        on.prepare_cached(&sql.claim_spent_by)?.query_row(params![tenant, key], |row| row.get(0))?;
    Ok(if spent_by == *attempt { Claimed::Before } else { Claimed::Seen })
}

/// Keeps an opaque access token, under a grant or without one: inserted, never updated (row 12).
pub(super) fn keep(
    on: &Connection,
    sql: &Statements,
    access: Option<&NewAccess>,
    grant: Option<&GrantId>,
    call: &Call,
) -> Result<(), Failure> {
    let Some(access) = access else { return Ok(()) };
    let client = grant.is_none().then(|| access.client.as_str().as_bytes());
    let record: &[u8] = &access.record.0;
    let kept = on.prepare_cached(&sql.keep_access)?.execute(params![
        call.tenant.as_str().as_bytes(),
        access.hash.as_bytes(),
        grant.map(|grant| grant.as_str().as_bytes()),
        client,
        access.expires.0,
        call.attempt.as_bytes(),
        record,
        call.now.0,
    ])?;
    if kept == 1 { Ok(()) } else { Err(StoreFault::not_applied("the access token is already kept").into()) }
}

/// Whether this very attempt has kept the token before.
pub(super) fn is_kept(
    on: &Connection,
    sql: &Statements,
    access: Option<&NewAccess>,
    call: &Call,
) -> Result<bool, Failure> {
    let Some(access) = access else { return Ok(false) };
    let key = params![call.tenant.as_str().as_bytes(), access.hash.as_bytes(), call.now.0];
    let kept_by: Option<[u8; 16]> =
        on.prepare_cached(&sql.access_kept_by)?.query_row(key, |row| row.get(0)).optional()?;
    Ok(kept_by.is_some_and(|attempt| attempt == *call.attempt.as_bytes()))
}

/// Notes that something was issued under a grant. Its row never ends earlier than it did (CODE-005).
pub(super) fn note_use(
    on: &Connection,
    sql: &Statements,
    grant: &GrantId,
    keep_until: UnixMillis,
    call: &Call,
) -> Result<(), Failure> {
    let row = params![call.tenant.as_str().as_bytes(), grant.as_str().as_bytes(), call.now.0, keep_until.0];
    on.prepare_cached(&sql.note_use)?.execute(row)?;
    Ok(())
}

/// Appends the event, once.
pub(super) fn append(
    on: &Connection,
    sql: &Statements,
    event: Option<&NewEvent>,
    kind: EventKind,
    call: &Call,
) -> Result<(), Failure> {
    let Some(event) = event else { return Ok(()) };
    let record: &[u8] = &event.record.0;
    let row = params![call.tenant.as_str().as_bytes(), event.id.as_bytes(), kind.name(), call.now.0, record,];
    let append = || on.prepare_cached(&sql.append_event)?.execute(row).map(drop);
    match sql.pages.filter(|_| kind.ends_something()) {
        Some(pages) => beyond(on, pages, append)?,
        None => append()?,
    }
    Ok(())
}

/// A full file must not keep a thief's grant alive: what ends something may be told in an eighth more than there is for all else.
fn beyond(
    on: &Connection,
    pages: u32,
    append: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let limit = |pages: u32| on.pragma_update(None, "max_page_count", pages);
    limit(pages.saturating_add(pages / 8).saturating_add(16).min(MOST_PAGES))?;
    let appended = append();
    // SQLite takes no less than the file has: the bound is then what there is, and nothing else grows it.
    limit(pages)?;
    appended
}
