//! Requirements that the flows of the other files pass by without looking: see `docs/conformance.md`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::app::{az, tk};
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
