//! Keeping a launch.

use rusqlite::{Connection, params};
use vestibule_host::{Call, EventKind, PutLaunch, StoreFault};

use super::beside;
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Put {
    pub(super) op: PutLaunch,
    pub(super) call: Call,
}

impl Operation for Put {
    type Output = ();

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<()>, Failure> {
        let (tenant, hash) = (self.call.tenant.as_str().as_bytes(), self.op.hash.as_bytes());
        let attempt = self.call.attempt.as_bytes();
        let record: &[u8] = &self.op.record.0;
        let put = on.prepare_cached(&sql.put_launch)?.execute(params![
            tenant,
            hash,
            self.op.keep_until.0,
            attempt,
            record,
            self.call.now.0
        ])?;
        if put == 1 {
            beside::append(on, sql, self.op.event.as_ref(), EventKind::LaunchMade, &self.call)?;
            return Ok(Effect::Keep(()));
        }
        let put_by: [u8; 16] =
            on.prepare_cached(&sql.launch_put_by)?.query_row(params![tenant, hash], |row| row.get(0))?;
        if put_by == *attempt {
            return Ok(Effect::Keep(()));
        }
        Err(StoreFault::not_applied("a launch with this hash is already kept").into())
    }
}
