//! What an audit log is told: one event for each change, committed together with it, delivered later (LOG-003, reliability 6.8).

pub mod fhir;

use std::fmt::{self, Debug};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    ClientId, ConsentId, EncounterId, EventId, EventKind, GrantId, HostError, PatientId, SessionId,
    UnixMillis, UserId,
};

/// Who and what an event is about. It names users and patients: an audit log must. Its `Debug` form does not.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AuditDetails {
    /// The app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The user in whose name it happened; none for a backend service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// In which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Whose record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// Which visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encounter: Option<EncounterId>,
    /// On which FHIR base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// The consent behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentId>,
    /// The scopes in question.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Why, in one of the engine's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The request that it came from: the same id as in the log and in the explanation. None for what the host itself asked for,
    /// in a call or on the page of apps with access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

impl AuditDetails {
    /// The reason of an event whose change may or may not have been made: nobody knows.
    pub const OUTCOME_UNKNOWN: &'static str = "outcome_unknown";
}

impl Debug for AuditDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditDetails")
            .field("client", &self.client)
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}

/// An event as it is delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEvent {
    /// Its id: the same at every delivery.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When it was committed.
    pub at: UnixMillis,
    /// Who and what it is about.
    pub details: AuditDetails,
}

/// Keeps events. Default: none, and then none are written.
///
/// Delivery is at least once and in no strict order: [`AuditEvent::id`] tells repeats. A sink that is away delays events and
/// never a sign-in.
#[async_trait]
pub trait AuditSink: Debug + Send + Sync {
    /// Takes some events, all or none.
    ///
    /// # Errors
    /// [`HostError`]; the same events come again later.
    async fn record(&self, events: &[AuditEvent]) -> Result<(), HostError>;
}
