//! Two tabs, the back button, reload, double submit; other users, other browsers, other sessions; what was tampered with.

use http::{HeaderValue, Method};
use vestibule_host::Standing;

use crate::app::{CB, az, az_ehr};
use crate::browser::{Answer, Browser, form};
use crate::world::{FHIR2, P1, P2, P3, P9, World, config, open_record};

/// Alice at the consent page, with P1 chosen.
async fn at_consent(world: &World) -> Browser {
    let mut browser = Browser::of(world, "alice");
    browser.begin(&az("pub")).await;
    assert!(browser.pick(P1).await.is_consent());
    browser
}

/// The patient for whom the code is good.
async fn patient_of(world: &World, answer: &Answer) -> String {
    let tokens = world.redeem("pub", &answer.code()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    tokens.json()["patient"].as_str().unwrap().to_owned()
}

/// INT-016, A-CTX-16
#[tokio::test]
async fn the_back_button_changes_nothing_behind_a_choice() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let picker = browser.tab();
    browser.pick(P1).await;
    let consent = browser.tab();
    // The picker again, another patient: a page that leads on to where the interaction is.
    browser.switch_to(&picker);
    let path = browser.path.clone();
    let page = browser.submit(&[("patient", P2), ("move", "choose")]).await;
    page.is_page(409);
    assert!(page.body.contains(&format!("href=\"{path}\"")), "{}", page.body);
    browser.switch_to(&picker);
    browser.submit(&[("move", "cancel")]).await.is_page(409);
    assert!(browser.reload().await.is_consent());
    browser.switch_to(&consent);
    let answer = browser.allow().await.clone();
    // After the answer: 400, and the grant stays with P1.
    browser.switch_to(&picker);
    browser.submit(&[("patient", P2), ("move", "choose")]).await.is_page(400);
    browser.switch_to(&consent);
    assert_eq!(world.spy.codes(), 1);
    assert_eq!(patient_of(&world, &answer).await, P1);
}

/// INT-015
#[tokio::test]
async fn loading_again_shows_the_same_step() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let request = az("pub");
    for _ in 0..3 {
        assert_eq!(browser.begin(&request).await.status, 303);
        assert_eq!(browser.reload().await.status, 303);
    }
    browser.session = Some("alice/s1".into());
    for _ in 0..3 {
        assert!(browser.reload().await.is_picker());
    }
    browser.pick(P1).await;
    let before = browser.page.step();
    for _ in 0..3 {
        assert!(browser.reload().await.is_consent());
        assert_eq!(browser.page.step(), before);
    }
    browser.allow().await.code();
    browser.reload().await.is_page(400);
    assert_eq!(world.spy.codes(), 1);
}

/// INT-015, A-CTX-12
#[tokio::test]
async fn the_same_form_gets_the_same_answer_for_ten_seconds() {
    let world = World::new();
    let mut browser = at_consent(&world).await;
    let consent = browser.tab();
    let first = browser.allow().await.clone();
    let again = |browser: &mut Browser| browser.switch_to(&consent);
    for millis in [0, 5_000, 4_999] {
        world.clock.advance(std::time::Duration::from_millis(millis));
        again(&mut browser);
        assert_eq!(browser.allow().await.location(), first.location());
        // Also with another button: the answer was given, and is not given anew.
        again(&mut browser);
        assert_eq!(browser.deny().await.location(), first.location());
    }
    // Another session, another browser, another token.
    let mut other = browser.clone();
    other.session = Some("alice/another".into());
    other.switch_to(&consent);
    other.allow().await.is_page(400);
    let mut other = browser.clone();
    other.cookies.clear();
    other.switch_to(&consent);
    other.allow().await.is_page(400);
    let path = browser.path.clone();
    browser.post(&path, &[("step", "2.consent.AAAA"), ("decision", "allow")]).await.is_page(400);
    world.clock.advance(std::time::Duration::from_millis(1));
    again(&mut browser);
    browser.allow().await.is_page(400);
    assert_eq!(world.spy.codes(), 1);
    assert_eq!(patient_of(&world, &first).await, P1);
}

