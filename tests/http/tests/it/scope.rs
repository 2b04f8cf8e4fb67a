//! A-SCOPE: never more than was registered, and never without the patient.

use serde_json::Value;
use vestibule_host::SessionId;
use vestibule_http_tests::app::{CB, address_of, az, az_ehr, cc, rf};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::browser::Browser;
use vestibule_http_tests::log::Log;
use vestibule_http_tests::world::{P1, P3, World, config, open_record, scopes};

use crate::notation::{asked_with, begins, each_adapter, each_adapter_with, j400, posted, red, red_at};

/// What an app is granted that asks for this; bob, with one record, allows everything.
async fn granted(world: &World, client: &str, asked: &str) -> String {
    let mut browser = Browser::of(world, "bob");
    browser.begin(&az(client).scope(asked)).await;
    let code = browser.allow().await.code();
    let tokens = world.redeem(client, &code).await.json();
    let claims = world.access_claims(&tokens).await;
    assert_eq!(claims["scope"], tokens["scope"], "the token says no more than the answer");
    tokens["scope"].as_str().unwrap().to_owned()
}

/// Nothing of this can be granted to the app.
async fn nothing(world: &World, client: &str, asked: &str) {
    let answer = Browser::of(world, "bob").authorize(&az(client).scope(asked)).await;
    red_at(&answer, address_of(client), "invalid_scope");
}

const PROBLEMS: &str = "patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item";

/// A-SCOPE-03
#[test]
fn a_scope_03_wildcard_escalation() {
    each_adapter(async |world| {
        for asked in ["patient/*.rs", "patient/*.cruds", "patient/*.r", "patient/*.*", "patient/*.read"] {
            let got = granted(&world, "narrow", &format!("launch/patient {asked}")).await;
            assert!(!got.contains('*'), "{asked}: {got}");
            assert!(
                scopes("launch/patient patient/Observation.r")
                    .iter()
                    .any(|scope| got.contains(scope.as_str()))
            );
            for scope in got.split(' ') {
                assert!(
                    ["launch/patient", "patient/Observation.r", PROBLEMS].contains(&scope)
                        || scope.starts_with("patient/Condition.r?"),
                    "{scope}"
                );
            }
        }
    });
}

/// A-SCOPE-04
#[test]
fn a_scope_04_prefix_confusion() {
    each_adapter(async |world| {
        nothing(&world, "narrow", "patient/ObservationDefinition.r").await;
        nothing(&world, "narrow", "patient/Obs.r").await;
        assert_eq!(granted(&world, "narrow", "patient/Observation.rs").await, "patient/Observation.r");
        assert_eq!(granted(&world, "narrow", "patient/Observation.cruds").await, "patient/Observation.r");
        let filtered = "patient/Observation.r?category=laboratory";
        assert_eq!(granted(&world, "narrow", filtered).await, filtered);
    });
}

/// A-SCOPE-05
#[test]
fn a_scope_05_query_left_out() {
    each_adapter(async |world| {
        assert_eq!(granted(&world, "narrow", "patient/Condition.rs").await, PROBLEMS);
        let other = "patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis";
        // In a search, one query and another: both hold.
        let got = granted(&world, "narrow", other).await;
        assert!(got.contains("problem-list-item") && got.contains("encounter-diagnosis"), "{got}");
    });
}

/// A-SCOPE-07
#[test]
fn a_scope_07_v1_and_v2_mixed() {
    each_adapter(async |world| {
        let got = granted(&world, "pub", "patient/Observation.read patient/Observation.cud").await;
        assert_eq!(got, "patient/Observation.read patient/Observation.cud");
        assert!(scopes(&got).covers(scopes("patient/Observation.cruds").iter().next().unwrap()));
        // As far as every letter is allowed.
        let got = granted(&world, "narrow", "patient/Observation.read patient/Observation.cud").await;
        assert_eq!(got, "patient/Observation.r");
        nothing(&world, "narrow", "patient/Observation.write").await;
    });
}

/// A-SCOPE-08
#[test]
fn a_scope_08_v1_switched_off() {
    each_adapter_with(
        || config().without_v1_scopes(),
        async |world| {
            for v1 in ["patient/*.read", "patient/*.*", "patient/Observation.read", "user/Patient.write"] {
                nothing(&world, "pub", v1).await;
            }
            let got = granted(&world, "pub", "patient/*.read patient/Observation.rs patient/*.*").await;
            assert_eq!(got, "patient/Observation.rs", "and nothing of the others");
            let mut browser = Browser::of(&world, "bob");
            browser.begin(&az("pub").scope("patient/Observation.rs offline_access")).await;
            let tokens = world.redeem("pub", &browser.allow().await.code()).await.json();
            let refresh = rf("pub", tokens["refresh_token"].as_str().unwrap());
            let answer = refresh.add("scope", "patient/Observation.read").send(&world).await;
            answer.is_error(400, "invalid_scope");
            let service = cc(&assertion(&world, "svc").text()).set("scope", "system/Observation.read");
            j400(&service.send(&world).await, "invalid_scope");
            let document = Browser::new(&world).get("/r4/.well-known/smart-configuration").await.json();
            let named =
                |list: &str, what: &str| document[list].as_array().unwrap().iter().any(|one| one == what);
            assert!(named("capabilities", "permission-v2") && !named("capabilities", "permission-v1"));
            let listed = document["scopes_supported"].as_array().unwrap();
            assert!(listed.iter().all(|scope| !scope.as_str().unwrap().ends_with(".read")), "{listed:?}");
        },
    );
}

