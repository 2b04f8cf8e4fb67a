//! What is advertised, the keys, and who may read an answer from a browser.

use http::Method;
use serde_json::{Value, json};
use vestibule::{Config, FhirBase};
use vestibule_http_tests::assertion::assertion;

use crate::app::{az, tk};
use crate::around_the_token::{JWT_BEARER, basic, post};
use crate::browser::{Answer, Browser};
use crate::world::{AS, FHIR1, World};

const DOCUMENTS: [&str; 5] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/r4/.well-known/smart-configuration",
    "/archive/r4/.well-known/smart-configuration",
    "/auth/keys",
];

/// SMART-DISC-001, SMART-DISC-002, SMART-DISC-020, SMART-DISC-021, SMART-DISC-022, SMART-DISC-023, SMART-DISC-024, SMART-DISC-025, SMART-DISC-027, SMART-DISC-031, SMART-PKCE-002, SMART-PKCE-003, A-PKCE-16, ISS-003, META-001, META-002, META-003, META-005, SMART-DISC-013, SMART-IDT-030
#[tokio::test]
async fn documents_say_what_is_wired() {
    let world = World::new();
    let smart = world.json("/r4/.well-known/smart-configuration").await;
    assert_eq!(smart["issuer"], AS);
    assert_eq!(smart["authorization_endpoint"], "https://as.example/auth/authorize");
    assert_eq!(smart["token_endpoint"], "https://as.example/auth/token");
    assert_eq!(smart["jwks_uri"], "https://as.example/auth/keys");
    assert_eq!(smart["management_endpoint"], "https://as.example/auth/manage");
    assert_eq!(smart["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(
        smart["grant_types_supported"],
        json!(["authorization_code", "refresh_token", "client_credentials"])
    );
    assert_eq!(smart["introspection_endpoint"], "https://as.example/auth/introspect");
    assert_eq!(smart["revocation_endpoint"], "https://as.example/auth/revoke");
    assert_eq!(smart["response_types_supported"], json!(["code"]));
    assert!(smart.get("registration_endpoint").is_none(), "not wired");
    let capabilities: Vec<&str> =
        smart["capabilities"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for wired in [
        "launch-ehr",
        "launch-standalone",
        "authorize-post",
        "client-public",
        "client-confidential-symmetric",
        "client-confidential-asymmetric",
        "permission-offline",
        "permission-online",
        "sso-openid-connect",
        "context-banner",
        "context-style",
        "context-ehr-patient",
        "context-ehr-encounter",
        "context-standalone-patient",
        "context-standalone-encounter",
        "permission-patient",
        "permission-user",
        "permission-v1",
        "permission-v2",
    ] {
        assert!(capabilities.contains(&wired), "{wired}");
    }
    assert!(!capabilities.contains(&"smart-app-state"));
    let openid = world.json("/.well-known/openid-configuration").await;
    assert_eq!(openid["issuer"], AS);
    assert_eq!(openid["subject_types_supported"], json!(["public"]));
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["RS256"]));
    assert_eq!(openid["authorization_response_iss_parameter_supported"], true);
    assert_eq!(openid["request_uri_parameter_supported"], false);
    assert_eq!(openid, world.json("/.well-known/oauth-authorization-server").await);
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "issuer"] {
        assert_eq!(smart[name], openid[name]);
    }
    assert_eq!(smart, world.json("/r4/.well-known/smart-configuration.json").await);

    // Nothing wired, nothing said.
    let small = World::with(Config::new(AS, FhirBase::new(FHIR1)));
    let smart = small.json("/r4/.well-known/smart-configuration").await;
    let said = smart["capabilities"].to_string();
    for absent in
        ["launch-ehr", "context-banner", "context-style", "context-ehr", "context-standalone-encounter"]
    {
        assert!(!said.contains(absent), "{absent}");
    }
    assert!(!smart["scopes_supported"].to_string().contains("\"launch\""));
    Browser::new(&small).get("/archive/r4/.well-known/smart-configuration").await.is_page(404);
}

