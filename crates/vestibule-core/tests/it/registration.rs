//! Apps that register themselves: what is kept of what they send, and what they are told.

use serde_json::{Value, json};
use vestibule_core::register::{self, ChangeDraft, Fresh, RegisterError, RegistrationDraft};
use vestibule_host::client::KeySource;
use vestibule_host::redirect_uri::AppKind;
use vestibule_host::registration::{
    Admitted, Created, RegistrationRequest, Sent, SpendToken, UpdateClient, Updated,
};
use vestibule_host::{
    ClientAuthentication, ClientId, ClientStatus, ConsentRule, Framing, GrantTypes, InitialTokenHash,
    RegisteredClient, Registration, RegistrationTokenHash, Revision, Secret, UnixMillis,
};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const ENDPOINT: &str = "https://as.example/auth/register";
const SECRET: &str = "fresh-secret-fresh-secret-fresh-secret";
const TOKEN: &str = "registration-token";
const HASH: RegistrationTokenHash = RegistrationTokenHash::new([7; 32]);
const EC_KEY: &str = r#"{ "kty": "EC", "kid": "e1", "crv": "P-384", "x": "AA", "y": "AA" }"#;

fn sent(body: &Value) -> Result<Sent, RegisterError> {
    RegistrationRequest::from_json(body.to_string().as_bytes())
        .and_then(RegistrationRequest::read)
        .map_err(|wrongs| RegisterError::of(&wrongs))
}

/// The usual body, with members that win; null takes one out.
fn body(more: Value) -> Value {
    let mut body = json!({
        "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none",
        "client_name": "App", "scope": "launch/patient openid patient/*.rs",
    });
    let Value::Object(more) = more else { panic!("an object") };
    body.as_object_mut().unwrap().extend(more);
    body
}

fn ceiling() -> Admitted {
    Admitted::pending("launch/patient openid fhirUser offline_access patient/*.rs".parse().unwrap())
}

fn with_system() -> Admitted {
    Admitted::pending("openid patient/*.rs system/*.rs __introspect".parse().unwrap())
}

fn fresh() -> Fresh {
    Fresh {
        id: ClientId::new("0123456789abcdef"),
        secret: Secret::new(SECRET),
        token: Secret::new(TOKEN),
        token_hash: HASH,
    }
}

fn try_create(more: Value, admitted: &Admitted) -> Result<RegistrationDraft, RegisterError> {
    register::create(sent(&body(more))?, admitted, None, fresh(), NOW)
}

fn create(more: Value) -> RegistrationDraft {
    try_create(more, &ceiling()).unwrap()
}

fn settled(draft: RegistrationDraft) -> Value {
    let answer = draft.settle(Created::Won, ENDPOINT).unwrap();
    serde_json::from_str(answer.expose_secret()).unwrap()
}

/// A registration that somebody looked at and enabled.
fn enabled(more: Value) -> Registration {
    let mut registration = create(more).op().registration.clone();
    registration.client.status = ClientStatus::Enabled;
    registration
}

fn try_change(current: &Registration, more: Value) -> Result<ChangeDraft, RegisterError> {
    let mut body = body(more);
    let members = body.as_object_mut().unwrap();
    members.entry("client_id").or_insert_with(|| current.client.id.as_str().into());
    let other = Secret::new("other-fresh-secret-other-fresh-secret");
    register::change(current.clone(), sent(&body)?, Secret::new(TOKEN), other, NOW)
}

fn change(current: &Registration, more: Value) -> UpdateClient {
    try_change(current, more).unwrap().op().clone()
}

fn code(refused: Result<impl Sized, RegisterError>) -> String {
    refused.err().unwrap().code().to_owned()
}

