//! What a verb is asked to do.

use std::time::Duration;

use crate::{
    AccessHash, Binding, ClaimKey, ClientId, CodeHash, GrantId, InteractionHash, LaunchHash, NewEvent,
    Record, RefreshHandle, RefreshHash, Revision, Salt, SessionId, StoredGrant, TokenId, UnixMillis, UserId,
};

/// The builders of what several operations carry beside their own.
macro_rules! beside {
    (access) => {
        /// Keeps an opaque access token.
        #[must_use]
        pub fn with_access(mut self, access: Option<NewAccess>) -> Self {
            self.access = access;
            self
        }
    };
    (claim) => {
        /// Spends an assertion.
        #[must_use]
        pub const fn with_claim(mut self, claim: Option<AssertionClaim>) -> Self {
            self.claim = claim;
            self
        }
    };
    (event) => {
        /// With an event.
        #[must_use]
        pub fn with_event(mut self, event: Option<NewEvent>) -> Self {
            self.event = event;
            self
        }
    };
}

/// A bound on rows that nobody signed in for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quota {
    /// Whose rows are counted.
    pub client: ClientId,
    /// How many of them may be unexpired at a time. One more is [`StoreFault::Full`](crate::StoreFault::Full).
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
    /// Appended in the same commit.
    pub event: Option<NewEvent>,
}

impl Advance {
    /// A first save (`expected` is `None`) or a later one.
    pub const fn new(
        id: InteractionHash,
        expected: Option<Revision>,
        expires: UnixMillis,
        record: Record,
    ) -> Self {
        Self { id, expected, expires, record, quota: None, event: None }
    }

    beside!(event);

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
    /// Appended in the same commit.
    pub event: Option<NewEvent>,
}

impl PutLaunch {
    /// A launch.
    pub const fn new(hash: LaunchHash, keep_until: UnixMillis, record: Record) -> Self {
        Self { hash, keep_until, record, event: None }
    }

    beside!(event);
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
    /// Appended with it.
    pub event: Option<NewEvent>,
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
        Self { interaction, launch, code, binding, expires, grant, event: None }
    }

    beside!(event);
}

/// A client assertion to be spent (JWTCA-009).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AssertionClaim {
    /// Issuer, client and `jti`.
    pub key: ClaimKey,
    /// Until when it must be remembered: longer than any clock can still accept the assertion (row 15).
    pub keep_until: UnixMillis,
}

/// An opaque access token to be kept. Inserted only, never updated (row 12); a hash that is kept already is
/// [`StoreFault::NotApplied`](crate::StoreFault::NotApplied).
///
/// Under which grant it lives the store takes from the verb that it comes with. With [`IssueToken`] there is none: it can then
/// be revoked with its client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewAccess {
    /// Its hash.
    pub hash: AccessHash,
    /// The app that holds it.
    pub client: ClientId,
    /// When it ends.
    pub expires: UnixMillis,
    /// What it stands for, encoded by `vestibule-core`.
    pub record: Record,
}

/// A refresh chain to be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewRefresh {
    /// Under which all its tokens are found.
    pub handle: RefreshHandle,
    /// The first token.
    pub current: RefreshHash,
    /// When the chain ends unless it is used.
    pub idle_until: UnixMillis,
    /// When it ends whatever happens.
    pub until: UnixMillis,
}

/// Spends a code.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RedeemCode {
    /// The hash of the presented code.
    pub code: CodeHash,
    /// The binding computed from what was presented.
    pub binding: Binding,
    /// The grant's row is kept at least so long from now on.
    pub keep_until: UnixMillis,
    /// Opened with it.
    pub refresh: Option<NewRefresh>,
    /// Kept with it.
    pub access: Option<NewAccess>,
    /// Spent with it.
    pub claim: Option<AssertionClaim>,
    /// Appended with it.
    pub event: Option<NewEvent>,
}

impl RedeemCode {
    /// A redemption. `keep_until` never shortens a row's life.
    pub const fn new(code: CodeHash, binding: Binding, keep_until: UnixMillis) -> Self {
        Self { code, binding, keep_until, refresh: None, access: None, claim: None, event: None }
    }

    /// Opens a refresh chain.
    #[must_use]
    pub const fn with_refresh(mut self, refresh: Option<NewRefresh>) -> Self {
        self.refresh = refresh;
        self
    }

    beside!(access);
    beside!(claim);
    beside!(event);
}

/// Uses a refresh token.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RotateRefresh {
    /// Where the chain is found.
    pub handle: RefreshHandle,
    /// The presented token.
    pub presented: RefreshHash,
    /// Who presents it; must be the grant's client.
    pub client: ClientId,
    /// The successor, if it rotates.
    pub next: RefreshHash,
    /// From which the successor was derived.
    pub salt: Salt,
    /// For how long the predecessor of an unused successor gets the same answer.
    pub window: Duration,
    /// How often, after the first seconds.
    pub max_replays: u8,
    /// When the chain ends unless it is used, if it rotates.
    pub idle_until: UnixMillis,
    /// The grant's row is kept at least so long from now on.
    pub keep_until: UnixMillis,
    /// Kept with it.
    pub access: Option<NewAccess>,
    /// Spent with it.
    pub claim: Option<AssertionClaim>,
    /// Appended with it.
    pub event: Option<NewEvent>,
}

impl RotateRefresh {
    /// A use of `presented` by `client`, with the successor that it would get.
    pub const fn new(
        handle: RefreshHandle,
        presented: RefreshHash,
        client: ClientId,
        (next, salt): (RefreshHash, Salt),
        (window, max_replays): (Duration, u8),
        (idle_until, keep_until): (UnixMillis, UnixMillis),
    ) -> Self {
        Self {
            handle,
            presented,
            client,
            next,
            salt,
            window,
            max_replays,
            idle_until,
            keep_until,
            access: None,
            claim: None,
            event: None,
        }
    }

    beside!(access);
    beside!(claim);
    beside!(event);
}

/// Issues a token without a user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct IssueToken {
    /// Kept with it.
    pub access: Option<NewAccess>,
    /// Spent with it.
    pub claim: Option<AssertionClaim>,
    /// Appended with it.
    pub event: Option<NewEvent>,
}

impl IssueToken {
    /// Nothing yet: an authenticated client that leaves no trace.
    pub fn new() -> Self {
        Self::default()
    }

    beside!(access);
    beside!(claim);
    beside!(event);
}

/// What to revoke.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Revocation {
    /// One grant, and everything under it.
    Grant(GrantId),
    /// One opaque access token, and nothing else. The engine asks for it where a token has no grant, and revokes the grant where
    /// there is one; the store marks whatever token has this hash.
    Access(AccessHash),
    /// One JWT, and nothing else; the engine asks for it where the token has no grant. Kept until the later end, if it is asked for
    /// with two.
    Token {
        /// Its `jti`.
        id: TokenId,
        /// When it ends by itself.
        until: UnixMillis,
    },
    /// Every grant of a user for an app.
    UserAndClient(UserId, ClientId),
    /// Every grant of a user.
    User(UserId),
    /// Every grant for an app, and every opaque token of the app that has no grant.
    Client(ClientId),
    /// Every grant that ends with a session.
    Session(SessionId),
}

/// Revokes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Revoke {
    /// What.
    pub what: Revocation,
    /// Spent with it.
    pub claim: Option<AssertionClaim>,
    /// Appended with it.
    pub event: Option<NewEvent>,
}

impl Revoke {
    /// A revocation.
    pub const fn new(what: Revocation) -> Self {
        Self { what, claim: None, event: None }
    }

    beside!(claim);
    beside!(event);
}
