//! Whole launches: what a user sees, and what the app gets.

use serde_json::json;
use vestibule_host::PatientId;
use vestibule_host::launch::FhirContextItem;

use crate::app::{CB, az, az_ehr, tk};
use crate::browser::Browser;
use crate::world::{AS, E1, FHIR1, FHIR2, P1, P2, P3, P9, World, open_visit};

/// SMART-AUTHZ-001, SMART-AUTHZ-005, SMART-AUTHZ-050, SMART-AUTHZ-051, SMART-AUTHZ-053, SMART-SCOPE-110, A-MIX-01, A-CTX-52, A-UI-02
#[tokio::test]
async fn standalone_with_two_records_asks_whose() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    // Nobody is signed in: to the host's sign-in, and back.
    let page = browser.begin(&az("pub")).await;
    assert_eq!(page.status, 303);
    assert!(page.location().starts_with("/login?resume=%2Fauth%2Fi%2F"), "{}", page.location());
    browser.session = Some("alice/s1".into());
    let page = browser.reload().await;
    assert_eq!(page.values("input", "patient"), [P1, P2]);
    assert!(page.body.contains("Growth Chart") && page.body.contains("app.example"));
    let page = browser.pick(P2).await;
    assert!(page.is_consent() && page.body.contains("Name Of patient-two-ben"));
    // A line for each scope that can be granted, `offline_access` among them (OIDC-011).
    assert_eq!(page.ticked(), ["launch/patient", "offline_access", "patient/Observation.rs"]);
    let answer = browser.allow().await.clone();
    assert!(answer.location().starts_with("https://app.example/cb?code=vc_"), "{}", answer.location());
    assert_eq!(answer.params().keys().collect::<Vec<_>>(), ["code", "iss", "state"]);
    assert_eq!(answer.params()["state"], "st1");
    let tokens = world.redeem("pub", &answer.code()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let tokens = tokens.json();
    assert_eq!(tokens["patient"], P2);
    assert_eq!(tokens["scope"], "launch/patient patient/Observation.rs offline_access");
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 300);
    assert!(tokens["refresh_token"].as_str().unwrap().starts_with("vr_") && tokens.get("id_token").is_none());
    let all = tokens.to_string();
    assert!(!all.contains(P1) && !all.contains(P3));
}

/// SMART-TOKEN-003, SMART-TOKEN-005, SMART-TOKEN-030, SMART-TOKEN-032, SMART-IDT-001, SMART-IDT-010, ATJWT-001, ATJWT-002, ATJWT-003, OIDC-004, OIDC-005, A-OIDC-01, A-OIDC-13, A-AUD-12, A-MIX-03
#[tokio::test]
async fn both_tokens_verify_and_agree_with_the_answer() {
    let world = World::new();
    let request =
        az("pub").scope("openid fhirUser launch/patient patient/Observation.rs").add("nonce", "n \"x");
    let code = world.code_for(&request).await;
    let answer = world.redeem("pub", &code).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    assert_eq!(answer.header("content-type"), "application/json");
    let tokens = answer.json();
    let access = world.access_claims(&tokens).await;
    assert_eq!(access["iss"], AS);
    assert_eq!(access["aud"], FHIR1);
    assert_eq!(access["client_id"], "pub");
    assert_eq!(access["sub"], "sub-alice");
    assert_eq!(access["patient"], P1);
    assert_eq!(access["scope"], tokens["scope"]);
    assert_eq!(access["fhirUser"], format!("{FHIR1}/Patient/{P1}"));
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 300);
    assert!(access["jti"].as_str().unwrap().len() >= 22 && access["grant_id"].is_string());
    let id = world.id_claims(&tokens).await;
    assert_eq!(id["iss"], AS);
    assert_eq!(id["aud"], "pub");
    assert_eq!(id["sub"], access["sub"]);
    assert_eq!(id["nonce"], "n \"x");
    assert_eq!(id["fhirUser"], format!("{FHIR1}/Patient/{P1}"));
    assert!(id["auth_time"].is_i64() && id["at_hash"].is_string());
    assert!(!id.contains_key("patient") && !id.contains_key("azp"));
    let at_hash =
        vestibule_jose::at_hash(vestibule_host::Alg::Rs256, tokens["access_token"].as_str().unwrap());
    assert_eq!(id["at_hash"], at_hash);
}

