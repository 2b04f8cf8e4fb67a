//! An answer on its way to an app: by redirect, or as a form that the browser posts (SMART-AUTHZ-014, REDIR-012).

use serde::{Deserialize, Serialize};

/// How the answer gets to the app.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of a redirect.
    #[default]
    #[serde(rename = "q")]
    Query,
    /// As a form (OAuth 2.0 Form Post Response Mode).
    #[serde(rename = "f")]
    FormPost,
}

impl ResponseMode {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Where an answer goes, and what it says. Made by a [`ProvenRedirect`](super::ProvenRedirect) only; a stored one is sealed.
#[must_use]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeResponse {
    #[serde(rename = "t")]
    to: String,
    #[serde(rename = "f")]
    fields: Vec<(String, String)>,
    #[serde(rename = "m", default, skip_serializing_if = "ResponseMode::is_default")]
    mode: ResponseMode,
}

impl std::fmt::Debug for AuthorizeResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It may hold a code (LOG-001).
        f.debug_struct("AuthorizeResponse").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl AuthorizeResponse {
    pub(super) fn new(to: &str, mode: ResponseMode, fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { to: to.to_owned(), fields, mode }
    }

    /// How it gets there.
    pub const fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// The app's address, exactly as it was proven.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// What the app is told.
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The `Location` of a redirect: the address with its own query, and the answer behind it (AUTHZ-006).
    pub fn location(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish();
        let join = if self.to.contains('?') { '&' } else { '?' };
        format!("{}{join}{query}", self.to)
    }
}

/// Whether a form may be posted there: nobody listens on the way, and no other app answers (REDIR-012).
pub(super) fn takes_forms(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else { return uri.starts_with("https://") };
    ["127.0.0.1", "[::1]", "localhost"].iter().any(|host| {
        rest.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_go_to_safe_places_only() {
        for good in
            ["https://app.example/cb", "http://127.0.0.1:3000/cb", "http://[::1]/cb", "http://localhost"]
        {
            assert!(takes_forms(good), "{good}");
        }
        for bad in [
            "com.example.app:/cb",
            "http://app.example/cb",
            "http://127.0.0.1.evil.test/",
            "javascript:x",
            "",
        ] {
            assert!(!takes_forms(bad), "{bad}");
        }
    }
}
