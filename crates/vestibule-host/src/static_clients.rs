//! A fixed list of apps, usually read from a file at start.
//!
//! Whatever is wrong with the list is found when it is read, all of it at once, and each fault names its client and its
//! field: a typing error in a registration is not first met by a patient.

mod metadata;
mod problem;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;

use crate::client::{Wrong, WrongField};
use crate::{ClientId, ClientRegistry, HostError, JwksFetcher, RegisteredClient};

pub use problem::{ClientProblem, ClientsError};

/// A [`ClientRegistry`] that never changes.
///
/// Members have the names of RFC 7591. An app that names no `scope` may ask to read what its user can read, and to change
/// nothing. One that names no `application_type` is native if it keeps no secret and a redirect URI leads to a device.
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
        for (index, mut client) in clients.into_iter().enumerate() {
            let mut wrongs = client.wrongs();
            if client.version.is_empty() {
                client.version = client.fingerprint();
            }
            let id = Some(client.id.as_str().to_owned());
            wrongs.extend(list.add(client).err());
            problems.extend(wrongs.into_iter().map(|found| ClientProblem::new(index, id.clone(), found)));
        }
        ClientsError::unless_none(problems).map(|()| list)
    }

    /// Reads a JSON array of client metadata: the names of RFC 7591, and these.
    ///
    /// | member | is |
    /// |---|---|
    /// | `client_id`, `client_secret`, `client_secret_expires_at` | as the registration endpoint would have given them out |
    /// | `launch_uris`, `allowed_origins` | where the EHR opens the app; from where its scripts call (default: the origins of its redirect URIs) |
    /// | `fhir_bases` | the FHIR servers that it may use, the first by default; left out: all |
    /// | `jwks_uri` or `jwks`, `token_endpoint_auth_signing_alg` | the keys of a `private_key_jwt` client |
    /// | `grant_types` | default: `authorization_code` and `refresh_token`; `client_credentials` needs keys, and no redirect URI |
    /// | `id_token_signed_response_alg`, `require_auth_time` | what its ID tokens are like |
    /// | `vestibule` | what only an operator may say, below |
    ///
    /// | `vestibule.` | is |
    /// |---|---|
    /// | `consent` | `ask` (default), `remember` or `pre_approved` |
    /// | `framing` | the origins whose pages may frame ours |
    /// | `secrets` | `[{ "secret" or "sha256", "expires" }]`: more secrets, so that one can be replaced in time |
    /// | `token_format` | `jwt` (default) or `opaque` |
    /// | `refresh_cap_days` | when refresh ends whatever happens |
    /// | `introspects` | the FHIR bases whose tokens it may look into, as a resource server |
    /// | `disabled`, `pending` | not to be used; not yet to be used |
    /// | `loopback_ports`, `strict_scopes`, `strict_refresh`, `strict_aud`, `untyped_assertions`, `legacy_v1`, `danger_raw_basic`, `fhir_context_strings` | switches, all off: the fields of [`RegisteredClient`] and [`ClientKeys`](crate::ClientKeys) |
    ///
    /// Moments are seconds since 1970, as in RFC 7591.
    ///
    /// ```
    /// # use vestibule_host::StaticClients;
    /// let clients = StaticClients::from_json(
    ///     r#"[{
    ///         "client_id": "nightly-export",
    ///         "token_endpoint_auth_method": "private_key_jwt",
    ///         "jwks_uri": "https://export.example/jwks",
    ///         "grant_types": ["client_credentials"],
    ///         "scope": "system/Patient.rs system/Observation.rs",
    ///         "vestibule": { "strict_aud": true }
    ///     }]"#,
    /// )?;
    /// # assert_eq!(clients.iter().count(), 1);
    /// # Ok::<(), vestibule_host::ClientsError>(())
    /// ```
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
        for metadata::Read { index, client, mut wrongs } in read {
            let id = Some(client.id.as_str().to_owned());
            wrongs.extend(self.add(client).err());
            problems.extend(wrongs.into_iter().map(|found| ClientProblem::new(index, id.clone(), found)));
        }
        problems.sort_by_key(|problem| problem.index());
        ClientsError::unless_none(problems).map(|()| self)
    }

    /// Whether every `jwks_uri` can be read: by this fetcher, or by none. A host that has one calls this at start, so that a
    /// client whose keys cannot be had is not first met by its assertions (A-JWKS-01).
    ///
    /// # Errors
    /// Each client whose address is refused. Nothing is fetched.
    pub fn check_key_sets(&self, fetcher: Option<&dyn JwksFetcher>) -> Result<(), ClientsError> {
        let mut problems = Vec::new();
        for (index, client) in self.clients.iter().enumerate() {
            if let Some(url) = client.authentication.key_set_url()
                && !fetcher.is_some_and(|fetcher| fetcher.may_fetch(url))
            {
                let found = WrongField::new("jwks_uri", Wrong::KeySetRefused);
                problems.push(ClientProblem::new(index, Some(client.id.as_str().to_owned()), found));
            }
        }
        ClientsError::unless_none(problems)
    }

    /// The apps in the order they were given.
    pub fn iter(&self) -> std::slice::Iter<'_, RegisteredClient> {
        self.clients.iter()
    }

    fn add(&mut self, client: RegisteredClient) -> Result<(), WrongField> {
        if self.by_id.contains_key(&client.id) {
            return Err(WrongField::new("client_id", Wrong::DuplicateId));
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

    fn fixed(&self) -> &[RegisteredClient] {
        &self.clients
    }
}
