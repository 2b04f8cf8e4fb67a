//! The log of what changed, appended in the commit of the change.

use redb::ReadableTable;
use vestibule_host::{Call, EventId, EventKind, LeasedEvent, NewEvent, StoreFault, UnixMillis};

use crate::fault::Stop;
use crate::rows::{Rows, record};

/// Nobody has leased it.
const FREE: i64 = i64::MIN;

impl Rows<'_> {
    /// Appends an event, unless it is there.
    pub(crate) fn append(
        &mut self,
        event: Option<&NewEvent>,
        kind: EventKind,
        call: &Call,
    ) -> Result<(), Stop> {
        self.ended |= kind.ends_something();
        let Some(event) = event else { return Ok(()) };
        let (tenant, id) = (call.tenant.as_str(), *event.id.as_bytes());
        if self.event_ids.get((tenant, id))?.is_some() {
            return Ok(());
        }
        let last = self.events.range((tenant, 0)..=(tenant, u64::MAX))?.next_back().transpose()?;
        let next = last.map_or(0, |(key, _)| key.value().1.saturating_add(1));
        self.events.insert((tenant, next), (id, kind.name(), call.now.0, FREE, &*event.record.0))?;
        self.event_ids.insert((tenant, id), next)?;
        Ok(())
    }

    pub(crate) fn lease(
        &mut self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, Stop> {
        let tenant = call.tenant.as_str();
        let mut found = Vec::new();
        for row in self.events.range((tenant, 0)..=(tenant, u64::MAX))? {
            if found.len() >= usize::from(max) {
                break;
            }
            let (key, row) = row?;
            let (id, name, at, leased, bytes) = row.value();
            if leased != FREE && !UnixMillis(leased).is_over(call.now) {
                continue;
            }
            let kind = EventKind::from_name(name)
                .ok_or_else(|| StoreFault::not_applied("an event of an unknown kind"))?;
            let event = LeasedEvent { id: EventId::new(id), kind, at: UnixMillis(at), record: record(bytes) };
            found.push((key.value().1, event));
        }
        for (order, event) in &found {
            let row = (*event.id.as_bytes(), event.kind.name(), event.at.0, until.0, &*event.record.0);
            self.events.insert((tenant, *order), row)?;
        }
        Ok(found.into_iter().map(|(_, event)| event).collect())
    }

    pub(crate) fn acknowledge(&mut self, ids: &[EventId], call: &Call) -> Result<(), Stop> {
        let tenant = call.tenant.as_str();
        for id in ids {
            let order = self.event_ids.remove((tenant, *id.as_bytes()))?.map(|order| order.value());
            if let Some(order) = order {
                self.events.remove((tenant, order))?;
            }
        }
        Ok(())
    }
}
