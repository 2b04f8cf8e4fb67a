//! How a registration is written down: for registrars with a database.
//!
//! The types of the record are private and the registration's own have no `Deserialize`: nothing that came from an app can be read
//! into what is stored (DCR-005).

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vestibule_scope::{Scope, ScopeSet};

use super::Registration;
use crate::client::{
    AppDetails, ClientAuthentication, ClientKeys, ClientSecret, ClientStatus, ConsentRule, Framing,
    GrantTypes, KeySource, SecretHash, TokenFormat,
};
use crate::redirect_uri::AppKind;
use crate::{Alg, ClientId, Record, RegisteredClient, RegistrationTokenHash, Revision, UnixMillis};

/// The only version so far.
const VERSION: u8 = 1;

/// A record cannot be read: it is from a newer version, or damaged. Nothing is guessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    /// Written by a newer version of this library.
    #[error("the registration was written by a newer version")]
    Newer,
    /// Damaged, or of another kind.
    #[error("the registration's record is damaged")]
    Damaged,
}

impl Registration {
    /// Writes the whole registration. A registrar stores it beside what it looks for: the client's id, the hash of the token, the
    /// revision, and the origins of an enabled app.
    ///
    /// # Errors
    /// [`RecordError::Damaged`] for what has no text form, which nothing lacks that breaks no rule.
    pub fn to_record(&self) -> Result<Record, RecordError> {
        let mut bytes = vec![VERSION];
        serde_json::to_writer(&mut bytes, &Stored::of(self)).map_err(|_| RecordError::Damaged)?;
        Ok(Record(Bytes::from(bytes)))
    }

    /// Reads what [`to_record`](Self::to_record) wrote.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn from_record(record: &Record) -> Result<Self, RecordError> {
        match record.0.split_first() {
            Some((&VERSION, json)) => {
                let stored: Stored = serde_json::from_slice(json).map_err(|_| RecordError::Damaged)?;
                stored.registration().ok_or(RecordError::Damaged)
            }
            Some((&version, _)) if version > VERSION => Err(RecordError::Newer),
            _ => Err(RecordError::Damaged),
        }
    }
}

/// A member that an older version does not know may be a limit: it is refused, not skipped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    client: StoredClient,
    details: StoredDetails,
    software_statement: Option<String>,
    ceiling: Vec<String>,
    issued_at: UnixMillis,
    token: RegistrationTokenHash,
    revision: Revision,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredClient {
    id: ClientId,
    name: String,
    home_page: Option<String>,
    native: Option<bool>,
    authentication: StoredAuthentication,
    redirect_uris: Vec<String>,
    launch_uris: Vec<String>,
    allowed_origins: Vec<String>,
    scopes: Vec<String>,
    fhir_bases: Vec<String>,
    consent: StoredConsent,
    framing: Vec<String>,
    loopback_ports: bool,
    danger_raw_basic: bool,
    strict_scopes: bool,
    status: StoredStatus,
    authorization_code: bool,
    refresh_token: bool,
    client_credentials: bool,
    opaque: bool,
    id_token_alg: Alg,
    require_auth_time: bool,
    strict_refresh: bool,
    refresh_cap: Option<Duration>,
    legacy_v1: bool,
    fhir_context_strings: bool,
    introspects: Vec<String>,
    version: String,
}

