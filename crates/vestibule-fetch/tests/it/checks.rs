//! What a check is, and what keeps it honest: it holds for the fetcher that is shipped and fails for the naive one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::engine::{Outcome, authenticate};
use crate::server::{Answer, Server, json, keys};
use crate::world::{Subject, World};

/// `Err` says what was seen that must not be.
pub(crate) type Verdict = Result<(), String>;

pub(crate) fn ensure(holds: bool, otherwise: impl Into<String>) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

/// In memory: the check holds, and it would not for a fetcher that trusts what it is told.
pub(crate) async fn holds(check: impl AsyncFn(Arc<World>) -> Verdict) {
    let shipped = check(Arc::new(World::in_memory(Subject::Guarded))).await;
    assert_eq!(shipped, Ok(()));
    let naive = check(Arc::new(World::in_memory(Subject::Naive))).await;
    assert!(naive.is_err(), "the check holds for a fetcher that trusts everything: it shows nothing");
}

/// The same over real sockets.
pub(crate) async fn holds_on_loopback(check: impl AsyncFn(Arc<World>) -> Verdict) {
    let shipped = check(Arc::new(World::on_loopback(Subject::Guarded))).await;
    assert_eq!(shipped, Ok(()));
    let naive = check(Arc::new(World::on_loopback(Subject::Naive))).await;
    assert!(naive.is_err(), "the check holds for a fetcher that trusts everything: it shows nothing");
}

/// A client whose server answers like this is refused within `limit`, after one connection that carried no more than a key set
/// may have; and a client of another server is served meanwhile, and this client as soon as its server is mended.
pub(crate) async fn is_refused(world: Arc<World>, answer: Answer, limit: Duration) -> Verdict {
    let noise = if world.is_real() { Duration::from_secs(2) } else { Duration::ZERO };
    let good = json("no-store", keys(&["a"]));
    let mended = good.clone();
    let script = move |nth| if nth == 0 { answer.clone() } else { mended.clone() };
    let (hostile, hostile_url) = world.server(Server::new(script)).await;
    let (_, other_url) = world.server(Server::always(good)).await;
    let fetcher = world.fetcher();

    let start = Instant::now();
    let waiting = async {
        let outcome = authenticate(&world, &*fetcher, &hostile_url, "a").await;
        (outcome, start.elapsed())
    };
    let meanwhile = async {
        let outcome = authenticate(&world, &*fetcher, &other_url, "a").await;
        (outcome, start.elapsed())
    };
    let both = async { tokio::join!(waiting, meanwhile) };
    let Ok(((outcome, took), (other, other_took))) = timeout(limit * 4, both).await else {
        return Err("it never ends".to_owned());
    };
    ensure(outcome == Outcome::Refused, format!("{outcome:?}"))?;
    ensure(took <= limit + noise, format!("refused after {took:?}"))?;
    ensure(hostile.connections() == 1, format!("{} connections", hostile.connections()))?;
    let most = if world.is_real() { 16 << 20 } else { 512 << 10 };
    ensure(hostile.sent() <= most, format!("{} bytes were taken", hostile.sent()))?;
    ensure(other == Outcome::Found, format!("another client: {other:?}"))?;
    ensure(other_took <= noise, format!("another client waited {other_took:?}"))?;

    let outcome = authenticate(&world, &*fetcher, &hostile_url, "a").await;
    ensure(outcome == Outcome::Found, format!("when it was mended: {outcome:?}"))
}
