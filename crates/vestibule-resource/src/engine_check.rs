//! Tokens of the engine in this very process.

use std::error::Error;

use async_trait::async_trait;
use serde_json::Value;
use vestibule::AuthorizationServer;
use vestibule_host::UnixMillis;

use crate::denied::{Denied, Outage, TokenFault};
use crate::principal::Principal;
use crate::verifier::{Staleness, TokenVerifier};

/// Looks tokens up in the engine of the same process: JWT and opaque ones, with one read of the store each. Revoked, its grant
/// revoked, its app removed, its user gone: refused with the next request (SMART-REVOKE-005, SMART-INTRO-014).
///
/// An engine whose tokens are all checked like this may let them live longer (`Config::with_live_check`).
#[derive(Clone, Debug)]
pub struct EngineCheck {
    server: AuthorizationServer,
    issuer: String,
    base: String,
}

impl EngineCheck {
    /// Checks tokens of this engine, whose issuer is `issuer`, for `fhir_base`, both exactly as the engine was told.
    pub fn new(server: AuthorizationServer, issuer: impl Into<String>, fhir_base: impl Into<String>) -> Self {
        Self { server, issuer: issuer.into(), base: fhir_base.into() }
    }
}

#[async_trait]
impl TokenVerifier for EngineCheck {
    async fn verify(&self, token: &str, _: UnixMillis) -> Result<Principal, Denied> {
        let living = self.server.access_token(token).await.map_err(|away| {
            tracing::warn!(error = &away as &dyn Error, "the engine cannot say whether a token lives");
            Denied::Unavailable(Outage::Engine)
        })?;
        let living = living.ok_or(TokenFault::NotLiving)?;
        let claims = living.claims().all();
        // A store may serve several tenants. Each has its own keys and its own rows; this says so once more.
        if claims.get("iss").is_some_and(|issuer| issuer.as_str() != Some(&self.issuer)) {
            return Err(TokenFault::WrongIssuer.into());
        }
        if claims.get("aud").and_then(Value::as_str) != Some(&self.base) {
            return Err(TokenFault::WrongAudience.into());
        }
        Ok(Principal::of_living_token(claims, &self.base)?)
    }

    fn staleness(&self) -> Staleness {
        Staleness::AtOnce
    }
}
