//! Step 7: the code and its grant, in one operation of the store.

use std::time::Duration;

use vestibule_host::{
    Advance, CodeHash, GrantId, GrantStatus, IssueCode, LaunchContext, RegisteredClient, SignedInUser,
    StoredGrant, UnixMillis,
};
use vestibule_scope::{ContextScope, IdentityScope, RefreshScope, Scope, ScopeKind, ScopeSet};

use super::progress::Progress;
use super::refusal::Refusal;
use super::response::AuthorizeResponse;
use super::validate::PendingRequest;
use crate::grant::{GrantRecord, Grantable, GrantedContext, fits_a_token, is_worth_a_grant, refresh_of};
use crate::{digest, record};

/// What every authorization code begins with.
pub const PREFIX: &str = "vc_";

/// Lifetimes that belong to a code.
#[derive(Clone, Copy, Debug)]
pub struct CodeLife {
    /// Of the code itself: 60 s.
    pub code: Duration,
    /// Of everything that it can buy: the grant's row is kept so long, so that a replay can still kill it (CODE-005).
    pub grant: Duration,
}

/// A code that was decided but not yet issued. Its redirect can be had only with it, and is sent only after the store won.
#[must_use]
#[derive(Debug)]
pub struct CodeDraft {
    record: GrantRecord,
    grant: GrantId,
    code: CodeHash,
    keep_until: UnixMillis,
    answer: AuthorizeResponse,
}

/// Everything that a code is made of.
#[derive(Debug)]
pub struct CodeParts<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The app.
    pub client: &'a RegisteredClient,
    /// The request.
    pub request: &'a PendingRequest,
    /// What was decided.
    pub progress: &'a Progress,
    /// Who is signed in now; must be who decided.
    pub user: &'a SignedInUser,
    /// The launch's context, in an EHR launch.
    pub launch: Option<&'a LaunchContext>,
    /// A fresh random code, with its prefix.
    pub code: &'a str,
    /// A fresh random grant id.
    pub grant: GrantId,
    /// Lifetimes.
    pub life: CodeLife,
    /// The present moment.
    pub now: UnixMillis,
}

impl CodeDraft {
    /// Makes the code, the grant and the redirect from what was decided and asked again.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] unless everything is decided, `grantable` is the yes to just that, and the
    /// request is this client's,
    /// [`Refusal::OtherUser`] if somebody else is signed in, [`Refusal::NothingLeft`] if the policy took the last scope,
    /// [`Refusal::TooLong`] if a token cannot carry what it left.
    pub fn new(parts: CodeParts<'_>, grantable: Grantable) -> Result<Self, Refusal> {
        let Progress::Decided { who, patient, encounter, scopes, consent } = parts.progress else {
            return Err(Refusal::OutOfOrder);
        };
        if who.user != parts.user.user || who.session != parts.user.session || parts.user.subject.is_empty() {
            return Err(Refusal::OtherUser);
        }
        if !grantable.answers(&parts.progress.reask(&parts.client.id)?) {
            return Err(Refusal::OutOfOrder);
        }
        let mut scopes = grantable.limit(scopes);
        if refresh_of(&scopes) == Some(RefreshScope::Offline) {
            // AMB-14: with both, offline is what the app gets, and what it is told.
            scopes = scopes
                .iter()
                .filter(|scope| !matches!(scope.kind(), ScopeKind::Refresh(RefreshScope::Online)))
                .cloned()
                .collect();
        }
        if !is_worth_a_grant(&scopes) {
            return Err(Refusal::NothingLeft);
        }
        // A wildcard narrowed by a long ceiling may outgrow what a stored list or a token may be.
        if !fits_a_token(&scopes, parts.client) {
            return Err(Refusal::TooLong);
        }
        let (request, now) = (parts.request, parts.now);
        // The address is proven here once more, so that request, client and redirect cannot be mixed up (REDIR-010).
        let redirect = request.prove(Some(parts.client)).map_err(|_| Refusal::OutOfOrder)?;
        let grants_fhir_user =
            grants(&scopes, IdentityScope::FhirUser) || grants(&scopes, IdentityScope::Profile);
        let fhir_user = parts.user.fhir_user.as_ref().filter(|_| grants_fhir_user);
        let shared = Shared::of(&scopes, parts.launch.is_some());
        let code_expires = now.plus(parts.life.code);
        let record = GrantRecord {
            client: parts.client.id.clone(),
            client_name: parts.client.name.clone(),
            who: who.clone(),
            subject: parts.user.subject.clone(),
            redirect_uri: redirect.uri().to_owned(),
            proof: request.proof.clone(),
            base: request.base.clone(),
            context: GrantedContext {
                patient: patient.clone().filter(|_| shared.patient),
                encounter: encounter.clone().filter(|_| shared.encounter),
                fhir_context_strings: parts.client.fhir_context_strings,
                ..shared.launch_context(parts.launch, &scopes)
            },
            fhir_user: fhir_user.map(|user| format!("{}/{}", request.base, user.as_str())),
            scopes,
            nonce: request.nonce.clone(),
            auth_time: parts.user.auth_time,
            acr: parts.user.acr.clone(),
            amr: parts.user.amr.clone(),
            consent: consent.clone(),
            issued: now,
            code_expires,
            session_until: parts.user.session_until,
            cnf: None,
        };
        Ok(Self {
            record,
            grant: parts.grant,
            code: digest::code(parts.issuer, parts.code),
            keep_until: code_expires.plus(parts.life.grant),
            answer: redirect.answer(parts.code, parts.issuer),
        })
    }

