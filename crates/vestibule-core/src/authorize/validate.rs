//! Step 3: everything else that can be judged before anybody signs in, in the order of oauth.md 2.2 and smart.md 2.5.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vestibule_host::{ClientId, LaunchHash, RegisteredClient, UnixMillis};
use vestibule_scope::ScopeList;

use super::error::{AuthorizeCode, AuthorizeRefusal};
use super::launch;
use super::negotiate::Negotiation;
use super::pkce::Challenge;
use super::redirect::{MAX_STATE, ProvenRedirect};
use crate::audience::FhirBase;
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
}

impl<'a> Rules<'a> {
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
    /// The PKCE challenge; there is no request without one (PKCE-007).
    #[serde(rename = "h")]
    pub challenge: Challenge,
    /// For the ID token.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The launch, in an EHR launch.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<LaunchHash>,
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
    ///
    /// # Errors
    /// An [`AuthorizeRefusal`] for `proven`.
    pub fn validate(
        params: &Params,
        proven: &ProvenRedirect,
        client: &RegisteredClient,
        rules: &Rules<'_>,
        now: UnixMillis,
    ) -> Result<Self, AuthorizeRefusal> {
        // SMART-AUTHZ-016, GEN-003: no parameter twice; only `resource` may legally repeat.
        if params.repeats_any_but("resource") {
            return Err(AuthorizeRefusal::invalid("a parameter was sent more than once"));
        }
        let one = |name| {
            params.one(name).map_err(|error| match error {
                ParamError::Repeated => AuthorizeRefusal::invalid("a parameter was sent more than once"),
                ParamError::Malformed => AuthorizeRefusal::invalid("a parameter is not well-formed"),
            })
        };
        // SMART-AUTHZ-012: request objects are refused by name, and never fetched.
        if params.has("request") {
            return Err(AuthorizeRefusal::new(
                AuthorizeCode::RequestNotSupported,
                "request objects are not supported",
            ));
        }
        if params.has("request_uri") {
            let code = AuthorizeCode::RequestUriNotSupported;
            return Err(AuthorizeRefusal::new(code, "request objects are not supported"));
        }
        match one("response_type")? {
            Some("code") => {}
            None => return Err(AuthorizeRefusal::invalid("response_type is missing")),
            Some(_) => {
                let code = AuthorizeCode::UnsupportedResponseType;
                return Err(AuthorizeRefusal::new(code, "response_type must be code"));
            }
        }
        // SMART-AUTHZ-014
        if !matches!(one("response_mode")?, None | Some("query")) {
            return Err(AuthorizeRefusal::invalid("response_mode must be query or left out"));
        }
        // SMART-AUTHZ-006
        let state = match one("state")? {
            None => return Err(AuthorizeRefusal::invalid("state is missing")),
            Some(state) if state.len() > MAX_STATE => {
                return Err(AuthorizeRefusal::invalid("state is too long"));
            }
            Some(state) => state.to_owned(),
        };
        // SMART-AUTHZ-009, PKCE-001
        let challenge = one("code_challenge")?
            .ok_or(AuthorizeRefusal::invalid("code_challenge is missing; every app must use PKCE"))?
            .to_owned();
        // SMART-AUTHZ-010, PKCE-002: a missing method means plain, which is never offered.
        if one("code_challenge_method")? != Some("S256") {
            return Err(AuthorizeRefusal::invalid("code_challenge_method must be S256"));
        }
        let challenge = Challenge::try_from(challenge).map_err(|_| {
            AuthorizeRefusal::invalid("code_challenge must be the base64url form of a SHA-256")
        })?;
        let base = audience(params, one("aud")?, client, rules)?;
        let list = scope_list(params.one("scope"))?;
        let launch = match one("launch")? {
            Some(_) if !rules.ehr_launch => return Err(launch::not_usable()),
            Some(handle) => Some(launch::hash(rules.issuer, handle).ok_or(launch::not_usable())?),
            None => None,
        };
        let negotiation = Negotiation::start(&list, client, base, launch.is_some(), rules);
        // SMART-LAUNCH-022, AMB-02
        if launch.is_none() && negotiation.asked_bare_launch() {
            return Err(AuthorizeRefusal::invalid(
                "scope launch needs the launch parameter that the EHR sent",
            ));
        }
        if client.strict_scopes && !negotiation.is_untouched() {
            let code = AuthorizeCode::InvalidScope;
            return Err(AuthorizeRefusal::new(code, "a requested scope cannot be granted"));
        }
        // SMART-AUTHZ-064
        if !is_worth_a_grant(&negotiation.granted()) {
            let code = AuthorizeCode::InvalidScope;
            return Err(AuthorizeRefusal::new(code, "none of the requested scopes can be granted"));
        }
        let nonce = match one("nonce")? {
            Some(nonce) if nonce.len() > MAX_NONCE => {
                return Err(AuthorizeRefusal::invalid("nonce is too long"));
            }
            nonce => nonce.map(str::to_owned),
        };
        Ok(Self {
            client: client.id.clone(),
            redirect_uri: proven.uri().to_owned(),
            state,
            base: base.url().to_owned(),
            scope: list.iter().map(|one| &*one.text).collect::<Vec<_>>().join(" "),
            challenge,
            nonce,
            launch,
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
        ProvenRedirect::registered(client, &self.redirect_uri, Some(self.state.clone()))
    }

    /// The negotiation as far as it goes before anybody signs in; computed anew from what was asked, never stored.
    pub fn negotiate(&self, client: &RegisteredClient, base: &FhirBase, rules: &Rules<'_>) -> Negotiation {
        match ScopeList::parse(&self.scope) {
            Ok(list) => Negotiation::start(&list, client, base, self.launch.is_some(), rules),
            Err(_) => Negotiation::default(),
        }
    }
}

/// SMART-AUTHZ-007, -040, -041, -046: byte-exact, against the forms that are listed for each base.
fn audience<'a>(
    params: &Params,
    aud: Option<&str>,
    client: &RegisteredClient,
    rules: &Rules<'a>,
) -> Result<&'a FhirBase, AuthorizeRefusal> {
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
