use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use vestibule_scope::{Narrowed, Scope};

mod credentials;

use crate::client::{ClientStatus, Wrong};
use crate::redirect_uri::AppKind;
use crate::{Alg, ClientAuthentication, ConsentRule, Framing, GrantTypes, TokenFormat};

use super::*;

const SECRET: &str = "test-secret-test-secret-test-secret";

/// The futures here never wait.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("waits for nothing"),
    }
}

/// A minimal public client with some more members, which win.
fn public(more: &str) -> String {
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(
        r#"{ "client_id": "app", "token_endpoint_auth_method": "none", "scope": "openid",
             "redirect_uris": ["https://app.example/cb"] }"#,
    )
    .unwrap();
    members.extend(serde_json::from_str::<serde_json::Map<_, _>>(more).unwrap());
    members.retain(|_, value| value != "-");
    serde_json::to_string(&members).unwrap()
}

fn one(client: &str) -> Result<RegisteredClient, ClientsError> {
    StaticClients::from_json(&format!("[{client}]")).map(|clients| clients.iter().next().unwrap().clone())
}

fn lines(json: &str) -> Vec<String> {
    StaticClients::from_json(json).unwrap_err().to_string().lines().map(str::to_owned).collect()
}

/// SMART-REG-006
#[test]
fn reads_every_member() {
    let client = one(&format!(
        r#"{{
            "client_id": "whole", "client_secret": "{SECRET}", "client_name": "Whole App",
            "client_uri": "https://app.example/", "logo_uri": "https://app.example/logo.svg",
            "contacts": ["help@app.example"], "tos_uri": "https://app.example/tos",
            "policy_uri": "https://app.example/policy", "software_id": "whole", "software_version": "1.2",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "application_type": "web", "scope": "launch openid patient/*.rs",
            "redirect_uris": ["https://app.example/cb", "https://app.example/other", "http://localhost:3000/cb"],
            "launch_uris": ["https://app.example/launch"],
            "fhir_bases": ["https://ehr.example/archive/fhir", "https://ehr.example/fhir"],
            "id_token_signed_response_alg": "ES384", "require_auth_time": true,
            "vestibule": {{ "consent": "pre_approved", "framing": ["https://portal.example"], "loopback_ports": true,
                            "danger_raw_basic": true, "strict_scopes": true, "disabled": false, "pending": false,
                            "legacy_v1": true, "strict_refresh": true, "token_format": "opaque",
                            "refresh_cap_days": 30, "fhir_context_strings": true,
                            "introspects": ["https://ehr.example/fhir"] }}
        }}"#
    ))
    .unwrap();
    assert_eq!(client.id.as_str(), "whole");
    assert_eq!(client.name, "Whole App");
    assert_eq!(client.home_page.as_deref(), Some("https://app.example/"));
    assert_eq!(client.authentication.method(), "client_secret_basic");
    let ClientAuthentication::SecretBasic(secrets) = &client.authentication else { panic!("Basic") };
    assert!(secrets[0].hash.is(SECRET));
    assert_eq!(client.redirect_uris.len(), 3);
    assert_eq!(client.launch_uris, ["https://app.example/launch"]);
    assert_eq!(client.allowed_origins, ["https://app.example", "http://localhost:3000"]);
    assert_eq!(client.scopes, ScopeSetOf::parse("launch openid patient/*.rs"));
    assert_eq!(client.fhir_bases[0], "https://ehr.example/archive/fhir");
    assert_eq!(client.consent, ConsentRule::PreApproved);
    assert_eq!(client.framing, Framing::Origins(vec!["https://portal.example".to_owned()]));
    assert!(client.loopback_ports && client.danger_raw_basic && client.strict_scopes && client.is_enabled());
    assert!(client.legacy_v1 && client.strict_refresh && client.fhir_context_strings);
    assert_eq!(client.app_kind(), AppKind::Web);
    assert_eq!((client.id_token_alg, client.require_auth_time), (Alg::Es384, true));
    assert_eq!(client.grant_types, GrantTypes::APP);
    assert_eq!(client.token_format, TokenFormat::Opaque);
    assert_eq!(client.refresh_cap, Some(Duration::from_secs(30 * 24 * 60 * 60)));
    assert_eq!(client.introspects, ["https://ehr.example/fhir"]);
    assert_eq!(client.version, client.fingerprint());
}

struct ScopeSetOf;

