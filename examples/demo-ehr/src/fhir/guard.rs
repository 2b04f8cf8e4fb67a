//! Who asks, and what is open to them. Vestibule says whether the token lives and what its scopes allow; the hospital's own
//! rule, whose records this user may open, applies below that.

use std::collections::HashSet;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::request::Parts;
use vestibule::AuthorizationServer;
use vestibule_resource::{
    Decision, Denied, Element, FhirVersion, Interaction, Known, Narrowing, Principal, Rules, TokenFault,
    bearer_token,
};
use vestibule_scope::ResourceType;

use super::answer::Answer;
use super::cors::CalledBy;
use super::journal::Judged;
use super::query::{OFFSET, Query};
use crate::database::{Database, DatabaseError};
use crate::records::{Record, Records};

/// The types that are about nobody, unless they say so.
const OPEN_TO_ALL: [&str; 6] =
    ["Device", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole"];
/// Entries of a batch.
const MOST_ENTRIES: usize = 50;

/// What Vestibule is told about a FHIR base. What is not said here has the narrow default.
#[must_use]
pub fn rules(base: &str) -> Rules {
    Rules::new(FhirVersion::R4, base).with_paging_parameter(OFFSET).with_max_entries(MOST_ENTRIES)
}

/// Guards one FHIR base.
#[derive(Debug)]
pub struct Guard {
    /// Vestibule in the same process: it knows of each token whether it still lives (SMART-REVOKE-005).
    pub server: AuthorizationServer,
    /// The base: the one audience that counts here.
    pub base: String,
    /// The hospital's tables: whose records the user may open today.
    pub database: Database,
    /// What Vestibule is told about the base.
    pub rules: Rules,
}

impl Guard {
    /// The app and user behind a request, or the answer for everybody else.
    pub(super) async fn caller(&self, head: &Parts) -> Result<Caller, Answer> {
        let token = bearer_token(head).map_err(|denied| refusal(&denied))?;
        let living = self.server.access_token(token).await.map_err(|error| away(&error))?;
        let principal = match &living {
            Some(token) => Principal::of_living_token(token.claims().all(), &self.base),
            // Forged, ended, revoked, of another issuer: all the same here.
            None => Err(TokenFault::NotLiving),
        };
        let principal = principal.map_err(|fault| refusal(&fault.into()))?;
        let patients = patients_of(&self.database, &principal).await.map_err(|error| away(&error))?;
        Ok(Caller { principal, patients, rules: self.rules.clone() })
    }
}

/// Nobody knows, so nobody gets anything; trying again helps.
pub(super) fn away(error: &(dyn std::error::Error + 'static)) -> Answer {
    tracing::error!(error, "a request could not be answered");
    Answer::outcome(StatusCode::SERVICE_UNAVAILABLE, "transient", "please try again in a moment")
}

/// The answer to a refused request: status, challenge and outcome are Vestibule's.
fn refusal(denied: &Denied) -> Answer {
    tracing::debug!(error = denied as &dyn std::error::Error, "request refused");
    Answer::of_text(denied.status(), denied.operation_outcome()).challenging(denied.challenge())
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
    pub(super) principal: Principal,
    patients: HashSet<String>,
    rules: Rules,
}

impl Caller {
    /// What the scopes say to an interaction: what is open then, or the refusal. Both are for the journal too.
    pub(super) fn judge(&self, interaction: &Interaction) -> (Result<Sight<'_>, Answer>, Judged) {
        let decision = self.principal.decide(interaction, &self.rules);
        let judged = Judged::of(self.principal.client_id(), interaction, &decision);
        let sight = match decision {
            Decision::Permit(_) => Ok(Sight { caller: self, limits: None }),
            Decision::PermitNarrowed(limits) => Ok(Sight { caller: self, limits: Some(limits) }),
            Decision::Deny(denial) => {
                tracing::debug!(error = &denial as &dyn std::error::Error, "request denied");
                Err(refusal(&Denied::InsufficientScope))
            }
        };
        (sight, judged)
    }

    /// Marks an answer as this app's, so that its origins may read it.
    pub(super) fn answer(&self, answer: Answer) -> Response {
        let mut response = answer.into_response();
        response.extensions_mut().insert(CalledBy(self.principal.client_id().clone()));
        response
    }

    /// The hospital's own rule, whatever the scopes say (SMART-SCOPE-025).
    fn user_may_see(&self, record: &Record) -> bool {
        match record.patients.as_slice() {
            // SMART-SCOPE-064: staff, places and the like are for every app that has a scope for them. A Person is a
            // user's own description; anything else that names nobody waits until somebody says whose it is.
            [] => OPEN_TO_ALL.contains(&record.kind()) || self.is_own(record),
            // A study of many is for those who may open all of them.
            patients => patients.iter().all(|patient| self.patients.contains(patient)),
        }
    }

    fn is_own(&self, record: &Record) -> bool {
        let kind = ResourceType::from_name(record.kind());
        kind.is_some_and(|kind| self.principal.is_own_resource(kind, record.id()))
    }
}

/// What is open to an interaction that was permitted.
#[derive(Debug)]
pub(super) struct Sight<'c> {
    caller: &'c Caller,
    /// What the scopes leave of it, unless they leave everything.
    limits: Option<Narrowing>,
}

impl Sight<'_> {
    /// The same, among the records of one moment.
    pub(super) fn over<'s>(&'s self, records: &'s Records) -> View<'s> {
        View { caller: self.caller, limits: self.limits.as_ref(), records }
    }
}

