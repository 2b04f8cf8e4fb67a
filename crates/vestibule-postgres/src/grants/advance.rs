//! Saving an interaction: compare-and-swap on its revision.

use vestibule_host::{Advance, Advanced, Call, Revision, StoreFault};

use super::beside::{Caller, Event};
use crate::PostgresStore;
use crate::row::{self, of_verb, outcome, unknown};
use crate::session::Hold;

/// An advance as parameters.
#[derive(Debug)]
pub(super) struct Save<'a> {
    pub(super) id: &'a [u8],
    pub(super) expected: Option<i64>,
    pub(super) next: i64,
    pub(super) expires: i64,
    pub(super) record: &'a [u8],
    pub(super) counted: Option<&'a [u8]>,
    pub(super) at_most: Option<i64>,
}

impl<'a> Save<'a> {
    pub(super) fn of(op: &'a Advance) -> Self {
        let number = |revision: u64| i64::try_from(revision).unwrap_or(i64::MAX);
        let read = op.expected.map(|read| number(read.0));
        Self {
            id: op.id.as_bytes(),
            expected: read,
            next: read.unwrap_or(0).saturating_add(1),
            expires: op.expires.0,
            record: &op.record.0,
            counted: op.quota.as_ref().map(|quota| quota.client.as_str().as_bytes()),
            at_most: op.quota.as_ref().map(|quota| i64::from(quota.max)),
        }
    }

    /// Two that count at once would both see the last free place.
    pub(super) fn hold(&self, caller: &Caller<'a>) -> Hold<'a> {
        self.counted.map_or(Hold::Nothing, |client| Hold::Quota { tenant: caller.tenant, client })
    }
}

pub(super) async fn advance(
    store: &PostgresStore,
    op: &Advance,
    call: &Call,
) -> Result<Advanced, StoreFault> {
    let (caller, event, save) = (Caller::of(call), Event::of(op.event.as_ref()), Save::of(op));
    let row = store
        .verb(
            &store.sql().advance,
            &[
                &caller.tenant,
                &caller.now,
                &caller.attempt,
                &event.id,
                &event.record,
                &save.id,
                &save.expected,
                &save.next,
                &save.expires,
                &save.record,
                &save.counted,
                &save.at_most,
            ],
            save.hold(&caller),
        )
        .await?;
    match of_verb(outcome(&row))? {
        "saved" => Ok(Advanced::Saved(Revision(save.next.unsigned_abs()))),
        "stale" => Ok(Advanced::Stale(of_verb(row::interaction(&row, 1))?)),
        "gone" => Ok(Advanced::Gone),
        "full" => Err(StoreFault::Full),
        other => Err(unknown(other)),
    }
}
