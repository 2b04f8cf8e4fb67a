//! Requirements that the flows of the other files pass by without looking: see `docs/conformance.md`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::app::{az, tk};
use crate::browser::Browser;
use crate::world::World;

/// SMART-IDT-003, SMART-IDT-004, SMART-IDT-005, SMART-IDT-021, OIDC-007, META-007
#[tokio::test]
async fn the_id_token_names_a_published_rsa_key() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &az("pub").scope("openid patient/Observation.rs")).await;
    let header = |token: &str| -> Value {
        let header = tokens[token].as_str().unwrap().split('.').next().unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
    };
    let configuration = world.json("/.well-known/openid-configuration").await;
    let jwks =
        configuration["jwks_uri"].as_str().unwrap().strip_prefix(world.server.config().issuer()).unwrap();
    let set = world.json(jwks).await;
    let keys = set["keys"].as_array().unwrap();
    let named = |header: &Value| {
        let found: Vec<&Value> = keys.iter().filter(|key| key["kid"] == header["kid"]).collect();
        assert_eq!(found.len(), 1, "{header}");
        found[0].clone()
    };
    let id = header("id_token");
    assert_eq!(id["alg"], "RS256");
    let key = named(&id);
    assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&"RSA".into(), &"RS256".into(), &"sig".into()));
    let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
    assert!(modulus.len() >= 256 && key["e"] == "AQAB");
    let access = header("access_token");
    assert_eq!((&access["alg"], &access["typ"]), (&"ES256".into(), &"at+jwt".into()));
    assert_eq!(named(&access)["kty"], "EC");
}

/// CODE-001, SMART-LAUNCH-010, SMART-LAUNCH-004
#[tokio::test]
async fn codes_and_launches_are_256_random_bits_and_no_patient() {
    let world = World::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let code = world.code_for(&az("pub")).await;
        let handle = world.launch_for("dr", "pub", crate::world::open_record(crate::world::P1)).await;
        for (secret, prefix) in [(code, "vc_"), (handle, "vl_")] {
            let bytes = URL_SAFE_NO_PAD.decode(secret.strip_prefix(prefix).unwrap()).unwrap();
            assert_eq!(bytes.len(), 32);
            assert!(!world.spy.written().contains(&secret), "only the hash is stored");
            assert!(seen.insert(bytes), "twice the same");
        }
    }
}

/// TOKEN-012: the store is asked, and a key used, only for a client that has proven who it is.
#[tokio::test]
async fn nothing_costly_happens_for_an_unproven_client() {
    let world = World::new();
    let code = world.code_for(&az("basic")).await;
    let calls_of = async |request: crate::app::Tk| {
        world.script.restart();
        let answer = request.send(&world).await;
        (answer.status, world.script.calls())
    };
    let wrong = [
        tk("basic", &code).basic(Some(("basic", "wrong"))),
        tk("basic", &code).basic(Some(("nobody", "wrong"))),
        tk("basic", &code).basic(None),
    ];
    for request in wrong {
        let (status, calls) = calls_of(request).await;
        assert_eq!(status, 401);
        assert!(calls.iter().all(|call| call.starts_with("clients.")), "{calls:?}");
    }
    let (status, calls) = calls_of(tk("basic", &code)).await;
    assert_eq!(status, 200);
    let at = |name: &str| calls.iter().position(|call| call.starts_with(name)).unwrap();
    assert!(at("clients.") < at("grants.") && at("grants.") < at("keys."), "{calls:?}");
}

/// SMART-DISC-001, SMART-DISC-002, SMART-DISC-004, SMART-DISC-005, SMART-DISC-007, SMART-DISC-009, SMART-DISC-011, SMART-DISC-013, META-002, META-003
#[tokio::test]
async fn discovery_says_the_same_to_everybody() {
    let world = World::new();
    let get = async |path: &str, headers: &[(&str, &str)]| {
        let mut browser = Browser::new(&world);
        let mut request = browser.request(http::Method::GET, path, "");
        request.headers_mut().remove("accept");
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        browser.send(request).await
    };
    let base = crate::world::FHIR1.strip_prefix("https://").unwrap();
    let base = &base[base.find('/').unwrap()..];
    let smart = format!("{base}/.well-known/smart-configuration");
    let places = [
        smart.as_str(),
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/auth/keys",
    ];
    for path in places {
        let plain = get(path, &[]).await;
        assert_eq!((plain.status, plain.header("content-type")), (200, "application/json"), "{path}");
        assert!(plain.json().is_object());
        assert_eq!(plain.header("access-control-allow-origin"), "*");
        assert_eq!(plain.header("cache-control"), "public, max-age=300");
        assert!(plain.header("access-control-allow-credentials").is_empty());
        let etag = plain.header("etag");
        assert!(etag.starts_with('"'));
        for header in [
            ("accept", "application/json"),
            ("accept", "text/html"),
            ("ACCEPT", "application/fhir+json"),
            ("authorization", "Bearer expired"),
            ("authorization", "Basic eDp5"),
        ] {
            let answer = get(path, &[header]).await;
            assert_eq!((answer.status, answer.body == plain.body), (200, true), "{path} {header:?}");
            assert_eq!(answer.header("content-type"), "application/json");
        }
        let known = get(path, &[("if-none-match", etag)]).await;
        assert_eq!((known.status, known.body.as_str()), (304, ""));
    }
    let old = get(&format!("{smart}.json"), &[]).await;
    assert_eq!(old.body, get(&smart, &[]).await.body);
    assert_eq!(
        get("/.well-known/smart-configuration", &[]).await.status,
        404,
        "below the base, not at the root"
    );
}

/// CODE-012, TOKEN-008, GEN-017: whatever is away, nothing is spent, and it is said that one may try again.
#[tokio::test]
async fn what_is_away_spends_no_code() {
    for part in ["keys", "users", "patients", "consents", "clients", "grants"] {
        let world = World::new();
        let code = world.code_for(&az("pub")).await;
        world.script.away(part, true);
        let answer = world.redeem("pub", &code).await;
        answer.is_error(503, "temporarily_unavailable");
        assert!(!answer.header("retry-after").is_empty());
        world.script.away(part, false);
        assert_eq!(world.redeem("pub", &code).await.status, 200, "{part}");
    }
}

/// SMART-AUTHZ-065, GEN-017: a store that is away is told to the app, once its address is proven, and is no unknown launch.
#[tokio::test]
async fn a_store_that_is_away_is_told_to_the_app() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", crate::world::open_record(crate::world::P1)).await;
    let request = crate::app::az_ehr("pub", &handle);
    world.script.away("grants", true);
    let mut browser = Browser::of(&world, "dr");
    browser.authorize(&request).await.is_refusal("https://app.example/cb", "temporarily_unavailable");
    world.script.away("grants", false);
    assert_eq!(browser.authorize(&request).await.status, 303);
}
