//! What users agreed to.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{ClientId, ConsentId, HostError, PatientId, Tenant, UnixMillis, UserId};

/// What a remembered answer must match (INT-014): another user, app, FHIR base or patient is another question. Whether the app is
/// still the one that it was given to, the engine compares: [`ConsentRecord::client_version`].
#[derive(Clone, Copy, Debug)]
pub struct ConsentAsked<'a> {
    /// Who is asked.
    pub user: &'a UserId,
    /// For which app.
    pub client: &'a ClientId,
    /// On which FHIR base.
    pub base: &'a str,
    /// About whose record, where there is one.
    pub patient: Option<&'a PatientId>,
}

/// An answer to be kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConsentRecord {
    /// Who answered.
    pub user: UserId,
    /// For which app.
    pub client: ClientId,
    /// On which FHIR base.
    pub base: String,
    /// About whose record.
    pub patient: Option<PatientId>,
    /// The scopes that were agreed to, as they were shown.
    pub granted: Vec<String>,
    /// The scopes that were offered and refused.
    pub refused: Vec<String>,
    /// The language in which the question was asked.
    pub language: String,
    /// When.
    pub at: UnixMillis,
    /// Which version of the app's registration it was given to ([`RegisteredClient::version`](crate::RegisteredClient::version)).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client_version: String,
}

impl ConsentRecord {
    /// An answer to `asked`.
    pub fn new(
        asked: &ConsentAsked<'_>,
        granted: Vec<String>,
        refused: Vec<String>,
        language: &str,
        at: UnixMillis,
    ) -> Self {
        Self {
            user: asked.user.clone(),
            client: asked.client.clone(),
            base: asked.base.to_owned(),
            patient: asked.patient.cloned(),
            granted,
            refused,
            language: language.to_owned(),
            at,
            client_version: String::new(),
        }
    }

    /// Given to this version of the app's registration.
    #[must_use]
    pub fn with_client_version(mut self, version: impl Into<String>) -> Self {
        self.client_version = version.into();
        self
    }
}

/// An answer that was kept and not withdrawn.
#[derive(Clone, PartialEq, Debug)]
pub struct RememberedConsent {
    /// Its id.
    pub id: ConsentId,
    /// What was answered.
    pub record: ConsentRecord,
}

/// Keeps consent. **Required.** The stores shipped with Vestibule implement it.
#[async_trait]
pub trait ConsentStore: Debug + Send + Sync {
    /// The newest answer to exactly this question that was not withdrawn.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows; it is never treated as consent (A-FAULT-16).
    async fn remembered(
        &self,
        tenant: &Tenant,
        asked: &ConsentAsked<'_>,
    ) -> Result<Option<RememberedConsent>, HostError>;

    /// Keeps an answer and returns its id.
    ///
    /// # Atomicity, cancellation
    /// Stored wholly or not at all; `Ok` means that it survives a restart where the store is durable.
    ///
    /// # Errors
    /// [`HostError`] when it was not kept; no code is issued then.
    async fn record(&self, tenant: &Tenant, record: &ConsentRecord) -> Result<ConsentId, HostError>;

    /// Whether this answer still stands. Asked at issue and at redemption.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows.
    async fn given(&self, tenant: &Tenant, id: &ConsentId) -> Result<bool, HostError>;

    /// The answers of a user that still stand, the newest first.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows.
    async fn list_for_user(
        &self,
        tenant: &Tenant,
        user: &UserId,
    ) -> Result<Vec<RememberedConsent>, HostError>;

    /// Withdraws an answer. Withdrawing twice, or what never was, is fine.
    ///
    /// # Errors
    /// [`HostError`] when it may still stand.
    async fn withdraw(&self, tenant: &Tenant, id: &ConsentId) -> Result<(), HostError>;
}