/// A-OIDC-03, A-CTX-23, INT-005, PKCE-010
#[tokio::test]
async fn two_tabs_get_their_own_nonce_and_patient() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    let scope = "openid launch/patient patient/Observation.rs";
    browser.begin(&az("pub").scope(scope).add("nonce", "n1").set("state", "one")).await;
    let first = browser.tab();
    browser.begin(&az("pub").scope(scope).add("nonce", "n2").set("state", "two")).await;
    browser.pick(P2).await;
    let second = browser.tab();
    browser.switch_to(&first);
    browser.pick(P1).await;
    let first = browser.tab();
    browser.switch_to(&second);
    let two = browser.allow().await.clone();
    browser.switch_to(&first);
    let one = browser.allow().await.clone();
    for (answer, state, nonce, patient) in [(one, "one", "n1", P1), (two, "two", "n2", P2)] {
        assert_eq!(answer.params()["state"], state);
        let tokens = world.redeem("pub", &answer.code()).await.json();
        assert_eq!(tokens["patient"], patient);
        assert_eq!(world.id_claims(&tokens).await["nonce"], nonce);
    }
}

/// SMART-CTX-060, A-SCOPE-23
#[tokio::test]
async fn one_record_is_chosen_without_asking_and_shown() {
    let world = World::new();
    for scope in [
        "launch/patient patient/Observation.rs",
        "patient/Observation.rs",
        "launch/patient user/Observation.rs",
    ] {
        let mut browser = Browser::of(&world, "bob");
        let page = browser.begin(&az("pub").scope(scope)).await;
        assert!(page.is_consent() && page.body.contains("Name Of patient-three-bob"), "{scope}");
        let code = browser.allow().await.code();
        assert_eq!(world.redeem("pub", &code).await.json()["patient"], P3, "{scope}");
    }
}

/// SMART-AUTHZ-062
#[tokio::test]
async fn without_a_record_the_app_is_told_so() {
    let world = World::new();
    let mut browser = Browser::of(&world, "nobody");
    let answer = browser.begin(&az("pub")).await;
    answer.is_refusal(CB, "access_denied");
    assert_eq!(answer.params()["state"], "st1");
    assert_eq!(answer.params()["error_description"], "no patient record available");
    assert_eq!(world.spy.codes(), 0);
    // Only user data: no record is needed (S7).
    let page = browser.begin(&az("pub").scope("openid user/Observation.rs")).await;
    assert!(page.is_consent());
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    assert!(tokens.get("patient").is_none() && tokens["id_token"].is_string(), "{tokens}");
    // `fhirUser` cannot be granted to somebody without a FHIR resource (SMART-SCOPE-089).
    browser.begin(&az("pub").scope("openid fhirUser user/Observation.rs")).await;
    assert_eq!(browser.page.ticked(), ["openid", "user/Observation.rs"]);
}

/// A-TIME-06
#[tokio::test]
async fn a_clinician_searches_and_pages() {
    let world = World::new();
    let mut browser = Browser::of(&world, "dr");
    let page = browser.begin(&az("pub")).await;
    assert_eq!(page.values("input", "patient").len(), 10);
    assert!(page.body.contains("name=\"q\""));
    let cursor = page.values("button", "after");
    assert_eq!(cursor.len(), 1);
    let page = browser.submit(&[("after", &cursor[0])]).await;
    assert_eq!(page.values("input", "patient")[0], "ward-patient-16");
    let page = browser.submit(&[("q", "patient-3"), ("move", "search")]).await;
    assert_eq!(page.values("input", "patient").len(), 5);
    // A cursor within a search keeps the search.
    let page = browser.submit(&[("q", "ward"), ("move", "search")]).await;
    assert_eq!(page.values("input", "patient").len(), 10);
    let page = browser.submit(&[("q", "ward"), ("after", "20")]).await;
    assert_eq!(page.values("input", "patient").len(), 5);
    let page = browser.submit(&[("q", "no such person"), ("move", "search")]).await;
    assert!(page.values("input", "patient").is_empty() && page.status == 200);
    let page = browser.submit(&[("q", &"x".repeat(101)), ("move", "search")]).await;
    assert!(page.status == 200 && page.body.contains("role=\"alert\""));
    // Hostile cursors bring an empty page, not an error.
    for cursor in ["-1", "99999999999999999999", "x"] {
        assert_eq!(browser.submit(&[("after", cursor)]).await.status, 200);
    }
    // What was not on the page may be chosen all the same: the policy decides, not the list.
    browser.submit(&[("patient", "ward-patient-34"), ("move", "choose")]).await;
    let code = browser.allow().await.code();
    assert_eq!(world.redeem("pub", &code).await.json()["patient"], "ward-patient-34");
    // S4: one hit is not chosen without asking.
    let page = browser.begin(&az("pub")).await;
    assert!(page.is_picker());
    let page = browser.submit(&[("q", "ward-patient-34"), ("move", "search")]).await;
    assert!(page.is_picker() && page.values("input", "patient").len() == 1);
}

