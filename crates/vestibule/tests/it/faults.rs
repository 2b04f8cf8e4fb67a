//! Every part of the host fails at every step: nothing is lost, nothing is granted twice, and the same request works later.
//!
//! The store alone, in every way in which it can fail: `single_faults` in `tests/http`.

use std::task::Poll;

use bytes::Bytes;
use http::Method;
use vestibule_host::{GrantId, Issuance, Redemption, Revision, StoredInteraction};
use vestibule_http_tests::Door;
use vestibule_http_tests::flow::{Flow, Run, Step, unavailable};
use vestibule_testkit::Injected;

use crate::app::{CB, az, az_ehr, tk};
use crate::browser::{Answer, Browser};
use crate::world::{Failing, P1, World, poll_some};

/// An app without a secret.
const PUB: Flow = Flow::standalone("pub");

/// The flow of an app, just before `step`.
async fn before(flow: Flow, step: Step) -> Run {
    let at = flow.steps.iter().position(|one| *one == step).unwrap();
    Run::before(World::new(), flow, at).await
}

/// Goes on from `step`, and ends with exactly one grant.
async fn ends_well(mut run: Run, step: Step, why: &str) {
    let at = run.flow.steps.iter().position(|one| *one == step).unwrap();
    run.goes_on(at).await.unwrap_or_else(|wrong| panic!("{why}: {wrong}"));
    assert_eq!(run.live().await, 1, "{why}");
}

/// 503 in the form that belongs to the step.
#[track_caller]
fn is_unavailable(step: Step, answer: &Answer, why: &str) {
    unavailable(step, answer).unwrap_or_else(|wrong| panic!("{why}: {wrong}"));
}

/// A-FAULT-05, A-FAULT-11, A-FAULT-15, A-FAULT-16, A-KEY-07, A-AERR-17, GEN-013, GEN-017, STORE-002, KEY-007, CODE-012
#[tokio::test]
async fn each_call_that_fails_is_unavailable_and_spends_nothing() {
    for flow in
        [Flow::standalone("pub"), Flow::ehr("pub"), Flow::standalone("basic"), Flow::standalone("memo")]
    {
        for step in flow.steps {
            let mut clean = before(flow, *step).await;
            let answer = clean.send(*step).await;
            let calls = clean.world.script.calls();
            clean.took(*step, &answer).await.unwrap();
            assert!(!calls.is_empty());
            for (at, call) in calls.iter().enumerate() {
                let why = format!("{} {}: {step:?}: {call} ({at})", flow.client, flow.name);
                let mut run = before(flow, *step).await;
                run.world.script.fail(at, Failing::Error);
                let answer = run.send(*step).await;
                is_unavailable(*step, &answer, &why);
                assert!(!answer.body.contains("injected") && !answer.location().contains("injected"));
                run.world.script.restart();
                ends_well(run, *step, &why).await;
            }
        }
    }
}

/// A-FAULT-02, A-FAULT-03
#[tokio::test]
async fn a_redemption_whose_outcome_nobody_learns_leaves_no_live_token() {
    let mut run = before(PUB, Step::Token).await;
    // Both tries take effect, and neither says so.
    run.world.grants.fail(1, Injected::After);
    run.world.grants.fail(2, Injected::After);
    let answer = run.send(Step::Token).await;
    is_unavailable(Step::Token, &answer, "redeem");
    run.world.grants.restart();
    run.send(Step::Token).await.is_error(400, "invalid_grant");
    assert_eq!(run.world.grants_of("alice").await, 0);
}

/// A-FAULT-02, INT-015
#[tokio::test]
async fn an_issue_whose_outcome_nobody_learns_is_answered_on_the_next_try() {
    let mut run = before(PUB, Step::Consent).await;
    let mut counted = before(PUB, Step::Consent).await;
    counted.send(Step::Consent).await;
    let at = counted.world.grants.calls().iter().position(|call| *call == "issue_code").unwrap();
    run.world.grants.fail(at, Injected::After);
    run.world.grants.fail(at + 1, Injected::After);
    let answer = run.send(Step::Consent).await;
    is_unavailable(Step::Consent, &answer, "issue");
    run.world.grants.restart();
    // The same form, within ten seconds: the code that was issued.
    ends_well(run, Step::Consent, "issue").await;
}

