//! Revoking: what is revoked stays revoked.

use rusqlite::{Connection, ToSql, params};
use vestibule_host::{Call, EventKind, Revocation, Revoke as Op, Revoked, StoreFault};

use super::beside::{self, Claimed};
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Revoke {
    pub(super) op: Op,
    pub(super) call: Call,
}

impl Operation for Revoke {
    type Output = Revoked;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Revoked>, Failure> {
        let (op, call) = (&self.op, &self.call);
        if beside::spend(on, sql, op.claim.as_ref(), call)? == Claimed::Seen {
            return Ok(Effect::Undo(Revoked::ClaimSeen));
        }
        if self.kill(on, sql)? > 0 {
            beside::append(on, sql, op.event.as_ref(), EventKind::Revoked, call)?;
        }
        Ok(Effect::Keep(Revoked::Done))
    }
}

impl Revoke {
    /// How many rows were alive until now.
    fn kill(&self, on: &Connection, sql: &Statements) -> Result<usize, Failure> {
        let tenant = self.call.tenant.as_str().as_bytes();
        let run = |statement: &str, key: &dyn ToSql| -> Result<usize, Failure> {
            Ok(on.prepare_cached(statement)?.execute(params![tenant, key])?)
        };
        match &self.op.what {
            Revocation::Grant(id) => run(&sql.revoke_grant, &id.as_str().as_bytes()),
            Revocation::User(user) => run(&sql.revoke_user, &user.as_str().as_bytes()),
            Revocation::Session(session) => run(&sql.revoke_session, &session.as_str().as_bytes()),
            Revocation::Access(hash) => run(&sql.revoke_access, hash.as_bytes()),
            Revocation::Client(client) => {
                let client = client.as_str().as_bytes();
                let grants = run(&sql.revoke_client, &client)?;
                Ok(grants + run(&sql.revoke_access_of_client, &client)?)
            }
            Revocation::UserAndClient(user, client) => {
                let key = params![tenant, user.as_str().as_bytes(), client.as_str().as_bytes()];
                Ok(on.prepare_cached(&sql.revoke_user_and_client)?.execute(key)?)
            }
            Revocation::Token { id, until } => {
                let row = params![tenant, id.as_str().as_bytes(), until.0];
                Ok(on.prepare_cached(&sql.revoke_token)?.execute(row)?)
            }
            // Claiming that something unknown was revoked would be worse than a fault.
            _ => Err(StoreFault::not_applied("this store does not know how to revoke this").into()),
        }
    }
}
