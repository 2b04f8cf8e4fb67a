//! Issuing a code: closes the interaction, spends the launch, inserts grant and code.

use rusqlite::{Connection, OptionalExtension, params};
use vestibule_host::{Call, EventKind, GrantStatus, Issuance, IssueCode, StoreFault};

use super::advance::{self, Swap};
use super::beside;
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Issue {
    pub(super) op: IssueCode,
    pub(super) call: Call,
}

impl Operation for Issue {
    type Output = Option<Issuance>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Option<Issuance>>, Failure> {
        let (op, call) = (&self.op, &self.call);
        let (tenant, code) = (call.tenant.as_str().as_bytes(), op.code.as_bytes());
        let attempt = call.attempt.as_bytes();

        let issued_by =
            on.prepare_cached(&sql.code_issued_by)?.query_row(params![tenant, code], |row| row.get(0));
        if issued_by.optional()?.is_some_and(|issuer: [u8; 16]| issuer == *attempt) {
            return Ok(Effect::Keep(Some(Issuance::Won)));
        }
        // Two tabs: the revision decides.
        match advance::save(on, sql, &op.interaction, call)? {
            Swap::Saved(_) => {}
            Swap::Repeated(_) => {
                return Err(StoreFault::not_applied("one attempt was used for two verbs").into());
            }
            Swap::Stale(stored) => return Ok(Effect::Undo(Some(Issuance::Stale(stored)))),
            Swap::Gone => return Ok(Effect::Undo(Some(Issuance::Gone))),
            Swap::NoRoom => return Ok(Effect::Undo(None)),
        }
        // Two interactions: the launch's row count decides (SMART-LAUNCH-013).
        if let Some(launch) = &op.launch {
            let key = params![tenant, launch.as_bytes(), call.now.0];
            if on.prepare_cached(&sql.spend_launch)?.execute(key)? != 1 {
                return Ok(Effect::Undo(Some(Issuance::LaunchGone)));
            }
        }
        let grant = &op.grant;
        let record: &[u8] = &grant.record.0;
        on.prepare_cached(&sql.insert_grant)?.execute(params![
            tenant,
            grant.id.as_str().as_bytes(),
            grant.user.as_str().as_bytes(),
            grant.client.as_str().as_bytes(),
            grant.session.as_ref().map_or("", |session| session.as_str()).as_bytes(),
            grant.session.is_none(),
            grant.keep_until.0,
            grant.used.0,
            grant.status == GrantStatus::Revoked,
            record,
        ])?;
        on.prepare_cached(&sql.insert_code)?.execute(params![
            tenant,
            code,
            grant.id.as_str().as_bytes(),
            op.binding.as_bytes(),
            op.expires.0,
            attempt,
        ])?;
        beside::append(on, sql, op.event.as_ref(), EventKind::CodeIssued, call)?;
        Ok(Effect::Keep(Some(Issuance::Won)))
    }
}