/// INT-015, A-CTX-12
#[tokio::test]
async fn a_refusal_is_repeated_like_a_code() {
    let world = World::new();
    let mut browser = at_consent(&world).await;
    let consent = browser.tab();
    let first = browser.deny().await.clone();
    first.is_refusal(CB, "access_denied");
    browser.switch_to(&consent);
    assert_eq!(browser.deny().await.location(), first.location());
    // A yes after the no is no yes.
    browser.switch_to(&consent);
    assert_eq!(browser.allow().await.location(), first.location());
    assert_eq!(world.spy.codes(), 0);
}

/// INT-015, A-CTX-12, A-FAULT-06
#[tokio::test]
async fn of_two_submits_at_once_one_wins_and_both_get_its_answer() {
    let world = World::new();
    let browser = at_consent(&world).await;
    world.script.suspend(true);
    let fields =
        [("step", browser.page.step()), ("scope", "launch/patient".into()), ("decision", "allow".into())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = || browser.request(Method::POST, &browser.path, &form(&fields));
    let (one, two) =
        tokio::join!(Box::pin(world.server.handle(request())), Box::pin(world.server.handle(request())));
    let (one, two) = (Answer::from(one), Answer::from(two));
    assert_eq!(world.spy.codes(), 1);
    assert_eq!(world.grants_of("alice").await, 1);
    let location = one.location();
    assert!(location.contains("code="), "{location}");
    assert_eq!(two.location(), location);
}

/// A-CTX-23, INT-007
#[tokio::test]
async fn of_two_different_choices_at_once_one_counts() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    world.script.suspend(true);
    let step = browser.page.step();
    let request = |patient: &str| {
        let fields = [("step", step.as_str()), ("patient", patient), ("move", "choose")];
        browser.request(Method::POST, &browser.path, &form(&fields))
    };
    let (one, two) =
        tokio::join!(Box::pin(world.server.handle(request(P1))), Box::pin(world.server.handle(request(P2))));
    let (one, two) = (Answer::from(one), Answer::from(two));
    let (winner, loser, patient) = if one.status == 200 { (one, two, P1) } else { (two, one, P2) };
    assert!(winner.is_consent() && winner.body.contains(&format!("Name Of {patient}")));
    loser.is_page(409);
    browser.page = winner;
    let answer = browser.allow().await.clone();
    assert_eq!(patient_of(&world, &answer).await, patient);
}

/// INT-003, A-CTX-10, A-CTX-11
#[tokio::test]
async fn a_step_token_is_for_one_place() {
    let world = World::new();
    let mut browser = at_consent(&world).await;
    let own = browser.page.step();
    let consent = browser.tab();
    // Of another interaction of the same user in the same browser.
    browser.begin(&az("pub")).await;
    browser.pick(P2).await;
    let foreign = browser.page.step();
    // Of another user.
    let mut mallory = Browser::of(&world, "mallory");
    mallory.begin(&az("pub")).await;
    let of_mallory = mallory.page.step();
    browser.switch_to(&consent);
    let path = browser.path.clone();
    let (revision, _) = own.split_once('.').unwrap();
    let mac = own.rsplit_once('.').unwrap().1;
    let tampered = [
        foreign,
        of_mallory,
        format!("{revision}.patient.{mac}"),
        format!("{revision}.encounter.{mac}"),
        format!("0.consent.{mac}"),
        format!("99.consent.{mac}"),
        format!("18446744073709551616.consent.{mac}"),
        format!("+{own}"),
        format!("{own}A"),
        own[..own.len() - 1].to_owned(),
        own.to_uppercase(),
        String::new(),
        "x".into(),
        "..".into(),
        "é.consent.é".into(),
    ];
    for token in &tampered {
        let page =
            browser.post(&path, &[("step", token), ("scope", "launch/patient"), ("decision", "allow")]).await;
        page.is_page(403);
        let page = browser.post(&path, &[("step", token), ("decision", "deny")]).await;
        page.is_page(403);
    }
    let allowed = [("scope", "launch/patient"), ("decision", "allow")];
    browser.post(&path, &allowed).await.is_page(403);
    browser
        .post(&path, &[("step", own.as_str()), ("step", own.as_str()), allowed[0], allowed[1]])
        .await
        .is_page(400);
    assert_eq!(world.spy.codes(), 0);
    assert_eq!(browser.allow().await.status, 303);
    assert_eq!(world.spy.codes(), 1);
}

