//! The JSON answer (smart.md 5.2, RFC 6749 §5.1).

use serde_json::{Map, Value};
use vestibule_host::Secret;
use vestibule_scope::ScopeSet;

/// A token response. Its body is read once, and never shown.
#[must_use]
#[derive(Debug)]
pub struct TokenResponse {
    body: Secret,
}

impl TokenResponse {
    pub(crate) fn new(
        access_token: &Secret,
        id_token: Option<String>,
        refresh_token: Option<&Secret>,
        seconds: u64,
        scopes: &ScopeSet,
        context: Map<String, Value>,
    ) -> Self {
        let mut body = Map::new();
        body.insert("access_token".into(), access_token.expose_secret().into());
        body.insert("token_type".into(), "Bearer".into()); // SMART-TOKEN-009
        body.insert("expires_in".into(), seconds.into()); // SMART-TOKEN-032: a number
        body.insert("scope".into(), scopes.to_string().into()); // SMART-SCOPE-110: always
        if let Some(id_token) = id_token {
            body.insert("id_token".into(), id_token.into());
        }
        if let Some(refresh_token) = refresh_token {
            body.insert("refresh_token".into(), refresh_token.expose_secret().into());
        }
        // SMART-CTX-012: beside access_token; the names above are not among the context's.
        body.extend(context);
        Self { body: Secret::new(Value::Object(body).to_string()) }
    }

    /// The JSON text, tokens included.
    pub fn expose_secret(&self) -> &str {
        self.body.expose_secret()
    }
}
