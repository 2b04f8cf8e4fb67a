//! Launches, interactions, codes and grants: the transactions.
//!
//! A read may inform a decision; it proves nothing. Single use is decided only inside the verb that spends, and every verb
//! repeats what the reads found as a precondition. A verb is one transaction: its parts are all in one commit, or none is.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{
    AttemptId, Binding, ClientId, CodeHash, GrantId, InteractionHash, LaunchHash, Record, Revision,
    SessionId, StoreFault, Tenant, UnixMillis, UserId,
};

/// What goes with every call: whose rows, which try, what time it is. Stores read no clock of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// The namespace. Rows of another tenant do not exist for this call.
    pub tenant: Tenant,
    /// The try. A verb repeated with the same attempt returns what it returned first.
    pub attempt: AttemptId,
    /// The present moment; the only time that counts.
    pub now: UnixMillis,
}

/// How to find a grant.
#[derive(Clone, Copy, Debug)]
pub enum GrantKey<'a> {
    /// By its id.
    Id(&'a GrantId),
    /// By the code that was issued for it, spent or not.
    Code(&'a CodeHash),
}

/// Whether anything under a grant may live.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GrantStatus {
    /// Yes.
    Live,
    /// No, and never again (I4).
    Revoked,
}

/// A grant as it is stored. Only what a verb tests or finds by is a field; the rest is the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredGrant {
    /// Its id.
    pub id: GrantId,
    /// The user who granted.
    pub user: UserId,
    /// The app it was granted to.
    pub client: ClientId,
    /// The session in which it was granted.
    pub session: SessionId,
    /// Until when the row must be kept: the end of everything that can be issued under it (CODE-005).
    pub keep_until: UnixMillis,
    /// Whether it lives. New grants are `Live`.
    pub status: GrantStatus,
    /// Everything else, encoded by `vestibule-core`.
    pub record: Record,
}

/// An interaction as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredInteraction {
    /// How often it was saved.
    pub revision: Revision,
    /// Its state, encoded by `vestibule-core`.
    pub record: Record,
}

/// A bound on rows that nobody signed in for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quota {
    /// Whose rows are counted.
    pub client: ClientId,
    /// How many of them may be unexpired at a time. One more is [`StoreFault::Full`].
    pub max: u32,
}

/// Saves an interaction if it is still what the caller read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Advance {
    /// Which interaction.
    pub id: InteractionHash,
    /// The revision that was read; `None`: no row may exist yet, not even a finished one.
    pub expected: Option<Revision>,
    /// Until when the row must be kept.
    pub expires: UnixMillis,
    /// The new state.
    pub record: Record,
    /// Set while nobody has signed in: the row then counts against a quota.
    pub quota: Option<Quota>,
}

impl Advance {
    /// A first save (`expected` is `None`) or a later one.
    pub const fn new(
        id: InteractionHash,
        expected: Option<Revision>,
        expires: UnixMillis,
        record: Record,
    ) -> Self {
        Self { id, expected, expires, record, quota: None }
    }

    /// Counted against a quota.
    #[must_use]
    pub fn with_quota(mut self, quota: Option<Quota>) -> Self {
        self.quota = quota;
        self
    }
}

/// Keeps a launch.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PutLaunch {
    /// The hash of its handle.
    pub hash: LaunchHash,
    /// Until when the row must be kept: its own life and one interaction's.
    pub keep_until: UnixMillis,
    /// User, client, base and context, encoded by `vestibule-core`.
    pub record: Record,
}

impl PutLaunch {
    /// A launch.
    pub const fn new(hash: LaunchHash, keep_until: UnixMillis, record: Record) -> Self {
        Self { hash, keep_until, record }
    }
}

/// Issues a code.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct IssueCode {
    /// Closes the interaction, by revision.
    pub interaction: Advance,
    /// The launch to spend, in an EHR launch.
    pub launch: Option<LaunchHash>,
    /// The hash of the code.
    pub code: CodeHash,
    /// What a redemption must present.
    pub binding: Binding,
    /// When the code ends.
    pub expires: UnixMillis,
    /// The grant that the code stands for.
    pub grant: StoredGrant,
}

impl IssueCode {
    /// All of it.
    pub const fn new(
        interaction: Advance,
        launch: Option<LaunchHash>,
        code: CodeHash,
        binding: Binding,
        expires: UnixMillis,
        grant: StoredGrant,
    ) -> Self {
        Self { interaction, launch, code, binding, expires, grant }
    }
}

/// Spends a code.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RedeemCode {
    /// The hash of the presented code.
    pub code: CodeHash,
    /// The binding computed from what was presented.
    pub binding: Binding,
}

impl RedeemCode {
    /// A redemption.
    pub const fn new(code: CodeHash, binding: Binding) -> Self {
        Self { code, binding }
    }
}

/// What to revoke.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Revocation {
    /// One grant.
    Grant(GrantId),
    /// Every grant of a user for an app.
    UserAndClient(UserId, ClientId),
    /// Every grant of a user.
    User(UserId),
    /// Every grant for an app.
    Client(ClientId),
    /// Every grant made in a session.
    Session(SessionId),
}