/// A-FAULT-02, A-DOS-07
#[tokio::test]
async fn what_begins_a_flow_is_asked_again_when_the_store_cannot_say() {
    let large = Flow { large: true, ..PUB };
    for (flow, step, verb) in
        [(Flow::ehr("pub"), Step::Launch, "put_launch"), (large, Step::Authorize, "advance_interaction")]
    {
        for how in [Injected::After, Injected::Reset] {
            let why = format!("{verb} {how:?}");
            let mut run = before(flow, step).await;
            run.world.grants.fail_next(verb, how);
            let answer = run.send(step).await;
            assert_eq!(run.world.grants.calls(), [verb, verb], "{why}");
            run.took(step, &answer).await.unwrap_or_else(|wrong| panic!("{why}: {wrong}"));
            let next = flow.steps.iter().position(|one| *one == step).unwrap() + 1;
            ends_well(run, flow.steps[next], &why).await;
        }
        // Nobody asks for ever. What may be kept is nobody's.
        let mut run = before(flow, step).await;
        run.world.grants.fail_next(verb, Injected::After);
        run.world.grants.fail_next(verb, Injected::Reset);
        let answer = run.send(step).await;
        is_unavailable(step, &answer, verb);
        assert_eq!(run.world.grants.calls(), [verb, verb]);
        run.world.grants.restart();
        ends_well(run, step, verb).await;
    }
}

/// A-FAULT-06, CODE-004
#[tokio::test]
async fn only_a_win_is_a_win() {
    for outcome in [
        Redemption::Replayed { grant: GrantId::new("g_x") },
        Redemption::Mismatch,
        Redemption::Expired,
        Redemption::Revoked,
        Redemption::NotFound,
    ] {
        let mut run = before(PUB, Step::Token).await;
        run.world.spy.say_of_redemption(outcome.clone());
        let answer = run.send(Step::Token).await;
        answer.is_error(400, "invalid_grant");
        ends_well(run, Step::Token, &format!("{outcome:?}")).await;
    }
    let stored = StoredInteraction {
        revision: Revision(9),
        record: vestibule_host::Record(Bytes::from_static(b"\x01{}")),
    };
    for outcome in [Issuance::Stale(stored), Issuance::Gone, Issuance::LaunchGone] {
        let mut run = before(PUB, Step::Consent).await;
        run.world.spy.say_of_issue(outcome.clone());
        let answer = run.send(Step::Consent).await;
        assert!(!answer.location().contains("code="), "{outcome:?}");
        assert_eq!(run.world.grants_of("alice").await, 0, "{outcome:?}");
    }
}

/// A-FAULT-17, A-DOS-10
#[test]
fn a_caller_may_go_away_at_every_moment() {
    let block_on = |future: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
    };
    block_on(Box::pin(async {
        for flow in [PUB, Flow::ehr("pub")] {
            for (at, step) in flow.steps.iter().enumerate() {
                for polls in 1..200 {
                    let why = format!("{}: {step:?} dropped after {polls} polls", flow.name);
                    let mut run = before(flow, *step).await;
                    run.world.script.suspend(true);
                    let ended = poll_some(run.ask(*step), polls).is_some();
                    run.world.script.suspend(false);
                    if ended {
                        assert!(polls > 1, "{why}: it never suspended");
                        break;
                    }
                    let answer = run.send(*step).await;
                    match (*step, answer.status) {
                        // The choice was saved, its answer lost: the page says where it goes on.
                        (Step::Pick, 409) => {
                            answer.is_page(409);
                            run.browser.page = run.send(Step::Open).await;
                            assert!(run.browser.page.is_consent(), "{why}");
                            ends_well(run, Step::Consent, &why).await;
                        }
                        // The tokens were lost on the way: the code is spent, and so nothing may live.
                        (Step::Token, 400) => {
                            answer.is_error(400, "invalid_grant");
                            assert_eq!(run.live().await, 0, "{why}");
                        }
                        _ => {
                            run.took(*step, &answer).await.unwrap_or_else(|wrong| panic!("{why}: {wrong}"));
                            if let Some(next) = flow.from(at + 1).first() {
                                ends_well(run, *next, &why).await;
                            }
                        }
                    }
                }
            }
        }
    }));
}

/// A-DOS-10
#[tokio::test]
async fn a_slow_part_holds_up_nobody_else() {
    let slow = before(PUB, Step::Token).await;
    slow.world.script.suspend(true);
    let mut waiting = slow.ask(Step::Token);
    for _ in 0..4 {
        let pending =
            std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await;
        assert!(pending);
    }
    slow.world.script.suspend(false);
    let request = az("basic").scope("launch/patient patient/Observation.rs");
    assert_eq!(slow.world.tokens_for("basic", &request).await["patient"], P1);
    assert_eq!(waiting.await.status, 200);
}

