//! The registration endpoint: one app's way from its first request to its removal, and what comes in between.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use vestibule::{AuthorizationServer, ConfigError, Host, OpenRegistration, RegistrationPolicy};
use vestibule_host::registration::{
    Admission, Admitted, Candidate, RegistrationAsk, Review, StatementAnswer,
};
use vestibule_host::{
    Alg, ClientId, ClientStatus, Clock as _, ConsentRule, HostError, KeyRing, MemoryClients, MemoryGrants,
    RatePoint, StaticClients, UnixMillis,
};
use vestibule_http_tests::registering::{CEILING, ONCE, TRUSTED, by_anybody, by_token, metadata, request};

use vestibule_jose::{KeyPlan, KeyRole, LocalKeyRing, SystemRandom};

use crate::app::{az, introspection, rf, tk};
use crate::browser::{Answer, Browser};
use crate::world::{World, config, scopes};

fn world() -> World {
    World::new().registering(by_token())
}

/// Nobody keeps it, and it is JSON.
#[track_caller]
fn is_private_json(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.header("access-control-allow-origin").is_empty(), "programs call it, not browsers");
}

/// DCR-001, SMART-REG-003, SMART-REG-011, SMART-REG-014
#[tokio::test]
async fn an_app_registers_waits_and_is_let_in() {
    let world = world();
    let answer = world.register(Some(ONCE), &metadata(json!({}))).await;
    assert_eq!(answer.status, 201, "{}", answer.brief());
    is_private_json(&answer);
    let registration = answer.json();
    assert_eq!(registration["vestibule"]["pending"], true);
    assert_eq!(registration["client_id_issued_at"], world.clock.now().seconds());
    let id = registration["client_id"].as_str().unwrap();

    // AUTHZ-005: until somebody looked at it, it is as unknown as an app can be, and nobody is sent to its address.
    for app in [id, "nobody"] {
        let page = Browser::new(&world).authorize(&az(app)).await;
        assert!(page.is_page(400).body.contains("This app is not known here"), "{app}");
    }
    tk(id, "some-code").send(&world).await.is_error(401, "invalid_client");

    world.clients.enable(id);
    let tokens = world.tokens_for(id, &az(id)).await;
    assert_eq!(tokens["scope"], "launch/patient patient/Observation.rs offline_access");
    assert_eq!(rf(id, tokens["refresh_token"].as_str().unwrap()).send(&world).await.status, 200);
}

/// DCRM-001, DCRM-002, DCRM-003, DCRM-005
#[tokio::test]
async fn an_app_looks_after_its_registration() {
    let world = world();
    let app = world.registered(Some(TRUSTED), json!({})).await;
    let tokens = world.tokens_for(&app.id, &az(&app.id)).await;

    let read = world.manages(Method::GET, &app.path, Some(&app.token), None).await;
    assert_eq!(read.status, 200, "{}", read.brief());
    is_private_json(&read);
    assert_eq!(read.json(), app.answer);

    let changed = world.changes(&app, json!({ "contacts": ["help@app.example"] })).await;
    assert_eq!(changed.status, 200, "{}", changed.brief());
    is_private_json(&changed);
    let mut due = app.answer.clone();
    due["contacts"] = json!(["help@app.example"]);
    assert_eq!(changed.json(), due);
    assert_eq!(world.manages(Method::GET, &app.path, Some(&app.token), None).await.json(), due);
    assert_eq!(rf(&app.id, tokens["refresh_token"].as_str().unwrap()).send(&world).await.status, 200);

    let removed = world.manages(Method::DELETE, &app.path, Some(&app.token), None).await;
    assert_eq!((removed.status, removed.body.as_str()), (204, ""));
    assert_eq!(removed.header("cache-control"), "no-store");
    for method in [Method::GET, Method::DELETE] {
        world.manages(method, &app.path, Some(&app.token), None).await.is_error(401, "invalid_token");
    }
    world.changes(&app, json!({})).await.is_error(401, "invalid_token");
    assert_eq!(world.grants_of("alice").await, 0);
}

