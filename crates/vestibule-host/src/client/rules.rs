//! The rules for a registration, wherever it came from: a file, code, a host's database, an app that registers itself.

use super::metadata::{AppDetails, ID_TOKEN_ALGS};
use super::wrong::{Wrong, WrongField};
use super::{
    ClientAuthentication, ClientKeys, ClientSecret, ConsentRule, Framing, KeySource, RegisteredClient,
    key_set,
};
use crate::{Alg, redirect_uri};
use vestibule_scope::{Level, Scope};

/// The most of anything that a registration lists: redirect URIs, origins, bases.
const MAX_LIST: usize = 100;
/// The most secrets of a client: the one in use, and those that replace it.
const MAX_SECRETS: usize = 10;

impl RegisteredClient {
    /// Everything in this registration that breaks a rule; nothing, if it can be used.
    ///
    /// [`StaticClients`](crate::StaticClients) and the registration endpoint ask this of every client. A host that keeps its
    /// clients elsewhere asks it before it saves one.
    ///
    /// ```
    /// use vestibule_host::{ClientAuthentication, ClientId, RegisteredClient};
    ///
    /// let scopes = "openid patient/*.rs".parse()?;
    /// let uri = "http://app.example/callback";
    /// let app = RegisteredClient::new(ClientId::new("app"), ClientAuthentication::Public, uri, scopes);
    /// assert_eq!(app.wrongs()[0].field, "redirect_uris[0]");
    /// # Ok::<(), vestibule_scope::SetError>(())
    /// ```
    pub fn wrongs(&self) -> Vec<WrongField> {
        let mut found = Found(Vec::new());
        self.wrong_texts(&mut found);
        self.wrong_addresses(&mut found);
        self.wrong_grants(&mut found);
        self.wrong_authentication(&mut found);
        self.wrong_flags(&mut found);
        found.0
    }

    fn wrong_texts(&self, found: &mut Found) {
        // RFC 6749 A.1, without the space that no id needs.
        let id = self.id.as_str();
        if id.is_empty() || id.len() > 255 || !id.bytes().all(|b| b.is_ascii_graphic()) {
            found.say("client_id", Wrong::Id);
        }
        // The name stands in sentences of our pages, next to words that people trust (DCR-008).
        if self.name != id && !is_text(&self.name) {
            found.say("client_name", Wrong::Text);
        }
        found.web_page("client_uri", self.home_page.as_deref());
    }

    fn wrong_addresses(&self, found: &mut Found) {
        let uses_browser = self.grant_types.authorization_code;
        // REDIR-011: no list means no answers, never any answer.
        if uses_browser && self.redirect_uris.is_empty() {
            found.say("redirect_uris", Wrong::Missing);
        }
        let kind = self.app_kind();
        found.each("redirect_uris", &self.redirect_uris, |uri| {
            redirect_uri::check(uri, kind).err().map(Wrong::Uri)
        });
        found.each("launch_uris", &self.launch_uris, |uri| {
            redirect_uri::check_launch(uri).err().map(Wrong::Uri)
        });
        found.each("allowed_origins", &self.allowed_origins, not_an_origin);
        if let Framing::Origins(origins) = &self.framing {
            if origins.is_empty() {
                found.say("vestibule.framing", Wrong::Empty);
            }
            found.each("vestibule.framing", origins, not_an_origin);
        }
        for (field, bases) in [("fhir_bases", &self.fhir_bases), ("vestibule.introspects", &self.introspects)]
        {
            found.each(field, bases, |base| (!is_web_page(base)).then_some(Wrong::WebPage));
            for (at, base) in bases.iter().enumerate() {
                if bases.iter().take(at).any(|before| before == base) {
                    found.say(&format!("{field}[{at}]"), Wrong::Repeated);
                }
            }
        }
    }

    fn wrong_grants(&self, found: &mut Found) {
        let grants = self.grant_types;
        if !grants.authorization_code && grants.refresh_token {
            found.say("grant_types", Wrong::RefreshWithoutCode);
        } else if !grants.authorization_code && !grants.client_credentials {
            found.say("grant_types", Wrong::Empty);
        }
        // SMART-BACK-001, DCR-006
        if grants.client_credentials && !matches!(self.authentication, ClientAuthentication::PrivateKeyJwt(_))
        {
            found.say("grant_types", Wrong::BackendWithoutKeys);
        }
        if self.scopes.is_empty() {
            found.say("scope", Wrong::Missing);
        }
        let system = |scope: &&Scope| scope.as_resource().is_some_and(|it| it.level() == Level::System);
        if let Some(scope) = self.scopes.iter().find(system).filter(|_| !grants.client_credentials) {
            found.say("scope", Wrong::SystemScope(scope.as_str().to_owned()));
        }
        if !ID_TOKEN_ALGS.contains(&self.id_token_alg) {
            found.say("id_token_signed_response_alg", Wrong::IdTokenAlg);
        }
    }

