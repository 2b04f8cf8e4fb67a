//! A-PKCE: a code is bought only with the verifier of the challenge that asked for it.

use vestibule_http_tests::app::{C1, V1, address_of, az, tk};

use crate::notation::{asked, begins, each_adapter, j400, j401, red, red_at};

/// A-PKCE-01
#[test]
fn a_pkce_01_no_challenge() {
    each_adapter(async |world| {
        let without = |client| az(client).without("code_challenge").without("code_challenge_method");
        for client in ["pub", "basic"] {
            for request in
                [without(client), az(client).without("code_challenge"), az(client).set("code_challenge", "")]
            {
                for answer in asked(&world, &request).await {
                    red_at(&answer, address_of(client), "invalid_request");
                }
            }
        }
        begins(&world).await;
    });
}

/// A-PKCE-03: a record that cannot be read is a fault, so it is answered 503 and not as an OAuth fact (design §2.5).
#[test]
fn a_pkce_03_downgrade() {
    each_adapter(async |world| {
        for answer in
            asked(&world, &az("pub").without("code_challenge").without("code_challenge_method")).await
        {
            red(&answer, "invalid_request");
        }
        assert_eq!(world.spy.codes(), 0);
        // A record written by hand, without a challenge.
        let code = world.code_for(&az("pub")).await;
        let record = world.spy.written();
        let line = record.lines().find(|line| line.contains("\"challenge\"")).unwrap();
        let json = &line[line.find('{').unwrap()..];
        let mut value: serde_json::Value = serde_json::from_str(json).unwrap();
        value.as_object_mut().unwrap().remove("challenge").unwrap();
        world.spy.damage(Some(format!("\u{1}{value}").as_bytes()));
        for request in [tk("pub", &code), tk("pub", &code).without("code_verifier")] {
            let answer = request.send(&world).await;
            assert!(matches!(answer.status, 400 | 503), "{}", answer.brief());
            assert!(answer.json().get("access_token").is_none());
        }
        world.spy.damage(None);
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-PKCE-04
#[test]
fn a_pkce_04_no_verifier() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        j400(&tk("pub", &code).without("code_verifier").send(&world).await, "invalid_grant");
        j400(&tk("pub", &code).set("code_verifier", "").send(&world).await, "invalid_grant");
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-PKCE-06
#[test]
fn a_pkce_06_plain() {
    each_adapter(async |world| {
        for challenge in [V1, C1] {
            let request = az("pub").set("code_challenge_method", "plain").set("code_challenge", challenge);
            for answer in asked(&world, &request).await {
                red(&answer, "invalid_request");
            }
        }
        begins(&world).await;
    });
}

/// A-PKCE-07
#[test]
fn a_pkce_07_no_method() {
    each_adapter(async |world| {
        for request in
            [az("pub").without("code_challenge_method"), az("pub").set("code_challenge_method", "")]
        {
            for answer in asked(&world, &request).await {
                red(&answer, "invalid_request");
            }
        }
        begins(&world).await;
    });
}

/// A-PKCE-08
#[test]
fn a_pkce_08_other_methods() {
    each_adapter(async |world| {
        for method in ["s256", "S256 ", " S256", "S512", "S256,plain", "S256 plain", "SHA256"] {
            for answer in asked(&world, &az("pub").set("code_challenge_method", method)).await {
                red(&answer, "invalid_request");
            }
        }
        for again in ["S256", "plain"] {
            for answer in asked(&world, &az("pub").add("code_challenge_method", again)).await {
                red(&answer, "invalid_request");
            }
        }
        for challenge in [&C1[1..], &format!("{C1}="), &C1.replace('-', "+"), &"A".repeat(44), "short"] {
            for answer in asked(&world, &az("pub").set("code_challenge", challenge)).await {
                red(&answer, "invalid_request");
            }
        }
        begins(&world).await;
    });
}

/// A-PKCE-09
#[test]
fn a_pkce_09_the_challenge_as_verifier() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        for verifier in [C1, &V1[1..], &V1.to_uppercase(), &format!("{V1} "), &"x".repeat(129)] {
            j400(&tk("pub", &code).set("code_verifier", verifier).send(&world).await, "invalid_grant");
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-PKCE-13, CAUTH-008
#[test]
fn a_pkce_13_no_stand_in_for_the_secret() {
    each_adapter(async |world| {
        let code = world.code_for(&az("basic").scope("launch/patient patient/Observation.rs")).await;
        let bare = || tk("basic", &code).basic(None);
        j401(&bare().send(&world).await);
        j401(&bare().add("client_id", "basic").send(&world).await);
        j401(&bare().basic(Some(("basic", ""))).send(&world).await);
        assert_eq!(world.redeem("basic", &code).await.status, 200);
    });
}

/// A-PKCE-16
#[test]
fn a_pkce_16_metadata_says_s256_alone() {
    each_adapter(async |world| {
        for path in [
            "/r4/.well-known/smart-configuration",
            "/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
        ] {
            let document = world.json(path).await;
            assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]), "{path}");
        }
    });
}
