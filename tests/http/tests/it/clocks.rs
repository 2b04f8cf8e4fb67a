//! T9: clocks that jump between any two steps, nodes whose clocks differ, and moments at which clocks have broken others.
//!
//! What must hold whatever the clock does: nothing is spent twice, nothing that was revoked lives again, order comes from
//! generations, and a refusal says what is true. What was issued has no leeway (design §9).

use std::sync::Arc;

use serde_json::Value;
use vestibule_host::{Clock as _, UnixMillis};
use vestibule_http_tests::Adapter;
use vestibule_http_tests::app::{Az, az, cc, introspection, rf, tk};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{P1, World, config};
use vestibule_testkit::mutants::{Mistake, MutantGrants};
use vestibule_testkit::{FakeClock, SeededEntropy};

const JUMPS: [i64; 10] = [-86_400, -3_600, -60, -1, 0, 1, 55, 61, 3_600, 86_400];
/// Where a launch can be interrupted: before each of its requests.
const STEPS: usize = 8;

fn wide() -> Az {
    az("pub").scope("openid launch/patient patient/Observation.rs offline_access")
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("{name} in {tokens}")).to_owned()
}

async fn is_active(world: &World, token: &str) -> bool {
    introspection("rs1", token).send(world).await.json()["active"] == true
}

/// A launch whose clock jumps before one of its steps. Says which step was refused, if one was.
async fn jumping(world: &World, at: usize, jump: i64) -> Option<usize> {
    let mut step = 0;
    let mut tick = || {
        if step == at {
            world.clock.set(UnixMillis(world.clock.now().0 + jump * 1_000));
        }
        step += 1;
    };
    let refused = |answer: &Answer| {
        assert!(answer.status < 500, "step {at}, {jump} s: {}", answer.brief());
        answer.status == 400
    };
    let mut browser = Browser::of(world, "alice");
    tick(); // 0
    let answer = browser.authorize(&wide()).await;
    browser.path = answer.location().to_owned();
    tick(); // 1
    if refused(browser.reload().await) {
        return Some(1);
    }
    tick(); // 2
    if !browser.page.is_picker() || refused(browser.pick(P1).await) {
        return Some(2);
    }
    tick(); // 3
    if !browser.page.is_consent() || refused(browser.allow().await) {
        return Some(3);
    }
    let code = browser.page.code();
    tick(); // 4
    let answer = world.redeem("pub", &code).await;
    if refused(&answer) {
        // Too late is not spent: were it in time again, it would be good.
        return Some(4);
    }
    let first = answer.json();
    assert_eq!(first["patient"], P1);
    let seconds = first["expires_in"].as_i64().unwrap();
    assert!((1..=300).contains(&seconds), "{seconds}");
    tick(); // 5
    let answer = rf("pub", &text(&first, "refresh_token")).send(world).await;
    if refused(&answer) {
        return Some(5);
    }
    let second = answer.json();
    tick(); // 6
    // Its answer was lost. A clock that went back closes no window, and one that went on does.
    let again = rf("pub", &text(&first, "refresh_token")).send(world).await;
    if refused(&again) {
        assert!(!is_active(world, &text(&second, "access_token")).await, "the grant is dead");
        return Some(6);
    }
    assert_eq!(text(&again.json(), "refresh_token"), text(&second, "refresh_token"), "one successor");
    let third = rf("pub", &text(&second, "refresh_token")).send(world).await.json();
    tick(); // 7
    // Two generations old: theft, whatever any clock says.
    let theft = rf("pub", &text(&first, "refresh_token")).send(world).await;
    theft.is_error(400, "invalid_grant");
    rf("pub", &text(&third, "refresh_token")).send(world).await.is_error(400, "invalid_grant");
    assert!(!is_active(world, &text(&third, "access_token")).await);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    // And it stays dead when the clock is put right.
    world.clock.set(UnixMillis(world.clock.now().0 - jump * 1_000));
    assert!(!is_active(world, &text(&third, "access_token")).await, "what was revoked lives again");
    assert!(!is_active(world, &text(&first, "access_token")).await, "what was revoked lives again");
    None
}

/// T9: a jump before each step, of a second to a day, forwards and back. A-KEY-08, RT-013
#[tokio::test]
async fn t9_a_clock_that_jumps_during_a_launch() {
    for at in 0..STEPS {
        for jump in JUMPS {
            let world = World::new();
            let refused = jumping(&world, at, jump).await;
            // Interactions last ten minutes, codes one, and a lost answer is told again for one.
            let expected = match at {
                1..=3 if jump >= 600 => Some(at),
                4 if jump >= 60 => Some(4),
                6 if jump >= 60 => Some(6),
                _ => None,
            };
            assert_eq!(refused, expected, "before step {at} the clock jumps by {jump} s");
        }
    }
}

/// The reason to believe the above: stores that forget when something ends.
#[tokio::test]
async fn t9_forgotten_ends_are_noticed() {
    for (mistake, at) in [(Mistake::ForgottenExpiry, 4), (Mistake::EndlessWindow, 6)] {
        let world = World::over_store(Adapter::Direct, config(), Arc::new(MutantGrants::new(mistake)));
        assert_eq!(jumping(&world, at, 61).await, None, "{mistake:?}");
    }
}

