//! Backend services, signed assertions, introspection, revocation, UserInfo: what happens around a token.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use vestibule_host::client::KeySource;
use vestibule_host::{
    Alg, ClientAuthentication, ClientKeys, Clock as _, GrantTypes, KeyRing as _, Standing, TokenFormat,
};
use vestibule_http_tests::app::{az, tk};
use vestibule_http_tests::browser::{Answer, form};
use vestibule_http_tests::world::{AS, FHIR1, FHIR2, P1, World};
use vestibule_jose::{LocalKeyRing, SystemRandom, jws};

const TOKEN: &str = "https://as.example/auth/token";
pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub(crate) const BASIC: &str = "basic-secret-basic-secret-basic-secret";

/// A client that signs with an ES256 key.
pub(crate) struct Signer(Arc<LocalKeyRing>);

impl Signer {
    /// Turns `other` into a client with a key, and perhaps into a backend service.
    pub(crate) fn of(world: &World, grants: GrantTypes) -> Self {
        static RING: std::sync::OnceLock<Arc<LocalKeyRing>> = std::sync::OnceLock::new();
        let ring =
            RING.get_or_init(|| Arc::new(LocalKeyRing::ephemeral(&SystemRandom::new()).unwrap())).clone();
        let jwks = ring.snapshot().jwks.clone();
        world.clients.change("other", |client| {
            client.authentication =
                ClientAuthentication::PrivateKeyJwt(ClientKeys::new(KeySource::Inline(jwks)));
            client.grant_types = grants;
            let system = [
                "system/Observation.rs",
                "__introspect",
                "launch/patient",
                "patient/*.cruds",
                "offline_access",
            ];
            client.scopes =
                system.map(|text| vestibule_scope::Scope::parse(text).unwrap()).into_iter().collect();
        });
        Self(ring)
    }

    /// The key set that its client publishes.
    pub(crate) fn jwks(&self) -> Bytes {
        self.0.snapshot().jwks.clone()
    }

    pub(crate) async fn assertion(&self, world: &World, jti: &str) -> String {
        self.with(world, json!({ "jti": jti })).await
    }

    /// A good assertion, with members in their stead.
    pub(crate) async fn with(&self, world: &World, changed: Value) -> String {
        let now = world.clock.now().seconds();
        let mut claims =
            json!({ "iss": "other", "sub": "other", "aud": TOKEN, "exp": now + 240, "jti": "j" });
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let key = self.0.snapshot().access_token.clone();
        assert_eq!(key.alg, Alg::Es256);
        jws::encode(&*self.0, &key, "JWT", &claims).await.unwrap()
    }
}

pub(crate) async fn post(
    world: &World,
    path: &str,
    fields: &[(&str, &str)],
    authorization: Option<&str>,
) -> Answer {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/x-www-form-urlencoded");
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    Answer::from(world.door.send(request.body(Bytes::from(form(fields))).unwrap()).await)
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

pub(crate) async fn backend(world: &World, assertion: &str, scope: &str) -> Answer {
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", scope),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
    ];
    post(world, "/auth/token", &fields, None).await
}

pub(crate) async fn introspect(world: &World, token: &str, authorization: &str) -> Answer {
    post(world, "/auth/introspect", &[("token", token)], Some(authorization)).await
}

pub(crate) fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

