//! The outbox: leased in the order of appending, deleted when it was delivered.

use rusqlite::{Connection, params};
use vestibule_host::{Call, EventId, EventKind, LeasedEvent, StoreFault, UnixMillis};

use super::read;
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Lease {
    pub(super) max: u16,
    pub(super) until: UnixMillis,
    pub(super) call: Call,
}

#[derive(Debug)]
pub(super) struct Acknowledge {
    pub(super) ids: Vec<EventId>,
    pub(super) call: Call,
}

impl Operation for Lease {
    type Output = Vec<LeasedEvent>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let mut statement = on.prepare_cached(&sql.lease_events)?;
        let key = params![self.call.tenant.as_str().as_bytes(), self.call.now.0, self.until.0, self.max];
        let rows = statement.query_map(key, |row| {
            let event = (EventId::new(row.get(1)?), UnixMillis(row.get(3)?), read::record(row, 4)?);
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(2)?, event))
        })?;
        let mut leased = Vec::new();
        for row in rows {
            let (number, kind, (id, at, record)) = row?;
            let kind = EventKind::from_name(&kind).ok_or_else(|| {
                StoreFault::not_applied("an event of a kind that this version does not know")
            })?;
            leased.push((number, LeasedEvent { id, kind, at, record }));
        }
        // What an update returns comes in no certain order.
        leased.sort_by_key(|(number, _)| *number);
        Ok(Effect::Keep(leased.into_iter().map(|(_, event)| event).collect()))
    }
}

impl Operation for Acknowledge {
    type Output = ();

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<()>, Failure> {
        let mut statement = on.prepare_cached(&sql.ack_event)?;
        for id in &self.ids {
            statement.execute(params![self.call.tenant.as_str().as_bytes(), id.as_bytes()])?;
        }
        Ok(Effect::Keep(()))
    }
}
