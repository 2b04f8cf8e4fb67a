//! EHR launches: bound to user, app and base; spent once; an oracle for nobody.

use vestibule::{Config, FhirBase, LaunchError};
use vestibule_host::{ClientId, EncounterId, LaunchContext, SessionId, UserId};

use crate::app::{CB, address_of, az, az_ehr};
use crate::browser::{Answer, Browser};
use crate::world::{AS, E1, E3, FHIR1, FHIR2, P1, P2, P3, P9, World, open_record, open_visit};

async fn tokens(world: &World, client: &str, answer: &Answer) -> serde_json::Value {
    let tokens = world.redeem(client, &answer.code()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    tokens.json()
}

/// The clinician opens the app with this handle and allows everything.
async fn used(world: &World, handle: &str) -> Answer {
    let mut browser = Browser::of(world, "dr");
    browser.begin(&az_ehr("pub", handle)).await;
    browser.allow().await.clone()
}

/// SMART-LAUNCH-001, SMART-LAUNCH-003, SMART-LAUNCH-004, SMART-LAUNCH-005, SMART-REG-005, SMART-TASK-005
#[tokio::test]
async fn the_launch_url_is_the_registered_one() {
    let world = World::new();
    let (user, client) = (UserId::new("dr"), ClientId::new("pub"));
    let make = |uri| world.server.create_launch(&user, None, &client, uri, FHIR1, open_record(P1));
    let launch = make(None).await.unwrap();
    let url = launch.expose_url();
    assert!(
        url.starts_with("https://app.example/launch?iss=https%3A%2F%2Ffhir.example%2Fr4&launch=vl_"),
        "{url}"
    );
    assert!(crate::world::handle_of(url).len() >= 43 + 3);
    assert!(!url.contains(P1));
    let launch = make(Some("https://app.example/open?view=chart")).await.unwrap();
    assert!(launch.expose_url().starts_with("https://app.example/open?view=chart&iss="));
    assert!(!format!("{launch:?}").contains("vl_"));
    for uri in ["https://app.example/launch/", "https://evil.test/", ""] {
        assert!(matches!(make(Some(uri)).await, Err(LaunchError::UnknownLaunchUri)), "{uri}");
    }
}

/// SMART-LAUNCH-011, SMART-LAUNCH-016, INT-013
#[tokio::test]
async fn what_cannot_be_launched_stores_nothing() {
    let world = World::new();
    let dr = UserId::new("dr");
    let launch = |user: &str, client: &str, base: &str, context: LaunchContext| {
        let (world, user, client, base) =
            (world.clone(), UserId::new(user), ClientId::new(client), base.to_owned());
        async move { world.server.create_launch(&user, None, &client, None, &base, context).await.unwrap_err() }
    };
    assert!(matches!(launch("alice", "pub", FHIR1, open_record(P3)).await, LaunchError::PatientDenied));
    assert!(matches!(
        launch("dr", "pub", FHIR1, open_record("nobody-at-all")).await,
        LaunchError::PatientDenied
    ));
    assert!(matches!(launch("dr", "nope", FHIR1, open_record(P1)).await, LaunchError::UnknownClient));
    assert!(matches!(launch("dr", "query", FHIR1, open_record(P1)).await, LaunchError::UnknownLaunchUri));
    assert!(matches!(
        launch("dr", "pub", "https://evil.test", open_record(P1)).await,
        LaunchError::UnknownBase
    ));
    assert!(matches!(
        launch("dr", "pub", "https://fhir.example/r4/", open_record(P1)).await,
        LaunchError::UnknownBase
    ));
    assert!(matches!(launch("dr", "pub", FHIR1, open_visit(P1, E3)).await, LaunchError::EncounterMismatch));
    let visit_alone = LaunchContext::new().with_encounter(EncounterId::new(E1));
    assert!(matches!(launch("dr", "pub", FHIR1, visit_alone).await, LaunchError::EncounterMismatch));
    world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Disabled);
    assert!(matches!(launch("dr", "pub", FHIR1, open_record(P1)).await, LaunchError::UnknownClient));
    world.clients.change("pub", |client| {
        client.status = vestibule_host::ClientStatus::Enabled;
        client.fhir_bases = vec![FHIR2.to_owned()];
    });
    assert!(matches!(launch("dr", "pub", FHIR1, open_record(P1)).await, LaunchError::UnknownBase));
    world.clients.change("pub", |client| client.fhir_bases.clear());
    for part in ["clients", "patients.may_access", "patients.encounter", "grants.put_launch"] {
        world.script.away(part, true);
        assert!(
            matches!(launch("dr", "pub", FHIR1, open_visit(P1, E1)).await, LaunchError::Unavailable(_)),
            "{part}"
        );
        world.script.away(part, false);
    }
    let off = world.restarted(Config::new(AS, FhirBase::new(FHIR1)));
    let error = off
        .server
        .create_launch(&dr, None, &ClientId::new("pub"), None, FHIR1, open_record(P1))
        .await
        .unwrap_err();
    assert!(matches!(error, LaunchError::NotWired));
    let said = format!("{error} {error:?}");
    assert!(!said.contains(P1));
    assert_eq!(world.count_rows_and_purge().await, 0);
    // Not wired, not accepted.
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    Browser::new(&off).authorize(&az_ehr("pub", &handle)).await.is_refusal(CB, "invalid_request");
}

