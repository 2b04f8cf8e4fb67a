//! Answers that the layer gives itself: constant, so that they say nothing about what is stored.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::denied::Denied;
use crate::request::Unreadable;

/// Why a request ends here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    Denied(Denied),
    Unreadable(Unreadable),
    /// With this status, issue code and text.
    Plain(StatusCode, &'static str, &'static str),
    /// The service behind failed as a service; whoever called it has its error.
    Inner,
}

impl Refusal {
    /// Hidden, deleted and missing: one answer for all (see `Verdict`).
    pub(super) const NOT_FOUND: Self =
        Self::Plain(StatusCode::NOT_FOUND, "not-found", "there is no such resource for this token");
    /// A write of what is hidden or missing.
    pub(super) const FORBIDDEN: Self = Self::Denied(Denied::InsufficientScope);
    pub(super) const NOT_JSON: Self = Self::Plain(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not-supported",
        "within the granted scopes, bodies are read as JSON only",
    );
    pub(super) const ONLY_JSON: Self = Self::Plain(
        StatusCode::NOT_ACCEPTABLE,
        "not-supported",
        "within the granted scopes, answers are given as JSON only",
    );
    pub(super) const NO_COUNT: Self = Self::Plain(
        StatusCode::FORBIDDEN,
        "forbidden",
        "within the granted scopes, nothing can be counted; search without `_summary=count`",
    );
    pub(super) const NO_NARROWING: Self = Self::Plain(
        StatusCode::FORBIDDEN,
        "not-supported",
        "within the granted scopes, this cannot be done; read, search, or send whole resources",
    );
    pub(super) const NO_COMMON_SEARCH: Self = Self::Plain(
        StatusCode::FORBIDDEN,
        "not-supported",
        "the granted scopes together are no search on this type; search with the parameters of one of them",
    );
    pub(super) const CHANGED: Self = Self::Plain(
        StatusCode::CONFLICT,
        "conflict",
        "the resource was changed in the meantime; read it again",
    );
    pub(super) const OTHER_VERSION: Self =
        Self::Plain(StatusCode::PRECONDITION_FAILED, "conflict", "the resource has another version");
    pub(super) const TOO_LARGE: Self =
        Self::Plain(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "the request body is too large");
    /// The answers before it took all the room.
    pub(super) const TOO_MUCH: Self = Self::Plain(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-costly",
        "the answers of the entries before this one are too large; it was not asked",
    );
    pub(super) const BROKEN: Self =
        Self::Plain(StatusCode::BAD_REQUEST, "structure", "the request body could not be read");
    pub(super) const HEADER: Self =
        Self::Plain(StatusCode::BAD_REQUEST, "not-supported", "a header of the request is not allowed here");
    pub(super) const ENCODED: Self = Self::Plain(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not-supported",
        "compressed request bodies are not read",
    );
    pub(super) const ELSEWHERE: Self =
        Self::Plain(StatusCode::NOT_FOUND, "not-found", "there is nothing at this address");
    /// The server behind said something that cannot be judged.
    pub(super) const BAD_ANSWER: Self =
        Self::Plain(StatusCode::BAD_GATEWAY, "transient", "the FHIR server's answer cannot be used");
    pub(super) const AWAY: Self =
        Self::Plain(StatusCode::SERVICE_UNAVAILABLE, "transient", "please try again in a moment");

    pub(super) const fn refused_behind(status: StatusCode) -> Self {
        Self::Plain(status, "processing", "the FHIR server does not accept the request")
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Denied(denied) => denied.status(),
            Self::Unreadable(unreadable) => unreadable.status(),
            Self::Plain(status, ..) => *status,
            Self::Inner => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn outcome(&self) -> String {
        match self {
            Self::Denied(denied) => denied.operation_outcome().to_owned(),
            Self::Unreadable(unreadable) => unreadable.operation_outcome().to_owned(),
            Self::Plain(_, code, text) => outcome(code, text),
            Self::Inner => Self::AWAY.outcome(),
        }
    }

    pub(super) fn response<R: From<Bytes>>(&self) -> Response<R> {
        if let Self::Denied(denied) = self {
            return denied.response::<Bytes>().map(R::from);
        }
        let mut response = Response::new(R::from(Bytes::from(self.outcome())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FHIR_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<Unreadable> for Refusal {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}

fn outcome(code: &str, text: &str) -> String {
    serde_json::json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": "error", "code": code, "diagnostics": text }],
    })
    .to_string()
}

pub(super) const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";
