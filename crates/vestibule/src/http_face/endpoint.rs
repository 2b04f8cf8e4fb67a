//! The endpoints that programs call: forms in, JSON out, nothing that anybody keeps (GEN-002, GEN-006, GEN-010).

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use vestibule_core::explain::Endpoint;
use vestibule_core::params::Params;
use vestibule_core::token::TokenError;

use super::cors;
use super::form::{self, FormError};
use super::unread::Unread;
use crate::AuthorizationServer;
use crate::bearer::BearerError;
use crate::explain::{answered, named};
use crate::introspect::IntrospectError;
use crate::userinfo::UserInfoError;

impl AuthorizationServer {
    pub(super) async fn handle_token(&self, head: &Parts, body: &Bytes) -> Response<Bytes> {
        let form = match self.posted(head, body, Endpoint::Token).await {
            Ok(form) => form,
            Err(response) => return *response,
        };
        let outcome = self.token(head, &form).await;
        let response = match outcome.answer {
            // Refusals carry no name: those of an unknown, a spent and a foreign code are the same to the byte (TOKEN-009).
            Ok(answer) => {
                named(json(StatusCode::OK, answer.expose_secret().to_owned()), &outcome.correlation)
            }
            Err(error) => refusal(error),
        };
        match &outcome.client {
            Some(client) => cors::for_client(client.client(), head, response),
            None => cors::for_unknown_client(self, head, response).await,
        }
    }

    /// RFC 7009: 200 with an empty body, whether there was something to revoke or not (REVOKE-003).
    pub(super) async fn handle_revoke(&self, head: &Parts, body: &Bytes) -> Response<Bytes> {
        let form = match self.posted(head, body, Endpoint::Revocation).await {
            Ok(form) => form,
            Err(response) => return *response,
        };
        // Not named either: a revoked and an unknown token get the same answer (REVOKE-003).
        let (client, outcome) = self.revoke_token(head, &form).await;
        let response = match outcome {
            Ok(()) => {
                let mut response = json(StatusCode::OK, String::new());
                response.headers_mut().remove(CONTENT_TYPE);
                response
            }
            Err(error) => refusal(error),
        };
        match &client {
            Some(client) => cors::for_client(client.client(), head, response),
            None => cors::for_unknown_client(self, head, response).await,
        }
    }

    /// No CORS: resource servers call it, not browsers (oauth.md 26.1).
    pub(super) async fn handle_introspect(&self, head: &Parts, body: &Bytes) -> Response<Bytes> {
        let form = match self.read(head, body, Endpoint::Introspection, "POST") {
            Ok(form) => form,
            Err(response) => return *response,
        };
        // INTRO-002: every inactive answer is the same.
        match self.introspect(head, &form).await {
            Ok(answer) => json(StatusCode::OK, answer),
            Err(IntrospectError::Client(error)) => refusal(error),
            Err(IntrospectError::Bearer(error)) => bearer_refusal(error),
        }
    }

    pub(super) async fn handle_userinfo(&self, head: &Parts, body: &Bytes) -> Response<Bytes> {
        match head.method {
            Method::GET | Method::POST => {}
            Method::OPTIONS => return cors::preflight(self, head, "GET, POST").await,
            _ => return method("GET, POST, OPTIONS"),
        }
        let (client, said) = self.user_info(head, body).await;
        let response = match said {
            Ok(claims) => json(StatusCode::OK, claims),
            Err(UserInfoError::Bearer(error)) => bearer_refusal(error),
            Err(UserInfoError::Away(error)) => refusal(error),
        };
        match &client {
            Some(client) => cors::for_client(client, head, response),
            None => cors::for_unknown_client(self, head, response).await,
        }
    }

    /// A form that a browser app may post, or the answer that says why not.
    async fn posted(
        &self,
        head: &Parts,
        body: &Bytes,
        endpoint: Endpoint,
    ) -> Result<Params, Box<Response<Bytes>>> {
        if head.method == Method::OPTIONS {
            return Err(Box::new(cors::preflight(self, head, "POST").await));
        }
        match self.read(head, body, endpoint, "POST, OPTIONS") {
            Ok(form) => Ok(form),
            Err(response) => Err(Box::new(cors::for_unknown_client(self, head, *response).await)),
        }
    }

    /// A bounded form in a POST. What else may be asked, `allow` says.
    fn read(
        &self,
        head: &Parts,
        body: &Bytes,
        endpoint: Endpoint,
        allow: &'static str,
    ) -> Result<Params, Box<Response<Bytes>>> {
        // GEN-006
        if head.method != Method::POST {
            return Err(Box::new(method(allow)));
        }
        let mut form = Params::default();
        let Err(error) = form::append(head, body, &mut form) else { return Ok(form) };
        let (why, status) = match error {
            FormError::TooLarge => (Unread::TooLarge.why(), Unread::TooLarge.status()),
            FormError::NotAForm => {
                ("the body must be application/x-www-form-urlencoded", StatusCode::BAD_REQUEST)
            }
            FormError::TooMany => ("too many parameters", StatusCode::BAD_REQUEST),
        };
        Err(Box::new(self.unreadable(endpoint, why, status)))
    }

    /// The refusal of a body that is no form.
    pub(super) fn unreadable(
        &self,
        endpoint: Endpoint,
        why: &'static str,
        status: StatusCode,
    ) -> Response<Bytes> {
        let refused = TokenError::InvalidRequest(why);
        let mut trail = self.inner().trail();
        trail.note("GEN-006", "a bounded form", false);
        self.inner().explain(trail, endpoint, answered::<()>(&Err(refused)));
        let mut response = refusal(refused);
        *response.status_mut() = status;
        response
    }
}

fn method(allow: &'static str) -> Response<Bytes> {
    let mut response = refusal(TokenError::InvalidRequest("this endpoint does not take this method"));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// A refusal, with the challenge and the waiting time that belong to it (CAUTH-006, GEN-013).
pub(super) fn refusal(error: TokenError) -> Response<Bytes> {
    let mut response = error_json(error.status(), error.code(), error.description());
    if matches!(error, TokenError::InvalidClient { header: true }) {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
    }
    let wait = match error {
        TokenError::TemporarilyUnavailable => Some(5),
        TokenError::SlowDown(wait) => Some(wait.as_secs().max(1)),
        _ => None,
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn bearer_refusal(error: BearerError) -> Response<Bytes> {
    let mut response = error_json(error.status(), error.code(), error.description());
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(error.challenge()));
    response
}

pub(super) fn error_json(status: u16, code: &str, description: &str) -> Response<Bytes> {
    let body = serde_json::json!({ "error": code, "error_description": description });
    json(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body.to_string())
}

/// JSON that nobody keeps (SMART-TOKEN-003, -005, GEN-010).
pub(super) fn json(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    response
}
