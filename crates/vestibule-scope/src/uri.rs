//! Scopes as URIs, for places that take nothing else (`SMART-SCOPE-098`).

use alloc::format;
use alloc::string::String;

use crate::context::{IdentityScope, RefreshScope};
use crate::error::ScopeError;
use crate::scope::{Scope, ScopeKind};

const SMART: &str = "http://smarthealthit.org/fhir/scopes/";
const OPENID: &str = "http://openid.net/specs/openid-connect-core-1_0#";

impl Scope {
    /// The scope as a URI. A URI scope is itself; a `__name` has no URI form.
    ///
    /// ```
    /// # use vestibule_scope::Scope;
    /// let scope = Scope::parse("patient/Observation.rs").unwrap();
    /// let uri = scope.to_uri().unwrap();
    /// assert_eq!(uri, "http://smarthealthit.org/fhir/scopes/patient/Observation.rs");
    /// assert_eq!(Scope::from_uri(&uri), Ok(scope));
    /// ```
    #[must_use]
    pub fn to_uri(&self) -> Option<String> {
        if matches!(self.kind(), ScopeKind::Extension) {
            return crate::parse::has_uri_scheme(self.as_str()).then(|| self.as_str().into());
        }
        let prefix = if is_openid(self.kind()) { OPENID } else { SMART };
        Some(format!("{prefix}{self}"))
    }

    /// The scope behind a URI; a URI outside the two name spaces is an extension scope.
    ///
    /// [`parse`](Self::parse) does not do this: a token that is a URI is echoed as a URI.
    ///
    /// # Errors
    /// [`ScopeError::Uri`] for what is no URI or names a scope of the other name space, else what is wrong with the
    /// scope behind it.
    pub fn from_uri(uri: &str) -> Result<Self, ScopeError> {
        let (text, openid) = if let Some(text) = uri.strip_prefix(SMART) {
            (text, false)
        } else if let Some(text) = uri.strip_prefix(OPENID) {
            (text, true)
        } else if crate::parse::has_uri_scheme(uri) {
            return Self::parse(uri);
        } else {
            return Err(ScopeError::Uri);
        };
        let scope = Self::parse(text)?;
        if matches!(scope.kind(), ScopeKind::Extension) || is_openid(scope.kind()) != openid {
            return Err(ScopeError::Uri);
        }
        Ok(scope)
    }
}

/// Defined by OpenID Connect Core: sections 5.4 and 11.
const fn is_openid(kind: &ScopeKind) -> bool {
    matches!(
        kind,
        ScopeKind::Identity(
            IdentityScope::OpenId
                | IdentityScope::Profile
                | IdentityScope::Email
                | IdentityScope::Address
                | IdentityScope::Phone
        ) | ScopeKind::Refresh(RefreshScope::Offline)
    )
}
