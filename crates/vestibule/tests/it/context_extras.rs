//! What an EHR may hand over besides the standard context, how old apps read it, and limits of a relationship.

use serde_json::json;
use vestibule_host::launch::FhirContextItem;
use vestibule_host::{Clock as _, UnixMillis};

use crate::app::{az, az_ehr, tk};
use crate::browser::Browser;
use crate::world::{P1, P3, World, open_record};

/// SMART-CTX-009, SMART-CTX-014, SMART-CTX-015
#[tokio::test]
async fn extensions_are_handed_on_as_they_are() {
    let world = World::new();
    let context = open_record(P1)
        .with_extension("__darkMode", json!(true))
        .unwrap()
        .with_extension("https://ehr.example/ext/room", json!({"ward": 7, "bed": null}))
        .unwrap();
    let handle = world.launch_for("dr", "pub", context).await;
    let mut browser = Browser::of(&world, "dr");
    browser.begin(&az_ehr("pub", &handle)).await;
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!(tokens["__darkMode"], true);
    assert_eq!(tokens["https://ehr.example/ext/room"], json!({"ward": 7, "bed": null}));
    let access = world.server.access_token(tokens["access_token"].as_str().unwrap()).await.unwrap().unwrap();
    let introspected = access.introspection();
    for name in ["__darkMode", "https://ehr.example/ext/room", "patient", "need_patient_banner"] {
        assert_eq!(introspected[name], tokens[name], "{name}");
    }
}

/// SMART-CTX-030, VER-003
#[tokio::test]
async fn an_app_of_2_0_reads_strings() {
    let world = World::new();
    world.clients.change("pub", |client| client.fhir_context_strings = true);
    let role = json!({"reference": "List/a", "role": "https://example.org/role"});
    let context = open_record(P1)
        .with_fhir_context(FhirContextItem::reference("ImagingStudy/55").unwrap())
        .with_fhir_context(FhirContextItem::try_from(role.as_object().unwrap().clone()).unwrap());
    let handle = world.launch_for("dr", "pub", context).await;
    let mut browser = Browser::of(&world, "dr");
    browser.begin(&az_ehr("pub", &handle)).await;
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!(tokens["fhirContext"], json!(["ImagingStudy/55"]));
    let access = world.server.access_token(tokens["access_token"].as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!(access.introspection()["fhirContext"], tokens["fhirContext"]);
}

/// INT-014, DCRM-004
#[tokio::test]
async fn an_app_that_changed_is_asked_about_again() {
    let world = World::new();
    let request = az("memo").scope("launch/patient patient/Observation.rs");
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&request).await;
    browser.allow().await.code();
    browser.begin(&request).await.code();
    world.clients.change("memo", |client| client.version = "2".into());
    assert!(browser.begin(&request).await.is_consent());
    browser.allow().await.code();
    browser.begin(&request).await.code();
    world.clients.change("memo", |client| client.version.clear());
    assert!(browser.begin(&request).await.is_consent(), "an older version is another one too");
}

/// SMART-AUTHZ-071, RT-010, SMART-REFRESH-022
#[tokio::test]
async fn a_relationship_limits_what_and_for_how_long() {
    let world = World::new();
    let hour = 3_600_000;
    let end = UnixMillis(world.clock.now().0 + hour);
    world.patients.end_at(P3, end);
    world.patients.limit(P3, "patient/Observation.rs");
    let scope = "launch/patient patient/Observation.rs patient/Condition.rs offline_access";
    let mut browser = Browser::of(&world, "bob");
    let page = browser.begin(&az("pub").scope(scope)).await;
    assert!(page.body.contains("You are") && page.body.contains("self"), "{}", page.brief());
    assert!(page.body.contains("Your access ends on"), "{}", page.brief());
    assert_eq!(page.ticked(), ["launch/patient", "offline_access", "patient/Observation.rs"]);
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    assert_eq!(tokens["scope"], "launch/patient patient/Observation.rs offline_access");
    let refresh = |token: &serde_json::Value| {
        tk("pub", "-")
            .set("grant_type", "refresh_token")
            .without("code")
            .without("redirect_uri")
            .without("code_verifier")
            .add("refresh_token", token.as_str().unwrap())
    };
    // Two minutes before the end, the access token ends with it.
    world.advance(3_480);
    let late = refresh(&tokens["refresh_token"]).send(&world).await;
    assert_eq!(late.status, 200, "{}", late.body);
    let late = late.json();
    assert_eq!(late["expires_in"], 120);
    // The ceiling may become narrower meanwhile.
    world.patients.limit(P3, "patient/Observation.r");
    let narrower = refresh(&late["refresh_token"]).send(&world).await.json();
    assert_eq!(narrower["scope"], "launch/patient patient/Observation.r offline_access");
    // Afterwards there is nothing left to refresh.
    world.advance(121);
    refresh(&narrower["refresh_token"]).send(&world).await.is_error(400, "invalid_grant");
    browser.begin(&az("pub").scope(scope)).await.is_refusal(crate::app::CB, "access_denied");
}

/// INT-018
#[tokio::test]
async fn consent_says_how_long_at_most() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    let page = browser.begin(&az("pub").scope("launch/patient patient/Observation.rs")).await;
    assert!(page.body.contains("Up to 5 minutes"), "{}", page.brief());
    let page = browser.begin(&az("pub")).await;
    assert!(page.body.contains("has not used it for about 6 months"), "{}", page.brief());
}
