//! A-JWKS: the keys of a client that publishes them itself. What the fetcher does with hostile addresses and servers is shown
//! where it is, in `vestibule-fetch`; here, what becomes of it at the token endpoint.

use serde_json::json;
use vestibule_http_tests::app::az;
use vestibule_http_tests::app::{cc, tk};
use vestibule_http_tests::assertion::{assertion, key_of, key_set};
use vestibule_http_tests::browser::Answer;
use vestibule_http_tests::world::{JWTU_KEYS, World};

use crate::notation::{each_adapter, j401};

/// `jwtu` redeems a fresh code with its key `kid`.
async fn redeemed(world: &World, kid: &str) -> Answer {
    let code = world.code_for(&az("jwtu").scope("launch/patient patient/Observation.rs")).await;
    let good = assertion(world, "jwtu").header("kid", kid).signed_by("jwtu", kid);
    tk("jwtu", &code).with_assertion(&good.text()).send(world).await
}

/// A-JWKS-12
#[test]
fn a_jwks_12_rotation() {
    each_adapter(async |world| {
        world.network.publish(JWTU_KEYS, json!({ "keys": [key_of("jwtu", "e1").jwk()] }).to_string());
        assert_eq!(redeemed(&world, "e1").await.status, 200);
        assert_eq!(redeemed(&world, "e1").await.status, 200);
        assert_eq!(world.network.fetched().len(), 1, "the second time from the cache");
        // A new key beside the old one: one more fetch.
        let both = json!({ "keys": [key_of("jwtu", "e1").jwk(), key_of("jwtu", "e2").jwk()] });
        world.network.publish(JWTU_KEYS, both.to_string());
        assert_eq!(redeemed(&world, "e2").await.status, 200);
        assert_eq!(world.network.fetched().len(), 2);
        // The old one is gone once the cache's time is over.
        world.network.publish(JWTU_KEYS, json!({ "keys": [key_of("jwtu", "e2").jwk()] }).to_string());
        world.network.forget();
        j401(&redeemed(&world, "e1").await);
        assert_eq!(redeemed(&world, "e2").await.status, 200);
    });
}

/// A-JWKS-14
#[test]
fn a_jwks_14_wrong_content() {
    each_adapter(async |world| {
        let key = key_of("jwtu", "e1").jwk().to_string();
        for document in [
            "<html><body>404</body></html>".to_owned(),
            format!("[{key}]"),
            r#"{"keys":{}}"#.to_owned(),
            format!(r#"{{"keys":[],"keys":[{key}]}}"#),
            format!(r#"{{"keys":[{key}],"keys":[]}}"#),
            format!(r#"{{"keys":[{key},{key}]}}"#),
            format!(r#"{{"keys":[{key}]}}x"#),
            key.clone(),
            String::new(),
        ] {
            world.network.forget();
            world.network.publish(JWTU_KEYS, document.clone());
            let answer = redeemed(&world, "e1").await;
            assert_eq!(answer.status, 401, "{document}");
            j401(&answer);
        }
        world.network.forget();
        world.network.publish(JWTU_KEYS, key_set("jwtu").to_string());
        assert_eq!(redeemed(&world, "e1").await.status, 200);
    });
}

/// A-JWKS-15
#[test]
fn a_jwks_15_error_oracle() {
    each_adapter(async |world| {
        let mut answers = Vec::new();
        // Nothing answers, nonsense answers, the wrong key answers.
        world.network.unpublish(JWTU_KEYS);
        answers.push(redeemed(&world, "e1").await);
        world.network.publish(JWTU_KEYS, "<html>");
        answers.push(redeemed(&world, "e1").await);
        world.network.forget();
        world.network.publish(JWTU_KEYS, key_set("mallory").to_string());
        answers.push(redeemed(&world, "e1").await);
        answers.push(cc(&assertion(&world, "nope").text()).send(&world).await);
        for answer in &answers {
            j401(answer);
            assert_eq!((&answer.body, &answer.headers), (&answers[0].body, &answers[0].headers));
        }
    });
}
