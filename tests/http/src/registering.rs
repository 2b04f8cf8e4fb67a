//! The app that registers itself.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use vestibule_host::client::SecretHash;
use vestibule_host::registration::Admitted;
use vestibule_host::{InitialTokens, OpenRegistration};

use crate::browser::{Answer, always};
use crate::world::{AS, World, scopes};

/// Buys one registration, to be looked at first.
pub const ONCE: &str = "initial-token-for-one-app-0123456789";
/// Buys as many as it is sent for, which can be used at once.
pub const TRUSTED: &str = "initial-token-for-trusted-apps-01234";

/// What apps may be registered for.
pub const CEILING: &str = "launch/patient openid fhirUser offline_access patient/*.rs";

/// A policy that knows [`ONCE`] and [`TRUSTED`].
pub fn by_token() -> InitialTokens {
    let hash = |token| SecretHash::of(token).unwrap();
    let once = Admitted::pending(scopes(CEILING)).once(None);
    let trusted = Admitted::enabled(scopes(&format!("{CEILING} system/*.rs")));
    InitialTokens::new().with_token(hash(ONCE), None, once).with_token(hash(TRUSTED), None, trusted)
}

/// A policy that lets anybody register, to be looked at first.
pub fn by_anybody() -> OpenRegistration {
    OpenRegistration::new(scopes(CEILING))
}

/// A usual registration with members that win; null takes one out.
pub fn metadata(more: Value) -> Value {
    let mut members = json!({
        "client_name": "Newcomer", "redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "none", "scope": "launch/patient openid patient/*.rs offline_access",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    members
}

/// A request as it goes to the endpoint.
pub fn request(method: Method, path: &str, token: Option<&str>, body: &str) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    request.body(Bytes::from(body.to_owned())).unwrap()
}

/// An app that is registered, as it knows itself.
#[derive(Clone, Debug)]
pub struct Registered {
    pub id: String,
    pub token: String,
    /// `registration_client_uri`, without the issuer.
    pub path: String,
    pub answer: Value,
}

impl World {
    async fn registers(&self, request: Request<Bytes>) -> Answer {
        let answer = Answer::from(Box::pin(self.door.send(request)).await);
        always(&answer);
        answer
    }

    /// POST to the endpoint.
    pub async fn register(&self, token: Option<&str>, metadata: &Value) -> Answer {
        self.registers(request(Method::POST, "/auth/register", token, &metadata.to_string())).await
    }

    /// A registration that must succeed.
    pub async fn registered(&self, token: Option<&str>, more: Value) -> Registered {
        let answer = self.register(token, &metadata(more)).await;
        assert_eq!(answer.status, 201, "{}", answer.brief());
        let answer = answer.json();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let path = text("registration_client_uri").strip_prefix(AS).unwrap().to_owned();
        Registered { id: text("client_id"), token: text("registration_access_token"), path, answer }
    }

    /// GET, PUT or DELETE of a registration.
    pub async fn manages(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.registers(request(method, path, token, &body)).await
    }

    /// PUT of the usual registration with members that win.
    pub async fn changes(&self, app: &Registered, more: Value) -> Answer {
        let mut body = metadata(more);
        body.as_object_mut().unwrap().entry("client_id").or_insert_with(|| app.id.as_str().into());
        self.manages(Method::PUT, &app.path, Some(&app.token), Some(&body)).await
    }
}