/// SMART-BACK-001, SMART-BACK-003, SMART-BACK-005, SMART-BACK-006, SMART-BACK-008, SMART-BACK-009, SMART-BACK-010, SMART-BACK-011, SMART-BACK-016, SMART-CAUTH-030, ATJWT-002, TOKEN-007, A-RT-28, ATJWT-005, RES-007, SMART-BACK-007, SMART-BACK-012, SMART-BACK-013, SMART-BACK-017, SMART-SCOPE-067, SMART-TOKEN-055
#[tokio::test]
async fn a_backend_service_gets_what_it_is_registered_for() {
    let world = World::new();
    let signer = Signer::of(&world, GrantTypes::BACKEND);
    let asked = "system/Observation.rs system/Patient.rs patient/*.rs offline_access openid";
    let answer = backend(&world, &signer.assertion(&world, "b1").await, asked).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let tokens = answer.json();
    assert_eq!(tokens["scope"], "system/Observation.rs");
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none());
    let claims = world.access_claims(&tokens).await;
    assert_eq!((claims["sub"].as_str(), claims["client_id"].as_str()), (Some("other"), Some("other")));
    assert_eq!(claims["aud"], FHIR1);
    assert!(!claims.contains_key("grant_id") && !claims.contains_key("patient"));
    // SMART-BACK-004, RES-001, RES-007
    for (scope, error) in
        [("patient/*.rs", "invalid_scope"), ("system/Patient.rs", "invalid_scope"), ("a  b", "invalid_scope")]
    {
        let assertion = signer.assertion(&world, scope).await;
        backend(&world, &assertion, scope).await.is_error(400, error);
    }
    let with = |resource: &'static str| {
        let (world, signer) = (&world, &signer);
        async move {
            let assertion = signer.assertion(world, resource).await;
            let fields = [
                ("grant_type", "client_credentials"),
                ("scope", "system/Observation.rs"),
                ("client_assertion_type", JWT_BEARER),
                ("client_assertion", assertion.as_str()),
                ("resource", resource),
            ];
            post(world, "/auth/token", &fields, None).await
        }
    };
    let second = with(FHIR2).await.json();
    assert_eq!(world.access_claims(&second).await["aud"], FHIR2);
    // RES-001, RES-003: unknown, malformed, or more than one at a time.
    for resources in [
        vec!["https://evil.test/fhir"],
        vec!["/x"],
        vec!["https://fhir.example/r4#f"],
        vec!["a\u{0}b"],
        vec![FHIR1, FHIR2],
        vec![FHIR2, "https://evil.test/fhir"],
    ] {
        let id = format!("{resources:?}");
        let assertion = signer.assertion(&world, &id).await;
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("scope", "system/Observation.rs"),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion.as_str()),
        ];
        fields.extend(resources.into_iter().map(|resource| ("resource", resource)));
        post(&world, "/auth/token", &fields, None).await.is_error(400, "invalid_target");
        // The assertion bought nothing, so it is not spent either.
        fields.truncate(4);
        assert_eq!(post(&world, "/auth/token", &fields, None).await.status, 200, "{id}");
    }
    // A base that the registration does not hold.
    world.clients.change("other", |client| client.fhir_bases = vec![FHIR2.into()]);
    with(FHIR1).await.is_error(400, "invalid_target");
}

/// SMART-BACK-001, SMART-CAUTH-007, A-CAUTH-19, A-CAUTH-20, SMART-TOKEN-053
#[tokio::test]
async fn nobody_else_gets_a_token_without_a_user() {
    let world = World::new();
    let fields = [("grant_type", "client_credentials"), ("scope", "system/Observation.rs")];
    post(&world, "/auth/token", &fields, Some(&basic("basic", BASIC)))
        .await
        .is_error(400, "unauthorized_client");
    // Even where the registration says so: a secret is not enough.
    world.clients.change("basic", |client| client.grant_types = GrantTypes::BACKEND);
    post(&world, "/auth/token", &fields, Some(&basic("basic", BASIC)))
        .await
        .is_error(400, "unauthorized_client");
    let public =
        [("grant_type", "client_credentials"), ("scope", "system/Observation.rs"), ("client_id", "pub")];
    post(&world, "/auth/token", &public, None).await.is_error(400, "unauthorized_client");
    let signer = Signer::of(&world, GrantTypes::APP);
    let assertion = signer.assertion(&world, "x").await;
    backend(&world, &assertion, "system/Observation.rs").await.is_error(400, "unauthorized_client");
}

