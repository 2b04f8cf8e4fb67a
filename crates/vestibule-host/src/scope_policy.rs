//! What a host lets an app ask of this user, beyond the registration.

use std::fmt::Debug;

use async_trait::async_trait;
use vestibule_scope::ScopeSet;

use crate::{HostError, RegisteredClient, SignedInUser};

/// What is about to be offered to a user.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ScopeQuestion<'a> {
    /// The app.
    pub client: &'a RegisteredClient,
    /// The user.
    pub user: &'a SignedInUser,
    /// The FHIR base.
    pub base: &'a str,
    /// What the app asks for, as far as its registration and the base allow it.
    pub asked: &'a ScopeSet,
}

impl<'a> ScopeQuestion<'a> {
    /// A question.
    pub const fn new(
        client: &'a RegisteredClient,
        user: &'a SignedInUser,
        base: &'a str,
        asked: &'a ScopeSet,
    ) -> Self {
        Self { client, user, base, asked }
    }
}

/// Narrows what an app may have of a user. Default: none, and nothing is narrowed.
///
/// It can only narrow: whatever it answers, nothing comes back that was not asked for (SMART-SCOPE-110).
#[async_trait]
pub trait ScopePolicy: Debug + Send + Sync {
    /// What is left of [`ScopeQuestion::asked`]. Asked at each step of an interaction, before a page is shown and before a code
    /// is issued.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows; the engine answers 503.
    async fn narrow(&self, question: &ScopeQuestion<'_>) -> Result<ScopeSet, HostError>;
}
