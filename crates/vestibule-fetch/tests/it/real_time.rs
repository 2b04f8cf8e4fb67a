//! The same over real sockets and in real time: a few seconds each, or minutes with `VESTIBULE_LONG_RUN` set.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::answers::hostile;
use crate::checks::{holds_on_loopback, is_refused};
use crate::server::{Answer, Server, json, keys};
use crate::sharing::flood;
use crate::world::{Subject, World, is_long_run};

/// A-JWKS-05, A-JWKS-06, A-JWKS-14, FETCH-004, FETCH-006: those that take their time at the same time, the others one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_answers_are_refused_on_loopback() {
    let loopback = || Arc::new(World::on_loopback(Subject::Guarded));
    let mut slow = JoinSet::new();
    for (name, answer, limit) in hostile(64 << 20) {
        if limit > Duration::from_secs(1) {
            slow.spawn(async move { (name, is_refused(loopback(), answer, limit).await) });
        } else {
            assert_eq!(is_refused(loopback(), answer, limit).await, Ok(()), "{name}");
        }
    }
    while let Some(checked) = slow.join_next().await {
        let (name, verdict) = checked.unwrap();
        assert_eq!(verdict, Ok(()), "{name}");
    }
}

/// Negative control: over sockets, too, a naive fetcher is found out, by each check that does not wait for ever.
#[tokio::test]
async fn a_naive_fetcher_is_found_out_on_loopback() {
    for (name, answer, limit) in hostile(2 << 20) {
        if limit < Duration::from_secs(1) {
            println!("{name}");
            holds_on_loopback(async |world| is_refused(world, answer.clone(), limit).await).await;
        }
    }
}

/// JWTCA-013, FETCH-006: in the long run five minutes of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_unknown_keys_costs_little_on_loopback() {
    let length = Duration::from_secs(if is_long_run() { 300 } else { 3 });
    flood(Arc::new(World::on_loopback(Subject::Guarded)), length, 1_000).await.unwrap();
}

/// FETCH-006: one server answers, one hangs, one drips, one sends rubbish, each with clients that never stop asking; only the one
/// that answers is served, and its clients hardly wait. In the long run for two minutes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_clients_are_served_among_hostile_ones() {
    let world = Arc::new(World::on_loopback(Subject::Guarded));
    let fetcher = world.fetcher();
    let answers = hostile(4 << 20);
    let mut asking = JoinSet::new();
    for (_, answer, _) in answers.into_iter().filter(|(name, ..)| *name != "ten minutes later") {
        let (_, url) = world.server(Server::always(answer)).await;
        let (world, fetcher) = (Arc::clone(&world), Arc::clone(&fetcher));
        asking.spawn(async move {
            loop {
                crate::engine::authenticate(&world, &*fetcher, &url, "a").await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    let slow = Answer::After(Duration::from_millis(20), Box::new(json("max-age=1", keys(&["a"]))));
    let (_, url) = world.server(Server::always(slow)).await;
    let rounds = if is_long_run() { 6_000 } else { 150 };
    let mut waits = Vec::new();
    for _ in 0..rounds {
        let asked = tokio::time::Instant::now();
        let outcome = crate::engine::authenticate(&world, &*fetcher, &url, "a").await;
        assert_eq!(outcome, crate::engine::Outcome::Found);
        waits.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    asking.abort_all();
    waits.sort();
    let (middle, worst) = (waits[waits.len() / 2], waits[waits.len() * 99 / 100]);
    println!("honest callers waited {middle:?} in the middle, {worst:?} at worst");
    assert!(worst < Duration::from_secs(1), "{worst:?}");
}
