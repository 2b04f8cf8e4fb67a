//! A place for a host to say "not so fast", and to learn who fails (CAUTH-014, GEN-013, A-INTRO-14, A-DCR-18).

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use crate::ClientId;

/// Where a request came from, as the host sees it: an address, a network, a tenant. The engine reads no header for it; a host
/// that knows puts one into the request's extensions.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Source(pub String);

/// What is about to be done.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RatePoint {
    /// An authorize request is about to be held.
    Authorize,
    /// A client is about to be authenticated, at any endpoint.
    ClientAuthentication,
    /// A token is about to be looked up for a resource server.
    Introspection,
    /// A client is about to register itself.
    Registration,
}

/// May this go on now?
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RateQuestion<'a> {
    /// What.
    pub point: RatePoint,
    /// For which client, as the request names it: nothing is proven yet.
    pub client: Option<&'a ClientId>,
    /// From where, if the host said so.
    pub source: Option<&'a Source>,
}

impl<'a> RateQuestion<'a> {
    /// A question.
    pub const fn new(point: RatePoint, client: Option<&'a ClientId>, source: Option<&'a Source>) -> Self {
        Self { point, client, source }
    }
}

/// The answer.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RateAnswer {
    /// Yes.
    Go,
    /// Not before this has passed: 429 with `Retry-After`, and nothing is looked up or spent.
    Wait(Duration),
}

/// Limits rates and locks out. Default: none; every request may go on.
///
/// # Security
/// A lock-out by client alone lets anybody lock a client out: count by source as well, where there is one.
#[async_trait]
pub trait RateGate: Debug + Send + Sync {
    /// Asked before anything that costs.
    async fn ask(&self, question: &RateQuestion<'_>) -> RateAnswer;

    /// Told when the client did not prove who it is, or the token was nobody's.
    async fn failed(&self, question: &RateQuestion<'_>);
}