/// A-CTX-11
#[tokio::test]
async fn a_form_of_one_step_does_not_answer_another() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let picker = browser.tab();
    // Consent fields at the picker: nothing was chosen.
    let page = browser.submit(&[("scope", "launch/patient"), ("decision", "allow")]).await;
    assert!(page.is_picker() && page.body.contains("role=\"alert\""));
    browser.switch_to(&picker);
    browser.pick(P1).await;
    // Picker fields at consent, with the token of consent.
    let consent = browser.tab();
    browser.submit(&[("patient", P2), ("move", "choose")]).await.is_page(400);
    browser.switch_to(&consent);
    let answer = browser.allow().await.clone();
    assert_eq!(patient_of(&world, &answer).await, P1);
}

/// INT-002, A-CTX-24, A-CTX-21
#[tokio::test]
async fn nobody_finishes_what_somebody_else_began() {
    let world = World::new();
    let mut browser = at_consent(&world).await;
    let consent = browser.tab();
    for session in
        [Some("bob/session-of-bob"), Some("alice/a-new-sign-in"), Some("bob/session-of-alice"), None]
    {
        browser.session = session.map(str::to_owned);
        browser.switch_to(&consent);
        browser.allow().await.is_page(403);
        browser.reload().await.is_page(403);
    }
    assert_eq!(world.spy.codes(), 0);
    // Whoever is signed in now begins anew, and sees nothing of before.
    browser.session = Some("bob/session-of-bob".into());
    let page = browser.begin(&az("pub")).await;
    assert!(page.is_consent() && page.body.contains("Name Of patient-three-bob") && !page.body.contains(P1));
    // Alice, in the session in which she began, goes on.
    browser.session = Some("alice/session-of-alice".into());
    browser.switch_to(&consent);
    let answer = browser.allow().await.clone();
    assert_eq!(patient_of(&world, &answer).await, P1);
}

/// INT-001, A-CTX-18, A-UI-10
#[tokio::test]
async fn knowing_the_path_is_not_enough() {
    let world = World::new();
    let mut browser = at_consent(&world).await;
    let (path, step) = (browser.path.clone(), browser.page.step());
    let mut thief = Browser::of(&world, "mallory");
    thief.get(&path).await.is_page(403);
    thief
        .post(&path, &[("step", &step), ("scope", "launch/patient"), ("decision", "allow")])
        .await
        .is_page(403);
    // Even with Alice's session at the host, but not her browser's cookie.
    thief.session = Some("alice/session-of-alice".into());
    thief.get(&path).await.is_page(403);
    thief
        .post(&path, &[("step", &step), ("scope", "launch/patient"), ("decision", "allow")])
        .await
        .is_page(403);
    // With a browser cookie of the thief's own.
    thief.begin(&az("pub")).await;
    thief.get(&path).await.is_page(403);
    let answer = browser.allow().await.clone();
    thief.get(&path).await.is_page(400);
    let page =
        thief.post(&path, &[("step", &step), ("scope", "launch/patient"), ("decision", "allow")]).await;
    assert!(!page.is_page(400).body.contains(&answer.code()));
    assert_eq!(patient_of(&world, &answer).await, P1);

    // Before anybody signed in there is nothing but the cookie.
    let mut browser = Browser::new(&world);
    browser.begin(&az("pub")).await;
    let path = browser.path.clone();
    Browser::of(&world, "mallory").get(&path).await.is_page(400);
    browser.session = Some("alice/s".into());
    assert!(browser.reload().await.is_picker());
}

