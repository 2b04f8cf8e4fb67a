//! Revoking: one update, and what is revoked stays revoked.

use rusqlite::{Connection, params};
use vestibule_host::{Revocation, StoreFault, Tenant};

use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Revoke {
    pub(super) what: Revocation,
    pub(super) tenant: Tenant,
}

impl Operation for Revoke {
    type Output = ();

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<()>, Failure> {
        let tenant = self.tenant.as_str().as_bytes();
        let (statement, key) = match &self.what {
            Revocation::Grant(id) => (&sql.revoke_grant, id.as_str()),
            Revocation::User(user) => (&sql.revoke_user, user.as_str()),
            Revocation::Client(client) => (&sql.revoke_client, client.as_str()),
            Revocation::Session(session) => (&sql.revoke_session, session.as_str()),
            Revocation::UserAndClient(user, client) => {
                let key = params![tenant, user.as_str().as_bytes(), client.as_str().as_bytes()];
                on.prepare_cached(&sql.revoke_user_and_client)?.execute(key)?;
                return Ok(Effect::Keep(()));
            }
            // Claiming that something unknown was revoked would be worse than a fault.
            _ => return Err(StoreFault::not_applied("this store does not know how to revoke this").into()),
        };
        on.prepare_cached(statement)?.execute(params![tenant, key.as_bytes()])?;
        Ok(Effect::Keep(()))
    }
}
