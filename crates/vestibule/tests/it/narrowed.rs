//! Scopes that shrink after they were granted, and scopes that no token could carry.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use vestibule_host::{GrantTypes, TokenFormat};
use vestibule_http_tests::world::scopes;

use crate::app::{Az, az, introspection, revocation, rf};
use crate::around_the_token::{Signer, backend};
use crate::browser::{Answer, Browser};
use crate::world::{FHIR1, P1, World};

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

fn register(world: &World, client: &str, text: &str) {
    world.clients.change(client, |app| app.scopes = scopes(text));
}

async fn user_info(world: &World, access: &str) -> Answer {
    let request = Request::get("/auth/userinfo").header("authorization", format!("Bearer {access}"));
    Answer::from(world.door.send(request.body(Bytes::new()).unwrap()).await)
}

async fn lives(world: &World, access: &str) -> bool {
    world.server.access_token(access).await.unwrap().is_some()
}

/// RT-008, SMART-REFRESH-003, OIDC-009, SMART-IDT-033, SMART-INTRO-005
#[tokio::test]
async fn a_narrowed_token_says_no_more_than_its_own_scopes() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
        let world = World::new();
        world.clients.change("pub", |app| app.token_format = format);
        let asked = "launch/patient openid fhirUser profile patient/Observation.rs offline_access";
        let whole = world.tokens_for("pub", &az("pub").scope(asked)).await;
        let said = user_info(&world, text(&whole, "access_token")).await.json();
        assert_eq!(said["fhirUser"], said["profile"]);
        let mut token = text(&whole, "refresh_token").to_owned();
        for (scope, opens, names) in [
            ("patient/Observation.rs", false, Vec::new()),
            ("fhirUser profile patient/Observation.rs", false, Vec::new()),
            ("openid patient/Observation.rs", true, Vec::new()),
            ("openid profile", true, vec!["profile"]),
            ("openid fhirUser", true, vec!["fhirUser"]),
            (asked, true, vec!["fhirUser", "profile"]),
        ] {
            let tokens = rf("pub", &token).add("scope", scope).send(&world).await.json();
            token = text(&tokens, "refresh_token").to_owned();
            let access = text(&tokens, "access_token");
            let told = introspection("rs1", access).send(&world).await.json();
            assert_eq!((&told["active"], &told["scope"]), (&json!(true), &json!(scope)));
            assert_eq!(told.get("fhirUser").is_some(), !names.is_empty(), "{scope}: {told}");
            assert_eq!(told["patient"], P1, "the context is the grant's");
            let answer = user_info(&world, access).await;
            if opens {
                let mut expected = json!({ "sub": said["sub"] });
                for name in &names {
                    expected[*name] = said[*name].clone();
                }
                assert_eq!(answer.json(), expected, "{scope}");
            } else {
                let challenge = answer.header("www-authenticate");
                assert_eq!((answer.status, challenge), (403, "Bearer error=\"insufficient_scope\""));
            }
            // OIDC Core 12.2: an answer to a refresh may come without an ID token.
            assert_eq!(tokens.get("id_token").is_some(), opens, "{scope}");
            if opens {
                let id = world.id_claims(&tokens).await;
                assert_eq!(id.contains_key("fhirUser"), names.contains(&"fhirUser"), "{scope}");
            }
            if format == TokenFormat::Jwt {
                let claims = world.access_claims(&tokens).await;
                assert_eq!(claims.contains_key("fhirUser"), !names.is_empty(), "{scope}");
            }
        }
    }
}

/// A-RT-13, A-RT-14, RT-001, SMART-TOKEN-030: between code and tokens the registration may have shrunk.
#[tokio::test]
async fn a_code_buys_what_the_app_is_still_registered_for() {
    let world = World::new();
    let asked = az("pub").scope("launch/patient openid fhirUser patient/*.rs offline_access");
    let all = world.clients.get("pub").scopes.to_string();

    let code = world.code_for(&asked).await;
    register(&world, "pub", "launch/patient openid patient/Observation.rs offline_access");
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!(tokens["scope"], "launch/patient openid patient/Observation.rs offline_access");
    assert_eq!(world.access_claims(&tokens).await["scope"], tokens["scope"]);
    assert!(!world.access_claims(&tokens).await.contains_key("fhirUser"));
    assert!(!world.id_claims(&tokens).await.contains_key("fhirUser"));
    let told = world.observed.last();
    assert!(told.scopes.iter().any(|line| line.requested == "fhirUser" && line.left.is_empty()), "{told:?}");

    // The right to come back, and who it is.
    register(&world, "pub", &all);
    let code = world.code_for(&asked).await;
    register(&world, "pub", "launch/patient patient/*.rs");
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!(tokens["scope"], "launch/patient patient/*.rs");
    assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_none(), "{tokens}");
    assert_eq!(tokens["expires_in"], 300, "the grant does not end with the session, so its tokens are short");

    register(&world, "pub", &all);
    let code = world.code_for(&asked).await;
    world.clients.change("pub", |app| app.grant_types.refresh_token = false);
    assert!(world.redeem("pub", &code).await.json().get("refresh_token").is_none());
    world.clients.change("pub", |app| app.grant_types.refresh_token = true);

    // Nothing is left: as at a refresh, and nothing is spent.
    for left in ["user/Observation.rs", "offline_access"] {
        let code = world.code_for(&asked).await;
        register(&world, "pub", left);
        world.redeem("pub", &code).await.is_error(400, "invalid_grant");
        register(&world, "pub", &all);
        assert_eq!(world.redeem("pub", &code).await.status, 200, "{left}");
    }
}

