//! A bearer token in a request's head (RFC 6750, oauth.md 10).

use http::header::AUTHORIZATION;
use http::request::Parts;
use vestibule_core::params::Params;
use vestibule_host::Secret;

use crate::http_face::form::{self, FormError};

/// A token that somebody presents. Whose it is, is another question.
#[derive(Debug)]
pub(crate) struct Bearer(Secret);

/// Why a request with a bearer token is refused (BEARER-003 to -005).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BearerError {
    /// No token at all.
    Missing,
    /// Two tokens, or something that is no token.
    InvalidRequest,
    /// Nobody's, over, or revoked.
    InvalidToken,
    /// It does not reach so far.
    InsufficientScope,
}

impl Bearer {
    /// Whether the request has an `Authorization: Bearer` header.
    pub(crate) fn is_used(head: &Parts) -> bool {
        head.headers.get_all(AUTHORIZATION).iter().any(|value| scheme(value.as_bytes()).is_some())
    }

    /// Reads the header (BEARER-001); tokens in the query are refused (BEARER-002).
    pub(crate) fn read(head: &Parts) -> Result<Self, BearerError> {
        let query = head.uri.query().unwrap_or_default();
        if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token") {
            return Err(BearerError::InvalidRequest);
        }
        let mut headers = head.headers.get_all(AUTHORIZATION).iter();
        let value = headers.next().ok_or(BearerError::Missing)?;
        if headers.next().is_some() {
            return Err(BearerError::InvalidRequest);
        }
        let token = scheme(value.as_bytes()).ok_or(BearerError::Missing)?;
        let is_token =
            |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        if token.is_empty() || !token.iter().all(is_token) {
            return Err(BearerError::InvalidRequest);
        }
        let text = std::str::from_utf8(token).map_err(|_| BearerError::InvalidRequest)?;
        Ok(Self(Secret::new(text)))
    }

    /// Reads the header of a request whose body may be a form: a token in both is two methods (RFC 6750 §2, BEARER-003). A body
    /// in place of the header is not supported, and is no token (BEARER-002).
    pub(crate) fn read_beside(head: &Parts, body: &[u8]) -> Result<Self, BearerError> {
        let bearer = Self::read(head)?;
        let mut params = Params::default();
        match form::append(head, body, &mut params) {
            // What is no form holds no token.
            Err(FormError::NotAForm) => Ok(bearer),
            Ok(()) => bearer.alone(&params),
            Err(FormError::TooLarge | FormError::TooMany) => Err(BearerError::InvalidRequest),
        }
    }

    /// This token, unless the form beside it has one too (RFC 6750 §2, BEARER-003).
    pub(crate) fn alone(self, form: &Params) -> Result<Self, BearerError> {
        if form.has("access_token") { Err(BearerError::InvalidRequest) } else { Ok(self) }
    }

    pub(crate) fn token(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What follows `Bearer` and its spaces; the scheme is compared without case.
fn scheme(value: &[u8]) -> Option<&[u8]> {
    let (name, rest) = value.split_at_checked(6)?;
    let rest = rest.strip_prefix(b" ")?;
    name.eq_ignore_ascii_case(b"bearer").then(|| rest.trim_ascii_start())
}

impl BearerError {
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Missing | Self::InvalidToken => 401,
            Self::InvalidRequest => 400,
            Self::InsufficientScope => 403,
        }
    }

    /// The challenge (BEARER-004: without credentials, a bare one).
    pub(crate) const fn challenge(self) -> &'static str {
        match self {
            Self::Missing => "Bearer",
            Self::InvalidRequest => "Bearer error=\"invalid_request\"",
            Self::InvalidToken => "Bearer error=\"invalid_token\"",
            Self::InsufficientScope => "Bearer error=\"insufficient_scope\"",
        }
    }

    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Missing => "a bearer token is needed",
            Self::InvalidRequest => "the bearer token must come once, in the Authorization header",
            Self::InvalidToken => "the token is unknown, expired or revoked",
            Self::InsufficientScope => "the token does not reach so far",
        }
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Missing | Self::InvalidToken => "invalid_token",
            Self::InvalidRequest => "invalid_request",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}