/// DCR-001, SMART-REG-011, SMART-REG-012, SMART-REG-003
#[test]
fn the_answer_is_the_whole_registration() {
    let more = json!({
        "client_uri": "https://app.example/", "logo_uri": "https://app.example/logo.svg",
        "tos_uri": "https://app.example/tos", "policy_uri": "https://app.example/privacy",
        "contacts": ["help@app.example"], "software_id": "app", "software_version": "1",
        "launch_uris": ["https://app.example/launch"], "grant_types": ["authorization_code", "refresh_token"],
    });
    assert_eq!(
        settled(create(more)),
        json!({
            "client_id": "0123456789abcdef", "client_id_issued_at": 1_700_000_000,
            "registration_client_uri": "https://as.example/auth/register/0123456789abcdef",
            "registration_access_token": TOKEN,
            "client_name": "App", "client_uri": "https://app.example/",
            "redirect_uris": ["https://app.example/cb"], "launch_uris": ["https://app.example/launch"],
            "allowed_origins": ["https://app.example"], "application_type": "web",
            "scope": "launch/patient openid patient/*.rs",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "id_token_signed_response_alg": "RS256", "require_auth_time": false,
            "logo_uri": "https://app.example/logo.svg", "tos_uri": "https://app.example/tos",
            "policy_uri": "https://app.example/privacy", "contacts": ["help@app.example"],
            "software_id": "app", "software_version": "1",
            "vestibule": { "pending": true },
        })
    );

    let by_secret = settled(create(json!({ "token_endpoint_auth_method": null })));
    assert_eq!(by_secret["token_endpoint_auth_method"], "client_secret_basic", "the RFC's default");
    assert_eq!(
        (&by_secret["client_secret"], &by_secret["client_secret_expires_at"]),
        (&json!(SECRET), &json!(0))
    );

    let by_key = json!({
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES384",
        "jwks": { "keys": [serde_json::from_str::<Value>(EC_KEY).unwrap()] },
    });
    let by_key = settled(create(by_key));
    assert_eq!(by_key["jwks"]["keys"][0]["kid"], "e1");
    assert_eq!(by_key["token_endpoint_auth_signing_alg"], "ES384");
    assert!(by_key.get("client_secret").is_none() && by_key.get("jwks_uri").is_none());
}

/// DCR-002, DCR-005, A-DCR-04
#[test]
fn nobody_registers_a_privilege() {
    let draft = create(json!({
        "trusted": true, "skip_consent": true, "confidential": false, "owner": "x", "client_id": "pub",
        "allowed_scopes": ["*"], "client_secret": "chosen-by-the-client-chosen-by-the-client",
        "status": "enabled", "fhir_bases": ["https://elsewhere.example/"], "introspects": ["https://as.example"],
        "vestibule": { "consent": "pre_approved", "legacy_v1": true, "introspects": ["https://as.example/fhir"] },
        "registration_access_token": "chosen", "ceiling": "system/*.cruds",
    }));
    let client = &draft.op().registration.client;
    let scopes = "launch/patient openid patient/*.rs".parse().unwrap();
    let mut plain = RegisteredClient::new(
        ClientId::new("0123456789abcdef"),
        ClientAuthentication::Public,
        "https://app.example/cb",
        scopes,
    );
    plain.name = "App".to_owned();
    plain.kind = Some(AppKind::Web);
    plain.allowed_origins = vec!["https://app.example".to_owned()];
    plain.grant_types =
        GrantTypes { authorization_code: true, refresh_token: false, client_credentials: false };
    plain.status = ClientStatus::Pending;
    plain.version = plain.fingerprint();
    assert_eq!(*client, plain);
    let answer = settled(draft);
    for unknown in ["trusted", "skip_consent", "owner", "allowed_scopes", "fhir_bases", "client_secret"] {
        assert!(answer.get(unknown).is_none(), "{unknown}");
    }
}