/// SMART-CAUTH-032, JWTCA-009, JWTCA-010, A-JWT-16, A-MIX-07, JWTCA-003, SMART-CAUTH-038, SMART-CAUTH-040
#[tokio::test]
async fn an_assertion_is_good_once_and_a_forged_one_burns_nothing() {
    let world = World::new();
    let signer = Signer::of(&world, GrantTypes::BACKEND);
    let good = signer.assertion(&world, "once").await;
    // The same `jti` under a broken signature first.
    let (input, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", signature.chars().rev().collect::<String>());
    let scope = "system/Observation.rs";
    backend(&world, &forged, scope).await.is_error(401, "invalid_client");
    assert_eq!(backend(&world, &good, scope).await.status, 200);
    backend(&world, &good, scope).await.is_error(401, "invalid_client");
    let now = world.clock.now().seconds();
    for (aud, status) in [
        (json!(AS), 200),
        (json!([TOKEN]), 200),
        (json!([TOKEN, AS]), 401),
        (json!(["https://evil.test/token", TOKEN]), 401),
        (json!("https://evil.test/token"), 401),
        (json!([]), 401),
    ] {
        let assertion = signer.with(&world, json!({ "jti": aud.to_string(), "aud": aud })).await;
        assert_eq!(backend(&world, &assertion, scope).await.status, status, "{aud}");
    }
    for (claims, status) in [
        (json!({ "jti": "1", "exp": now + 359 }), 200),
        (json!({ "jti": "2", "exp": now + 361 }), 401),
        (json!({ "jti": "3", "exp": now - 59 }), 200),
        (json!({ "jti": "4", "exp": now - 61 }), 401),
        (json!({ "jti": "5", "iss": "basic" }), 401),
        (json!({ "jti": "6", "sub": "basic" }), 401),
        (json!({ "jti": "" }), 401),
    ] {
        let assertion = signer.with(&world, claims.clone()).await;
        assert_eq!(backend(&world, &assertion, scope).await.status, status, "{claims}");
    }
}

/// SMART-CAUTH-001, JWTCA-001, JWTCA-002, A-JWT-25, A-JWT-51, A-CAUTH-01, SMART-CAUTH-039
#[tokio::test]
async fn an_app_with_a_key_redeems_and_refreshes() {
    let world = World::new();
    let signer = Signer::of(&world, GrantTypes::APP);
    let scope = "launch/patient patient/Observation.rs offline_access";
    let code = world.code_for(&az("other").scope(scope)).await;
    let redeem = |extra: Vec<(&'static str, String)>| {
        let mut request = tk("other", &code).basic(None);
        for (name, value) in extra {
            request = request.add(name, &value);
        }
        let world = &world;
        async move { request.send(world).await }
    };
    let assertion = signer.assertion(&world, "r1").await;
    let kind = || ("client_assertion_type", JWT_BEARER.to_owned());
    redeem(vec![]).await.is_error(401, "invalid_client");
    redeem(vec![("client_id", "other".into())]).await.is_error(401, "invalid_client");
    redeem(vec![("client_assertion", assertion.clone())]).await.is_error(400, "invalid_request");
    redeem(vec![kind()]).await.is_error(400, "invalid_request");
    redeem(vec![
        ("client_assertion", assertion.clone()),
        ("client_assertion_type", format!("{JWT_BEARER} ")),
    ])
    .await
    .is_error(400, "invalid_request");
    redeem(vec![kind(), ("client_assertion", assertion.clone()), ("client_id", "basic".into())])
        .await
        .is_error(400, "invalid_request");
    redeem(vec![kind(), ("client_assertion", assertion.clone()), ("client_secret", "x".repeat(32))])
        .await
        .is_error(400, "invalid_request");
    let tokens =
        redeem(vec![kind(), ("client_assertion", assertion.clone()), ("client_id", "other".into())]).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let refresh = |assertion: String, token: String| {
        let world = &world;
        async move {
            let fields = [
                ("grant_type", "refresh_token"),
                ("refresh_token", token.as_str()),
                ("client_assertion_type", JWT_BEARER),
                ("client_assertion", assertion.as_str()),
            ];
            post(world, "/auth/token", &fields, None).await
        }
    };
    let token = text(&tokens.json(), "refresh_token").to_owned();
    refresh(assertion, token.clone()).await.is_error(401, "invalid_client");
    let next = refresh(signer.assertion(&world, "r2").await, token.clone()).await;
    assert_eq!(next.status, 200, "{}", next.body);
    // Ten minutes for who proves a key.
    world.advance(599);
    let again = refresh(signer.assertion(&world, "r3").await, token.clone()).await.json();
    assert_eq!(again["refresh_token"], next.json()["refresh_token"]);
}

/// SMART-INTRO-001, SMART-INTRO-002, SMART-INTRO-003, SMART-INTRO-004, SMART-INTRO-005, SMART-INTRO-006, SMART-INTRO-007, SMART-INTRO-008, SMART-INTRO-009, SMART-INTRO-012, SMART-INTRO-013, SMART-CTX-014, A-INTRO-15, INTRO-002, INTRO-006, INTRO-007, SMART-SCOPE-053, SMART-TOKEN-012
#[tokio::test]
async fn introspection_says_what_the_token_response_said() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        let world = World::new();
        world.clients.change("pub", |client| client.token_format = format);
        world.clients.change("basic", |client| client.introspects = vec![FHIR1.to_owned()]);
        let scope = "launch/patient openid fhirUser patient/Observation.rs offline_access";
        let tokens = world.tokens_for("pub", &az("pub").scope(scope)).await;
        let access = text(&tokens, "access_token").to_owned();
        assert_eq!(access.starts_with("va_"), format == TokenFormat::Opaque);
        let said = introspect(&world, &access, &basic("basic", BASIC)).await;
        assert_eq!(said.status, 200);
        assert_eq!(said.header("cache-control"), "no-store");
        let said = said.json();
        let id = world.id_claims(&tokens).await;
        assert_eq!(said["active"], true);
        for (name, value) in [
            ("scope", &tokens["scope"]),
            ("patient", &json!(P1)),
            ("client_id", &json!("pub")),
            ("iss", &json!(AS)),
            ("sub", &id["sub"]),
            ("fhirUser", &id["fhirUser"]),
            ("aud", &json!(FHIR1)),
            ("token_type", &json!("Bearer")),
        ] {
            assert_eq!(said[name], *value, "{name}");
        }
        let life = said["exp"].as_i64().unwrap() - world.clock.now().seconds();
        assert_eq!(Some(life), tokens["expires_in"].as_i64());
        // Refreshed tokens are the same.
        let inactive = |token: String| {
            let world = &world;
            async move { introspect(world, &token, &basic("basic", BASIC)).await.body.clone() }
        };
        for nobodys in [
            format!("{access}x"),
            access[..access.len() - 1].to_owned(),
            text(&tokens, "refresh_token").to_owned(),
            text(&tokens, "id_token").to_owned(),
            "vc_x".into(),
            "x".into(),
        ] {
            assert_eq!(inactive(nobodys).await, r#"{"active":false}"#);
        }
        world.users.set_standing("alice", Standing::NotAllowed);
        assert_eq!(inactive(access.clone()).await, r#"{"active":false}"#);
        world.users.set_standing("alice", Standing::Active);
        world.advance(u64::try_from(life).unwrap());
        assert_eq!(inactive(access).await, r#"{"active":false}"#);
    }
}

/// INTRO-001, INTRO-003, SMART-INTRO-011, A-INTRO-01, A-INTRO-02, A-INTRO-03, A-INTRO-04, A-INTRO-06, A-INTRO-12, A-INTRO-13, A-INTRO-17, CAUTH-010, SMART-INTRO-010
#[tokio::test]
async fn introspection_is_for_those_who_may() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &az("pub")).await;
    let access = text(&tokens, "access_token");
    post(&world, "/auth/introspect", &[("token", access)], None).await.is_error(401, "invalid_client");
    post(&world, "/auth/introspect", &[("token", access), ("client_id", "pub")], None)
        .await
        .is_error(401, "invalid_client");
    // An ordinary client: its own tokens, nobody else's.
    assert_eq!(introspect(&world, access, &basic("basic", BASIC)).await.body, r#"{"active":false}"#);
    let own = world.tokens_for("basic", &az("basic")).await;
    assert_eq!(
        introspect(&world, text(&own, "access_token"), &basic("basic", BASIC)).await.json()["active"],
        true
    );
    // A resource server: its base and no other.
    world.clients.change("basic", |client| client.introspects = vec![FHIR2.to_owned()]);
    assert_eq!(introspect(&world, access, &basic("basic", BASIC)).await.body, r#"{"active":false}"#);
    // A bearer with the scope.
    let signer = Signer::of(&world, GrantTypes::BACKEND);
    let bearer = backend(&world, &signer.assertion(&world, "i1").await, "__introspect").await.json();
    let bearer = format!("Bearer {}", text(&bearer, "access_token"));
    assert_eq!(introspect(&world, access, &bearer).await.json()["active"], true);
    let refused = introspect(&world, access, &format!("Bearer {access}")).await;
    assert_eq!(
        (refused.status, refused.header("www-authenticate")),
        (403, "Bearer error=\"insufficient_scope\"")
    );
    let refused = introspect(&world, access, "Bearer nobodys").await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer error=\"invalid_token\""));
    post(&world, "/auth/introspect", &[], Some(&bearer)).await.is_error(400, "invalid_request");
    let twice = [("token", access), ("token", access)];
    post(&world, "/auth/introspect", &twice, Some(&bearer)).await.is_error(400, "invalid_request");
    post(&world, "/auth/introspect?token=x", &[("token", access)], Some(&bearer))
        .await
        .is_error(400, "invalid_request");
    let get = Request::get("/auth/introspect").body(Bytes::new()).unwrap();
    assert_eq!(Answer::from(world.door.send(get).await).status, 405);
}

