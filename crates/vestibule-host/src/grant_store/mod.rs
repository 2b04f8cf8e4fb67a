//! Launches, interactions, codes and grants: the transactions.
//!
//! A read may inform a decision; it proves nothing. Single use is decided only inside the verb that spends, and every verb
//! repeats what the reads found as a precondition. A verb is one transaction: its parts are all in one commit, or none is.
//!
//! # For whoever writes a store
//!
//! | verb | who is first, is decided by | in one commit | how a repeated attempt is known |
//! |---|---|---|---|
//! | `put_launch` | the hash | launch, event | by the launch's row |
//! | `advance_interaction` | the revision | interaction, event | by the interaction's row, until another save |
//! | `issue_code` | the revision, then the launch | interaction, launch, grant, code, event | by the code's row |
//! | `redeem_code` | the claim, then the code | claim, code, chain, opaque token, grant, event | by the code's row |
//! | `rotate_refresh` | the claim, then the chain's current token | claim, chain, opaque token, grant, event | [`Family::answer`](crate::Family::answer) |
//! | `issue_token` | the claim | claim, opaque token, event | by the claim's or the token's row, or the event's id |
//! | `revoke` | the claim | claim, grants, opaque tokens, revoked JWT, event | by the claim's row; it is idempotent anyway |
//!
//! * What decides is a conditional write whose row count is looked at, or a lock that is held from the read to the write.
//! * Rows that are locked are locked in the order of that column, so that no two verbs wait for each other: claim, code or chain,
//!   grant, access token, event (row 24).
//! * A claim that is spent, and a verb that then turns out to be a fault, are one transaction: the claim is given back.
//! * One event at most for each change, and none for what changed nothing: the store knows which it was, the caller does not.
//! * A grant's row carries everything under it. What is under it is never looked at without it, so that revoking is one write.

mod event;
mod failed_writes;
mod operation;
mod outcome;

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{
    AccessHash, AttemptId, ClientId, CodeHash, EventId, GrantId, InteractionHash, LaunchHash, Record,
    RefreshHandle, Revision, SessionId, StoreFault, Tenant, TokenId, UnixMillis, UserId,
};

pub use event::{EventKind, LeasedEvent, NewEvent};
pub use failed_writes::{FailedWrites, Unanswered};
pub use operation::{
    Advance, AssertionClaim, IssueCode, IssueToken, NewAccess, NewRefresh, PutLaunch, Quota, RedeemCode,
    Revocation, Revoke, RotateRefresh,
};
pub use outcome::{Advanced, Issuance, Redemption, Revoked, Rotation, TokenIssuance};

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
    /// By any of its refresh tokens, whatever their generation.
    Refresh(&'a RefreshHandle),
}

/// How to find out about an access token.
#[derive(Clone, Copy, Debug)]
pub enum AccessKey<'a> {
    /// An opaque token: its row, and the grant that the row names.
    Opaque(&'a AccessHash),
    /// A JWT whose signature was verified. It has no row unless it was revoked alone.
    Jwt {
        /// Its `jti`.
        id: &'a TokenId,
        /// The grant that it names; none for a backend service's.
        grant: Option<&'a GrantId>,
    },
}

/// What is known of an access token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredAccess {
    /// What an opaque token stands for, encoded by `vestibule-core`; none for a JWT, which says it itself.
    pub record: Option<Record>,
    /// When an opaque token ends.
    pub expires: Option<UnixMillis>,
    /// Whether this token was revoked alone.
    pub revoked: bool,
    /// The grant that the token names, live or revoked. None for a backend service's, and none if a JWT names a grant whose row
    /// is gone.
    pub grant: Option<StoredGrant>,
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
    /// The session that it ends with; none if it outlives its session (`offline_access`).
    pub session: Option<SessionId>,
    /// Until when the row must be kept: the end of everything that can be issued under it (CODE-005).
    pub keep_until: UnixMillis,
    /// When something was last issued under it: the `now` of the verb that was committed last, also where that node's clock is
    /// behind.
    pub used: UnixMillis,
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
    /// What was acknowledged is kept by a server that may still lose the last of it: at a failover to a replica, or when the
    /// machine stops. A spent code can then be redeemed again and a revoked grant live again, so the engine refuses to start on
    /// such a store unless the host has accepted that.
    FailoverMayLose,
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
/// * Only `call.now` counts as time. A boundary is over when it is reached: `now >= expires`. A row that is over is no row,
///   whether it was purged or not.
/// * The names of codes and grants are the exception: they stay taken until a purge has removed the row. Issuing over one that is
///   there, over or not, is [`StoreFault::NotApplied`]; the attempt that issued it is told [`Issuance::Won`] again. After the
///   purge the names are free, except for that attempt: its interaction was closed by itself, and an interaction issues once.
/// * A verb is linearizable and wholly done or not at all, also when its future is dropped.
/// * `Ok` means durable, as far as [`facts`](Self::facts) claims.
/// * A verb that changed something and is repeated with the same [`Call::attempt`] returns what it returned first, and changes
///   nothing more. That is remembered as long as nothing else has changed the same row.
/// * Everything is bounded: at the bound the answer is [`StoreFault::Full`], nothing is changed and nothing honest is evicted.
///   Room is asked for before anything is written, and only for what the outcome writes. There is some room beyond the bound for
///   the events of what [ends something](EventKind::ends_something): a full store still revokes.
///
/// # What goes with a verb
/// * Its `claim` is judged first: seen before means `ClaimSeen`, and nothing else happens. Otherwise every outcome spends it,
///   and a fault does not. An attempt that is repeated has not "seen" its own claim. A claim is remembered until its
///   `keep_until`.
/// * Its `access` is kept only where the outcome issues tokens.
/// * Its `event` is appended, with its [`EventKind`], if and only if the verb changed something else than the claim
///   ([`EventKind`] has the table). An id that is in the log already is not appended again.
///
/// Check an implementation with `vestibule_testkit::store_suite!`.
#[async_trait]
pub trait GrantStore: Debug + Send + Sync {
    /// What this store promises.
    fn facts(&self) -> StoreFacts;

