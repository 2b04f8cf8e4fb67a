//! A-CTX, the patient: who was picked, by whom, and nobody else.

use http::Method;
use vestibule_http_tests::app::{CB, address_of, at_consent, az, patient_of};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{FHIR1, FHIR2, P1, P2, P3, P9, World};

use crate::notation::each_adapter;

async fn at_picker(world: &World) -> Browser {
    let mut browser = Browser::of(world, "alice");
    browser.begin(&az("pub")).await;
    assert!(browser.page.is_picker());
    browser
}

fn is_told(page: &Answer) -> bool {
    page.is_picker() && page.body.contains("role=\"alert\"")
}

/// A-CTX-02
#[test]
fn a_ctx_02_a_patient_removed_since_the_page() {
    each_adapter(async |world| {
        let mut browser = at_picker(&world).await;
        world.patients.deny(P2);
        assert!(is_told(browser.pick(P2).await));
        assert!(browser.pick(P1).await.is_consent());
        assert_eq!(world.spy.codes(), 0);
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&world, &answer).await, P1);
    });
}

/// A-CTX-03
#[test]
fn a_ctx_03_tricks_with_the_id() {
    each_adapter(async |world| {
        let mut browser = at_picker(&world).await;
        let picker = browser.tab();
        let long = "x".repeat(20_000);
        for patient in [
            "patient-one-alice,patient-three-bob",
            "patient-one-alice patient-three-bob",
            "patient-one-alice ",
            "Patient/patient-one-alice",
            "../Patient/patient-three-bob",
            "https://fhir.example/r4/Patient/patient-one-alice",
            "*",
            "",
            "PATIENT-ONE-ALICE",
            "patient-one-alic",
            P3,
            "\u{ff50}1",
            &long,
        ] {
            browser.switch_to(&picker);
            let page = browser.submit(&[("patient", patient), ("move", "choose")]).await;
            assert!(is_told(page), "{patient}: {}", page.brief());
        }
        let step = picker_step(&mut browser, &picker);
        for bad in [
            "patient-one-alice%00",
            "patient-one-alice%0a",
            "%ff",
            "patient-one-alice&patient=patient-one-alice",
        ] {
            let body = format!("step={step}&move=choose&patient={bad}");
            let request = browser.request(Method::POST, &browser.path.clone(), &body);
            browser.send(request).await.is_page(400);
        }
        let body = format!("step={step}&move=choose&patient={}", "x".repeat(1_000_000));
        let request = browser.request(Method::POST, &browser.path.clone(), &body);
        assert_eq!(browser.send(request).await.status, 413);
        browser.switch_to(&picker);
        browser.pick(P1).await;
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&world, &answer).await, P1);
    });
}

fn picker_step(browser: &mut Browser, picker: &vestibule_http_tests::browser::Tab) -> String {
    browser.switch_to(picker);
    browser.page.step()
}

const EXTRA: [(&str, &str); 10] = [
    ("client_id", "other"),
    ("redirect_uri", "https://evil.test/"),
    ("aud", FHIR2),
    ("resource", FHIR2),
    ("user", "bob"),
    ("sub", "sub-bob"),
    ("fhirUser", "Practitioner/doctor-dr"),
    ("state", "evil"),
    ("code_challenge", "evil"),
    ("encounter", "encounter-three-of-bob"),
];

/// What `pub` gets when alice has picked P1, whatever else was posted.
async fn is_unchanged(world: &World, answer: &Answer) {
    assert!(answer.location().starts_with(&format!("{CB}?")), "{}", answer.location());
    assert_eq!(answer.params()["state"], "st1");
    let tokens = world.redeem("pub", &answer.code()).await.json();
    assert_eq!(tokens["patient"], P1);
    assert!(tokens.get("encounter").is_none());
    let claims = world.access_claims(&tokens).await;
    assert_eq!((claims["sub"].as_str(), claims["client_id"].as_str()), (Some("sub-alice"), Some("pub")));
    assert_eq!(claims["aud"], FHIR1);
    assert!(!tokens["scope"].as_str().unwrap().contains("cruds"));
}

/// A-CTX-06
#[test]
fn a_ctx_06_extra_fields_at_the_picker() {
    each_adapter(async |world| {
        let mut browser = at_picker(&world).await;
        let mut fields = vec![("patient", P1), ("move", "choose"), ("scope", "system/*.cruds")];
        fields.extend(EXTRA);
        assert!(browser.submit(&fields).await.is_consent());
        let answer = browser.allow().await.clone();
        is_unchanged(&world, &answer).await;
    });
}

