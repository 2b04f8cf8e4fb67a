//! The outbox: leased in the order of appending, deleted when it was delivered.

use vestibule_host::{Call, EventId, EventKind, LeasedEvent, StoreFault, UnixMillis};

use crate::RedisStore;
use crate::script::Ask;

/// So many acknowledgements are one script.
const ACKNOWLEDGED_AT_ONCE: usize = 256;

impl RedisStore {
    pub(super) async fn lease(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        let ask = Ask::at(call.now).number("max", max).time("expires", until);
        let mut events = self.write(&self.scripts().lease, &call.tenant, ask).await?;
        let mut leased = Vec::new();
        while let Some(mut event) = if events.is_over() { None } else { events.list()? } {
            let id = EventId::new(event.fixed()?);
            let kind = EventKind::from_name(&event.text()?).ok_or_else(|| {
                StoreFault::not_applied("an event of a kind that this version does not know")
            })?;
            leased.push(LeasedEvent { id, kind, at: event.time()?, record: event.record()? });
        }
        Ok(leased)
    }

    pub(super) async fn acknowledge(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        for ids in ids.chunks(ACKNOWLEDGED_AT_ONCE) {
            let ids: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
            self.write(&self.scripts().ack, &call.tenant, Ask::at(call.now).with("ids", ids)).await?;
        }
        Ok(())
    }
}