/// DCR-006, A-DCR-05, A-DCR-08, A-JWT-46, A-OIDC-20, A-DCR-16, DCR-008, SMART-REG-013
#[test]
fn rules_are_those_of_every_client() {
    let key: Value = serde_json::from_str(EC_KEY).unwrap();
    let mut private = key.clone();
    private["d"] = "AA".into();
    for (more, expected) in [
        (json!({ "grant_types": ["client_credentials"] }), "invalid_client_metadata"),
        (json!({ "scope": "openid system/*.rs" }), "invalid_client_metadata"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "invalid_client_metadata"),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key] },
                    "jwks_uri": "https://app.example/jwks" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [private] } }),
            "invalid_client_metadata",
        ),
        (json!({ "jwks_uri": "https://app.example/jwks" }), "invalid_client_metadata"),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt" }), "invalid_client_metadata"),
        (json!({ "id_token_signed_response_alg": "none" }), "invalid_client_metadata"),
        (json!({ "client_uri": "javascript:alert(1)" }), "invalid_client_metadata"),
        (json!({ "logo_uri": "data:text/html,x" }), "invalid_client_metadata"),
        (json!({ "client_name": "Hospital\u{202e}ppa" }), "invalid_client_metadata"),
        (json!({ "response_types": ["token"] }), "invalid_client_metadata"),
        (json!({ "grant_types": ["implicit"] }), "invalid_client_metadata"),
        (json!({ "redirect_uris": null }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": [] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["http://app.example/cb"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["https://app.example/*"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": "https://app.example/cb" }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": vec!["https://app.example/cb"; 11] }), "invalid_redirect_uri"),
    ] {
        assert_eq!(code(try_create(more.clone(), &with_system())), expected, "{more}");
    }
    for name in ["<script>alert(1)</script>", "O'Hara & Söhne"] {
        // Shown as text, which is for the pages to escape.
        assert_eq!(settled(create(json!({ "client_name": name })))["client_name"], name);
    }
}

/// A-JWKS-13, DCR-007
#[test]
fn key_sets_are_on_the_web() {
    for url in [
        "http://app.example/jwks",
        "file:///etc/passwd",
        "ftp://app.example/",
        "gopher://app.example/",
        "data:application/json,{}",
        "https://a:b@app.example/",
    ] {
        let more = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": url });
        assert_eq!(code(try_create(more, &ceiling())), "invalid_client_metadata", "{url}");
    }
    let more =
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks" });
    let draft = create(more);
    let ClientAuthentication::PrivateKeyJwt(keys) = &draft.op().registration.client.authentication else {
        panic!("keys")
    };
    assert_eq!(keys.source, KeySource::Url("https://app.example/jwks".into()));
}

/// DCR-005, SMART-BACK-005
#[test]
fn scopes_stay_under_the_ceiling() {
    let scopes = |more: Value, admitted: &Admitted| {
        try_create(more, admitted).map(|draft| draft.op().registration.client.scopes.to_string())
    };
    let asked = json!({ "scope": "openid patient/*.cruds user/*.rs __introspect patient/Foo.rs" });
    assert_eq!(scopes(asked, &ceiling()).unwrap(), "openid patient/*.rs");
    let silent = scopes(json!({ "scope": null }), &ceiling()).unwrap();
    assert_eq!(silent, "launch/patient openid fhirUser offline_access patient/*.rs");
    assert_eq!(code(scopes(json!({ "scope": "user/*.cruds" }), &ceiling())), "invalid_client_metadata");
    assert_eq!(code(scopes(json!({ "scope": "patient/Foo.rs" }), &ceiling())), "invalid_client_metadata");

    let backend = |scope: Value, admitted: &Admitted| {
        let more = json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks",
            "grant_types": ["client_credentials"], "redirect_uris": null, "scope": scope,
        });
        scopes(more, admitted)
    };
    let asked = json!("openid system/*.cruds patient/*.rs __introspect");
    assert_eq!(backend(asked, &with_system()).unwrap(), "system/*.rs __introspect");
    assert_eq!(code(backend(json!("system/*.rs"), &ceiling())), "invalid_client_metadata");
    assert_eq!(code(backend(Value::Null, &with_system())), "invalid_client_metadata");
}

