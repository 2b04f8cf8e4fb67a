//! From a header to a [`Principal`].

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::request::Parts;
use vestibule_host::{Alg, KeyRing, UnixMillis};
use vestibule_jose::{Expect, JwksError, Validity, VerifyKeys};

use crate::bearer;
use crate::denied::{Denied, TokenFault};
use crate::principal::Principal;

/// ATJWT-001. Access tokens are signed with ES256; a ring may choose another asymmetric algorithm.
const ACCESS_TOKEN: Expect<'_> =
    Expect { typ: &["at+jwt"], algs: &[Alg::Es256, Alg::Es384, Alg::EdDsa, Alg::Rs256, Alg::Rs384] };

/// Beyond this a leeway would be a longer life.
const MAX_LEEWAY: Duration = Duration::from_secs(5);

/// Checks access tokens for one FHIR base, with the keys of an engine in the same process.
///
/// Share it: a check takes a read lock for a moment, and key sets are parsed again only after a rotation.
#[derive(Debug)]
pub struct TokenCheck {
    issuer: String,
    base: String,
    leeway: Duration,
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
        Ok(Self { issuer: issuer.into(), base: fhir_base.into(), leeway: Duration::ZERO, ring, parsed })
    }

    /// Allows the clocks of two machines to differ, by at most 5 s. None is the default: one machine has one clock.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway.min(MAX_LEEWAY);
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

    // ATJWT-004, SMART-SCOPE-026.
    fn check_token(&self, token: &str, now: UnixMillis) -> Result<Principal, Denied> {
        let claims = self.keys()?.keys.verify(token, &ACCESS_TOKEN, now)?;
        claims.check_times(now, &Validity { leeway: self.leeway, longest: None })?;
        if claims.text("iss") != Some(&self.issuer) {
            return Err(TokenFault::WrongIssuer.into());
        }
        // SMART-AUTHZ-045, ATJWT-003: one audience, and it is this base.
        if claims.text("aud") != Some(&self.base) {
            return Err(TokenFault::WrongAudience.into());
        }
        Ok(Principal::from_claims(&claims.into_map(), &self.base)?)
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

impl Parsed {
    fn of(ring: &dyn KeyRing) -> Result<Self, JwksError> {
        let snapshot = ring.snapshot();
        Ok(Self { revision: snapshot.revision, keys: VerifyKeys::from_jwks(&snapshot.jwks)? })
    }
}
