//! What can be wrong with a registration, and where.

use std::fmt;

use thiserror::Error;

use super::MIN_SECRET_LEN;
use super::key_set::KeySetError;
use crate::redirect_uri::RedirectUriError;

/// A field of a registration that breaks a rule. Neither part ever holds a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrongField {
    /// The member, such as `redirect_uris[1]` or `vestibule.consent`.
    pub field: String,
    /// What is wrong with it.
    pub wrong: Wrong,
}

impl WrongField {
    /// Something is wrong with a field.
    pub fn new(field: impl Into<String>, wrong: Wrong) -> Self {
        Self { field: field.into(), wrong }
    }
}

impl fmt::Display for WrongField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            // The name of an unknown member is whatever the document says: no line break may get out of it.
            write!(f, "{}: ", self.field.escape_debug())?;
        }
        self.wrong.fmt(f)
    }
}

/// What is wrong with a field.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum Wrong {
    /// Not JSON; with the reader's words.
    #[error("not valid JSON: {0}")]
    Json(String),
    /// JSON, but no array.
    #[error("must be a JSON array of clients")]
    NotAnArray,
    /// An element that is no object.
    #[error("must be a JSON object")]
    NotAnObject,
    /// A member that means nothing here: mostly a typing error.
    #[error("no such member")]
    Unknown,
    /// The same member twice.
    #[error("stands here twice")]
    DuplicateMember,
    /// A known member of the wrong JSON type.
    #[error("must be {0}")]
    Type(&'static str),
    /// A value that is none of those that exist.
    #[error("must be one of: {0}")]
    OneOf(&'static str),
    /// Two members of which there may be one.
    #[error("cannot stand beside {0}")]
    Beside(&'static str),
    /// Nothing, where something is needed.
    #[error("missing")]
    Missing,
    /// An empty list, where one with elements is needed.
    #[error("must not be empty")]
    Empty,
    /// More elements than are read.
    #[error("must not have more than {0} elements")]
    TooMany(usize),
    /// The same value twice in a list.
    #[error("stands in the list twice")]
    Repeated,
    /// An id that is taken.
    #[error("another client has this id")]
    DuplicateId,
    /// No id.
    #[error("must be 1 to 255 printable ASCII characters without spaces")]
    Id,
    /// No text to show.
    #[error("must be 1 to 200 characters without control or direction characters")]
    Text,
    /// A redirect or launch URI that cannot be registered.
    #[error(transparent)]
    Uri(RedirectUriError),
    /// No origin.
    #[error(
        "must be an origin, like https://app.example (http on loopback only; lower case, no path, no default port)"
    )]
    Origin,
    /// No web address.
    #[error("must be an http or https address")]
    WebPage,
    /// A `scope` string that cannot be read; with the reader's words.
    #[error("{0}")]
    ScopeList(String),
    /// A token of the `scope` string that is no scope; with the reader's words.
    #[error("{token:?}: {why}")]
    Scope {
        /// The token.
        token: String,
        /// Why it is no scope.
        why: String,
    },
    /// A scope for backend services, where there is none (DCR-006).
    #[error("{0:?} is only for a client with the grant client_credentials")]
    SystemScope(String),
    /// Scopes, of which none may be registered.
    #[error("nothing of it may be registered here")]
    NothingAllowed,
    /// A secret that could be guessed.
    #[error("must be at least {MIN_SECRET_LEN} printable ASCII characters")]
    Secret,
    /// A secret for an app that cannot keep it, or that has keys instead.
    #[error("only a client with client_secret_basic or client_secret_post has a secret")]
    NoSecret,
    /// Keys, or something about them, for an app that signs nothing.
    #[error("only a client with private_key_jwt has keys")]
    NoKeys,
    /// A key set that no assertion can be verified with.
    #[error(transparent)]
    KeySet(KeySetError),
    /// An address that no key set may be read from.
    #[error(
        "must be an https address without user name, password and fragment (http only on a loopback IP address)"
    )]
    KeySetUrl,
    /// An address that the host's fetcher does not read, or that there is no fetcher for (A-JWKS-01).
    #[error("no key set is read from this address here")]
    KeySetRefused,
    /// Backend services without keys (SMART-BACK-001, DCR-006).
    #[error("\"client_credentials\" is only for clients with private_key_jwt")]
    BackendWithoutKeys,
    /// A refresh token that nothing could be issued with.
    #[error("\"refresh_token\" needs \"authorization_code\"")]
    RefreshWithoutCode,
    /// What anybody could use who takes the app's name.
    #[error("{0} is only for confidential clients")]
    Confidential(&'static str),
    /// A switch for HTTP Basic, where there is none.
    #[error("only a client with client_secret_basic can use this")]
    NoBasic,
    /// An algorithm that ID tokens are not signed with (A-OIDC-20).
    #[error("must be one of: RS256, ES256, ES384, EdDSA")]
    IdTokenAlg,
    /// An algorithm that this server has no key for.
    #[error("this server signs no ID tokens with this algorithm")]
    NoSigningKey,
}