/// SMART-REVOKE-001, SMART-REVOKE-002, SMART-REVOKE-003, SMART-REVOKE-004, SMART-REVOKE-005, REVOKE-001, REVOKE-002, REVOKE-003, REVOKE-004, REVOKE-005, REVOKE-006, A-REV-01, A-REV-02, A-REV-03, A-REV-04, A-REV-05, A-REV-06, A-REV-07, A-REV-11, A-REV-12, A-REV-13, A-REV-14
#[tokio::test]
async fn revoking_ends_the_grant_and_nothing_else() {
    for which in ["refresh_token", "access_token"] {
        for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
            let world = World::new();
            world.clients.change("pub", |client| client.token_format = format);
            let tokens = world.tokens_for("pub", &az("pub")).await;
            let unrelated = world.tokens_for("pub", &az("pub")).await;
            let (token, access) = (text(&tokens, which), text(&tokens, "access_token"));
            let lives = |access: String| {
                let world = &world;
                async move { world.server.access_token(&access).await.unwrap().is_some() }
            };
            // Not by others, not without authentication, not by a code.
            let other = basic("basic", BASIC);
            assert_eq!(post(&world, "/auth/revoke", &[("token", token)], Some(&other)).await.status, 200);
            post(&world, "/auth/revoke", &[("token", token)], None).await.is_error(401, "invalid_client");
            post(&world, "/auth/revoke", &[("token", token), ("client_id", "basic")], None)
                .await
                .is_error(401, "invalid_client");
            assert!(lives(access.to_owned()).await);
            world.script.away("grants.revoke", true);
            let own = [("token", token), ("client_id", "pub"), ("token_type_hint", "nonsense")];
            let away = post(&world, "/auth/revoke", &own, None).await;
            assert_eq!((away.status, away.header("retry-after")), (503, "5"));
            world.script.away("grants.revoke", false);
            assert!(lives(access.to_owned()).await);
            for _ in 0..2 {
                let done = post(&world, "/auth/revoke", &own, None).await;
                assert_eq!((done.status, done.body.as_str()), (200, ""));
            }
            assert!(!lives(access.to_owned()).await, "{which} {format:?}");
            assert!(lives(text(&unrelated, "access_token").to_owned()).await);
        }
    }
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    for token in [code.as_str(), "unknown", "vr_x"] {
        assert_eq!(
            post(&world, "/auth/revoke", &[("token", token), ("client_id", "pub")], None).await.status,
            200
        );
    }
    assert_eq!(world.redeem("pub", &code).await.status, 200);
}

