//! Revoking: what is revoked stays revoked.

use super::Rows;
use super::beside::ClaimSeen;
use crate::memory::MemoryLimits;
use crate::{
    AccessHash, Call, EventKind, GrantId, GrantStatus, Revocation, Revoke, Revoked, StoreFault, TokenId,
    UnixMillis,
};

/// Everything that dies, found before anything is changed: rows that are over as well, since another node's clock may be behind.
#[derive(Default)]
struct Doomed {
    grants: Vec<GrantId>,
    access: Vec<AccessHash>,
    token: Option<(TokenId, UnixMillis)>,
}

impl Rows {
    pub(in crate::memory) fn revoke(
        &mut self,
        op: &Revoke,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<Revoked, StoreFault> {
        let mut beside = match self.judge_claim(op.claim.as_ref(), call) {
            Err(ClaimSeen) => return Ok(Revoked::ClaimSeen),
            Ok(beside) => beside,
        };
        let doomed = self.doomed(&op.what);
        if !doomed.grants.is_empty() || !doomed.access.is_empty() || doomed.token.is_some() {
            beside = beside.tells(op.event.as_ref(), EventKind::Revoked);
        }
        if doomed.token.as_ref().is_some_and(|(id, _)| self.revoked_tokens.any(id).is_none()) {
            self.room_for_access(call.now, limits)?;
        }
        self.room_beside(&beside, call, limits)?;

        // Nothing below can refuse: this is the one commit.
        self.write_beside(beside, call);
        for id in &doomed.grants {
            self.revoke_grant(id);
        }
        for hash in &doomed.access {
            if let Some((_, row)) = self.access.any_mut(hash) {
                row.revoked = true;
            }
        }
        if let Some((id, until)) = doomed.token {
            self.revoked_tokens.put(id, until, ());
        }
        Ok(Revoked::Done)
    }

    fn doomed(&self, what: &Revocation) -> Doomed {
        let mut doomed = Doomed::default();
        match what {
            Revocation::Grant(id) => doomed.grants.push(id.clone()),
            Revocation::User(user) | Revocation::UserAndClient(user, _) => {
                doomed.grants.extend(self.by_user.of(user).cloned());
            }
            Revocation::Client(client) => {
                doomed.grants.extend(self.by_client.of(client).cloned());
                doomed.access.extend(self.without_grant.of(client).copied());
            }
            Revocation::Session(session) => doomed.grants.extend(self.by_session.of(session).cloned()),
            Revocation::Access(hash) => doomed.access.push(*hash),
            Revocation::Token { id, until } => {
                let known = self.revoked_tokens.any(id).is_some_and(|(end, ())| end >= *until);
                doomed.token = (!known).then(|| (id.clone(), *until));
            }
        }
        doomed.grants.retain(|id| {
            self.grants.any(id).is_some_and(|(_, row)| {
                let named =
                    !matches!(what, Revocation::UserAndClient(_, client) if *client != row.stored.client);
                named && row.stored.status == GrantStatus::Live
            })
        });
        doomed.access.retain(|hash| self.access.any(hash).is_some_and(|(_, row)| !row.revoked));
        doomed
    }
}
