//! What can be wrong with a list of apps.

use std::fmt;

use thiserror::Error;

use crate::client::MIN_SECRET_LEN;
use crate::redirect_uri::RedirectUriError;

/// Everything that is wrong with a list of apps. Its `Display` has one line for each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientsError(Vec<ClientProblem>);

impl ClientsError {
    pub(super) fn unless_none(problems: Vec<ClientProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// What is wrong; at least one.
    #[must_use]
    pub fn problems(&self) -> &[ClientProblem] {
        &self.0
    }
}

impl fmt::Display for ClientsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ClientsError {}

/// One thing that is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientProblem {
    /// None: the file as a whole.
    index: Option<usize>,
    id: Option<String>,
    field: String,
    wrong: Wrong,
}

impl ClientProblem {
    pub(super) fn new(index: usize, id: Option<String>, field: impl Into<String>, wrong: Wrong) -> Self {
        Self { index: Some(index), id, field: field.into(), wrong }
    }

    pub(super) const fn of_the_file(wrong: Wrong) -> Self {
        Self { index: None, id: None, field: String::new(), wrong }
    }

    /// Which client, counted from 0; `None` when the list itself cannot be read.
    #[must_use]
    pub const fn index(&self) -> Option<usize> {
        self.index
    }

    /// The `client_id`, where one could be read.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The member, such as `redirect_uris[1]` or `vestibule.consent`; empty for the client or the file as a whole.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn wrong(&self) -> &Wrong {
        &self.wrong
    }
}

impl fmt::Display for ClientProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            // People count from one.
            write!(f, "client {}", index.saturating_add(1))?;
            if let Some(id) = &self.id {
                write!(f, " ({id:?})")?;
            }
            f.write_str(": ")?;
        }
        if !self.field.is_empty() {
            // The name of an unknown member is whatever the file says: no line break may get out of it.
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
    /// A member that this version does not support.
    #[error("not supported yet{0}")]
    NotSupported(&'static str),
    /// A list that must have an element.
    #[error("must contain {0:?}")]
    MustContain(&'static str),
    /// Nothing, where something is needed.
    #[error("missing")]
    Missing,
    /// An empty list, where one with elements is needed.
    #[error("must not be empty")]
    Empty,
    /// The same value twice in a list.
    #[error("stands in the list twice")]
    Repeated,
    /// An id that is taken.
    #[error("another client has this id")]
    DuplicateId,
    /// No id.
    #[error("must be 1 to 255 printable ASCII characters without spaces")]
    Id,
    /// No name to show.
    #[error("must be 1 to 200 characters without control or direction characters")]
    Name,
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
    /// A secret that could be guessed.
    #[error("must be at least {MIN_SECRET_LEN} printable ASCII characters")]
    Secret,
    /// A secret for an app that cannot keep it.
    #[error("a public client (token_endpoint_auth_method \"none\") has no secret")]
    SecretOfPublic,
    /// Consent skipped for an app that anybody can pretend to be.
    #[error("\"pre_approved\" is only for confidential clients")]
    PreApprovedPublic,
    /// A switch for HTTP Basic, where there is none.
    #[error("only a client with client_secret_basic can use this")]
    NoBasic,
}