/// A-CTX-07
#[test]
fn a_ctx_07_extra_fields_at_consent() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let mut fields = vec![
            ("scope", "launch/patient"),
            ("scope", "patient/Observation.rs"),
            ("scope", "system/*.cruds"),
            ("scope", "patient/*.cruds"),
            ("decision", "allow"),
            ("patient", P3),
        ];
        fields.extend(EXTRA);
        let answer = browser.submit(&fields).await.clone();
        is_unchanged(&world, &answer).await;
    });
}

/// A-CTX-16
#[test]
fn a_ctx_16_back_and_change() {
    each_adapter(async |world| {
        let mut browser = at_picker(&world).await;
        let picker = browser.tab();
        browser.pick(P1).await;
        let consent = browser.tab();
        browser.switch_to(&picker);
        browser.submit(&[("patient", P2), ("move", "choose")]).await.is_page(409);
        browser.switch_to(&consent);
        let answer = browser.allow().await.clone();
        for tab in [&picker, &consent] {
            browser.switch_to(tab);
            browser.submit(&[("patient", P2), ("move", "choose")]).await.is_page(400);
        }
        assert_eq!(world.spy.codes(), 1);
        assert_eq!(patient_of(&world, &answer).await, P1);
    });
}

/// A-CTX-23
#[test]
fn a_ctx_23_two_tabs_two_patients() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub").set("state", "one")).await;
        let one = browser.tab();
        browser.begin(&az("pub").set("state", "two")).await;
        browser.pick(P2).await;
        let two = browser.tab();
        browser.switch_to(&one);
        browser.pick(P1).await;
        let one = browser.tab();
        browser.switch_to(&two);
        let second = browser.allow().await.clone();
        browser.switch_to(&one);
        let first = browser.allow().await.clone();
        for (answer, state, patient) in [(first, "one", P1), (second, "two", P2)] {
            assert_eq!(answer.params()["state"], state);
            assert_eq!(patient_of(&world, &answer).await, patient);
        }
    });
}

/// A-CTX-29: the patient stays fixed as long as a scope names it.
#[test]
fn a_ctx_29_patient_scopes_keep_their_patient() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let answer = browser.allow_only(&["patient/Observation.rs"]).await.clone();
        let tokens = world.redeem("pub", &answer.code()).await.json();
        assert_eq!(
            (tokens["scope"].as_str(), tokens["patient"].as_str()),
            (Some("patient/Observation.rs"), Some(P1))
        );
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub").scope("launch/patient patient/Observation.rs user/Condition.rs")).await;
        browser.pick(P1).await;
        let answer = browser.allow_only(&["user/Condition.rs"]).await.clone();
        let tokens = world.redeem("pub", &answer.code()).await.json();
        assert!(
            tokens.get("patient").is_none() && !world.access_claims(&tokens).await.contains_key("patient")
        );
    });
}

/// A-CTX-30
#[test]
fn a_ctx_30_access_revoked_after_the_picker() {
    each_adapter(async |world| {
        let mut submitting = at_consent(&world).await;
        let mut reloading = at_consent(&world).await;
        world.patients.deny(P1);
        submitting.allow().await.is_refusal(CB, "access_denied");
        reloading.reload().await.is_refusal(CB, "access_denied");
        assert_eq!(world.spy.codes(), 0);
    });
}

/// A-CTX-32
#[test]
fn a_ctx_32_remembered_consent_other_patient() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("memo")).await;
        browser.pick(P1).await;
        browser.allow().await.code();
        browser.begin(&az("memo")).await;
        assert!(browser.page.is_picker(), "the choice is never skipped");
        assert!(browser.pick(P2).await.is_consent());
        browser.begin(&az("memo")).await;
        let code = browser.pick(P1).await.code();
        assert_eq!(world.redeem("memo", &code).await.json()["patient"], P1);
    });
}

/// A-CTX-35
#[test]
fn a_ctx_35_remembered_consent_native_client() {
    each_adapter(async |world| {
        let request = || az("nat").scope("launch/patient patient/Observation.rs");
        for address in ["http://127.0.0.1:51004/cb", "com.example.app:/cb", "http://127.0.0.1/cb"] {
            for _ in 0..2 {
                let mut browser = Browser::of(&world, "bob");
                assert!(
                    browser.begin(&request().set("redirect_uri", address)).await.is_consent(),
                    "{address}"
                );
                browser.allow().await.code();
            }
        }
    });
}