    /// DCR-006: whoever says that it authenticates has something to do it with.
    fn wrong_authentication(&self, found: &mut Found) {
        match &self.authentication {
            ClientAuthentication::Public => {}
            ClientAuthentication::SecretBasic(secrets) | ClientAuthentication::SecretPost(secrets) => {
                wrong_secrets(secrets, found);
            }
            ClientAuthentication::PrivateKeyJwt(keys) => wrong_keys(keys, found),
        }
    }

    fn wrong_flags(&self, found: &mut Found) {
        let public = !self.authentication.is_confidential();
        if public && self.consent == ConsentRule::PreApproved {
            found.say("vestibule.consent", Wrong::Confidential("\"pre_approved\""));
        }
        // Without PKCE nothing but the authentication tells who redeems a code (design §9).
        if public && self.legacy_v1 {
            found.say("vestibule.legacy_v1", Wrong::Confidential("this switch"));
        }
        if public && !self.introspects.is_empty() {
            found.say("vestibule.introspects", Wrong::Confidential("introspection"));
        }
        if self.danger_raw_basic && !matches!(self.authentication, ClientAuthentication::SecretBasic(_)) {
            found.say("vestibule.danger_raw_basic", Wrong::NoBasic);
        }
        if self.refresh_cap.is_some_and(|cap| cap.is_zero()) {
            found.say("vestibule.refresh_cap_days", Wrong::Type("a number of days, or left out"));
        }
    }
}

impl AppDetails {
    /// Everything in them that cannot be shown to anybody.
    pub fn wrongs(&self) -> Vec<WrongField> {
        let mut found = Found(Vec::new());
        found.web_page("logo_uri", self.logo.as_deref());
        found.web_page("tos_uri", self.terms.as_deref());
        found.web_page("policy_uri", self.privacy_policy.as_deref());
        found.each("contacts", &self.contacts, |text| (!is_text(text)).then_some(Wrong::Text));
        for (field, text) in
            [("software_id", &self.software_id), ("software_version", &self.software_version)]
        {
            if text.as_deref().is_some_and(|text| !is_text(text)) {
                found.say(field, Wrong::Text);
            }
        }
        found.0
    }
}

fn wrong_secrets(secrets: &[ClientSecret], found: &mut Found) {
    if secrets.is_empty() {
        found.say("client_secret", Wrong::Missing);
    }
    if secrets.len() > MAX_SECRETS {
        found.say("vestibule.secrets", Wrong::TooMany(MAX_SECRETS));
    }
}

fn wrong_keys(keys: &ClientKeys, found: &mut Found) {
    let alg = keys.alg.as_deref().map(Alg::from_name);
    if alg == Some(None) {
        found.say(
            "token_endpoint_auth_signing_alg",
            Wrong::OneOf("RS384, ES384, RS256, ES256, EdDSA, PS256, PS384"),
        );
    }
    match &keys.source {
        KeySource::Inline(document) if document.is_empty() => found.say("jwks_uri", Wrong::Missing),
        KeySource::Inline(document) => {
            if let Err(error) = key_set::check(document, alg.flatten()) {
                found.say("jwks", Wrong::KeySet(error));
            }
        }
        // A-JWKS-13. Whether it may be fetched is for the fetcher to say.
        KeySource::Url(url) if !redirect_uri::is_key_set_url(url) => found.say("jwks_uri", Wrong::KeySetUrl),
        KeySource::Url(_) => {}
    }
}

struct Found(Vec<WrongField>);

impl Found {
    fn say(&mut self, field: &str, wrong: Wrong) {
        self.0.push(WrongField::new(field, wrong));
    }

    fn each(&mut self, field: &str, texts: &[String], judge: impl Fn(&str) -> Option<Wrong>) {
        if texts.len() > MAX_LIST {
            return self.say(field, Wrong::TooMany(MAX_LIST));
        }
        for (at, text) in texts.iter().enumerate() {
            if let Some(wrong) = judge(text) {
                self.say(&format!("{field}[{at}]"), wrong);
            }
        }
    }

    fn web_page(&mut self, field: &str, page: Option<&str>) {
        if page.is_some_and(|page| !is_web_page(page)) {
            self.say(field, Wrong::WebPage);
        }
    }
}

fn not_an_origin(text: &str) -> Option<Wrong> {
    let is_origin = redirect_uri::origin(text).is_some_and(|origin| origin == text);
    (!is_origin).then_some(Wrong::Origin)
}

/// An absolute http(s) address that can stand in a link: never `javascript:` (A-DCR-16).
fn is_web_page(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    // `https://hospital.example@evil.example/` reads like the hospital's.
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && text.len() <= redirect_uri::MAX_LEN
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'`'))
}

/// Something to see, without control characters or ones that turn the direction of the text around them.
fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 200 && text.chars().all(is_plain)
}

fn is_plain(c: char) -> bool {
    let unseen = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !unseen
}
