//! A fixed list of apps, usually read from a file at start.
//!
//! Whatever is wrong with the list is found when it is read, all of it at once, and each fault names its client and its
//! field: a typing error in a registration is not first met by a patient.

mod metadata;
mod problem;
mod strict_json;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;

use crate::redirect_uri::{self, AppKind};
use crate::{
    ClientAuthentication, ClientId, ClientRegistry, ConsentRule, Framing, HostError, RegisteredClient,
};

pub use problem::{ClientProblem, ClientsError, Wrong};

/// A [`ClientRegistry`] that never changes.
///
/// Members have the names of RFC 7591. An app that names no `scope` may ask to read what its user can read, and to change
/// nothing; one that names no `application_type` is native if it keeps no secret.
///
/// ```
/// # use vestibule_host::StaticClients;
/// let clients = StaticClients::from_json(
///     r#"[{
///         "client_id": "growth-chart",
///         "client_name": "Growth Chart",
///         "token_endpoint_auth_method": "none",
///         "redirect_uris": ["https://growth.example/callback"],
///         "launch_uris": ["https://growth.example/launch"],
///         "scope": "launch openid fhirUser patient/Observation.rs"
///     }]"#,
/// )?;
/// assert_eq!(clients.iter().count(), 1);
///
/// let error = StaticClients::from_json(r#"[{ "client_id": "x", "redirect_uri": "https://x.example/" }]"#);
/// let lines = error.unwrap_err().to_string();
/// assert!(lines.contains(r#"client 1 ("x"): redirect_uri: no such member"#));
/// # Ok::<(), vestibule_host::ClientsError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StaticClients {
    /// In the order they were given, for lists that people read.
    clients: Vec<RegisteredClient>,
    by_id: HashMap<ClientId, usize>,
    /// Of the enabled apps: what a CORS preflight can know (CORS-003).
    origins: HashSet<String>,
}

impl StaticClients {
    /// Takes apps that were built in code, under the same rules as apps from a file.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn new(clients: Vec<RegisteredClient>) -> Result<Self, ClientsError> {
        let mut problems = Vec::new();
        let mut list = Self::default();
        for (index, client) in clients.into_iter().enumerate() {
            let kind = AppKind::of(&client.authentication);
            let mut wrongs = wrong_with(&client, kind);
            wrongs.extend(list.add(client.clone()).err());
            let id = Some(client.id.as_str().to_owned());
            problems.extend(
                wrongs.into_iter().map(|(field, wrong)| ClientProblem::new(index, id.clone(), field, wrong)),
            );
        }
        ClientsError::unless_none(problems).map(|()| list)
    }

    /// Reads a JSON array of client metadata: the names of RFC 7591, and `client_id`, `client_secret`, `launch_uris`,
    /// `allowed_origins`, `fhir_bases` and `vestibule`.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its client and its field.
    pub fn from_json(json: &str) -> Result<Self, ClientsError> {
        Self::default().extend_from_json(json)
    }

    /// Adds the apps of a JSON array to these.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json); and an id that is already here.
    pub fn extend_from_json(mut self, json: &str) -> Result<Self, ClientsError> {
        let (read, mut problems) = metadata::read(json);
        for metadata::Read { index, client, kind, skip } in read {
            let id = Some(client.id.as_str().to_owned());
            let mut wrongs = wrong_with(&client, kind);
            // What could not be read was said already; the place-holder in its stead is not wrong once more.
            wrongs.retain(|(field, _)| !skip.iter().any(|skipped| field.starts_with(skipped.as_str())));
            wrongs.extend(self.add(client).err());
            problems.extend(
                wrongs.into_iter().map(|(field, wrong)| ClientProblem::new(index, id.clone(), field, wrong)),
            );
        }
        problems.sort_by_key(|problem| problem.index());
        ClientsError::unless_none(problems).map(|()| self)
    }

    /// The apps in the order they were given.
    pub fn iter(&self) -> std::slice::Iter<'_, RegisteredClient> {
        self.clients.iter()
    }

    fn add(&mut self, client: RegisteredClient) -> Result<(), (String, Wrong)> {
        if self.by_id.contains_key(&client.id) {
            return Err(("client_id".to_owned(), Wrong::DuplicateId));
        }
        self.by_id.insert(client.id.clone(), self.clients.len());
        if client.is_enabled() {
            self.origins.extend(client.allowed_origins.iter().cloned());
        }
        self.clients.push(client);
        Ok(())
    }
}

