//! The apps a host knows.

//!
//! * `authentication`: how an app proves who it is
//! * `metadata`: what an app says about itself
//! * `rules`, `key_set`: what may be registered; `wrong`: what is wrong with what may not
//! * `hazards`: what may be registered and deserves a second look
//! * `version`: what of it a consent speaks of
//! * `generate`: ids and secrets
//! * `operator`: what stays an operator's when the app changes its registration

mod authentication;
mod generate;
mod hazards;
pub(crate) mod key_set;
pub(crate) mod members;
mod metadata;
mod operator;
mod rules;
pub(crate) mod strict_json;
mod version;
mod wrong;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use vestibule_scope::ScopeSet;

use crate::redirect_uri::AppKind;
use crate::{Alg, ClientId, HostError};

pub use authentication::{
    ClientAuthentication, ClientKeys, ClientSecret, KeySource, MIN_SECRET_LEN, SecretHash,
};
pub use generate::{generate_id, generate_secret};
pub use hazards::Hazard;
pub use key_set::KeySetError;
pub use metadata::{AppDetails, AuthenticationMethod, ClientMetadata, ID_TOKEN_ALGS, default_scopes};
pub use wrong::{Wrong, WrongField};

/// Whether the user is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ConsentRule {
    /// Every time.
    #[default]
    Ask,
    /// Once; again for whatever is new. Never skips a choice of patient (S13).
    Remember,
    /// Never, for a clinician. Only for confidential clients; a patient is asked all the same.
    PreApproved,
}

/// Whether pages for this app may appear in a frame.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Framing {
    /// Nowhere.
    #[default]
    Refuse,
    /// In pages of these origins.
    Origins(Vec<String>),
}

/// Which grants an app may use (RFC 7591 `grant_types`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GrantTypes {
    /// `authorization_code`.
    pub authorization_code: bool,
    /// `refresh_token`: only together with the former, and only if a refresh scope is granted.
    pub refresh_token: bool,
    /// `client_credentials`: backend services, only with `private_key_jwt` (SMART-BACK-001, SMART-CAUTH-007).
    pub client_credentials: bool,
}

impl GrantTypes {
    /// An app with users.
    pub const APP: Self = Self { authorization_code: true, refresh_token: true, client_credentials: false };
    /// A backend service.
    pub const BACKEND: Self =
        Self { authorization_code: false, refresh_token: false, client_credentials: true };
}

/// What access tokens look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TokenFormat {
    /// Signed, readable by whoever has the keys (RFC 9068).
    #[default]
    Jwt,
    /// A random handle: revoked at once, and meaningless elsewhere.
    Opaque,
}

/// Whether somebody looked at the registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientStatus {
    /// It may be used.
    #[default]
    Enabled,
    /// It registered itself and waits for approval: treated like an unknown one (SMART-REG-014).
    Pending,
    /// Treated like an unknown one (CAUTH-011).
    Disabled,
}

/// A registered app.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct RegisteredClient {
    /// `client_id`.
    pub id: ClientId,
    /// The name shown to users.
    pub name: String,
    /// The app's home page, where a user can go on after an error.
    pub home_page: Option<String>,
    /// `application_type`; `None`: as [`app_kind`](Self::app_kind) sees it.
    pub kind: Option<AppKind>,
    /// How the app authenticates.
    pub authentication: ClientAuthentication,
    /// Where the app may be answered, compared byte for byte (REDIR-001). None: the app cannot use the authorize endpoint.
    pub redirect_uris: Vec<String>,
    /// Where the EHR may open the app (SMART-REG-005).
    pub launch_uris: Vec<String>,
    /// From which origins the app's scripts may call (CORS-001).
    pub allowed_origins: Vec<String>,
    /// What the app may ask for at most.
    pub scopes: ScopeSet,
    /// On which FHIR bases; empty means all. The first is its default.
    pub fhir_bases: Vec<String>,
    /// Whether the user is asked.
    pub consent: ConsentRule,
    /// Whether its pages may be framed.
    pub framing: Framing,
    /// `http://127.0.0.1` and `http://[::1]` redirect URIs match with any port (SMART-AUTHZ-032).
    pub loopback_ports: bool,
    /// HTTP Basic is read raw, without form-decoding: for clients that never encoded (CAUTH-004).
    pub danger_raw_basic: bool,
    /// A scope that cannot be granted refuses the whole request.
    pub strict_scopes: bool,
    /// Whether it may be used at all.
    pub status: ClientStatus,
    /// Which grants it may use.
    pub grant_types: GrantTypes,
    /// What its access tokens look like.
    pub token_format: TokenFormat,
    /// `id_token_signed_response_alg`: RS256 unless it says otherwise (OIDC-007).
    pub id_token_alg: Alg,
    /// Its ID tokens always say when the user signed in (`require_auth_time`).
    pub require_auth_time: bool,
    /// A refresh token that is used twice ends the grant at once: no window for lost answers (design §8).
    pub strict_refresh: bool,
    /// When a refresh chain ends whatever happens; `None`: 365 days for public apps, no end for confidential ones.
    pub refresh_cap: Option<Duration>,
    /// It may leave PKCE out, as SMART 1.0 apps do, and must then authenticate (design §9). Confidential apps only.
    pub legacy_v1: bool,
    /// `fhirContext` is an array of strings, as SMART 2.0 had it (SMART-CTX-030, VER-003).
    pub fhir_context_strings: bool,
    /// On which FHIR bases it may introspect tokens of every app: a resource server (INTRO-003). Empty: none.
    pub introspects: Vec<String>,
    /// Changes with the metadata: a consent that was given to another version is asked for again (INT-014, DCRM-004). Usually
    /// the [`fingerprint`](Self::fingerprint).
    pub version: String,
}

