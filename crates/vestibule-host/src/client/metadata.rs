//! What an app says about itself: the members of RFC 7591, and SMART's launch URIs and origins.
//!
//! This is the type of the wire, also of a file's members that have a name there. It has no place for anything that only an
//! operator may decide, so that no registration can decide it (DCR-005).

use bytes::Bytes;
use serde_json::Value;
use vestibule_scope::{ScopeList, ScopeSet};

use super::members::Members;
use super::wrong::Wrong;
use super::{ClientAuthentication, ClientKeys, ClientSecret, GrantTypes, KeySource, RegisteredClient};
use crate::redirect_uri::{self, AppKind};
use crate::{Alg, ClientId};

/// `token_endpoint_auth_method`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum AuthenticationMethod {
    /// `none`
    None,
    /// `client_secret_basic`: what a registration means that does not say (RFC 7591 §2).
    #[default]
    SecretBasic,
    /// `client_secret_post`
    SecretPost,
    /// `private_key_jwt`
    PrivateKeyJwt,
}

impl AuthenticationMethod {
    /// The RFC 7591 name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The method of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::SecretBasic, Self::SecretPost, Self::PrivateKeyJwt]
            .into_iter()
            .find(|method| method.name() == name)
    }

    /// Whether the app is given a secret.
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::SecretBasic | Self::SecretPost)
    }
}

/// What no decision of the engine depends on: shown to people, or kept for the app.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct AppDetails {
    /// `logo_uri`. Never fetched by the engine (DCR-007).
    pub logo: Option<String>,
    /// `tos_uri`.
    pub terms: Option<String>,
    /// `policy_uri`.
    pub privacy_policy: Option<String>,
    /// `contacts`.
    pub contacts: Vec<String>,
    /// `software_id`.
    pub software_id: Option<String>,
    /// `software_version`.
    pub software_version: Option<String>,
}

/// What an app says about itself. Nothing is judged yet: that is [`RegisteredClient::wrongs`].
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct ClientMetadata {
    /// `client_name`.
    pub name: Option<String>,
    /// `client_uri`.
    pub home_page: Option<String>,
    /// `redirect_uris`.
    pub redirect_uris: Vec<String>,
    /// `launch_uris`.
    pub launch_uris: Vec<String>,
    /// `allowed_origins`; `None`: those of the redirect URIs.
    pub allowed_origins: Option<Vec<String>>,
    /// `application_type`.
    pub kind: Option<AppKind>,
    /// `token_endpoint_auth_method`.
    pub method: AuthenticationMethod,
    /// `jwks` or `jwks_uri`, and `token_endpoint_auth_signing_alg`.
    pub keys: Option<ClientKeys>,
    /// `scope`; `None`: [`default_scopes`].
    pub scopes: Option<ScopeSet>,
    /// `grant_types`.
    pub grant_types: Option<GrantTypes>,
    /// `id_token_signed_response_alg`.
    pub id_token_alg: Option<Alg>,
    /// `require_auth_time`.
    pub require_auth_time: bool,
    /// Everything else that is kept.
    pub details: AppDetails,
}

/// What an app may ask for whose registration does not say (RFC 7591 §2 leaves the choice to the server): to read what its
/// user can read, and to know who and what it was opened for. Nothing is changed without having been registered.
const DEFAULT_SCOPES: &str = "launch launch/patient launch/encounter openid fhirUser profile online_access offline_access \
                              patient/*.rs user/*.rs";

/// What an app with users may ask for whose registration does not say.
pub fn default_scopes() -> ScopeSet {
    ScopeSet::parse(DEFAULT_SCOPES).unwrap_or_default()
}

impl ClientMetadata {
    /// Takes the members out that it knows. What cannot be read leaves its default behind, and a word about it.
    pub(crate) fn read(members: &mut Members) -> Self {
        let method = method(members);
        let keys = keys(members, method);
        let scopes = scopes(members);
        let name = members.string("client_name");
        let home_page = members.string("client_uri");
        let redirect_uris = members.strings("redirect_uris").unwrap_or_default();
        let launch_uris = members.strings("launch_uris").unwrap_or_default();
        let allowed_origins = members.strings("allowed_origins");
        let kind = members.one_of("application_type", "web, native", |text| match text {
            "web" => Some(AppKind::Web),
            "native" => Some(AppKind::Native),
            _ => None,
        });
        let id_token_alg = members.string("id_token_signed_response_alg").and_then(|name| {
            // A-OIDC-20: `none` is not among them.
            let alg = Alg::from_name(&name).filter(|alg| ID_TOKEN_ALGS.contains(alg));
            if alg.is_none() {
                members.say("id_token_signed_response_alg", Wrong::IdTokenAlg);
            }
            alg
        });
        let require_auth_time = members.switch("require_auth_time");
        let details = AppDetails {
            logo: members.string("logo_uri"),
            terms: members.string("tos_uri"),
            privacy_policy: members.string("policy_uri"),
            contacts: members.strings("contacts").unwrap_or_default(),
            software_id: members.string("software_id"),
            software_version: members.string("software_version"),
        };
        let grant_types = grant_types(members);
        Self {
            name,
            home_page,
            redirect_uris,
            launch_uris,
            allowed_origins,
            kind,
            method,
            keys,
            scopes,
            grant_types,
            id_token_alg,
            require_auth_time,
            details,
        }
    }

