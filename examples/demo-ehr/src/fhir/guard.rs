//! What a token opens. Vestibule's check says what the scopes allow; the hospital's own rule applies below it.

use std::collections::HashSet;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use vestibule_host::{
    AttemptId, Call, Clock as _, GrantKey, GrantStatus, GrantStore, PatientId, StoreFault, SystemClock,
    Tenant, UnixMillis,
};
use vestibule_jose::JwsError;
use vestibule_resource::{Decision, Denied, Interaction, Part, Principal, TokenCheck, TokenFault};
use vestibule_scope::{Constraint, ResourceType};

use super::answer;
use super::cors::CalledBy;
use super::query::Query;
use crate::database::{Database, DatabaseError};
use crate::records::Record;

/// Guards one FHIR base.
#[derive(Debug)]
pub struct Guard {
    /// Checks tokens for this base.
    pub check: TokenCheck,
    /// Where Vestibule keeps grants, and under which name: what was taken back is noticed at once.
    pub grants: Arc<dyn GrantStore>,
    /// The issuer's namespace in that store.
    pub tenant: Tenant,
    /// The hospital's tables: whose records the user may open today.
    pub database: Database,
}

impl Guard {
    /// The app and user behind a request, or the answer for everybody else.
    pub(super) async fn caller(&self, head: &Parts) -> Result<Caller, Response> {
        let now = SystemClock.now();
        let principal = self.check.check_request(head, now).map_err(|denied| refusal(&denied))?;
        if !self.is_live(&principal, now).await.map_err(|fault| away(&fault))? {
            // Over before its time.
            return Err(refusal(&Denied::InvalidToken(TokenFault::Jws(JwsError::Expired))));
        }
        let patients =
            patients_of(&self.database, principal.subject()).await.map_err(|error| away(&error))?;
        Ok(Caller { principal, patients })
    }

    /// A signature cannot be taken back, a grant can: one read tells. Absent means ended long ago.
    async fn is_live(&self, principal: &Principal, now: UnixMillis) -> Result<bool, StoreFault> {
        let Some(id) = principal.grant_id() else { return Ok(true) };
        // Only writes are repeated under the same attempt.
        let call = Call { tenant: self.tenant.clone(), attempt: AttemptId::new([0; 16]), now };
        let grant = self.grants.grant(GrantKey::Id(id), &call).await?;
        Ok(grant.is_some_and(|grant| grant.status == GrantStatus::Live))
    }
}

/// Nobody knows, so nobody gets anything; trying again helps.
fn away(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "a request could not be judged");
    answer::outcome(StatusCode::SERVICE_UNAVAILABLE, "transient", "please try again")
}

/// Whose records the user behind a token may open. Asked with each request: access that ended yesterday is over.
async fn patients_of(database: &Database, subject: &str) -> Result<HashSet<String>, DatabaseError> {
    let subject = subject.to_owned();
    let find = "SELECT a.patient FROM ehr_access a JOIN ehr_user u ON u.name = a.user WHERE u.subject = ?1";
    let query = move |c: &rusqlite::Connection| {
        c.prepare_cached(find)?.query_map([subject], |row| row.get(0))?.collect()
    };
    database.run(query).await
}

/// An app acting for a user.
#[derive(Debug)]
pub(super) struct Caller {
    principal: Principal,
    patients: HashSet<String>,
}

impl Caller {
    /// What the scopes let this app see when it reads one instance, or searches a type. `None`: nothing.
    pub(super) fn sight(&self, kind: ResourceType, id: Option<&str>) -> Option<Sight<'_>> {
        let decision = match id {
            Some(id) => self.principal.may_read(kind, id),
            None => self.principal.may(Interaction::Search, kind),
        };
        let parts = match decision {
            Decision::Deny => return None,
            Decision::Permit => vec![View { patient: None, only: None }],
            Decision::PermitForPatient(patient) => vec![View { patient: Some(patient.as_str()), only: None }],
            Decision::PermitFiltered(parts) => parts.iter().filter_map(|part| View::of(kind, part)).collect(),
        };
        Some(Sight { caller: self, views: parts })
    }

    /// Marks an answer as this app's, so that its origins may read it.
    pub(super) fn answer(&self, mut response: Response) -> Response {
        response.extensions_mut().insert(CalledBy(self.principal.client_id().clone()));
        response
    }

    /// The hospital's own rule, whatever the scopes say (SMART-SCOPE-025).
    fn user_may_see(&self, record: &Record) -> bool {
        match &record.patient {
            Some(patient) => self.patients.contains(patient),
            // SMART-SCOPE-064: staff, places and the like are for every app that has a scope for them. A Person is a
            // user's own description, and nobody else's business.
            None => record.kind() != "Person" || self.is_own(record),
        }
    }

    fn is_own(&self, record: &Record) -> bool {
        let own = format!("{}/{}", record.kind(), record.id());
        self.principal
            .fhir_user()
            .and_then(|url| url.strip_suffix(&own))
            .is_some_and(|base| base.ends_with('/'))
    }
}

/// The records that an app may see of one type.
#[derive(Debug)]
pub(super) struct Sight<'c> {
    caller: &'c Caller,
    /// A record that any of them shows is shown (SMART-SCOPE-043).
    views: Vec<View<'c>>,
}

#[derive(Debug)]
struct View<'c> {
    patient: Option<&'c str>,
    only: Option<Query>,
}

impl<'c> View<'c> {
    /// `None` where the scope's constraint is not understood: such a scope shows nothing.
    fn of(kind: ResourceType, part: &Part<'c>) -> Option<Self> {
        let only = match part.constraint {
            Some(constraint) => Some(query_of(kind, constraint)?),
            None => None,
        };
        Some(Self { patient: part.patient.map(PatientId::as_str), only })
    }

    fn shows(&self, record: &Record) -> bool {
        let of_patient = match (self.patient, record.patient.as_deref()) {
            (Some(wanted), Some(patient)) => wanted == patient,
            _ => true,
        };
        of_patient && self.only.as_ref().is_none_or(|query| query.matches(record))
    }
}

/// A granular scope is a search, so it is applied as one (SMART-SCOPE-040, -044).
fn query_of(kind: ResourceType, constraint: &Constraint) -> Option<Query> {
    let pairs: Option<Vec<_>> = constraint
        .pairs()
        .map(|pair| {
            let value = pair.values().collect::<Vec<_>>().join(",");
            pair.modifier().is_none().then(|| (pair.name().to_owned(), value))
        })
        .collect();
    Query::parse(kind.name(), &pairs?).ok()
}

impl Sight<'_> {
    /// Whether this record is shown.
    pub(super) fn shows(&self, record: &Record) -> bool {
        self.caller.user_may_see(record) && self.views.iter().any(|view| view.shows(record))
    }

    /// Whether anything of this patient's is shown.
    pub(super) fn opens(&self, patient: &str) -> bool {
        self.caller.patients.contains(patient)
            && self.views.iter().any(|view| view.patient.is_none_or(|wanted| wanted == patient))
    }
}

/// The answer to a refused request: status, challenge and outcome are Vestibule's.
pub(super) fn refusal(denied: &Denied) -> Response {
    tracing::debug!(error = denied as &dyn std::error::Error, "request refused");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/fhir+json; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::WWW_AUTHENTICATE, denied.challenge()),
    ];
    (denied.status(), headers, denied.operation_outcome()).into_response()
}
