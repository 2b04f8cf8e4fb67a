//! "Apps with access": what a user granted, and the way to take it back (SMART-MGMT-001 to -003, SMART-DISC-031).
//!
//! | address | shows |
//! |---|---|
//! | `manage`, `manage?page=2` | grants, the newest first; on the first page also remembered answers |
//! | `manage?all` | whether all of it is to end |
//! | `manage?revoked`, `?forgotten`, `?ended` | the first page, and what was just done |

use std::collections::HashMap;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use vestibule_core::authorize::Who;
use vestibule_core::grant::GrantRecord;
use vestibule_core::params::Params;
use vestibule_core::record;
use vestibule_host::access::AllowedPatient;
use vestibule_host::pages::{
    Done, EndAllView, Form, GrantLine, ManageView, Problem, RememberedLine, Staying, View, field,
};
use vestibule_host::{
    ClientId, ConsentId, ConsentRecord, ConsentRule, GrantId, Moment, PatientAnswer, PatientId,
    PatientQuestion, RememberedConsent, SignInAsk, SignInMove, SignedInUser, StoredGrant,
};
use vestibule_jose::seal::Sealer;
use vestibule_scope::{RefreshScope, Scope};

use super::form;
use super::page::PageKind;
use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::interaction::answer::redirect;
use crate::interaction::step_token::{is_manage_token, manage_token};

/// Rows that one read brings.
const CHUNK: u16 = 100;

/// Grants on a page.
const PER_PAGE: usize = 100;

/// Grants of a user that are looked at; the rest follows when some are revoked or end.
const MAX_GRANTS: usize = 1_000;

/// Remembered answers that are shown; the rest follows when some are forgotten.
const MAX_REMEMBERED: usize = 100;

/// A live grant, read.
type Live = (StoredGrant, GrantRecord);

/// What is asked for.
#[derive(Clone, Copy)]
enum Asked {
    /// A page, counted from 0.
    Page(usize, Option<Done>),
    /// "End all access?"
    EndAll,
}

impl Asked {
    /// Anything else is the first page.
    fn read(query: Option<&str>) -> Self {
        match query.unwrap_or_default() {
            "all" => Self::EndAll,
            "revoked" => Self::Page(0, Some(Done::Revoked)),
            "forgotten" => Self::Page(0, Some(Done::Forgotten)),
            "ended" => Self::Page(0, Some(Done::EndedAll)),
            query => {
                let number = query.strip_prefix("page=").and_then(|number| number.parse::<usize>().ok());
                Self::Page(number.unwrap_or(1).saturating_sub(1).min(MAX_GRANTS / PER_PAGE), None)
            }
        }
    }
}

impl AuthorizationServer {
    pub(crate) async fn handle_manage(&self, head: &Parts, body: &Bytes) -> Response<Bytes> {
        let answer = match head.method {
            Method::GET => self.show_grants(head).await,
            Method::POST => self.end_from_form(head, body).await,
            _ => return self.method_page(head, "GET, POST"),
        };
        answer.unwrap_or_else(|error| self.problem_page(head, &error))
    }

    async fn show_grants(&self, head: &Parts) -> Result<Response<Bytes>, AuthorizeError> {
        let Some(user) = self.inner().host.users.current_user(head).await? else {
            return self.sign_in_to_manage();
        };
        let live = self.grants_of(&user).await?;
        let remembered = self.remembered_beside(&user, &live).await?;
        match Asked::read(head.uri.query()) {
            Asked::EndAll => self.ask_to_end_all(head, &user, &live, &remembered),
            Asked::Page(number, done) => {
                self.show_page(head, &user, &live, &remembered, (number, done)).await
            }
        }
    }

    async fn show_page(
        &self,
        head: &Parts,
        user: &SignedInUser,
        live: &[Live],
        remembered: &[(RememberedConsent, String)],
        (number, done): (usize, Option<Done>),
    ) -> Result<Response<Bytes>, AuthorizeError> {
        let mut grants = Vec::new();
        for (stored, record) in live.iter().skip(number * PER_PAGE).take(PER_PAGE) {
            let together = live.iter().filter(|(_, other)| is_same_access(record, other)).count();
            grants.push(self.grant_line(user, stored, record, together.saturating_sub(1)).await?);
        }
        let mut answers = Vec::new();
        // Those who look at the second page have seen the first.
        for (consent, app) in remembered.iter().filter(|_| number == 0) {
            answers.push(self.remembered_line(user, consent, app).await?);
        }
        let path = self.manage_path();
        let step = self.manage_step(user)?;
        let before = (number > 0).then(|| format!("{path}?page={number}"));
        let after = (live.len() > (number + 1) * PER_PAGE).then(|| format!("{path}?page={}", number + 2));
        let end_all = (!live.is_empty() || !remembered.is_empty()).then(|| format!("{path}?all"));
        let view = View::Manage(ManageView {
            user: &user.display_name,
            form: Form { action: &path, step: &step },
            grants: &grants,
            remembered: &answers,
            before: before.as_deref(),
            after: after.as_deref(),
            end_all: end_all.as_deref(),
            done,
        });
        Ok(self.page(head, &view, PageKind::default()))
    }

