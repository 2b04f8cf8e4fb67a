//! T6: a refresh whose connection is cut at every kind of byte, and the client that comes again.
//!
//! | cut | then |
//! |---|---|
//! | before the request is whole | nothing happened: the token is as good as before |
//! | behind the request | whether it happened nobody knows: the client comes again in time, and goes on |
//! | anywhere in the answer | it happened: in time the same successor comes again; too late, or once the successor was used, it is a theft |
//!
//! In time is 60 s, 600 s where the client signs, and never where it is registered to be strict (design §8).

use std::sync::Arc;

use http::Method;
use serde_json::Value;
use vestibule_http_tests::Adapter;
use vestibule_http_tests::app::{Tk, az, introspection, rf};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::browser::Answer;
use vestibule_http_tests::door::Door;
use vestibule_http_tests::proxy::{Cut, through};
use vestibule_http_tests::wire;
use vestibule_http_tests::world::{World, config};
use vestibule_testkit::mutants::{Mistake, MutantGrants};

/// What is wrong, in words.
type Wrong = String;

/// SMART-REFRESH-017, SMART-REFRESH-018, RT-004, RT-005
#[tokio::test]
async fn t6_a_lost_answer_at_every_byte_class() {
    let mut cases = 0;
    for adapter in [Adapter::Tower, Adapter::Actix] {
        for (app, window) in [("pub", 60), ("jwt", 600), ("narrow", 0)] {
            let world = World::behind(adapter, config());
            world.clients.change("narrow", |client| {
                client.strict_refresh = true;
                client.scopes = vestibule_http_tests::world::scopes(
                    "launch/patient patient/Observation.rs offline_access",
                );
            });
            cases += matrix(&world, app, window).await.unwrap_or_else(|wrong| panic!("{adapter:?}: {wrong}"));
        }
    }
    println!("{cases} cases");
    assert!(cases >= 200, "{cases}");
}

/// The reason to believe the above: a store that forgets the predecessor, and one that forks the chain.
#[tokio::test]
async fn t6_strict_and_forking_stores_are_noticed() {
    for (mistake, words) in [
        (Mistake::ForgottenPredecessor, "is not told again"),
        (Mistake::ForkedChain, "another successor"),
        (Mistake::EndlessWindow, "told again"),
        (Mistake::ReuseWithoutRevocation, "lives on"),
    ] {
        let world = World::over_store(Adapter::Tower, config(), Arc::new(MutantGrants::new(mistake)));
        let wrong = cut_answers(&world, "pub", 60).await.expect_err("a mistake");
        assert!(wrong.contains(words), "{mistake:?}: {wrong}");
    }
}

/// A place in a request or an answer.
#[derive(Clone, Copy, Debug)]
enum At {
    Nothing,
    FirstLine,
    Headers,
    LastHeader,
    Body,
    AllButOne,
}

const PLACES: [At; 6] = [At::Nothing, At::FirstLine, At::Headers, At::LastHeader, At::Body, At::AllButOne];

impl At {
    fn byte(self, message: &[u8]) -> usize {
        let line = message.windows(2).position(|two| two == b"\r\n").unwrap();
        let head = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        match self {
            Self::Nothing => 0,
            Self::FirstLine => line / 2,
            Self::Headers => usize::midpoint(line, head),
            Self::LastHeader => head,
            Self::Body => usize::midpoint(head, message.len()),
            Self::AllButOne => message.len() - 1,
        }
    }
}

async fn matrix(world: &World, app: &str, window: u64) -> Result<usize, Wrong> {
    let mut cases = 0;
    for at in PLACES {
        for later in [0, 5, window + 1] {
            cut_request(world, app, at, later).await?;
            cases += 1;
        }
    }
    for later in [0, 5, window.saturating_sub(1)] {
        if later < window {
            unheard(world, app, later).await?;
            cases += 1;
        }
    }
    Ok(cases + cut_answers(world, app, window).await?)
}

async fn cut_answers(world: &World, app: &str, window: u64) -> Result<usize, Wrong> {
    let mut cases = 0;
    for at in PLACES {
        for later in [0, 5, window.saturating_sub(1), window, window + 1] {
            for used in [false, true] {
                cut_answer(world, app, window, (at, later, used)).await?;
                cases += 1;
            }
        }
    }
    Ok(cases)
}

fn address(world: &World) -> std::net::SocketAddr {
    match &world.door {
        Door::Socket(socket) => socket.address(),
        Door::Direct(_) => panic!("a door with a socket"),
    }
}

async fn launch(world: &World, app: &str) -> Value {
    let request = az(app).scope("launch/patient patient/Observation.rs offline_access");
    let code = world.code_for(&request).await;
    let redeem = vestibule_http_tests::app::tk(app, &code);
    let answer = signed(world, app, redeem).send(world).await;
    assert_eq!(answer.status, 200, "{}", answer.brief());
    answer.json()
}

