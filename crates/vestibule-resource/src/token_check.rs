//! From a header to a [`Principal`].

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use http::request::Parts;
use vestibule_host::{KeyRing, UnixMillis};
use vestibule_jose::{JwksError, VerifyKeys};

use crate::bearer;
use crate::denied::Denied;
use crate::principal::Principal;
use crate::signed::Signed;
use crate::verifier::{Staleness, TokenVerifier};

/// Checks access tokens for one FHIR base, with the keys of an engine in the same process.
///
/// Share it: a check takes a read lock for a moment, and key sets are parsed again only after a rotation.
#[derive(Debug)]
pub struct TokenCheck {
    signed: Signed,
    ring: Arc<dyn KeyRing>,
    parsed: RwLock<Arc<Parsed>>,
}

#[derive(Debug)]
struct Parsed {
    revision: u64,
    keys: VerifyKeys,
}

impl TokenCheck {
    /// Checks tokens of `issuer` for `fhir_base`, both exactly as the engine was told.
    ///
    /// # Errors
    /// [`JwksError`] if the ring's key set cannot be read.
    pub fn new(
        issuer: impl Into<String>,
        fhir_base: impl Into<String>,
        ring: Arc<dyn KeyRing>,
    ) -> Result<Self, JwksError> {
        let parsed = RwLock::new(Arc::new(Parsed::of(ring.as_ref())?));
        Ok(Self { signed: Signed::new(issuer.into(), fhir_base.into()), ring, parsed })
    }

    /// Allows the clocks of two machines to differ, by at most 5 s. None is the default: one machine has one clock.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.signed = self.signed.with_leeway(leeway);
        self
    }

    /// Checks a request: one `Authorization` header, no token in the query, then [`check`](Self::check).
    ///
    /// # Errors
    /// [`Denied`].
    pub fn check_request(&self, head: &Parts, now: UnixMillis) -> Result<Principal, Denied> {
        self.check_token(bearer::bearer_token(head)?, now)
    }

    /// Checks the value of the `Authorization` header. Prefer [`check_request`](Self::check_request): it also sees a second
    /// header.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn check(&self, authorization: Option<&str>, now: UnixMillis) -> Result<Principal, Denied> {
        self.check_token(bearer::token(authorization.ok_or(Denied::NoCredentials)?)?, now)
    }

    fn check_token(&self, token: &str, now: UnixMillis) -> Result<Principal, Denied> {
        Ok(self.signed.principal(&self.keys()?.keys, token, now)?)
    }

    /// The parsed key set of the ring's present revision.
    fn keys(&self) -> Result<Arc<Parsed>, Denied> {
        // A poisoned lock holds a whole value all the same: it is replaced in one step.
        let held = Arc::clone(&self.parsed.read().unwrap_or_else(PoisonError::into_inner));
        if held.revision == self.ring.snapshot().revision {
            return Ok(held);
        }
        let fresh = Arc::new(Parsed::of(self.ring.as_ref()).map_err(Denied::NoKeys)?);
        *self.parsed.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }
}

#[async_trait]
impl TokenVerifier for TokenCheck {
    async fn verify(&self, token: &str, now: UnixMillis) -> Result<Principal, Denied> {
        self.check_token(token, now)
    }

    fn staleness(&self) -> Staleness {
        Staleness::TokenLife
    }
}

impl Parsed {
    fn of(ring: &dyn KeyRing) -> Result<Self, JwksError> {
        let snapshot = ring.snapshot();
        Ok(Self { revision: snapshot.revision, keys: VerifyKeys::from_jwks(&snapshot.jwks)? })
    }
}