/// A-CTX-48, HDR-003
#[tokio::test]
async fn a_cookie_that_was_touched_opens_nothing() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    browser.begin(&az("pub")).await;
    browser.session = Some("alice/s1".into());
    let pending = browser.cookies.iter().position(|cookie| cookie.name.contains("pending")).unwrap();
    let value = browser.cookies[pending].value.clone();
    // Every 7th character flipped, the ends, cut and extended.
    let flip = |at: usize| {
        let mut bytes = value.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut touched: Vec<String> =
        (0..value.len()).step_by(7).map(flip).filter(|other| *other != value).collect();
    touched.extend([
        format!("{value}A"),
        value[1..].to_owned(),
        value[..value.len() - 1].to_owned(),
        String::new(),
    ]);
    touched.push("A".repeat(20_000));
    for value in touched {
        let mut other = browser.clone();
        other.cookies[pending].value = value;
        other.reload().await.is_page(400);
    }
    // Moved to another interaction of the same browser.
    let mut other = browser.clone();
    other.session = None;
    other.begin(&az("other").scope("patient/Observation.rs")).await;
    let second = other.cookies.iter().position(|cookie| cookie.path == other.path).unwrap();
    other.cookies[second].value = value;
    other.session = Some("alice/s1".into());
    other.reload().await.is_page(400);
    assert!(browser.reload().await.is_picker());
}

/// A-CTX-20
#[tokio::test]
async fn a_planted_cookie_is_not_adopted() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let name = browser.cookies.iter().find(|cookie| cookie.path == "/").unwrap().name.clone();
    let mut victim = Browser::of(&world, "alice");
    for value in ["chosen-by-somebody", "a.b", "AAAA.AAAA", ""] {
        let planted = crate::browser::Cookie { name: name.clone(), value: value.into(), path: "/".into() };
        victim.cookies = vec![planted];
        assert!(victim.begin(&az("pub")).await.is_picker(), "{value}");
        let now = victim.cookies.iter().find(|cookie| cookie.name == name).unwrap();
        assert_ne!(now.value, value);
    }
    // A second browser's interaction does not open with the first one's cookies.
    let path = victim.path.clone();
    browser.get(&path).await.is_page(403);
}

/// A-CTX-48
#[tokio::test]
async fn a_copied_cookie_opens_nothing_twice() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    browser.begin(&az("pub")).await;
    let mut copy = browser.clone();
    browser.session = Some("alice/s1".into());
    browser.reload().await;
    // Signed in as somebody else in the copy: the interaction is Alice's.
    copy.session = Some("mallory/s2".into());
    copy.reload().await.is_page(403);
    browser.pick(P1).await;
    let answer = browser.allow().await.clone();
    copy.session = Some("alice/s1".into());
    copy.reload().await.is_page(400);
    // Until the row is purged, and afterwards.
    for _ in 0..2 {
        world.advance(400);
        world.server.tick().await.unwrap();
        copy.reload().await.is_page(400);
    }
    assert_eq!(world.spy.codes(), 1);
    answer.code();
}

/// INT-021, A-CTX-41
#[tokio::test]
async fn ten_minutes_are_ten_minutes() {
    let world = World::new();
    let mut waiting = Browser::new(&world);
    waiting.begin(&az("pub")).await;
    let mut picking = Browser::of(&world, "alice");
    picking.begin(&az("pub")).await;
    let mut consenting = at_consent(&world).await;
    let late = consenting.clone();
    world.advance(599);
    assert_eq!(waiting.reload().await.status, 303);
    assert!(picking.reload().await.is_picker());
    assert_eq!(consenting.allow().await.status, 303);
    let mut consenting = late;
    consenting.begin(&az("pub")).await;
    consenting.pick(P1).await;
    world.advance(1);
    waiting.reload().await.is_page(400);
    waiting.session = Some("alice/s1".into());
    waiting.reload().await.is_page(400);
    picking.reload().await.is_page(400);
    picking.page = Answer { body: String::new(), ..Answer::default() };
    let path = picking.path.clone();
    picking.post(&path, &[("step", "1.patient.x"), ("patient", P1)]).await.is_page(400);
    // Begun later, so it lives on, and ends on its own.
    world.advance(598);
    assert!(consenting.reload().await.is_consent());
    world.advance(2);
    let codes = world.spy.codes();
    consenting.switch_to(&consenting.tab());
    let path = consenting.path.clone();
    let step = consenting.page.step();
    consenting
        .post(&path, &[("step", &step), ("scope", "launch/patient"), ("decision", "allow")])
        .await
        .is_page(400);
    assert_eq!(world.spy.codes(), codes);
}

