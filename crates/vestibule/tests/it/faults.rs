//! Every part of the host fails at every step: nothing is lost, nothing is granted twice, and the same request works later.

use std::task::Poll;

use bytes::Bytes;
use http::{Method, Request};
use vestibule_host::{GrantId, Issuance, Redemption, Revision, StoredInteraction};
use vestibule_http_tests::Door;
use vestibule_testkit::Injected;

use crate::app::{CB, az, az_ehr, tk};
use crate::browser::{Answer, Browser, form};
use crate::world::{E1, P1, World, open_visit, poll_some};

/// A launch, cut into its requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Authorize,
    Open,
    Pick,
    Consent,
    Token,
}

const STANDALONE: [Step; 5] = [Step::Authorize, Step::Open, Step::Pick, Step::Consent, Step::Token];
const EHR: [Step; 4] = [Step::Authorize, Step::Open, Step::Consent, Step::Token];

/// A launch that stands before one of its requests.
struct Run {
    world: World,
    browser: Browser,
    request: crate::app::Az,
    client: &'static str,
    code: String,
}

impl Run {
    async fn new(client: &'static str, ehr: bool) -> Self {
        let world = World::new();
        let user = if ehr { "dr" } else { "alice" };
        let mut browser = Browser::of(&world, user);
        // A browser that has been here before.
        browser.authorize(&az("pub")).await;
        let path = browser.urls.last().unwrap().clone();
        browser.get(&path).await;
        world.count_rows_and_purge().await;
        let request = if ehr {
            let handle = world.launch_for("dr", client, open_visit(P1, E1)).await;
            az_ehr(client, &handle).scope("launch openid fhirUser patient/Observation.rs")
        } else {
            az(client).scope("openid fhirUser launch/patient patient/Observation.rs")
        };
        Self { world, browser, request, client, code: String::new() }
    }

    /// Just before `step`.
    async fn before(client: &'static str, ehr: bool, step: Step) -> Self {
        let mut run = Self::new(client, ehr).await;
        let steps: &[Step] = if ehr { &EHR } else { &STANDALONE };
        for earlier in steps.iter().take_while(|earlier| **earlier != step) {
            let answer = run.send(*earlier).await;
            run.took(*earlier, &answer).await;
        }
        run.world.script.restart();
        run.world.grants.restart();
        run
    }

    fn http(&self, step: Step) -> Request<Bytes> {
        let answered = |fields: &[(&str, &str)]| {
            let token = self.browser.page.step();
            let mut all = vec![("step", token.as_str())];
            all.extend_from_slice(fields);
            self.browser.request(Method::POST, &self.browser.path, &form(&all))
        };
        match step {
            Step::Authorize => {
                self.browser.request(Method::GET, &format!("/auth/authorize?{}", self.request.query()), "")
            }
            Step::Open => self.browser.request(Method::GET, &self.browser.path, ""),
            Step::Pick => answered(&[("patient", P1), ("move", "choose")]),
            Step::Consent => {
                let ticked = self.browser.page.ticked();
                let mut fields: Vec<(&str, &str)> =
                    ticked.iter().map(|scope| ("scope", scope.as_str())).collect();
                fields.push(("decision", "allow"));
                answered(&fields)
            }
            Step::Token => tk(self.client, &self.code).request(),
        }
    }

    async fn send(&mut self, step: Step) -> Answer {
        let answer = Answer::from(Box::pin(self.world.server.handle(self.http(step))).await);
        self.browser.keep(&answer);
        answer
    }

    /// What a step that worked leads to.
    async fn took(&mut self, step: Step, answer: &Answer) {
        match step {
            Step::Authorize => {
                assert!(answer.location().starts_with("/auth/i/"), "{step:?}: {}", answer.brief());
                answer.location().clone_into(&mut self.browser.path);
            }
            Step::Open | Step::Pick => {
                let mut page = answer.clone();
                if page.location() == self.browser.path {
                    page = self.send(Step::Open).await;
                }
                assert_eq!(page.status, 200, "{step:?}: {}", page.brief());
                self.browser.page = page;
            }
            Step::Consent => self.code = answer.code(),
            Step::Token => {
                assert_eq!(answer.status, 200, "{answer:?}");
                assert_eq!(answer.json()["patient"], P1);
            }
        }
    }

    fn user(&self) -> &'static str {
        if self.browser.session.as_deref().unwrap().starts_with("dr") { "dr" } else { "alice" }
    }

    /// Goes on from `step`, and ends with exactly one grant.
    async fn ends_well(mut self, ehr: bool, step: Step, why: &str) {
        let steps: &[Step] = if ehr { &EHR } else { &STANDALONE };
        for later in steps.iter().skip_while(|later| **later != step) {
            let answer = self.send(*later).await;
            assert!(answer.status < 400, "{why}: {later:?}: {} {}", answer.status, answer.brief());
            self.took(*later, &answer).await;
        }
        assert_eq!(self.world.grants_of(self.user()).await, 1, "{why}");
    }
}

/// 503 in the form that belongs to the step.
#[track_caller]
fn is_unavailable(step: Step, answer: &Answer, why: &str) {
    match step {
        Step::Token => {
            answer.is_error(503, "temporarily_unavailable");
        }
        _ if answer.status == 303 => {
            let params = answer.params();
            assert_eq!(
                params.get("error").map(String::as_str),
                Some("temporarily_unavailable"),
                "{why}: {answer:?}"
            );
            return;
        }
        _ => {
            assert_eq!(answer.status, 503, "{why}: {answer:?}");
            answer.is_page(503);
        }
    }
    assert_eq!(answer.header("retry-after"), "5", "{why}");
}

