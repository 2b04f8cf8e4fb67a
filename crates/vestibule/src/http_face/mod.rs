//! The HTTP face: routes, forms, cookies, headers, CORS. It decides nothing about OAuth.
//!
//! * [`route`]: which endpoint a path names
//! * [`form`]: a bounded form, or a clear refusal
//! * [`cors`]: who may read an answer from a browser
//! * [`documents`]: discovery, prebuilt
//! * [`cookies`], [`page`]: what the browser keeps and sees
//! * [`interaction`], [`manage`]: the forms behind the pages

pub(crate) mod cookies;
pub(crate) mod cors;
pub(crate) mod documents;
pub(crate) mod form;
pub(crate) mod interaction;
pub(crate) mod manage;
pub(crate) mod page;
pub(crate) mod route;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use vestibule_core::params::Params;
use vestibule_core::token::TokenError;
use vestibule_host::pages::Problem;

use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use form::FormError;
use route::Route;

/// The longest query of an authorize request (oauth.md 0.2).
const MAX_QUERY: usize = 32 * 1024;

/// The largest body that is read; an adapter should stop earlier than a request can grow.
pub const MAX_BODY: usize = 64 * 1024;

impl AuthorizationServer {
    /// Answers one request: every endpoint and page of the issuer, and the SMART configuration of its FHIR bases.
    ///
    /// The path is compared as a whole; a host mounts this as it is, without stripping prefixes. Every answer is final: no
    /// error is returned, and none is swallowed. The future may be dropped at any await: what it had begun is then wholly
    /// done or not at all.
    ///
    /// ```
    /// # use vestibule::AuthorizationServer;
    /// # async fn example(server: AuthorizationServer) {
    /// let request = http::Request::get("/.well-known/openid-configuration").body(bytes::Bytes::new()).unwrap();
    /// assert_eq!(server.handle(request).await.status(), 200);
    /// # }
    /// ```
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        match self.inner().documents.route(head.uri.path()) {
            Some(Route::Document(document)) => documents::answer(&head, document),
            Some(Route::Jwks) => {
                let keys = self.inner().host.keys.snapshot();
                documents::answer(&head, &documents::Document::new(keys.jwks.clone()))
            }
            Some(Route::Authorize) => self.handle_authorize(&head, &body).await,
            Some(Route::Token) => self.handle_token(&head, &body).await,
            Some(Route::Interaction(id)) => self.handle_interaction(&head, &body, &id).await,
            Some(Route::Manage) => self.handle_manage(&head, &body).await,
            None => self.problem_page(&head, &AuthorizeError::new(Problem::NotFound)),
        }
    }

    async fn handle_authorize(&self, head: &Parts, body: &Bytes) -> Response<Bytes> {
        let query = head.uri.query().unwrap_or_default();
        let mut params = Params::default();
        let read = if query.len() > MAX_QUERY {
            Err(Problem::TooLarge)
        } else {
            params.append(query.as_bytes()).map_err(|_| Problem::Malformed)
        };
        let read = match head.method {
            Method::GET => read,
            // GEN-003: the same parameter in query and body is a repeat.
            Method::POST => read.and_then(|()| form::append(head, body, &mut params).map_err(Problem::from)),
            // AUTHZ-014: no HEAD, so that a prefetch leaves nothing behind.
            _ => return self.method_page(head, "GET, POST"),
        };
        match read {
            Ok(()) => self.authorize(head, &params).await,
            Err(problem) => self.problem_page(head, &AuthorizeError::new(problem)),
        }
    }

    async fn handle_token(&self, head: &Parts, body: &Bytes) -> Response<Bytes> {
        if head.method == Method::OPTIONS {
            return cors::preflight(self, head, "POST").await;
        }
        // GEN-006
        if head.method != Method::POST {
            let mut response = token_error(TokenError::InvalidRequest("the token endpoint takes POST only"));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
            return cors::for_unknown_client(self, head, response).await;
        }
        let mut form = Params::default();
        if let Err(error) = form::append(head, body, &mut form) {
            let mut response = token_error(TokenError::InvalidRequest(match error {
                FormError::TooLarge => "the request is too large",
                FormError::NotAForm => "the body must be application/x-www-form-urlencoded",
                FormError::TooMany => "too many parameters",
            }));
            if error == FormError::TooLarge {
                *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            }
            return cors::for_unknown_client(self, head, response).await;
        }
        let outcome = self.token(&head.headers, head.uri.query(), &form).await;
        let response = match outcome.answer {
            Ok(answer) => json(StatusCode::OK, answer.expose_secret().to_owned()),
            Err(error) => token_error(error),
        };
        match &outcome.client {
            Some(client) => cors::for_client(client.client(), head, response),
            None => cors::for_unknown_client(self, head, response).await,
        }
    }

    pub(crate) fn method_page(&self, head: &Parts, allow: &'static str) -> Response<Bytes> {
        let mut response = self.problem_page(head, &AuthorizeError::new(Problem::Method));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        response
    }
}

/// A token error, with the challenge and the waiting time that belong to it (CAUTH-006, GEN-013).
fn token_error(error: TokenError) -> Response<Bytes> {
    let body = serde_json::json!({ "error": error.code(), "error_description": error.description() });
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, body.to_string());
    if matches!(error, TokenError::InvalidClient { header: true }) {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
    }
    if error == TokenError::TemporarilyUnavailable {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// JSON that nobody keeps (SMART-TOKEN-003, -005, GEN-010).
fn json(status: StatusCode, body: String) -> Response<Bytes> {
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