/// DCRM-004
#[tokio::test]
async fn an_app_that_becomes_another_waits_again() {
    let world = world();
    let app = world.registered(Some(TRUSTED), json!({})).await;
    world.clients.decide(&app.id, |client| client.consent = ConsentRule::Remember);
    let tokens = world.tokens_for(&app.id, &az(&app.id)).await;
    let before = world.clients.registration_of(&app.id).client;

    let uris = json!(["https://app.example/cb", "https://elsewhere.example/cb"]);
    let changed = world.changes(&app, json!({ "redirect_uris": uris })).await;
    assert_eq!(changed.json()["vestibule"]["pending"], true);
    Browser::new(&world).authorize(&az(&app.id)).await.is_page(400);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    rf(&app.id, refresh).send(&world).await.is_error(401, "invalid_client");
    let after = world.clients.registration_of(&app.id).client;
    assert_ne!(after.version, before.version);
    assert_eq!((after.status, after.consent), (ClientStatus::Pending, ConsentRule::Ask));
}

/// DCR-004, META-005
#[tokio::test]
async fn discovery_names_the_endpoint_where_it_is() {
    for (world, due) in [
        (World::new(), Value::Null),
        (world(), json!("https://as.example/auth/register")),
        (World::new().registering(by_anybody()), json!("https://as.example/auth/register")),
    ] {
        for path in [
            "/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
            "/r4/.well-known/smart-configuration",
        ] {
            assert_eq!(world.json(path).await["registration_endpoint"], due, "{path}");
        }
    }
}

