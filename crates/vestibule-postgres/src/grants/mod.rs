//! Launches, interactions, codes and grants: one file a verb, one statement a verb.

mod advance;
mod beside;
mod events;
mod issue;
mod launch;
mod purge;
mod read;
mod redeem;
mod revoke;
mod rotate;
mod token;

use async_trait::async_trait;
use vestibule_host::grant_store::Sharing;
use vestibule_host::{
    AccessKey, Advance, Advanced, Call, EventId, GrantId, GrantKey, GrantStore, InteractionHash, Issuance,
    IssueCode, IssueToken, LaunchHash, LeasedEvent, Purged, PutLaunch, Record, RedeemCode, Redemption,
    Revoke, Revoked, RotateRefresh, Rotation, StoreFacts, StoreFault, StoredAccess, StoredGrant,
    StoredInteraction, TokenIssuance, UnixMillis, UserId,
};

use crate::PostgresStore;

#[async_trait]
impl GrantStore for PostgresStore {
    fn facts(&self) -> StoreFacts {
        StoreFacts { sharing: Sharing::Shared, durability: self.durability() }
    }

    async fn ping(&self) -> Result<(), StoreFault> {
        self.probe().await
    }

    async fn interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault> {
        read::interaction(self, id, call).await
    }

    async fn launch(&self, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, StoreFault> {
        read::launch(self, hash, call).await
    }

    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault> {
        read::grant(self, by, call).await
    }

    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault> {
        read::access(self, by, call).await
    }

    async fn grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault> {
        read::grants_of(self, user, after, limit, call).await
    }

    async fn put_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
        launch::put(self, op, call).await
    }

    async fn advance_interaction(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault> {
        advance::advance(self, op, call).await
    }

    async fn issue_code(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        issue::issue(self, op, call).await
    }

    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        redeem::redeem(self, op, call).await
    }

    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        rotate::rotate(self, op, call).await
    }

    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        token::issue(self, op, call).await
    }

    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        revoke::revoke(self, op, call).await
    }

    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        events::lease(self, max, until, call).await
    }

    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        events::acknowledge(self, ids, call).await
    }

    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        purge::purge(self, before, max).await
    }
}