fn signed(world: &World, app: &str, request: Tk) -> Tk {
    if app == "jwt" { request.with_assertion(&assertion(world, app).text()) } else { request }
}

/// A new request each time: an assertion is used once.
fn refresh(world: &World, app: &str, token: &str) -> Tk {
    signed(world, app, rf(app, token))
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("{name} in {tokens}")).to_owned()
}

async fn cut_request(world: &World, app: &str, at: At, later: u64) -> Result<(), Wrong> {
    let first = launch(world, app).await;
    let token = text(&first, "refresh_token");
    let request = wire::written(&refresh(world, app, &token).request());
    let passed = through(address(world), Cut::Request(at.byte(&request)), &request).await;
    let case = format!("{app}, the request cut at {at:?}, again after {later} s");
    if !passed.to_client.is_empty() {
        return Err(format!("{case}: an answer to half a request"));
    }
    world.advance(later);
    let again = refresh(world, app, &token).send(world).await;
    expect(&again, 200, &case)?;
    goes_on(world, app, &again, &case).await
}

/// The connection is gone before there is an answer. It may have happened or not, and may still happen.
async fn unheard(world: &World, app: &str, later: u64) -> Result<(), Wrong> {
    let first = launch(world, app).await;
    let token = text(&first, "refresh_token");
    let request = wire::written(&refresh(world, app, &token).request());
    let _ = through(address(world), Cut::Unheard, &request).await;
    world.advance(later);
    let case = format!("{app}, nobody waits for the answer, again after {later} s");
    let again = refresh(world, app, &token).send(world).await;
    expect(&again, 200, &case)?;
    goes_on(world, app, &again, &case).await
}

async fn cut_answer(
    world: &World,
    app: &str,
    window: u64,
    (at, later, used): (At, u64, bool),
) -> Result<(), Wrong> {
    let first = launch(world, app).await;
    let token = text(&first, "refresh_token");
    let request = wire::written(&refresh(world, app, &token).request());
    // How long the answer will be is known from one before: its parts are of fixed length.
    let before = through(address(world), Cut::Nowhere, &request).await.answer;
    let known: Answer = wire::read(&Method::POST, &before).into();
    expect(&known, 200, app)?;
    world.advance(6);
    let token = text(&known.json(), "refresh_token");
    let request = wire::written(&refresh(world, app, &token).request());
    let cut = at.byte(&before);
    let passed = through(address(world), Cut::Answer(cut), &request).await;
    let case = format!("{app}, the answer cut at {at:?}, again after {later} s, successor used: {used}");
    if passed.to_client != passed.answer[..cut] {
        return Err(format!("{case}: the proxy is wrong"));
    }
    let lost: Answer = wire::read(&Method::POST, &passed.answer).into();
    expect(&lost, 200, &case)?;
    let successor = text(&lost.json(), "refresh_token");
    if used {
        // By whoever got the answer, thief or proxy.
        let theirs = refresh(world, app, &successor).send(world).await;
        expect(&theirs, 200, &case)?;
    }
    world.advance(later);
    let again = refresh(world, app, &token).send(world).await;
    if used || later >= window {
        if again.status == 200 {
            return Err(format!("{case}: told again"));
        }
        expect(&again, 400, &case)?;
        let dead = refresh(world, app, &successor).send(world).await;
        if dead.status == 200 {
            return Err(format!("{case}: the chain lives on"));
        }
        let access = text(&lost.json(), "access_token");
        let live = introspection("rs1", &access).send(world).await;
        return if live.json() == serde_json::json!({ "active": false }) {
            Ok(())
        } else {
            Err(format!("{case}: the token lives on: {}", live.body))
        };
    }
    if again.status != 200 {
        return Err(format!("{case}: a lost answer is not told again: {}", again.brief()));
    }
    if text(&again.json(), "refresh_token") != successor {
        return Err(format!("{case}: another successor: two chains"));
    }
    goes_on(world, app, &again, &case).await
}

/// One chain, which goes on, and for the same patient.
async fn goes_on(world: &World, app: &str, answer: &Answer, case: &str) -> Result<(), Wrong> {
    let tokens = answer.json();
    let next = refresh(world, app, &text(&tokens, "refresh_token")).send(world).await;
    expect(&next, 200, case)?;
    if next.json()["patient"] != tokens["patient"] {
        return Err(format!("{case}: another patient"));
    }
    Ok(())
}

fn expect(answer: &Answer, status: u16, case: &str) -> Result<(), Wrong> {
    if answer.status == status {
        return Ok(());
    }
    Err(format!("{case}: {} instead of {status}: {}", answer.status, answer.brief()))
}