/// A-FAULT-17, INT-001
#[tokio::test]
async fn the_first_page_may_get_lost() {
    // Signed in at the host already, and a browser that was never here: binding it and opening must not be one step.
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    let answer = browser.authorize(&az("pub")).await;
    let path = answer.location().to_owned();
    for _ in 0..2 {
        let lost = browser.request(Method::GET, &path, "");
        Box::pin(world.server.handle(lost)).await;
    }
    browser.path = path;
    browser.reload().await;
    assert!(browser.page.is_picker(), "{} {}", browser.page.status, browser.page.body);
    // Cookies that never come back lead to a page, not round in circles.
    let mut blocked = browser.clone();
    let answer = blocked.authorize(&az("pub")).await;
    blocked.path = answer.location().to_owned();
    blocked.cookies.retain(|cookie| cookie.path != "/");
    let first = blocked.request(Method::GET, &blocked.path.clone(), "");
    let first = Answer::from(Box::pin(world.server.handle(first)).await);
    assert!(matches!(first.status, 200 | 303));
    for cookie in first.cookies().iter().filter(|cookie| cookie.contains("pending")) {
        let value = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
        blocked.cookies.iter_mut().find(|known| known.path == blocked.path).unwrap().value = value;
    }
    let second = blocked.request(Method::GET, &blocked.path.clone(), "");
    Answer::from(Box::pin(world.server.handle(second)).await).is_page(403);
}

/// A-FAULT-16
#[tokio::test]
async fn consent_that_nobody_can_look_up_is_no_consent() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("memo")).await;
    browser.allow().await.code();
    world.script.away("consents", true);
    browser.begin(&az("memo")).await.is_page(503);
    world.script.away("consents", false);
    browser.reload().await.code();
}

/// A-FAULT-15, A-FAULT-05
#[tokio::test]
async fn a_part_that_is_away_is_never_an_oauth_fact() {
    let world = World::new();
    let code = world.code_for(&az("pub").scope("openid launch/patient patient/Observation.rs")).await;
    for part in [
        "clients.client",
        "grants.grant",
        "users.standing",
        "patients.may_access",
        "consents.given",
        "keys.sign",
        "grants.redeem_code",
    ] {
        world.script.away(part, true);
        world.redeem("pub", &code).await.is_error(503, "temporarily_unavailable");
        world.script.away(part, false);
    }
    assert_eq!(world.redeem("pub", &code).await.status, 200);
    world.script.away("clients", true);
    Browser::new(&world).authorize(&az("pub")).await.is_page(503);
    Browser::new(&world).authorize(&az("nope-that-never-was")).await.is_page(503);
    world.script.away("clients", false);
    world.script.away("grants", true);
    // Without a launch nothing is read at authorize, so nothing fails.
    assert_eq!(Browser::new(&world).authorize(&az("pub")).await.status, 303);
    let launch = az_ehr("pub", &format!("vl_{}", "A".repeat(43)));
    Browser::new(&world).authorize(&launch).await.is_refusal(CB, "temporarily_unavailable");
    assert!(world.server.ready().await.is_err() && world.server.tick().await.is_err());
    world.script.away("grants", false);
    world.server.ready().await.unwrap();
}

/// A-KEY-13, CRYPTO-001
#[tokio::test]
async fn without_randomness_nothing_is_issued() {
    use std::sync::Arc;
    use vestibule::{AuthorizationServer, Host};
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("pub")).await;
    let code = world.code_for(&az("pub")).await;
    let codes = world.spy.codes();
    let host = Host {
        users: world.users.clone(),
        patients: world.patients.clone(),
        consents: world.consents.clone(),
        clients: world.clients.clone(),
        grants: world.spy.clone(),
        keys: world.keys.clone(),
    };
    let broken = AuthorizationServer::builder(crate::world::config(), host)
        .with_pages(Arc::new(vestibule_pages::HtmlPages::new()))
        .with_clock(Arc::new(world.clock.clone()))
        .with_entropy(Arc::new(vestibule_testkit::BrokenEntropy))
        .build()
        .unwrap();
    Answer::from(broken.handle(tk("pub", &code).request()).await).is_error(503, "temporarily_unavailable");
    let mut other = browser.clone();
    other.door = Door::Direct(broken);
    other.authorize(&az("pub")).await.is_refusal(CB, "temporarily_unavailable");
    other.allow().await.is_page(503);
    assert_eq!(world.spy.codes(), codes);
    assert_eq!(world.redeem("pub", &code).await.status, 200);
    browser.allow().await.code();
}
