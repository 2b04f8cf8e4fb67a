//! Keeping a launch.

use vestibule_host::{Call, PutLaunch, StoreFault};

use super::beside::{Caller, Event};
use crate::PostgresStore;
use crate::row::{get, of_verb};
use crate::session::Hold;

pub(super) async fn put(store: &PostgresStore, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
    let (caller, event) = (Caller::of(call), Event::of(op.event.as_ref()));
    let (hash, record): (&[u8], &[u8]) = (op.hash.as_bytes(), &op.record.0);
    let row = store
        .verb(
            &store.sql().put_launch,
            &[
                &caller.tenant,
                &caller.now,
                &caller.attempt,
                &event.id,
                &event.record,
                &hash,
                &op.keep_until.0,
                &record,
            ],
            Hold::Nothing,
        )
        .await?;
    match of_verb(get::<&str>(&row, 0))? {
        "put" => Ok(()),
        _ => Err(StoreFault::not_applied("a launch with this hash is already kept")),
    }
}