/// DCR-008, DCRM-002
///
/// What is kept of a service is what it is told.
#[test]
fn a_service_asks_nothing_of_id_tokens() {
    let more = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks",
        "grant_types": ["client_credentials"], "redirect_uris": null, "scope": "system/*.rs",
        "id_token_signed_response_alg": "ES256", "require_auth_time": true,
    });
    let draft = try_create(more, &with_system()).unwrap();
    let client = draft.op().registration.client.clone();
    let plain =
        RegisteredClient::new(client.id.clone(), client.authentication.clone(), "", client.scopes.clone());
    assert_eq!((client.id_token_alg, client.require_auth_time), (plain.id_token_alg, false));
    let answer = settled(draft);
    for unheard in ["id_token_signed_response_alg", "require_auth_time"] {
        assert!(answer.get(unheard).is_none(), "{unheard}");
    }
}

/// A-DCR-10
#[test]
fn a_token_that_buys_one_app_is_spent_with_it() {
    let hash = InitialTokenHash::new([9; 32]);
    let create = |admitted: &Admitted, initial| {
        register::create(sent(&body(json!({}))).unwrap(), admitted, initial, fresh(), NOW).unwrap()
    };
    let once = ceiling().once(Some(UnixMillis(5)));
    let spends = Some(SpendToken { hash, keep_until: Some(UnixMillis(5)) });
    assert_eq!(create(&once, Some(hash)).op().spends, spends);
    assert_eq!(create(&ceiling(), Some(hash)).op().spends, None);
    let spent = create(&once, Some(hash)).settle(Created::TokenSpent, ENDPOINT);
    assert_eq!(spent.unwrap_err(), RegisterError::InvalidToken { sent: true });
    // DCR-003
    let taken = create(&once, Some(hash)).settle(Created::IdTaken, ENDPOINT);
    assert_eq!(taken.unwrap_err(), RegisterError::ServerError);
}

/// DCRM-001, A-TIME-08
#[test]
fn a_token_manages_its_own_client() {
    let registration = enabled(json!({}));
    let (id, other) = (registration.client.id.clone(), ClientId::new("other"));
    let wrong = RegistrationTokenHash::new([8; 32]);
    assert!(register::may_manage(Some(registration.clone()), &id, &HASH).is_ok());
    let refusals = [
        register::may_manage(None, &id, &HASH),
        register::may_manage(Some(registration.clone()), &other, &HASH),
        register::may_manage(Some(registration), &id, &wrong),
    ];
    for refused in refusals {
        assert_eq!(refused.unwrap_err(), RegisterError::InvalidToken { sent: true });
    }
}

