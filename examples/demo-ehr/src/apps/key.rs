//! The key of the apps that have one, and the assertions they sign with it (SMART-CAUTH-020 and following).

use std::sync::Arc;

use serde_json::{Value, json};
use vestibule_host::{Alg, Clock as _, KeyError, KeyRing as _, SystemClock};
use vestibule_jose::{KeyPlan, LocalKeyRing, SystemRandom, jws};

use crate::random;

/// How long an assertion lives: the longest that a server must accept.
const ASSERTION_SECONDS: i64 = 300;

/// An app's key pair, ES384. An app keeps it as carefully as the hospital keeps its own; this one ends with the program.
#[derive(Clone, Debug)]
pub struct AppKey(Arc<LocalKeyRing>);

impl AppKey {
    /// A new one.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn new() -> Result<Self, KeyError> {
        let plan = KeyPlan::new(Alg::Es384, Alg::Es384);
        Ok(Self(Arc::new(LocalKeyRing::ephemeral_with(plan, Arc::new(SystemRandom), SystemClock.now())?)))
    }

    /// What the app registers, or publishes at its `jwks_uri`.
    #[must_use]
    pub fn jwks(&self) -> Value {
        serde_json::from_slice(&self.0.snapshot().jwks).unwrap_or_default()
    }

    /// Proof that a request comes from the app: for one server, for some minutes, for once.
    ///
    /// # Errors
    /// When nothing can be signed.
    pub async fn assertion(&self, client_id: &str, endpoint: &str) -> Result<String, KeyError> {
        let now = SystemClock.now().seconds();
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": endpoint,
            "iat": now, "exp": now + ASSERTION_SECONDS, "jti": random::token()
        });
        jws::encode(&*self.0, &self.0.snapshot().access_token, "JWT", &claims).await
    }
}
