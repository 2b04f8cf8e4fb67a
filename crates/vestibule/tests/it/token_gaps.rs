//! Requirements around tokens that the flows of the other files pass by without looking: see `docs/conformance.md`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use vestibule::{AuthorizationServer, Builder, Config, Host};
use vestibule_host::client::KeySource;
use vestibule_host::{
    ClientAuthentication, ClientKeys, FetchError, FetchedKeySet, GrantTypes, JwksFetcher, KeyRing as _,
    LaunchContext, RateAnswer, RateGate, RatePoint, RateQuestion, SessionId, Standing, TokenFormat,
    UnixMillis,
};
use vestibule_http_tests::app::{az, az_ehr, tk};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{E1, FHIR1, P1, World, config, open_visit};
use vestibule_pages::HtmlPages;

use crate::around_the_token::{BASIC, JWT_BEARER, Signer, backend, basic, introspect, post, text};

/// The same parts, with something plugged in.
pub(crate) fn with(world: &World, config: Config, plug: impl FnOnce(Builder) -> Builder) -> World {
    let host = Host {
        users: world.users.clone(),
        patients: world.patients.clone(),
        consents: world.consents.clone(),
        clients: world.clients.clone(),
        grants: world.spy.clone(),
        keys: world.keys.clone(),
    };
    let builder = AuthorizationServer::builder(config, host)
        .with_pages(Arc::new(HtmlPages::new()))
        .with_clock(Arc::new(world.clock.clone()));
    let server = plug(builder).build().unwrap();
    let mut other = world.clone();
    other.door = world.door_to(&server);
    other.server = server;
    other
}

pub(crate) async fn refresh(world: &World, client: &str, token: &str) -> Answer {
    let request = tk(client, "-")
        .set("grant_type", "refresh_token")
        .without("code")
        .without("redirect_uri")
        .without("code_verifier")
        .add("refresh_token", token);
    request.send(world).await
}

/// SMART-TOKEN-004, SMART-TOKEN-005, SMART-TOKEN-038, AMB-18
#[tokio::test]
async fn headers_and_types_are_the_same_at_a_refresh() {
    let world = World::new();
    let scope = "launch/patient openid patient/Observation.rs offline_access";
    let tokens = world.tokens_for("pub", &az("pub").scope(scope)).await;
    let refreshed = refresh(&world, "pub", text(&tokens, "refresh_token")).await;
    let refused = refresh(&world, "pub", "vr_x").await;
    refused.is_error(400, "invalid_grant");
    let access = text(&tokens, "access_token");
    let told = introspect(&world, access, &basic("basic", BASIC)).await;
    let revoked = post(&world, "/auth/revoke", &[("token", access), ("client_id", "pub")], None).await;
    for answer in [&refreshed, &refused, &told, &revoked] {
        assert_eq!(answer.header("cache-control"), "no-store", "{}", answer.brief());
        assert_eq!(answer.header("pragma"), "no-cache", "{}", answer.brief());
    }
    let refreshed = refreshed.json();
    for name in ["access_token", "token_type", "scope", "refresh_token", "id_token"] {
        assert!(!text(&refreshed, name).trim().is_empty(), "{name}");
    }
    assert_eq!(refreshed["token_type"], "Bearer");
    assert!(refreshed["expires_in"].as_u64().is_some_and(|seconds| seconds > 0));
}

/// SMART-TOKEN-010, SMART-REFRESH-026, SMART-BACK-010, ATJWT-006
#[tokio::test]
async fn tokens_that_are_checked_live_may_live_an_hour() {
    let life = |seconds| config().with_access_token_life(Duration::from_secs(seconds));
    let refused = |config: Config| {
        let world = World::new();
        let host = Host {
            users: world.users.clone(),
            patients: world.patients.clone(),
            consents: world.consents.clone(),
            clients: world.clients.clone(),
            grants: world.spy.clone(),
            keys: world.keys.clone(),
        };
        AuthorizationServer::builder(config, host).with_pages(Arc::new(HtmlPages::new())).build().is_err()
    };
    assert!(refused(life(301)) && refused(life(3_601).with_live_check()));
    assert!(!refused(life(300)) && !refused(life(3_600).with_live_check()));
    // Without a refresh token the user would have to come back: an hour where somebody looks, five minutes where nobody does.
    for (config, alone, refreshed) in [
        (config(), 300, 300),
        (config().with_live_check(), 3_600, 300),
        (life(600).with_live_check(), 3_600, 600),
    ] {
        let world = World::with(config);
        let plain = az("pub").scope("launch/patient patient/Observation.rs");
        assert_eq!(world.tokens_for("pub", &plain).await["expires_in"], alone);
        assert_eq!(world.tokens_for("pub", &az("pub")).await["expires_in"], refreshed);
        let signer = Signer::of(&world, GrantTypes::BACKEND);
        let service = backend(&world, &signer.assertion(&world, "life").await, "system/Observation.rs").await;
        assert_eq!(service.json()["expires_in"], 300, "a backend service never longer");
    }
}