/// SMART-LAUNCH-001, SMART-LAUNCH-011, SMART-LAUNCH-013, SMART-CTX-001, SMART-CTX-002, SMART-CTX-004, SMART-CTX-005, SMART-CTX-006, SMART-CTX-007, SMART-CTX-008, SMART-CTX-020, SMART-TASK-002
#[tokio::test]
async fn an_ehr_launch_brings_its_whole_context() {
    let world = World::new();
    let study = json!({ "reference": "ImagingStudy/55", "type": "ImagingStudy" });
    let context = open_visit(P1, E1)
        .with_intent("reconcile-medications")
        .with_need_patient_banner(false)
        .with_smart_style_url("https://as.example/style.json")
        .with_tenant("ward-7")
        .with_app_context("opaque text")
        .with_fhir_context(FhirContextItem::try_from(study.as_object().unwrap().clone()).unwrap());
    let handle = world.launch_for("dr", "pub", context).await;
    let mut browser = Browser::of(&world, "dr");
    let scope = "launch openid fhirUser patient/Observation.rs user/Observation.rs";
    let page = browser.begin(&az_ehr("pub", &handle).scope(scope)).await;
    assert!(page.is_consent(), "no picker: {}", page.body);
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!(tokens["patient"], P1);
    assert_eq!(tokens["encounter"], E1);
    assert_eq!(tokens["intent"], "reconcile-medications");
    assert_eq!(tokens["need_patient_banner"], false);
    assert_eq!(tokens["smart_style_url"], "https://as.example/style.json");
    assert_eq!(tokens["tenant"], "ward-7");
    assert_eq!(tokens["appContext"], "opaque text");
    assert_eq!(tokens["fhirContext"], json!([study]));
    let access = world.access_claims(&tokens).await;
    assert_eq!(access["patient"], P1);
    assert_eq!(access["encounter"], E1);
    assert_eq!(access["fhirUser"], format!("{FHIR1}/Practitioner/doctor-dr"));
}

/// SMART-SCOPE-083
#[tokio::test]
async fn standalone_with_a_visit_asks_which() {
    let world = World::new();
    let request = az("pub").scope("launch/patient launch/encounter patient/Observation.rs");
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&request).await;
    let page = browser.pick(P1).await;
    assert!(page.is_visits());
    assert_eq!(page.values("input", "encounter").len(), 10);
    let cursor = page.values("button", "after")[0].clone();
    assert_eq!(browser.submit(&[("after", &cursor)]).await.values("input", "encounter").len(), 2);
    // Nothing ticked: the same page, which says so.
    let page = browser.submit(&[("move", "choose")]).await;
    assert!(page.is_visits() && page.body.contains("role=\"alert\""));
    // A visit of somebody else.
    let page = browser.submit(&[("encounter", "encounter-three-of-bob"), ("move", "choose")]).await;
    assert!(page.is_visits() && page.body.contains("role=\"alert\""));
    browser.submit(&[("encounter", E1), ("move", "choose")]).await;
    assert!(browser.page.ticked().contains(&"launch/encounter".to_owned()));
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!((&tokens["patient"], &tokens["encounter"]), (&json!(P1), &json!(E1)));

    // Skipped: `launch/encounter` is not granted.
    browser.begin(&request).await;
    browser.pick(P1).await;
    let page = browser.submit(&[("move", "skip")]).await;
    assert_eq!(page.ticked(), ["launch/patient", "patient/Observation.rs"]);
    let code = browser.allow().await.code();
    assert!(world.redeem("pub", &code).await.json().get("encounter").is_none());

    // A patient without visits: nothing to ask.
    browser.begin(&request).await;
    assert!(browser.pick(P2).await.is_consent());

    // Cancelled.
    browser.begin(&request).await;
    browser.pick(P1).await;
    browser.submit(&[("move", "cancel")]).await.is_refusal(CB, "access_denied");
}

/// SMART-AUTHZ-040, SMART-AUTHZ-041, A-AUD-09, A-AUD-12
#[tokio::test]
async fn a_token_is_for_the_base_that_was_named() {
    let world = World::new();
    let request = az("pub").scope("openid fhirUser launch/patient patient/Observation.rs");
    let tokens = world.tokens_for("pub", &request.clone().set("aud", FHIR2)).await;
    let claims = world.access_claims(&tokens).await;
    assert_eq!(claims["aud"], FHIR2);
    assert_eq!(claims["fhirUser"], format!("{FHIR2}/Patient/{P1}"));
    assert_eq!(world.id_claims(&tokens).await["iss"], AS);
    // `resource` may say the same once more, or alone.
    let both = request.clone().set("aud", FHIR2).add("resource", FHIR2).add("resource", FHIR2);
    assert_eq!(world.access_claims(&world.tokens_for("pub", &both).await).await["aud"], FHIR2);
    let alone = request.without("aud").add("resource", FHIR2);
    assert_eq!(world.access_claims(&world.tokens_for("pub", &alone).await).await["aud"], FHIR2);
    // An app that is registered for one base cannot name another.
    let narrow = az("narrow").scope("launch/patient patient/Observation.r");
    let mut browser = Browser::of(&world, "bob");
    browser
        .authorize(&narrow.set("aud", FHIR2))
        .await
        .is_refusal("https://narrow.example/cb", "invalid_request");
}