/// A-CTX-44, A-FAULT-11
#[tokio::test]
async fn a_restart_between_steps_loses_nothing() {
    let world = World::new();
    let mut waiting = Browser::new(&world);
    waiting.begin(&az("pub")).await;
    let mut browser = at_consent(&world).await;
    let after = world.restarted(config());
    browser.server = after.server.clone();
    let answer = browser.allow().await.clone();
    assert_eq!(patient_of(&after, &answer).await, P1);
    waiting.server = after.server.clone();
    waiting.session = Some("alice/s1".into());
    assert!(waiting.reload().await.is_picker());
    // Two nodes over one store: each step may meet another one.
    waiting.server = world.server.clone();
    waiting.pick(P2).await;
    waiting.server = after.server.clone();
    let answer = waiting.allow().await.clone();
    assert_eq!(patient_of(&world, &answer).await, P2);

    // A store that forgot everything: a page, and never a code.
    let mut browser = at_consent(&world).await;
    browser.server = World::new().server;
    browser.allow().await.is_page(400);
}

/// INT-010, A-CTX-02, A-CTX-03, A-TIME-06
#[tokio::test]
async fn what_is_posted_as_a_patient_is_asked_about() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let picker = browser.tab();
    world.patients.deny(P2);
    let forbidden = browser.pick(P2).await.clone();
    assert!(forbidden.is_picker() && forbidden.body.contains("role=\"alert\""));
    let mut answers = Vec::new();
    let long = "x".repeat(20_000);
    let tricks = [
        P3,
        "p-that-never-was",
        "patient-one-alice,patient-three-bob",
        "patient-one-alice ",
        "Patient/patient-one-alice",
        "../Patient/patient-three-bob",
        "*",
        "PATIENT-ONE-ALICE",
        "\u{ff50}1",
        &long,
    ];
    for patient in tricks {
        browser.switch_to(&picker);
        let page = browser.pick(patient).await;
        assert!(page.is_picker() && page.status == 200, "{patient}: {}", page.status);
        answers.push(without_nonce(&page.body));
    }
    // What exists and what does not get the same page.
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    browser.switch_to(&picker);
    assert!(browser.submit(&[("patient", ""), ("move", "choose")]).await.is_picker());
    for bad in
        ["patient-one-alice%00", "patient-one-alice%0a", "%ff", "patient-one-alice&patient=patient-one-alice"]
    {
        let body = format!("step={}&move=choose&patient={bad}", picker_step(&mut browser, &picker));
        let request = browser.request(Method::POST, &browser.path.clone(), &body);
        browser.send(request).await.is_page(400);
    }
    browser.switch_to(&picker);
    assert!(browser.pick(P1).await.is_consent());
    let answer = browser.allow().await.clone();
    assert_eq!(patient_of(&world, &answer).await, P1);
}

fn picker_step(browser: &mut Browser, picker: &crate::browser::Tab) -> String {
    browser.switch_to(picker);
    browser.page.step()
}

fn without_nonce(body: &str) -> String {
    let (before, after) = body.split_once("nonce=\"").unwrap();
    format!("{before}{}", after.split_once('"').unwrap().1)
}

