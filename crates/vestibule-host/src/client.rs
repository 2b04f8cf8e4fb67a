//! The apps a host knows.

use std::fmt::Debug;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use vestibule_scope::ScopeSet;

use crate::{ClientId, HostError};

/// The least number of characters of an imported client secret.
pub const MIN_SECRET_LEN: usize = 32;

/// A client secret at rest: its SHA-256, since secrets are long and random (CAUTH-005).
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Hashes a secret of at least [`MIN_SECRET_LEN`] characters; `None` for a shorter one.
    pub fn of(secret: &str) -> Option<Self> {
        (secret.chars().count() >= MIN_SECRET_LEN).then(|| Self(Sha256::digest(secret.as_bytes()).into()))
    }

    /// Compares in constant time (CRYPTO-003).
    #[must_use]
    pub fn is(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        self.0.ct_eq(&presented).into()
    }
}

impl Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// How an app proves who it is at the token endpoint: exactly one way (CAUTH-002).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// `none`: the app cannot keep a secret and only names itself.
    Public,
    /// `client_secret_basic`: HTTP Basic (SMART-CAUTH-003). Any of the secrets will do, so that they can be rotated.
    SecretBasic(Vec<SecretHash>),
    /// `client_secret_post`: off unless a client is registered for it (SMART-CAUTH-006).
    SecretPost(Vec<SecretHash>),
}

impl ClientAuthentication {
    /// The RFC 7591 name of the method.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Public => "none",
            Self::SecretBasic(_) => "client_secret_basic",
            Self::SecretPost(_) => "client_secret_post",
        }
    }

    /// Whether the app can authenticate itself.
    pub const fn is_confidential(&self) -> bool {
        !matches!(self, Self::Public)
    }
}

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
    /// A disabled app is treated like an unknown one.
    pub disabled: bool,
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
            disabled: false,
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_compared_by_hash() {
        assert!(SecretHash::of("short").is_none());
        let secret = "test-secret-test-secret-test-secret";
        let Some(hash) = SecretHash::of(secret) else { panic!("long enough") };
        assert!(hash.is(secret));
        assert!(!hash.is("test-secret-test-secret-test-secreT"));
        assert_eq!(format!("{hash:?}"), "SecretHash(..)");
    }
}
