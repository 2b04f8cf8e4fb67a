//! A store that fails when it is told to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use vestibule_host::{
    AccessKey, Advance, Advanced, Call, EventId, GrantId, GrantKey, GrantStore, InteractionHash, Issuance,
    IssueCode, IssueToken, LaunchHash, LeasedEvent, Purged, PutLaunch, Record, RedeemCode, Redemption,
    Revoke, Revoked, RotateRefresh, Rotation, StoreFacts, StoreFault, StoredAccess, StoredGrant,
    StoredInteraction, TokenIssuance, UnixMillis, UserId,
};

use crate::drops::wait_once;

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Injected {
    /// Before anything happens: `NotApplied`.
    Before,
    /// After everything happened: `OutcomeUnknown`.
    After,
    /// Nothing happens, and nobody knows: `OutcomeUnknown`, as when a connection is reset before the commit.
    Reset,
    /// Before anything happens: `Busy`.
    Busy,
    /// Before anything happens: `Full`.
    Full,
    /// Everything happens and is answered, after a wait before and another one behind.
    Delay,
    /// Nothing happens and no answer ever comes: the caller has to give up.
    Hang,
    /// Everything happens and no answer ever comes.
    HangAfter,
    /// Nothing happens, and the store panics.
    Panic,
    /// Everything happens, and the store panics.
    PanicAfter,
}

impl Injected {
    /// Every way to fail.
    pub const ALL: [Self; 10] = [
        Self::Before,
        Self::After,
        Self::Reset,
        Self::Busy,
        Self::Full,
        Self::Delay,
        Self::Hang,
        Self::HangAfter,
        Self::Panic,
        Self::PanicAfter,
    ];

    /// Whether the verb has its effect all the same.
    pub const fn takes_effect(self) -> bool {
        matches!(self, Self::After | Self::Delay | Self::HangAfter | Self::PanicAfter)
    }

    /// Whether an answer comes, be it a fault.
    pub const fn answers(self) -> bool {
        !matches!(self, Self::Hang | Self::HangAfter | Self::Panic | Self::PanicAfter)
    }
}

#[derive(Debug, Default)]
struct Script {
    calls: Vec<&'static str>,
    /// Which calls fail, counted from 0, and how.
    faults: Vec<(usize, Injected)>,
    /// The next call of a method that fails, and how.
    named: Vec<(&'static str, Injected)>,
}

/// Wraps a store, counts its calls and lets the chosen ones fail. Clones share the count.
#[derive(Clone, Debug)]
pub struct FaultyGrants {
    inner: Arc<dyn GrantStore>,
    script: Arc<Mutex<Script>>,
    waits: bool,
}

impl FaultyGrants {
    /// Fails nothing yet.
    pub fn new(inner: Arc<dyn GrantStore>) -> Self {
        Self { inner, script: Arc::default(), waits: false }
    }

    /// Waits once before each call's effect and once behind it, however quick the store is: there a flow can be
    /// [dropped](crate::drop_after).
    #[must_use]
    pub const fn that_waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Lets one call fail, counted from 0 over all methods since the last [`restart`](Self::restart).
    pub fn fail(&self, call: usize, how: Injected) {
        self.script().faults.push((call, how));
    }

    /// Lets the next call of this method fail.
    pub fn fail_next(&self, method: &'static str, how: Injected) {
        self.script().named.push((method, how));
    }

    /// Counts from 0 again and fails nothing.
    pub fn restart(&self) {
        *self.script() = Script::default();
    }

    /// The methods that were called, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.script().calls.clone()
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, method: &'static str) -> Option<Injected> {
        let mut script = self.script();
        let index = script.calls.len();
        script.calls.push(method);
        if let Some((_, how)) = script.faults.iter().find(|(call, _)| *call == index) {
            return Some(*how);
        }
        let named = script.named.iter().position(|(name, _)| *name == method)?;
        Some(script.named.remove(named).1)
    }

    async fn pass<T: Send>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreFault>> + Send,
    ) -> Result<T, StoreFault> {
        match self.next(method) {
            None if !self.waits => call.await,
            None | Some(Injected::Delay) => {
                wait_once().await;
                let end = call.await;
                wait_once().await;
                end
            }
            Some(Injected::Before) => Err(StoreFault::not_applied("injected")),
            Some(Injected::Reset) => Err(StoreFault::outcome_unknown("injected")),
            Some(Injected::Busy) => Err(StoreFault::Busy { retry_after: Duration::from_secs(1) }),
            Some(Injected::Full) => Err(StoreFault::Full),
            Some(Injected::After) => {
                call.await?;
                Err(StoreFault::outcome_unknown("injected"))
            }
            Some(Injected::Hang) => std::future::pending().await,
            Some(Injected::HangAfter) => {
                call.await?;
                std::future::pending().await
            }
            Some(Injected::Panic) => crash(method),
            Some(Injected::PanicAfter) => {
                call.await?;
                crash(method)
            }
        }
    }
}

#[allow(clippy::panic, reason = "this is what was asked for")]
fn crash(method: &str) -> ! {
    panic!("{method}: injected")
}

#[async_trait]
impl GrantStore for FaultyGrants {
    fn facts(&self) -> StoreFacts {
        self.inner.facts()
    }

    async fn ping(&self) -> Result<(), StoreFault> {
        self.pass("ping", self.inner.ping()).await
    }

    async fn interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault> {
        self.pass("interaction", self.inner.interaction(id, call)).await
    }

    async fn launch(&self, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, StoreFault> {
        self.pass("launch", self.inner.launch(hash, call)).await
    }

    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault> {
        self.pass("grant", self.inner.grant(by, call)).await
    }

    async fn grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault> {
        self.pass("grants_of", self.inner.grants_of(user, after, limit, call)).await
    }

    async fn put_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault> {
        self.pass("put_launch", self.inner.put_launch(op, call)).await
    }

    async fn advance_interaction(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault> {
        self.pass("advance_interaction", self.inner.advance_interaction(op, call)).await
    }

    async fn issue_code(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault> {
        self.pass("issue_code", self.inner.issue_code(op, call)).await
    }

    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault> {
        self.pass("redeem_code", self.inner.redeem_code(op, call)).await
    }

    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault> {
        self.pass("access", self.inner.access(by, call)).await
    }

    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault> {
        self.pass("rotate_refresh", self.inner.rotate_refresh(op, call)).await
    }

    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault> {
        self.pass("issue_token", self.inner.issue_token(op, call)).await
    }

    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault> {
        self.pass("revoke", self.inner.revoke(op, call)).await
    }

    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault> {
        self.pass("lease_events", self.inner.lease_events(max, until, call)).await
    }

    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault> {
        self.pass("ack_events", self.inner.ack_events(ids, call)).await
    }

    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault> {
        self.pass("purge", self.inner.purge(before, max)).await
    }
}
