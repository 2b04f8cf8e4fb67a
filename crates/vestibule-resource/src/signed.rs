//! The checks of a signed token, wherever its issuer's keys come from.

use std::time::Duration;

use vestibule_host::{Alg, UnixMillis};
use vestibule_jose::jws::Unverified;
use vestibule_jose::{Expect, JwsError, Validity, VerifyKeys};

use crate::denied::TokenFault;
use crate::principal::Principal;

/// ATJWT-001. Access tokens are signed with ES256; a ring may choose another asymmetric algorithm.
const ACCESS_TOKEN: Expect<'_> =
    Expect { typ: &["at+jwt"], algs: &[Alg::Es256, Alg::Es384, Alg::EdDsa, Alg::Rs256, Alg::Rs384] };

/// Beyond this a leeway would be a longer life.
pub(crate) const MAX_LEEWAY: Duration = Duration::from_secs(5);

/// What a signed token must be.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    issuer: String,
    base: String,
    leeway: Duration,
}

impl Signed {
    pub(crate) const fn new(issuer: String, base: String) -> Self {
        Self { issuer, base, leeway: Duration::ZERO }
    }

    pub(crate) fn with_leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway.min(MAX_LEEWAY);
        self
    }

    /// What needs no key: cheap, and a reason not to ask anybody for one.
    pub(crate) fn could_be_good(&self, token: &Unverified<'_>, now: UnixMillis) -> Result<(), TokenFault> {
        if !ACCESS_TOKEN.algs.contains(&token.alg()) {
            return Err(JwsError::AlgNotAllowed.into());
        }
        token.check_times(now, &self.validity())?;
        self.is_ours(|name| token.unverified_claim(name).and_then(serde_json::Value::as_str))
    }

    /// ATJWT-004, SMART-SCOPE-026.
    pub(crate) fn principal(
        &self,
        keys: &VerifyKeys,
        token: &str,
        now: UnixMillis,
    ) -> Result<Principal, TokenFault> {
        let claims = keys.verify(token, &ACCESS_TOKEN, now)?;
        claims.check_times(now, &self.validity())?;
        self.is_ours(|name| claims.text(name))?;
        Principal::from_claims(&claims.into_map(), &self.base)
    }

    const fn validity(&self) -> Validity {
        Validity { leeway: self.leeway, longest: None }
    }

    fn is_ours<'c>(&self, claim: impl Fn(&str) -> Option<&'c str>) -> Result<(), TokenFault> {
        if claim("iss") != Some(&self.issuer) {
            return Err(TokenFault::WrongIssuer);
        }
        // SMART-AUTHZ-045, ATJWT-003: one audience, and it is this base.
        if claim("aud") != Some(&self.base) {
            return Err(TokenFault::WrongAudience);
        }
        Ok(())
    }
}
