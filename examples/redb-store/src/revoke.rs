//! Revocation: one write on a grant, which everything under it is looked at with.

use redb::ReadableTable;
use vestibule_host::{
    AccessHash, Call, EventKind, Revocation, Revoke, Revoked, StoreFault, TokenId, UnixMillis,
};

use crate::claims::Claim;
use crate::fault::Stop;
use crate::rows::{Over, Owner, Rows, any_grant};

impl Rows<'_> {
    pub(crate) fn revoke(&mut self, op: &Revoke, call: &Call) -> Result<Revoked, Stop> {
        // An attempt that is repeated looks again: what it names may have come since, and `Done` must be true when it is said.
        if self.spend(op.claim.as_ref(), call)? == Claim::Seen {
            return Ok(Revoked::ClaimSeen);
        }
        let changed = match &op.what {
            Revocation::Grant(id) => self.revoke_all([id.as_str().as_bytes().to_vec()], None, call)?,
            Revocation::Access(hash) => self.revoke_access(hash, call)?,
            Revocation::Token { id, until } => self.revoke_token(id, *until, call)?,
            Revocation::UserAndClient(user, client) => {
                let ids = self.owned_by(Owner::User, user.as_str(), call)?;
                self.revoke_all(ids, Some(client.as_str()), call)?
            }
            Revocation::User(user) => {
                let ids = self.owned_by(Owner::User, user.as_str(), call)?;
                self.revoke_all(ids, None, call)?
            }
            Revocation::Session(session) => {
                let ids = self.owned_by(Owner::Session, session.as_str(), call)?;
                self.revoke_all(ids, None, call)?
            }
            Revocation::Client(client) => {
                let ids = self.owned_by(Owner::Client, client.as_str(), call)?;
                let mut changed = self.revoke_all(ids, None, call)?;
                for hash in self.owned_by(Owner::TokensOf, client.as_str(), call)? {
                    if let Ok(hash) = <[u8; 32]>::try_from(hash) {
                        changed |= self.revoke_access(&AccessHash::new(hash), call)?;
                    }
                }
                changed
            }
            // A kind from a later version: to say that it is done would be a lie.
            _ => return Err(StoreFault::not_applied("this store does not know what to revoke").into()),
        };
        if changed {
            self.append(op.event.as_ref(), EventKind::Revoked, call)?;
        }
        Ok(Revoked::Done)
    }

    fn owned_by(&self, owner: Owner, whose: &str, call: &Call) -> Result<Vec<Vec<u8>>, Stop> {
        let (owner, tenant) = (owner as u8, call.tenant.as_str());
        let mut found = Vec::new();
        for row in self.owned.range((owner, tenant, whose, [].as_slice())..)? {
            let (key, _) = row?;
            let key = key.value();
            if (key.0, key.1, key.2) != (owner, tenant, whose) {
                break;
            }
            found.push(key.3.to_vec());
        }
        Ok(found)
    }

    /// Revokes grants, over or not; another node's clock may be behind.
    fn revoke_all(
        &mut self,
        ids: impl IntoIterator<Item = Vec<u8>>,
        client: Option<&str>,
        call: &Call,
    ) -> Result<bool, Stop> {
        let mut changed = false;
        for id in ids {
            let id = String::from_utf8_lossy(&id);
            let grant = any_grant(&self.grants, &call.tenant, &id)?;
            let wanted = |of: &str| client.is_none_or(|client| client == of);
            if let Some(grant) = grant.filter(|grant| wanted(grant.stored.client.as_str())) {
                changed |= self.revoke_grant(grant, &call.tenant)?;
            }
        }
        Ok(changed)
    }

    /// Revokes one token. The engine asks for it where there is no grant; what else is named is dead as well.
    fn revoke_access(&mut self, hash: &AccessHash, call: &Call) -> Result<bool, Stop> {
        let key = (call.tenant.as_str(), hash.as_bytes().as_slice());
        let Some(row) = self.access.get(key)? else { return Ok(false) };
        let (grant, client, expires, revoked, by, bytes) = row.value();
        if revoked {
            return Ok(false);
        }
        let (grant, client, bytes) = (grant.map(str::to_owned), client.to_owned(), bytes.to_vec());
        drop(row);
        self.access.insert(key, (grant.as_deref(), client.as_str(), expires, true, by, &*bytes))?;
        Ok(true)
    }

    fn revoke_token(&mut self, id: &TokenId, until: UnixMillis, call: &Call) -> Result<bool, Stop> {
        let key = (call.tenant.as_str(), id.as_str().as_bytes());
        let old = self.tokens.get(key)?.map(|row| UnixMillis(row.value()));
        if old.is_some_and(|old| old >= until) {
            return Ok(false);
        }
        self.tokens.insert(key, until.0)?;
        self.ends(Over::Token, key, old, Some(until))?;
        Ok(true)
    }
}