impl RegisteredClient {
    /// An app with one redirect URI. Everything else is the safe default.
    pub fn new(
        id: ClientId,
        authentication: ClientAuthentication,
        redirect_uri: &str,
        scopes: ScopeSet,
    ) -> Self {
        Self {
            name: id.as_str().to_owned(),
            id,
            home_page: None,
            kind: None,
            authentication,
            redirect_uris: vec![redirect_uri.to_owned()],
            launch_uris: Vec::new(),
            allowed_origins: Vec::new(),
            scopes,
            fhir_bases: Vec::new(),
            consent: ConsentRule::Ask,
            framing: Framing::Refuse,
            loopback_ports: false,
            danger_raw_basic: false,
            strict_scopes: false,
            status: ClientStatus::Enabled,
            grant_types: GrantTypes::APP,
            token_format: TokenFormat::Jwt,
            id_token_alg: Alg::Rs256,
            require_auth_time: false,
            strict_refresh: false,
            refresh_cap: None,
            legacy_v1: false,
            fhir_context_strings: false,
            introspects: Vec::new(),
            version: String::new(),
        }
    }

    /// A backend service (SMART-BACK-001): no redirect URI, `system/` scopes, signed assertions.
    pub fn backend_service(id: ClientId, keys: ClientKeys, scopes: ScopeSet) -> Self {
        let mut client = Self::new(id, ClientAuthentication::PrivateKeyJwt(keys), "", scopes);
        client.redirect_uris.clear();
        client.grant_types = GrantTypes::BACKEND;
        client
    }

    /// Where the app runs: what it says, or what its redirect URIs tell.
    pub fn app_kind(&self) -> AppKind {
        let uris = self.redirect_uris.iter().map(String::as_str);
        self.kind.unwrap_or_else(|| AppKind::of(&self.authentication, uris))
    }

    /// Whether it may be used at all. Everything else is treated like an unknown app.
    pub fn is_enabled(&self) -> bool {
        self.status == ClientStatus::Enabled
    }

    /// Whether the app may use this FHIR base.
    pub fn may_use_base(&self, base: &str) -> bool {
        self.fhir_bases.is_empty() || self.fhir_bases.iter().any(|one| one == base)
    }
}

/// Knows the registered apps. **Required.** Read only.
#[async_trait]
pub trait ClientRegistry: Debug + Send + Sync {
    /// The app with this id. Ids are compared byte for byte; the text came from the network.
    ///
    /// # Errors
    /// [`HostError`] when nobody knows; the engine answers 503, never `invalid_client` (A-FAULT-15).
    async fn client(&self, id: &ClientId) -> Result<Option<RegisteredClient>, HostError>;

    /// Whether any enabled app is registered with this origin: what a CORS preflight can know (CORS-003).
    ///
    /// # Errors
    /// [`HostError`] when nobody knows; no CORS header is sent then.
    async fn is_known_origin(&self, origin: &str) -> Result<bool, HostError>;

    /// The apps that are known from the start and never change: those of a file. The server looks at them when it is built, so
    /// that what it cannot do for one of them is not first met by that app's users. Default: none.
    fn fixed(&self) -> &[RegisteredClient] {
        &[]
    }
}
