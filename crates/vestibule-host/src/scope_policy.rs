//! What a host lets an app ask of this user, beyond the registration.

use std::fmt::Debug;

use async_trait::async_trait;
use vestibule_scope::ScopeSet;

use crate::{HostError, RegisteredClient, SignedInUser, UserId};

/// What is about to be offered to a user, or given to an app once more.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ScopeQuestion<'a> {
    /// The app.
    pub client: &'a RegisteredClient,
    /// The user.
    pub user: &'a UserId,
    /// How the user is signed in; `None` at a refresh, where no user is there.
    pub signed_in: Option<&'a SignedInUser>,
    /// The FHIR base.
    pub base: &'a str,
    /// What the app asks for, as far as its registration and the base allow it. At a refresh: what was granted, as far as its
    /// registration still allows it.
    pub asked: &'a ScopeSet,
}

impl<'a> ScopeQuestion<'a> {
    /// A question about a user who is not there.
    pub const fn new(
        client: &'a RegisteredClient,
        user: &'a UserId,
        base: &'a str,
        asked: &'a ScopeSet,
    ) -> Self {
        Self { client, user, signed_in: None, base, asked }
    }

    /// With the user who is there.
    #[must_use]
    pub const fn with_signed_in(mut self, signed_in: &'a SignedInUser) -> Self {
        self.signed_in = Some(signed_in);
        self
    }
}

/// Narrows what an app may have of a user. Default: none, and nothing is narrowed.
///
/// It can only narrow: whatever it answers, nothing comes back that was not asked for (SMART-SCOPE-110).
#[async_trait]
pub trait ScopePolicy: Debug + Send + Sync {
    /// What is left of [`ScopeQuestion::asked`]. Asked at each step of an interaction, before a page is shown and before a code
    /// is issued, and again at each refresh.
    ///
    /// At a refresh it narrows the one access token that comes of it: the grant keeps what was granted, and a later answer may
    /// leave more of it again. Without the refresh scope that the app lives by (`offline_access`, `online_access`) the refresh is
    /// refused; nothing ends.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows; the engine answers 503 and spends nothing.
    async fn narrow(&self, question: &ScopeQuestion<'_>) -> Result<ScopeSet, HostError>;
}
