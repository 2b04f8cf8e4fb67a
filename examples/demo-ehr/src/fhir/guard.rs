//! What a token opens. Vestibule says whether it lives and what its scopes allow; the hospital's own rule applies below it.

use std::collections::HashSet;

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use vestibule::AuthorizationServer;
use vestibule_resource::{Denied, FhirVersion, Part, Principal, Reach, Rules, TokenFault, bearer_token};
use vestibule_scope::{Constraint, Permission, ResourceType};

use super::answer;
use super::cors::CalledBy;
use super::query::Query;
use crate::database::{Database, DatabaseError};
use crate::records::Record;

/// Guards one FHIR base.
#[derive(Debug)]
pub struct Guard {
    /// Vestibule in the same process: it knows of each token whether it still lives (SMART-REVOKE-005).
    pub server: AuthorizationServer,
    /// The base: the one audience that counts here.
    pub base: String,
    /// The hospital's tables: whose records the user may open today.
    pub database: Database,
}

impl Guard {
    /// The app and user behind a request, or the answer for everybody else.
    pub(super) async fn caller(&self, head: &Parts) -> Result<Caller, Response> {
        let token = bearer_token(head).map_err(|denied| refusal(&denied))?;
        let living = self.server.access_token(token).await.map_err(|error| away(&error))?;
        let principal = match &living {
            Some(token) => Principal::of_living_token(token.claims().all(), &self.base),
            // Forged, ended, revoked, of another issuer: all the same here.
            None => Err(TokenFault::NotLiving),
        };
        let principal = principal.map_err(|fault| refusal(&fault.into()))?;
        let patients = patients_of(&self.database, &principal).await.map_err(|error| away(&error))?;
        let rules = Rules::new(FhirVersion::R4, self.base.clone());
        Ok(Caller { principal, patients, rules })
    }
}

/// Nobody knows, so nobody gets anything; trying again helps.
fn away(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "a request could not be judged");
    let mut response =
        answer::outcome(StatusCode::SERVICE_UNAVAILABLE, "transient", "please try again in a moment");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// Whose records the user behind a token may open. Asked with each request: access that ended yesterday is over.
async fn patients_of(database: &Database, principal: &Principal) -> Result<HashSet<String>, DatabaseError> {
    let subject = principal.subject().to_owned();
    // RFC 9068 §2.2: a backend service is its own subject. It acts for nobody, and sees what is open to all staff.
    let find = if principal.grant_id().is_none() && subject == principal.client_id().as_str() {
        "SELECT id FROM ehr_patient WHERE ?1 <> '' AND NOT restricted"
    } else {
        "SELECT a.patient FROM ehr_access a JOIN ehr_user u ON u.name = a.user WHERE u.subject = ?1"
    };
    let query = move |c: &rusqlite::Connection| {
        c.prepare_cached(find)?.query_map([subject], |row| row.get(0))?.collect()
    };
    database.run(query).await
}

/// An app acting for a user, or a backend service.
#[derive(Debug)]
pub(super) struct Caller {
    principal: Principal,
    patients: HashSet<String>,
    rules: Rules,
}

impl Caller {
    /// What the scopes let this app see when it reads one instance, or searches a type. `None`: nothing.
    pub(super) fn sight(&self, kind: ResourceType, id: Option<&str>) -> Option<Sight<'_>> {
        let permission = if id.is_some() { Permission::Read } else { Permission::Search };
        let own = id.is_some_and(|id| self.principal.is_own_resource(kind, id));
        let parts = match self.principal.reach(kind, permission, &self.rules) {
            _ if own => vec![View { patient: None, only: None }],
            Reach::Nothing => return None,
            Reach::Everything(_) => vec![View { patient: None, only: None }],
            Reach::Parts(parts) => parts.iter().filter_map(|part| View::of(kind, part)).collect(),
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
    views: Vec<View>,
}

#[derive(Debug)]
struct View {
    patient: Option<String>,
    only: Option<Query>,
}

impl View {
    /// `None` where the scope's constraint is not understood: such a scope shows nothing.
    fn of(kind: ResourceType, part: &Part) -> Option<Self> {
        let only = match part.constraint() {
            Some(constraint) => Some(query_of(kind, constraint)?),
            None => None,
        };
        Some(Self { patient: part.patient().map(|patient| patient.as_str().to_owned()), only })
    }

    fn shows(&self, record: &Record) -> bool {
        let of_patient = match (self.patient.as_deref(), record.patient.as_deref()) {
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
            && self.views.iter().any(|view| view.patient.as_deref().is_none_or(|wanted| wanted == patient))
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