/// Granular scopes whose text is `len` bytes long, with `launch/patient` and `offline_access`.
fn granular(level: &str, len: usize) -> String {
    let mut list = String::from("launch/patient offline_access");
    for number in 0.. {
        let next = format!(" {level}/Observation.rs?category=http://a/b|c{number:05}");
        if list.len() + next.len() > len {
            break;
        }
        list.push_str(&next);
    }
    // To the byte.
    let missing = len - list.len();
    list + &"x".repeat(missing)
}

/// The longest text of scopes that goes into a JWT.
const FITS: usize = 5 * 1024;

async fn consent_for(world: &World, request: &Az) -> Browser {
    let mut browser = Browser::of(world, "alice");
    let request = browser.request(http::Method::POST, "/auth/authorize", &request.query());
    let answer = browser.send(request).await;
    browser.path = answer.location().to_owned();
    browser.reload().await;
    browser.pick(P1).await;
    browser
}

/// GEN-009, A-FAULT-07, REVOKE-005, INTRO-004, SMART-AUTHZ-064
#[tokio::test]
async fn every_token_that_is_issued_can_be_read_and_revoked() {
    let world = World::new();
    let mut browser = consent_for(&world, &az("pub").scope(&granular("patient", FITS))).await;
    assert!(browser.page.is_consent(), "{:?}", browser.page);
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!(text(&tokens, "scope").len(), FITS);
    let access = text(&tokens, "access_token");
    // With `Authorization: Bearer ` before it, one line of a head for proxies that take 8 KiB.
    assert!(access.len() < 8_100, "{}", access.len());
    assert!(lives(&world, access).await);
    assert_eq!(introspection("rs1", access).send(&world).await.json()["active"], true);
    assert_eq!(revocation("pub", access).send(&world).await.status, 200);
    assert!(!lives(&world, access).await);
    assert_eq!(world.grants_of("alice").await, 0);

    // One byte more, and the limits of a list: refused before anybody is asked to agree.
    for len in [FITS + 1, 12 * 1024] {
        let browser = consent_for(&world, &az("pub").scope(&granular("patient", len))).await;
        browser.page.is_refusal(crate::app::CB, "invalid_scope");
        assert_eq!(world.grants_of("alice").await, 0);
        assert!(world.consents.of("alice").await.len() <= 1);
    }

    // A token that is only a name for what is kept can stand for more.
    world.clients.change("pub", |app| app.token_format = TokenFormat::Opaque);
    let mut browser = consent_for(&world, &az("pub").scope(&granular("patient", 12 * 1024))).await;
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    let access = text(&tokens, "access_token");
    assert!(lives(&world, access).await);
    assert_eq!(revocation("pub", access).send(&world).await.status, 200);
    assert!(!lives(&world, access).await);
}

/// GEN-009, A-RT-13, SMART-BACK-005: narrowing makes texts longer, too.
#[tokio::test]
async fn a_wildcard_that_narrows_to_too_much_is_refused_and_spends_nothing() {
    let world = World::new();
    let all = world.clients.get("pub").scopes.to_string();
    let asked = az("pub").scope("launch/patient patient/Observation.rs patient/Condition.rs offline_access");
    let long = format!("{} patient/Condition.rs", granular("patient", 12 * 1024));
    let code = world.code_for(&asked).await;
    register(&world, "pub", &long);
    world.redeem("pub", &code).await.is_error(400, "invalid_scope");
    register(&world, "pub", &all);
    let tokens = world.redeem("pub", &code).await.json();

    register(&world, "pub", &long);
    let token = text(&tokens, "refresh_token");
    rf("pub", token).send(&world).await.is_error(400, "invalid_scope");
    // The app can ask for less.
    let less = rf("pub", token).add("scope", "patient/Condition.rs").send(&world).await.json();
    assert!(lives(&world, text(&less, "access_token")).await);

    // A launch with such a registration, and a service.
    let browser = consent_for(&world, &asked).await;
    browser.page.is_refusal(crate::app::CB, "invalid_scope");
    let signer = Signer::of(&world, GrantTypes::BACKEND);
    register(&world, "other", &granular("system", 12 * 1024));
    let assertion = signer.assertion(&world, "long").await;
    backend(&world, &assertion, "system/Observation.rs").await.is_error(400, "invalid_scope");
    let some = granular("system", 4 * 1024).replace("launch/patient offline_access ", "");
    let assertion = signer.assertion(&world, "short").await;
    let tokens = backend(&world, &assertion, &some).await.json();
    assert_eq!(world.access_claims(&tokens).await["aud"], FHIR1);
}