/// SMART-REFRESH-016, SMART-REFRESH-026, RT-010, R3, A-RT-16, SMART-SCOPE-093
#[tokio::test]
async fn an_online_chain_ends_with_its_session() {
    for (seconds, end) in [(0, "session"), (0, "logout"), (12 * 3_600 - 1, ""), (12 * 3_600, "age")] {
        let world = World::new();
        world.clients.change("pub", |client| {
            client.scopes.insert(vestibule_scope::Scope::parse("online_access").unwrap());
        });
        let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
        let mut browser = Browser::of(&world, "dr");
        browser.begin(&az_ehr("pub", &handle).scope("launch online_access user/Observation.rs")).await;
        let code = browser.allow().await.code();
        let tokens = world.redeem("pub", &code).await.json();
        let token = text(&tokens, "refresh_token");
        world.advance(seconds);
        let session = browser.session.as_deref().unwrap().split_once('/').unwrap().1.to_owned();
        match end {
            "session" => world.users.set_standing("dr", Standing::SessionEnded),
            "logout" => world.server.session_ended(&SessionId::new(&session)).await.unwrap(),
            _ => {}
        }
        let answer = refresh(&world, "pub", token).await;
        if end.is_empty() {
            assert_eq!(answer.status, 200, "{}", answer.body);
        } else {
            answer.is_error(400, "invalid_grant");
        }
    }
    // Offline access outlives the session.
    let world = World::new();
    let mut browser = Browser::of(&world, "dr");
    let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
    browser.begin(&az_ehr("pub", &handle).scope("launch offline_access user/Observation.rs")).await;
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    let session = browser.session.as_deref().unwrap().split_once('/').unwrap().1.to_owned();
    world.server.session_ended(&SessionId::new(&session)).await.unwrap();
    assert_eq!(refresh(&world, "pub", text(&tokens, "refresh_token")).await.status, 200);
}

/// Notes what it is asked and told, and answers as it is set.
#[derive(Debug, Default)]
struct Gate {
    wait: Mutex<Option<Duration>>,
    asked: Mutex<Vec<(RatePoint, Option<String>)>>,
    failed: Mutex<Vec<RatePoint>>,
}

#[async_trait]
impl RateGate for Gate {
    async fn ask(&self, question: &RateQuestion<'_>) -> RateAnswer {
        let client = question.client.map(|id| id.as_str().to_owned());
        self.asked.lock().unwrap().push((question.point, client));
        self.wait.lock().unwrap().map_or(RateAnswer::Go, RateAnswer::Wait)
    }

    async fn failed(&self, question: &RateQuestion<'_>) {
        self.failed.lock().unwrap().push(question.point);
    }
}

/// CAUTH-014, GEN-013, SMART-CAUTH-011, A-INTRO-14
#[tokio::test]
async fn a_gate_slows_down_and_learns_who_fails() {
    let gate = Arc::new(Gate::default());
    let world = with(&World::new(), config(), |builder| builder.with_rate_gate(gate.clone()));
    let tokens = world.tokens_for("basic", &az("basic")).await;
    assert_eq!(*gate.failed.lock().unwrap(), [], "nobody failed");
    assert!(gate.asked.lock().unwrap().contains(&(RatePoint::ClientAuthentication, Some("basic".into()))));
    let wrong = [("grant_type", "client_credentials"), ("scope", "system/*.rs")];
    post(&world, "/auth/token", &wrong, Some(&basic("basic", "wrong-wrong-wrong-wrong-wrong-wrong")))
        .await
        .is_error(401, "invalid_client");
    introspect(&world, "nobodys", &basic("basic", BASIC)).await;
    assert_eq!(*gate.failed.lock().unwrap(), [RatePoint::ClientAuthentication, RatePoint::Introspection]);
    // Not so fast: nothing is looked up, nothing is spent, whoever asks.
    *gate.wait.lock().unwrap() = Some(Duration::from_secs(7));
    world.script.restart();
    let access = text(&tokens, "access_token");
    for (path, fields) in [
        ("/auth/token", vec![("grant_type", "client_credentials"), ("scope", "system/*.rs")]),
        ("/auth/introspect", vec![("token", access)]),
        ("/auth/revoke", vec![("token", access)]),
    ] {
        let answer = post(&world, path, &fields, Some(&basic("basic", BASIC))).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "7"), "{path}: {}", answer.body);
    }
    assert_eq!(world.script.calls(), [] as [&str; 0]);
}

