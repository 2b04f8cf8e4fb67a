//! Step 3: everything else that can be judged before anybody signs in, in the order of oauth.md 2.2 and smart.md 2.5.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vestibule_host::{ClientId, LaunchHash, RegisteredClient, UnixMillis};
use vestibule_scope::{Dialect, Scope, ScopeList};

use super::error::{AuthorizeCode, AuthorizeRefusal};
use super::launch;
use super::negotiate::Negotiation;
use super::pkce::{Challenge, CodeProof};
use super::redirect::{MAX_STATE, ProvenRedirect};
use super::response::ResponseMode;
use super::sign_in::{SignInWish, VerifyHint};
use crate::audience::FhirBase;
use crate::explain::Trail;
use crate::grant::is_worth_a_grant;
use crate::params::{ParamError, Params};

/// The longest `nonce` (oauth.md 20.1).
pub const MAX_NONCE: usize = 512;

/// What the server's configuration contributes.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The FHIR bases, the first being the issuer's default.
    pub bases: &'a [FhirBase],
    /// How long an interaction may take.
    pub interaction_life: Duration,
    /// Whether EHR launches are wired.
    pub ehr_launch: bool,
    /// Whether a visit can be chosen in a standalone launch.
    pub standalone_encounters: bool,
    /// Whether scopes in the words of SMART 1.0 (`.read`) are understood: `permission-v1`.
    pub v1_scopes: bool,
}

impl<'a> Rules<'a> {
    /// Whether the server knows the words of a scope (A-SCOPE-08).
    pub(crate) fn knows(&self, scope: &Scope) -> bool {
        self.v1_scopes || scope.as_resource().is_none_or(|resource| resource.dialect() == Dialect::V2)
    }

    /// The base with this canonical URL.
    pub fn base(&self, url: &str) -> Option<&'a FhirBase> {
        self.bases.iter().find(|base| base.url() == url)
    }
}

/// A validated request: what is sealed until somebody signs in, and stored afterwards. Later steps read this and nothing
/// that a later request repeats (AUTHZ-013, INT-006).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRequest {
    /// The app.
    #[serde(rename = "c")]
    pub client: ClientId,
    /// Its address; proven again at each step.
    #[serde(rename = "r")]
    redirect_uri: String,
    #[serde(rename = "s")]
    state: String,
    /// The canonical FHIR base.
    #[serde(rename = "b")]
    pub base: String,
    /// The requested scopes, as they came.
    #[serde(rename = "p")]
    pub scope: String,
    /// The PKCE challenge; there is no request without one, or without what stands for none (PKCE-007).
    #[serde(rename = "h")]
    pub proof: CodeProof,
    /// For the ID token.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The launch, in an EHR launch.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<LaunchHash>,
    /// What it asks of the sign-in.
    #[serde(rename = "o", default, skip_serializing_if = "SignInWish::is_empty")]
    pub sign_in: SignInWish,
    /// How the answer gets to the app.
    #[serde(rename = "m", default, skip_serializing_if = "ResponseMode::is_default")]
    mode: ResponseMode,
    /// When the interaction ends, whatever happens (INT-021).
    #[serde(rename = "e")]
    pub expires: UnixMillis,
}