/// A second node over the same store, whose clock differs.
fn node(world: &World, ahead: i64, seed: u64) -> World {
    let clock = FakeClock::new(UnixMillis(world.clock.now().0 + ahead * 1_000));
    let mut node = world.rebuilt(|server| {
        server.with_clock(Arc::new(clock.clone())).with_entropy(Arc::new(SeededEntropy::new(seed)))
    });
    node.clock = clock;
    node
}

/// T9: two nodes whose clocks are 55 s and 65 s apart, in both directions. A-KEY-08
#[tokio::test]
async fn t9_nodes_whose_clocks_differ() {
    for ahead in [-65, -55, 55, 65] {
        let world = World::new();
        let other = node(&world, ahead, 40);
        let case = format!("the other node is {ahead} s ahead");

        // Begun here, gone on with there.
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&wide()).await;
        browser.door = other.door.clone();
        assert!(browser.pick(P1).await.is_consent(), "{case}");
        browser.door = world.door.clone();
        let code = browser.allow().await.code();
        // A code has no leeway: there it may be over, and is not spent by that.
        let there = other.redeem("pub", &code).await;
        let tokens = if ahead >= 60 {
            there.is_error(400, "invalid_grant");
            world.redeem("pub", &code).await
        } else {
            there
        };
        assert_eq!(tokens.status, 200, "{case}: {}", tokens.brief());
        let first = tokens.json();
        // A second redemption kills, wherever.
        let (one, two) = (text(&first, "access_token"), text(&first, "refresh_token"));
        assert!(is_active(&world, &one).await && is_active(&other, &one).await, "{case}");

        // Rotated here, asked for again there.
        let second = rf("pub", &two).send(&world).await.json();
        let again = rf("pub", &two).send(&other).await;
        if ahead >= 60 {
            // For that node the window is over: it errs towards theft, and says so at once.
            again.is_error(400, "invalid_grant");
            assert!(!is_active(&world, &text(&second, "access_token")).await, "{case}");
            continue;
        }
        assert_eq!(text(&again.json(), "refresh_token"), text(&second, "refresh_token"), "{case}");
        // Revoked there, dead here.
        let grant = rf("pub", &text(&second, "refresh_token")).send(&other).await.json();
        world.redeem("pub", &code).await.is_error(400, "invalid_grant");
        for token in [text(&grant, "access_token"), text(&second, "access_token")] {
            assert!(!is_active(&world, &token).await && !is_active(&other, &token).await, "{case}");
        }
    }
}

/// T9: a token ends when the node that is asked says so, to the second, and an assertion is spent on all of them.
#[tokio::test]
async fn t9_ends_and_assertions_on_two_nodes() {
    for ahead in [-55, 55] {
        let world = World::new();
        let other = node(&world, ahead, 41);
        let tokens = world.tokens_for("pub", &wide()).await;
        let token = text(&tokens, "access_token");
        let left = 300 - ahead;
        for (node, clock, left) in [(&world, &world.clock, 300), (&other, &other.clock, left)] {
            let before = clock.now();
            clock.set(UnixMillis(before.0 + left * 1_000 - 1));
            assert!(is_active(node, &token).await, "{ahead}: {left}");
            clock.set(UnixMillis(before.0 + left * 1_000));
            assert!(!is_active(node, &token).await, "{ahead}: {left}");
            clock.set(before);
        }
        // A client whose clock is within the leeway is served, by both nodes, and once.
        let signed = assertion(&world, "svc").text();
        assert_eq!(cc(&signed).send(&other).await.status, 200, "{ahead}");
        cc(&signed).send(&world).await.is_error(401, "invalid_client");
        cc(&signed).send(&other).await.is_error(401, "invalid_client");
    }
}

/// T9: moments that have broken clocks: changes of summer time, leap seconds, the ends of 32 bits.
#[tokio::test]
async fn t9_moments_that_break_clocks() {
    for (name, second) in [
        ("summer time begins in Europe", 1_774_746_000),
        ("summer time ends in Europe", 1_792_890_000),
        ("a leap second", 1_483_228_800),
        ("the end of February in a leap year", 1_835_395_200),
        ("the end of 31 bits", 2_147_483_648),
        ("the end of 32 bits", 4_294_967_296),
        ("the year 2100", 4_102_444_800),
    ] {
        for before in [2, 1, 0] {
            let world = World::new();
            world.clock.set(UnixMillis::from_seconds(second - before));
            let code = world.code_for(&wide()).await;
            // Over the edge, on the way to the token.
            world.advance(2);
            let now = second - before + 2;
            let tokens = tk("pub", &code).send(&world).await;
            assert_eq!(tokens.status, 200, "{name}: {}", tokens.brief());
            let tokens = tokens.json();
            let claims = world.access_claims(&tokens).await;
            assert_eq!(
                (claims["iat"].as_i64(), claims["exp"].as_i64()),
                (Some(now), Some(now + 300)),
                "{name}"
            );
            assert!(is_active(&world, &text(&tokens, "access_token")).await, "{name}");
            world.advance(299);
            assert!(is_active(&world, &text(&tokens, "access_token")).await, "{name}");
            world.advance(1);
            assert!(!is_active(&world, &text(&tokens, "access_token")).await, "{name}");
            let next = rf("pub", &text(&tokens, "refresh_token")).send(&world).await;
            assert_eq!(next.status, 200, "{name}: {}", next.brief());
            let page = Browser::of(&world, "alice").get("/auth/manage").await;
            assert_eq!(page.status, 200, "{name}");
        }
    }
}
