//! Mistakes with access tokens.

use vestibule_host::{
    AccessKey, Call, GrantStatus, GrantStore, NewAccess, Revocation, StoreFault, StoredAccess,
};

use super::Mistake;
use super::store::MutantGrants;

impl MutantGrants {
    pub(super) async fn look_up(
        &self,
        by: AccessKey<'_>,
        call: &Call,
    ) -> Result<Option<StoredAccess>, StoreFault> {
        let mut known = self.inner.access(by, call).await?;
        if let Some(access) = &mut known {
            access.grant = access.grant.take().and_then(|grant| self.show(grant, call));
        }
        let notes = self.notes();
        match by {
            AccessKey::Opaque(hash) => {
                let key = (call.tenant.clone(), *hash);
                if let Some(access) = &mut known {
                    if self.has(Mistake::TokensOutliveTheirApp) {
                        access.revoked = notes.revoked_alone.contains(&key);
                    }
                    if self.has(Mistake::TokensOutliveTheirGrant)
                        && let Some(grant) = &mut access.grant
                    {
                        grant.status = GrantStatus::Live;
                    }
                } else if self.has(Mistake::OrphansPass) {
                    let kept = notes.tokens.get(&key).filter(|token| !token.expires.is_over(call.now));
                    known = kept.map(|token| StoredAccess {
                        record: Some(token.record.clone()),
                        expires: Some(token.expires),
                        revoked: false,
                        grant: None,
                    });
                }
            }
            AccessKey::Jwt { id, .. } => {
                if self.has(Mistake::RevocationShortened)
                    && let Some(access) = &mut known
                {
                    let until = notes.revoked_until.get(&(call.tenant.clone(), id.clone()));
                    access.revoked = until.is_some_and(|until| !until.is_over(call.now));
                }
            }
        }
        Ok(known)
    }

    pub(super) fn note_token(&self, token: Option<&NewAccess>, call: &Call) {
        if let Some(token) = token {
            self.notes().tokens.insert((call.tenant.clone(), token.hash), token.clone());
        }
    }

    pub(super) fn note_revocation(&self, what: &Revocation, call: &Call) {
        let mut notes = self.notes();
        match what {
            Revocation::Access(hash) => {
                notes.revoked_alone.insert((call.tenant.clone(), *hash));
            }
            Revocation::Token { id, until } => {
                notes.revoked_until.insert((call.tenant.clone(), id.clone()), *until);
            }
            _ => {}
        }
    }
}