impl std::fmt::Debug for PendingRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // No state, no nonce (LOG-001).
        f.debug_struct("PendingRequest")
            .field("client", &self.client)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl PendingRequest {
    /// Validates the rest of an authorize request. The launch is only named here; [`launch::LaunchRecord::accept`] judges it.
    /// `verify` reads an `id_token_hint`.
    ///
    /// # Errors
    /// An [`AuthorizeRefusal`] for `proven`.
    pub fn validate(
        params: &Params,
        proven: &ProvenRedirect,
        client: &RegisteredClient,
        rules: &Rules<'_>,
        verify: &VerifyHint<'_>,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<Self, AuthorizeRefusal> {
        let one = |name| params.one(name).map_err(AuthorizeRefusal::unreadable);
        trail.check("SMART-AUTHZ-016", "no parameter twice", no_repeats(params))?;
        trail.check("SMART-AUTHZ-012", "no request object", no_request_object(params))?;
        trail.check("SMART-AUTHZ-001", "response_type", response_type(one("response_type")))?;
        trail.check("SMART-AUTHZ-014", "response_mode", response_mode(one("response_mode"), proven))?;
        let state = trail.check("SMART-AUTHZ-006", "state", state(one("state")))?;
        trail.check("SMART-AUTHZ-061", "the app may use the code flow", may_use_codes(client))?;
        let proof = trail.check("SMART-AUTHZ-009", "PKCE", proof(params, client))?;
        let base = trail.check("SMART-AUTHZ-007", "aud", audience(params, one("aud"), client, rules))?;
        let list = trail.check("SMART-AUTHZ-005", "scope is a list", scope_list(params.one("scope")))?;
        let launch = trail.check("SMART-AUTHZ-004", "launch", launch_named(one("launch"), rules))?;
        let negotiation = Negotiation::start(&list, client, base, launch.is_some(), rules);
        trail.scopes(&negotiation);
        trail.check("SMART-LAUNCH-022", "scope launch", launch_scope(&negotiation, launch.is_some()))?;
        trail.check("SMART-AUTHZ-064", "something can be granted", grantable(&negotiation, client))?;
        let nonce = trail.check("OIDC-004", "nonce", nonce(one("nonce")))?;
        let wish = SignInWish::read(params, &client.id, verify, now);
        let sign_in = trail.check("OIDC-001", "prompt, max_age and hints", wish)?;
        Ok(Self {
            client: client.id.clone(),
            redirect_uri: proven.uri().to_owned(),
            state,
            base: base.url().to_owned(),
            scope: list.iter().map(|one| &*one.text).collect::<Vec<_>>().join(" "),
            proof,
            nonce,
            launch,
            sign_in,
            mode: proven.mode(),
            expires: now.plus(rules.interaction_life),
        })
    }

    /// The address, proven again against the client's present registration (REDIR-010, INT-019).
    ///
    /// # Errors
    /// The [`Problem`](vestibule_host::pages::Problem) to show when the client or the address is no longer registered.
    pub fn prove(
        &self,
        client: Option<&RegisteredClient>,
    ) -> Result<ProvenRedirect, vestibule_host::pages::Problem> {
        let client = client.filter(|client| client.is_enabled() && client.id == self.client);
        let client = client.ok_or(vestibule_host::pages::Problem::UnknownClient)?;
        ProvenRedirect::registered(client, &self.redirect_uri, Some(self.state.clone()), self.mode)
    }

    /// The negotiation as far as it goes before anybody signs in; computed anew from what was asked, never stored.
    pub fn negotiate(&self, client: &RegisteredClient, base: &FhirBase, rules: &Rules<'_>) -> Negotiation {
        match ScopeList::parse(&self.scope) {
            Ok(list) => Negotiation::start(&list, client, base, self.launch.is_some(), rules),
            Err(_) => Negotiation::default(),
        }
    }
}

type Read<'a> = Result<Option<&'a str>, AuthorizeRefusal>;

/// SMART-AUTHZ-016, GEN-003: no parameter twice; only `resource` may legally repeat.
fn no_repeats(params: &Params) -> Result<(), AuthorizeRefusal> {
    if params.repeats_any_but("resource") {
        return Err(AuthorizeRefusal::unreadable(ParamError::Repeated));
    }
    Ok(())
}

/// SMART-AUTHZ-012: request objects and the like are refused by name, and never fetched (A-AERR-12).
fn no_request_object(params: &Params) -> Result<(), AuthorizeRefusal> {
    let refused = [
        ("request", AuthorizeCode::RequestNotSupported, "request objects are not supported"),
        ("request_uri", AuthorizeCode::RequestUriNotSupported, "request objects are not supported"),
        ("registration", AuthorizeCode::RegistrationNotSupported, "apps cannot register themselves here"),
    ];
    match refused.into_iter().find(|(name, ..)| params.has(name)) {
        Some((_, code, description)) => Err(AuthorizeRefusal::new(code, description)),
        None => Ok(()),
    }
}

fn response_type(value: Read<'_>) -> Result<(), AuthorizeRefusal> {
    match value? {
        Some("code") => Ok(()),
        None => Err(AuthorizeRefusal::invalid("response_type is missing")),
        Some(_) => {
            Err(AuthorizeRefusal::new(AuthorizeCode::UnsupportedResponseType, "response_type must be code"))
        }
    }
}

/// SMART-AUTHZ-014. Which mode it is was settled with the address; here it is only refused.
fn response_mode(value: Read<'_>, proven: &ProvenRedirect) -> Result<(), AuthorizeRefusal> {
    match (value?, proven.mode()) {
        (None | Some("query"), ResponseMode::Query) | (Some("form_post"), ResponseMode::FormPost) => Ok(()),
        _ => Err(AuthorizeRefusal::invalid("response_mode must be query or left out")),
    }
}

/// SMART-AUTHZ-006
fn state(value: Read<'_>) -> Result<String, AuthorizeRefusal> {
    match value? {
        None => Err(AuthorizeRefusal::invalid("state is missing")),
        Some(state) if state.len() > MAX_STATE => Err(AuthorizeRefusal::invalid("state is too long")),
        Some(state) => Ok(state.to_owned()),
    }
}

/// AUTHZ-012, SMART-AUTHZ-061
fn may_use_codes(client: &RegisteredClient) -> Result<(), AuthorizeRefusal> {
    if client.grant_types.authorization_code {
        return Ok(());
    }
    Err(AuthorizeRefusal::new(
        AuthorizeCode::UnauthorizedClient,
        "the app is not registered for the authorization code flow",
    ))
}