    /// What is granted.
    pub const fn record(&self) -> &GrantRecord {
        &self.record
    }

    /// What the app is told once the store has won.
    pub const fn answer(&self) -> &AuthorizeResponse {
        &self.answer
    }

    /// The one operation that issues it: closes the interaction, spends the launch, inserts grant and code.
    ///
    /// # Errors
    /// [`record::Unreadable`] when the record cannot be written.
    pub fn operation(
        &self,
        interaction: Advance,
        request: &PendingRequest,
    ) -> Result<IssueCode, record::Unreadable> {
        let grant = StoredGrant {
            id: self.grant.clone(),
            user: self.record.who.user.clone(),
            client: self.record.client.clone(),
            session: self.record.session().cloned(),
            keep_until: self.keep_until,
            used: self.record.issued,
            status: GrantStatus::Live,
            record: record::write(&self.record)?,
        };
        let record = &self.record;
        let binding = digest::binding(record.client.as_str(), &record.redirect_uri, record.proof.as_str());
        Ok(IssueCode::new(interaction, request.launch, self.code, binding, record.code_expires, grant))
    }
}

fn grants(scopes: &ScopeSet, which: IdentityScope) -> bool {
    scopes.iter().any(|scope| matches!(scope.kind(), ScopeKind::Identity(identity) if *identity == which))
}

/// Which context a set of granted scopes shares (S10, E9, E11, SMART-CTX-001, -002).
struct Shared {
    bare: bool,
    patient: bool,
    encounter: bool,
    ehr: bool,
}

impl Shared {
    fn of(scopes: &ScopeSet, ehr: bool) -> Self {
        let context =
            |which: fn(&ContextScope) -> bool| scopes.iter().filter_map(Scope::as_context).any(which);
        let bare = ehr && context(|context| matches!(context, ContextScope::Launch));
        let encounter = bare || context(ContextScope::is_launch_encounter);
        let patient = bare
            || encounter
            || context(ContextScope::is_launch_patient)
            || scopes.iter().any(Scope::is_patient_level);
        Self { bare, patient, encounter, ehr }
    }

    /// What comes from the launch besides patient and encounter.
    fn launch_context(&self, launch: Option<&LaunchContext>, scopes: &ScopeSet) -> GrantedContext {
        let Some(launch) = launch.filter(|_| self.ehr) else { return GrantedContext::default() };
        let asked = |kind: &str| {
            scopes.iter().filter_map(Scope::as_context).any(
                |context| matches!(context, ContextScope::LaunchType { resource_type, .. } if resource_type.name() == kind),
            )
        };
        let of_type = |item: &vestibule_host::FhirContextItem| {
            let only = LaunchContext::new().with_fhir_context(item.clone());
            super::launch::LaunchRecord::other_types(&only).iter().any(|kind| asked(kind))
        };
        GrantedContext {
            patient: None,
            encounter: None,
            // E11: all of it with bare `launch`, otherwise what was asked for.
            fhir_context: launch
                .fhir_context
                .iter()
                .filter(|item| self.bare || of_type(item))
                .cloned()
                .collect(),
            // SMART-CTX-004, AMB-38: a boolean in every EHR launch.
            need_patient_banner: Some(launch.need_patient_banner.unwrap_or(true)),
            smart_style_url: launch.smart_style_url.clone(),
            intent: launch.intent.clone(),
            tenant: launch.tenant.clone(),
            app_context: launch.app_context.clone(),
            extensions: launch.extensions.clone(),
            fhir_context_strings: false,
        }
    }
}