/// SMART-DISC-062, SMART-IDT-032, META-002
#[tokio::test]
async fn an_issuer_with_a_path_has_its_own_documents() {
    let world = World::with(Config::new(
        "https://as.example/tenant/one",
        FhirBase::new("https://as.example/tenant/one/fhir"),
    ));
    for path in [
        "/tenant/one/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenant/one",
        "/tenant/one/fhir/.well-known/smart-configuration",
    ] {
        let document = world.json(path).await;
        assert_eq!(document["issuer"], "https://as.example/tenant/one");
        assert_eq!(document["token_endpoint"], "https://as.example/tenant/one/auth/token");
    }
    let mut browser = Browser::new(&world);
    browser.get("/.well-known/openid-configuration").await.is_page(404);
    browser.get("/auth/keys").await.is_page(404);
    let query = az("pub").set("aud", "https://as.example/tenant/one/fhir").query();
    let answer = browser.get(&format!("/tenant/one/auth/authorize?{query}")).await;
    assert!(answer.location().starts_with("/tenant/one/auth/i/"), "{}", answer.location());
    assert!(answer.cookies()[0].contains(&format!("Path={}", answer.location())));
}

/// A-KEY-06, KEY-004, JOSE-008
#[tokio::test]
async fn only_public_keys_are_published() {
    let world = World::new();
    let keys = world.json("/auth/keys").await;
    let keys = keys["keys"].as_array().unwrap();
    let algs: Vec<&str> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert!(algs.contains(&"RS256") && algs.contains(&"ES256"));
    for key in keys {
        assert_eq!(key["use"], "sig");
        assert!(key["kid"].as_str().is_some_and(|kid| !kid.is_empty()));
        for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
}

/// SMART-DISC-004, SMART-DISC-005, SMART-DISC-009, SMART-DISC-011, SMART-CORS-001, SMART-CORS-007, A-HDR-08, A-HDR-03, SMART-DISC-007, SMART-DISC-008
#[tokio::test]
async fn documents_are_for_anybody() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    for path in DOCUMENTS {
        let mut request = browser.request(Method::GET, path, "");
        request.headers_mut().insert("origin", "https://anybody.example".parse().unwrap());
        request.headers_mut().insert("accept", "text/html".parse().unwrap());
        request.headers_mut().insert("authorization", "Bearer nonsense".parse().unwrap());
        let answer = browser.send(request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.json().is_object() && answer.cookies().is_empty());
        let etag = answer.header("etag").to_owned();
        for sent in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}")] {
            let mut request = browser.request(Method::GET, path, "");
            request.headers_mut().insert("if-none-match", sent.parse().unwrap());
            let answer = browser.send(request).await;
            assert_eq!((answer.status, answer.body.as_str()), (304, ""));
            assert_eq!(answer.header("access-control-allow-origin"), "*");
        }
        let request = browser.request(Method::HEAD, path, "");
        let head = browser.send(request).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        let request = browser.request(Method::OPTIONS, path, "");
        let preflight = browser.send(request).await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-methods"), "GET");
        let request = browser.request(Method::POST, path, "");
        let post = browser.send(request).await;
        assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD, OPTIONS"));
    }
}

async fn preflight(world: &World, origin: &str) -> Answer {
    let mut browser = Browser::new(world);
    let mut request = browser.request(Method::OPTIONS, "/auth/token", "");
    request.headers_mut().insert("origin", origin.parse().unwrap());
    request.headers_mut().insert("access-control-request-method", "POST".parse().unwrap());
    browser.send(request).await
}

