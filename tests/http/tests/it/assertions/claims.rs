//! What an assertion says.

use serde_json::{Value, json};
use vestibule_http_tests::app::{az, cc, tk};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::world::AS;

use super::{accepted, now, refused, svc};
use crate::notation::{each_adapter, j401};

/// A-JWT-08
#[test]
fn a_jwt_08_audience() {
    each_adapter(async |world| {
        refused(&world, &svc(&world).without_claim("aud").text()).await;
        for aud in [
            json!(""),
            json!(null),
            json!([]),
            json!(7),
            json!({}),
            json!("https://as.example/"),
            json!("https://as.example/auth/token/"),
            json!("https://AS.example"),
            json!("http://as.example"),
            json!("https://as.example/auth"),
            json!([["https://as.example"]]),
        ] {
            refused(&world, &svc(&world).claim("aud", aud).text()).await;
        }
        // Real clients send either, as text or as a list of one (design §9).
        for aud in [
            json!(AS),
            json!("https://as.example/auth/token"),
            json!([AS]),
            json!(["https://as.example/auth/token"]),
        ] {
            accepted(&world, &svc(&world).claim("aud", aud).text()).await;
        }
    });
}

/// A-JWT-09: five minutes ahead, and a minute for clocks (design §9).
#[test]
fn a_jwt_09_exp_too_far() {
    each_adapter(async |world| {
        let now = now(&world);
        for exp in [
            json!(now + 361),
            json!(now + 301 + 60),
            json!(now + 315_360_000),
            json!(9e18),
            json!(1e300),
            json!(i64::MAX),
        ] {
            refused(&world, &svc(&world).claim("exp", exp).text()).await;
        }
        accepted(&world, &svc(&world).claim("exp", now + 300).text()).await;
        accepted(&world, &svc(&world).claim("exp", now + 359).text()).await;
    });
}

/// A-JWT-12
#[test]
fn a_jwt_12_expired() {
    each_adapter(async |world| {
        let now = now(&world);
        for exp in
            [json!(now - 61), json!(now - 86_400), json!(0), json!(-1), json!("9999999999"), json!(null)]
        {
            refused(&world, &svc(&world).claim("exp", exp).text()).await;
        }
        refused(&world, &svc(&world).without_claim("exp").text()).await;
        accepted(&world, &svc(&world).claim("exp", now - 59).text()).await;
    });
}

/// A-JWT-13
#[test]
fn a_jwt_13_nbf() {
    each_adapter(async |world| {
        let now = now(&world);
        for nbf in [json!(now + 120), json!(now + 61), json!("x"), json!(null), json!([now])] {
            refused(&world, &svc(&world).claim("nbf", nbf).text()).await;
        }
        accepted(&world, &svc(&world).claim("nbf", now + 59).text()).await;
        accepted(&world, &svc(&world).claim("nbf", now - 1_000).text()).await;
    });
}

