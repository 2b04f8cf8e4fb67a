//! Saving an interaction: compare-and-swap on its revision.

use rusqlite::{Connection, OptionalExtension, params};
use vestibule_host::{Advance, Advanced, Call, EventKind, Quota, Revision, StoredInteraction};

use super::{beside, read};
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Save {
    pub(super) op: Advance,
    pub(super) call: Call,
}

impl Operation for Save {
    type Output = Option<Advanced>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Option<Advanced>>, Failure> {
        Ok(match save(on, sql, &self.op, &self.call)? {
            Swap::Saved(revision) => {
                beside::append(on, sql, self.op.event.as_ref(), EventKind::Refused, &self.call)?;
                Effect::Keep(Some(Advanced::Saved(revision)))
            }
            Swap::Repeated(revision) => Effect::Keep(Some(Advanced::Saved(revision))),
            Swap::Stale(stored) => Effect::Undo(Some(Advanced::Stale(stored))),
            Swap::Gone => Effect::Undo(Some(Advanced::Gone)),
            Swap::NoRoom => Effect::Undo(None),
        })
    }
}

/// What the swap came to.
#[derive(Debug)]
pub(super) enum Swap {
    Saved(Revision),
    /// This attempt saved it before, and nobody has saved since. After another save the answer is `Stale`, which is true as
    /// well and asks the caller to go on from what is there.
    Repeated(Revision),
    Stale(StoredInteraction),
    Gone,
    /// The app has used up its quota, which says nothing about the disk.
    NoRoom,
}

pub(super) fn save(on: &Connection, sql: &Statements, op: &Advance, call: &Call) -> Result<Swap, Failure> {
    let (tenant, id, now) = (call.tenant.as_str().as_bytes(), op.id.as_bytes(), call.now.0);
    let next = Revision(op.expected.map_or(0, |read| read.0).saturating_add(1));
    let room = match &op.quota {
        Some(quota) => has_room(on, sql, op, quota, call)?,
        None => true,
    };
    let counted = op.quota.as_ref().map(|quota| quota.client.as_str().as_bytes());
    let attempt = call.attempt.as_bytes();
    let record: &[u8] = &op.record.0;
    let saved = match op.expected {
        None => on.prepare_cached(&sql.open_interaction)?.execute(params![
            tenant,
            id,
            next.0,
            op.expires.0,
            attempt,
            counted,
            record,
            now
        ])?,
        Some(read) => on.prepare_cached(&sql.save_interaction)?.execute(params![
            tenant,
            id,
            next.0,
            op.expires.0,
            attempt,
            counted,
            record,
            now,
            read.0
        ])?,
    };
    if saved == 1 {
        return Ok(if room { Swap::Saved(next) } else { Swap::NoRoom });
    }
    let stored = on
        .prepare_cached(&sql.interaction_saver)?
        .query_row(params![tenant, id, now], |row| Ok((read::interaction(row)?, row.get::<_, [u8; 16]>(2)?)));
    Ok(match stored.optional()? {
        None => Swap::Gone,
        Some((stored, saver)) if saver == *attempt && stored.revision == next => Swap::Repeated(next),
        Some((stored, _)) => Swap::Stale(stored),
    })
}

fn has_room(
    on: &Connection,
    sql: &Statements,
    op: &Advance,
    quota: &Quota,
    call: &Call,
) -> Result<bool, Failure> {
    let key = params![
        call.tenant.as_str().as_bytes(),
        op.id.as_bytes(),
        quota.client.as_str().as_bytes(),
        call.now.0,
        quota.max,
    ];
    Ok(on.prepare_cached(&sql.quota_room)?.query_row(key, |row| row.get(0))?)
}
