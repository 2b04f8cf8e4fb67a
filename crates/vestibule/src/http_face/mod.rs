//! The HTTP face: routes, forms, cookies, headers, CORS. It decides nothing about OAuth.
//!
//! * [`route`]: which endpoint a path names
//! * [`form`]: a bounded form, or a clear refusal
//! * [`endpoint`]: token, introspection, revocation, UserInfo: forms in, JSON out
//! * [`registration`]: apps that register themselves
//! * [`cors`]: who may read an answer from a browser
//! * [`documents`]: discovery, prebuilt
//! * [`cookies`], [`page`]: what the browser keeps and sees
//! * [`interaction`], [`manage`]: the forms behind the pages

pub(crate) mod cookies;
pub(crate) mod cors;
pub(crate) mod documents;
mod endpoint;
pub(crate) mod form;
pub(crate) mod interaction;
pub(crate) mod manage;
pub(crate) mod page;
mod registration;
pub(crate) mod route;
mod unread;

use bytes::Bytes;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use vestibule_core::explain::Endpoint;
use vestibule_core::params::Params;
use vestibule_host::pages::Problem;

use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use route::Route;
pub use unread::Unread;

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
            Some(Route::Smart(document, base)) => self.smart_configuration(&head, document, base),
            Some(Route::Jwks) => {
                let keys = self.inner().host.keys.snapshot();
                documents::answer(&head, &documents::Document::new(keys.jwks.clone()))
            }
            Some(Route::Authorize) => self.handle_authorize(&head, &body).await,
            Some(Route::Token) => self.handle_token(&head, &body).await,
            Some(Route::Introspect) => self.handle_introspect(&head, &body).await,
            Some(Route::Revoke) => self.handle_revoke(&head, &body).await,
            Some(Route::UserInfo) => self.handle_userinfo(&head, &body).await,
            Some(Route::Interaction(id)) => self.handle_interaction(&head, &body, &id).await,
            Some(Route::Manage) => self.handle_manage(&head, &body).await,
            Some(Route::Register(id)) => self.handle_registration(&head, &body, id.as_ref()).await,
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
            Err(problem) => {
                let mut trail = self.inner().trail();
                trail.note("GEN-003", "parameters that can be read", false);
                self.problem_page(head, &AuthorizeError::new(problem).after(trail, Endpoint::Authorize))
            }
        }
    }

    pub(crate) fn method_page(&self, head: &Parts, allow: &'static str) -> Response<Bytes> {
        let mut response = self.problem_page(head, &AuthorizeError::new(Problem::Method));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        response
    }
}
