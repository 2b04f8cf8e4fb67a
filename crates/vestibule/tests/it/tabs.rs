//! Two tabs, the back button, reload, double submit, and what changes between two steps.

use http::Method;
use vestibule_host::{Clock as _, Standing, UnixMillis};

use crate::app::{CB, at_consent, az, patient_of};
use crate::browser::{Answer, Browser, form};
use crate::world::{P1, P2, World, config};

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
        // Another button of the same form is another answer: it comes too late, and is not sent on with the first.
        again(&mut browser);
        browser.deny().await.is_page(400);
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
    browser.allow().await.is_page(400);
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

/// INT-015: the one that came second may have read the clock first, or on a node whose clock is behind.
#[tokio::test]
async fn the_loser_of_two_submits_may_be_the_older_request() {
    let world = World::new();
    let mut browser = at_consent(&world).await;
    let (consent, now) = (browser.tab(), world.clock.now().0);
    let first = browser.allow().await.clone();
    for (earlier, same) in [(5, true), (9_999, true), (10_000, false)] {
        world.clock.set(UnixMillis(now - earlier));
        browser.switch_to(&consent);
        let answer = browser.allow().await.clone();
        if same {
            assert_eq!(answer.location(), first.location(), "{earlier}");
        } else {
            answer.is_page(400);
        }
    }
    assert_eq!(world.spy.codes(), 1);
}

/// INT-016, S13
#[tokio::test]
async fn what_ended_without_a_question_stays_ended() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("memo")).await;
    browser.allow().await.code();
    browser.begin(&az("memo")).await.code();
    browser.reload().await.is_page(400);
    assert_eq!(world.spy.codes(), 2);
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
    let (loser, patient) = if one.status == 409 { (one, P2) } else { (two, P1) };
    loser.is_page(409);
    let page = browser.reload().await;
    assert!(page.is_consent() && page.body.contains(&format!("Name Of {patient}")));
    let answer = browser.allow().await.clone();
    assert_eq!(patient_of(&world, &answer).await, patient);
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
    let path = picking.path.clone();
    picking.post(&path, &[("step", "1.patient.x"), ("patient", P1)]).await.is_page(400);
    // Begun later, so it lives on, and ends on its own.
    world.advance(598);
    assert!(consenting.reload().await.is_consent());
    world.advance(2);
    let codes = world.spy.codes();
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
    browser.door = after.door.clone();
    let answer = browser.allow().await.clone();
    assert_eq!(patient_of(&after, &answer).await, P1);
    waiting.door = after.door.clone();
    waiting.session = Some("alice/s1".into());
    assert!(waiting.reload().await.is_picker());
    // Two nodes over one store: each step may meet another one.
    waiting.door = world.door.clone();
    waiting.pick(P2).await;
    waiting.door = after.door.clone();
    let answer = waiting.allow().await.clone();
    assert_eq!(patient_of(&world, &answer).await, P2);

    // A store that forgot everything: a page, and never a code.
    let mut browser = at_consent(&world).await;
    browser.door = World::new().door;
    browser.allow().await.is_page(400);
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