/// INT-006, A-CTX-06, A-CTX-07, A-CTX-47, A-CTX-51
#[tokio::test]
async fn fields_of_somebody_elses_making_are_ignored() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let extra = [
        ("client_id", "other"),
        ("redirect_uri", "https://evil.test/"),
        ("aud", FHIR2),
        ("user", "bob"),
        ("state", "evil"),
        ("sub", "sub-bob"),
        ("fhirUser", "Practitioner/doctor-dr"),
        ("_method", "DELETE"),
    ];
    let mut fields = vec![("patient", P1), ("move", "choose"), ("scope", "patient/*.cruds")];
    fields.extend(extra);
    assert!(browser.submit(&fields).await.is_consent());
    let mut fields = vec![
        ("scope", "launch/patient"),
        ("scope", "system/*.cruds"),
        ("decision", "allow"),
        ("patient", P3),
    ];
    fields.extend(extra);
    let answer = browser.submit(&fields).await.clone();
    assert!(answer.location().starts_with("https://app.example/cb?"));
    assert_eq!(answer.params()["state"], "st1");
    let tokens = world.redeem("pub", &answer.code()).await.json();
    assert_eq!(tokens["scope"], "launch/patient");
    assert_eq!(tokens["patient"], P1);
    let claims = world.access_claims(&tokens).await;
    assert_eq!((claims["sub"].as_str(), claims["client_id"].as_str()), (Some("sub-alice"), Some("pub")));
    assert!(!tokens.to_string().contains(P9));
}

/// A-CTX-29, SMART-CTX-060
#[tokio::test]
async fn patient_scopes_keep_their_patient() {
    let world = World::new();
    let mut browser = at_consent(&world).await;
    let answer = browser.allow_only(&["patient/Observation.rs"]).await.clone();
    let tokens = world.redeem("pub", &answer.code()).await.json();
    assert_eq!(tokens["scope"], "patient/Observation.rs");
    assert_eq!(tokens["patient"], P1);
    // Neither kept: no patient is shared.
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub").scope("launch/patient patient/Observation.rs user/Condition.rs")).await;
    browser.pick(P1).await;
    let answer = browser.allow_only(&["user/Condition.rs"]).await.clone();
    let tokens = world.redeem("pub", &answer.code()).await.json();
    assert!(tokens.get("patient").is_none() && !world.access_claims(&tokens).await.contains_key("patient"));
}

/// A-CTX-30, A-LAUNCH-11, INT-010
#[tokio::test]
async fn access_that_ends_between_two_steps_is_no_access() {
    let world = World::new();
    // Between picker and consent page.
    let mut browser = at_consent(&world).await;
    let consent = browser.tab();
    world.patients.deny(P1);
    browser.reload().await.is_refusal(CB, "access_denied");
    browser.switch_to(&consent);
    browser.allow().await.is_page(400);
    assert_eq!(world.spy.codes(), 0);
    // Between consent page and its answer.
    let world = World::new();
    let mut browser = at_consent(&world).await;
    world.patients.deny(P1);
    browser.allow().await.is_refusal(CB, "access_denied");
    assert_eq!(world.spy.codes(), 0);
}

/// A-CTX-45, A-CODE-16
#[tokio::test]
async fn a_user_without_standing_gets_no_code() {
    for standing in [Standing::NotAllowed, Standing::SessionEnded] {
        let world = World::new();
        let mut browser = at_consent(&world).await;
        world.users.set_standing("alice", standing);
        browser.allow().await.is_refusal(CB, "access_denied");
        assert_eq!(world.spy.codes(), 0);
    }
}

/// A-CODE-19
#[tokio::test]
async fn an_authenticator_that_names_nobody_has_authenticated_nobody() {
    let world = World::new();
    world.users.forget_ids();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await.is_page(500);
    assert_eq!(world.spy.codes(), 0);
    // Halfway.
    let world = World::new();
    let mut browser = at_consent(&world).await;
    world.users.forget_ids();
    browser.allow().await.is_page(403);
    assert_eq!(world.spy.codes(), 0);
}

