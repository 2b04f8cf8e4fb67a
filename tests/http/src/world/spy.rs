//! Sees what the engine gives to the store, and lets a caller go away before and after each call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use vestibule_host::{
    AccessKey, Advance, Advanced, Call, ClientId, EventId, GrantId, GrantKey, GrantStore, InteractionHash,
    Issuance, IssueCode, IssueToken, LaunchHash, LeasedEvent, NewAccess, Purged, PutLaunch, Record,
    RedeemCode, Redemption, Revoke, Revoked, RotateRefresh, Rotation, StoreFacts, StoreFault, StoredAccess,
    StoredGrant, StoredInteraction, TokenIssuance, UnixMillis, UserId,
};

use super::script::Script;

/// A store that remembers every byte that was written through it.
#[derive(Debug)]
pub struct Spy {
    script: Script,
    inner: Arc<dyn GrantStore>,
    written: Mutex<Vec<u8>>,
    /// Given instead of stored interactions: a damaged or newer row.
    damaged: Mutex<Option<Vec<u8>>>,
    codes: Mutex<usize>,
    /// What the next redemption and the next issue are said to have led to, without doing anything.
    redemption: Mutex<Option<Redemption>>,
    issuance: Mutex<Option<Issuance>>,
    /// Whether a redemption that nobody knows the end of passes for one that was won.
    swallows: Mutex<bool>,
    /// The newest grant of each user with each app, once the context is shared between them.
    shared: Mutex<Option<HashMap<(UserId, ClientId), Record>>>,
}

impl Spy {
    pub(super) fn new(script: Script, inner: Arc<dyn GrantStore>) -> Self {
        Self {
            script,
            inner,
            written: Mutex::default(),
            damaged: Mutex::default(),
            codes: Mutex::default(),
            redemption: Mutex::default(),
            issuance: Mutex::default(),
            swallows: Mutex::default(),
            shared: Mutex::default(),
        }
    }

    /// Everything that was ever written, as text as far as it is text.
    pub fn written(&self) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&written).into_owned()
    }

    /// How many codes the store has issued.
    pub fn codes(&self) -> usize {
        *self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on stored interactions and grants read like this.
    pub fn damage(&self, with: Option<&[u8]>) {
        *self.damaged.lock().unwrap_or_else(PoisonError::into_inner) = with.map(<[u8]>::to_vec);
    }

    /// The next redemption does nothing and says this.
    pub fn say_of_redemption(&self, outcome: Redemption) {
        *self.redemption.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    /// The next issue does nothing and says this.
    pub fn say_of_issue(&self, outcome: Issuance) {
        *self.issuance.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    /// From now on a redemption that fails passes for one that was won. A mistake that was made (catalogue row 19).
    pub fn swallow_faults(&self) {
        *self.swallows.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// From now on a user's launches of an app share their context: the newest one's. A mistake that was made (catalogue row 68).
    pub fn share_contexts(&self) {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(HashMap::new());
    }

    fn newest(&self, row: &StoredGrant) -> Option<Record> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.as_ref()?.get(&(row.user.clone(), row.client.clone())).cloned()
    }

    fn note(&self, bytes: &[u8]) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        written.push(b'\n');
    }

    fn note_row(&self, row: &Advance) {
        self.note(&row.record.0);
        self.note(row.id.as_bytes());
    }

    fn as_damaged(&self, record: Record) -> Record {
        let damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.as_ref().map_or(record, |bytes| Record(bytes.clone().into()))
    }

    async fn pass<T: Send>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, StoreFault>> + Send,
    ) -> Result<T, StoreFault> {
        self.script.call(name).await.map_err(StoreFault::not_applied)?;
        let answer = call.await;
        self.script.pause().await;
        answer
    }
}

impl Spy {
    fn note_access(&self, access: Option<&NewAccess>) {
        if let Some(access) = access {
            self.note(access.hash.as_bytes());
            self.note(&access.record.0);
        }
    }
}

#[async_trait]
impl GrantStore for Spy {
    fn facts(&self) -> StoreFacts {
        self.inner.facts()
    }

    async fn ping(&self) -> Result<(), StoreFault> {
        self.pass("grants.ping", self.inner.ping()).await
    }

    async fn interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault> {
        let found = self.pass("grants.interaction", self.inner.interaction(id, call)).await?;
        Ok(found.map(|row| StoredInteraction { record: self.as_damaged(row.record), ..row }))
    }

    async fn launch(&self, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, StoreFault> {
        self.pass("grants.launch", self.inner.launch(hash, call)).await
    }

    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault> {
        let found = self.pass("grants.grant", self.inner.grant(by, call)).await?;
        Ok(found.map(|row| {
            let record = self.newest(&row).unwrap_or_else(|| row.record.clone());
            StoredGrant { record: self.as_damaged(record), ..row }
        }))
    }

    async fn grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault> {
        self.pass("grants.grants_of", self.inner.grants_of(user, after, limit, call)).await
    }

    async fn put_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
        self.note(&op.record.0);
        self.pass("grants.put_launch", self.inner.put_launch(op, call)).await
    }

    async fn advance_interaction(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault> {
        self.note_row(op);
        self.pass("grants.advance_interaction", self.inner.advance_interaction(op, call)).await
    }

    async fn issue_code(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        self.note_row(&op.interaction);
        self.note(&op.grant.record.0);
        self.note(op.code.as_bytes());
        let said = self.issuance.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(outcome) = said {
            return Ok(outcome);
        }
        let issued = self.pass("grants.issue_code", self.inner.issue_code(op, call)).await?;
        if issued == Issuance::Won {
            if let Some(shared) = &mut *self.shared.lock().unwrap_or_else(PoisonError::into_inner) {
                let key = (op.grant.user.clone(), op.grant.client.clone());
                shared.insert(key, op.grant.record.clone());
            }
            *self.codes.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
        Ok(issued)
    }

    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        let said = self.redemption.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(outcome) = said {
            return Ok(outcome);
        }
        self.note_access(op.access.as_ref());
        if let Some(refresh) = &op.refresh {
            self.note(refresh.handle.as_bytes());
            self.note(refresh.current.as_bytes());
        }
        let swallows = *self.swallows.lock().unwrap_or_else(PoisonError::into_inner);
        match self.pass("grants.redeem_code", self.inner.redeem_code(op, call)).await {
            Err(_) if swallows => Ok(Redemption::Won),
            end => end,
        }
    }

    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault> {
        self.pass("grants.access", self.inner.access(by, call)).await
    }

    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        self.note_access(op.access.as_ref());
        for part in [op.handle.as_bytes(), op.presented.as_bytes(), op.next.as_bytes(), op.salt.as_bytes()] {
            self.note(part);
        }
        self.pass("grants.rotate_refresh", self.inner.rotate_refresh(op, call)).await
    }

    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        self.note_access(op.access.as_ref());
        self.pass("grants.issue_token", self.inner.issue_token(op, call)).await
    }

    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        self.pass("grants.revoke", self.inner.revoke(op, call)).await
    }

    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        self.pass("grants.lease_events", self.inner.lease_events(max, until, call)).await
    }

    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        self.pass("grants.ack_events", self.inner.ack_events(ids, call)).await
    }

    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        self.pass("grants.purge", self.inner.purge(before, max)).await
    }
}
