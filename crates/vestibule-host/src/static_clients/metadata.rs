//! Reading a file of clients: each with the names of RFC 7591, and with what only an operator may say.

use std::time::Duration;

use serde_json::Value;

use crate::client::members::Members;
use crate::client::{
    AuthenticationMethod, ClientMetadata, ClientSecret, ClientStatus, SecretHash, Wrong, WrongField,
    strict_json,
};
use crate::{
    ClientAuthentication, ClientId, ConsentRule, Framing, RegisteredClient, TokenFormat, UnixMillis,
};

use super::ClientProblem;

/// A client as far as it could be read.
pub(super) struct Read {
    pub(super) index: usize,
    pub(super) client: RegisteredClient,
    /// What the rules say about the rest of it.
    pub(super) wrongs: Vec<WrongField>,
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
            let found = WrongField::new("", Wrong::NotAnObject);
            problems.push(ClientProblem::new(index, None, found));
            continue;
        };
        let twice = twice.iter().filter(|twice| twice.index == Some(index));
        let twice = twice.map(|twice| WrongField::new(&twice.field, Wrong::DuplicateMember)).collect();
        let id = members.get("client_id").and_then(Value::as_str).map(str::to_owned);
        let mut members = Members::new(members, twice);
        let (client, mut wrongs) = client(&mut members);
        members.nothing_left();
        let said = members.into_wrongs();
        // What could not be read was said already; the place-holder in its stead is not wrong once more.
        let is_said = |field: &str| said.iter().any(|said| stands_for(&said.field, field));
        wrongs.retain(|wrong| !is_said(&wrong.field));
        problems.extend(said.into_iter().map(|found| ClientProblem::new(index, id.clone(), found)));
        // Without an id of its own it can neither be found nor collide.
        if id.is_some() {
            clients.push(Read { index, client, wrongs });
        }
    }
    (clients, problems)
}

/// Whether a fault in one field is why the rules miss another.
fn stands_for(said: &str, field: &str) -> bool {
    field.starts_with(said) || field == "client_secret" && said.starts_with("vestibule.secrets")
}

fn client(members: &mut Members) -> (RegisteredClient, Vec<WrongField>) {
    let id = members.string("client_id");
    if id.is_none() {
        members.missing("client_id");
    }
    let metadata = ClientMetadata::read(members);
    let mut secrets = Vec::new();
    secrets.extend(secret(members, metadata.method));
    let fhir_bases = members.strings("fhir_bases").unwrap_or_default();
    let (mut client, details) = metadata.into_client(ClientId::new(id.unwrap_or_default()), secrets);
    client.fhir_bases = fhir_bases;
    members.inside("vestibule", |flags| read_flags(flags, &mut client));
    let mut wrongs = client.wrongs();
    wrongs.extend(details.wrongs());
    client.version = client.fingerprint();
    (client, wrongs)
}

/// `client_secret`, and `client_secret_expires_at` as RFC 7591 has it: 0 is never.
fn secret(members: &mut Members, method: AuthenticationMethod) -> Option<ClientSecret> {
    let text = members.string("client_secret");
    let end = members.number("client_secret_expires_at", 0, i64::MAX, SECONDS);
    if !method.has_secret() {
        if text.is_some() || end.is_some() {
            members.say("client_secret", Wrong::NoSecret);
        }
        return None;
    }
    let hash = text.and_then(|text| hash(members, "client_secret", &text))?;
    Some(ClientSecret { hash, not_after: end.filter(|end| *end > 0).map(UnixMillis::from_seconds) })
}

const SECONDS: &str = "a whole number of seconds since 1970";

fn hash(members: &mut Members, field: &str, secret: &str) -> Option<SecretHash> {
    // RFC 6749 A.2: other characters could not be sent.
    let printable = secret.bytes().all(|b| matches!(b, 0x20..=0x7e));
    let hash = SecretHash::of(secret).filter(|_| printable);
    if hash.is_none() {
        members.say(field, Wrong::Secret);
    }
    hash
}

