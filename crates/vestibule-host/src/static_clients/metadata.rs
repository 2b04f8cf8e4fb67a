//! Reading client metadata: the names of RFC 7591 and ours, each with its type.

use serde_json::{Map, Value};
use vestibule_scope::{ScopeList, ScopeSet};

use super::{ClientProblem, Wrong, is_web_page, strict_json};
use crate::client::{ClientSecret, ClientStatus, SecretHash};
use crate::redirect_uri::{self, AppKind};
use crate::{ClientAuthentication, ClientId, ConsentRule, Framing, RegisteredClient};

/// A client as far as it could be read.
pub(super) struct Read {
    pub(super) index: usize,
    pub(super) client: RegisteredClient,
    pub(super) kind: AppKind,
    /// The fields about which something was said already.
    pub(super) skip: Vec<String>,
}

/// Reads the whole file; what could be read comes back together with everything that could not.
pub(super) fn read(json: &str) -> (Vec<Read>, Vec<ClientProblem>) {
    let (value, twice) = match strict_json::read(json) {
        Ok(read) => read,
        Err(error) => return (Vec::new(), vec![ClientProblem::of_the_file(Wrong::Json(error.to_string()))]),
    };
    let Value::Array(items) = value else {
        return (Vec::new(), vec![ClientProblem::of_the_file(Wrong::NotAnArray)]);
    };
    let mut problems = Vec::new();
    let mut clients = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let Value::Object(members) = item else {
            problems.push(ClientProblem::new(index, None, "", Wrong::NotAnObject));
            continue;
        };
        let mut reader = Reader { members, prefix: "", wrongs: Vec::new() };
        for twice in twice.iter().filter(|twice| twice.index == Some(index)) {
            reader.wrongs.push((twice.field.clone(), Wrong::DuplicateMember));
        }
        let id = reader.members.get("client_id").and_then(Value::as_str).map(str::to_owned);
        let (client, kind) = client(&mut reader);
        reader.nothing_left();
        let skip = reader.wrongs.iter().map(|(field, _)| field.clone()).collect();
        problems.extend(
            reader
                .wrongs
                .into_iter()
                .map(|(field, wrong)| ClientProblem::new(index, id.clone(), field, wrong)),
        );
        // Without an id of its own it can neither be found nor collide.
        if id.is_some() {
            clients.push(Read { index, client, kind, skip });
        }
    }
    (clients, problems)
}

fn client(reader: &mut Reader) -> (RegisteredClient, AppKind) {
    let id = reader.string("client_id");
    if id.is_none() {
        reader.missing("client_id");
    }
    let id = ClientId::new(id.unwrap_or_default());
    let authentication = authentication(reader);
    let scopes = scopes(reader);

    let mut client = RegisteredClient::new(id, authentication, "", scopes);
    client.name = reader.string("client_name").unwrap_or(client.name);
    client.home_page = reader.string("client_uri");
    client.redirect_uris = reader.strings("redirect_uris").unwrap_or_default();
    client.launch_uris = reader.strings("launch_uris").unwrap_or_default();
    client.allowed_origins = match reader.strings("allowed_origins") {
        Some(origins) => origins,
        None => origins_of(&client.redirect_uris),
    };
    client.fhir_bases = reader.strings("fhir_bases").unwrap_or_default();
    let kind = match reader.one_of("application_type", "web, native", |text| match text {
        "web" => Some(AppKind::Web),
        "native" => Some(AppKind::Native),
        _ => None,
    }) {
        Some(kind) => kind,
        None => AppKind::of(&client.authentication),
    };
    flags(reader, &mut client);
    known_and_unused(reader);
    (client, kind)
}

/// CAUTH-002: one method for each client.
fn authentication(reader: &mut Reader) -> ClientAuthentication {
    for keys in ["jwks", "jwks_uri"] {
        if reader.members.remove(keys).is_some() {
            reader.say(
                keys,
                Wrong::NotSupported(": this version knows no client keys; use client_secret_basic"),
            );
        }
    }
    let method = reader.string("token_endpoint_auth_method");
    let secret = reader.string("client_secret");
    let kind: fn(Vec<ClientSecret>) -> ClientAuthentication = match method.as_deref() {
        Some("none") => {
            if secret.is_some() {
                reader.say("client_secret", Wrong::SecretOfPublic);
            }
            return ClientAuthentication::Public;
        }
        // RFC 7591: what a client that says nothing means.
        None | Some("client_secret_basic") => ClientAuthentication::SecretBasic,
        Some("client_secret_post") => ClientAuthentication::SecretPost,
        Some("private_key_jwt") => {
            let instead = ": this version has no private_key_jwt; use client_secret_basic or none";
            reader.say("token_endpoint_auth_method", Wrong::NotSupported(instead));
            return ClientAuthentication::Public;
        }
        Some(_) => {
            let methods = "none, client_secret_basic, client_secret_post";
            reader.say("token_endpoint_auth_method", Wrong::OneOf(methods));
            return ClientAuthentication::Public;
        }
    };
    let hashes = match secret {
        None => Vec::new(),
        Some(secret) => {
            // RFC 6749 A.2: other characters could not be sent.
            let printable = secret.bytes().all(|b| matches!(b, 0x20..=0x7e));
            let hash = SecretHash::of(&secret).filter(|_| printable);
            if hash.is_none() {
                reader.say("client_secret", Wrong::Secret);
            }
            hash.map(ClientSecret::new).into_iter().collect()
        }
    };
    kind(hashes)
}