/// A-LAUNCH-01, SMART-LAUNCH-013, INT-012
#[tokio::test]
async fn a_launch_is_used_once() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    let answer = used(&world, &handle).await;
    let mut browser = Browser::of(&world, "dr");
    browser.authorize(&az_ehr("pub", &handle)).await.is_refusal(CB, "invalid_request");
    assert_eq!(tokens(&world, "pub", &answer).await["patient"], P1);
}

/// A-LAUNCH-02, A-LAUNCH-17, INT-012
#[tokio::test]
async fn of_two_browsers_with_one_launch_one_gets_its_context() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    // Abandoned before sign-in; begun again; the second one wins.
    let mut first = Browser::new(&world);
    first.begin(&az_ehr("pub", &handle)).await;
    let mut second = Browser::of(&world, "dr");
    second.begin(&az_ehr("pub", &handle)).await;
    let mut third = Browser::of(&world, "dr");
    third.begin(&az_ehr("pub", &handle)).await;
    assert!(third.page.is_consent());
    let answer = second.allow().await.clone();
    assert_eq!(tokens(&world, "pub", &answer).await["patient"], P1);
    third.allow().await.is_refusal(CB, "invalid_request");
    first.session = Some("dr/s".into());
    first.reload().await.is_refusal(CB, "invalid_request");
    assert_eq!(world.spy.codes(), 1);

    // At the same moment.
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    let (mut one, mut two) = (Browser::of(&world, "dr"), Browser::of(&world, "dr"));
    one.begin(&az_ehr("pub", &handle)).await;
    two.begin(&az_ehr("pub", &handle)).await;
    world.script.suspend(true);
    let (one, two) = tokio::join!(Box::pin(one.allow()), Box::pin(two.allow()));
    let (one, two) = (one.clone(), two.clone());
    assert_eq!(world.spy.codes(), 2);
    let (winner, loser) = if one.location().contains("code=") { (one, two) } else { (two, one) };
    loser.is_refusal(CB, "invalid_request");
    assert_eq!(tokens(&world, "pub", &winner).await["patient"], P1);
}