/// What only an operator may say, under `vestibule`.
fn read_flags(flags: &mut Members, client: &mut RegisteredClient) {
    let consent = flags.one_of("consent", "ask, remember, pre_approved", |text| match text {
        "ask" => Some(ConsentRule::Ask),
        "remember" => Some(ConsentRule::Remember),
        "pre_approved" => Some(ConsentRule::PreApproved),
        _ => None,
    });
    client.consent = consent.unwrap_or_default();
    if let Some(origins) = flags.strings("framing") {
        client.framing = Framing::Origins(origins);
    }
    client.token_format = flags
        .one_of("token_format", "jwt, opaque", |text| match text {
            "jwt" => Some(TokenFormat::Jwt),
            "opaque" => Some(TokenFormat::Opaque),
            _ => None,
        })
        .unwrap_or_default();
    client.introspects = flags.strings("introspects").unwrap_or_default();
    let cap = flags.number("refresh_cap_days", 1, MAX_CAP_DAYS, "a whole number of days, 1 to 3650");
    let days = cap.and_then(|days| u64::try_from(days).ok());
    client.refresh_cap = days.map(|days| Duration::from_secs(days.saturating_mul(24 * 60 * 60)));
    client.loopback_ports = flags.switch("loopback_ports");
    client.danger_raw_basic = flags.switch("danger_raw_basic");
    client.strict_scopes = flags.switch("strict_scopes");
    client.strict_refresh = flags.switch("strict_refresh");
    client.legacy_v1 = flags.switch("legacy_v1");
    client.fhir_context_strings = flags.switch("fhir_context_strings");
    match (flags.switch("disabled"), flags.switch("pending")) {
        (true, true) => flags.say("pending", Wrong::Beside("disabled")),
        (true, false) => client.status = ClientStatus::Disabled,
        (false, true) => client.status = ClientStatus::Pending,
        (false, false) => {}
    }
    let (strict_aud, untyped) = (flags.switch("strict_aud"), flags.switch("untyped_assertions"));
    match &mut client.authentication {
        ClientAuthentication::PrivateKeyJwt(keys) => {
            keys.strict_aud = strict_aud;
            keys.untyped_assertions = untyped;
        }
        _ if strict_aud => flags.say("strict_aud", Wrong::NoKeys),
        _ if untyped => flags.say("untyped_assertions", Wrong::NoKeys),
        _ => {}
    }
    more_secrets(flags, &mut client.authentication);
}

/// Ten years: longer caps are none.
const MAX_CAP_DAYS: i64 = 3650;

/// `secrets: [{ "secret" | "sha256", "expires" }]`: so that one can be replaced without an outage (row 52).
fn more_secrets(flags: &mut Members, authentication: &mut ClientAuthentication) {
    let listed = flags.each_inside("secrets", |one| {
        let text = one.string("secret");
        let stored = one.string("sha256");
        let not_after = one.number("expires", 0, i64::MAX, SECONDS).map(UnixMillis::from_seconds);
        let hash = match (text, stored) {
            (Some(_), Some(_)) => {
                one.say("secret", Wrong::Beside("sha256"));
                None
            }
            (Some(text), None) => hash(one, "secret", &text),
            (None, Some(digits)) => {
                let bytes = sha256(&digits);
                if bytes.is_none() {
                    one.say("sha256", Wrong::Type("64 hexadecimal digits"));
                }
                bytes.map(SecretHash::from_bytes)
            }
            (None, None) => {
                one.missing("secret");
                None
            }
        };
        hash.map(|hash| ClientSecret { hash, not_after })
    });
    match (authentication, listed) {
        (_, None) => {}
        (
            ClientAuthentication::SecretBasic(secrets) | ClientAuthentication::SecretPost(secrets),
            Some(listed),
        ) => {
            secrets.extend(listed);
        }
        (_, Some(_)) => flags.say("secrets", Wrong::NoSecret),
    }
}

fn sha256(digits: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
    bytes.filter(|_| rest.is_empty())?.try_into().ok()
}