/// A-JWT-14
#[test]
fn a_jwt_14_iat_ahead() {
    each_adapter(async |world| {
        let now = now(&world);
        refused(&world, &svc(&world).claim("iat", now + 120).text()).await;
        refused(&world, &svc(&world).claim("iat", "x").text()).await;
        accepted(&world, &svc(&world).claim("iat", now + 9).text()).await;
        // It is not required (design §9).
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-15
#[test]
fn a_jwt_15_iat_long_ago() {
    each_adapter(async |world| {
        let now = now(&world);
        refused(&world, &svc(&world).claim("iat", now - 86_400).text()).await;
        refused(&world, &svc(&world).claim("iat", 0).text()).await;
        accepted(&world, &svc(&world).claim("iat", now - 100).text()).await;
    });
}

/// A-JWT-16
#[test]
fn a_jwt_16_jti_replay() {
    each_adapter(async |world| {
        let one = svc(&world);
        accepted(&world, &one.text()).await;
        j401(&cc(&one.text()).send(&world).await);
        // The same id in another assertion, for as long as the first could be accepted.
        for after in [0, 200, 90] {
            world.advance(after);
            let again = svc(&world).claim("jti", one.claims["jti"].clone());
            j401(&cc(&again.text()).send(&world).await);
        }
        // Another client's ids are its own.
        let code = world.code_for(&az("jwt").scope("launch/patient patient/Observation.rs")).await;
        let other = assertion(&world, "jwt").claim("jti", one.claims["jti"].clone());
        assert_eq!(tk("jwt", &code).with_assertion(&other.text()).send(&world).await.status, 200);
        // At the same moment.
        let request = cc(&svc(&world).text());
        let (one, two) = tokio::join!(request.send(&world), request.send(&world));
        assert_eq!(usize::from(one.status == 200) + usize::from(two.status == 200), 1);
        for jti in [json!(""), json!(null), json!(7), json!("x".repeat(257))] {
            j401(&cc(&svc(&world).claim("jti", jti).text()).send(&world).await);
        }
        j401(&cc(&svc(&world).without_claim("jti").text()).send(&world).await);
    });
}

/// A-JWT-25
#[test]
fn a_jwt_25_client_id_says_otherwise() {
    each_adapter(async |world| {
        for other in ["other", "pub", "SVC"] {
            let answer = cc(&svc(&world).text()).add("client_id", other).send(&world).await;
            assert!(matches!(answer.status, 400 | 401), "{}", answer.brief());
        }
        let answer = cc(&svc(&world).text()).add("client_id", "svc").send(&world).await;
        assert_eq!(answer.status, 200);
    });
}

/// A-JWT-26
#[test]
fn a_jwt_26_own_key_other_client() {
    each_adapter(async |world| {
        let code = world.code_for(&az("jwt").scope("launch/patient patient/Observation.rs")).await;
        let forged = assertion(&world, "jwt").signed_by("svc", "e1").text();
        j401(&tk("jwt", &code).with_assertion(&forged).send(&world).await);
        refused(&world, &svc(&world).signed_by("jwt", "e1").text()).await;
        // `iss` and `sub` must both be the client.
        for (name, value) in
            [("iss", json!("jwt")), ("sub", json!("jwt")), ("iss", json!(["svc"])), ("sub", json!(null))]
        {
            refused(&world, &svc(&world).claim(name, value).text()).await;
        }
        let right = tk("jwt", &code).with_assertion(&assertion(&world, "jwt").text());
        assert_eq!(right.send(&world).await.status, 200);
    });
}

/// A-JWT-36
#[test]
fn a_jwt_36_duplicate_members() {
    each_adapter(async |world| {
        let good = svc(&world);
        let header = Value::Object(good.header.clone()).to_string();
        let claims = Value::Object(good.claims.clone()).to_string();
        for (name, value) in [
            ("sub", "\"other\""),
            ("sub", "\"svc\""),
            ("iss", "\"svc\""),
            ("aud", "\"https://evil.test\""),
            ("exp", "9999999999"),
            ("jti", "\"again\""),
        ] {
            let twice = format!("{{\"{name}\":{value},{}", &claims[1..]);
            refused(&world, &good.text_of(&header, &twice)).await;
            let twice = format!("{},\"{name}\":{value}}}", &claims[..claims.len() - 1]);
            refused(&world, &good.text_of(&header, &twice)).await;
        }
        for (name, value) in
            [("alg", "\"none\""), ("alg", "\"ES384\""), ("kid", "\"e1\""), ("typ", "\"JWT\"")]
        {
            let twice = format!("{{\"{name}\":{value},{}", &header[1..]);
            refused(&world, &good.text_of(&twice, &claims)).await;
        }
        // Written in another way, it is the same name.
        let escaped = format!("{{\"\\u0073ub\":\"other\",{}", &claims[1..]);
        refused(&world, &good.text_of(&header, &escaped)).await;
        accepted(&world, &good.text()).await;
    });
}

/// A-JWT-37
#[test]
fn a_jwt_37_more_than_json() {
    each_adapter(async |world| {
        let good = svc(&world);
        let header = Value::Object(good.header.clone()).to_string();
        let claims = Value::Object(good.claims.clone()).to_string();
        for other in [
            format!("{claims} {{}}"),
            format!("{claims}x"),
            format!("\u{feff}{claims}"),
            format!("{claims}//x"),
            format!("/* x */{claims}"),
            format!("[{claims}]"),
            claims.replace('"', "'"),
            format!("{},}}", &claims[..claims.len() - 1]),
            String::new(),
            "null".into(),
            "\"svc\"".into(),
        ] {
            let answer = cc(&good.text_of(&header, &other)).send(&world).await;
            assert!(matches!(answer.status, 400 | 401), "{other}: {}", answer.brief());
            let answer = cc(&good.text_of(&format!("{header} {{}}"), &claims)).send(&world).await;
            j401(&answer);
        }
        assert!(!world.script.calls().contains(&"grants.issue_token"));
        accepted(&world, &good.text()).await;
    });
}

/// A-JWT-38
#[test]
fn a_jwt_38_deep_nesting() {
    each_adapter(async |world| {
        let good = svc(&world);
        for depth in [100, 1_000, 10_000] {
            let claims = Value::Object(good.claims.clone()).to_string();
            let deep = format!(
                "{},\"deep\":{}{}}}",
                &claims[..claims.len() - 1],
                "[".repeat(depth),
                "]".repeat(depth)
            );
            let header = Value::Object(good.header.clone()).to_string();
            let answer = cc(&good.text_of(&header, &deep)).send(&world).await;
            assert!(matches!(answer.status, 400 | 401), "{depth}: {}", answer.brief());
        }
        accepted(&world, &good.text()).await;
    });
}

/// A-MIX-07
#[test]
fn a_mix_07_assertion_for_a_hostile_server() {
    each_adapter(async |world| {
        let token = "https://as.example/auth/token";
        for aud in [
            json!("https://evil.test/token"),
            json!(["https://evil.test", token]),
            json!([token, "https://evil.test"]),
            json!([AS, token]),
            json!([token, token]),
        ] {
            refused(&world, &svc(&world).claim("aud", aud).text()).await;
        }
        accepted(&world, &svc(&world).text()).await;
    });
}