/// A-SCOPE-10
#[test]
fn a_scope_10_repeated_letters() {
    each_adapter(async |world| {
        unknown(&world, &["patient/Observation.rr", "patient/Observation.rsr", "patient/Observation.cc"])
            .await;
    });
}

/// A-SCOPE-11
#[test]
fn a_scope_11_letters_out_of_order() {
    each_adapter(async |world| {
        unknown(&world, &["patient/Observation.sr", "patient/Observation.dc", "patient/*.sdurc"]).await;
    });
}

/// A-SCOPE-12
#[test]
fn a_scope_12_case_and_empty_letters() {
    each_adapter(async |world| {
        let odd = [
            "patient/Observation.RS",
            "patient/Observation.",
            "patient/Observation",
            "Patient/Observation.rs",
            "PATIENT/Observation.rs",
            "patient/observation.rs",
            "patient/Observation.Read",
            "OPENID",
        ];
        unknown(&world, &odd).await;
    });
}

/// None of these is a scope: alone they are refused, beside others they are left out.
async fn unknown(world: &World, odd: &[&str]) {
    for scope in odd {
        nothing(world, "pub", scope).await;
        let got = granted(world, "pub", &format!("patient/Condition.rs {scope}")).await;
        assert_eq!(got, "patient/Condition.rs", "{scope}");
    }
}

async fn malformed(world: &World, written: &[&str]) {
    let rest = az("pub").without("scope").query();
    for scope in written {
        for answer in asked_with(world, &format!("{rest}&scope={scope}")).await {
            red(&answer, "invalid_scope");
        }
    }
    begins(world).await;
}

/// A-SCOPE-14
#[test]
fn a_scope_14_whitespace() {
    each_adapter(async |world| {
        malformed(
            &world,
            &[
                "patient%2FObservation.rs%0aopenid",
                "patient%2FObservation.rs%0dopenid",
                "patient%2FObservation.rs%09openid",
                "patient%2FObservation.rs%20%20openid",
                "%20patient%2FObservation.rs",
                "patient%2FObservation.rs%20",
                "patient%2FObservation.rs+",
                "patient%2FObservation.rs%c2%a0openid",
                "patient%2FObservation.rs%e2%80%a8openid",
                "%20",
                "",
            ],
        )
        .await;
    });
}

/// A-SCOPE-15
#[test]
fn a_scope_15_newline_to_the_log() {
    let log = Log::default();
    let _capturing = log.capture();
    each_adapter(async |world| {
        malformed(&world, &["patient%2FObservation.rs%0aAPPROVED+admin", "%0d%0aAPPROVED"]).await;
        Browser::new(&world).authorize(&az("nope\nAPPROVED")).await.is_page(400);
    });
    let log = log.text();
    assert!(!log.is_empty() && !log.lines().any(|line| line.starts_with("APPROVED")), "{log}");
}

/// A-SCOPE-16
#[test]
fn a_scope_16_control_and_unicode() {
    each_adapter(async |world| {
        malformed(
            &world,
            &[
                "openid%00",
                "openid%7f",
                "%ef%bd%8fpenid",
                "%22openid%22",
                "openid%5c",
                "openid%ff",
                "openid%zz",
                "openid%1b",
            ],
        )
        .await;
    });
}

/// A-SCOPE-17
#[test]
fn a_scope_17_huge() {
    each_adapter(async |world| {
        let rest = az("pub").without("scope").query();
        for scope in [
            "x".repeat(33 * 1024),
            "x+".repeat(600) + "x",
            "patient%2FObservation.rs+".repeat(900) + "openid",
        ] {
            let answer = posted(&world, "/auth/authorize", &format!("{rest}&scope={scope}")).await;
            red(&answer, "invalid_scope");
        }
        for length in [100_000, 1_000_000] {
            let body = format!("{rest}&scope={}", "x".repeat(length));
            let answer = posted(&world, "/auth/authorize", &body).await;
            assert!(answer.status == 413 && answer.headers.get("location").is_none(), "{}", answer.status);
        }
        begins(&world).await;
    });
}

/// A-SCOPE-18
#[test]
fn a_scope_18_duplicates() {
    each_adapter(async |world| {
        let got = granted(&world, "pub", "openid openid patient/Observation.r patient/Observation.r").await;
        assert_eq!(got, "openid patient/Observation.r");
    });
}

