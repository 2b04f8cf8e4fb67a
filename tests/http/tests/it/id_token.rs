//! A-OIDC: who signed in, when, for which request.

use serde_json::json;
use vestibule_host::{Clock as _, UnixMillis};
use vestibule_http_tests::app::{Az, address_of, az};
use vestibule_http_tests::browser::Browser;
use vestibule_http_tests::world::{P1, P2, P9, World};

use crate::notation::{asked, begins, each_adapter, red, red_at};

fn open_id(client: &str) -> Az {
    az(client).scope("openid launch/patient patient/Observation.rs")
}

fn ago(world: &World, seconds: i64) -> UnixMillis {
    UnixMillis(world.clock.now().0 - seconds * 1_000)
}

/// A-OIDC-01
#[test]
fn a_oidc_01_nonce_copied() {
    each_adapter(async |world| {
        for nonce in ["n \"x", "\u{e9}\u{1f600}", "a&b=c+ ~#%", "<script>", &"n".repeat(512)] {
            let tokens = world.tokens_for("pub", &open_id("pub").add("nonce", nonce)).await;
            assert_eq!(world.id_claims(&tokens).await["nonce"], nonce);
        }
        let tokens = world.tokens_for("pub", &open_id("pub")).await;
        assert!(!world.id_claims(&tokens).await.contains_key("nonce"));
    });
}

/// A-OIDC-03
#[test]
fn a_oidc_03_nonce_of_another_tab() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&open_id("pub").add("nonce", "n1")).await;
        let one = browser.tab();
        browser.begin(&open_id("pub").add("nonce", "n2")).await;
        browser.pick(P2).await;
        let two = browser.tab();
        browser.switch_to(&one);
        browser.pick(P1).await;
        let first = browser.allow().await.code();
        browser.switch_to(&two);
        let second = browser.allow().await.code();
        for (code, nonce, patient) in [(second, "n2", P2), (first, "n1", P1)] {
            let tokens = world.redeem("pub", &code).await.json();
            assert_eq!(tokens["patient"], patient);
            assert_eq!(world.id_claims(&tokens).await["nonce"], nonce);
        }
    });
}

/// A-OIDC-04
#[test]
fn a_oidc_04_huge_nonce() {
    each_adapter(async |world| {
        for length in [513, 20_000] {
            for answer in asked(&world, &open_id("pub").add("nonce", &"n".repeat(length))).await {
                red(&answer, "invalid_request");
            }
        }
        let huge = format!("{}&nonce={}", open_id("pub").query(), "n".repeat(100_000));
        let answer = crate::notation::posted(&world, "/auth/authorize", &huge).await;
        assert!(answer.status == 413 && answer.headers.get("location").is_none());
        begins(&world).await;
    });
}

/// A-OIDC-05
#[test]
fn a_oidc_05_prompt_none() {
    each_adapter(async |world| {
        let none = |client: &str| open_id(client).add("prompt", "none");
        let memo = address_of("memo");
        for answer in asked(&world, &none("memo")).await {
            // By POST from another site the host's cookie does not come along: the browser asks once more, with a GET.
            let told = if answer.location().starts_with("/auth/authorize?") {
                assert_eq!((answer.body.as_str(), answer.cookies().len()), ("", 0), "nothing to lose");
                Browser::new(&world).get(answer.location()).await
            } else {
                answer
            };
            red_at(&told, memo, "login_required");
            assert_eq!(told.body, "", "no page");
        }
        let mut bob = Browser::of(&world, "bob");
        let answer = bob.authorize(&none("memo")).await;
        red_at(&answer, memo, "consent_required");
        assert_eq!(answer.body, "");
        let mut alice = Browser::of(&world, "alice");
        red_at(&alice.authorize(&none("memo")).await, memo, "interaction_required");
        // Another than the hint's.
        let tokens = world.tokens_for("pub", &open_id("pub")).await;
        let hint = tokens["id_token"].as_str().unwrap();
        red(&bob.authorize(&none("pub").add("id_token_hint", hint)).await, "login_required");
        // Too long ago.
        world.users.signed_in_at("bob", ago(&world, 61));
        red_at(&bob.authorize(&none("memo").add("max_age", "60")).await, memo, "login_required");
        assert_eq!(world.users.asked().len(), 0, "nobody was sent to sign in");
        // Remembered: a code, without a page.
        bob.begin(&open_id("memo")).await;
        bob.allow().await.code();
        let code = bob.authorize(&none("memo")).await.code();
        assert_eq!(world.redeem("memo", &code).await.status, 200);
    });
}

