//! Tokens without a user, and what is known of an access token.

use super::{Owner, Rows};
use crate::memory::MemoryLimits;
use crate::{
    AccessHash, AccessKey, Call, EventKind, GrantKey, IssueToken, StoreFault, StoredAccess, TokenIssuance,
    UnixMillis,
};

impl Rows {
    pub(in crate::memory) fn issue_token(
        &mut self,
        op: &IssueToken,
        call: &Call,
        limits: &MemoryLimits,
    ) -> Result<TokenIssuance, StoreFault> {
        let Ok(beside) = self.judge_claim(op.claim.as_ref(), call) else {
            return Ok(TokenIssuance::ClaimSeen);
        };
        let repeated = beside.is_repeated(op.claim.as_ref()) || self.is_kept_by(op, call);
        let beside = if repeated {
            beside
        } else {
            beside.keeps(op.access.as_ref(), None).tells(op.event.as_ref(), EventKind::TokenIssued)
        };
        self.room_beside(&beside, call, limits)?;
        self.write_beside(beside, call);
        Ok(TokenIssuance::Won)
    }

    fn is_kept_by(&self, op: &IssueToken, call: &Call) -> bool {
        let row = op.access.as_ref().and_then(|access| self.access.live(&access.hash, call.now));
        row.is_some_and(|row| row.kept_by == call.attempt)
    }

    pub(in crate::memory) fn access(&self, by: AccessKey<'_>, now: UnixMillis) -> Option<StoredAccess> {
        match by {
            AccessKey::Opaque(hash) => self.opaque(hash, now),
            AccessKey::Jwt { id, grant } => Some(StoredAccess {
                record: None,
                expires: None,
                revoked: self.revoked_tokens.live(id, now).is_some(),
                grant: grant.and_then(|id| self.grant(GrantKey::Id(id), now)),
            }),
        }
    }

    fn opaque(&self, hash: &AccessHash, now: UnixMillis) -> Option<StoredAccess> {
        let row = self.access.live(hash, now)?;
        let grant = match &row.owner {
            // A token that was issued under a grant must not pass for one without when the grant is gone.
            Owner::Grant(id) => Some(self.grant(GrantKey::Id(id), now)?),
            Owner::Client(_) => None,
        };
        let expires = self.access.any(hash).map(|(end, _)| end);
        Some(StoredAccess { record: Some(row.record.clone()), expires, revoked: row.revoked, grant })
    }

    pub(super) fn drop_access(&mut self, hash: &AccessHash) {
        if let Some((_, row)) = self.access.remove(hash) {
            self.forget_owner(&row.owner, hash);
        }
    }

    pub(super) fn drop_over_access(&mut self, now: UnixMillis) -> bool {
        let Some((hash, _, row)) = self.access.pop_over(now) else { return false };
        self.forget_owner(&row.owner, &hash);
        true
    }

    fn forget_owner(&mut self, owner: &Owner, hash: &AccessHash) {
        if let Owner::Client(client) = owner {
            self.without_grant.remove(client, hash);
        }
    }
}