/// Has a cached document without the key, and a new one with it.
#[derive(Debug, Default)]
struct Server {
    keys: Mutex<Bytes>,
    busy: Mutex<bool>,
    calls: Mutex<Vec<bool>>,
}

#[async_trait]
impl JwksFetcher for Server {
    fn may_fetch(&self, _: &str) -> bool {
        true
    }

    async fn key_set(
        &self,
        url: &str,
        _: UnixMillis,
        seen: Option<&FetchedKeySet>,
    ) -> Result<FetchedKeySet, FetchError> {
        self.calls.lock().unwrap().push(seen.is_some());
        if *self.busy.lock().unwrap() {
            return Err(FetchError::busy("no turn"));
        }
        assert_eq!(url, "https://keys.example/jwks");
        let document = self.keys.lock().unwrap().clone();
        match seen {
            _ if document.is_empty() => Err(FetchError::refused("no answer")),
            None => Ok(FetchedKeySet::from_cache(Bytes::from_static(b"{\"keys\":[]}"))),
            Some(_) => Ok(FetchedKeySet::from_network(document)),
        }
    }
}

/// SMART-CAUTH-051, SMART-CAUTH-060, JWTCA-013, FETCH-007, USG10-020
#[tokio::test]
async fn a_key_set_is_fetched_and_read_again_for_a_new_key() {
    let server = Arc::new(Server::default());
    let world = with(&World::new(), config(), |builder| builder.with_jwks_fetcher(server.clone()));
    let signer = Signer::of(&world, GrantTypes::BACKEND);
    let jwks = world.keys.snapshot().jwks.clone();
    world.clients.change("other", |client| {
        let source = KeySource::Url("https://keys.example/jwks".into());
        client.authentication = ClientAuthentication::PrivateKeyJwt(ClientKeys::new(source));
    });
    let ask = |jti: &'static str| {
        let (world, signer) = (&world, &signer);
        async move { backend(world, &signer.assertion(world, jti).await, "system/Observation.rs").await }
    };
    let nobody = ask("k1").await;
    nobody.is_error(401, "invalid_client");
    *server.keys.lock().unwrap() = jwks;
    let other = ask("k2").await;
    other.is_error(401, "invalid_client");
    assert_eq!(other.body, nobody.body, "the client learns nothing of why");
    *server.keys.lock().unwrap() = signer.jwks();
    server.calls.lock().unwrap().clear();
    assert_eq!(ask("k2").await.status, 200, "refused before, and so not spent");
    assert_eq!(*server.calls.lock().unwrap(), [false, true], "the cached set, then once more");
    *server.busy.lock().unwrap() = true;
    let busy = ask("k3").await;
    assert_eq!((busy.status, busy.header("retry-after").is_empty()), (503, false), "{}", busy.body);
    // Nothing that is wrong in itself makes anybody fetch.
    server.calls.lock().unwrap().clear();
    let late = signer.with(&world, json!({ "jti": "k4", "exp": 1 })).await;
    backend(&world, &late, "system/Observation.rs").await.is_error(401, "invalid_client");
    assert_eq!(*server.calls.lock().unwrap(), [] as [bool; 0]);
}

/// JWTCA-011: what cannot be remembered proves nothing, and is not used up.
#[tokio::test]
async fn a_claim_that_cannot_be_kept_is_no_authentication() {
    let world = World::new();
    let signer = Signer::of(&world, GrantTypes::BACKEND);
    let assertion = signer.assertion(&world, "once").await;
    world.script.away("grants", true);
    let away = backend(&world, &assertion, "system/Observation.rs").await;
    assert_eq!((away.status, away.json()["error"].as_str()), (503, Some("temporarily_unavailable")));
    world.script.away("grants", false);
    assert_eq!(backend(&world, &assertion, "system/Observation.rs").await.status, 200);
    backend(&world, &assertion, "system/Observation.rs").await.is_error(401, "invalid_client");
}