/// A-OIDC-06
#[test]
fn a_oidc_06_prompts_together() {
    each_adapter(async |world| {
        for prompt in [
            "none login",
            "login none",
            "none consent",
            "bogus",
            "login bogus",
            "NONE",
            "login  consent",
            " login",
            "none none x",
        ] {
            for answer in asked(&world, &open_id("pub").add("prompt", prompt)).await {
                red(&answer, "invalid_request");
            }
        }
        for again in ["login", "none"] {
            for answer in asked(&world, &open_id("pub").add("prompt", "login").add("prompt", again)).await {
                red(&answer, "invalid_request");
            }
        }
        world.users.signed_in_at("bob", ago(&world, 61));
        for prompt in ["login login", "login", "login consent"] {
            let mut browser = Browser::of(&world, "bob");
            let page = browser.begin(&open_id("pub").add("prompt", prompt)).await;
            assert!(page.location().starts_with("/login?"), "{prompt}: {}", page.brief());
        }
    });
}

/// A-OIDC-07
#[test]
fn a_oidc_07_a_new_sign_in_is_a_new_one() {
    each_adapter(async |world| {
        for (name, value) in [("max_age", "0"), ("prompt", "login"), ("max_age", "60")] {
            world.users.signed_in_at("bob", ago(&world, 61));
            let mut browser = Browser::of(&world, "bob");
            let page = browser.begin(&open_id("pub").add(name, value)).await;
            assert!(page.location().starts_with("/login?"), "{name}={value}: {}", page.brief());
            assert!(browser.reload().await.location().starts_with("/login?"), "a reload is no sign-in");
            world.advance(30);
            let now = ago(&world, 2);
            world.users.signed_in_at("bob", now);
            assert!(browser.come_back().await.is_consent());
            let tokens = world.redeem("pub", &browser.allow().await.code()).await.json();
            assert_eq!(world.id_claims(&tokens).await["auth_time"], now.0 / 1_000, "{name}={value}");
        }
    });
}

/// A-OIDC-08
#[test]
fn a_oidc_08_auth_time_that_is_a_lie() {
    each_adapter(async |world| {
        for (name, value) in [("max_age", "0"), ("prompt", "login"), ("max_age", "60")] {
            world.users.signed_in_at("bob", ago(&world, 61));
            let mut browser = Browser::of(&world, "bob");
            browser.begin(&open_id("pub").add(name, value)).await;
            world.advance(30);
            red(browser.come_back().await, "login_required");
        }
        assert_eq!(world.spy.codes(), 0);
    });
}

/// A-OIDC-11
#[test]
fn a_oidc_11_claims_request() {
    each_adapter(async |world| {
        let claims = json!({ "id_token": { "patient": { "value": P9 }, "fhirUser": { "value": "Practitioner/x" } }, "userinfo": { "email": null } });
        let request = open_id("pub").add("claims", &claims.to_string());
        let tokens = world.tokens_for("pub", &request).await;
        assert_eq!(tokens["patient"], P1);
        let (id, access) = (world.id_claims(&tokens).await, world.access_claims(&tokens).await);
        assert!(!id.contains_key("patient") && !id.contains_key("fhirUser") && !id.contains_key("email"));
        assert_eq!(access["patient"], P1);
        assert!(!tokens.to_string().contains(P9));
    });
}

/// A-OIDC-13
#[test]
fn a_oidc_13_audience_is_the_client() {
    each_adapter(async |world| {
        for client in ["pub", "basic"] {
            let tokens = world.tokens_for(client, &open_id(client)).await;
            let claims = world.id_claims(&tokens).await;
            assert_eq!(claims["aud"], json!(client));
            assert!(claims.get("azp").is_none_or(|azp| azp == client));
            assert_eq!(claims["sub"], "sub-alice");
        }
    });
}
