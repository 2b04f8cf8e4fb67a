//! What discovery tells partners: apps that show the secret they have (IPA lets the document differ for them).
//!
//! Everybody learns how to be let in. That the hospital has an archive of older records is for those who are in already.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use form_urlencoded::parse;
use http::header;
use http::request::Parts;
use vestibule::{DiscoveryPolicy, MoreToDiscover};
use vestibule_host::client::ClientSecret;
use vestibule_host::{ClientAuthentication, Clock as _, StaticClients, SystemClock};

use crate::embed::FHIR;

/// The apps with a secret, known at start: this is asked without waiting for anything.
#[derive(Debug)]
pub struct Partners {
    secrets: HashMap<String, Vec<ClientSecret>>,
    public_url: String,
}

impl Partners {
    /// The enabled ones of these apps.
    #[must_use]
    pub fn of(clients: &StaticClients, public_url: &str) -> Self {
        let enabled = clients.iter().filter(|client| client.is_enabled());
        let secrets = enabled.filter_map(|client| match &client.authentication {
            ClientAuthentication::SecretBasic(secrets) => {
                Some((client.id.as_str().to_owned(), secrets.clone()))
            }
            _ => None,
        });
        Self { secrets: secrets.collect(), public_url: public_url.to_owned() }
    }

    /// A capability of our own is a URL under our own name.
    #[must_use]
    pub fn capability(public_url: &str) -> String {
        format!("{public_url}/capabilities/older-records")
    }

    fn knows(&self, head: &Parts) -> Option<bool> {
        let value = head.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, credentials) = value.split_once(' ')?;
        let pair = String::from_utf8(BASE64_STANDARD.decode(credentials).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        let (id, secret) = (decoded(id)?, decoded(secret)?);
        let now = SystemClock.now();
        let fits = |one: &ClientSecret| one.is_valid(now) && one.hash.is(&secret);
        Some(scheme.eq_ignore_ascii_case("basic") && self.secrets.get(&id)?.iter().any(fits))
    }
}

impl DiscoveryPolicy for Partners {
    fn more_for(&self, head: &Parts, base: &str) -> Option<MoreToDiscover> {
        // The archive itself has nothing to add.
        let here = base.strip_prefix(&self.public_url) == Some(FHIR);
        let known = here && self.knows(head).unwrap_or(false);
        known.then(|| MoreToDiscover::new().with_capability(Self::capability(&self.public_url)))
    }
}

/// RFC 6749 §2.3.1: id and secret are form-encoded in a Basic header.
fn decoded(text: &str) -> Option<String> {
    let mut pairs = parse(text.as_bytes());
    let (name, value) = pairs.next()?;
    (value.is_empty() && !text.contains(['=', '&'])).then(|| name.into_owned())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const PUBLIC: &str = "https://ehr.example";
    const SECRET: &str = "test-secret+test-secret/test-secret";

    fn partners() -> Partners {
        let client = |id: &str, more: &str| {
            format!(
                r#"{{"client_id": "{id}", "scope": "openid", "redirect_uris": ["https://app.example/"], {more}}}"#
            )
        };
        let secret =
            format!(r#""token_endpoint_auth_method": "client_secret_basic", "client_secret": "{SECRET}""#);
        let file = format!(
            "[{}, {}]",
            client("partner.one", &secret),
            client("public", r#""token_endpoint_auth_method": "none""#)
        );
        Partners::of(&StaticClients::from_json(&file).unwrap(), PUBLIC)
    }

    fn told(authorization: &str, base: &str) -> bool {
        let request = Request::get("/").header(header::AUTHORIZATION, authorization);
        partners().more_for(&request.body(()).unwrap().into_parts().0, base).is_some()
    }

    /// IPA-003
    #[test]
    fn who_shows_a_secret_is_told_more_about_the_first_base() {
        let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
        let (fhir, archive) = ("https://ehr.example/fhir", "https://ehr.example/archive/fhir");
        let right = "partner.one:test-secret%2Btest-secret%2Ftest-secret";
        assert!(told(&basic(right), fhir));
        assert!(!told(&basic(right), archive));
        for wrong in [
            basic("partner.one:test-secret+test-secret/test-secret"),
            basic("partner.one:"),
            basic("partner.one"),
            basic("partner.one:a=b"),
            basic("public:"),
            basic("nobody:test-secret%2Btest-secret%2Ftest-secret"),
            basic(right).replace("Basic", "Bearer"),
            "Basic %%%".to_owned(),
            "Basic".to_owned(),
            String::new(),
        ] {
            assert!(!told(&wrong, fhir), "{wrong}");
        }
    }
}
