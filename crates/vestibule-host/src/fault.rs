//! What can go wrong between the engine and the host. None of it is ever an OAuth fact.

use std::time::Duration;

/// Any error a host or an adapter has at hand.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A host's part could not answer. The engine says 503 `temporarily_unavailable` and logs the source once.
#[derive(Debug, thiserror::Error)]
#[error("a part of the host could not answer")]
pub struct HostError(#[source] pub BoxError);

impl HostError {
    /// Wraps whatever went wrong.
    pub fn new(source: impl Into<BoxError>) -> Self {
        Self(source.into())
    }
}

/// A store could not do what it was asked, or cannot say whether it did.
///
/// "Not found", "expired", "already spent" are outcomes, not faults: a fault is answered with 503 and never with
/// `invalid_grant` (STORE-002, GEN-017).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// Nothing was changed; the same call may be tried again.
    #[error("the store did not apply the change")]
    NotApplied(#[source] BoxError),
    /// The change may or may not have happened; repeating the call with the same attempt tells.
    #[error("the store cannot say whether the change was applied")]
    OutcomeUnknown(#[source] BoxError),
    /// Too much at once; nothing was changed.
    #[error("the store is busy")]
    Busy {
        /// When another try makes sense.
        retry_after: Duration,
    },
    /// A bound is reached; nothing was changed and nothing honest was evicted.
    #[error("the store is full")]
    Full,
}

impl StoreFault {
    /// Nothing was changed, because of this.
    pub fn not_applied(source: impl Into<BoxError>) -> Self {
        Self::NotApplied(source.into())
    }

    /// Nobody knows whether the change was applied, because of this.
    pub fn outcome_unknown(source: impl Into<BoxError>) -> Self {
        Self::OutcomeUnknown(source.into())
    }
}