/// A-LAUNCH-03, A-LAUNCH-14, A-LAUNCH-15, A-TIME-07, CODE-010, STORE-007
#[tokio::test]
async fn no_other_text_is_a_launch() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    let code = world.code_for(&az("pub")).await;
    let mut browser = Browser::new(&world);
    let answer = browser.authorize(&az("pub")).await;
    let id = answer.location().strip_prefix("/auth/i/").unwrap().to_owned();
    let last = if handle.ends_with('A') { 'E' } else { 'A' };
    let mut guesses = vec![
        code.clone(),
        code.replace("vc_", "vl_"),
        id.clone(),
        format!("vl_{id}"),
        handle[3..].to_owned(),
        handle.to_uppercase(),
        format!("{}{last}", &handle[..handle.len() - 1]),
        format!("{handle}A"),
        format!("{handle} "),
        format!("{handle}="),
        "vl_".into(),
        "x".repeat(20_000),
        "\u{1f600}".into(),
    ];
    guesses.extend((0..1_000).map(|number| format!("vl_{number:A>43}")));
    let mut locations = Vec::new();
    for guess in guesses {
        let answer = browser.authorize(&az_ehr("pub", &guess)).await;
        answer.is_refusal(CB, "invalid_request");
        locations.push(answer.location().to_owned());
    }
    assert!(locations.windows(2).all(|pair| pair[0] == pair[1]), "one and the same answer");
    browser.authorize(&az_ehr("pub", &handle).add("launch", &handle)).await.is_refusal(CB, "invalid_request");
    // What was presented as a launch is unspent.
    assert_eq!(world.redeem("pub", &code).await.status, 200);
    let answer = used(&world, &handle).await;
    assert_eq!(tokens(&world, "pub", &answer).await["patient"], P1);
}

/// A-LAUNCH-07, SMART-LAUNCH-012, A-TIME-07
#[tokio::test]
async fn five_minutes_to_begin_and_ten_to_finish() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    world.advance(299);
    let mut browser = Browser::of(&world, "dr");
    browser.begin(&az_ehr("pub", &handle)).await;
    world.advance(1);
    let late = Browser::new(&world).authorize(&az_ehr("pub", &handle)).await;
    late.is_refusal(CB, "invalid_request");
    // What began in time may end: the interaction's life governs.
    world.advance(598);
    world.server.tick().await.unwrap();
    let answer = browser.allow().await.clone();
    assert_eq!(tokens(&world, "pub", &answer).await["patient"], P1);
}

/// SMART-LAUNCH-014, SMART-AUTHZ-042, A-TIME-07, E8
#[tokio::test]
async fn a_launch_of_another_app_or_base_is_unknown() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    let mut browser = Browser::new(&world);
    let unknown = browser.authorize(&az_ehr("pub", &format!("vl_{}", "A".repeat(43)))).await;
    let other = browser.authorize(&az_ehr("other", &handle)).await;
    other.is_refusal(address_of("other"), "invalid_request");
    assert_eq!(other.params()["error_description"], unknown.params()["error_description"]);
    let base = browser.authorize(&az_ehr("pub", &handle).set("aud", FHIR2)).await;
    base.is_refusal(CB, "invalid_request");
    assert_eq!(base.location(), unknown.location());
    used(&world, &handle).await.code();
    let spent = browser.authorize(&az_ehr("pub", &handle)).await;
    assert_eq!(spent.location(), unknown.location());
}

/// SMART-LAUNCH-015, INT-012, E7
#[tokio::test]
async fn the_wrong_user_does_not_burn_a_launch() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    for user in ["alice", "mallory", "nobody"] {
        let mut browser = Browser::of(&world, user);
        browser.begin(&az_ehr("pub", &handle)).await.is_refusal(CB, "access_denied");
    }
    let answer = used(&world, &handle).await;
    assert_eq!(tokens(&world, "pub", &answer).await["patient"], P1);
    // The same user in another session may go on: launch URLs open in other windows.
    let dr = UserId::new("dr");
    let launch = world
        .server
        .create_launch(
            &dr,
            Some(&SessionId::new("another")),
            &ClientId::new("pub"),
            None,
            FHIR1,
            open_record(P1),
        )
        .await
        .unwrap();
    used(&world, &crate::world::handle_of(launch.expose_url())).await.code();
}

/// A-LAUNCH-11, INT-010, E2
#[tokio::test]
async fn access_lost_since_the_launch_is_access_denied() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    let mut browser = Browser::new(&world);
    browser.begin(&az_ehr("pub", &handle)).await;
    world.patients.deny(P1);
    browser.session = Some("dr/s".into());
    browser.reload().await.is_refusal(CB, "access_denied");
    assert_eq!(world.spy.codes(), 0);
}

