//! Mistakes with names that were somebody's before, with the last millisecond, and with the last room.

use vestibule_host::{
    Advance, Advanced, Call, GrantKey, GrantStore, InteractionHash, Issuance, IssueCode, Purged, Revision,
    Revoke, StoreFault, UnixMillis,
};

use super::Mistake;
use super::store::MutantGrants;

impl MutantGrants {
    /// Issues, and forgets or forgives what was issued before.
    pub(super) async fn issue(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        let key = (call.tenant.clone(), op.code);
        let mine = self.notes().issued.get(&key) == Some(&call.attempt);
        let over = self.inner.grant(GrantKey::Code(&op.code), call).await?.is_none();
        if self.has(Mistake::OverIssuesForgotten) && mine && over {
            return Err(StoreFault::not_applied("planted: the attempt is forgotten"));
        }
        match self.inner.issue_code(op, call).await {
            Err(StoreFault::NotApplied(_)) if self.has(Mistake::IssuesAgainAfterPurge) && mine => {
                let mut again = op.clone();
                again.interaction = Advance::new(
                    InteractionHash::new([0xff; 32]),
                    None,
                    call.now,
                    op.interaction.record.clone(),
                );
                again.launch = None;
                self.inner.issue_code(&again, call).await
            }
            Err(StoreFault::NotApplied(_)) if self.has(Mistake::NamesFreedEarly) && !mine && over => {
                let named = self.inner.grant(GrantKey::Id(&op.grant.id), call).await?;
                if named.is_none() { Ok(Issuance::Won) } else { Err(StoreFault::not_applied("taken")) }
            }
            Ok(Issuance::Won) => {
                self.notes().issued.insert(key, call.attempt);
                Ok(Issuance::Won)
            }
            end => end,
        }
    }

    /// Whether a quota refuses a save because of rows that counted before.
    pub(super) fn judges_again(&self, op: &Advance, call: &Call) -> bool {
        let Some(quota) = op.quota.as_ref().filter(|_| self.has(Mistake::QuotaJudgedAgain)) else {
            return false;
        };
        let notes = self.notes();
        let others = notes.counted_rows.iter().filter(|((tenant, id), (client, expires))| {
            *tenant == call.tenant && *id != op.id && *client == quota.client && !expires.is_over(call.now)
        });
        op.expected.is_some() && others.count() >= usize::try_from(quota.max).unwrap_or(0)
    }

    pub(super) fn note_save(&self, op: &Advance, end: &Advanced, call: &Call) {
        if let (Advanced::Saved(Revision(_)), Some(quota)) = (end, &op.quota) {
            let row = (quota.client.clone(), op.expires);
            self.notes().counted_rows.insert((call.tenant.clone(), op.id), row);
        }
    }

    /// Whether a revocation is answered without a look, or not at all.
    pub(super) fn revokes_nothing(&self, op: &Revoke, call: &Call) -> Result<bool, StoreFault> {
        let notes = self.notes();
        if self.has(Mistake::NoRoomForEnds) && notes.full && op.event.is_some() {
            return Err(StoreFault::Full);
        }
        let again = op.claim.is_some() && notes.revoked_by.contains(&(call.tenant.clone(), call.attempt));
        Ok(self.has(Mistake::RevokesOnlyOnce) && again)
    }

    pub(super) async fn purge_about(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        let by = match () {
            () if self.has(Mistake::LazyPurge) => -1,
            () if self.has(Mistake::HastyPurge) => 1,
            () => 0,
        };
        self.inner.purge(UnixMillis(before.0.saturating_add(by)), max).await
    }
}