impl ScopeSetOf {
    fn parse(text: &str) -> vestibule_scope::ScopeSet {
        vestibule_scope::ScopeSet::parse(text).unwrap()
    }
}

#[test]
fn defaults_are_the_safe_ones() {
    let client = one(&public("{}")).unwrap();
    assert_eq!(client.name, "app");
    assert_eq!(client.authentication, ClientAuthentication::Public);
    assert_eq!(client.allowed_origins, ["https://app.example"]);
    assert_eq!(client.consent, ConsentRule::Ask);
    assert_eq!(client.framing, Framing::Refuse);
    assert!(client.fhir_bases.is_empty() && client.launch_uris.is_empty());
    assert!(
        !client.loopback_ports && !client.danger_raw_basic && !client.strict_scopes && client.is_enabled()
    );
    assert!(!client.legacy_v1 && !client.strict_refresh && !client.fhir_context_strings);
    assert!(!client.require_auth_time && client.refresh_cap.is_none() && client.introspects.is_empty());
    assert_eq!((client.token_format, client.id_token_alg), (TokenFormat::Jwt, Alg::Rs256));
    assert_eq!(client.grant_types, GrantTypes::APP);
    assert_eq!(client.app_kind(), AppKind::Web);
    let pending = one(&public(r#"{ "vestibule": { "pending": true } }"#)).unwrap();
    assert_eq!(pending.status, ClientStatus::Pending);

    let none = one(&public(r#"{ "allowed_origins": [] }"#)).unwrap();
    assert!(none.allowed_origins.is_empty(), "an empty list means none, not the default");
    let native =
        one(&public(r#"{ "application_type": "native", "redirect_uris": ["com.example.app:/cb"] }"#))
            .unwrap();
    assert!(native.allowed_origins.is_empty());
    assert_eq!(native.app_kind(), AppKind::Native);
    // An app without a secret may be on a device, also if it does not say so.
    assert!(one(&public(r#"{ "redirect_uris": ["com.example.app:/cb"] }"#)).is_ok());
    // RFC 7591 leaves open what an app may ask for that does not say: to read, and to change nothing.
    let silent = one(&public(r#"{ "scope": "-" }"#)).unwrap();
    let asked = |text| !matches!(silent.scopes.narrow(&Scope::parse(text).unwrap()), Narrowed::Nothing);
    for read in
        ["patient/Observation.rs", "user/Patient.read", "launch", "launch/patient", "openid", "fhirUser"]
    {
        assert!(asked(read), "{read}");
    }
    for more in ["patient/Observation.cud", "system/Patient.rs", "user/Patient.write", "launch/list"] {
        assert!(!asked(more), "{more}");
    }
    let post =
        format!(r#"{{ "token_endpoint_auth_method": "client_secret_post", "client_secret": "{SECRET}" }}"#);
    assert_eq!(one(&public(&post)).unwrap().authentication.method(), "client_secret_post");
    let basic =
        format!(r#"{{ "token_endpoint_auth_method": "client_secret_basic", "client_secret": "{SECRET}" }}"#);
    assert_eq!(one(&public(&basic)).unwrap().authentication.method(), "client_secret_basic");
}

#[test]
fn each_fault_names_client_and_field() {
    for (more, expected) in [
        (r#"{ "client_id": "" }"#, "client_id: must be 1 to 255"),
        (r#"{ "client_id": "a b" }"#, "client_id: must be 1 to 255"),
        (r#"{ "client_id": "-" }"#, "client_id: missing"),
        (r#"{ "client_id": 7 }"#, "client_id: must be a string"),
        (r#"{ "client_name": " " }"#, "client_name: must be 1 to 200"),
        (r#"{ "client_name": "a\u202eb" }"#, "client_name: must be 1 to 200"),
        (r#"{ "client_name": ["a"] }"#, "client_name: must be a string"),
        (r#"{ "client_name": null }"#, "client_name: must be a string"),
        (r#"{ "client_uri": "javascript:alert(1)" }"#, "client_uri: must be an http or https address"),
        (r#"{ "logo_uri": "data:image/png," }"#, "logo_uri: must be an http or https address"),
        (r#"{ "contacts": "me" }"#, "contacts: must be an array of strings"),
        (r#"{ "contacts": ["me", 1] }"#, "contacts[1]: must be a string"),
        (r#"{ "software_version": 1 }"#, "software_version: must be a string"),
        (r#"{ "redirect_uri": "https://app.example/cb" }"#, "redirect_uri: no such member"),
        (r#"{ "redirect_uris": "-" }"#, "redirect_uris: missing"),
        (r#"{ "redirect_uris": [] }"#, "redirect_uris: missing"),
        (r#"{ "redirect_uris": "https://app.example/cb" }"#, "redirect_uris: must be an array of strings"),
        (r#"{ "redirect_uris": ["https://app.example/cb", "/cb"] }"#, "redirect_uris[1]: is not absolute"),
        (
            r#"{ "application_type": "web", "redirect_uris": ["com.example.app:/cb"] }"#,
            "redirect_uris[0]: has a private-use scheme, which",
        ),
        (
            r#"{ "token_endpoint_auth_method": "-", "redirect_uris": ["com.example.app:/cb"],
                 "client_secret": "0123456789-0123456789-0123456789-test" }"#,
            "redirect_uris[0]: has a private-use scheme, which",
        ),
        (r#"{ "launch_uris": ["http://app.example/"] }"#, "launch_uris[0]: is http, but not on"),
        (r#"{ "allowed_origins": ["https://app.example/"] }"#, "allowed_origins[0]: must be an origin"),
        (r#"{ "allowed_origins": ["*"] }"#, "allowed_origins[0]: must be an origin"),
        (r#"{ "allowed_origins": ["null"] }"#, "allowed_origins[0]: must be an origin"),
        (r#"{ "fhir_bases": ["/fhir"] }"#, "fhir_bases[0]: must be an http or https address"),
        (
            r#"{ "fhir_bases": ["https://e.example/f", "https://e.example/f"] }"#,
            "fhir_bases[1]: stands in the list twice",
        ),
        (r#"{ "scope": "" }"#, "scope: "),
        (r#"{ "scope": "openid  fhirUser" }"#, "scope: "),
        (r#"{ "scope": "openid patient/Foo.rs" }"#, "scope: \"patient/Foo.rs\": "),
        (r#"{ "scope": ["openid"] }"#, "scope: must be a string"),
        (r#"{ "token_endpoint_auth_method": "client_secret_basic" }"#, "client_secret: missing"),
        (r#"{ "token_endpoint_auth_method": "-" }"#, "client_secret: missing"),
        (
            r#"{ "token_endpoint_auth_method": "-", "client_secret": "short" }"#,
            "client_secret: must be at least 32",
        ),
        (
            r#"{ "client_secret": "test-secret-test-secret-test-secret" }"#,
            "client_secret: only a client with client_secret_basic or client_secret_post has a secret",
        ),
        (
            r#"{ "token_endpoint_auth_method": "magic" }"#,
            "token_endpoint_auth_method: must be one of: none, client_",
        ),
        (r#"{ "token_endpoint_auth_method": "private_key_jwt" }"#, "jwks_uri: missing"),
        (r#"{ "jwks": { "keys": [] } }"#, "jwks: only a client with private_key_jwt has keys"),
        (r#"{ "jwks_uri": "https://app.example/jwks" }"#, "jwks_uri: only a client with private_key_jwt"),
        (
            r#"{ "token_endpoint_auth_signing_alg": "ES384" }"#,
            "token_endpoint_auth_signing_alg: only a client with private_key_jwt",
        ),
        (r#"{ "application_type": "desktop" }"#, "application_type: must be one of: web, native"),
        (r#"{ "grant_types": [] }"#, "grant_types: must not be empty"),
        (r#"{ "grant_types": ["refresh_token"] }"#, "grant_types: \"refresh_token\" needs \"authorization_c"),
        (r#"{ "grant_types": ["authorization_code", "implicit"] }"#, "grant_types[1]: must be one of: auth"),
        (
            r#"{ "grant_types": ["authorization_code", "client_credentials"] }"#,
            "grant_types: \"client_credentials\" is only for clients with private_key_jwt",
        ),
        (r#"{ "response_types": ["token"] }"#, "response_types: must be one of: [\"code\"]"),
        (r#"{ "response_types": [] }"#, "response_types: must be one of: [\"code\"]"),
        (
            r#"{ "scope": "openid system/*.rs" }"#,
            "scope: \"system/*.rs\" is only for a client with the grant",
        ),
        (r#"{ "id_token_signed_response_alg": "none" }"#, "id_token_signed_response_alg: must be one of: RS"),
        (r#"{ "id_token_signed_response_alg": "HS256" }"#, "id_token_signed_response_alg: must be one of: "),
        (r#"{ "require_auth_time": 1 }"#, "require_auth_time: must be true or false"),
        (r#"{ "contacts": ["a\u0007"] }"#, "contacts[0]: must be 1 to 200 characters"),
        (
            r#"{ "client_uri": "https://ehr.example@evil.example/" }"#,
            "client_uri: must be an http or https a",
        ),
        (r#"{ "client_secret_expires_at": 5 }"#, "client_secret: only a client with client_secret_basic or"),
        (r#"{ "vestibule": true }"#, "vestibule: must be an object"),
        (
            r#"{ "vestibule": { "consent": "never" } }"#,
            "vestibule.consent: must be one of: ask, remember, pre_approved",
        ),
        (
            r#"{ "vestibule": { "consent": "pre_approved" } }"#,
            "vestibule.consent: \"pre_approved\" is only for",
        ),
        (r#"{ "vestibule": { "framing": [] } }"#, "vestibule.framing: must not be empty"),
        (
            r#"{ "vestibule": { "framing": ["https://a.example; x"] } }"#,
            "vestibule.framing[0]: must be an origin",
        ),
        (
            r#"{ "vestibule": { "framing": "https://a.example" } }"#,
            "vestibule.framing: must be an array of strings",
        ),
        (r#"{ "vestibule": { "disabled": "no" } }"#, "vestibule.disabled: must be true or false"),
        (
            r#"{ "vestibule": { "danger_raw_basic": true } }"#,
            "vestibule.danger_raw_basic: only a client with",
        ),
        (r#"{ "vestibule": { "legacy_v1": true } }"#, "vestibule.legacy_v1: this switch is only for confid"),
        (
            r#"{ "vestibule": { "introspects": ["https://ehr.example/fhir"] } }"#,
            "vestibule.introspects: introspection is only for confidential clients",
        ),
        (r#"{ "vestibule": { "strict_aud": true } }"#, "vestibule.strict_aud: only a client with private"),
        (
            r#"{ "vestibule": { "untyped_assertions": true } }"#,
            "vestibule.untyped_assertions: only a client with private",
        ),
        (r#"{ "vestibule": { "token_format": "saml" } }"#, "vestibule.token_format: must be one of: jwt, o"),
        (r#"{ "vestibule": { "refresh_cap_days": 0 } }"#, "vestibule.refresh_cap_days: must be a whole n"),
        (r#"{ "vestibule": { "refresh_cap_days": 1.5 } }"#, "vestibule.refresh_cap_days: must be a whole "),
        (r#"{ "vestibule": { "refresh_cap_days": 3651 } }"#, "vestibule.refresh_cap_days: must be a whole"),
        (
            r#"{ "vestibule": { "disabled": true, "pending": true } }"#,
            "vestibule.pending: cannot stand beside disabled",
        ),
        (
            r#"{ "vestibule": { "secrets": [] } }"#,
            "vestibule.secrets: only a client with client_secret_basic or client_secret_post has a secret",
        ),
        (r#"{ "vestibule": { "colour": "red" } }"#, "vestibule.colour: no such member"),
        (r#"{ "line\nbreak": 1 }"#, "line\\nbreak: no such member"),
    ] {
        let found = lines(&format!("[{}]", public(more)));
        assert_eq!(found.len(), 1, "{more}: {found:?}");
        let place = found[0].strip_prefix("client 1").unwrap();
        let place = place.strip_prefix(r#" ("app")"#).or_else(|| place.split_once(')').map(|(_, rest)| rest));
        let text = place.unwrap_or(&found[0]["client 1".len()..]);
        assert!(text.starts_with(&format!(": {expected}")), "{more}: {found:?}");
    }
}

#[test]
fn all_faults_are_reported_at_once_in_order() {
    let json = format!(
        "[{}, 5, {}, {}]",
        public(r#"{ "colour": 1, "redirect_uris": ["/a", "/b"] }"#),
        public(r#"{ "client_id": "second", "vestibule": { "consent": 1 } }"#),
        public("{}"),
    );
    assert_eq!(
        lines(&json),
        [
            r#"client 1 ("app"): colour: no such member"#,
            r#"client 1 ("app"): redirect_uris[0]: is not absolute (no scheme)"#,
            r#"client 1 ("app"): redirect_uris[1]: is not absolute (no scheme)"#,
            "client 2: must be a JSON object",
            r#"client 3 ("second"): vestibule.consent: must be a string"#,
            r#"client 4 ("app"): client_id: another client has this id"#,
        ]
    );
    let error = StaticClients::from_json(&json).unwrap_err();
    assert_eq!(error.problems().len(), 6);
    assert_eq!(error.problems()[5].index(), Some(3));
    assert_eq!(error.problems()[5].id(), Some("app"));
    assert_eq!(error.problems()[5].field(), "client_id");
    assert_eq!(error.problems()[5].wrong(), &Wrong::DuplicateId);
}

#[test]
fn a_member_stands_once() {
    let twice = r#"[{ "client_id": "app", "client_id": "other", "token_endpoint_auth_method": "none", "scope": "openid",
                      "redirect_uris": ["https://app.example/cb"], "vestibule": { "disabled": true, "disabled": false } }]"#;
    assert_eq!(
        lines(twice),
        [
            r#"client 1 ("app"): client_id: stands here twice"#,
            r#"client 1 ("app"): vestibule.disabled: stands here twice"#,
        ]
    );
}

#[test]
fn what_is_no_list_of_clients() {
    assert!(lines("")[0].starts_with("not valid JSON: "));
    assert!(lines("[").join("").contains("line 1 column 1"), "{:?}", lines("["));
    assert!(lines("[] x")[0].starts_with("not valid JSON: "));
    assert_eq!(lines("{}"), ["must be a JSON array of clients"]);
    assert_eq!(lines("null"), ["must be a JSON array of clients"]);
    assert!(lines(&"[".repeat(100_000))[0].starts_with("not valid JSON: nested too deeply"));
    assert_eq!(StaticClients::from_json("[]").unwrap().iter().count(), 0);
}

#[test]
fn a_fault_never_shows_a_secret() {
    let json = public(r#"{ "token_endpoint_auth_method": "-", "client_secret": "hunter2" }"#);
    let error = StaticClients::from_json(&format!("[{json}]")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let client =
        one(&public(&format!(r#"{{ "token_endpoint_auth_method": "-", "client_secret": "{SECRET}" }}"#)));
    assert!(!format!("{client:?}").contains(SECRET));
}

#[test]
fn clients_built_in_code_obey_the_same_rules() {
    let scopes = ScopeSetOf::parse("openid");
    let built = |uri: &str| {
        RegisteredClient::new(ClientId::new("app"), ClientAuthentication::Public, uri, scopes.clone())
    };
    let native = StaticClients::new(vec![built("com.example.app:/cb")]).unwrap();
    assert_eq!(native.iter().count(), 1);
    let error = StaticClients::new(vec![built("https://app.example/cb"), built("http://app.example/cb")])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "client 2 (\"app\"): redirect_uris[0]: is http, but not on 127.0.0.1, [::1] or localhost\n\
         client 2 (\"app\"): client_id: another client has this id"
    );
    let mut no_secret = built("https://app.example/cb");
    no_secret.authentication = ClientAuthentication::SecretBasic(Vec::new());
    let error = StaticClients::new(vec![no_secret]).unwrap_err();
    assert_eq!(error.problems()[0].field(), "client_secret");
}

#[test]
fn extending_keeps_what_was_there() {
    let first = StaticClients::from_json(&format!("[{}]", public("{}"))).unwrap();
    let both = first.clone().extend_from_json(&format!("[{}]", public(r#"{ "client_id": "b" }"#))).unwrap();
    let ids: Vec<_> = both.iter().map(|client| client.id.as_str()).collect();
    assert_eq!(ids, ["app", "b"]);
    let error = first.extend_from_json(&format!("[{}]", public("{}"))).unwrap_err();
    assert_eq!(error.to_string(), r#"client 1 ("app"): client_id: another client has this id"#);
}

#[test]
fn answers_as_a_registry() {
    let json = format!(
        "[{}, {}]",
        public("{}"),
        public(
            r#"{ "client_id": "gone", "redirect_uris": ["https://gone.example/"], "vestibule": { "disabled": true } }"#
        )
    );
    let clients = StaticClients::from_json(&json).unwrap();
    let found = |id: &str| now(clients.client(&ClientId::new(id))).unwrap();
    assert_eq!(found("app").unwrap().id.as_str(), "app");
    assert!(!found("gone").unwrap().is_enabled(), "the engine treats it as unknown");
    assert!(found("App").is_none(), "ids are compared byte for byte");
    assert!(now(clients.is_known_origin("https://app.example")).unwrap());
    assert!(!now(clients.is_known_origin("https://gone.example")).unwrap());
    assert!(!now(clients.is_known_origin("https://app.example/")).unwrap());
}