/// A-SCOPE-20
#[test]
fn a_scope_20_everything_unknown() {
    each_adapter(async |world| {
        for scope in ["foo bar", "admin", "system/*.cruds", "patient/Nonsense.rs"] {
            nothing(&world, "pub", scope).await;
        }
    });
}

/// A-SCOPE-22
#[test]
fn a_scope_22_client_credentials() {
    each_adapter(async |world| {
        for scope in [
            "system/Patient.rs",
            "user/Observation.rs",
            "patient/Observation.rs",
            "openid",
            "launch/patient",
            "foo",
        ] {
            let request = cc(&assertion(&world, "svc").text()).set("scope", scope);
            j400(&request.send(&world).await, "invalid_scope");
        }
        for (asked, got) in [
            ("system/Observation.rs", "system/Observation.rs"),
            ("system/Observation.cruds", "system/Observation.rs"),
            ("system/*.cruds", "system/Observation.rs"),
            ("system/Observation.rs system/Patient.rs offline_access", "system/Observation.rs"),
        ] {
            let answer = cc(&assertion(&world, "svc").text()).set("scope", asked).send(&world).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.json()["scope"], got, "{asked}");
        }
        j400(&cc(&assertion(&world, "svc").text()).without("scope").send(&world).await, "invalid_scope");
    });
}

/// A-SCOPE-23: a choice of patient is inferred.
#[test]
fn a_scope_23_patient_scope_without_context() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub").scope("patient/Observation.rs")).await;
        assert!(browser.page.is_picker());
        browser.pick(P1).await;
        let tokens = world.redeem("pub", &browser.allow().await.code()).await.json();
        assert_eq!(tokens["patient"], P1);
        assert_eq!(world.access_claims(&tokens).await["patient"], P1);
        let mut browser = Browser::of(&world, "bob");
        browser.begin(&az("pub").scope("patient/Observation.rs")).await;
        let tokens = world.redeem("pub", &browser.allow().await.code()).await.json();
        assert_eq!(tokens["patient"], P3);
        Browser::of(&world, "nobody")
            .begin(&az("pub").scope("patient/Observation.rs"))
            .await
            .is_refusal(CB, "access_denied");
    });
}

/// A-SCOPE-24: what the resource server makes of it is its policy; the token says what was granted.
#[test]
fn a_scope_24_outside_the_compartment() {
    each_adapter(async |world| {
        for scope in ["patient/Practitioner.rs", "patient/*.cruds"] {
            assert_eq!(granted(&world, "pub", scope).await, scope);
        }
        nothing(&world, "narrow", "patient/Practitioner.rs").await;
    });
}

async fn tokens_of(world: &World, client: &str, scope: &str) -> Value {
    let mut browser = Browser::of(world, "bob");
    browser.begin(&az(client).scope(scope)).await;
    let code = browser.allow().await.code();
    world.redeem(client, &code).await.json()
}

/// A-SCOPE-25
#[test]
fn a_scope_25_offline_without_the_right() {
    each_adapter(async |world| {
        let tokens = tokens_of(&world, "memo", "launch/patient patient/Observation.rs offline_access").await;
        assert_eq!(tokens["scope"], "launch/patient patient/Observation.rs");
        assert!(tokens.get("refresh_token").is_none());
        nothing(&world, "memo", "offline_access").await;
        let tokens = tokens_of(&world, "pub", "launch/patient patient/Observation.rs offline_access").await;
        assert!(tokens["refresh_token"].is_string());
    });
}

/// A-SCOPE-26: offline wins. Online access is for launches from an EHR, whose session it ends with.
#[test]
fn a_scope_26_online_and_offline() {
    each_adapter(async |world| {
        world.clients.change("pub", |client| {
            client.scopes.insert(scopes("online_access").iter().next().unwrap().clone());
        });
        for (scope, outlives) in [
            ("online_access offline_access", true),
            ("offline_access online_access", true),
            ("online_access", false),
        ] {
            let handle = world.launch_for("bob", "pub", open_record(P3)).await;
            let mut browser = Browser::of(&world, "bob");
            browser
                .begin(&az_ehr("pub", &handle).scope(&format!("launch patient/Observation.rs {scope}")))
                .await;
            let tokens = world.redeem("pub", &browser.allow().await.code()).await.json();
            let refresh = tokens["refresh_token"].as_str().unwrap();
            world.server.session_ended(&SessionId::new("session-of-bob")).await.unwrap();
            let answer = rf("pub", refresh).send(&world).await;
            if outlives {
                assert_eq!(answer.status, 200, "{}", answer.body);
                assert!(!answer.json()["scope"].as_str().unwrap().contains("online"));
            } else {
                j400(&answer, "invalid_grant");
            }
        }
    });
}
