//! What is asked, what is answered, what is remembered, and what of it is granted.

use crate::app::{CB, az, az_ehr};
use crate::browser::Browser;
use crate::world::{FHIR2, P1, P2, World, open_record};

/// SMART-AUTHZ-070, SMART-SCOPE-114, SMART-SCOPE-115, INT-008, INT-009, OIDC-011
#[tokio::test]
async fn only_what_is_ticked_is_granted() {
    let world = World::new();
    let scope = "launch/patient patient/Observation.rs patient/Condition.rs";
    let laboratory = |page: &crate::browser::Answer| {
        page.values("input", "scope").into_iter().find(|value| value.ends_with("|laboratory")).unwrap()
    };
    let granted = |ticked: Vec<String>| {
        let world = world.clone();
        async move {
            let mut browser = Browser::of(&world, "bob");
            browser.begin(&az("pub").scope(scope)).await;
            let ticked: Vec<&str> = ticked.iter().map(String::as_str).collect();
            let code = browser.allow_only(&ticked).await.code();
            world.redeem("pub", &code).await.json()["scope"].as_str().unwrap().to_owned()
        }
    };
    let mut browser = Browser::of(&world, "bob");
    let page = browser.begin(&az("pub").scope(scope)).await;
    let laboratory = laboratory(page);
    assert!(laboratory.starts_with("patient/Observation.rs?category="), "{laboratory}");
    assert!(!page.ticked().contains(&laboratory), "narrower boxes are not ticked");
    let of = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        granted(of(&["launch/patient", "patient/Condition.rs"])).await,
        "launch/patient patient/Condition.rs"
    );
    assert_eq!(granted(of(&["launch/patient", &laboratory])).await, format!("launch/patient {laboratory}"));
    // The narrower box is ignored beside the whole.
    assert_eq!(granted(of(&["patient/Observation.rs", &laboratory])).await, "patient/Observation.rs");
    // The record is opened?
    let consents = world.consents.of("bob").await;
    assert_eq!(consents[0].record.granted, ["patient/Observation.rs"]);
    assert_eq!(consents[0].record.refused, ["launch/patient", "patient/Condition.rs"]);
    assert_eq!(consents[0].record.language, "en");
}

/// SMART-AUTHZ-062, INT-008, A-CODE-18
#[tokio::test]
async fn a_no_is_a_no() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("pub")).await;
    browser.deny().await.is_refusal(CB, "access_denied");
    browser.begin(&az("pub")).await;
    browser.allow_only(&[]).await.is_refusal(CB, "access_denied");
    // What was not offered does not count as ticked.
    browser.begin(&az("pub")).await;
    browser.allow_only(&["patient/*.cruds", "openid"]).await.is_refusal(CB, "access_denied");
    // Only what needs something else: `fhirUser` without `openid`.
    browser.begin(&az("pub").scope("openid fhirUser launch/patient")).await;
    browser.allow_only(&["fhirUser"]).await.is_refusal(CB, "access_denied");
    // Neither allow nor deny: a page, and nothing changes.
    browser.begin(&az("pub")).await;
    let tab = browser.tab();
    for decision in ["", "yes", "Allow", "allow "] {
        browser.switch_to(&tab);
        browser.submit(&[("scope", "launch/patient"), ("decision", decision)]).await.is_page(400);
    }
    assert_eq!(world.spy.codes(), 0);
    assert!(world.consents.of("bob").await.is_empty());
    browser.switch_to(&tab);
    browser.allow().await.code();
    assert_eq!(world.spy.codes(), 1);
    // The picker can be left too.
    let mut alice = Browser::of(&world, "alice");
    alice.begin(&az("pub")).await;
    alice.submit(&[("move", "cancel")]).await.is_refusal(CB, "access_denied");
}

/// INT-014, A-CTX-32, A-CTX-37
#[tokio::test]
async fn a_remembered_yes_answers_the_same_question_only() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    let request = az("memo");
    browser.begin(&request).await;
    browser.pick(P1).await;
    browser.allow().await.code();
    // The same: the picker is shown, consent is not.
    browser.begin(&request).await;
    let code = browser.pick(P1).await.code();
    assert_eq!(world.redeem("memo", &code).await.json()["patient"], P1);
    // Another patient, another base, more scopes: asked again.
    browser.begin(&request).await;
    assert!(browser.pick(P2).await.is_consent());
    browser.begin(&request.clone().set("aud", FHIR2)).await;
    assert!(browser.pick(P1).await.is_consent());
    browser.begin(&request.clone().scope("launch/patient patient/Observation.rs patient/Condition.rs")).await;
    assert!(browser.pick(P1).await.is_consent());
    browser.begin(&request.clone().scope("launch/patient patient/Observation.cruds")).await;
    assert!(browser.pick(P1).await.is_consent());
    // Less: not asked, and no more than that is granted.
    browser.begin(&request.clone().scope("launch/patient patient/Observation.r")).await;
    let code = browser.pick(P1).await.code();
    assert_eq!(world.redeem("memo", &code).await.json()["scope"], "launch/patient patient/Observation.r");
    // Another user.
    let mut dr = Browser::of(&world, "dr");
    dr.begin(&request).await;
    assert!(dr.submit(&[("patient", P1), ("move", "choose")]).await.is_consent());
    // An app that is asked about each time does not share the memory.
    browser.begin(&az("pub")).await;
    browser.pick(P1).await;
    browser.allow().await.code();
    browser.begin(&az("pub")).await;
    assert!(browser.pick(P1).await.is_consent());
    // Withdrawn: asked again.
    world.consents.withdraw_all_of("alice").await;
    browser.begin(&request).await;
    assert!(browser.pick(P1).await.is_consent());
}

