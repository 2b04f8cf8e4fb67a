//! The registration endpoint on the wire: JSON in, JSON out (RFC 7591, RFC 7592). There only where a host wired it.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use vestibule_core::explain::Trail;
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
        let mut trail = self.inner().trail();
        let told = match (id, &head.method) {
            (Some(id), _) => return self.handle_registered(registrations, head, body, id, trail).await,
            (None, &Method::POST) => match is_json(head, body) {
                Ok(()) => registrations.register(self, head, body, &mut trail).await,
                Err(response) => return self.unread_registration(trail, response),
            },
            (None, _) => return method("POST"),
        };
        self.explain_registration(trail, &told);
        answer(StatusCode::CREATED, told)
    }

    /// With the app's own token.
    async fn handle_registered(
        &self,
        registrations: &Registrations,
        head: &Parts,
        body: &Bytes,
        id: &ClientId,
        mut trail: Trail,
    ) -> Response<Bytes> {
        let told = match head.method {
            Method::GET => registrations.show(self, head, id, &mut trail).await,
            Method::PUT => match is_json(head, body) {
                Ok(()) => registrations.change(self, head, id, body, &mut trail).await,
                Err(response) => return self.unread_registration(trail, response),
            },
            Method::DELETE => {
                let gone = registrations.remove(self, head, id, &mut trail).await;
                self.explain_registration(trail, &gone);
                return match gone {
                    Ok(()) => {
                        let mut response = json(StatusCode::NO_CONTENT, String::new());
                        response.headers_mut().remove(CONTENT_TYPE);
                        response
                    }
                    Err(refused) => refused_answer(refused),
                };
            }
            _ => return method("GET, PUT, DELETE"),
        };
        self.explain_registration(trail, &told);
        answer(StatusCode::OK, told)
    }

    pub(super) fn unread_registration(
        &self,
        mut trail: Trail,
        (error, status): (RegisterError, StatusCode),
    ) -> Response<Bytes> {
        trail.note("DCR-010", "a bounded JSON body", false);
        let mut response = said(&error);
        *response.status_mut() = status;
        self.explain_registration::<()>(trail, &Err(error.into()));
        response
    }
}

/// DCR-010. A page on another site cannot send this type without a preflight, which is never answered.
fn is_json(head: &Parts, body: &Bytes) -> Result<(), (RegisterError, StatusCode)> {
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = text(CONTENT_TYPE).split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|param| param.eq_ignore_ascii_case("charset=utf-8"))
        && matches!(text(CONTENT_ENCODING), "" | "identity");
    if !is_json {
        let error = RegisterError::InvalidRequest("the body must be application/json");
        return Err((error, StatusCode::BAD_REQUEST));
    }
    if body.len() > MAX_BODY {
        let error = RegisterError::InvalidRequest("the body is larger than 64 KiB");
        return Err((error, StatusCode::PAYLOAD_TOO_LARGE));
    }
    Ok(())
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
