//! Saving an interaction: compare-and-swap on its revision.

use super::{InteractionRow, Rows, SWEEP};
use crate::memory::MemoryLimits;
use crate::{
    Advance, Advanced, Call, ClientId, EventKind, InteractionHash, Quota, Revision, StoreFault,
    StoredInteraction, UnixMillis,
};

/// What an advance may do, judged before anything changes.
pub(super) enum Judged {
    Free(Revision),
    Repeated(Revision),
    Stale(StoredInteraction),
    Gone,
}

impl Rows {
    pub(in crate::memory) fn advance(
        &mut self,
        op: &Advance,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<Advanced, StoreFault> {
        match self.judge(op, call) {
            Judged::Repeated(revision) => Ok(Advanced::Saved(revision)),
            Judged::Stale(stored) => Ok(Advanced::Stale(stored)),
            Judged::Gone => Ok(Advanced::Gone),
            Judged::Free(revision) => {
                self.room_for_interaction(op, call.now, limits)?;
                self.events.room(op.event.as_ref(), EventKind::Refused, limits)?;
                self.save(op, revision, call);
                self.events.append(op.event.as_ref(), EventKind::Refused, call.now);
                Ok(Advanced::Saved(revision))
            }
        }
    }

    /// A repeated attempt is known while its save is the newest one. After another save it is told `Stale`, which is true as
    /// well and asks the caller to go on from what is there.
    pub(super) fn judge(&self, op: &Advance, call: &Call) -> Judged {
        let row = self.interactions.live(&op.id, call.now);
        let next = Revision(op.expected.map_or(0, |read| read.0).saturating_add(1));
        match (row, op.expected) {
            (Some(row), _) if row.saved_by == call.attempt && row.stored.revision == next => {
                Judged::Repeated(next)
            }
            (Some(row), Some(read)) if row.stored.revision == read => Judged::Free(next),
            (Some(row), _) => Judged::Stale(row.stored.clone()),
            (None, None) => Judged::Free(next),
            (None, Some(_)) => Judged::Gone,
        }
    }

    pub(super) fn room_for_interaction(
        &mut self,
        op: &Advance,
        now: UnixMillis,
        limits: &MemoryLimits,
    ) -> Result<(), StoreFault> {
        if let Some(quota) = &op.quota {
            self.room_in_quota(&op.id, quota, now)?;
        }
        if self.interactions.any(&op.id).is_some() || self.interactions.len() < limits.interactions {
            return Ok(());
        }
        for _ in 0..SWEEP {
            if !self.drop_over_interaction(now) {
                break;
            }
        }
        if self.interactions.len() < limits.interactions { Ok(()) } else { Err(StoreFault::Full) }
    }

    fn room_in_quota(&self, id: &InteractionHash, quota: &Quota, now: UnixMillis) -> Result<(), StoreFault> {
        let counted = |row: &InteractionRow| row.counted.as_ref() == Some(&quota.client);
        if self.interactions.live(id, now).is_some_and(counted) {
            return Ok(()); // a row that counts already is not one more
        }
        let max = usize::try_from(quota.max).unwrap_or(usize::MAX);
        let rows = self.counted.get(&quota.client).into_iter().flatten().rev();
        // From the last end backwards, so that rows that are over cost nothing.
        let unexpired = rows.take_while(|(end, _)| !end.is_over(now)).take(max).count();
        if unexpired < max { Ok(()) } else { Err(StoreFault::Full) }
    }

    pub(super) fn save(&mut self, op: &Advance, revision: Revision, call: &Call) {
        let row = InteractionRow {
            stored: StoredInteraction { revision, record: op.record.clone() },
            saved_by: call.attempt,
            counted: op.quota.as_ref().map(|quota| quota.client.clone()),
        };
        if let Some(client) = &row.counted {
            self.counted.entry(client.clone()).or_default().insert((op.expires, op.id));
        }
        let counted_now = row.counted.clone().map(|client| (client, op.expires));
        if let Some((end, old)) = self.interactions.put(op.id, op.expires, row)
            && let Some(client) = old.counted
            && counted_now != Some((client.clone(), end))
        {
            self.uncount(&client, end, op.id);
        }
    }

    fn uncount(&mut self, client: &ClientId, end: UnixMillis, id: InteractionHash) {
        if let Some(rows) = self.counted.get_mut(client) {
            rows.remove(&(end, id));
            if rows.is_empty() {
                self.counted.remove(client);
            }
        }
    }

    pub(super) fn drop_over_interaction(&mut self, now: UnixMillis) -> bool {
        let Some((id, end, row)) = self.interactions.pop_over(now) else { return false };
        if let Some(client) = row.counted {
            self.uncount(&client, end, id);
        }
        true
    }
}
