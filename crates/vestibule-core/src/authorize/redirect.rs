//! Step 2: the proof that an address is registered.
//!
//! Every answer to an app, code or error, is made from a [`ProvenRedirect`]. It has no public constructor besides
//! [`ProvenRedirect::prove`], so an error cannot be sent to an unchecked address:
//!
//! ```compile_fail
//! let redirect = vestibule_core::authorize::ProvenRedirect {
//!     uri: "https://evil.test/".into(),
//!     state: None,
//!     mode: vestibule_core::authorize::ResponseMode::Query,
//! };
//! ```

use vestibule_host::pages::Problem;
use vestibule_host::{RegisteredClient, redirect_uri};

use super::error::AuthorizeRefusal;
use super::request::Identified;
use super::response::{AuthorizeResponse, ResponseMode, takes_forms};
use crate::params::Params;

/// The longest `state` that is echoed (SMART-AUTHZ-052).
pub const MAX_STATE: usize = 2048;

/// A registered address of the asking app, with the `state` to give back.
#[derive(Clone, PartialEq, Eq)]
pub struct ProvenRedirect {
    uri: String,
    state: Option<String>,
    mode: ResponseMode,
}

impl std::fmt::Debug for ProvenRedirect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvenRedirect").field("uri", &self.uri).finish_non_exhaustive()
    }
}

impl ProvenRedirect {
    /// Proves that the request came from a known, enabled client and names one of its addresses. `form_post`: answers may be
    /// forms. What is wrong with the rest of the request is told in the mode that it asks for, if that can be had.
    ///
    /// # Errors
    /// The [`Problem`] to show; nothing may be redirected (AUTHZ-002).
    pub fn prove(
        client: Option<&RegisteredClient>,
        request: &Identified,
        params: &Params,
        form_post: bool,
    ) -> Result<Self, Problem> {
        let client = client.filter(|client| client.is_enabled()).ok_or(Problem::UnknownClient)?;
        let state = match params.one("state") {
            Ok(Some(state)) if state.len() <= MAX_STATE => Some(state.to_owned()),
            _ => None,
        };
        let mode = match params.one("response_mode") {
            Ok(Some("form_post")) if form_post && takes_forms(request.redirect_uri()) => {
                ResponseMode::FormPost
            }
            _ => ResponseMode::Query,
        };
        Self::registered(client, request.redirect_uri(), state, mode)
    }

    /// Proves a stored address again: a URI that was removed during the interaction leads to a page (REDIR-010).
    pub(crate) fn registered(
        client: &RegisteredClient,
        uri: &str,
        state: Option<String>,
        mode: ResponseMode,
    ) -> Result<Self, Problem> {
        let known =
            client.redirect_uris.iter().any(|one| redirect_uri::matches(one, uri, client.loopback_ports));
        if !known || !uri.is_ascii() {
            return Err(Problem::UnknownRedirect);
        }
        Ok(Self { uri: uri.to_owned(), state, mode })
    }

    /// The address, exactly as it was presented.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// How the answer gets there.
    pub const fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// The source expression of a content security policy's `form-action` that lets a form's answer go there.
    ///
    /// A host source cannot say an IPv6 literal (CSP 3 §2.3.1): browsers ignore one and stop the answer. The scheme stands for it, as
    /// for the address of a native app (A-UI-07). The redirect itself goes to the proven address all the same.
    pub fn form_action(&self) -> String {
        redirect_uri::origin(&self.uri).filter(|origin| !origin.contains('[')).unwrap_or_else(|| {
            self.uri.split_once(':').map(|(scheme, _)| format!("{scheme}:")).unwrap_or_default()
        })
    }

    /// Where the answer goes, for a person: a host name, or the scheme of a native app (INT-018).
    pub fn answers_to(&self) -> &str {
        match self.uri.split_once("://") {
            Some((_, rest)) => rest.split(['/', '?']).next().unwrap_or(rest),
            None => self.uri.split_once(':').map_or(self.uri.as_str(), |(scheme, _)| scheme),
        }
    }

    /// An error (AUTHZ-003, AUTHZ-006, AUTHZ-007, ISS-001).
    pub fn refuse(&self, refusal: AuthorizeRefusal, issuer: &str) -> AuthorizeResponse {
        self.with(&[("error", refusal.code.as_str()), ("error_description", refusal.description)], issuer)
    }

    /// A success (SMART-AUTHZ-053).
    pub(crate) fn answer(&self, code: &str, issuer: &str) -> AuthorizeResponse {
        self.with(&[("code", code)], issuer)
    }