/// INT-004, A-CTX-09
#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let world = World::new();
    let mut browser = at_consent(&world).await;
    let fields =
        [("step", browser.page.step()), ("scope", "launch/patient".into()), ("decision", "allow".into())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = form(&fields);
    for (origin, site) in [
        (Some("https://evil.test"), None),
        (Some("https://evil.test"), Some("cross-site")),
        (Some("https://as.example.evil.test"), Some("same-origin")),
        (Some("http://as.example"), None),
        (Some("https://as.example:444"), None),
        (Some("null"), Some("cross-site")),
        (Some("null"), Some("same-site")),
        (Some("null"), Some("none")),
        (None, Some("cross-site")),
        (None, Some("same-site")),
        (Some("https://as.example"), Some("cross-site")),
        // Nothing says that a sandboxed frame is ours.
        (Some("null"), None),
    ] {
        let mut request = browser.request(Method::POST, &browser.path.clone(), &body);
        let headers = request.headers_mut();
        headers.remove("origin");
        headers.remove("sec-fetch-site");
        if let Some(origin) = origin {
            headers.insert("origin", HeaderValue::from_static(origin));
        }
        if let Some(site) = site {
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        }
        let answer = Answer::from(world.server.handle(request).await);
        answer.is_page(403);
    }
    assert_eq!(world.spy.codes(), 0);
    // What browsers of the past and of today send.
    for (origin, site) in
        [(Some("https://as.example"), None), (None, None), (Some("https://as.example"), Some("same-origin"))]
    {
        let mut browser = at_consent(&world).await;
        let mut request = browser.request(
            Method::POST,
            &browser.path.clone(),
            &form(&[("step", &browser.page.step()), ("decision", "deny")]),
        );
        let headers = request.headers_mut();
        headers.remove("origin");
        headers.remove("sec-fetch-site");
        if let Some(origin) = origin {
            headers.insert("origin", HeaderValue::from_static(origin));
        }
        if let Some(site) = site {
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        }
        browser.send(request).await.is_refusal(CB, "access_denied");
    }
}

/// A-CTX-43, INT-007
#[tokio::test]
async fn a_row_that_cannot_be_read_stops_everything() {
    let world = World::new();
    let mut browser = at_consent(&world).await;
    let consent = browser.tab();
    for damage in [&b"\x01{\"open\":{}}"[..], b"\x01{\"unheard_of\":1}", b"\x02{}", b"", b"\x01", b"junk"] {
        world.spy.damage(Some(damage));
        browser.reload().await.is_page(503);
        browser.switch_to(&consent);
        browser.allow().await.is_page(503);
    }
    assert_eq!(world.spy.codes(), 0);
    world.spy.damage(None);
    browser.switch_to(&consent);
    let answer = browser.allow().await.clone();
    assert_eq!(patient_of(&world, &answer).await, P1);
}

/// A-CTX-42, INT-001
#[tokio::test]
async fn ids_are_long_and_never_the_same() {
    let world = World::new();
    let mut seen = std::collections::HashSet::new();
    let mut browser = Browser::new(&world);
    for _ in 0..2_000 {
        browser.cookies.clear();
        let answer = browser.authorize(&az("pub")).await;
        let id = answer.location().strip_prefix("/auth/i/").unwrap().to_owned();
        assert_eq!(id.len(), 43);
        assert!(seen.insert(id));
    }
    // Another spelling of an id is no id.
    let id = seen.iter().next().unwrap();
    for other in [
        format!("{id}="),
        id[1..].to_owned(),
        format!("{id}A"),
        id.replace(&id[42..], "B"),
        format!("{id}/"),
        format!("{id}/x"),
    ] {
        if other != *id {
            let page = browser.get(&format!("/auth/i/{other}")).await;
            assert!(matches!(page.status, 400 | 404), "{other}");
        }
    }
}

/// A-LAUNCH-13, A-CTX-06
#[tokio::test]
async fn an_ehr_launch_has_its_patient() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_record(P1)).await;
    let mut browser = Browser::of(&world, "dr");
    browser.begin(&az_ehr("pub", &handle).scope("launch launch/patient patient/Observation.rs")).await;
    assert!(browser.page.is_consent());
    let consent = browser.tab();
    let step = browser.page.step();
    let path = browser.path.clone();
    browser.post(&path, &[("step", &step), ("patient", P2), ("move", "choose")]).await.is_page(400);
    browser.switch_to(&consent);
    let answer = browser
        .submit(&[
            ("patient", P2),
            ("scope", "launch"),
            ("scope", "patient/Observation.rs"),
            ("decision", "allow"),
        ])
        .await
        .clone();
    assert_eq!(patient_of(&world, &answer).await, P1);
}
