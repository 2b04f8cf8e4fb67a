//! Launches, interactions, codes and grants in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::rows::Rows;
use crate::grant_store::{Durability, Sharing};
use crate::{
    Advance, Advanced, Call, GrantKey, GrantStore, InteractionHash, Issuance, IssueCode, LaunchHash, Purged,
    PutLaunch, Record, RedeemCode, Redemption, Revocation, StoreFacts, StoreFault, StoredGrant,
    StoredInteraction, Tenant, UnixMillis, UserId,
};

/// How many rows [`MemoryGrants`] holds at most, for each tenant. Tenants are the host's own and few.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct MemoryLimits {
    /// Interactions.
    pub interactions: usize,
    /// Launches.
    pub launches: usize,
    /// Grants, each with its code.
    pub grants: usize,
}

impl MemoryLimits {
    /// One bound for each kind of row.
    pub const fn new(interactions: usize, launches: usize, grants: usize) -> Self {
        Self { interactions, launches, grants }
    }
}

impl Default for MemoryLimits {
    /// Room for a demonstration or a small clinic: some hundred megabytes when everything is full.
    fn default() -> Self {
        Self::new(50_000, 50_000, 250_000)
    }
}

/// A [`GrantStore`] in memory: nothing survives the process and no other process sees it.
///
/// All rows are behind one mutex. A critical section is a few map operations, never an await, so that a verb is wholly done
/// at its first poll or was never begun.
#[derive(Debug, Default)]
pub struct MemoryGrants {
    limits: MemoryLimits,
    tenants: Mutex<HashMap<Tenant, Rows>>,
}

impl MemoryGrants {
    /// An empty store with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store with other limits.
    pub fn with_limits(limits: MemoryLimits) -> Self {
        Self { limits, tenants: Mutex::default() }
    }

    /// A poisoned lock is taken all the same: no critical section can panic halfway, since it calls nothing of a host and
    /// changes rows only after the last judgement.
    fn rows(&self) -> MutexGuard<'_, HashMap<Tenant, Rows>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reading call: a tenant without rows has none made for it.
    fn read<T>(&self, call: &Call, read: impl FnOnce(&Rows) -> T) -> Option<T> {
        self.rows().get(&call.tenant).map(read)
    }

    fn write<T>(&self, call: &Call, verb: impl FnOnce(&mut Rows, &MemoryLimits) -> T) -> T {
        let mut tenants = self.rows();
        if let Some(rows) = tenants.get_mut(&call.tenant) {
            return verb(rows, &self.limits);
        }
        verb(tenants.entry(call.tenant.clone()).or_default(), &self.limits)
    }
}

#[async_trait]
impl GrantStore for MemoryGrants {
    fn facts(&self) -> StoreFacts {
        StoreFacts { sharing: Sharing::Process, durability: Durability::None }
    }

    async fn ping(&self) -> Result<(), StoreFault> {
        Ok(())
    }

    async fn interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault> {
        Ok(self.read(call, |rows| rows.interaction(id, call.now)).flatten())
    }

    async fn launch(&self, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, StoreFault> {
        Ok(self.read(call, |rows| rows.launch(hash, call.now)).flatten())
    }

    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault> {
        Ok(self.read(call, |rows| rows.grant(by, call.now)).flatten())
    }

    async fn grants_of(
        &self,
        user: &UserId,
        after: Option<&crate::GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault> {
        Ok(self.read(call, |rows| rows.grants_of(user, after, limit, call.now)).unwrap_or_default())
    }

    async fn put_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
        self.write(call, |rows, limits| rows.put_launch(op, call, limits))
    }

    async fn advance_interaction(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault> {
        self.write(call, |rows, limits| rows.advance(op, call, limits))
    }

    async fn issue_code(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        self.write(call, |rows, limits| rows.issue(op, call, limits))
    }

    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        Ok(self.write(call, |rows, _| rows.redeem(op, call)))
    }

    async fn revoke(&self, what: &Revocation, call: &Call) -> Result<(), StoreFault> {
        self.write(call, |rows, _| rows.revoke(what));
        Ok(())
    }

    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        let mut left = max;
        for rows in self.rows().values_mut() {
            left -= rows.purge(before, left);
        }
        Ok(Purged { rows: u32::from(max - left), more: left == 0 })
    }
}

#[cfg(test)]
mod tests;
