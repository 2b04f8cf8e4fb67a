//! The registration endpoint on the wire: JSON in, JSON out (RFC 7591, RFC 7592). There only where a host wired it.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use vestibule_core::register::RegisterError;
use vestibule_host::pages::Problem;
use vestibule_host::{ClientId, Secret};

use super::MAX_BODY;
use super::endpoint::{error_json, json, refusal};
use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::register::{RegistrationRefusal, Registrations};

impl AuthorizationServer {
    /// `{issuer}/auth/register`: new registrations; and `{issuer}/auth/register/{client_id}`: that of one app. No CORS, like all
    /// that programs call (oauth.md 26.1).
    pub(super) async fn handle_registration(
        &self,
        head: &Parts,
        body: &Bytes,
        id: Option<&ClientId>,
    ) -> Response<Bytes> {
        let Some(registrations) = &self.inner().registrations else {
            return self.problem_page(head, &AuthorizeError::new(Problem::NotFound)); // A-DCR-01
        };
        match id {
            Some(id) => self.handle_registered(registrations, head, body, id).await,
            None if head.method != Method::POST => method("POST"),
            None => match not_json(head, body) {
                Some(refused) => refused,
                None => answer(StatusCode::CREATED, registrations.register(self, head, body).await),
            },
        }
    }

    /// With the app's own token.
    async fn handle_registered(
        &self,
        registrations: &Registrations,
        head: &Parts,
        body: &Bytes,
        id: &ClientId,
    ) -> Response<Bytes> {
        match head.method {
            Method::GET => answer(StatusCode::OK, registrations.show(self, head, id).await),
            Method::PUT => match not_json(head, body) {
                Some(refused) => refused,
                None => answer(StatusCode::OK, registrations.change(self, head, id, body).await),
            },
            Method::DELETE => match registrations.remove(self, head, id).await {
                Ok(()) => {
                    let mut response = json(StatusCode::NO_CONTENT, String::new());
                    response.headers_mut().remove(CONTENT_TYPE);
                    response
                }
                Err(refused) => refused_answer(refused),
            },
            _ => method("GET, PUT, DELETE"),
        }
    }
}

/// DCR-010. A page on another site cannot send this type without a preflight, which is never answered.
fn not_json(head: &Parts, body: &Bytes) -> Option<Response<Bytes>> {
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text(CONTENT_TYPE).split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|param| param.eq_ignore_ascii_case("charset=utf-8"))
        && matches!(text(CONTENT_ENCODING), "" | "identity");
    if !is_json {
        return Some(said(&RegisterError::InvalidRequest("the body must be application/json")));
    }
    if body.len() > MAX_BODY {
        let mut response = said(&RegisterError::InvalidRequest("the body is larger than 64 KiB"));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Some(response);
    }
    None
}

fn answer(status: StatusCode, outcome: Result<Secret, RegistrationRefusal>) -> Response<Bytes> {
    match outcome {
        Ok(text) => json(status, text.expose_secret().to_owned()),
        Err(refused) => refused_answer(refused),
    }
}

fn refused_answer(refused: RegistrationRefusal) -> Response<Bytes> {
    match refused {
        RegistrationRefusal::Said(error) => said(&error),
        RegistrationRefusal::NotNow(error) => refusal(error),
    }
}

fn said(error: &RegisterError) -> Response<Bytes> {
    let mut response = error_json(error.status(), error.code(), error.description());
    let headers = response.headers_mut();
    match error {
        // BEARER-004: without credentials, a bare challenge.
        RegisterError::InvalidToken { sent: false } => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        RegisterError::InvalidToken { sent: true } => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
        }
        RegisterError::TemporarilyUnavailable => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

/// RFC 7592 §2: an action that is not supported.
fn method(allow: &'static str) -> Response<Bytes> {
    let mut response = said(&RegisterError::InvalidRequest("this endpoint does not take this method"));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}