/// What is open of the records.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'s> {
    caller: &'s Caller,
    limits: Option<&'s Narrowing>,
    pub(super) records: &'s Records,
}

impl View<'_> {
    /// Whether this record is shown: whatever was pushed into a query, every single one is asked for here.
    pub(super) fn shows(&self, record: &Record) -> bool {
        let permits =
            |limits: &Narrowing| limits.check_result_among(&record.resource, self.records).is_permitted();
        self.caller.user_may_see(record) && self.limits.is_none_or(permits)
    }

    /// Whether this record may come along with what a search finds: `r` or `s` is enough for it (SMART-SCOPE-023).
    pub(super) fn shows_along(&self, record: &Record) -> bool {
        let permits =
            |limits: &Narrowing| limits.check_included_among(&record.resource, self.records).is_permitted();
        self.caller.user_may_see(record) && self.limits.is_none_or(permits)
    }

    /// Whether anything of this type and of this patient could be shown.
    pub(super) fn opens(&self, kind: ResourceType, patient: &str) -> bool {
        let permits = |limits: &Narrowing| {
            limits.reach(kind).iter().all(|reach| {
                let of = |part: &vestibule_resource::Part| {
                    part.patient().is_none_or(|one| one.as_str() == patient)
                };
                reach.is_everything() || reach.parts().iter().any(of)
            })
        };
        self.caller.patients.contains(patient) && self.limits.is_none_or(permits)
    }

    /// What the limits add to a search, where one search can say it. It leaves most of what is hidden alone.
    pub(super) fn added(&self, kind: &str) -> Option<Query> {
        let pairs: Vec<_> = self.limits?.additions()?.into_iter().map(|one| (one.name, one.value)).collect();
        Query::parse(kind, &pairs).ok()
    }

    /// Of a deletion nobody can say whose it was: it is told where nothing is hidden.
    pub(super) fn shows_deletions(&self) -> bool {
        self.limits.is_none()
    }

    /// The same for the search of a conditional write.
    pub(super) fn of_condition(&self) -> Self {
        Self { limits: self.limits.and_then(Narrowing::condition), ..*self }
    }

    /// Whether the app may hand in this resource: for a create or update.
    pub(super) fn may_submit(&self, record: &Record) -> bool {
        let permits =
            |limits: &Narrowing| limits.check_submitted_among(&record.resource, self.records).is_permitted();
        self.user_may_change(record) && self.limits.is_none_or(permits)
    }

    /// Whether the app may change or delete what is stored.
    pub(super) fn may_change(&self, record: &Record) -> bool {
        let permits = |limits: &Narrowing| {
            limits.check_stored_among(Some(&record.resource), self.records).is_permitted()
        };
        self.user_may_change(record) && self.limits.is_none_or(permits)
    }

    /// Whether the app may read what is stored, whatever it asks for here: to write is not to read.
    pub(super) fn may_read(&self, record: &Record) -> bool {
        let caller = self.caller;
        caller.user_may_see(record)
            && caller.principal.check_read(&record.resource, &caller.rules).is_permitted()
    }

    /// Whether the app may leave the resource like this.
    pub(super) fn may_leave(&self, record: &Record) -> bool {
        let permits =
            |limits: &Narrowing| limits.check_resulting_among(&record.resource, self.records).is_permitted();
        self.user_may_change(record) && self.limits.is_none_or(permits)
    }

    /// The hospital's own rule: what is written is about patients whose records are open.
    fn user_may_change(&self, record: &Record) -> bool {
        !record.patients.is_empty() && self.caller.user_may_see(record)
    }
}

/// For what depends on other resources: a Provenance on its targets, a Binary on its documents.
impl Known for Records {
    fn resource(&self, resource_type: ResourceType, id: &str) -> Option<&dyn Element> {
        self.get(resource_type.name(), id).map(|record| &record.resource as &dyn Element)
    }

    fn documents_of(&self, binary: &str) -> Vec<&dyn Element> {
        let url = format!("Binary/{binary}");
        let documents = self.of_type("DocumentReference").unwrap_or_default().iter();
        let names = |record: &&std::sync::Arc<Record>| {
            let contents = record.resource.get("content").and_then(serde_json::Value::as_array);
            let mut urls =
                contents.into_iter().flatten().filter_map(|content| content.pointer("/attachment/url"));
            urls.any(|one| one == url.as_str())
        };
        documents.filter(names).map(|record| &record.resource as &dyn Element).collect()
    }
}
