//! Mistakes with refresh chains.

use std::time::Duration;

use vestibule_host::{
    Call, GrantKey, GrantStore, RefreshHandle, RefreshHash, RotateRefresh, Rotation, StoreFault, StoredGrant,
    Tenant, UnixMillis,
};

use super::Mistake;
use super::store::MutantGrants;

/// The end of time, for what never ends.
pub(super) const NEVER: UnixMillis = UnixMillis(i64::MAX);

/// A rotation that a mutant remembers, to count replays beside the store.
#[derive(Debug)]
pub(super) struct Counted {
    presented: RefreshHash,
    rotated: UnixMillis,
    replays: u8,
}

pub(super) type Chain = (Tenant, RefreshHandle);

impl MutantGrants {
    pub(super) async fn rotate(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        let mut op = op.clone();
        if self.has(Mistake::ForgottenPredecessor) {
            op.window = Duration::ZERO;
        }
        if self.has(Mistake::EndlessWindow) {
            op.window = Duration::from_secs(1 << 40);
        }
        if self.has(Mistake::UncountedReplays) {
            op.max_replays = u8::MAX;
        }
        if self.has(Mistake::RestIgnored) {
            op.idle_until = NEVER;
        }
        if self.has(Mistake::KeepNotExtended) {
            op.keep_until = UnixMillis(i64::MIN);
        }
        if self.has(Mistake::AnyClientRefreshes)
            && let Some(grant) = self.inner.grant(GrantKey::Refresh(&op.handle), call).await?
        {
            op.client = grant.client;
        }
        if self.has(Mistake::SuspicionForgotten) {
            return self.rotate_without_suspicion(op, call).await;
        }
        let seen = (call.tenant.clone(), op.presented);
        let looked = !self.notes().looked_at.contains(&seen);
        if self.has(Mistake::UnguardedRotation) && looked {
            tokio::task::yield_now().await;
            self.notes().looked_at.insert(seen);
        }
        let end = self.inner.rotate_refresh(&op, call).await?;
        Ok(match end {
            Rotation::Same { .. } if self.has(Mistake::UnguardedRotation) && looked => Rotation::Won,
            Rotation::Same { .. } if self.has(Mistake::ForkedChain) => Rotation::Won,
            Rotation::Same { .. } if self.has(Mistake::SaltOverwritten) => Rotation::Same { salt: op.salt },
            Rotation::Revoked if self.has(Mistake::RevokedChainsRotate) => Rotation::Won,
            Rotation::Reuse { grant } => {
                self.notes().pardoned.insert((call.tenant.clone(), grant.clone()));
                Rotation::Reuse { grant }
            }
            end => end,
        })
    }

    /// Counts the replays of each generation by itself, so that the chain never hears of a suspicion.
    async fn rotate_without_suspicion(
        &self,
        mut op: RotateRefresh,
        call: &Call,
    ) -> Result<Rotation, StoreFault> {
        let key = (call.tenant.clone(), op.handle);
        let too_often = self.notes().counted.get(&key).is_some_and(|counted| {
            counted.presented == op.presented && counted.replays >= op.max_replays && !counted.is_early(call)
        });
        if too_often && let Some(grant) = self.inner.grant(GrantKey::Refresh(&op.handle), call).await? {
            return Ok(Rotation::Suspected { grant: grant.id });
        }
        op.max_replays = u8::MAX;
        let end = self.inner.rotate_refresh(&op, call).await?;
        let mut notes = self.notes();
        match &end {
            Rotation::Won => {
                let counted = Counted { presented: op.presented, rotated: call.now, replays: 0 };
                notes.counted.insert(key, counted);
            }
            Rotation::Same { .. } => {
                if let Some(counted) = notes.counted.get_mut(&key).filter(|counted| !counted.is_early(call)) {
                    counted.replays += 1;
                }
            }
            _ => {}
        }
        Ok(end)
    }

    /// What a mutant says of a grant that it was asked about.
    pub(super) fn show(&self, mut grant: StoredGrant, call: &Call) -> Option<StoredGrant> {
        let key = (call.tenant.clone(), grant.id.clone());
        let mut notes = self.notes();
        if self.has(Mistake::LaggingRead) || self.has(Mistake::UseNotNoted) {
            let first = notes.seen.entry(key.clone()).or_insert_with(|| grant.clone()).clone();
            if self.has(Mistake::LaggingRead) {
                return Some(first);
            }
            grant.used = first.used;
        }
        if self.has(Mistake::UseNeverEarlier) {
            let latest = notes.used.entry(key.clone()).or_insert(grant.used);
            *latest = grant.used.max(*latest);
            grant.used = *latest;
        }
        if self.has(Mistake::ReuseWithoutRevocation) && notes.pardoned.contains(&key) {
            grant.status = vestibule_host::GrantStatus::Live;
        }
        if self.has(Mistake::KeepShortened)
            && let Some(keep_until) = notes.kept_until.get(&key)
        {
            grant.keep_until = *keep_until;
            return Some(grant).filter(|_| !keep_until.is_over(call.now));
        }
        Some(grant)
    }

    /// Remembers what the last verb asked for.
    pub(super) async fn note_end(
        &self,
        by: GrantKey<'_>,
        keep_until: UnixMillis,
        call: &Call,
    ) -> Result<(), StoreFault> {
        if self.has(Mistake::KeepShortened)
            && let Some(grant) = self.inner.grant(by, call).await?
        {
            self.notes().kept_until.insert((call.tenant.clone(), grant.id), keep_until);
        }
        Ok(())
    }
}

impl Counted {
    fn is_early(&self, call: &Call) -> bool {
        call.now.0 < self.rotated.0 + 5_000
    }
}
