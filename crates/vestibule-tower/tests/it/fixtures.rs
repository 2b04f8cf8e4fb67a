//! An engine whose host knows nobody, and what it says to two requests.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, StatusCode};
use vestibule::{AuthorizationServer, Config, FhirBase, Host};
use vestibule_host::{
    HostError, MemoryConsents, MemoryGrants, PatientAccessPolicy, PatientAnswer, PatientPage, PatientQuery,
    PatientQuestion, PolicyError, Reach, SignInAsk, SignInMove, SignedInUser, Standing, StandingQuestion,
    StaticClients, UserAuthenticator,
};
use vestibule_jose::{LocalKeyRing, SystemRandom};

pub(crate) const DISCOVERY_PATH: &str = "/fhir/.well-known/smart-configuration";
pub(crate) const TOKEN_PATH: &str = "/auth/token";

/// A grant that no engine knows, asked for by an app that this one does.
pub(crate) const FORM: &str = "client_id=app&grant_type=unheard_of";

const CLIENTS: &str = r#"[{
    "client_id": "app",
    "client_name": "App",
    "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://app.example/callback"],
    "scope": "launch/patient patient/Observation.rs"
}]"#;

#[derive(Debug)]
struct Nobody;

#[async_trait]
impl UserAuthenticator for Nobody {
    async fn current_user(&self, _: &Parts) -> Result<Option<SignedInUser>, HostError> {
        Ok(None)
    }

    async fn standing(&self, _: &StandingQuestion<'_>) -> Result<Standing, HostError> {
        Ok(Standing::NotAllowed)
    }

    fn sign_in(&self, _: &SignInAsk<'_>) -> SignInMove {
        SignInMove::Redirect("/sign-in".to_owned())
    }
}

#[async_trait]
impl PatientAccessPolicy for Nobody {
    async fn accessible(&self, _: &SignedInUser, _: &PatientQuery) -> Result<PatientPage, PolicyError> {
        Ok(PatientPage { patients: Vec::new(), reach: Reach::Listed, next: None })
    }

    async fn may_access(&self, _: &PatientQuestion<'_>) -> Result<PatientAnswer, PolicyError> {
        Ok(PatientAnswer::Denied)
    }
}

pub(crate) fn server() -> AuthorizationServer {
    let host = Host {
        users: Arc::new(Nobody),
        patients: Arc::new(Nobody),
        consents: Arc::new(MemoryConsents::new()),
        clients: Arc::new(StaticClients::from_json(CLIENTS).unwrap()),
        grants: Arc::new(MemoryGrants::new()),
        keys: Arc::new(LocalKeyRing::ephemeral(&SystemRandom::new()).unwrap()),
    };
    let config = Config::new("http://127.0.0.1:8080", FhirBase::new("http://127.0.0.1:8080/fhir"));
    AuthorizationServer::builder(config.with_pages_of_the_host(), host).build().unwrap()
}

pub(crate) fn discovery_request<B>(body: B) -> Request<B> {
    Request::get(DISCOVERY_PATH).body(body).unwrap()
}

pub(crate) fn token_request<B>(body: B) -> Request<B> {
    let request = Request::post(TOKEN_PATH).header("content-type", "application/x-www-form-urlencoded");
    request.body(body).unwrap()
}

pub(crate) fn is_discovery(body: &[u8]) -> bool {
    std::str::from_utf8(body).unwrap().contains("\"token_endpoint\"")
}

pub(crate) fn is_unsupported_grant(status: StatusCode, body: &Bytes) -> bool {
    status == StatusCode::BAD_REQUEST && std::str::from_utf8(body).unwrap().contains("unsupported_grant_type")
}