    fn ask_to_end_all(
        &self,
        head: &Parts,
        user: &SignedInUser,
        live: &[Live],
        remembered: &[(RememberedConsent, String)],
    ) -> Result<Response<Bytes>, AuthorizeError> {
        let path = self.manage_path();
        let names = live.iter().map(|(_, record)| &record.client_name);
        let mut apps: Vec<String> = names.chain(remembered.iter().map(|(_, app)| app)).cloned().collect();
        apps.sort();
        apps.dedup();
        if apps.is_empty() {
            // Ended in another tab.
            return redirect(&path).ok_or(AuthorizeError::new(Problem::Internal));
        }
        let step = self.manage_step(user)?;
        let view = View::EndAll(EndAllView {
            user: &user.display_name,
            form: Form { action: &path, step: &step },
            apps: &apps,
            back: &path,
        });
        Ok(self.page(head, &view, PageKind::default()))
    }

    async fn end_from_form(&self, head: &Parts, body: &Bytes) -> Result<Response<Bytes>, AuthorizeError> {
        let Some(user) = self.inner().host.users.current_user(head).await? else {
            return self.sign_in_to_manage();
        };
        let mut params = Params::default();
        form::append(head, body, &mut params).map_err(|error| AuthorizeError::new(error.into()))?;
        let one = |name| params.one(name).map_err(|_| AuthorizeError::new(Problem::Malformed));
        let keys = self.inner().host.keys.snapshot();
        let token = one(field::STEP)?.unwrap_or_default();
        let ours = is_manage_token(&Sealer::new(&keys), self.inner().issuer(), &who_of(&user), token);
        if !ours || !self.is_from_here(head) {
            return Err(AuthorizeError::new(Problem::Forged).going_on_at(self.manage_path()));
        }
        let (what, done) = match (one(field::REVOKE)?, one(field::FORGET)?, one(field::END_ALL)?) {
            (Some(grant), None, None) => {
                (self.revoke_grant(&user.user, &GrantId::new(grant)).await, "revoked")
            }
            (None, Some(consent), None) => {
                (self.forget_answer(&user.user, &ConsentId::new(consent)).await, "forgotten")
            }
            (None, None, Some(_)) => (self.end_all_access(&user.user).await, "ended"),
            _ => return Err(AuthorizeError::new(Problem::Malformed).going_on_at(self.manage_path())),
        };
        match what {
            // Ended or revoked in another tab: the user has what they want.
            Ok(()) | Err(AuthorizeError { problem: Problem::NotFound, .. }) => {}
            Err(error) => return Err(error),
        }
        redirect(&format!("{}?{done}", self.manage_path())).ok_or(AuthorizeError::new(Problem::Internal))
    }

    /// A user's live grants, the newest first.
    async fn grants_of(&self, user: &SignedInUser) -> Result<Vec<Live>, AuthorizeError> {
        let inner = self.inner();
        let call = inner.call(inner.now())?;
        let mut found: Vec<Live> = Vec::new();
        loop {
            let after = found.last().map(|(grant, _)| grant.id.clone());
            let chunk = inner.host.grants.grants_of(&user.user, after.as_ref(), CHUNK, &call).await?;
            let full = chunk.len() == usize::from(CHUNK);
            for stored in chunk {
                let record = record::read(&stored.record)?;
                found.push((stored, record));
            }
            if !full || found.len() >= MAX_GRANTS {
                found.sort_by_key(|(_, grant)| std::cmp::Reverse(grant.issued));
                return Ok(found);
            }
        }
    }

