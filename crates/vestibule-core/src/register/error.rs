//! What an app may learn at the registration endpoint: a closed set (RFC 7591 §3.2.2, RFC 7592 §2).

use vestibule_host::client::WrongField;

/// The most faults in one answer. A form has fewer mistakes, or is none.
const MAX_FAULTS: usize = 8;

/// A refusal at the registration endpoint.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegisterError {
    /// A redirect URI that cannot be registered.
    InvalidRedirectUri(String),
    /// Anything else in the registration.
    InvalidClientMetadata(String),
    /// The software statement is not one.
    InvalidSoftwareStatement,
    /// The software statement is signed by nobody who is trusted.
    UnapprovedSoftwareStatement,
    /// No token, or one that is good for nothing here. Unknown, spent and foreign tokens get the same answer (DCRM-001).
    InvalidToken {
        /// Whether a token was sent at all: a request without one is not told of an error (RFC 6750 §3.1).
        sent: bool,
    },
    /// An operator has disabled the app: its registration cannot be read or changed.
    Forbidden,
    /// Malformed as a request.
    InvalidRequest(&'static str),
    /// A part of the system is away, or the registration was changed at the same moment. Nothing was kept.
    TemporarilyUnavailable,
    /// A bug on our side, or an id that is taken by something else.
    ServerError,
}

impl RegisterError {
    /// What is wrong, in the words of the rules, so that the app's developer can mend it. Nothing in it is secret: the app sent it.
    pub fn of(wrongs: &[WrongField]) -> Self {
        let text: Vec<_> = wrongs.iter().take(MAX_FAULTS).map(ToString::to_string).collect();
        let text = plain(&text.join("; "));
        // A-DCR-12: the code says whether it is about where answers go.
        if wrongs.iter().any(|wrong| wrong.field.starts_with("redirect_uris")) {
            Self::InvalidRedirectUri(text)
        } else {
            Self::InvalidClientMetadata(text)
        }
    }

    /// Something is wrong with one field.
    pub fn metadata(text: &str) -> Self {
        Self::InvalidClientMetadata(plain(text))
    }

    /// `error`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRedirectUri(_) => "invalid_redirect_uri",
            Self::InvalidClientMetadata(_) => "invalid_client_metadata",
            Self::InvalidSoftwareStatement => "invalid_software_statement",
            Self::UnapprovedSoftwareStatement => "unapproved_software_statement",
            Self::InvalidToken { .. } => "invalid_token",
            Self::Forbidden => "access_denied",
            Self::InvalidRequest(_) => "invalid_request",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    /// The kind of refusal, in constant words: for a log, where an app's own text has no place.
    pub const fn summary(&self) -> &'static str {
        match self {
            Self::InvalidRedirectUri(_) => "a redirect URI cannot be registered",
            Self::InvalidClientMetadata(_) => "the registration cannot be kept as it is",
            Self::InvalidSoftwareStatement => "the software statement is not valid",
            Self::UnapprovedSoftwareStatement => {
                "the software statement is not from anybody who is trusted here"
            }
            Self::InvalidToken { sent: true } => "the token is not valid here",
            Self::InvalidToken { sent: false } => "a token is needed, as Authorization: Bearer",
            Self::Forbidden => "this registration was disabled by the operator",
            Self::InvalidRequest(why) => why,
            Self::TemporarilyUnavailable => "the server cannot answer at the moment, please try again",
            Self::ServerError => "the server met an unexpected condition",
        }
    }

    /// `error_description`: printable ASCII (RFC 7591 §3.2.2).
    pub fn description(&self) -> &str {
        match self {
            Self::InvalidRedirectUri(text) | Self::InvalidClientMetadata(text) => text,
            _ => self.summary(),
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidToken { .. } => 401,
            Self::Forbidden => 403,
            Self::TemporarilyUnavailable => 503,
            Self::ServerError => 500,
            _ => 400,
        }
    }
}

/// RFC 6749 A.8: no quotation mark, no backslash, nothing outside printable ASCII.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}