/// SMART-CORS-002, SMART-CORS-003, SMART-CORS-004, SMART-CORS-006, CORS-001, CORS-002, CORS-003, A-HDR-03, A-HDR-04, A-HDR-07, SMART-CORS-005, TOKEN-011
#[tokio::test]
async fn the_token_endpoint_answers_the_apps_own_origins() {
    let world = World::new();
    let answer = preflight(&world, "https://app.example").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(answer.header("access-control-allow-methods"), "POST");
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    assert_eq!(answer.header("vary"), "origin");
    let tricks = [
        "null",
        "https://app.example.evil.test",
        "https://evilapp.example",
        "http://app.example",
        "https://app.example:444",
        "https://app.example/",
        "https://APP.example",
        "https://evil.test",
        "*",
        "",
    ];
    for origin in tricks {
        let answer = preflight(&world, origin).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{origin}");
        assert!(answer.headers.get("access-control-allow-methods").is_none(), "{origin}");
    }
    let origin_of = |answer: &Answer| {
        answer.headers.get("access-control-allow-origin").map(|v| v.to_str().unwrap().to_owned())
    };
    let code = world.code_for(&az("pub")).await;
    // Errors are readable too, and so are the tokens.
    let wrong = tk("pub", "vc_x").at_origin("https://app.example").send(&world).await;
    assert_eq!(origin_of(&wrong).as_deref(), Some("https://app.example"));
    let foreign = tk("pub", "vc_x").at_origin("https://other.example").send(&world).await;
    assert_eq!(origin_of(&foreign), None, "the origin of another app");
    for origin in tricks {
        assert_eq!(origin_of(&tk("pub", "vc_x").at_origin(origin).send(&world).await), None, "{origin}");
    }
    let unknown =
        tk("pub", "vc_x").set("client_id", "nope").at_origin("https://app.example").send(&world).await;
    assert_eq!(unknown.status, 401);
    assert_eq!(
        origin_of(&unknown).as_deref(),
        Some("https://app.example"),
        "before a client is known: any registered one"
    );
    let right = tk("pub", &code).at_origin("https://app.example").send(&world).await;
    assert_eq!(right.status, 200);
    assert_eq!(origin_of(&right).as_deref(), Some("https://app.example"));
    // Two Origin headers, or a registry that is away: nobody.
    let mut request = tk("pub", "vc_x").at_origin("https://app.example").request();
    request.headers_mut().append("origin", "https://app.example".parse().unwrap());
    assert_eq!(origin_of(&Answer::from(world.server.handle(request).await)), None);
    world.script.away("clients", true);
    assert!(
        preflight(&world, "https://app.example").await.headers.get("access-control-allow-origin").is_none()
    );
    world.script.away("clients", false);
    // An app that is switched off has no origins.
    world.clients.change("other", |client| client.status = vestibule_host::ClientStatus::Disabled);
    assert!(
        preflight(&world, "https://other.example").await.headers.get("access-control-allow-origin").is_none()
    );
}

/// AUTHZ-008, CORS-001
#[tokio::test]
async fn pages_are_for_no_script() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let authorize = format!("/auth/authorize?{}", az("pub").query());
    for path in [authorize.as_str(), &browser.path.clone(), "/auth/manage", "/nowhere"] {
        let mut request = browser.request(Method::GET, path, "");
        request.headers_mut().insert("origin", "https://app.example".parse().unwrap());
        let answer = browser.send(request).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{path}");
    }
}

/// Each way of authentication that a document names works at that endpoint, and no other does: every app of this world is
/// registered for one of them.
///
/// SMART-DISC-025, SMART-CAUTH-006, AMB-20, META-005
#[tokio::test]
async fn what_is_said_of_authentication_works() {
    let world = World::new();
    let document = world.json("/.well-known/oauth-authorization-server").await;
    for (member, path) in [
        ("token_endpoint_auth_methods_supported", "/auth/token"),
        ("revocation_endpoint_auth_methods_supported", "/auth/revoke"),
        ("introspection_endpoint_auth_methods_supported", "/auth/introspect"),
    ] {
        let said: Vec<&str> = document[member].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for (method, client) in [
            ("none", "pub"),
            ("client_secret_basic", "basic"),
            ("client_secret_post", "post"),
            ("private_key_jwt", "jwt"),
            ("client_secret_jwt", "nobody"),
        ] {
            let assertion = assertion(&world, client).text();
            let mut fields = vec![("token", "x"), ("grant_type", "refresh_token"), ("refresh_token", "x")];
            let mut header = None;
            match method {
                "client_secret_basic" => {
                    header = Some(basic(client, "basic-secret-basic-secret-basic-secret"));
                }
                "client_secret_post" => fields.extend([
                    ("client_id", client),
                    ("client_secret", "post-secret-post-secret-post-secret-p"),
                ]),
                "none" => fields.push(("client_id", client)),
                _ => fields.extend([("client_assertion_type", JWT_BEARER), ("client_assertion", &assertion)]),
            }
            let answer = post(&world, path, &fields, header.as_deref()).await;
            let works = !(answer.status == 401 && answer.body.contains("invalid_client"));
            assert_eq!(works, said.contains(&method), "{method} at {path}: {}", answer.body);
        }
    }
}
