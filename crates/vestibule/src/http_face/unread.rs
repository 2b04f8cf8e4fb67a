//! A body that never reached the engine: the endpoint that it was for answers in its own way all the same, so that an app finds
//! the same kind of error wherever the bound was met (GEN-009, SMART-CORS-006).

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use vestibule_core::explain::Endpoint;
use vestibule_core::register::RegisterError;
use vestibule_host::pages::Problem;

use super::cors;
use super::endpoint::error_json;
use super::route::Route;
use crate::AuthorizationServer;
use crate::error::AuthorizeError;

/// Why an adapter has no body to hand over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread {
    /// It is larger than [`MAX_BODY`](crate::MAX_BODY), or than the adapter allows.
    TooLarge,
    /// It broke off, or was no body.
    Broken,
}

impl Unread {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) const fn why(self) -> &'static str {
        match self {
            Self::TooLarge => "the request is too large",
            Self::Broken => "the request body could not be read",
        }
    }

    const fn problem(self) -> Problem {
        match self {
            Self::TooLarge => Problem::TooLarge,
            Self::Broken => Problem::Malformed,
        }
    }
}

impl AuthorizationServer {
    /// Answers a request whose body could not be taken, in the place of [`handle`](Self::handle): a page to a browser, an OAuth
    /// error to a program, readable from the origins that may read the endpoint's other errors. Nothing of the request is done.
    ///
    /// ```
    /// # use vestibule::{AuthorizationServer, Unread};
    /// # async fn example(server: AuthorizationServer) {
    /// let (head, ()) = http::Request::post("/auth/token").body(()).unwrap().into_parts();
    /// assert_eq!(server.handle_unread(&head, Unread::TooLarge).await.status(), 413);
    /// # }
    /// ```
    pub async fn handle_unread(&self, head: &Parts, why: Unread) -> Response<Bytes> {
        match self.inner().documents.route(head.uri.path()) {
            Some(Route::Token) => self.unread_form(head, Endpoint::Token, why).await,
            Some(Route::Revoke) => self.unread_form(head, Endpoint::Revocation, why).await,
            Some(Route::UserInfo) => self.unread_form(head, Endpoint::UserInfo, why).await,
            // No CORS, as ever: programs call these, not browsers (oauth.md 26.1).
            Some(Route::Introspect) => self.unreadable(Endpoint::Introspection, why.why(), why.status()),
            Some(Route::Register(_)) if self.inner().registrations.is_some() => {
                let error = RegisterError::InvalidRequest(why.why());
                self.unread_registration(self.inner().trail(), (error, why.status()))
            }
            Some(Route::Document(_) | Route::Smart(..) | Route::Jwks) => {
                let mut response = error_json(why.status().as_u16(), "invalid_request", why.why());
                cors::for_anybody(&mut response);
                response
            }
            Some(Route::Authorize) => self.unread_page(head, Some(Endpoint::Authorize), why),
            Some(Route::Interaction(_)) => self.unread_page(head, Some(Endpoint::Interaction), why),
            Some(Route::Manage | Route::Register(_)) | None => self.unread_page(head, None, why),
        }
    }

    async fn unread_form(&self, head: &Parts, endpoint: Endpoint, why: Unread) -> Response<Bytes> {
        let response = self.unreadable(endpoint, why.why(), why.status());
        cors::for_unknown_client(self, head, response).await
    }

    fn unread_page(&self, head: &Parts, endpoint: Option<Endpoint>, why: Unread) -> Response<Bytes> {
        let mut error = AuthorizeError::new(why.problem());
        if let Some(endpoint) = endpoint {
            let mut trail = self.inner().trail();
            trail.note("GEN-009", "a body that can be read", false);
            error = error.after(trail, endpoint);
        }
        self.problem_page(head, &error)
    }
}