fn proof(params: &Params, client: &RegisteredClient) -> Result<CodeProof, AuthorizeRefusal> {
    let one = |name| params.one(name).map_err(AuthorizeRefusal::unreadable);
    let (challenge, method) = (one("code_challenge")?, one("code_challenge_method")?);
    // SMART-PKCE-008: nothing at all, or PKCE as for everybody else.
    if challenge.is_none() && method.is_none() && CodeProof::may_be_left_out(client) {
        return Ok(CodeProof::DangerLegacyV1);
    }
    // SMART-AUTHZ-009, PKCE-001
    let challenge = challenge
        .ok_or(AuthorizeRefusal::invalid("code_challenge is missing; every app must use PKCE"))?
        .to_owned();
    // SMART-AUTHZ-010, PKCE-002: a missing method means plain, which is never offered.
    if method != Some("S256") {
        return Err(AuthorizeRefusal::invalid("code_challenge_method must be S256"));
    }
    Challenge::try_from(challenge)
        .map(CodeProof::S256)
        .map_err(|_| AuthorizeRefusal::invalid("code_challenge must be the base64url form of a SHA-256"))
}

fn launch_named(value: Read<'_>, rules: &Rules<'_>) -> Result<Option<LaunchHash>, AuthorizeRefusal> {
    match value? {
        Some(_) if !rules.ehr_launch => Err(launch::not_usable()),
        Some(handle) => launch::hash(rules.issuer, handle).map(Some).ok_or(launch::not_usable()),
        None => Ok(None),
    }
}

/// SMART-LAUNCH-022, AMB-02
fn launch_scope(negotiation: &Negotiation, has_launch: bool) -> Result<(), AuthorizeRefusal> {
    if !has_launch && negotiation.asked_bare_launch() {
        return Err(AuthorizeRefusal::invalid("scope launch needs the launch parameter that the EHR sent"));
    }
    Ok(())
}

/// SMART-AUTHZ-064
fn grantable(negotiation: &Negotiation, client: &RegisteredClient) -> Result<(), AuthorizeRefusal> {
    let code = AuthorizeCode::InvalidScope;
    if client.strict_scopes && !negotiation.is_untouched() {
        return Err(AuthorizeRefusal::new(code, "a requested scope cannot be granted"));
    }
    if !is_worth_a_grant(&negotiation.granted()) {
        return Err(AuthorizeRefusal::new(code, "none of the requested scopes can be granted"));
    }
    Ok(())
}

fn nonce(value: Read<'_>) -> Result<Option<String>, AuthorizeRefusal> {
    match value? {
        Some(nonce) if nonce.len() > MAX_NONCE => Err(AuthorizeRefusal::invalid("nonce is too long")),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}

/// SMART-AUTHZ-007, -040, -041, -046: byte-exact, against the forms that are listed for each base.
fn audience<'a>(
    params: &Params,
    aud: Read<'_>,
    client: &RegisteredClient,
    rules: &Rules<'a>,
) -> Result<&'a FhirBase, AuthorizeRefusal> {
    let aud = aud?;
    let named =
        |name: &str| rules.bases.iter().find(|base| base.is_named(name) && client.may_use_base(base.url()));
    let target =
        AuthorizeRefusal::new(AuthorizeCode::InvalidTarget, "resource must name the same FHIR server as aud");
    let resources = params.all("resource").map_err(|_| target)?;
    let base = match aud.or(resources.first().copied()) {
        None => {
            return Err(AuthorizeRefusal::invalid("aud is missing; it is the base URL of the FHIR server"));
        }
        Some(name) => named(name),
    };
    let base = match (base, aud) {
        (Some(base), _) => base,
        (None, Some(_)) => {
            return Err(AuthorizeRefusal::invalid("aud is not a FHIR server of this authorization server"));
        }
        (None, None) => return Err(target),
    };
    // A-AUD-05
    if resources.iter().any(|resource| !base.is_named(resource)) {
        return Err(target);
    }
    Ok(base)
}

/// SMART-AUTHZ-005, SCOPE-001, SCOPE-007. What no decoder can read, or holds control characters, breaks RFC 6749 §3.3 like
/// any other malformed list (A-SCOPE-14, A-SCOPE-16).
fn scope_list(scope: Result<Option<&str>, ParamError>) -> Result<ScopeList, AuthorizeRefusal> {
    let code = AuthorizeCode::InvalidScope;
    let broken = AuthorizeRefusal::new(code, "scope is not a list of scopes separated by single spaces");
    let text = scope.map_err(|_| broken)?.ok_or(AuthorizeRefusal::new(code, "scope is missing"))?;
    ScopeList::parse(text).map_err(|_| broken)
}
