//! The whole registration as its app sees it (RFC 7591 §3.2.1, DCR-001): what is kept, whatever was sent.

use serde_json::{Map, Value, json};
use vestibule_host::client::KeySource;
use vestibule_host::redirect_uri::AppKind;
use vestibule_host::{ClientAuthentication, ClientStatus, Registration, Secret};

/// The secrets of an answer.
#[derive(Debug)]
pub struct Credentials {
    /// The registration access token: the one just made, or the one that was presented.
    pub token: Secret,
    /// The client secret, if it was just made. It is never shown again (A-DCR-19).
    pub secret: Option<Secret>,
}

/// The registration as JSON. `endpoint` is the URL of the registration endpoint.
pub fn describe(registration: &Registration, endpoint: &str, credentials: &Credentials) -> Secret {
    let client = &registration.client;
    let id = client.id.as_str();
    let mut members = Members(Map::new());
    members.put("client_id", id);
    members.put("client_id_issued_at", registration.issued_at.seconds());
    members.put("registration_client_uri", format!("{endpoint}/{id}"));
    members.put("registration_access_token", credentials.token.expose_secret());
    if let Some(secret) = &credentials.secret {
        members.put("client_secret", secret.expose_secret());
        members.put("client_secret_expires_at", 0);
    }
    if client.name != id {
        members.put("client_name", client.name.as_str());
    }
    members.some("client_uri", client.home_page.as_deref());
    members.put("redirect_uris", json!(client.redirect_uris));
    members.list("launch_uris", &client.launch_uris);
    // None is not what is meant by saying nothing: those of the redirect URIs.
    members.put("allowed_origins", json!(client.allowed_origins));
    let kind = if client.app_kind() == AppKind::Native { "native" } else { "web" };
    members.put("application_type", kind);
    members.put("scope", client.scopes.to_string());
    let grants = client.grant_types;
    let named = [
        ("authorization_code", grants.authorization_code),
        ("refresh_token", grants.refresh_token),
        ("client_credentials", grants.client_credentials),
    ];
    let named: Vec<_> = named.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect();
    members.put("grant_types", json!(named));
    members.put("response_types", if grants.authorization_code { json!(["code"]) } else { json!([]) });
    members.put("token_endpoint_auth_method", client.authentication.method());
    if let ClientAuthentication::PrivateKeyJwt(keys) = &client.authentication {
        members.some("token_endpoint_auth_signing_alg", keys.alg.as_deref());
        match &keys.source {
            KeySource::Url(url) => members.put("jwks_uri", &**url),
            // It was read once; should it not be readable now, the app sees that nothing is there.
            KeySource::Inline(document) => {
                members.put("jwks", serde_json::from_slice(document).unwrap_or(Value::Null));
            }
        }
    }
    if grants.authorization_code {
        members.put("id_token_signed_response_alg", client.id_token_alg.name());
        members.put("require_auth_time", client.require_auth_time);
    }
    let details = &registration.details;
    members.some("logo_uri", details.logo.as_deref());
    members.some("tos_uri", details.terms.as_deref());
    members.some("policy_uri", details.privacy_policy.as_deref());
    members.list("contacts", &details.contacts);
    members.some("software_id", details.software_id.as_deref());
    members.some("software_version", details.software_version.as_deref());
    members.some("software_statement", registration.software_statement.as_deref());
    // Not of the RFC: a developer whose app is unknown everywhere else is told why.
    if client.status == ClientStatus::Pending {
        members.put("vestibule", json!({ "pending": true }));
    }
    Secret::new(Value::Object(members.0).to_string())
}

struct Members(Map<String, Value>);

impl Members {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn list(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            self.put(name, json!(values));
        }
    }
}