/// A-CTX-37
#[test]
fn a_ctx_37_remembered_consent_other_server() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "bob");
        browser.begin(&az("memo")).await;
        browser.allow().await.code();
        assert!(browser.begin(&az("memo").set("aud", FHIR2)).await.is_consent());
        browser.begin(&az("memo")).await.code();
    });
}

/// A-CTX-45: apps are the access policy's business, too; it is asked with the app's id.
#[test]
fn a_ctx_45_an_app_that_the_user_may_not_use() {
    each_adapter(async |world| {
        world.patients.deny_app("other");
        let mut browser = at_consent(&world).await;
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&world, &answer).await, P1);
        let request = az("other").scope("launch/patient patient/Observation.rs");
        browser.begin(&request).await;
        if browser.page.is_picker() {
            assert!(is_told(browser.pick(P1).await));
        } else {
            browser.page.is_refusal(address_of("other"), "access_denied");
        }
        // With one record there is nothing to pick.
        Browser::of(&world, "bob").begin(&request).await.is_refusal(address_of("other"), "access_denied");
        assert_eq!(world.spy.codes(), 1);
    });
}

/// A-CTX-47
#[test]
fn a_ctx_47_the_stored_request_answers() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let fields = [("state", "evil"), ("redirect_uri", "https://evil.test/"), ("decision", "deny")];
        let answer = browser.submit(&fields).await;
        answer.is_refusal(CB, "access_denied");
        assert_eq!(answer.params()["state"], "st1");
        let mut browser = at_consent(&world).await;
        browser.path += "?state=evil&redirect_uri=https%3A%2F%2Fevil.test%2F";
        let answer = browser.allow().await;
        assert_eq!(answer.params()["state"], "st1");
    });
}

/// A-CTX-49
#[test]
fn a_ctx_49_patient_in_the_authorize_request() {
    each_adapter(async |world| {
        let request = az("pub").add("patient", P3).add("launch_patient", P3).add("login_patient", P9);
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&request).await;
        assert!(browser.page.is_picker() && !browser.page.body.contains(P3));
        browser.pick(P1).await;
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&world, &answer).await, P1);
    });
}

/// A-CTX-51
#[test]
fn a_ctx_51_fhir_user_and_sub() {
    each_adapter(async |world| {
        let extra =
            [("fhirUser", "Practitioner/doctor-dr"), ("sub", "sub-dr"), ("user", "dr"), ("profile", "x")];
        let mut browser = Browser::of(&world, "alice");
        let request = az("pub").scope("openid fhirUser launch/patient patient/Observation.rs");
        browser.begin(&request.add("fhirUser", "Practitioner/doctor-dr").add("sub", "sub-dr")).await;
        let mut fields = vec![("patient", P1), ("move", "choose")];
        fields.extend(extra);
        browser.submit(&fields).await;
        let ticked = browser.page.ticked();
        let mut fields: Vec<(&str, &str)> = ticked.iter().map(|scope| ("scope", scope.as_str())).collect();
        fields.push(("decision", "allow"));
        fields.extend(extra);
        let code = browser.submit(&fields).await.code();
        let tokens = world.redeem("pub", &code).await.json();
        let (access, id) = (world.access_claims(&tokens).await, world.id_claims(&tokens).await);
        for claims in [access, id] {
            assert_eq!(claims["sub"], "sub-alice");
            assert_eq!(claims["fhirUser"], format!("{FHIR1}/Patient/{P1}"));
        }
    });
}

/// A-CTX-52
#[test]
fn a_ctx_52_one_patient_in_the_answer() {
    each_adapter(async |world| {
        let request = az("pub").scope("openid launch/patient patient/Observation.rs");
        let tokens = world.tokens_for("pub", &request).await;
        assert_eq!(tokens["patient"], P1);
        let mut said = tokens.to_string();
        said += &serde_json::Value::Object(world.access_claims(&tokens).await).to_string();
        said += &serde_json::Value::Object(world.id_claims(&tokens).await).to_string();
        for other in [P2, P3, P9] {
            assert!(!said.contains(other), "{said}");
        }
    });
}