/// What an app may ask for whose registration does not say (RFC 7591 §2 leaves the choice to the server): to read what its
/// user can read, and to know who and what it was opened for. Nothing is changed without having been registered.
const DEFAULT_SCOPES: &str = "launch launch/patient launch/encounter openid fhirUser profile online_access offline_access \
                              patient/*.rs user/*.rs";

fn scopes(reader: &mut Reader) -> ScopeSet {
    let said = reader.members.contains_key("scope");
    let text = match reader.string("scope") {
        Some(text) => text,
        None if said => return ScopeSet::new(),
        None => DEFAULT_SCOPES.to_owned(),
    };
    let list = match ScopeList::parse(&text) {
        Ok(list) => list,
        Err(error) => {
            reader.say("scope", Wrong::ScopeList(error.to_string()));
            return ScopeSet::new();
        }
    };
    let mut scopes = ScopeSet::new();
    for requested in list {
        match requested.parsed {
            Ok(scope) => {
                scopes.insert(scope);
            }
            Err(why) => {
                reader.say("scope", Wrong::Scope { token: requested.text.into(), why: why.to_string() });
            }
        }
    }
    scopes
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

/// What only this server knows, under `vestibule`.
fn flags(reader: &mut Reader, client: &mut RegisteredClient) {
    let members = match reader.members.remove("vestibule") {
        None => return,
        Some(Value::Object(members)) => members,
        Some(_) => return reader.say("vestibule", Wrong::Type("an object")),
    };
    let mut flags = Reader { members, prefix: "vestibule.", wrongs: Vec::new() };
    client.consent = match flags.one_of("consent", "ask, remember, pre_approved", |text| match text {
        "ask" => Some(ConsentRule::Ask),
        "remember" => Some(ConsentRule::Remember),
        "pre_approved" => Some(ConsentRule::PreApproved),
        _ => None,
    }) {
        Some(rule) => rule,
        None => ConsentRule::Ask,
    };
    if let Some(origins) = flags.strings("framing") {
        client.framing = Framing::Origins(origins);
    }
    client.loopback_ports = flags.switch("loopback_ports");
    client.danger_raw_basic = flags.switch("danger_raw_basic");
    client.strict_scopes = flags.switch("strict_scopes");
    if flags.switch("disabled") {
        client.status = ClientStatus::Disabled;
    }
    flags.nothing_left();
    reader.wrongs.append(&mut flags.wrongs);
}

/// Members that files bring along and nothing here depends on; wrong ones are still wrong.
fn known_and_unused(reader: &mut Reader) {
    for page in ["logo_uri", "tos_uri", "policy_uri"] {
        if reader.string(page).is_some_and(|page| !is_web_page(&page)) {
            reader.say(page, Wrong::WebPage);
        }
    }
    reader.string("software_id");
    reader.string("software_version");
    reader.strings("contacts");
    if let Some(grants) = reader.strings("grant_types") {
        if !grants.iter().any(|grant| grant == "authorization_code") {
            reader.say("grant_types", Wrong::MustContain("authorization_code"));
        }
        for (at, grant) in grants.iter().enumerate() {
            let field = format!("grant_types[{at}]");
            match grant.as_str() {
                "authorization_code" | "refresh_token" => {}
                "client_credentials" => reader.say(&field, Wrong::NotSupported("")),
                _ => reader.say(&field, Wrong::OneOf("authorization_code, refresh_token")),
            }
        }
    }
    if reader.strings("response_types").is_some_and(|types| types != ["code"]) {
        reader.say("response_types", Wrong::OneOf("[\"code\"]"));
    }
}

/// Takes members out of an object, one after the other; what is left at the end is unknown.
struct Reader {
    members: Map<String, Value>,
    prefix: &'static str,
    wrongs: Vec<(String, Wrong)>,
}

impl Reader {
    fn say(&mut self, field: &str, wrong: Wrong) {
        self.wrongs.push((format!("{}{field}", self.prefix), wrong));
    }

    fn missing(&mut self, field: &str) {
        // A value of the wrong type is there, and was reported.
        let full = format!("{}{field}", self.prefix);
        if !self.wrongs.iter().any(|(said, _)| *said == full) {
            self.wrongs.push((full, Wrong::Missing));
        }
    }

    fn string(&mut self, field: &str) -> Option<String> {
        match self.members.remove(field)? {
            Value::String(text) => Some(text),
            _ => {
                self.say(field, Wrong::Type("a string"));
                None
            }
        }
    }

    fn strings(&mut self, field: &str) -> Option<Vec<String>> {
        let Value::Array(items) = self.members.remove(field)? else {
            self.say(field, Wrong::Type("an array of strings"));
            return Some(Vec::new());
        };
        let mut texts = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                _ => self.say(&format!("{field}[{at}]"), Wrong::Type("a string")),
            }
        }
        Some(texts)
    }

    fn switch(&mut self, field: &str) -> bool {
        match self.members.remove(field) {
            None => false,
            Some(Value::Bool(on)) => on,
            Some(_) => {
                self.say(field, Wrong::Type("true or false"));
                false
            }
        }
    }

    fn one_of<T>(&mut self, field: &str, choices: &'static str, read: fn(&str) -> Option<T>) -> Option<T> {
        let text = self.string(field)?;
        let value = read(&text);
        if value.is_none() {
            self.say(field, Wrong::OneOf(choices));
        }
        value
    }

    fn nothing_left(&mut self) {
        for (name, _) in std::mem::take(&mut self.members) {
            self.say(&name, Wrong::Unknown);
        }
    }
}