    /// Answers that count the next time, of apps that have no access to the same record now; each with the app's name. Only what
    /// an app is registered for is remembered; other answers are history.
    async fn remembered_beside(
        &self,
        user: &SignedInUser,
        live: &[Live],
    ) -> Result<Vec<(RememberedConsent, String)>, AuthorizeError> {
        let inner = self.inner();
        let same = |one: &ConsentRecord, client: &ClientId, base: &str, patient: Option<&PatientId>| {
            one.client == *client && one.base == base && one.patient.as_ref() == patient
        };
        let mut found: Vec<(RememberedConsent, String)> = Vec::new();
        let mut names: HashMap<ClientId, Option<String>> = HashMap::new();
        for consent in inner.host.consents.list_for_user(inner.tenant(), &user.user).await? {
            let asked = &consent.record;
            let (client, base, patient) = (&asked.client, asked.base.as_str(), asked.patient.as_ref());
            let has_access = live
                .iter()
                .any(|(_, grant)| same(asked, &grant.client, &grant.base, grant.context.patient.as_ref()));
            // The newest answer to a question is the one that counts; it comes first.
            if has_access || found.iter().any(|(one, _)| same(&one.record, client, base, patient)) {
                continue;
            }
            if !names.contains_key(client) {
                let app = inner.host.clients.client(client).await?;
                let app = app.filter(|app| app.is_enabled() && app.consent == ConsentRule::Remember);
                names.insert(client.clone(), app.map(|app| app.name));
            }
            if let Some(Some(name)) = names.get(client) {
                let name = name.clone();
                found.push((consent, name));
            }
            if found.len() == MAX_REMEMBERED {
                break;
            }
        }
        Ok(found)
    }

    async fn grant_line(
        &self,
        user: &SignedInUser,
        stored: &StoredGrant,
        record: &GrantRecord,
        together: usize,
    ) -> Result<GrantLine, AuthorizeError> {
        let patient = self.still_visible(user, &record.client, record.context.patient.as_ref()).await?;
        let relationship = patient.as_ref().and_then(|allowed| allowed.relationship.clone());
        Ok(GrantLine {
            id: stored.id.as_str().to_owned(),
            patient: patient.map(|allowed| allowed.summary),
            relationship,
            app: record.client_name.clone(),
            scopes: record.scopes.iter().cloned().collect(),
            since: record.issued,
            used: stored.used,
            until: stored.keep_until,
            staying: match record.refresh() {
                None => Staying::Once,
                Some(RefreshScope::Online) => Staying::SignedIn,
                Some(RefreshScope::Offline) => Staying::Away,
            },
            together,
        })
    }

    async fn remembered_line(
        &self,
        user: &SignedInUser,
        consent: &RememberedConsent,
        app: &str,
    ) -> Result<RememberedLine, AuthorizeError> {
        let asked = &consent.record;
        let patient = self.still_visible(user, &asked.client, asked.patient.as_ref()).await?;
        Ok(RememberedLine {
            id: consent.id.as_str().to_owned(),
            app: app.to_owned(),
            patient: patient.map(|allowed| allowed.summary),
            scopes: asked.granted.iter().filter_map(|scope| Scope::parse(scope).ok()).collect(),
            since: asked.at,
        })
    }

    /// The patient's name and what the user is to them, if the user may still see the record.
    async fn still_visible(
        &self,
        user: &SignedInUser,
        client: &ClientId,
        patient: Option<&PatientId>,
    ) -> Result<Option<AllowedPatient>, AuthorizeError> {
        let Some(patient) = patient else { return Ok(None) };
        let question = PatientQuestion::new(&user.user, patient, client, Moment::Consent);
        Ok(match self.inner().host.patients.may_access(&question).await? {
            PatientAnswer::Allowed(allowed) if allowed.summary.id == *patient => Some(*allowed),
            _ => None,
        })
    }

    fn sign_in_to_manage(&self) -> Result<Response<Bytes>, AuthorizeError> {
        let path = self.manage_path();
        let SignInMove::Redirect(location) = self.inner().host.users.sign_in(&SignInAsk::new(&path, None))
        else {
            return Err(AuthorizeError::new(Problem::Internal));
        };
        redirect(&location).ok_or(AuthorizeError::new(Problem::Internal))
    }

    fn manage_step(&self, user: &SignedInUser) -> Result<String, AuthorizeError> {
        let keys = self.inner().host.keys.snapshot();
        Ok(manage_token(&Sealer::new(&keys), self.inner().issuer(), &who_of(user))?)
    }

    fn manage_path(&self) -> String {
        format!("{}/auth/manage", self.config().issuer_path())
    }
}

/// Whether two grants end with one button ([`revoke_grant`](AuthorizationServer::revoke_grant)).
fn is_same_access(one: &GrantRecord, other: &GrantRecord) -> bool {
    one.client == other.client && one.base == other.base && one.context.patient == other.context.patient
}

fn who_of(user: &SignedInUser) -> Who {
    Who { user: user.user.clone(), session: user.session.clone() }
}