/// A-CTX-35, REDIR-013, NATIVE-005
#[tokio::test]
async fn an_app_on_the_device_is_asked_about_each_time() {
    let world = World::new();
    for address in ["http://127.0.0.1:51004/cb", "com.example.app:/cb"] {
        for _ in 0..2 {
            let mut browser = Browser::of(&world, "bob");
            let request =
                az("nat").set("redirect_uri", address).scope("launch/patient patient/Observation.rs");
            assert!(browser.begin(&request).await.is_consent(), "{address}");
            let answer = browser.allow().await;
            assert!(answer.location().starts_with(&format!("{address}?code=")), "{}", answer.location());
        }
    }
}

/// INT-008
#[tokio::test]
async fn a_pre_approved_app_asks_no_clinician_but_every_patient() {
    let world = World::new();
    let handle = world.launch_for("dr", "pre", open_record(P1)).await;
    let mut browser = Browser::of(&world, "dr");
    let code = browser.begin(&az_ehr("pre", &handle)).await.code();
    assert_eq!(world.redeem("pre", &code).await.json()["patient"], P1);
    assert!(world.consents.of("dr").await.is_empty());
    // The choice of patient is never skipped.
    assert!(browser.begin(&az("pre")).await.is_picker());
    // A patient is asked.
    let mut bob = Browser::of(&world, "bob");
    assert!(bob.begin(&az("pre")).await.is_consent());
    // A public app is not pre-approved, whatever its registration says.
    world.clients.change("pub", |client| client.consent = vestibule_host::ConsentRule::PreApproved);
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    assert!(browser.begin(&az_ehr("pub", &handle)).await.is_consent());
}

/// SMART-SCOPE-110, SMART-SCOPE-111, SMART-AUTHZ-064, A-SCOPE-03, A-SCOPE-04, A-SCOPE-05, A-SCOPE-10, A-SCOPE-11, A-SCOPE-12, A-SCOPE-18, A-SCOPE-20
#[tokio::test]
async fn what_is_granted_is_within_what_the_app_may_have() {
    let world = World::new();
    let problem_list = "patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item";
    for (asked, granted) in [
        ("launch/patient patient/*.rs", None),
        ("patient/Observation.rs", Some("patient/Observation.r")),
        ("patient/ObservationDefinition.r patient/Observation.r", Some("patient/Observation.r")),
        ("patient/Condition.rs", Some(problem_list)),
        ("patient/Observation.r patient/Observation.r", Some("patient/Observation.r")),
        (
            "patient/Observation.rr patient/Observation.sr patient/Observation.RS Patient/Observation.r patient/observation.r patient/Observation. patient/Observation.r",
            Some("patient/Observation.r"),
        ),
        ("foo bar", Some("")),
        ("patient/Immunization.rs", Some("")),
        ("system/Observation.r", Some("")),
    ] {
        let mut browser = Browser::of(&world, "bob");
        let answer = browser.authorize(&az("narrow").scope(asked)).await;
        if granted == Some("") {
            answer.is_refusal("https://narrow.example/cb", "invalid_scope");
            continue;
        }
        let code = {
            browser.begin(&az("narrow").scope(asked)).await;
            browser.allow().await.code()
        };
        let scope = world.redeem("narrow", &code).await.json()["scope"].as_str().unwrap().to_owned();
        match granted {
            Some(granted) => assert_eq!(scope, granted, "{asked}"),
            None => {
                // A wildcard is narrowed to what is registered, and not granted as a wildcard.
                assert!(!scope.contains('*'), "{scope}");
                assert!(scope.contains("patient/Observation.r"), "{scope}");
            }
        }
    }
    let mut browser = Browser::of(&world, "bob");
    let mixed = "launch/patient patient/Observation.rs patient/Condition.rs";
    let answer = browser.authorize(&az("strict").scope(mixed)).await;
    answer.is_refusal("https://strict.example/cb", "invalid_scope");
    assert_eq!(
        browser.authorize(&az("strict").scope("launch/patient patient/Observation.rs")).await.status,
        303
    );
}

/// A-SCOPE-07, A-SCOPE-24
#[tokio::test]
async fn old_spellings_are_echoed() {
    let world = World::new();
    let asked = "launch/patient patient/Observation.read patient/Condition.write patient/Immunization.rs";
    let tokens = world.tokens_for("pub", &az("pub").scope(asked)).await;
    assert_eq!(tokens["scope"], asked);
}

/// SMART-SCOPE-114, A-CTX-30
#[tokio::test]
async fn the_relationship_limits_what_is_offered() {
    let world = World::new();
    world.patients.limit(P2, "patient/Observation.rs patient/Immunization.rs");
    let mut browser = Browser::of(&world, "alice");
    let request = az("pub").scope("launch/patient patient/*.rs user/Condition.rs");
    browser.begin(&request).await;
    let page = browser.pick(P2).await;
    assert_eq!(
        page.ticked(),
        ["launch/patient", "patient/Immunization.rs", "patient/Observation.rs", "user/Condition.rs"]
    );
    // The limit that stands at redemption counts, not the one that was shown.
    let code = browser.allow().await.code();
    world.patients.limit(P2, "patient/Immunization.rs");
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!(tokens["scope"], "launch/patient patient/Immunization.rs user/Condition.rs");
    assert_eq!(world.access_claims(&tokens).await["scope"], tokens["scope"]);
}

/// A-CTX-30, INT-010
#[tokio::test]
async fn a_yes_that_was_taken_back_before_the_code_is_no_yes() {
    let world = World::new();
    world.consents.forget_at_once();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("pub")).await;
    browser.allow().await.is_refusal(CB, "access_denied");
    assert_eq!(world.spy.codes(), 0);
}
