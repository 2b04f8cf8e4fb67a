//! Launches, interactions, codes and grants: one file a verb.

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
use vestibule_host::{
    AccessKey, Advance, Advanced, Call, EventId, GrantId, GrantKey, GrantStore, InteractionHash, Issuance,
    IssueCode, IssueToken, LaunchHash, LeasedEvent, Purged, PutLaunch, Record, RedeemCode, Redemption,
    Revoke, Revoked, RotateRefresh, Rotation, StoreFacts, StoreFault, StoredAccess, StoredGrant,
    StoredInteraction, TokenIssuance, UnixMillis, UserId,
};

use crate::SqliteStore;

#[async_trait]
impl GrantStore for SqliteStore {
    fn facts(&self) -> StoreFacts {
        StoreFacts { sharing: self.sharing(), durability: self.durability() }
    }

    async fn ping(&self) -> Result<(), StoreFault> {
        self.probe().await
    }

    async fn interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault> {
        self.read(read::Interaction { id: *id, call: call.clone() }).await
    }

    async fn launch(&self, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, StoreFault> {
        self.read(read::Launch { hash: *hash, call: call.clone() }).await
    }

    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault> {
        let by = match by {
            GrantKey::Id(id) => read::Key::Id(id.clone()),
            GrantKey::Code(code) => read::Key::Code(*code),
            GrantKey::Refresh(handle) => read::Key::Refresh(*handle),
        };
        self.read(read::Grant { by, call: call.clone() }).await
    }

    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault> {
        let by = match by {
            AccessKey::Opaque(hash) => read::Token::Opaque(*hash),
            AccessKey::Jwt { id, grant } => read::Token::Jwt(id.clone(), grant.cloned()),
        };
        self.read(read::Access { by, call: call.clone() }).await
    }

    async fn grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault> {
        self.read(read::GrantsOf { user: user.clone(), after: after.cloned(), limit, call: call.clone() })
            .await
    }

    async fn put_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
        self.write(launch::Put { op: op.clone(), call: call.clone() }).await
    }

    async fn advance_interaction(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault> {
        self.write(advance::Save { op: op.clone(), call: call.clone() }).await?.ok_or(StoreFault::Full)
    }

    async fn issue_code(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        self.write(issue::Issue { op: op.clone(), call: call.clone() }).await?.ok_or(StoreFault::Full)
    }

    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        self.write(redeem::Redeem { op: op.clone(), call: call.clone() }).await
    }

    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        self.write(rotate::Rotate { op: op.clone(), call: call.clone() }).await
    }

    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        self.write(token::Issue { op: op.clone(), call: call.clone() }).await
    }

    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        self.write(revoke::Revoke { op: op.clone(), call: call.clone() }).await
    }

    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        self.write(events::Lease { max, until, call: call.clone() }).await
    }

    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        self.write(events::Acknowledge { ids: ids.to_vec(), call: call.clone() }).await
    }

    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        purge::purge(self, before, max).await
    }
}
