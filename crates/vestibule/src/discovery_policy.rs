//! What discovery says to callers who show who they are (IPA-003).

use std::fmt::Debug;

use http::request::Parts;

/// What a caller is told besides what everybody is told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct MoreToDiscover {
    /// More `capabilities`.
    pub capabilities: Vec<String>,
    /// More `scopes_supported`.
    pub scopes: Vec<String>,
}

impl MoreToDiscover {
    /// Nothing more.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a capability.
    #[must_use]
    pub fn with_capability(mut self, capability: impl Into<String>) -> Self {
        self.capabilities.push(capability.into());
        self
    }

    /// With a scope.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }
}

/// Lets the SMART configuration differ for authenticated callers. Default: it does not; everybody gets the same prebuilt bytes.
///
/// It only adds: what everybody is told stays true for everybody.
pub trait DiscoveryPolicy: Debug + Send + Sync {
    /// What the sender of this request is told besides, about this FHIR base; `None` for the public document. It must not block,
    /// and looks at what the host itself put into the request (a session, an extension).
    fn more_for(&self, head: &Parts, base: &str) -> Option<MoreToDiscover>;
}