#[derive(Serialize, Deserialize)]
enum StoredAuthentication {
    Public,
    SecretBasic(Vec<StoredSecret>),
    SecretPost(Vec<StoredSecret>),
    Inline(String, StoredKeys),
    Url(String, StoredKeys),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSecret {
    hash: [u8; 32],
    not_after: Option<UnixMillis>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKeys {
    alg: Option<String>,
    strict_aud: bool,
    #[serde(default)]
    untyped_assertions: bool,
}

#[derive(Serialize, Deserialize)]
enum StoredConsent {
    Ask,
    Remember,
    PreApproved,
}

#[derive(Serialize, Deserialize)]
enum StoredStatus {
    Enabled,
    Pending,
    Disabled,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredDetails {
    logo: Option<String>,
    terms: Option<String>,
    privacy_policy: Option<String>,
    contacts: Vec<String>,
    software_id: Option<String>,
    software_version: Option<String>,
}

impl Stored {
    fn of(registration: &Registration) -> Self {
        // Field by field, so that nobody adds one without writing it down.
        let Registration { client, details, software_statement, ceiling, issued_at, token, revision } =
            registration.clone();
        let AppDetails { logo, terms, privacy_policy, contacts, software_id, software_version } = details;
        Self {
            client: StoredClient::of(client),
            details: StoredDetails { logo, terms, privacy_policy, contacts, software_id, software_version },
            software_statement,
            ceiling: texts(&ceiling),
            issued_at,
            token,
            revision,
        }
    }

    fn registration(self) -> Option<Registration> {
        let Self { client, details, software_statement, ceiling, issued_at, token, revision } = self;
        let StoredDetails { logo, terms, privacy_policy, contacts, software_id, software_version } = details;
        Some(Registration {
            client: client.client()?,
            details: AppDetails { logo, terms, privacy_policy, contacts, software_id, software_version },
            software_statement,
            ceiling: scopes(ceiling)?,
            issued_at,
            token,
            revision,
        })
    }
}

impl StoredClient {
    fn of(client: RegisteredClient) -> Self {
        let RegisteredClient {
            id,
            name,
            home_page,
            kind,
            authentication,
            redirect_uris,
            launch_uris,
            allowed_origins,
            scopes,
            fhir_bases,
            consent,
            framing,
            loopback_ports,
            danger_raw_basic,
            strict_scopes,
            status,
            grant_types: GrantTypes { authorization_code, refresh_token, client_credentials },
            token_format,
            id_token_alg,
            require_auth_time,
            strict_refresh,
            refresh_cap,
            legacy_v1,
            fhir_context_strings,
            introspects,
            version,
        } = client;
        Self {
            id,
            name,
            home_page,
            native: kind.map(|kind| kind == AppKind::Native),
            authentication: StoredAuthentication::of(authentication),
            redirect_uris,
            launch_uris,
            allowed_origins,
            scopes: texts(&scopes),
            fhir_bases,
            consent: match consent {
                ConsentRule::Ask => StoredConsent::Ask,
                ConsentRule::Remember => StoredConsent::Remember,
                ConsentRule::PreApproved => StoredConsent::PreApproved,
            },
            framing: match framing {
                Framing::Refuse => Vec::new(),
                Framing::Origins(origins) => origins,
            },
            loopback_ports,
            danger_raw_basic,
            strict_scopes,
            status: match status {
                ClientStatus::Enabled => StoredStatus::Enabled,
                ClientStatus::Pending => StoredStatus::Pending,
                ClientStatus::Disabled => StoredStatus::Disabled,
            },
            authorization_code,
            refresh_token,
            client_credentials,
            opaque: token_format == TokenFormat::Opaque,
            id_token_alg,
            require_auth_time,
            strict_refresh,
            refresh_cap,
            legacy_v1,
            fhir_context_strings,
            introspects,
            version,
        }
    }

    fn client(self) -> Option<RegisteredClient> {
        Some(RegisteredClient {
            id: self.id,
            name: self.name,
            home_page: self.home_page,
            kind: self.native.map(|native| if native { AppKind::Native } else { AppKind::Web }),
            authentication: self.authentication.authentication(),
            redirect_uris: self.redirect_uris,
            launch_uris: self.launch_uris,
            allowed_origins: self.allowed_origins,
            scopes: scopes(self.scopes)?,
            fhir_bases: self.fhir_bases,
            consent: match self.consent {
                StoredConsent::Ask => ConsentRule::Ask,
                StoredConsent::Remember => ConsentRule::Remember,
                StoredConsent::PreApproved => ConsentRule::PreApproved,
            },
            // No origins are no frames: the rules refuse an empty list.
            framing: if self.framing.is_empty() { Framing::Refuse } else { Framing::Origins(self.framing) },
            loopback_ports: self.loopback_ports,
            danger_raw_basic: self.danger_raw_basic,
            strict_scopes: self.strict_scopes,
            status: match self.status {
                StoredStatus::Enabled => ClientStatus::Enabled,
                StoredStatus::Pending => ClientStatus::Pending,
                StoredStatus::Disabled => ClientStatus::Disabled,
            },
            grant_types: GrantTypes {
                authorization_code: self.authorization_code,
                refresh_token: self.refresh_token,
                client_credentials: self.client_credentials,
            },
            token_format: if self.opaque { TokenFormat::Opaque } else { TokenFormat::Jwt },
            id_token_alg: self.id_token_alg,
            require_auth_time: self.require_auth_time,
            strict_refresh: self.strict_refresh,
            refresh_cap: self.refresh_cap,
            legacy_v1: self.legacy_v1,
            fhir_context_strings: self.fhir_context_strings,
            introspects: self.introspects,
            version: self.version,
        })
    }
}

impl StoredAuthentication {
    fn of(authentication: ClientAuthentication) -> Self {
        let stored = |secrets: Vec<ClientSecret>| {
            let one = |ClientSecret { hash, not_after }: ClientSecret| StoredSecret {
                hash: *hash.as_bytes(),
                not_after,
            };
            secrets.into_iter().map(one).collect()
        };
        match authentication {
            ClientAuthentication::Public => Self::Public,
            ClientAuthentication::SecretBasic(secrets) => Self::SecretBasic(stored(secrets)),
            ClientAuthentication::SecretPost(secrets) => Self::SecretPost(stored(secrets)),
            ClientAuthentication::PrivateKeyJwt(ClientKeys {
                source,
                alg,
                strict_aud,
                untyped_assertions,
            }) => {
                let keys = StoredKeys { alg, strict_aud, untyped_assertions };
                match source {
                    // The rules have read it as text.
                    KeySource::Inline(document) => {
                        Self::Inline(String::from_utf8_lossy(&document).into_owned(), keys)
                    }
                    KeySource::Url(url) => Self::Url(url.to_string(), keys),
                }
            }
        }
    }

    fn authentication(self) -> ClientAuthentication {
        let secrets = |stored: Vec<StoredSecret>| {
            let one = |StoredSecret { hash, not_after }| ClientSecret {
                hash: SecretHash::from_bytes(hash),
                not_after,
            };
            stored.into_iter().map(one).collect()
        };
        let by_key = |source, StoredKeys { alg, strict_aud, untyped_assertions }| {
            ClientAuthentication::PrivateKeyJwt(ClientKeys { source, alg, strict_aud, untyped_assertions })
        };
        match self {
            Self::Public => ClientAuthentication::Public,
            Self::SecretBasic(stored) => ClientAuthentication::SecretBasic(secrets(stored)),
            Self::SecretPost(stored) => ClientAuthentication::SecretPost(secrets(stored)),
            Self::Inline(document, keys) => by_key(KeySource::Inline(document.into()), keys),
            Self::Url(url, keys) => by_key(KeySource::Url(url.into()), keys),
        }
    }
}

fn texts(scopes: &ScopeSet) -> Vec<String> {
    scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
}

/// A word of the host's own was one when it was written.
fn scopes(texts: Vec<String>) -> Option<ScopeSet> {
    texts.iter().map(|text| Scope::parse(text).or_else(|_| Scope::extension(text)).ok()).collect()
}