/// SMART-REVOKE-007, JWTCA-009
#[tokio::test]
async fn a_backend_token_is_revoked_alone() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        let world = World::new();
        let signer = Signer::of(&world, GrantTypes::BACKEND);
        world.clients.change("other", |client| client.token_format = format);
        let mut issued = Vec::new();
        for jti in ["t1", "t2"] {
            let tokens =
                backend(&world, &signer.assertion(&world, jti).await, "system/Observation.rs").await.json();
            issued.push(text(&tokens, "access_token").to_owned());
        }
        let assertion =
            signer.with(&world, json!({ "jti": "rev", "aud": "https://as.example/auth/revoke" })).await;
        let fields = [
            ("token", issued[0].as_str()),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion.as_str()),
        ];
        assert_eq!(post(&world, "/auth/revoke", &fields, None).await.status, 200);
        assert!(world.server.access_token(&issued[0]).await.unwrap().is_none(), "{format:?}");
        assert!(world.server.access_token(&issued[1]).await.unwrap().is_some());
        post(&world, "/auth/revoke", &fields, None).await.is_error(401, "invalid_client");
    }
}

/// OIDC-009, SMART-IDT-033, BEARER-001, BEARER-002, BEARER-003, BEARER-004, BEARER-005
#[tokio::test]
async fn user_info_says_who_granted() {
    let world = World::new();
    let scope = "launch/patient openid fhirUser patient/Observation.rs";
    let tokens = world.tokens_for("pub", &az("pub").scope(scope)).await;
    let access = text(&tokens, "access_token").to_owned();
    let id = world.id_claims(&tokens).await;
    let ask = |method: Method, header: Option<String>, path: &'static str| {
        let world = &world;
        async move {
            let mut request =
                Request::builder().method(method).uri(path).header("origin", "https://app.example");
            if let Some(value) = header {
                request = request.header("authorization", value);
            }
            Answer::from(world.door.send(request.body(Bytes::new()).unwrap()).await)
        }
    };
    for method in [Method::GET, Method::POST] {
        let said = ask(method, Some(format!("bEARER {access}")), "/auth/userinfo").await;
        assert_eq!(said.status, 200, "{}", said.body);
        assert_eq!(said.json(), json!({ "sub": id["sub"], "fhirUser": id["fhirUser"] }));
        assert_eq!(said.header("access-control-allow-origin"), "https://app.example");
    }
    let bare = ask(Method::GET, None, "/auth/userinfo").await;
    assert_eq!((bare.status, bare.header("www-authenticate")), (401, "Bearer"));
    let wrong = ask(Method::GET, Some("Bearer x".into()), "/auth/userinfo").await;
    assert_eq!((wrong.status, wrong.header("www-authenticate")), (401, "Bearer error=\"invalid_token\""));
    let query = ask(Method::GET, None, "/auth/userinfo?access_token=x").await;
    assert_eq!(query.status, 400);
    let plain = world.tokens_for("pub", &az("pub")).await;
    let header = format!("Bearer {}", text(&plain, "access_token"));
    assert_eq!(ask(Method::GET, Some(header), "/auth/userinfo").await.status, 403);
    assert_eq!(ask(Method::DELETE, None, "/auth/userinfo").await.status, 405);
}