/// What became of an advance.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Advanced {
    /// Saved under this revision.
    Saved(Revision),
    /// Another request was first; this is what is stored.
    Stale(StoredInteraction),
    /// A row was expected and there is none: it has expired and was purged.
    Gone,
}

/// What became of an issue.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Issuance {
    /// Code, grant and closed interaction are stored, the launch is spent.
    Won,
    /// Another request was first; this is what is stored. Nothing was changed.
    Stale(StoredInteraction),
    /// The interaction's row is no more. Nothing was changed.
    Gone,
    /// The launch was spent by another interaction, or its time is over. Nothing was changed.
    LaunchGone,
}

/// What became of a redemption.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Redemption {
    /// The code is spent, by this call and no other.
    Won,
    /// The code was spent before, and this request is bound to it: the grant was revoked **in this commit** (CODE-006).
    Replayed {
        /// The grant that died.
        grant: GrantId,
    },
    /// The binding differs. Nothing was changed (CODE-007).
    Mismatch,
    /// The code's time is over. Nothing was changed.
    Expired,
    /// The grant was revoked before the code was spent. Nothing was changed.
    Revoked,
    /// No such code.
    NotFound,
}

/// What a purge did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Purged {
    /// Rows removed.
    pub rows: u32,
    /// Whether there may be more to remove.
    pub more: bool,
}

/// Whether other processes see the same rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    /// Only this process.
    Process,
    /// Every process that opens the same store.
    Shared,
}

/// What survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Nothing survives the process.
    None,
    /// What was acknowledged survives a crash of process and machine.
    Crash,
}

/// What a store says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoreFacts {
    /// Who sees its rows.
    pub sharing: Sharing,
    /// What survives.
    pub durability: Durability,
}

/// Keeps launches, interactions, codes and grants. **Required**; usually an adapter crate.
///
/// # Contract
/// * Keys are (tenant, hash or id), compared byte for byte.
/// * Only `call.now` counts as time. A boundary is over when it is reached: `now >= expires`.
/// * A verb is linearizable and wholly done or not at all, also when its future is dropped.
/// * `Ok` means durable, as far as [`facts`](Self::facts) claims.
/// * A verb repeated with the same [`Call::attempt`] returns what it returned first.
/// * Everything is bounded: at the bound the answer is [`StoreFault::Full`], and nothing honest is evicted.
///
/// Check an implementation with `vestibule_testkit::store_suite!`.
#[async_trait]
pub trait GrantStore: Debug + Send + Sync {
    /// What this store promises.
    fn facts(&self) -> StoreFacts;

    /// Answers when the store can be reached: what a readiness probe asks.
    ///
    /// # Errors
    /// A [`StoreFault`] when it cannot.
    async fn ping(&self) -> Result<(), StoreFault>;

    /// The interaction, open or finished, while its row is kept.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault>;

    /// The launch, if it is unspent and its row is kept. Reading spends nothing (SMART-LAUNCH-013).
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn launch(&self, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, StoreFault>;

    /// The grant, live or revoked. By code it is found whether the code is spent or not.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault>;

    /// Live grants of a user whose `keep_until` has not come, in the order of their ids, after `after`, at most `limit`.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault>;

    /// Keeps a new launch.
    ///
    /// # Errors
    /// A [`StoreFault`]; an existing hash is [`StoreFault::NotApplied`].
    async fn put_launch(&self, op: &PutLaunch, call: &Call) -> Result<(), StoreFault>;

    /// Saves an interaction by compare-and-swap on its revision. Of two tabs one wins.
    ///
    /// # Errors
    /// A [`StoreFault`]; [`StoreFault::Full`] when the quota or the store's bound is reached.
    async fn advance_interaction(&self, op: &Advance, call: &Call) -> Result<Advanced, StoreFault>;

    /// Closes the interaction, spends the launch, inserts grant and code: one commit.
    ///
    /// # Errors
    /// A [`StoreFault`].
    ///
    /// # Security
    /// Two tabs must not get two codes: the revision decides. Two interactions must not spend one launch.
    async fn issue_code(&self, op: &IssueCode, call: &Call) -> Result<Issuance, StoreFault>;

    /// Spends a code: a conditional update, never a delete, so that a replay can still find the grant and kill it.
    ///
    /// Judged in this order: not found, binding differs, already spent (revokes the grant), grant revoked, expired, won.
    ///
    /// # Errors
    /// A [`StoreFault`]. The engine then answers 503 and never guesses [`Redemption::Won`].
    ///
    /// # Security
    /// Answering `Won` twice hands a second set of tokens to whoever stole the code (CODE-004).
    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault>;

    /// Revokes. Idempotent; what is revoked stays revoked.
    ///
    /// # Errors
    /// A [`StoreFault`]; the engine then does not claim that anything was revoked.
    async fn revoke(&self, what: &Revocation, call: &Call) -> Result<(), StoreFault>;

    /// Removes at most `max` rows whose time was over before `before`. Bounded, repeatable, never touches a live row.
    ///
    /// # Errors
    /// A [`StoreFault`].
    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault>;
}
