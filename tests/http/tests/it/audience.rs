//! A-AUD: a token is for one FHIR server, the one that the request named.

use vestibule::{Config, FhirBase};
use vestibule_host::Clock as _;
use vestibule_http_tests::app::az;
use vestibule_http_tests::browser::Browser;
use vestibule_http_tests::world::{AS, FHIR1, FHIR2, World};
use vestibule_resource::{Denied, Principal, TokenCheck};

use crate::notation::{asked, begins, each_adapter, each_adapter_with, red};

/// A-AUD-01
#[test]
fn a_aud_01_foreign() {
    each_adapter(async |world| {
        for aud in ["https://evil.test/fhir", "https://as.example", "urn:x", "\u{e9}"] {
            for answer in asked(&world, &az("pub").set("aud", aud)).await {
                red(&answer, "invalid_request");
            }
        }
        assert_eq!(
            world.script.calls().iter().filter(|call| call.starts_with("users")).count(),
            0,
            "no sign-in"
        );
        begins(&world).await;
    });
}

/// A-AUD-02
#[test]
fn a_aud_02_missing_or_empty() {
    each_adapter(async |world| {
        for request in [az("pub").without("aud"), az("pub").set("aud", "")] {
            for answer in asked(&world, &request).await {
                red(&answer, "invalid_request");
            }
        }
        begins(&world).await;
    });
}

/// A-AUD-03
#[test]
fn a_aud_03_near_matches() {
    each_adapter(async |world| {
        for aud in [
            "https://fhir.example/r4/",
            "https://fhir.example/r4/..",
            "https://fhir.example/r4/../r4",
            "https://fhir.example/r4?x",
            "https://fhir.example/r4#",
            "HTTPS://fhir.example/r4",
            "https://FHIR.example/r4",
            "http://fhir.example/r4",
            "https://fhir.example:443/r4",
            "https://fhir.example./r4",
            "https://fhir.example/r4 ",
            "https://fhir.example/R4",
            "https://fhir.example/%724",
            "https://fhir.example",
        ] {
            for answer in asked(&world, &az("pub").set("aud", aud)).await {
                red(&answer, "invalid_request");
            }
        }
        begins(&world).await;
    });
    // Unless it is registered literally.
    let aliased = || Config::new(AS, FhirBase::new(FHIR1).with_alias("https://fhir.example/r4/"));
    each_adapter_with(aliased, async |world| {
        let answer = Browser::new(&world).authorize(&az("pub").set("aud", "https://fhir.example/r4/")).await;
        assert!(answer.location().starts_with("/auth/i/"));
    });
}

/// A-AUD-04
#[test]
fn a_aud_04_duplicate() {
    each_adapter(async |world| {
        for request in
            [az("pub").add("aud", FHIR2), az("pub").add_first("aud", FHIR2), az("pub").add("aud", FHIR1)]
        {
            for answer in asked(&world, &request).await {
                red(&answer, "invalid_request");
            }
        }
        begins(&world).await;
    });
}

/// A-AUD-05
#[test]
fn a_aud_05_resource_says_otherwise() {
    each_adapter(async |world| {
        for request in [
            az("pub").add("resource", FHIR2),
            az("pub").add("resource", FHIR1).add("resource", FHIR2),
            az("pub").add("resource", "https://evil.test/"),
        ] {
            for answer in asked(&world, &request).await {
                red(&answer, "invalid_target");
            }
        }
        let same = az("pub").set("aud", FHIR2).add("resource", FHIR2);
        let tokens = world.tokens_for("pub", &same).await;
        assert_eq!(world.access_claims(&tokens).await["aud"], FHIR2);
    });
}

/// A-AUD-07
#[test]
fn a_aud_07_malformed_resource() {
    each_adapter(async |world| {
        for resource in ["/x", "https://fhir.example/r4#f", "x", "https://fhir.example/r4/", " "] {
            for request in
                [az("pub").add("resource", resource), az("pub").without("aud").add("resource", resource)]
            {
                for answer in asked(&world, &request).await {
                    red(&answer, "invalid_target");
                }
            }
        }
        begins(&world).await;
    });
}

/// What a FHIR server at `base` says to a token.
fn at_fhir(world: &World, base: &str, token: &serde_json::Value) -> Result<Principal, Denied> {
    let check = TokenCheck::new(AS, base, world.keys.clone()).unwrap();
    check.check(Some(&format!("Bearer {}", token.as_str().unwrap())), world.clock.now())
}

/// A-AUD-09
#[test]
fn a_aud_09_token_of_another_server() {
    each_adapter(async |world| {
        let tokens = world.tokens_for("pub", &az("pub")).await;
        at_fhir(&world, FHIR1, &tokens["access_token"]).unwrap();
        assert!(at_fhir(&world, FHIR2, &tokens["access_token"]).is_err());
        let tokens = world.tokens_for("pub", &az("pub").set("aud", FHIR2)).await;
        assert!(at_fhir(&world, FHIR1, &tokens["access_token"]).is_err());
        at_fhir(&world, FHIR2, &tokens["access_token"]).unwrap();
    });
}

/// A-AUD-11
#[test]
fn a_aud_11_id_token_as_access_token() {
    each_adapter(async |world| {
        let request = az("pub").scope("openid launch/patient patient/Observation.rs");
        let tokens = world.tokens_for("pub", &request).await;
        assert!(at_fhir(&world, FHIR1, &tokens["id_token"]).is_err());
        assert!(at_fhir(&world, "pub", &tokens["id_token"]).is_err(), "not even where its aud is ours");
        at_fhir(&world, FHIR1, &tokens["access_token"]).unwrap();
    });
}

/// A-AUD-12
#[test]
fn a_aud_12_audience_from_the_registry() {
    let aliased = || {
        let base =
            FhirBase::new(FHIR1).with_alias("https://fhir.example/r4/").with_alias("https://old.example/r4");
        Config::new(AS, base)
    };
    each_adapter_with(aliased, async |world| {
        for aud in [FHIR1, "https://fhir.example/r4/", "https://old.example/r4"] {
            let tokens = world.tokens_for("pub", &az("pub").set("aud", aud)).await;
            assert_eq!(world.access_claims(&tokens).await["aud"], FHIR1);
        }
    });
}
