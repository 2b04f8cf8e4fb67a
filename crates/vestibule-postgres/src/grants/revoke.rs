//! Revoking: what is revoked stays revoked.

use tokio_postgres::types::ToSql;
use vestibule_host::{Call, Revocation, Revoke as Op, Revoked, StoreFault};

use super::beside::{Caller, Claim, Event};
use crate::PostgresStore;
use crate::row::{of_verb, outcome, unknown};
use crate::session::Hold;

pub(super) async fn revoke(store: &PostgresStore, op: &Op, call: &Call) -> Result<Revoked, StoreFault> {
    let sql = store.sql();
    let (caller, claim) = (Caller::of(call), Claim::of(op.claim.as_ref()));
    let event = Event::of(op.event.as_ref());
    // One or two keys, and for a token its end.
    let (statement, key, and): (_, &[u8], Option<Second<'_>>) = match &op.what {
        Revocation::Grant(id) => (&sql.revoke_grant, id.as_str().as_bytes(), None),
        Revocation::User(user) => (&sql.revoke_user, user.as_str().as_bytes(), None),
        Revocation::Session(session) => (&sql.revoke_session, session.as_str().as_bytes(), None),
        Revocation::Client(client) => (&sql.revoke_client, client.as_str().as_bytes(), None),
        Revocation::Access(hash) => (&sql.revoke_access, hash.as_bytes(), None),
        Revocation::UserAndClient(user, client) => {
            let client = Second::Key(client.as_str().as_bytes());
            (&sql.revoke_user_and_client, user.as_str().as_bytes(), Some(client))
        }
        Revocation::Token { id, until } => {
            (&sql.revoke_token, id.as_str().as_bytes(), Some(Second::Time(until.0)))
        }
        // Claiming that something unknown was revoked would be worse than a fault.
        _ => return Err(StoreFault::not_applied("this store does not know how to revoke this")),
    };
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![
        &caller.tenant,
        &caller.now,
        &caller.attempt,
        &claim.key,
        &claim.keep_until,
        &event.id,
        &event.record,
        &key,
    ];
    parameters.extend(and.as_ref().map(Second::parameter));
    let row = store.verb(statement, &parameters, Hold::Nothing).await?;
    match of_verb(outcome(&row))? {
        "done" => Ok(Revoked::Done),
        "claim_seen" => Ok(Revoked::ClaimSeen),
        other => Err(unknown(other)),
    }
}

enum Second<'a> {
    Key(&'a [u8]),
    Time(i64),
}

impl Second<'_> {
    fn parameter(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Key(key) => key,
            Self::Time(time) => time,
        }
    }
}
