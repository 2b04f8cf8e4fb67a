//! What the server can do for the apps that never change is known before the first of their users comes.

use serde::Deserialize;
use vestibule_host::{Alg, ClientRegistry, KeySet, RegisteredClient};

use crate::config::ConfigError;

/// What is needed of a published key set.
#[derive(Deserialize)]
struct Published<'a> {
    #[serde(borrow)]
    keys: Vec<PublishedKey<'a>>,
}

#[derive(Deserialize)]
struct PublishedKey<'a> {
    #[serde(borrow, default)]
    kid: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    alg: std::borrow::Cow<'a, str>,
}

/// The apps whose ID tokens no key can sign, now or soon (OIDC-007): as registration refuses them (`NoSigningKey`).
///
/// A key that is announced and does not sign yet is no reason to stay down: its app is told of in the log, and served as soon as
/// the key signs.
pub(crate) fn unsignable(clients: &dyn ClientRegistry, keys: &KeySet) -> Vec<ConfigError> {
    let lacks = |client: &&RegisteredClient| {
        client.is_enabled()
            && client.grant_types.authorization_code
            && keys.id_token_key(client.id_token_alg).is_none()
    };
    let mut errors = Vec::new();
    for client in clients.fixed().iter().filter(lacks) {
        let alg = client.id_token_alg;
        if is_announced(keys, alg) {
            tracing::warn!(
                client = client.id.as_str(),
                alg = alg.name(),
                "the key for the app's ID tokens does not sign yet"
            );
        } else {
            errors.push(ConfigError::ClientIdTokenAlg(client.id.clone(), alg));
        }
    }
    errors
}

fn is_announced(keys: &KeySet, alg: Alg) -> bool {
    let Ok(published) = serde_json::from_slice::<Published<'_>>(&keys.jwks) else { return false };
    published.keys.iter().any(|key| key.alg == alg.name() && key.kid != keys.access_token.id.as_str())
}