/// BEARER-002, BEARER-003
#[tokio::test]
async fn a_bearer_token_comes_once() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &az("pub").scope("launch/patient openid fhirUser")).await;
    let header = format!("Bearer {}", text(&tokens, "access_token"));
    let two = [("access_token", text(&tokens, "access_token"))];
    // Twice the same is two; and nobody looks through a form without a bound.
    let many: Vec<_> = (0..70).map(|_| ("a", "b")).collect();
    for form in [&two[..], &[("access_token", "x")], &[("access_token", "x"), ("access_token", "x")], &many] {
        let answer = post(&world, "/auth/userinfo", form, Some(&header)).await;
        answer.is_error(400, "invalid_request");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_request\"");
        assert_eq!(answer.header("access-control-allow-origin"), "", "no origin asked");
    }
    let other = [("unknown", "x"), ("access_token", "")];
    assert_eq!(post(&world, "/auth/userinfo", &other, Some(&header)).await.status, 200);
    // In the body alone it is not supported: no credentials at all.
    let body = post(&world, "/auth/userinfo", &two, None).await;
    assert_eq!((body.status, body.header("www-authenticate")), (401, "Bearer"));
    // The same for the bearer who introspects.
    let asked = [("token", two[0].1), two[0]];
    post(&world, "/auth/introspect", &asked, Some(&header)).await.is_error(400, "invalid_request");
}

/// A-RT-30, A-DCR-15, INTRO-004, SMART-INTRO-014
#[tokio::test]
async fn a_token_of_an_app_that_is_no_more_does_not_live() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &az("pub")).await;
    let access = text(&tokens, "access_token");
    assert!(world.server.access_token(access).await.unwrap().is_some());
    world.clients.change("pub", |client| client.fhir_bases = vec![FHIR2.to_owned()]);
    assert!(world.server.access_token(access).await.unwrap().is_none());
    world.clients.change("pub", |client| client.fhir_bases = Vec::new());
    world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Disabled);
    assert!(world.server.access_token(access).await.unwrap().is_none());
    world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Enabled);
    for part in ["clients", "users.standing", "grants.access"] {
        world.script.away(part, true);
        assert!(world.server.access_token(access).await.is_err(), "{part}: nobody knows");
        world.script.away(part, false);
    }
    assert!(world.server.access_token(access).await.unwrap().is_some());
}

/// GEN-006: what a browser app may ask first, and what no browser app calls.
#[tokio::test]
async fn another_method_is_told_which_are_taken() {
    let world = World::new();
    for (path, allow) in [("introspect", "POST"), ("revoke", "POST, OPTIONS"), ("token", "POST, OPTIONS")] {
        let request = Request::put(format!("{AS}/auth/{path}")).body(Bytes::new()).unwrap();
        let answer = Answer::from(world.server.handle(request).await);
        answer.is_error(405, "invalid_request");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    let request = Request::options(format!("{AS}/auth/introspect")).body(Bytes::new()).unwrap();
    Answer::from(world.server.handle(request).await).is_error(405, "invalid_request");
}