    /// Answers when the store can be used: what a readiness probe asks. A store that can be read and not written is not ready;
    /// [`FailedWrites`] tells when to try.
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

    /// The grant, live or revoked. By code it is found whether the code is spent or not, by refresh handle whatever the state
    /// of the chain.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn grant(&self, by: GrantKey<'_>, call: &Call) -> Result<Option<StoredGrant>, StoreFault>;

    /// What is known of an access token. For an opaque one, `None` if it was never kept, if it is over, and if it was issued
    /// under a grant whose row is gone: such a token must not pass for a backend service's. For a JWT, always an answer: not
    /// revoked unless it was.
    ///
    /// One round trip: introspection costs one read.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn access(&self, by: AccessKey<'_>, call: &Call) -> Result<Option<StoredAccess>, StoreFault>;

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

    /// Saves an interaction by compare-and-swap on its revision. Of two tabs one wins. A save of a row that counts against the
    /// quota already is not one more, even where the quota is exceeded by now.
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

    /// Spends a code: a conditional update, never a delete, so that a replay can still find the grant and kill it. Opens the
    /// refresh chain, keeps the opaque token, spends the assertion, notes the use: one commit.
    ///
    /// Judged in this order: claim seen, not found, binding differs, already spent (revokes the grant), grant revoked, expired,
    /// won.
    ///
    /// # Errors
    /// A [`StoreFault`]; a handle or an opaque token that is kept already is [`StoreFault::NotApplied`]. The engine then answers
    /// 503 and never guesses [`Redemption::Won`].
    ///
    /// # Security
    /// Answering `Won` twice hands a second set of tokens to whoever stole the code (CODE-004).
    async fn redeem_code(&self, op: &RedeemCode, call: &Call) -> Result<Redemption, StoreFault>;

    /// Uses a refresh token: a conditional update of the chain, decided by [`Family::answer`](crate::Family::answer).
    ///
    /// Judged in this order: claim seen, not found, another client, grant revoked, chain over, then the token itself. For
    /// [`Rotation::Won`] and [`Rotation::Same`] the opaque token is kept and the use noted.
    ///
    /// # Errors
    /// A [`StoreFault`]. The engine then answers 503: the client tries again with the token it has.
    ///
    /// # Security
    /// Two successors of one generation are two chains, of which one is a thief's (I2).
    async fn rotate_refresh(&self, op: &RotateRefresh, call: &Call) -> Result<Rotation, StoreFault>;

    /// Keeps a token without a user, or only spends an assertion where nothing else is written. Its event is always appended: a
    /// token was issued, kept or not.
    ///
    /// # Errors
    /// A [`StoreFault`]; nothing is issued then.
    async fn issue_token(&self, op: &IssueToken, call: &Call) -> Result<TokenIssuance, StoreFault>;

    /// Revokes. Idempotent; what is revoked stays revoked. A grant's opaque tokens and its refresh chain die with it. What never
    /// was or is revoked already is `Done` as well, without an event. Rows that are over are revoked like others while they are
    /// there: another node's clock may be behind.
    ///
    /// An attempt that is repeated with its own claim looks again: what it names may have come since, and `Done` is true when it
    /// is said.
    ///
    /// # Errors
    /// A [`StoreFault`]; the engine then does not claim that anything was revoked.
    async fn revoke(&self, op: &Revoke, call: &Call) -> Result<Revoked, StoreFault>;

    /// Leases the oldest events that nobody has leased, at most `max`, until `until`, in the order in which they were appended.
    /// An event that was not acknowledged by then may be leased again: delivery is at least once, and [`EventId`] tells repeats.
    /// A repeated attempt leases anew; what a lost answer had leased comes again when its time is over.
    ///
    /// # Errors
    /// A [`StoreFault`]; nothing is lost.
    async fn lease_events(
        &self,
        max: u16,
        until: UnixMillis,
        call: &Call,
    ) -> Result<Vec<LeasedEvent>, StoreFault>;

    /// Forgets events that were delivered. Unknown ids are fine.
    ///
    /// # Errors
    /// A [`StoreFault`]; the events will be leased again.
    async fn ack_events(&self, ids: &[EventId], call: &Call) -> Result<(), StoreFault>;

    /// Removes at most `max` rows, of all tenants, that are over at `before`: an end at exactly `before` is reached. Bounded,
    /// repeatable, never touches a live row and never an event. A code and a chain go with their grant, and not earlier.
    ///
    /// # Errors
    /// A [`StoreFault`].
    async fn purge(&self, before: UnixMillis, max: u16) -> Result<Purged, StoreFault>;
}
