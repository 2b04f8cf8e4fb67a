//! Refusals: what the client is told, in constant words, and what the operator is told.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use vestibule_jose::{JwksError, JwsError};

/// A request that is not served (RFC 6750 §3.1).
///
/// [`status`](Self::status), [`challenge`](Self::challenge) and [`operation_outcome`](Self::operation_outcome) are for the
/// client and constant. `Display` and `source` are for the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// BEARER-004: no credentials, or of a scheme that is not ours. Nothing is said about errors.
    #[error("no bearer token was sent")]
    NoCredentials,
    /// BEARER-001 to BEARER-003: the token came in a way that is not understood.
    #[error("the request does not carry exactly one bearer token in its header")]
    InvalidRequest,
    /// BEARER-005: forged, ended, for another server, or without what its scopes need.
    #[error("the token was refused")]
    InvalidToken(#[source] TokenFault),
    /// BEARER-005: a good token that does not allow this. The server says so after [`Decision::Deny`](crate::Decision::Deny).
    #[error("the token's scopes do not allow this")]
    InsufficientScope,
    /// Our own key set cannot be read, so that no token can be judged. Not the client's fault.
    #[error("the key set cannot be used")]
    NoKeys(#[source] JwksError),
    /// Nobody can say at the moment whether the token is good. Not the client's fault, and no fact about the token.
    #[error("the token cannot be judged at the moment")]
    Unavailable(#[source] Outage),
}

/// What could not be asked. Its cause has been logged where it was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Outage {
    /// The issuer's key set cannot be had, or cannot be read.
    #[error("the issuer's key set cannot be had")]
    Keys,
    /// The introspection endpoint does not answer, or not as one, or does not accept us.
    #[error("the introspection endpoint does not answer as one")]
    Introspection,
    /// The engine in this process, or what it depends on.
    #[error("the engine cannot answer")]
    Engine,
    /// Our own bound: so many tokens are being asked about.
    #[error("too many tokens are being asked about")]
    TooMany,
}

/// Why a token was refused. For the operator: the client is told `invalid_token` and no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// The token itself.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// The authorization server knows no such token, or no longer (SMART-REVOKE-005).
    #[error("the token does not live")]
    NotLiving,
    /// `iss` is not our authorization server (ATJWT-004).
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud` is not this FHIR base (SMART-AUTHZ-045).
    #[error("the token is for another server")]
    WrongAudience,
    /// This claim is missing, empty or of a wrong type (ATJWT-002).
    #[error("the claim {0} is missing or malformed")]
    BadClaim(&'static str),
    /// A `patient/` scope without a patient in context (SMART-SCOPE-060).
    #[error("a patient scope came without a patient")]
    NoPatient,
    /// BEARER-006: the token is bound to a key that a bearer does not show.
    #[error("a token that is bound to a key came without it")]
    Constrained,
}

impl<T: Into<TokenFault>> From<T> for Denied {
    fn from(fault: T) -> Self {
        Self::InvalidToken(fault.into())
    }
}

impl Denied {
    /// The status to answer with (SMART-SCOPE-027, SMART-SCOPE-028).
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NoCredentials | Self::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::NoKeys(_) | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The value of `WWW-Authenticate`.
    pub const fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::NoCredentials | Self::NoKeys(_) | Self::Unavailable(_) => "Bearer",
            Self::InvalidRequest => {
                r#"Bearer error="invalid_request", error_description="send one token in the Authorization header""#
            }
            Self::InvalidToken(_) => {
                r#"Bearer error="invalid_token", error_description="the token is not valid here, or no longer""#
            }
            Self::InsufficientScope => {
                r#"Bearer error="insufficient_scope", error_description="the granted scopes do not cover this""#
            }
        })
    }

    /// A FHIR `OperationOutcome` as body, of type `application/fhir+json`.
    pub const fn operation_outcome(&self) -> &'static str {
        match self {
            Self::NoCredentials => {
                r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"login","diagnostics":"an access token is needed"}]}"#
            }
            Self::InvalidRequest => {
                r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"security","diagnostics":"send one token in the Authorization header"}]}"#
            }
            Self::InvalidToken(_) => {
                r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"login","diagnostics":"the token is not valid here, or no longer"}]}"#
            }
            Self::InsufficientScope => {
                r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"forbidden","diagnostics":"the granted scopes do not cover this"}]}"#
            }
            Self::NoKeys(_) | Self::Unavailable(_) => {
                r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"transient","diagnostics":"tokens cannot be checked at the moment"}]}"#
            }
        }
    }

    /// When to try again, for the answers where that helps.
    pub fn retry_after(&self) -> Option<HeaderValue> {
        (self.status() == StatusCode::SERVICE_UNAVAILABLE).then(|| HeaderValue::from_static("5"))
    }

    /// The whole answer: status, challenge, outcome; not to be stored.
    pub fn response<B: From<&'static str>>(&self) -> Response<B> {
        let mut response = Response::new(B::from(self.operation_outcome()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/fhir+json; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.retry_after() {
            // A challenge would ask for another token, and none helps.
            Some(moment) => headers.insert(RETRY_AFTER, moment),
            None => headers.insert(WWW_AUTHENTICATE, self.challenge()),
        };
        response
    }
}
