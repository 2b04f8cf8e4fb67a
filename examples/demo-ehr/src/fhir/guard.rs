//! What a token opens: checked here, asked for in one line by each handler.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use vestibule_host::ClientId;

use super::answer;
use super::cors::CalledBy;
use crate::records::Record;

/// What a request does to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read one instance.
    Read,
    /// Search a type.
    Search,
}

/// Checks the tokens of one FHIR base.
#[derive(Debug)]
pub struct Guard {}

/// The app behind a valid token, and what it may see.
#[derive(Debug)]
pub(super) struct Caller {
    client: ClientId,
}

/// No valid token: 401.
#[derive(Debug)]
pub(super) struct NoToken;

impl Guard {
    pub(super) async fn caller(&self, _headers: &HeaderMap) -> Result<Caller, NoToken> {
        Err(NoToken)
    }
}

impl NoToken {
    pub(super) fn into_response(self) -> Response {
        let mut response =
            answer::outcome(StatusCode::UNAUTHORIZED, "login", "a valid access token is needed");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        response
    }
}

impl Caller {
    /// Whether any granted scope covers this kind of request at all.
    pub(super) fn may(&self, _kind: &str, _access: Access) -> bool {
        false
    }

    /// Whether the token opens anything of this patient's.
    pub(super) fn opens(&self, _patient: &str) -> bool {
        false
    }

    /// Whether the token opens this record.
    pub(super) fn sees(&self, _record: &Record, _access: Access) -> bool {
        false
    }

    /// Marks an answer as this app's, so that its origins may read it.
    pub(super) fn answer(&self, mut response: Response) -> Response {
        response.extensions_mut().insert(CalledBy(self.client.clone()));
        response
    }
}
