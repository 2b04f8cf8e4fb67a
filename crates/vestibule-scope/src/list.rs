//! The `scope` parameter: a list of tokens, each a scope or not (RFC 6749 §3.3, `SCOPE-001`…`-003`).

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::error::{ListError, ScopeError};
use crate::parse::is_token_character;
use crate::scope::Scope;

/// The tokens of one `scope` string, in order, without doubles.
///
/// A string that breaks RFC 6749 §3.3 is an error as a whole. A well-formed token that is no scope is an error of
/// that token alone, so that a server can drop and report it (`SMART-SCOPE-004`).
///
/// ```
/// use vestibule_scope::{ScopeError, ScopeList};
///
/// let list = ScopeList::parse("launch/patient patient/Observation.rs patient/Foo.rs").unwrap();
/// assert_eq!(list.scopes().count(), 2);
/// let wrong = list.iter().find(|requested| requested.parsed.is_err()).unwrap();
/// assert_eq!(&*wrong.text, "patient/Foo.rs");
/// assert_eq!(wrong.parsed, Err(ScopeError::UnknownType));
/// assert!(ScopeList::parse("openid  fhirUser").is_err(), "two spaces");
/// ```
#[derive(Clone, Debug)]
pub struct ScopeList {
    requested: Vec<Requested>,
}

/// One token of a [`ScopeList`]: what was asked for, and what it means.
#[derive(Clone, Debug)]
pub struct Requested {
    /// The token as sent.
    pub text: Box<str>,
    /// The scope, or why it is none.
    pub parsed: Result<Scope, ScopeError>,
}

impl ScopeList {
    /// Longest `scope` string, in bytes.
    pub const MAX_LEN: usize = 32 * 1024;
    /// Most tokens in one string, doubles counted.
    pub const MAX_TOKENS: usize = 512;

    /// Splits a `scope` string and reads each token.
    ///
    /// # Errors
    /// The [`ListError`] for which a server answers `invalid_scope`.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        if text.is_empty() {
            return Err(ListError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(ListError::TooLong);
        }
        if !text.bytes().all(|byte| byte == b' ' || is_token_character(byte)) {
            return Err(ListError::Character);
        }
        // SCOPE-001: exactly one space between tokens, none around them.
        if text.split(' ').any(str::is_empty) {
            return Err(ListError::Spacing);
        }
        if text.split(' ').count() > Self::MAX_TOKENS {
            return Err(ListError::TooManyTokens);
        }
        let mut seen = BTreeSet::new();
        let requested = text
            .split(' ')
            // SCOPE-002: a set; the first of equals keeps its place.
            .filter(|token| seen.insert(*token))
            .map(|token| Requested { text: token.into(), parsed: Scope::parse(token) })
            .collect();
        Ok(Self { requested })
    }

    /// The tokens in the order they were sent.
    pub fn iter(&self) -> core::slice::Iter<'_, Requested> {
        self.requested.iter()
    }

    /// The tokens that are scopes.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.requested.iter().filter_map(|requested| requested.parsed.as_ref().ok())
    }

    /// How many different tokens there are; never none.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a list is never empty")]
    pub fn len(&self) -> usize {
        self.requested.len()
    }
}

impl<'a> IntoIterator for &'a ScopeList {
    type Item = &'a Requested;
    type IntoIter = core::slice::Iter<'a, Requested>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for ScopeList {
    type Item = Requested;
    type IntoIter = alloc::vec::IntoIter<Requested>;

    fn into_iter(self) -> Self::IntoIter {
        self.requested.into_iter()
    }
}
