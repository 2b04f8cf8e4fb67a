//! What is stored behind a code and everything that it buys. One record feeds token response, claims and later reads.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vestibule_host::{
    ClientId, ConsentId, EncounterId, Extensions, FhirContextItem, Moment, PatientAnswer, PatientId,
    PatientQuestion, RegisteredClient, SessionId, Standing, StandingQuestion, TokenFormat, UnixMillis,
};
use vestibule_scope::{RefreshScope, Scope, ScopeKind, ScopeList, ScopeSet};

use crate::authorize::patient::Ask;
use crate::authorize::{CodeProof, Refusal, Who};

/// Which key a client must prove to hold, once such a proof is supported (RFC 7800). Kept in the first record format so
/// that a later one can fill it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of the key.
    pub jkt: String,
}

/// The launch context of a grant: what the app finds beside its access token, now and at every later look.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct GrantedContext {
    /// The patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// The encounter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encounter: Option<EncounterId>,
    /// Other resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fhir_context: Vec<FhirContextItem>,
    /// EHR launch only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need_patient_banner: Option<bool>,
    /// EHR launch only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smart_style_url: Option<String>,
    /// What the app should show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// The organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// From a CDS Hooks link or a launch Task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_context: Option<String>,
    /// What nobody standardized; EHR launch only.
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
    /// `fhirContext` as SMART 2.0 had it, for an app that is registered so (SMART-CTX-030).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fhir_context_strings: bool,
}

impl GrantedContext {
    /// The members of the token response (smart.md 4.1). What is absent is left out, never null or empty (SMART-CTX-015).
    pub fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        put("patient", self.patient.as_ref().map(|id| Value::from(id.as_str())));
        put("encounter", self.encounter.as_ref().map(|id| Value::from(id.as_str())));
        let items: Vec<Value> = if self.fhir_context_strings {
            self.fhir_context.iter().filter_map(FhirContextItem::as_string).map(Value::from).collect()
        } else {
            self.fhir_context.iter().map(|item| Value::Object(item.members().clone())).collect()
        };
        put("fhirContext", (!items.is_empty()).then_some(Value::Array(items)));
        put("need_patient_banner", self.need_patient_banner.map(Value::from));
        put("smart_style_url", self.smart_style_url.as_deref().map(Value::from));
        put("intent", self.intent.as_deref().map(Value::from));
        put("tenant", self.tenant.as_deref().map(Value::from));
        put("appContext", self.app_context.as_deref().map(Value::from));
        // Their names cannot be any of the above, nor of the token response.
        members.extend(self.extensions.members().clone());
        members
    }
}

/// A grant (CODE-003). Client, user and patient never change (I7).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// The app.
    pub client: ClientId,
    /// Its name at the time, for "apps with access".
    pub client_name: String,
    /// Who granted, in which session.
    pub who: Who,
    /// `sub` of tokens.
    pub subject: String,
    /// The address the code went to; a redemption must repeat it (SMART-TOKEN-022).
    pub redirect_uri: String,
    /// The PKCE challenge; a record without one does not load (PKCE-007, A-PKCE-03).
    #[serde(rename = "challenge")]
    pub proof: CodeProof,
    /// The canonical FHIR base: the one audience of its tokens.
    pub base: String,
    /// What was granted, in the app's spelling.
    pub scopes: ScopeSet,
    /// The launch context.
    pub context: GrantedContext,
    /// The user's FHIR resource as an absolute URL, if `fhirUser` was granted (SMART-IDT-010).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fhir_user: Option<String>,
    /// For the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When the user signed in.
    pub auth_time: UnixMillis,
    /// How strongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By which means.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The recorded consent; `None` for a pre-approved app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentId>,
    /// When the code was issued.
    pub issued: UnixMillis,
    /// When the code ends.
    pub code_expires: UnixMillis,
    /// When the session ends by itself; nothing that hangs on it outlives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_until: Option<UnixMillis>,
    /// A key the client must prove, once that is supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

impl std::fmt::Debug for GrantRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrantRecord")
            .field("client", &self.client)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// What must be asked again before anything is issued: the user's standing, the patient policy, the consent.
#[must_use]
#[derive(PartialEq, Eq, Debug)]
pub struct Reask {
    who: Who,
    session: Option<SessionId>,
    client: ClientId,
    patient: Option<PatientId>,
    consent: Option<ConsentId>,
    moment: Moment,
}

impl Reask {
    pub(crate) const fn new(
        who: Who,
        session: Option<SessionId>,
        client: ClientId,
        patient: Option<PatientId>,
        consent: Option<ConsentId>,
        moment: Moment,
    ) -> Self {
        Self { who, session, client, patient, consent, moment }
    }

