//! The event log: appended to in the verb that changes, leased and acknowledged later.

use std::collections::{BTreeMap, HashMap};

use crate::memory::MemoryLimits;
use crate::{EventId, EventKind, LeasedEvent, NewEvent, StoreFault, UnixMillis};

/// Only what ends something may take the last tenth of the room: a full log must not keep a thief's grant alive.
const RESERVED: usize = 10;

#[derive(Debug)]
struct EventRow {
    event: LeasedEvent,
    leased_until: Option<UnixMillis>,
}

/// Not acknowledged events in the order in which they were appended.
#[derive(Debug, Default)]
pub(super) struct Events {
    last: u64,
    rows: BTreeMap<u64, EventRow>,
    by_id: HashMap<EventId, u64>,
}

impl Events {
    /// Whether there is room for this event, if there is one.
    pub(super) fn room(
        &self,
        event: Option<&NewEvent>,
        kind: EventKind,
        limits: &MemoryLimits,
    ) -> Result<(), StoreFault> {
        let Some(event) = event else { return Ok(()) };
        let reserved = if kind.ends_something() { 0 } else { limits.events / RESERVED };
        if self.by_id.contains_key(&event.id) || self.rows.len() < limits.events - reserved {
            return Ok(());
        }
        Err(StoreFault::Full)
    }

    /// Appends it, once.
    pub(super) fn append(&mut self, event: Option<&NewEvent>, kind: EventKind, now: UnixMillis) {
        let Some(event) = event else { return };
        if self.by_id.contains_key(&event.id) {
            return;
        }
        self.last += 1;
        self.by_id.insert(event.id, self.last);
        let event = LeasedEvent { id: event.id, kind, at: now, record: event.record.clone() };
        self.rows.insert(self.last, EventRow { event, leased_until: None });
    }

    pub(super) fn lease(&mut self, max: u16, until: UnixMillis, now: UnixMillis) -> Vec<LeasedEvent> {
        let free = |row: &&mut EventRow| row.leased_until.is_none_or(|until| until.is_over(now));
        let leased = self.rows.values_mut().filter(free).take(usize::from(max)).map(|row| {
            row.leased_until = Some(until);
            row.event.clone()
        });
        leased.collect()
    }

    pub(super) fn acknowledge(&mut self, ids: &[EventId]) {
        for id in ids {
            if let Some(number) = self.by_id.remove(id) {
                self.rows.remove(&number);
            }
        }
    }
}