/// SMART-INTRO-005, INTRO-005, SMART-CTX-014, VER-004, SMART-CTX-064: whatever stood beside the token.
#[tokio::test]
async fn introspection_tells_the_whole_context_of_a_launch() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        let world = World::new();
        world.clients.change("pub", |client| client.token_format = format);
        world.clients.change("basic", |client| client.introspects = vec![FHIR1.to_owned()]);
        let context: LaunchContext = open_visit(P1, E1)
            .with_intent("reconcile-medications")
            .with_need_patient_banner(false)
            .with_smart_style_url("https://as.example/style.json")
            .with_tenant("ward-7")
            .with_app_context("opaque text");
        let handle = world.launch_for("dr", "pub", context).await;
        let mut browser = Browser::of(&world, "dr");
        browser.begin(&az_ehr("pub", &handle).scope("launch user/Observation.rs offline_access")).await;
        let code = browser.allow().await.code();
        let tokens = world.redeem("pub", &code).await.json();
        let later = refresh(&world, "pub", text(&tokens, "refresh_token")).await.json();
        for answer in [&tokens, &later] {
            let said = introspect(&world, text(answer, "access_token"), &basic("basic", BASIC)).await.json();
            let own = ["access_token", "refresh_token", "token_type", "expires_in"];
            let context: Vec<(&String, &Value)> = answer
                .as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| !own.contains(&name.as_str()))
                .collect();
            assert!(context.len() >= 8, "{answer}");
            for (name, value) in context {
                assert_eq!(said[name], *value, "{name}");
            }
            assert_eq!((&said["patient"], &said["encounter"]), (&json!(P1), &json!(E1)));
        }
    }
}

/// SMART-BACK-004, SCOPE-007, VER-007, AMB-13, AMB-31
#[tokio::test]
async fn backend_services_name_their_scopes() {
    let world = World::new();
    let signer = Signer::of(&world, GrantTypes::BACKEND);
    let assertion = signer.assertion(&world, "none").await;
    let nothing = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion.as_str()),
    ];
    post(&world, "/auth/token", &nothing, None).await.is_error(400, "invalid_scope");
    let old = backend(&world, &signer.assertion(&world, "v1").await, "system/Observation.read").await;
    assert_eq!(old.json()["scope"], "system/Observation.read");
    world.clients.change("other", |client| client.strict_scopes = true);
    let over = "system/Observation.rs system/Patient.rs";
    let strict = backend(&world, &signer.assertion(&world, "s1").await, over).await;
    strict.is_error(400, "invalid_scope");
    let exact = backend(&world, &signer.assertion(&world, "s2").await, "system/Observation.rs").await;
    assert_eq!(exact.status, 200, "{}", exact.body);
}

/// REVOKE-007, CORS-001, GEN-006
#[tokio::test]
async fn revocation_is_for_the_apps_own_origins_and_by_post() {
    let world = World::new();
    let ask = |method: Method, path: &'static str, origin: &'static str| {
        let world = &world;
        async move {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", origin)
                .body(Bytes::from_static(b"token=x&client_id=pub"))
                .unwrap();
            Answer::from(world.door.send(request).await)
        }
    };
    let own = ask(Method::POST, "/auth/revoke", "https://app.example").await;
    assert_eq!((own.status, own.header("access-control-allow-origin")), (200, "https://app.example"));
    assert!(own.headers.get("access-control-allow-credentials").is_none());
    let foreign = ask(Method::POST, "/auth/revoke", "https://evil.test").await;
    assert!(foreign.headers.get("access-control-allow-origin").is_none());
    let script =
        ask(Method::GET, "/auth/revoke?token=x&client_id=pub&callback=f", "https://app.example").await;
    assert_eq!(script.status, 405);
    let introspection = ask(Method::POST, "/auth/introspect", "https://app.example").await;
    assert!(introspection.headers.get("access-control-allow-origin").is_none(), "not for browsers");
}

/// SMART-DISC-014: whatever the case in which a client writes them.
#[tokio::test]
async fn header_names_have_no_case() {
    let world = World::new();
    let code = world.code_for(&az("basic")).await;
    let mut request = tk("basic", &code).basic(None).request();
    let name = http::HeaderName::from_bytes(b"AUTHORIZATION").unwrap();
    request.headers_mut().insert(name, basic("basic", BASIC).parse().unwrap());
    assert_eq!(Answer::from(world.door.send(request).await).status, 200);
}