    /// Whose standing to ask about, and in which session, unless the grant outlives its session.
    pub const fn standing_question(&self) -> StandingQuestion<'_> {
        StandingQuestion::new(&self.who.user, self.session.as_ref(), &self.client, self.moment)
    }

    /// What to ask the patient policy, if there is a patient.
    pub fn patient_question(&self) -> Option<PatientQuestion<'_>> {
        let question = |patient| PatientQuestion::new(&self.who.user, patient, &self.client, self.moment);
        self.patient.as_ref().map(question)
    }

    /// Which consent to look up, if there is one.
    pub const fn consent(&self) -> Option<&ConsentId> {
        self.consent.as_ref()
    }

    /// Judges the answers. The result is the only thing that codes and tokens can be made from.
    ///
    /// # Errors
    /// A [`Refusal`]: the account or session ended, the user must sign in again, the policy says no or was not asked, the consent is withdrawn.
    pub fn answered(
        self,
        standing: Standing,
        patient: Option<PatientAnswer>,
        consent_given: bool,
        now: UnixMillis,
    ) -> Result<Grantable, Refusal> {
        Refusal::of_standing(standing)?;
        if self.consent.is_some() && !consent_given {
            return Err(Refusal::ConsentWithdrawn);
        }
        let ask = |patient: &PatientId| {
            Ask::new(self.who.user.clone(), self.client.clone(), patient.clone(), self.moment)
        };
        let (ceiling, until) = match (self.patient.as_ref().map(ask), patient) {
            (None, _) => (None, None),
            (Some(ask), Some(answer)) => {
                let access = ask.answered(answer, now)?;
                (access.allowed().ceiling.clone(), access.allowed().until)
            }
            // Not asked is not allowed.
            (Some(_), None) => return Err(Refusal::PatientDenied),
        };
        Ok(Grantable { asked: self, ceiling, until })
    }
}

/// The fresh yes of everybody who must agree. Lives for one request; no `Clone`, no serialisation.
#[must_use]
#[derive(Debug)]
pub struct Grantable {
    asked: Reask,
    ceiling: Option<ScopeSet>,
    until: Option<UnixMillis>,
}

impl Grantable {
    /// Whether this is the yes to that question: a yes about another user, patient, app or moment grants nothing.
    pub(crate) fn answers(&self, question: &Reask) -> bool {
        self.asked == *question
    }

    /// When the access ends, if the policy said so.
    pub(crate) const fn until(&self) -> Option<UnixMillis> {
        self.until
    }

    /// The granted scopes as far as the relationship still allows them.
    pub(crate) fn limit(&self, scopes: &ScopeSet) -> ScopeSet {
        let Some(ceiling) = &self.ceiling else { return scopes.clone() };
        let kept = |scope: &vestibule_scope::Scope| {
            if scope.is_patient_level() { ceiling.narrow(scope).into_scopes() } else { vec![scope.clone()] }
        };
        scopes.iter().flat_map(kept).collect()
    }
}

impl GrantRecord {
    /// What must be asked again before this grant's code buys tokens (principle 8, catalogue row 20).
    pub fn reask(&self, moment: Moment) -> Reask {
        Reask::new(
            self.who.clone(),
            self.session().cloned(),
            self.client.clone(),
            self.context.patient.clone(),
            self.consent.clone(),
            moment,
        )
    }

    /// The session that the grant ends with; none with `offline_access` (SMART-REFRESH-016).
    pub fn session(&self) -> Option<&SessionId> {
        (self.refresh() != Some(RefreshScope::Offline)).then_some(&self.who.session)
    }

    /// Which refresh scope was granted; offline wins over online (AMB-14).
    pub fn refresh(&self) -> Option<RefreshScope> {
        refresh_of(&self.scopes)
    }

    /// Whether `openid` was granted.
    pub fn has_open_id(&self) -> bool {
        self.scopes.iter().any(|scope| crate::authorize::negotiate::is_open_id(scope.kind()))
    }
}

/// The longest text of scopes that a JWT may carry (SMART-SCOPE-053). Every request of the app brings its token in a header, and common
/// servers and proxies take lines of 8 KiB there. Base64 makes these 5 KiB about 7; the rest is room for the other claims, the header,
/// an RSA signature and `Authorization: Bearer `. Verifying would go up to 16 KiB.
pub const MAX_JWT_SCOPE: usize = 5 * 1024;

/// Whether an access token of this app can carry these scopes, so that every token that is issued can be presented, introspected and
/// revoked. An opaque token carries nothing: an app that needs more is registered for those.
pub(crate) fn fits_a_token(scopes: &ScopeSet, client: &RegisteredClient) -> bool {
    scopes.is_within_limits() && text_len(scopes.iter()) <= max_scope(client)
}

/// The longest text of scopes that an access token of this app may stand for.
pub(crate) const fn max_scope(client: &RegisteredClient) -> usize {
    match client.token_format {
        TokenFormat::Jwt => MAX_JWT_SCOPE,
        TokenFormat::Opaque => ScopeList::MAX_LEN,
    }
}

/// How long scopes are as a list.
pub(crate) fn text_len<'a>(scopes: impl Iterator<Item = &'a Scope>) -> usize {
    scopes.map(|scope| scope.as_str().len() + 1).sum::<usize>().saturating_sub(1)
}

/// What was granted, as far as an app is still registered for it.
pub(crate) fn registered_still(granted: &ScopeSet, client: &RegisteredClient) -> ScopeSet {
    granted.iter().flat_map(|scope| client.scopes.narrow(scope).into_scopes()).collect()
}

/// Whether scopes are worth a grant: the right to refresh alone buys nothing (SMART-SCOPE-112).
pub(crate) fn is_worth_a_grant(scopes: &ScopeSet) -> bool {
    scopes.iter().any(|scope| !matches!(scope.kind(), ScopeKind::Refresh(_)))
}

/// The refresh scope in a set; offline wins over online (AMB-14, SMART-SCOPE-094).
pub(crate) fn refresh_of(scopes: &ScopeSet) -> Option<RefreshScope> {
    let asked = |wanted: RefreshScope| {
        scopes.iter().any(|scope| matches!(scope.kind(), ScopeKind::Refresh(found) if *found == wanted))
    };
    if asked(RefreshScope::Offline) {
        Some(RefreshScope::Offline)
    } else {
        asked(RefreshScope::Online).then_some(RefreshScope::Online)
    }
}