    fn with(&self, said: &[(&str, &str)], issuer: &str) -> AuthorizeResponse {
        let mut fields = said.to_vec();
        // SMART-AUTHZ-051: exactly as received.
        fields.extend(self.state.as_deref().map(|state| ("state", state)));
        // ISS-002: the issuer, no variation.
        fields.push(("iss", issuer));
        AuthorizeResponse::new(&self.uri, self.mode, &fields)
    }
}

#[cfg(test)]
mod tests {
    use vestibule_host::{ClientAuthentication, ClientId};

    use super::super::error::AuthorizeCode;
    use super::*;

    fn client(uri: &str) -> RegisteredClient {
        RegisteredClient::new(ClientId::new("app"), ClientAuthentication::Public, uri, Default::default())
    }

    fn prove(client: &RegisteredClient, query: &str) -> Result<ProvenRedirect, Problem> {
        let params = Params::parse(query.as_bytes()).unwrap();
        let request = Identified::read(&params)?;
        ProvenRedirect::prove(Some(client), &request, &params, true)
    }

    #[test]
    fn answers_keep_query_and_state() {
        let proven = prove(
            &client("https://app.example/cb?x=%20y"),
            "client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%3Fx%3D%2520y&state=a%26b%3Dc%2B%20~%23%25",
        )
        .unwrap();
        assert_eq!(
            proven.answer("k", "https://as.example").location(),
            "https://app.example/cb?x=%20y&code=k&state=a%26b%3Dc%2B+%7E%23%25&iss=https%3A%2F%2Fas.example"
        );
        assert_eq!(proven.form_action(), "https://app.example");
        assert_eq!(proven.answers_to(), "app.example");
        let refusal = AuthorizeRefusal::denied("no");
        assert_eq!(refusal.code, AuthorizeCode::AccessDenied);
        assert!(
            proven
                .refuse(refusal, "https://as.example")
                .location()
                .contains("error=access_denied&error_description=no&state=")
        );
    }

    /// A-UI-07, A-REDIR-20: a host source has no form for IPv6 literals, so browsers ignore one and stop the answer.
    #[test]
    fn an_ipv6_literal_is_let_through_by_its_scheme() {
        let mut native = client("http://[::1]/cb");
        native.loopback_ports = true;
        let proven =
            prove(&native, "client_id=app&redirect_uri=http%3A%2F%2F%5B%3A%3A1%5D%3A51004%2Fcb").unwrap();
        assert_eq!(proven.form_action(), "http:");
        let web = client("https://[2001:db8::1]:8443/cb");
        let proven =
            prove(&web, "client_id=app&redirect_uri=https%3A%2F%2F%5B2001%3Adb8%3A%3A1%5D%3A8443%2Fcb")
                .unwrap();
        assert_eq!(proven.form_action(), "https:");
        let mut native = client("http://127.0.0.1/cb");
        native.loopback_ports = true;
        let proven =
            prove(&native, "client_id=app&redirect_uri=http%3A%2F%2F127.0.0.1%3A51004%2Fcb").unwrap();
        assert_eq!(proven.form_action(), "http://127.0.0.1:51004");
    }

    #[test]
    fn nothing_is_proven_for_strangers() {
        let app = client("https://app.example/cb");
        let query = |redirect: &str| format!("client_id=app&redirect_uri={redirect}&state=s");
        assert!(prove(&app, &query("https%3A%2F%2Fapp.example%2Fcb")).is_ok());
        for bad in ["https%3A%2F%2Fapp.example%2Fcb%2F", "https%3A%2F%2Fevil.test", "%00", ""] {
            assert!(prove(&app, &query(bad)).is_err(), "{bad}");
        }
        let mut off = app.clone();
        off.status = vestibule_host::ClientStatus::Disabled;
        assert_eq!(prove(&off, &query("https%3A%2F%2Fapp.example%2Fcb")), Err(Problem::UnknownClient));
        assert_eq!(prove(&app, "redirect_uri=x"), Err(Problem::UnknownClient));
        assert_eq!(prove(&app, "client_id=app&client_id=app&redirect_uri=x"), Err(Problem::Malformed));
        let native = client("com.example.app:/cb");
        let proven = prove(&native, "client_id=app&redirect_uri=com.example.app:/cb").unwrap();
        assert_eq!(proven.form_action(), "com.example.app:");
        assert_eq!(proven.answers_to(), "com.example.app");
    }
}
