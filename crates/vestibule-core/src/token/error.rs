//! What an app may learn at the token endpoint: a closed set (oauth.md 4.3, SMART-TOKEN-050 to -057).

use std::time::Duration;

/// A refusal at the token endpoint, and at every other one that clients authenticate at.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenError {
    /// Malformed, missing or repeated parameter; two ways of authentication.
    InvalidRequest(&'static str),
    /// Unknown app, wrong or missing credentials. Always the same answer (A-TIME-01).
    InvalidClient {
        /// Whether the request used the `Authorization` header; the answer then carries a challenge (CAUTH-006).
        header: bool,
    },
    /// The code or the refresh token buys nothing. Unknown, expired, spent and foreign ones get the same answer (TOKEN-009).
    InvalidGrant,
    /// The app may not use this grant.
    UnauthorizedClient,
    /// No such grant here.
    UnsupportedGrantType,
    /// A scope that is malformed, missing, or more than there is.
    InvalidScope(&'static str),
    /// `resource` names no FHIR server that this token can be for.
    InvalidTarget,
    /// Too much at once: not before this has passed.
    SlowDown(Duration),
    /// A part of the system is away. Nothing was spent (GEN-017).
    TemporarilyUnavailable,
    /// A bug on our side.
    ServerError,
}

impl TokenError {
    /// What could be granted is longer than an access token of this app may be (SMART-SCOPE-053).
    pub const TOO_LONG: Self =
        Self::InvalidScope("the scopes are too long for an access token, ask for fewer or for wider ones");

    pub(crate) const fn repeated() -> Self {
        Self::InvalidRequest("a parameter was sent more than once")
    }

    pub(crate) const fn malformed() -> Self {
        Self::InvalidRequest("a parameter is not well-formed")
    }

    /// `error`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient { .. } => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope(_) => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::SlowDown(_) | Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// `error_description`: constant, and without a value of the request (GEN-012).
    pub const fn description(self) -> &'static str {
        match self {
            Self::InvalidRequest(why) | Self::InvalidScope(why) => why,
            Self::InvalidTarget => {
                "resource must name one FHIR server, which the client may use and, after a launch, the one that was authorized"
            }
            Self::InvalidClient { .. } => "the client is unknown or did not authenticate as registered",
            Self::InvalidGrant => {
                "the code or refresh token is unknown, expired, revoked or already used, or client, redirect_uri or code_verifier do not belong to it"
            }
            Self::UnauthorizedClient => "the client may not use this grant type",
            Self::UnsupportedGrantType => "the grant type is not supported",
            Self::SlowDown(_) => "too many requests, please try again later",
            Self::TemporarilyUnavailable => "the server cannot answer at the moment, please try again",
            Self::ServerError => "the server met an unexpected condition",
        }
    }

    /// The HTTP status (TOKEN-004).
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient { .. } => 401,
            Self::SlowDown(_) => 429,
            Self::TemporarilyUnavailable => 503,
            Self::ServerError => 500,
            _ => 400,
        }
    }
}
