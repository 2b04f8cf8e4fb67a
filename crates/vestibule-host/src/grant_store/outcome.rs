//! What became of it. Every outcome is a fact; a fault is never one.

use crate::{GrantId, Revision, Salt, StoredInteraction};

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
    /// The binding differs. Nothing was changed but the claim (CODE-007).
    Mismatch,
    /// The code's time is over. Nothing was changed but the claim.
    Expired,
    /// The grant was revoked before the code was spent. Nothing was changed but the claim.
    Revoked,
    /// No such code. Nothing was changed but the claim.
    NotFound,
    /// The client assertion was spent before. Nothing was changed.
    ClaimSeen,
}

/// What became of a refresh.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rotation {
    /// The presented token was current; its successor is now.
    Won,
    /// The presented token was the predecessor of an unused successor. Its successor is derived from this salt.
    Same {
        /// The salt that is stored.
        salt: Salt,
    },
    /// The same was asked too often. The chain lives on.
    Suspected {
        /// The grant.
        grant: GrantId,
    },
    /// The presented token was used before: the grant was revoked **in this commit** (RT-004).
    Reuse {
        /// The grant that died.
        grant: GrantId,
    },
    /// The chain belongs to another client. Nothing was changed but the claim (RT-003).
    Mismatch,
    /// The grant was revoked before.
    Revoked,
    /// The chain has ended.
    Expired,
    /// No such chain.
    NotFound,
    /// The client assertion was spent before. Nothing was changed.
    ClaimSeen,
}

/// What became of a token without a user.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenIssuance {
    /// It is kept, and the assertion is spent.
    Won,
    /// The client assertion was spent before. Nothing was changed.
    ClaimSeen,
}

/// What became of a revocation.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Revoked {
    /// What was named is dead, or never was.
    Done,
    /// The client assertion was spent before. Nothing was changed.
    ClaimSeen,
}
