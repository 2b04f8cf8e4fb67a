//! Revoking: what is revoked stays revoked.

use vestibule_host::{Call, Revocation, Revoke, Revoked, StoreFault};

use crate::RedisStore;
use crate::script::Ask;

impl RedisStore {
    pub(super) async fn end(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        let ask = Ask::of(call).claim(op.claim.as_ref()).event(op.event.as_ref());
        let ask = match &op.what {
            Revocation::Grant(id) => ask.with("grant", id.as_str()),
            Revocation::User(user) => ask.with("user", user.as_str()),
            Revocation::UserAndClient(user, client) => {
                ask.with("user", user.as_str()).with("of_client", client.as_str())
            }
            Revocation::Session(session) => ask.with("session", session.as_str()),
            Revocation::Client(client) => ask.with("client", client.as_str()),
            Revocation::Access(hash) => ask.with("token_hash", hash.as_bytes()),
            Revocation::Token { id, until } => ask.with("jwt", id.as_str()).time("expires", *until),
            // Claiming that something unknown was revoked would be worse than a fault.
            _ => return Err(StoreFault::not_applied("this store does not know how to revoke this")),
        };
        let mut reply = self.write(&self.scripts().revoke, &call.tenant, ask).await?;
        reply.outcome(|word, _| {
            Ok(match word {
                "done" => Some(Revoked::Done),
                "seen" => Some(Revoked::ClaimSeen),
                _ => None,
            })
        })
    }
}