/// A-LAUNCH-08, SMART-CTX-003, E11
#[tokio::test]
async fn without_the_scope_the_context_is_used_as_far_as_asked() {
    let world = World::new();
    // Patient data: the launch's patient, no picker.
    let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
    let mut browser = Browser::of(&world, "dr");
    let page = browser.begin(&az_ehr("pub", &handle).scope("patient/Observation.rs")).await;
    assert!(page.is_consent());
    let answer = browser.allow().await.clone();
    let got = tokens(&world, "pub", &answer).await;
    assert_eq!(got["patient"], P1);
    assert!(got.get("encounter").is_none(), "not asked for");
    // Nothing of it asked for: nothing of it given.
    let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
    browser.begin(&az_ehr("pub", &handle).scope("user/Observation.rs")).await;
    let answer = browser.allow().await.clone();
    let got = tokens(&world, "pub", &answer).await;
    assert!(got.get("patient").is_none() && got.get("encounter").is_none());
    // Both ways of asking: the launch's patient.
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    let page = browser
        .begin(&az_ehr("pub", &handle).scope("launch launch/patient launch/encounter patient/Observation.rs"))
        .await;
    assert!(page.is_consent());
    let answer = browser.allow().await.clone();
    let got = tokens(&world, "pub", &answer).await;
    assert_eq!(got["patient"], P1);
    assert!(!got["scope"].as_str().unwrap().contains("launch/encounter"), "no visit is open");
}

/// SMART-CTX-060, E3, E4, E5
#[tokio::test]
async fn a_launch_without_a_patient_asks_only_for_patient_data() {
    let world = World::new();
    let mut browser = Browser::of(&world, "dr");
    let handle = world.launch_for("dr", "pub", LaunchContext::new()).await;
    let page = browser.begin(&az_ehr("pub", &handle).scope("launch patient/Observation.rs")).await;
    assert!(page.is_picker());
    browser.submit(&[("patient", P9), ("move", "choose")]).await;
    let answer = browser.allow().await.clone();
    assert_eq!(tokens(&world, "pub", &answer).await["patient"], P9);
    for scope in
        ["launch user/Observation.rs", "launch launch/patient user/Observation.rs", "launch openid fhirUser"]
    {
        let handle = world.launch_for("dr", "pub", LaunchContext::new()).await;
        let page = browser.begin(&az_ehr("pub", &handle).scope(scope)).await;
        assert!(page.is_consent(), "{scope}");
        let answer = browser.allow().await.clone();
        let got = tokens(&world, "pub", &answer).await;
        assert!(got.get("patient").is_none(), "{scope}");
        assert_eq!(got["need_patient_banner"], true, "{scope}");
        assert!(!got["scope"].as_str().unwrap().contains("launch/patient"));
    }
}

/// E12
#[tokio::test]
async fn a_merged_record_is_followed() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    world.patients.merge(P1, P2);
    let mut browser = Browser::of(&world, "dr");
    let page = browser.begin(&az_ehr("pub", &handle)).await;
    assert!(page.body.contains("Name Of patient-two-ben"));
    let answer = browser.allow().await.clone();
    assert_eq!(tokens(&world, "pub", &answer).await["patient"], P2);
    // Merged before the launch was made.
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    let answer = used(&world, &handle).await;
    assert_eq!(tokens(&world, "pub", &answer).await["patient"], P2);
}

/// A-LAUNCH-12
#[tokio::test]
async fn no_endpoint_makes_launches() {
    let world = World::new();
    let mut browser = Browser::of(&world, "dr");
    for path in ["/auth/launch", "/auth/launches", "/launch", "/auth/ehr", "/r4/_services/smart/Launch"] {
        browser.post(path, &[("client_id", "pub"), ("patient", P1)]).await.is_page(404);
    }
    assert_eq!(world.count_rows_and_purge().await, 0);
}

/// E10
#[tokio::test]
async fn a_visit_that_stopped_being_the_patients_ends_the_launch() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
    world.patients.merge(P1, P2);
    let mut browser = Browser::of(&world, "dr");
    browser.begin(&az_ehr("pub", &handle)).await.is_refusal(CB, "server_error");
    assert_eq!(world.spy.codes(), 0);
}