impl<'a> IntoIterator for &'a StaticClients {
    type Item = &'a RegisteredClient;
    type IntoIter = std::slice::Iter<'a, RegisteredClient>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[async_trait]
impl ClientRegistry for StaticClients {
    async fn client(&self, id: &ClientId) -> Result<Option<RegisteredClient>, HostError> {
        Ok(self.by_id.get(id).and_then(|at| self.clients.get(*at)).cloned())
    }

    async fn is_known_origin(&self, origin: &str) -> Result<bool, HostError> {
        Ok(self.origins.contains(origin))
    }
}

/// The rules for a registration, wherever it came from: the fields that break one.
fn wrong_with(client: &RegisteredClient, kind: AppKind) -> Vec<(String, Wrong)> {
    let mut wrongs = Vec::new();
    let mut say = |field: String, wrong: Wrong| wrongs.push((field, wrong));

    // RFC 6749 A.1, without the space that no id needs.
    let id = client.id.as_str();
    if id.is_empty() || id.len() > 255 || !id.bytes().all(|b| b.is_ascii_graphic()) {
        say("client_id".to_owned(), Wrong::Id);
    }
    // The name stands in sentences of our pages, next to words that people trust.
    if client.name != id && !is_name(&client.name) {
        say("client_name".to_owned(), Wrong::Name);
    }
    if client.home_page.as_deref().is_some_and(|page| !is_web_page(page)) {
        say("client_uri".to_owned(), Wrong::WebPage);
    }

    // REDIR-011: no list means no answers, never any answer.
    if client.redirect_uris.is_empty() {
        say("redirect_uris".to_owned(), Wrong::Missing);
    }
    for (at, uri) in client.redirect_uris.iter().enumerate() {
        if let Err(error) = redirect_uri::check(uri, kind) {
            say(format!("redirect_uris[{at}]"), Wrong::Uri(error));
        }
    }
    for (at, uri) in client.launch_uris.iter().enumerate() {
        if let Err(error) = redirect_uri::check_launch(uri) {
            say(format!("launch_uris[{at}]"), Wrong::Uri(error));
        }
    }
    for (at, origin) in client.allowed_origins.iter().enumerate() {
        if !is_origin(origin) {
            say(format!("allowed_origins[{at}]"), Wrong::Origin);
        }
    }
    if let Framing::Origins(origins) = &client.framing {
        if origins.is_empty() {
            say("vestibule.framing".to_owned(), Wrong::Empty);
        }
        for (at, origin) in origins.iter().enumerate() {
            if !is_origin(origin) {
                say(format!("vestibule.framing[{at}]"), Wrong::Origin);
            }
        }
    }
    for (at, base) in client.fhir_bases.iter().enumerate() {
        if !is_web_page(base) {
            say(format!("fhir_bases[{at}]"), Wrong::WebPage);
        }
        if client.fhir_bases.iter().take(at).any(|before| before == base) {
            say(format!("fhir_bases[{at}]"), Wrong::Repeated);
        }
    }

    if client.scopes.is_empty() {
        say("scope".to_owned(), Wrong::Missing);
    }
    match &client.authentication {
        ClientAuthentication::Public => {
            if client.consent == ConsentRule::PreApproved {
                say("vestibule.consent".to_owned(), Wrong::PreApprovedPublic);
            }
            if client.danger_raw_basic {
                say("vestibule.danger_raw_basic".to_owned(), Wrong::NoBasic);
            }
        }
        ClientAuthentication::SecretBasic(secrets) | ClientAuthentication::SecretPost(secrets) => {
            if secrets.is_empty() {
                say("client_secret".to_owned(), Wrong::Missing);
            }
            let basic = matches!(client.authentication, ClientAuthentication::SecretBasic(_));
            if client.danger_raw_basic && !basic {
                say("vestibule.danger_raw_basic".to_owned(), Wrong::NoBasic);
            }
        }
        ClientAuthentication::PrivateKeyJwt(_) => {
            if client.danger_raw_basic {
                say("vestibule.danger_raw_basic".to_owned(), Wrong::NoBasic);
            }
        }
    }
    wrongs
}

fn is_origin(text: &str) -> bool {
    redirect_uri::origin(text).is_some_and(|origin| origin == text)
}

/// An absolute http(s) address that can stand in a link: never `javascript:`.
fn is_web_page(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
        && text.len() <= redirect_uri::MAX_LEN
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'`'))
}

/// Something to see, without control characters or ones that turn the direction of the text around them.
fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 200 && text.chars().all(is_plain)
}

fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
