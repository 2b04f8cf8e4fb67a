//! The outbox: leased in the order of appending, deleted when it was delivered.

use tokio_postgres::Row;
use vestibule_host::{Call, EventId, EventKind, LeasedEvent, StoreFault, UnixMillis};

use crate::PostgresStore;
use crate::row::{Read, fixed, get, of_verb, record};

pub(super) async fn lease(
    store: &PostgresStore,
    max: u16,
    until: UnixMillis,
    call: &Call,
) -> Result<Vec<LeasedEvent>, StoreFault> {
    let (tenant, max) = (call.tenant.as_str().as_bytes(), i64::from(max));
    let rows = store.write(&store.sql().lease_events, &[&tenant, &call.now.0, &until.0, &max]).await?;
    let mut leased = of_verb(rows.iter().map(event).collect::<Read<Vec<_>>>())?;
    // What an update returns comes in no certain order.
    leased.sort_by_key(|(number, _)| *number);
    Ok(leased.into_iter().map(|(_, event)| event).collect())
}

fn event(row: &Row) -> Read<(i64, LeasedEvent)> {
    let kind =
        EventKind::from_name(get(row, 2)?).ok_or("an event of a kind that this version does not know")?;
    let (id, at) = (EventId::new(fixed(row, 1)?), UnixMillis(get(row, 3)?));
    Ok((get(row, 0)?, LeasedEvent { id, kind, at, record: record(row, 4)? }))
}

pub(super) async fn acknowledge(
    store: &PostgresStore,
    ids: &[EventId],
    call: &Call,
) -> Result<(), StoreFault> {
    let tenant = call.tenant.as_str().as_bytes();
    let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    store.write(&store.sql().ack_events, &[&tenant, &ids]).await?;
    store.room().made();
    Ok(())
}