/// DCRM-002
#[test]
fn a_change_names_its_client_and_nothing_of_the_server() {
    let current = enabled(json!({ "token_endpoint_auth_method": "client_secret_basic" }));
    let basic = |more: Value| {
        let mut body = json!({ "token_endpoint_auth_method": "client_secret_basic" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        try_change(&current, body)
    };
    assert!(basic(json!({})).is_ok());
    assert!(basic(json!({ "client_secret": SECRET })).is_ok());
    for more in [
        json!({ "client_id": "other" }),
        json!({ "client_id": null }),
        json!({ "client_secret": "test-secret-test-secret-test-secret-1" }),
        json!({ "client_secret": "" }),
        json!({ "registration_access_token": TOKEN }),
        json!({ "registration_client_uri": ENDPOINT }),
        json!({ "client_secret_expires_at": 0 }),
        json!({ "client_id_issued_at": 1 }),
    ] {
        assert_eq!(code(basic(more.clone())), "invalid_client_metadata", "{more}");
    }
}

/// DCRM-002, A-DCR-12
#[test]
fn a_change_is_judged_like_a_new_registration() {
    let current = enabled(json!({}));
    for (more, expected) in [
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["http://app.example/cb"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": null }), "invalid_redirect_uri"),
        (json!({ "grant_types": ["client_credentials"] }), "invalid_client_metadata"),
        (json!({ "scope": "user/*.cruds" }), "invalid_client_metadata"),
        (json!({ "scope": "system/*.rs" }), "invalid_client_metadata"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "invalid_client_metadata"),
    ] {
        assert_eq!(code(try_change(&current, more.clone())), expected, "{more}");
    }
    let mut disabled = current;
    disabled.client.status = ClientStatus::Disabled;
    assert_eq!(try_change(&disabled, json!({})).unwrap_err(), RegisterError::Forbidden);
}

/// DCRM-002, A-DCR-13
#[test]
fn what_is_left_out_goes_back_to_its_default() {
    let current = enabled(json!({
        "client_uri": "https://app.example/", "contacts": ["help@app.example"], "software_id": "app",
        "launch_uris": ["https://app.example/launch"], "require_auth_time": true,
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid patient/*.rs offline_access",
    }));
    let next = change(&current, json!({ "client_name": null, "scope": "openid" })).registration;
    assert_eq!(next.client.name, next.client.id.as_str());
    assert!(next.client.home_page.is_none() && next.client.launch_uris.is_empty());
    assert!(!next.client.grant_types.refresh_token && !next.client.require_auth_time);
    assert_eq!(next.client.scopes.to_string(), "openid");
    assert_eq!(next.details, Default::default());
    // Without a method it is the RFC's default, with a secret of its own; it never stays secretless by omission.
    let draft = try_change(&current, json!({ "token_endpoint_auth_method": null })).unwrap();
    let answer = draft.settle(Updated::Won, ENDPOINT).unwrap();
    let answer: Value = serde_json::from_str(answer.expose_secret()).unwrap();
    assert_eq!(answer["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(answer["client_secret"], "other-fresh-secret-other-fresh-secret");
    assert_eq!(answer["vestibule"]["pending"], true);
}

/// DCRM-004, INT-014, AUTHZ-005
#[test]
fn another_app_waits_again_and_loses_its_privileges() {
    let mut current = enabled(json!({}));
    current.client.consent = ConsentRule::Remember;
    current.client.framing = Framing::Origins(vec!["https://ehr.example".to_owned()]);
    current.client.fhir_bases = vec!["https://as.example/fhir".to_owned()];
    let same = change(&current, json!({ "contacts": ["new@app.example"] })).registration;
    assert_eq!(same.client, current.client);
    assert_eq!((same.revision, same.details.contacts.len()), (Revision(1), 1));

    for more in [
        json!({ "redirect_uris": ["https://app.example/cb", "https://evil.example/"] }),
        json!({ "client_name": "Hospital" }),
        json!({ "token_endpoint_auth_method": "client_secret_post" }),
        json!({ "scope": "launch/patient openid fhirUser patient/*.rs" }),
    ] {
        let next = change(&current, more.clone()).registration.client;
        assert_eq!(next.status, ClientStatus::Pending, "{more}");
        assert_ne!(next.version, current.client.version, "{more}");
        assert_eq!((next.consent, &next.framing), (ConsentRule::Ask, &Framing::Refuse), "{more}");
        assert_eq!(next.fhir_bases, current.client.fhir_bases, "what limits it stays");
    }
    let less = change(&current, json!({ "scope": "openid" })).registration.client;
    assert_eq!(less.status, ClientStatus::Enabled);
    assert_ne!(less.version, current.client.version, "a consent spoke of more");
    let mut waiting = current;
    waiting.client.status = ClientStatus::Pending;
    assert_eq!(change(&waiting, json!({})).registration.client.status, ClientStatus::Pending);
}

/// DCRM-005, A-DCR-19, CAUTH-007
#[test]
fn secrets_are_told_once_and_replaced_with_their_method() {
    let current = enabled(json!({ "token_endpoint_auth_method": "client_secret_basic" }));
    let kept = change(&current, json!({ "token_endpoint_auth_method": "client_secret_basic" }));
    assert_eq!(kept.registration.client.authentication, current.client.authentication);
    let answer = try_change(&current, json!({ "token_endpoint_auth_method": "client_secret_basic" }))
        .unwrap()
        .settle(Updated::Won, ENDPOINT)
        .unwrap();
    assert!(!answer.expose_secret().contains("client_secret\""), "{}", answer.expose_secret());
    let credentials = register::Credentials { token: Secret::new(TOKEN), secret: None };
    let read = register::describe(&current, ENDPOINT, &credentials);
    assert!(!read.expose_secret().contains(SECRET));
    assert!(!format!("{current:?}{credentials:?}").contains(SECRET));

    let post = change(&current, json!({ "token_endpoint_auth_method": "client_secret_post" }));
    let ClientAuthentication::SecretPost(secrets) = &post.registration.client.authentication else {
        panic!("a secret")
    };
    assert!(secrets.len() == 1 && !secrets[0].hash.is(SECRET), "the old one opens nothing any more");
    let public = change(&current, json!({ "token_endpoint_auth_method": "none" }));
    assert_eq!(public.registration.client.authentication, ClientAuthentication::Public);
}

/// DCR-002, REDIR-002
#[test]
fn the_answer_sent_back_changes_nothing() {
    let native = json!({ "redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"] });
    let by_key = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks",
        "grant_types": ["authorization_code", "refresh_token"], "client_name": null, "scope": null,
    });
    let by_secret = json!({ "token_endpoint_auth_method": "client_secret_post" });
    // Not what it means to say nothing of them.
    let no_origin = json!({ "allowed_origins": [] });
    for more in [native.clone(), by_key, by_secret, no_origin] {
        let current = enabled(more.clone());
        let mut answer = settled(create(more));
        for name in [
            "registration_access_token",
            "registration_client_uri",
            "client_secret_expires_at",
            "client_id_issued_at",
        ] {
            answer.as_object_mut().unwrap().remove(name);
        }
        let again = sent(&answer).unwrap();
        let next =
            register::change(current.clone(), again, Secret::new(TOKEN), Secret::new(SECRET), NOW).unwrap();
        assert_eq!(next.op().registration.client, current.client);
    }
    // An app on a device is one, whether it says so or not.
    let client = enabled(native).client;
    assert!(client.loopback_ports && client.kind == Some(AppKind::Native));
}

#[test]
fn a_change_that_lost_says_so() {
    let current = enabled(json!({}));
    let settled = |outcome| try_change(&current, json!({})).unwrap().settle(outcome, ENDPOINT).map(drop);
    assert_eq!(settled(Updated::Won), Ok(()));
    assert_eq!(settled(Updated::Stale), Err(RegisterError::TemporarilyUnavailable));
    assert_eq!(settled(Updated::Gone), Err(RegisterError::InvalidToken { sent: true }));
    assert_eq!(change(&current, json!({})).expected, Revision(0));
}

/// DCRM-003
#[test]
fn a_removal_begins_with_an_unknown_app() {
    let current = enabled(json!({}));
    let first = register::withdraw(&current).unwrap();
    assert_eq!(first.expected, current.revision);
    assert_eq!(first.registration.client.status, ClientStatus::Disabled);
    assert!(register::withdraw(&first.registration).is_none(), "that was done already");
}

/// RFC 7591 §3.2.2
#[test]
fn refusals_are_plain_text() {
    let refused =
        try_create(json!({ "redirect_uris": ["/a\"\\\u{7}", "ä"], "client_name": "\n" }), &ceiling());
    let error = refused.unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_redirect_uri", 400));
    let text = error.description();
    assert!(text.contains("redirect_uris[0]: ") && text.contains("client_name: must be"), "{text}");
    assert!(text.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{text}");
    let many = json!({ "contacts": vec!["\u{7}"; 20] });
    assert_eq!(try_create(many, &ceiling()).unwrap_err().description().matches("contacts[").count(), 8);
}
