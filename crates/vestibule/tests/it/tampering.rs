//! Other users, other browsers, other sessions; tokens, cookies and fields that were touched.

use http::{HeaderValue, Method};

use crate::app::{CB, at_consent, az, az_ehr, patient_of};
use crate::browser::{Answer, Browser, form};
use crate::world::{FHIR2, P1, P2, P3, P9, World, open_record};

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
    let browser = at_consent(&world).await;
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
