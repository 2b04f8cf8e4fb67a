//! Launches, interactions, codes and grants: a script each, and what goes into it and comes out.

mod events;
mod issue;
mod purge;
mod read;
mod redeem;
mod revoke;
mod rotate;

use async_trait::async_trait;
use vestibule_host::{
    AccessKey, Advance, Advanced, Call, EventId, GrantId, GrantKey, GrantStore, InteractionHash, Issuance,
    IssueCode, IssueToken, LaunchHash, LeasedEvent, Purged, PutLaunch, Record, RedeemCode, Redemption,
    Revoke, Revoked, RotateRefresh, Rotation, Sharing, StoreFacts, StoreFault, StoredAccess, StoredGrant,
    StoredInteraction, TokenIssuance, UnixMillis, UserId,
};

use crate::RedisStore;

pub(crate) use purge::Way;

#[async_trait]
impl GrantStore for RedisStore {
    fn facts(&self) -> StoreFacts {
        StoreFacts { sharing: Sharing::Shared, durability: self.durability() }
    }

    async fn ping(&self) -> Result<(), StoreFault> {
        self.look_again().await
    }

    async fn interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault> {
        self.read_interaction(id, call).await
    }

    async fn launch(&self, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, StoreFault> {
        self.read_launch(hash, call).await
    }

    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault> {
        self.read_grant(by, call).await
    }

    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault> {
        self.read_access(by, call).await
    }

    async fn grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault> {
        self.read_grants_of(user, after, limit, call).await
    }

    async fn put_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
        self.keep_launch(op, call).await
    }

    async fn advance_interaction(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault> {
        self.advance(op, call).await
    }

    async fn issue_code(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        self.issue(op, call).await
    }

    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        self.redeem(op, call).await
    }

    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        self.rotate(op, call).await
    }

    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        self.keep_token(op, call).await
    }

    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        self.end(op, call).await
    }

    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        self.lease(max, until, call).await
    }

    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        self.acknowledge(ids, call).await
    }

    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        self.purge_all(before, max).await
    }
}
