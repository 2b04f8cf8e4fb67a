//! How long a key set is used, and what becomes of it when the server changes its mind.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use vestibule_fetch::FetchOptions;

use crate::checks::{Verdict, ensure, holds};
use crate::engine::{Outcome, authenticate};
use crate::server::{Answer, Server, http, json, keys};
use crate::world::{Subject, World};
use Outcome::{Found, Refused, Unknown};

/// What one client sees over time: after so many seconds, an assertion with this key ends like this, and there have been so many
/// connections.
type Step = (u64, &'static str, Outcome, usize);

async fn story(
    world: Arc<World>,
    script: impl Fn(usize) -> Answer + Send + Sync + 'static,
    steps: &[Step],
) -> Verdict {
    let (server, url) = world.server(Server::new(script)).await;
    let (fetcher, mut at) = (world.fetcher(), 0);
    for (then, kid, expected, connections) in steps {
        sleep(Duration::from_secs(then - at)).await;
        at = *then;
        let outcome = authenticate(&world, &*fetcher, &url, kid).await;
        let seen = (outcome, server.connections());
        ensure(
            seen == (*expected, *connections),
            format!("after {at} s: {seen:?}, not {expected:?}, {connections}"),
        )?;
    }
    Ok(())
}

fn good(cache_control: &str) -> Answer {
    json(cache_control, keys(&["a"]))
}

fn status(status: &str) -> Answer {
    http(status, &["content-type: application/json"], "{}")
}

/// FETCH-005, SMART-CAUTH-064, SMART-CAUTH-065: as long as the server says, and not a second longer.
#[tokio::test(start_paused = true)]
async fn a_key_set_is_used_for_its_max_age() {
    let steps = [
        (0, "a", Found, 1),
        (59, "a", Found, 1),
        (60, "a", Found, 2),
        (119, "a", Found, 2),
        (120, "a", Found, 3),
    ];
    holds(async |world| story(world, |_| good("max-age=60"), &steps).await).await;
}

/// FETCH-005: an hour at most; what it aged elsewhere counts.
#[tokio::test(start_paused = true)]
async fn no_key_set_is_used_for_more_than_an_hour() {
    let steps = [(0, "a", Found, 1), (3_599, "a", Found, 1), (3_600, "a", Found, 2)];
    holds(async |world| story(world, |_| good("max-age=604800, stale-if-error=604800"), &steps).await).await;
    let aged: [&'static str; 3] =
        ["content-type: application/json", "cache-control: max-age=600", "age: 590"];
    let steps = [(0, "a", Found, 1), (9, "a", Found, 1), (10, "a", Found, 2)];
    holds(async |world| story(world, move |_| http("200 OK", &aged, keys(&["a"])), &steps).await).await;
}

/// FETCH-005, SMART-CAUTH-067, as decided: no `max-age`, or `no-store`, is one use.
#[tokio::test(start_paused = true)]
async fn what_may_not_be_kept_is_used_once() {
    for cache_control in
        ["no-store", "no-store, max-age=60", "public", "no-cache", "max-age=0", "max-age=oops"]
    {
        let steps = [(0, "a", Found, 1), (0, "a", Found, 2), (1, "b", Unknown, 3), (1, "b", Unknown, 4)];
        holds(async |world| story(world, |_| good(cache_control), &steps).await).await;
    }
}

/// FETCH-005, as decided: a failure is not remembered, and a server that flaps is believed whenever it is up.
#[tokio::test(start_paused = true)]
async fn a_failure_is_not_remembered() {
    let flapping = |nth| if nth % 2 == 0 { status("500 Internal Server Error") } else { good("no-store") };
    let steps = [
        (0, "a", Refused, 1),
        (0, "a", Found, 2),
        (0, "a", Refused, 3),
        (0, "a", Found, 4),
        (1, "a", Refused, 5),
    ];
    holds(async |world| story(world, flapping, &steps).await).await;
}

/// FETCH-005: an old key set stands in while the server is down, if it came with the permission, and until that ends.
#[tokio::test(start_paused = true)]
async fn an_old_key_set_stands_in_if_it_may() {
    let outages = [
        status("500 Internal Server Error"),
        status("502 Bad Gateway"),
        status("503 Service Unavailable"),
        status("504 Gateway Timeout"),
        Answer::Cut(Vec::new()),
        Answer::Cut(b"HTTP/1.1 200 OK\r\n".to_vec()),
    ];
    for outage in outages {
        let down = |answer: &'static str| {
            let outage = outage.clone();
            move |nth| if nth == 0 { good(answer) } else { outage.clone() }
        };
        let steps = [
            (0, "a", Found, 1),
            (10, "a", Found, 2),
            (11, "b", Unknown, 3),
            (609, "a", Found, 4),
            (610, "a", Refused, 5),
        ];
        holds(async |world| story(world, down("max-age=10, stale-if-error=600"), &steps).await).await;
        let steps = [(0, "a", Found, 1), (9, "a", Found, 1), (10, "a", Refused, 2)];
        for answer in [
            "max-age=10",
            "max-age=10, stale-if-error=600, must-revalidate",
            "max-age=10, stale-while-revalidate=600",
        ] {
            holds(async |world| story(world, down(answer), &steps).await).await;
        }
        let steps = [(0, "a", Found, 1), (3_599, "a", Found, 2), (3_600, "a", Refused, 3)];
        holds(async |world| story(world, down("max-age=10, stale-if-error=604800"), &steps).await).await;
    }
}

/// FETCH-005: a server that answers, but with something else, has taken its key set back.
#[tokio::test(start_paused = true)]
async fn a_key_set_that_was_taken_back_is_not_used() {
    let html = http("200 OK", &["content-type: text/html"], "\"kid\":\"a\"");
    let led = http("302 Found", &["location: https://elsewhere.example/"], "");
    for answer in [status("404 Not Found"), status("410 Gone"), status("403 Forbidden"), html, led] {
        let script =
            move |nth| if nth == 0 { good("max-age=10, stale-if-error=600") } else { answer.clone() };
        let steps = [(0, "a", Found, 1), (10, "a", Refused, 2)];
        holds(async |world| story(world, script.clone(), &steps).await).await;
    }
}

/// A-JWKS-12, JWTCA-013: a new key is found after one more fetch; the old one ends with the set it was in.
#[tokio::test(start_paused = true)]
async fn keys_are_rotated() {
    let script = |nth| match nth {
        0 => json("max-age=3600", keys(&["old"])),
        1 => json("max-age=3600", keys(&["old", "new"])),
        _ => json("max-age=3600", keys(&["new"])),
    };
    let steps = [
        (0, "old", Found, 1),
        // Published five seconds after the first fetch, and used at once.
        (5, "new", Found, 2),
        (5, "old", Found, 2),
        (6, "newer", Unknown, 2),
        (34, "newer", Unknown, 2),
        (35, "newer", Unknown, 3),
        (35, "old", Unknown, 3),
        (64, "old", Unknown, 3),
        (65, "old", Unknown, 4),
        (66, "new", Found, 4),
    ];
    holds(async |world| story(world, script, &steps).await).await;
}

/// JWTCA-013: a fetch for an unknown key that fails takes nothing away from the known ones, and cools down all the same.
#[tokio::test(start_paused = true)]
async fn good_keys_survive_unknown_ones() {
    for failure in [status("500 Internal Server Error"), status("404 Not Found"), Answer::Cut(Vec::new())] {
        let script = move |nth| if nth == 0 { good("max-age=3600") } else { failure.clone() };
        let steps = [
            (0, "a", Found, 1),
            (1, "x", Unknown, 2),
            (2, "a", Found, 2),
            (3, "x", Unknown, 2),
            (31, "x", Unknown, 3),
            (31, "a", Found, 3),
        ];
        holds(async |world| story(world, script.clone(), &steps).await).await;
    }
}

/// The first look at a set that comes fresh from the network is the only one, also for an unknown key.
#[tokio::test(start_paused = true)]
async fn a_cold_unknown_key_costs_one_fetch() {
    let steps = [(0, "x", Unknown, 1), (0, "x", Unknown, 2), (0, "x", Unknown, 2), (0, "a", Found, 2)];
    holds(async |world| story(world, |_| good("max-age=60"), &steps).await).await;
}

/// FETCH-005: the newest word of a server holds, also where it was asked for an unknown key.
#[tokio::test(start_paused = true)]
async fn what_is_no_longer_to_be_kept_is_not_kept() {
    let script = |nth| if nth == 0 { good("max-age=3600") } else { json("no-store", keys(&["b"])) };
    let steps = [(0, "a", Found, 1), (1, "b", Found, 2), (1, "a", Unknown, 3), (2, "b", Found, 4)];
    holds(async |world| story(world, script, &steps).await).await;
}

/// A newer set that is cached by now is used without asking.
#[tokio::test(start_paused = true)]
async fn a_newer_set_is_used_without_asking() {
    let world = World::in_memory(Subject::Guarded);
    let script = |nth| json("max-age=3600", if nth == 0 { keys(&["a"]) } else { keys(&["b"]) });
    let (server, url) = world.server(Server::new(script)).await;
    let fetcher = world.fetcher();
    fetcher.key_set(&url, world.now(), None).await.unwrap();
    let early = fetcher.key_set(&url, world.now(), None).await.unwrap();
    assert!(early.is_cached());
    assert_eq!(authenticate(&world, &*fetcher, &url, "b").await, Found);
    let newer = fetcher.key_set(&url, world.now(), Some(&early)).await.unwrap();
    assert_eq!((newer.document().as_ref(), server.connections()), (keys(&["b"]).as_bytes(), 2));
}

/// The cache is bounded; who is displaced is fetched again.
#[tokio::test(start_paused = true)]
async fn the_cache_is_bounded() {
    let world = World::in_memory(Subject::Guarded);
    let fetcher = world.fetcher_with(FetchOptions::default().with_cache(2, 100_000));
    let (server, url) = world.server(Server::always(good("max-age=3600"))).await;
    let ask = async |path: &str| {
        let outcome = authenticate(&world, &*fetcher, &format!("{url}{path}"), "a").await;
        (outcome, server.connections())
    };
    for (path, connections) in
        [("/1", 1), ("/2", 2), ("/1", 2), ("/3", 3), ("/2", 3), ("/1", 4), ("/3", 4), ("/2", 5)]
    {
        assert_eq!(ask(path).await, (Found, connections), "{path}");
    }
}