/// DCR-010, BEARER-002, BEARER-004
#[tokio::test]
async fn requests_that_cannot_be_read() {
    let world = world();
    let send = async |request: Request<Bytes>| Answer::from(Box::pin(world.door.send(request)).await);
    let body = metadata(json!({})).to_string();
    for kind in ["", "text/json", "application/x-www-form-urlencoded", "application/json; charset=latin1"] {
        let mut request = request(Method::POST, "/auth/register", Some(TRUSTED), &body);
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        send(request).await.is_error(400, "invalid_request");
    }
    let mut zipped = request(Method::POST, "/auth/register", Some(TRUSTED), &body);
    zipped.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    send(zipped).await.is_error(400, "invalid_request");
    let mut utf8 = request(Method::POST, "/auth/register", Some(TRUSTED), &body);
    utf8.headers_mut().insert("content-type", "application/JSON;charset=UTF-8".parse().unwrap());
    assert_eq!(send(utf8).await.status, 201);

    let large = format!("{body}{}", " ".repeat(64 * 1024));
    let answer = send(request(Method::POST, "/auth/register", Some(TRUSTED), &large)).await;
    answer.is_error(413, "invalid_request");
    for text in ["", "[]", "{", "null", r#"{"scope":"openid","scope":"openid"}"#, &"[".repeat(60_000)] {
        let mut request = request(Method::POST, "/auth/register", Some(TRUSTED), text);
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        send(request).await.is_error(400, "invalid_client_metadata");
    }

    for (method, path, allow) in [
        (Method::GET, "/auth/register", "POST"),
        (Method::OPTIONS, "/auth/register", "POST"),
        (Method::DELETE, "/auth/register", "POST"),
        (Method::POST, "/auth/register/x", "GET, PUT, DELETE"),
        (Method::PATCH, "/auth/register/x", "GET, PUT, DELETE"),
    ] {
        let answer = send(request(method, path, Some(TRUSTED), "")).await;
        answer.is_error(405, "invalid_request");
        assert_eq!(answer.header("allow"), allow);
    }

    let mut twice = request(Method::POST, "/auth/register", Some(TRUSTED), &body);
    twice.headers_mut().append("authorization", format!("Bearer {TRUSTED}").parse().unwrap());
    send(twice).await.is_error(400, "invalid_request");
    let in_url = format!("/auth/register?access_token={TRUSTED}");
    send(request(Method::POST, &in_url, None, &body)).await.is_error(400, "invalid_request");
    let mut basic = request(Method::POST, "/auth/register", None, &body);
    basic.headers_mut().insert("authorization", "Basic bXk6c2VjcmV0".parse().unwrap());
    let answer = send(basic).await;
    answer.is_error(401, "invalid_token");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

/// DCR-007, A-DCR-03
#[tokio::test]
async fn nothing_is_fetched_and_addresses_are_judged() {
    let world = world();
    let by_key = |url: &str| json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": url });
    let refused = world.register(Some(TRUSTED), &metadata(by_key("https://169.254.169.254/"))).await;
    refused.is_error(400, "invalid_client_metadata");
    let app = world.registered(Some(TRUSTED), by_key("https://new.example/jwks")).await;
    assert_eq!(app.answer["jwks_uri"], "https://new.example/jwks");
    let pages = json!({ "client_uri": "https://new.example/", "logo_uri": "https://new.example/logo.svg" });
    world.registered(Some(TRUSTED), pages).await;
    let moved = world.changes(&app, by_key("https://169.254.1.1/jwks")).await;
    moved.is_error(400, "invalid_client_metadata");
    assert_eq!(world.network.fetched(), [""; 0]);
}

/// DCR-004, A-DCR-18
#[tokio::test]
async fn whoever_lets_anybody_in_counts_them() {
    let world = World::new();
    let host = Host {
        users: world.users.clone(),
        patients: world.patients.clone(),
        consents: world.consents.clone(),
        clients: world.clients.clone(),
        grants: Arc::new(MemoryGrants::new()),
        keys: world.keys.clone(),
    };
    let builder = AuthorizationServer::builder(config().with_pages_of_the_host(), host)
        .with_registration(world.clients.clone(), Arc::new(OpenRegistration::new(scopes(CEILING))));
    assert_eq!(builder.build().unwrap_err().0, [ConfigError::OpenRegistration]);

    let open = world.registering(by_anybody());
    let app = open.registered(None, json!({})).await;
    assert_eq!(app.answer["vestibule"]["pending"], true);
    open.register(Some(TRUSTED), &metadata(json!({}))).await.is_error(401, "invalid_token");
    open.gate.close(Some(RatePoint::Registration));
    let wait = open.register(None, &metadata(json!({}))).await;
    assert_eq!((wait.status, wait.header("retry-after")), (429, "7"));
    let wait = open.manages(Method::GET, &app.path, Some(&app.token), None).await;
    assert_eq!(wait.status, 429, "tokens are not to be tried out either");
}

/// A policy that says what it is told to.
#[derive(Debug)]
struct Opinion {
    review: Review,
    statement: StatementAnswer,
    taken: bool,
    /// Lets anybody in, at once.
    careless: bool,
}

const NONE: Opinion =
    Opinion { review: Review::Accepted, statement: StatementAnswer::Invalid, taken: false, careless: false };

#[async_trait]
impl RegistrationPolicy for Opinion {
    fn is_open(&self) -> bool {
        self.careless
    }

    async fn admit(&self, _: &RegistrationAsk<'_>) -> Result<Admission, HostError> {
        Ok(Admission::Admitted(Box::new(Admitted::enabled(scopes(CEILING)))))
    }

    async fn statement(&self, _: &str, _: UnixMillis) -> Result<StatementAnswer, HostError> {
        Ok(self.statement.clone())
    }

    async fn review(&self, _: &Candidate<'_>) -> Result<Review, HostError> {
        Ok(self.review)
    }

    async fn is_taken(&self, _: &ClientId) -> Result<bool, HostError> {
        Ok(self.taken)
    }
}

/// DCR-004, SMART-REG-014
#[tokio::test]
async fn the_host_has_its_own_opinion() {
    let with = |opinion: Opinion| World::new().registering(opinion);
    let careful = with(Opinion { review: Review::Pending, ..NONE });
    let app = careful.registered(Some("any-token"), json!({})).await;
    assert_eq!(app.answer["vestibule"]["pending"], true);
    let choosy =
        with(Opinion { review: Review::Refused("client_name: is the name of the hospital"), ..NONE });
    let refused = choosy.register(Some("any-token"), &metadata(json!({}))).await;
    refused.is_error(400, "invalid_client_metadata");
    assert_eq!(refused.json()["error_description"], "client_name: is the name of the hospital");

    // Whatever a policy says: nobody comes in without a token, or comes in unseen.
    with(NONE).register(None, &metadata(json!({}))).await.is_error(401, "invalid_token");
    let careless = with(Opinion { careless: true, ..NONE });
    let app = careless.registered(None, json!({})).await;
    assert_eq!(app.answer["vestibule"]["pending"], true);
}

/// SMART-REG-013
#[tokio::test]
async fn software_statements_are_the_hosts_to_judge() {
    let sent = metadata(json!({ "software_statement": "header.claims.signature" }));
    for (statement, error) in [
        (StatementAnswer::Invalid, "invalid_software_statement"),
        (StatementAnswer::Unapproved, "unapproved_software_statement"),
        (StatementAnswer::Trusted("[]".to_owned()), "invalid_software_statement"),
        (
            StatementAnswer::Trusted(r#"{"redirect_uris":["http://app.example/"]}"#.to_owned()),
            "invalid_redirect_uri",
        ),
    ] {
        let world = World::new().registering(Opinion { statement, ..NONE });
        world.register(Some("any-token"), &sent).await.is_error(400, error);
    }
    let values = r#"{"client_name":"Reviewed","iss":"https://trusted.example","client_id":"chosen"}"#;
    let world =
        World::new().registering(Opinion { statement: StatementAnswer::Trusted(values.to_owned()), ..NONE });
    let answer = world.register(Some("any-token"), &sent).await.json();
    assert_eq!(
        (&answer["client_name"], &answer["software_statement"]),
        (&json!("Reviewed"), &json!("header.claims.signature"))
    );
    assert_ne!(answer["client_id"], "chosen");
    // Without a policy for them, nobody is trusted.
    let world = World::new().registering(by_token());
    world.register(Some(TRUSTED), &sent).await.is_error(400, "unapproved_software_statement");
}

/// A-FAULT-15, DCRM-003
#[tokio::test]
async fn a_registrar_that_is_away_is_no_fact() {
    let world = world();
    let app = world.registered(Some(TRUSTED), json!({})).await;
    for part in ["registrar.create", "clients.client"] {
        world.script.away(part, true);
        world.register(Some(ONCE), &metadata(json!({}))).await.is_error(503, "temporarily_unavailable");
        world.script.away(part, false);
    }
    for (method, body) in [(Method::GET, None), (Method::PUT, Some(json!({}))), (Method::DELETE, None)] {
        world.script.away("registrar.registration", true);
        let answer = world.manages(method, &app.path, Some(&app.token), body.as_ref()).await;
        answer.is_error(503, "temporarily_unavailable");
        world.script.away("registrar.registration", false);
    }
    world.script.away("registrar.update", true);
    world
        .changes(&app, json!({ "contacts": ["x@app.example"] }))
        .await
        .is_error(503, "temporarily_unavailable");
    world.script.away("registrar.update", false);
    // Nothing of that cost anything: the token for one app still buys one.
    world.registered(Some(ONCE), json!({})).await;

    // A registrar that cannot say whether it did it, but did.
    world.script.away("registrar.created", true);
    let late = world.registered(Some(TRUSTED), json!({ "client_name": "Late" })).await;
    world.script.away("registrar.created", false);
    world.script.away("registrar.updated", true);
    let changed = world.changes(&late, json!({ "client_name": "Late", "contacts": ["x@app.example"] })).await;
    assert_eq!(changed.status, 200, "{}", changed.brief());
    world.script.away("registrar.updated", false);
}

/// DCRM-003
#[tokio::test]
async fn a_removal_that_was_interrupted_goes_on() {
    for part in ["registrar.delete", "registrar.updated", "grants.revoke"] {
        let world = world();
        let app = world.registered(Some(TRUSTED), json!({})).await;
        let tokens = world.tokens_for(&app.id, &az(&app.id)).await;
        let refresh = tokens["refresh_token"].as_str().unwrap();
        world.script.away(part, true);
        let answer = world.manages(Method::DELETE, &app.path, Some(&app.token), None).await;
        world.script.away(part, false);
        if part == "registrar.updated" {
            assert_eq!(answer.status, 204, "it was done, and can be seen to be");
            continue;
        }
        answer.is_error(503, "temporarily_unavailable");
        // From the first step on the app is unknown; only its registration can still be removed.
        rf(&app.id, refresh).send(&world).await.is_error(401, "invalid_client");
        Browser::new(&world).authorize(&az(&app.id)).await.is_page(400);
        world.manages(Method::GET, &app.path, Some(&app.token), None).await.is_error(403, "access_denied");
        let again = world.manages(Method::DELETE, &app.path, Some(&app.token), None).await;
        assert_eq!(again.status, 204, "{part}: {}", again.brief());
        assert_eq!(world.grants_of("alice").await, 0, "{part}");
    }
}

/// CAUTH-011
#[tokio::test]
async fn a_disabled_app_cannot_enable_itself() {
    let world = world();
    let app = world.registered(Some(TRUSTED), json!({})).await;
    world.clients.decide(&app.id, |client| client.status = ClientStatus::Disabled);
    world.manages(Method::GET, &app.path, Some(&app.token), None).await.is_error(403, "access_denied");
    world.changes(&app, json!({ "client_name": "Other" })).await.is_error(403, "access_denied");
    assert_eq!(world.clients.registration_of(&app.id).client.status, ClientStatus::Disabled);
    // It may always leave.
    assert_eq!(world.manages(Method::DELETE, &app.path, Some(&app.token), None).await.status, 204);
}

/// SMART-REG-004, CAUTH-012
#[tokio::test]
async fn a_secret_is_made_told_once_and_works() {
    let world = world();
    let app =
        world.registered(Some(TRUSTED), json!({ "token_endpoint_auth_method": "client_secret_basic" })).await;
    let secret = app.answer["client_secret"].as_str().unwrap();
    assert_eq!(app.answer["client_secret_expires_at"], 0);
    assert_eq!(secret.len(), 64);
    let code = world.code_for(&az(&app.id)).await;
    let by_secret = |secret: &str| tk(&app.id, &code).without("client_id").basic(Some((&app.id, secret)));
    by_secret("another-secret-another-secret-another").send(&world).await.is_error(401, "invalid_client");
    assert_eq!(by_secret(secret).send(&world).await.status, 200);
    let read = world.manages(Method::GET, &app.path, Some(&app.token), None).await;
    assert!(!read.body.contains(secret));
    let introspected = introspection(&app.id, "x").without("client_id").basic(Some((&app.id, secret)));
    assert_eq!(introspected.send(&world).await.json(), json!({ "active": false }));
}

/// OIDC-007, A-OIDC-20: an app from a file is refused at the start, not its users at the end of their sign-in.
#[tokio::test]
async fn an_app_whose_id_tokens_nobody_can_sign_keeps_the_server_from_starting() {
    let world = World::new();
    let app = |id: &str, alg: &str, grants: Value| {
        json!({
            "client_id": id, "client_name": id, "redirect_uris": ["https://app.example/cb"],
            "token_endpoint_auth_method": "none", "scope": "openid launch/patient", "grant_types": grants,
            "id_token_signed_response_alg": alg,
        })
    };
    let code = json!(["authorization_code"]);
    let build = async |keys: Arc<dyn KeyRing>, apps: Value| {
        let clients = StaticClients::from_json(&apps.to_string()).unwrap();
        let host = Host {
            users: world.users.clone(),
            patients: world.patients.clone(),
            consents: world.consents.clone(),
            clients: Arc::new(MemoryClients::new(clients)),
            grants: world.spy.clone(),
            keys,
        };
        let pages = Arc::new(vestibule_pages::HtmlPages::new());
        AuthorizationServer::builder(config(), host).with_pages(pages).build()
    };
    let now = world.clock.now();
    let ring = LocalKeyRing::ephemeral_with(KeyPlan::default(), Arc::new(SystemRandom), now).unwrap();
    let ring = Arc::new(ring);
    let mut apps = vec![app("one", "RS256", code.clone()), app("two", "ES384", code.clone())];
    let errors = build(ring.clone(), json!(apps)).await.unwrap_err();
    assert_eq!(errors.0, [ConfigError::ClientIdTokenAlg(ClientId::new("two"), Alg::Es384)]);
    assert!(errors.to_string().contains(r#"client "two" registered ES384"#), "{errors}");
    // The key of access tokens is for no ID token.
    let es256 = build(ring.clone(), json!([app("three", "ES256", code.clone())])).await.unwrap_err();
    assert_eq!(es256.0, [ConfigError::ClientIdTokenAlg(ClientId::new("three"), Alg::Es256)]);
    apps.pop();
    assert!(build(ring.clone(), json!(apps)).await.is_ok());
    // A key that is announced will sign.
    ring.announce(KeyRole::IdToken, Alg::Es384, now).await.unwrap();
    assert!(build(ring, json!([app("two", "ES384", code)])).await.is_ok());
}
