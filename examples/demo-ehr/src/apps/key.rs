//! The key of the apps that have one, and the assertions they sign with it (SMART-CAUTH-020 and following).

use std::sync::Arc;

use serde_json::{Value, json};
use vestibule_host::{Alg, Clock as _, KeyError, KeyRing as _, KeyStore, SystemClock, Tenant};
use vestibule_jose::{KeyPlan, LocalKeyRing, SystemRandom, jws};

use crate::random;

/// How long an assertion lives: the longest that a server must accept.
const ASSERTION_SECONDS: i64 = 300;

/// No issuer is called like this, so the hospital's keys are others.
const TENANT: &str = "sample apps";

/// An app's key pair, ES384. An app keeps it as carefully as the hospital keeps its own.
#[derive(Clone, Debug)]
pub struct AppKey(Arc<LocalKeyRing>);

impl AppKey {
    /// The one that is kept there, made at the first start; without a place for it, one that ends with the program.
    ///
    /// # Errors
    /// When there is no randomness, or the store does not answer.
    pub async fn open(kept: Option<Arc<dyn KeyStore>>) -> Result<Self, KeyError> {
        let (plan, random, now) =
            (KeyPlan::new(Alg::Es384, Alg::Es384), Arc::new(SystemRandom), SystemClock.now());
        let keys = match kept {
            Some(store) => LocalKeyRing::open(store, &Tenant::new(TENANT), plan, random, now).await?,
            None => LocalKeyRing::ephemeral_with(plan, random, now)?,
        };
        Ok(Self(Arc::new(keys)))
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

#[cfg(test)]
mod tests {
    use vestibule_sqlite::{SqliteOptions, SqliteStore};

    use super::*;

    #[tokio::test]
    async fn a_kept_key_is_the_same_at_each_start() {
        let store: Arc<dyn KeyStore> =
            Arc::new(SqliteStore::open_in_memory(SqliteOptions::default()).unwrap());
        let first = AppKey::open(Some(Arc::clone(&store))).await.unwrap();
        let second = AppKey::open(Some(store)).await.unwrap();
        assert_eq!(first.jwks(), second.jwks());
        assert_ne!(first.jwks(), AppKey::open(None).await.unwrap().jwks());
    }
}