/// SMART-CAUTH-001, SMART-CAUTH-003, SMART-CAUTH-006, CAUTH-002, SMART-CAUTH-002, SMART-IDT-034, SMART-TOKEN-020
#[tokio::test]
async fn every_kind_of_client_gets_its_tokens() {
    let world = World::new();
    for client in ["pub", "basic", "post", "nat", "query"] {
        let request = az(client).scope("launch/patient patient/Observation.rs");
        let tokens = world.tokens_for(client, &request).await;
        assert_eq!(tokens["patient"], P1, "{client}");
        let code = world.code_for(&request).await;
        // Another method than the registered one is refused, and burns nothing.
        let other_method = match client {
            "basic" => tk(client, &code)
                .basic(None)
                .add("client_id", client)
                .add("client_secret", "basic-secret-basic-secret-basic-secret"),
            "post" => tk(client, &code)
                .without("client_secret")
                .without("client_id")
                .basic(Some(("post", "post-secret-post-secret-post-secret-p"))),
            _ => tk(client, &code)
                .without("client_id")
                .basic(Some((client, "any-secret-any-secret-any-secret-1"))),
        };
        other_method.send(&world).await.is_error(401, "invalid_client");
        assert_eq!(world.redeem(client, &code).await.status, 200, "{client}");
    }
}

/// A-CTX-30, A-CODE-16
#[tokio::test]
async fn a_token_ends_with_the_access_it_stands_on() {
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    use vestibule_host::Clock as _;
    world.patients.end_at(P1, world.clock.now().plus(std::time::Duration::from_secs(40)));
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!(tokens["expires_in"], 40);
    let code = world.code_for(&az("pub")).await;
    world.advance(40);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    // Listed and over: refused at the choice.
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let page = browser.pick(P1).await;
    assert!(page.is_picker() && page.body.contains("role=\"alert\""));
}

/// A-CTX-49, A-OIDC-11, A-CTX-45
#[tokio::test]
async fn parameters_that_nobody_defined_change_nothing() {
    let world = World::new();
    let request = az("pub")
        .add("patient", P3)
        .add("fhirUser", "Practitioner/doctor-dr")
        .add("claims", r#"{"id_token":{"patient":{"value":"patient-nine-mallory"}}}"#)
        .add("user", "bob");
    let tokens = world.tokens_for("pub", &request).await;
    assert_eq!(tokens["patient"], P1);
    assert!(!tokens.to_string().contains(P9));
    assert_eq!(world.access_claims(&tokens).await["sub"], "sub-alice");
}

/// INT-003, INT-010
#[tokio::test]
async fn a_host_may_draw_the_steps_itself() {
    use vestibule::{AuthorizeStep, InteractionId, StepToken};
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let id = InteractionId::parse(browser.path.strip_prefix("/auth/i/").unwrap()).unwrap();
    let (head, _) = browser.request(http::Method::GET, &browser.path, "").into_parts();
    let AuthorizeStep::SelectPatient(prompt) = world.server.resume(&head, &id).await.unwrap().step else {
        panic!("a picker");
    };
    assert_eq!((prompt.client_name(), prompt.user().user.as_str()), ("Growth Chart", "alice"));
    assert_eq!(prompt.page().patients.len(), 2);
    let step = StepToken::new(prompt.step_token().unwrap(), b"");
    let AuthorizeStep::SelectPatient(prompt) = prompt.choose(&step, PatientId::new(P3)).await.unwrap().step
    else {
        panic!("somebody else's record is not chosen");
    };
    assert!(prompt.mistake().is_some());
    let AuthorizeStep::Consent(prompt) = prompt.choose(&step, PatientId::new(P1)).await.unwrap().step else {
        panic!("consent");
    };
    assert_eq!(prompt.patient().unwrap().summary.id.as_str(), P1);
    // The token of the picker does not answer the question of consent.
    assert!(prompt.allow(&step, &["launch/patient"], "de").await.is_err());
    let AuthorizeStep::Consent(prompt) = world.server.asked(&head, &id).await.unwrap().step else {
        panic!("consent");
    };
    let step = StepToken::new(prompt.step_token().unwrap(), b"");
    let AuthorizeStep::Respond(response) = prompt.allow(&step, &["launch/patient"], "de").await.unwrap().step
    else {
        panic!("an answer");
    };
    let tokens = world.redeem("pub", &crate::browser::Answer::from(response).code()).await.json();
    assert_eq!((tokens["patient"].as_str(), tokens["scope"].as_str()), (Some(P1), Some("launch/patient")));
    assert_eq!(world.consents.of("alice").await[0].record.language, "de");
}
