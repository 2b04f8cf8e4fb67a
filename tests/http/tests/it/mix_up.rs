//! A-MIX: one issuer, one app, one request. What an app needs to tell two servers apart.

use http::Method;
use vestibule::{Config, FhirBase};
use vestibule_http_tests::app::{CB, at_consent, az, tk};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{AS, FHIR1};

use crate::notation::{asked, each_adapter, j400, red};

/// A-MIX-01
#[test]
fn a_mix_01_iss_in_a_success() {
    each_adapter(async |world| {
        let answer = at_consent(&world).await.allow().await.clone();
        assert_eq!(answer.location().matches("iss=").count(), 1, "{}", answer.location());
        assert_eq!(answer.params()["iss"], AS);
    });
}

/// A-MIX-02
#[test]
fn a_mix_02_iss_in_an_error() {
    each_adapter(async |world| {
        let mut answers = vec![at_consent(&world).await.deny().await.clone()];
        answers.extend(asked(&world, &az("pub").set("aud", "x")).await);
        answers.extend(asked(&world, &az("pub").scope("\u{e9}")).await);
        for answer in answers {
            assert_eq!(answer.location().matches("iss=").count(), 1, "{}", answer.location());
            assert_eq!(answer.params()["iss"], AS);
        }
    });
}

/// A-MIX-03
#[test]
fn a_mix_03_one_spelling_of_the_issuer() {
    each_adapter(async |world| {
        let answer = at_consent(&world).await.allow().await.clone();
        let from_the_redirect = answer.params()["iss"].clone();
        let request = az("pub").scope("openid launch/patient patient/Observation.rs");
        let tokens = world.tokens_for("pub", &request).await;
        let mut seen = vec![
            from_the_redirect,
            world.access_claims(&tokens).await["iss"].as_str().unwrap().to_owned(),
            world.id_claims(&tokens).await["iss"].as_str().unwrap().to_owned(),
        ];
        for path in [
            "/r4/.well-known/smart-configuration",
            "/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
        ] {
            let document = world.json(path).await;
            if let Some(issuer) = document.get("issuer") {
                seen.push(issuer.as_str().unwrap().to_owned());
            }
        }
        assert!(seen.len() >= 5 && seen.iter().all(|issuer| issuer == AS), "{seen:?}");
    });
}

/// A-MIX-04
#[test]
fn a_mix_04_issuer_by_host_header() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        for (name, value) in [
            ("host", "evil.test"),
            ("x-forwarded-host", "evil.test"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-prefix", "/evil.test"),
            ("forwarded", "host=evil.test;proto=http"),
            ("x-original-url", "https://evil.test/auth/authorize"),
        ] {
            for path in [
                "/.well-known/openid-configuration".to_owned(),
                "/.well-known/oauth-authorization-server".to_owned(),
                "/r4/.well-known/smart-configuration".to_owned(),
                format!("/auth/authorize?{}", az("pub").query()),
                format!("/auth/authorize?{}", az("pub").set("aud", "x").query()),
                "/auth/authorize?client_id=nope".to_owned(),
                "/nowhere".to_owned(),
            ] {
                let mut request = browser.request(Method::GET, &path, "");
                request.headers_mut().insert(name, value.parse().unwrap());
                let answer = browser.send(request).await;
                let said = format!("{:?} {}", answer.headers, answer.body);
                assert!(!said.contains("evil.test") && !said.contains("http://as"), "{name}: {said}");
            }
        }
        // A whole target names a host, too.
        let request = "GET http://evil.test/.well-known/openid-configuration HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\n\r\n";
        let answer: Answer = world.door.raw_answer(request).await;
        assert!(!answer.body.contains("evil.test"));
        assert_eq!(world.json("/.well-known/openid-configuration").await["issuer"], AS);
    });
}

/// A-MIX-05
#[test]
fn a_mix_05_tenant_crossing() {
    each_adapter(async |world| {
        let other = world.restarted(Config::new("https://as.example/second", FhirBase::new(FHIR1)));
        let code = world.code_for(&az("pub")).await;
        let mut request = tk("pub", &code).request();
        *request.uri_mut() = "/second/auth/token".parse().unwrap();
        j400(&other.door.send(request).await.into(), "invalid_grant");
        assert_eq!(world.grants_of("alice").await, 1);
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-MIX-06
#[test]
fn a_mix_06_no_state() {
    each_adapter(async |world| {
        for request in [az("pub").without("state"), az("pub").set("state", "")] {
            for answer in asked(&world, &request).await {
                answer.is_refusal(CB, "invalid_request");
                assert!(!answer.params().contains_key("state"), "{}", answer.location());
                assert!(answer.cookies().is_empty());
            }
        }
        for answer in asked(&world, &az("pub").set("aud", "x")).await {
            red(&answer, "invalid_request");
        }
    });
}
