//! Which endpoint a path names. Paths come from the configuration, never from a `Host` header (A-MIX-04).

use vestibule_host::ClientId;

use super::documents::{Document, Documents};
use crate::config::{Config, path_of};
use crate::interaction::InteractionId;

/// An endpoint.
#[derive(Debug)]
pub(crate) enum Route<'a> {
    Document(&'a Document),
    /// The SMART configuration of a FHIR base.
    Smart(&'a Document, usize),
    Jwks,
    Authorize,
    Token,
    Introspect,
    Revoke,
    UserInfo,
    Interaction(InteractionId),
    Manage,
    /// Registration as such, or that of one app. Answered only where it is wired (A-DCR-01).
    Register(Option<ClientId>),
}

/// The paths of an issuer.
#[derive(Debug)]
pub(crate) struct Paths {
    auth: String,
    openid: String,
    oauth: String,
    smart: Vec<String>,
}

impl Paths {
    pub(crate) fn new(config: &Config) -> Self {
        let issuer = config.issuer_path();
        Self {
            auth: format!("{issuer}/auth/"),
            openid: format!("{issuer}/.well-known/openid-configuration"), // appended (SMART-IDT-032)
            oauth: format!("/.well-known/oauth-authorization-server{issuer}"), // inserted (SMART-DISC-062, META-002)
            // SMART-DISC-002: appended after the whole base URL.
            smart: config
                .bases()
                .iter()
                .map(|base| format!("{}/.well-known/smart-configuration", path_of(base.url())))
                .collect(),
        }
    }
}

impl Documents {
    pub(crate) fn route(&self, path: &str) -> Option<Route<'_>> {
        if let Some(endpoint) = path.strip_prefix(&self.paths.auth) {
            return match endpoint {
                "authorize" => Some(Route::Authorize),
                "token" => Some(Route::Token),
                "introspect" => Some(Route::Introspect),
                "revoke" => Some(Route::Revoke),
                "userinfo" => Some(Route::UserInfo),
                "keys" => Some(Route::Jwks),
                "manage" => Some(Route::Manage),
                "register" => Some(Route::Register(None)),
                other => match other.strip_prefix("register/") {
                    // Compared byte for byte with what was given out: nothing of the path is decoded.
                    Some(id) => Some(Route::Register(Some(ClientId::new(id)))),
                    None => InteractionId::parse(other.strip_prefix("i/")?).map(Route::Interaction),
                },
            };
        }
        if path == self.paths.openid {
            return Some(Route::Document(&self.openid));
        }
        if path == self.paths.oauth {
            return Some(Route::Document(&self.oauth));
        }
        // SMART-DISC-013: early drafts and old apps append `.json`.
        let plain = path.strip_suffix(".json").unwrap_or(path);
        let at = self.paths.smart.iter().position(|known| known == plain)?;
        self.smart.get(at).map(|document| Route::Smart(document, at))
    }
}
