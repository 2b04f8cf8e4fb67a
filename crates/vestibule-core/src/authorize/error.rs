//! What an app may learn at the authorize endpoint: a closed set of constant texts (GEN-011, GEN-012).

use crate::params::ParamError;

/// `error` of an authorization response (SMART-AUTHZ-060 to -066, oauth.md 2.3, 20.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthorizeCode {
    /// Missing, repeated or malformed parameter; bad PKCE, `aud` or launch.
    InvalidRequest,
    /// The app may not use the code flow.
    UnauthorizedClient,
    /// User or policy said no.
    AccessDenied,
    /// `response_type` is not `code`.
    UnsupportedResponseType,
    /// Nothing that was asked for can be granted.
    InvalidScope,
    /// A bug on our side.
    ServerError,
    /// A part of the system is away.
    TemporarilyUnavailable,
    /// `resource` names nothing that `aud` names.
    InvalidTarget,
    /// Request objects are not supported.
    RequestNotSupported,
    /// Request objects by reference are not supported.
    RequestUriNotSupported,
    /// Registering with the request is not supported.
    RegistrationNotSupported,
    /// `prompt=none`, and nobody is signed in who would do; or nobody is after signing in.
    LoginRequired,
    /// `prompt=none`, and the user must agree.
    ConsentRequired,
    /// `prompt=none`, and the user must choose.
    InteractionRequired,
    /// The user did not sign in as strongly as the app needs.
    UnmetAuthenticationRequirements,
}

impl AuthorizeCode {
    /// The value on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidTarget => "invalid_target",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }
}

/// A refusal that goes to the app.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuthorizeRefusal {
    /// The code.
    pub code: AuthorizeCode,
    /// A constant text that says what to fix.
    pub description: &'static str,
}

impl AuthorizeRefusal {
    pub(crate) const fn new(code: AuthorizeCode, description: &'static str) -> Self {
        Self { code, description }
    }

    pub(crate) const fn invalid(description: &'static str) -> Self {
        Self::new(AuthorizeCode::InvalidRequest, description)
    }

    pub(crate) const fn unreadable(error: ParamError) -> Self {
        Self::invalid(match error {
            ParamError::Repeated => "a parameter was sent more than once",
            ParamError::Malformed => "a parameter is not well-formed",
        })
    }

    pub(crate) const fn denied(description: &'static str) -> Self {
        Self::new(AuthorizeCode::AccessDenied, description)
    }

    /// A part of the system is away (GEN-013).
    pub const fn unavailable() -> Self {
        Self::new(
            AuthorizeCode::TemporarilyUnavailable,
            "the server cannot answer at the moment, please try again",
        )
    }

    /// A bug on our side.
    pub const fn internal() -> Self {
        Self::new(AuthorizeCode::ServerError, "the server met an unexpected condition")
    }
}