/// A-FAULT-05, A-FAULT-11, A-FAULT-15, A-FAULT-16, A-KEY-07, A-AERR-17, GEN-013, GEN-017, STORE-002, KEY-007, CODE-012
#[tokio::test]
async fn each_call_that_fails_is_unavailable_and_spends_nothing() {
    for (client, ehr) in [("pub", false), ("pub", true), ("basic", false), ("memo", false)] {
        let ehr_or_not: &[Step] = if ehr { &EHR } else { &STANDALONE };
        for step in ehr_or_not {
            let mut clean = Run::before(client, ehr, *step).await;
            let answer = clean.send(*step).await;
            let calls = clean.world.script.calls();
            clean.took(*step, &answer).await;
            assert!(!calls.is_empty());
            for (at, call) in calls.iter().enumerate() {
                let why = format!("{client} {step:?}: {call} ({at})");
                let mut run = Run::before(client, ehr, *step).await;
                run.world.script.fail(at);
                let answer = run.send(*step).await;
                is_unavailable(*step, &answer, &why);
                assert!(!answer.body.contains("injected") && !answer.location().contains("injected"));
                run.world.script.restart();
                run.ends_well(ehr, *step, &why).await;
            }
        }
    }
}

/// A-FAULT-02, A-FAULT-15, GEN-017
#[tokio::test]
async fn the_store_fails_before_or_after_its_effect() {
    for how in [Injected::Before, Injected::Busy, Injected::Full, Injected::After] {
        for ehr in [false, true] {
            let steps: &[Step] = if ehr { &EHR } else { &STANDALONE };
            for step in steps {
                let mut clean = Run::before("pub", ehr, *step).await;
                clean.send(*step).await;
                for (at, call) in clean.world.grants.calls().iter().enumerate() {
                    let why = format!("{step:?}: {call} ({at}) {how:?}");
                    let mut run = Run::before("pub", ehr, *step).await;
                    run.world.grants.fail(at, how);
                    let answer = run.send(*step).await;
                    let reads = matches!(*call, "interaction" | "launch" | "grant");
                    if how == Injected::After && !reads {
                        // Asked again with the same attempt, the store tells what became of it.
                        run.took(*step, &answer).await;
                        run.world.grants.restart();
                        let steps: Vec<Step> =
                            steps.iter().copied().skip_while(|one| one != step).skip(1).collect();
                        for later in steps {
                            let answer = run.send(later).await;
                            run.took(later, &answer).await;
                        }
                        assert_eq!(run.world.grants_of(run.user()).await, 1, "{why}");
                    } else {
                        is_unavailable(*step, &answer, &why);
                        run.world.grants.restart();
                        run.ends_well(ehr, *step, &why).await;
                    }
                }
            }
        }
    }
}

/// A-FAULT-02, A-FAULT-03
#[tokio::test]
async fn a_redemption_whose_outcome_nobody_learns_leaves_no_live_token() {
    let mut run = Run::before("pub", false, Step::Token).await;
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
    let mut run = Run::before("pub", false, Step::Consent).await;
    let mut counted = Run::before("pub", false, Step::Consent).await;
    counted.send(Step::Consent).await;
    let at = counted.world.grants.calls().iter().position(|call| *call == "issue_code").unwrap();
    run.world.grants.fail(at, Injected::After);
    run.world.grants.fail(at + 1, Injected::After);
    let answer = run.send(Step::Consent).await;
    is_unavailable(Step::Consent, &answer, "issue");
    run.world.grants.restart();
    // The same form, within ten seconds: the code that was issued.
    run.ends_well(false, Step::Consent, "issue").await;
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
        let mut run = Run::before("pub", false, Step::Token).await;
        run.world.spy.say_of_redemption(outcome.clone());
        let answer = run.send(Step::Token).await;
        answer.is_error(400, "invalid_grant");
        run.ends_well(false, Step::Token, &format!("{outcome:?}")).await;
    }
    let stored = StoredInteraction {
        revision: Revision(9),
        record: vestibule_host::Record(Bytes::from_static(b"\x01{}")),
    };
    for outcome in [Issuance::Stale(stored), Issuance::Gone, Issuance::LaunchGone] {
        let mut run = Run::before("pub", false, Step::Consent).await;
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
        for ehr in [false, true] {
            let steps: &[Step] = if ehr { &EHR } else { &STANDALONE };
            for step in steps {
                for polls in 1..200 {
                    let why = format!("{step:?} dropped after {polls} polls, ehr {ehr}");
                    let mut run = Run::before("pub", ehr, *step).await;
                    run.world.script.suspend(true);
                    let request = run.http(*step);
                    let ended = poll_some(run.world.server.handle(request), polls).is_some();
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
                            run.ends_well(ehr, Step::Consent, &why).await;
                        }
                        // The tokens were lost on the way: the code is spent, and so nothing may live.
                        (Step::Token, 400) => {
                            answer.is_error(400, "invalid_grant");
                            assert_eq!(run.world.grants_of(run.user()).await, 0, "{why}");
                        }
                        _ => {
                            assert!(answer.status < 400, "{why}: {} {}", answer.status, answer.brief());
                            run.took(*step, &answer).await;
                            if let Some(next) = steps.iter().skip_while(|one| *one != step).nth(1) {
                                run.ends_well(ehr, *next, &why).await;
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
    let slow = Run::before("pub", false, Step::Token).await;
    slow.world.script.suspend(true);
    let mut waiting = Box::pin(slow.world.server.handle(slow.http(Step::Token)));
    for _ in 0..4 {
        let pending =
            std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await;
        assert!(pending);
    }
    slow.world.script.suspend(false);
    let request = az("basic").scope("launch/patient patient/Observation.rs");
    assert_eq!(slow.world.tokens_for("basic", &request).await["patient"], P1);
    assert_eq!(waiting.await.status(), 200);
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