    /// The client that it describes, with this id and these secrets, and every privilege at its safe default.
    pub fn into_client(self, id: ClientId, secrets: Vec<ClientSecret>) -> (RegisteredClient, AppDetails) {
        let authentication = match self.method {
            AuthenticationMethod::None => ClientAuthentication::Public,
            AuthenticationMethod::SecretBasic => ClientAuthentication::SecretBasic(secrets),
            AuthenticationMethod::SecretPost => ClientAuthentication::SecretPost(secrets),
            AuthenticationMethod::PrivateKeyJwt => {
                // The rules say that they are missing.
                let none = || ClientKeys::new(KeySource::Inline(Bytes::new()));
                ClientAuthentication::PrivateKeyJwt(self.keys.unwrap_or_else(none))
            }
        };
        let mut client =
            RegisteredClient::new(id, authentication, "", self.scopes.unwrap_or_else(default_scopes));
        client.name = self.name.unwrap_or(client.name);
        client.home_page = self.home_page;
        client.allowed_origins = self.allowed_origins.unwrap_or_else(|| origins_of(&self.redirect_uris));
        client.redirect_uris = self.redirect_uris;
        client.launch_uris = self.launch_uris;
        client.kind = self.kind;
        client.grant_types = self.grant_types.unwrap_or(client.grant_types);
        client.id_token_alg = self.id_token_alg.unwrap_or(client.id_token_alg);
        client.require_auth_time = self.require_auth_time;
        (client, self.details)
    }
}

/// What ID tokens can be signed with for a client. Whether the host has such a key is seen when the engine is built.
pub const ID_TOKEN_ALGS: [Alg; 4] = [Alg::Rs256, Alg::Es256, Alg::Es384, Alg::EdDsa];

fn method(members: &mut Members) -> AuthenticationMethod {
    let methods = "none, client_secret_basic, client_secret_post, private_key_jwt";
    let said = members.has("token_endpoint_auth_method");
    match members.one_of("token_endpoint_auth_method", methods, AuthenticationMethod::from_name) {
        Some(method) => method,
        None if !said => AuthenticationMethod::default(),
        // One mistake is one fault: what was meant can be seen from what belongs to it.
        None if members.has("jwks") || members.has("jwks_uri") => AuthenticationMethod::PrivateKeyJwt,
        None if members.has("client_secret") => AuthenticationMethod::SecretBasic,
        None => AuthenticationMethod::None,
    }
}

/// CAUTH-002: one method for each client, and `jwks` xor `jwks_uri` (RFC 7591 §2).
fn keys(members: &mut Members, method: AuthenticationMethod) -> Option<ClientKeys> {
    let by_key = method == AuthenticationMethod::PrivateKeyJwt;
    for field in ["jwks", "jwks_uri", "token_endpoint_auth_signing_alg"] {
        if !by_key && members.take(field).is_some() {
            members.say(field, Wrong::NoKeys);
        }
    }
    let inline = members.take("jwks").map(|document| match document {
        // Written anew, in one order of members: equal sets are equal bytes.
        Value::Object(_) => KeySource::Inline(Bytes::from(document.to_string())),
        _ => {
            members.say("jwks", Wrong::Type("an object"));
            KeySource::Inline(Bytes::from_static(b"{}"))
        }
    });
    let url = members.string("jwks_uri").map(|url| KeySource::Url(url.into()));
    let alg = members.one_of("token_endpoint_auth_signing_alg", SIGNING_ALGS, |name| {
        Alg::from_name(name).map(|alg| alg.name().to_owned())
    });
    let source = match (inline, url) {
        (Some(_), Some(_)) => {
            members.say("jwks", Wrong::Beside("jwks_uri"));
            return None;
        }
        (inline, url) => inline.or(url),
    };
    source.map(|source| {
        let mut keys = ClientKeys::new(source);
        keys.alg = alg;
        keys
    })
}

const SIGNING_ALGS: &str = "RS384, ES384, RS256, ES256, EdDSA, PS256, PS384";

fn scopes(members: &mut Members) -> Option<ScopeSet> {
    let said = members.has("scope");
    let Some(text) = members.string("scope") else { return said.then(ScopeSet::new) };
    let list = match ScopeList::parse(&text) {
        Ok(list) => list,
        Err(error) => {
            members.say("scope", Wrong::ScopeList(error.to_string()));
            return Some(ScopeSet::new());
        }
    };
    let mut scopes = ScopeSet::new();
    for requested in list {
        match requested.parsed {
            Ok(scope) => {
                scopes.insert(scope);
            }
            Err(why) => {
                members.say("scope", Wrong::Scope { token: requested.text.into(), why: why.to_string() });
            }
        }
    }
    Some(scopes)
}

fn grant_types(members: &mut Members) -> Option<GrantTypes> {
    let mut types = GrantTypes { authorization_code: false, refresh_token: false, client_credentials: false };
    let names = members.strings("grant_types");
    for (at, name) in names.iter().flatten().enumerate() {
        match name.as_str() {
            "authorization_code" => types.authorization_code = true,
            "refresh_token" => types.refresh_token = true,
            "client_credentials" => types.client_credentials = true,
            _ => {
                let known = "authorization_code, refresh_token, client_credentials";
                members.say(&format!("grant_types[{at}]"), Wrong::OneOf(known));
            }
        }
    }
    let types = names.map(|_| types);
    if let Some(responses) = members.strings("response_types") {
        // RFC 7591 §2.1: the two must agree. A backend service has none.
        let code = types.is_none_or(|types| types.authorization_code);
        let agree = if code { responses == ["code"] } else { responses.is_empty() };
        if !agree {
            members.say("response_types", Wrong::OneOf("[\"code\"], or [] without authorization_code"));
        }
    }
    types
}

/// The origins of the redirect URIs, each once.
fn origins_of(redirect_uris: &[String]) -> Vec<String> {
    let mut origins = Vec::new();
    for origin in redirect_uris.iter().filter_map(|uri| redirect_uri::origin(uri)) {
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    origins
}
