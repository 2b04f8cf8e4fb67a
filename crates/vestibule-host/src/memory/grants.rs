//! Launches, interactions, codes and grants in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::rows::Rows;
use crate::grant_store::{Durability, Sharing};
use crate::{
    AccessKey, Advance, Advanced, Call, EventId, GrantKey, GrantStore, InteractionHash, Issuance, IssueCode,
    IssueToken, LaunchHash, LeasedEvent, Purged, PutLaunch, Record, RedeemCode, Redemption, Revoke, Revoked,
    RotateRefresh, Rotation, StoreFacts, StoreFault, StoredAccess, StoredGrant, StoredInteraction, Tenant,
    TokenIssuance, UnixMillis, UserId,
};

/// How many rows [`MemoryGrants`] holds at most, for each tenant. Tenants are the host's own and few.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct MemoryLimits {
    /// Interactions.
    pub interactions: usize,
    /// Launches.
    pub launches: usize,
    /// Grants, each with its code and its refresh chain.
    pub grants: usize,
    /// Spent client assertions.
    pub claims: usize,
    /// Opaque access tokens and revoked JWTs.
    pub access: usize,
    /// Events that were not acknowledged. The last tenth of the room is kept for verbs that end something.
    pub events: usize,
}

impl MemoryLimits {
    /// Bounds for what a user's launch leaves behind; the others are the default ones.
    pub const fn new(interactions: usize, launches: usize, grants: usize) -> Self {
        Self { interactions, launches, grants, claims: 250_000, access: 250_000, events: 100_000 }
    }

    /// Bounds for what goes with a verb: spent assertions, access tokens, events.
    #[must_use]
    pub const fn with_beside(mut self, claims: usize, access: usize, events: usize) -> Self {
        (self.claims, self.access, self.events) = (claims, access, events);
        self
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

    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault> {
        if let Some(known) = self.read(call, |rows| rows.access(by, call.now)) {
            return Ok(known);
        }
        Ok(Rows::default().access(by, call.now))
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
        self.write(call, |rows, limits| rows.redeem(op, call, limits))
    }

    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        self.write(call, |rows, limits| rows.rotate(op, call, limits))
    }

    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        self.write(call, |rows, limits| rows.issue_token(op, call, limits))
    }

    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        self.write(call, |rows, limits| rows.revoke(op, call, limits))
    }

    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        Ok(self.write(call, |rows, _| rows.lease(max, until, call.now)))
    }

    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        self.write(call, |rows, _| rows.acknowledge(ids));
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
