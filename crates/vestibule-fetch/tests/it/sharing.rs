//! One fetch for all who want the same, and nobody waits for somebody else's server.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, timeout};
use vestibule_fetch::{FetchOptions, GuardedFetcher, Resolve, SetupError};
use vestibule_host::{FetchError, FetchedKeySet, JwksFetcher, UnixMillis};

use crate::checks::{Verdict, ensure, holds, holds_on_loopback};
use crate::engine::{Outcome, authenticate, authenticating};
use crate::server::{Answer, Server, json, keys};
use crate::world::{Subject, World, authority, is_long_run};

/// A good answer that takes this long.
fn after(millis: u64, cache_control: &str) -> Answer {
    Answer::After(Duration::from_millis(millis), Box::new(json(cache_control, keys(&["a"]))))
}

/// A-JWKS-10, FETCH-006: whether it may be kept or not, those who wait at the same time share it.
#[tokio::test(start_paused = true)]
async fn two_hundred_cold_callers_cause_one_fetch() {
    for cache_control in ["max-age=60", "no-store"] {
        holds(async |world| stampede(world, cache_control).await).await;
    }
    holds_on_loopback(async |world| stampede(world, "no-store").await).await;
}

async fn stampede(world: Arc<World>, cache_control: &str) -> Verdict {
    let (server, url) = world.server(Server::always(after(100, cache_control))).await;
    let fetcher = world.fetcher();
    let callers: Vec<_> = (0..200).map(|_| authenticating(&world, &fetcher, &url, "a")).collect();
    for caller in callers {
        let outcome = caller.await.unwrap();
        ensure(outcome == Outcome::Found, format!("{outcome:?}"))?;
    }
    ensure(server.connections() == 1, format!("{} fetches", server.connections()))
}

/// FETCH-006: whoever started the fetch may go away; the others get what it brings, and so does the next one if all have gone.
#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_harms_nobody() {
    for stay in [20, 0] {
        holds(async |world| {
            let (server, url) = world.server(Server::always(after(1_000, "max-age=60"))).await;
            let fetcher = world.fetcher();
            let going: Vec<_> = (0..20).map(|_| authenticating(&world, &fetcher, &url, "a")).collect();
            sleep(Duration::from_millis(100)).await;
            let staying: Vec<_> = (0..stay).map(|_| authenticating(&world, &fetcher, &url, "a")).collect();
            sleep(Duration::from_millis(100)).await;
            for caller in going {
                caller.abort();
                ensure(caller.await.is_err(), "it had gone")?;
            }
            sleep(Duration::from_millis(100)).await;
            let start = Instant::now();
            let late = authenticate(&world, &*fetcher, &url, "a").await;
            ensure(late == Outcome::Found, format!("{late:?}"))?;
            ensure(start.elapsed() <= Duration::from_millis(700), "it waited for a fetch of its own")?;
            for caller in staying {
                let outcome = caller.await.unwrap();
                ensure(outcome == Outcome::Found, format!("{outcome:?}"))?;
            }
            ensure(server.connections() == 1, format!("{} fetches", server.connections()))
        })
        .await;
    }
}

/// JWTCA-013, FETCH-006: a thousand unknown key ids a second have the address asked every 30 seconds, and those whose key is known
/// wait for none of it.
#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_costs_little() {
    holds(async |world| flood(world, Duration::from_secs(60), 1_000).await).await;
}

pub(crate) async fn flood(world: Arc<World>, length: Duration, per_second: u32) -> Verdict {
    let (server, url) = world.server(Server::always(after(500, "max-age=3600"))).await;
    let fetcher = world.fetcher();
    let first = authenticate(&world, &*fetcher, &url, "a").await;
    ensure(first == Outcome::Found, format!("{first:?}"))?;

    let (start, most) = (Instant::now(), 2 + usize::try_from(length.as_secs() / 30).unwrap());
    let mut waits = Vec::new();
    for nth in 0..per_second * u32::try_from(length.as_secs()).unwrap() {
        tokio::time::sleep_until(start + Duration::from_secs(1) * nth / per_second).await;
        authenticating(&world, &fetcher, &url, &format!("unknown{nth}"));
        if nth % 100 == 50 {
            let asked = Instant::now();
            let outcome = authenticate(&world, &*fetcher, &url, "a").await;
            ensure(outcome == Outcome::Found, format!("an honest caller: {outcome:?}"))?;
            waits.push(asked.elapsed());
        }
        ensure(
            server.connections() <= most,
            format!("more than {most} fetches after {:?}", start.elapsed()),
        )?;
    }
    waits.sort();
    let (middle, worst) = (waits[waits.len() / 2], waits[waits.len() * 99 / 100]);
    println!(
        "{} fetches; honest callers waited {middle:?} in the middle, {worst:?} at worst",
        server.connections()
    );
    let bound = Duration::from_millis(if world.is_real() { 500 } else { 0 });
    ensure(worst <= bound, format!("honest callers waited {worst:?}"))?;
    ensure(server.connections() >= most - 1, "new keys are still found")
}

/// FETCH-006: a server that hangs, with many clients on it, takes nothing from the clients of another.
#[tokio::test(start_paused = true)]
async fn a_slow_server_delays_its_own_clients_only() {
    holds(async |world| {
        let (slow, slow_url) = world.server(Server::always(Answer::Hang)).await;
        let (_, other_url) = world.server(Server::always(after(10, "no-store"))).await;
        let fetcher = world.fetcher();
        let start = Instant::now();
        let waiting: Vec<_> =
            (0..300).map(|nth| authenticating(&world, &fetcher, &format!("{slow_url}/{nth}"), "a")).collect();
        for _ in 0..50 {
            let asked = Instant::now();
            let outcome = authenticate(&world, &*fetcher, &other_url, "a").await;
            ensure(outcome == Outcome::Found, format!("another server's: {outcome:?}"))?;
            ensure(asked.elapsed() <= Duration::from_millis(20), format!("it waited {:?}", asked.elapsed()))?;
            sleep(Duration::from_millis(100)).await;
        }
        let (mut refused, mut busy) = (0, 0);
        for caller in waiting {
            match timeout(Duration::from_secs(10), caller).await {
                Ok(Ok(Outcome::Refused)) => refused += 1,
                Ok(Ok(Outcome::Busy)) => busy += 1,
                other => return Err(format!("{other:?}")),
            }
        }
        ensure(start.elapsed() < Duration::from_secs(6), format!("{:?}", start.elapsed()))?;
        // Those that had no turn learn nothing about the server, and may come again.
        ensure((refused, busy) == (4, 296), format!("{refused} refused, {busy} busy"))?;
        ensure(slow.connections() == 4, format!("{} connections", slow.connections()))
    })
    .await;
}

/// FETCH-006: a server of many clients, all of them cold: each is fetched once, a few at a time; who is told to come back does.
#[tokio::test(start_paused = true)]
async fn many_clients_of_one_server_are_all_served() {
    let clients = if is_long_run() { 1_000 } else { 300 };
    holds(async |world| {
        let (server, url) = world.server(Server::always(after(50, "max-age=3600"))).await;
        let fetcher = world.fetcher();
        let client = async |world: Arc<World>, fetcher: Arc<dyn JwksFetcher>, url: String| {
            for _ in 0..100 {
                match authenticate(&world, &*fetcher, &url, "a").await {
                    Outcome::Busy => sleep(Duration::from_secs(1)).await,
                    outcome => return outcome,
                }
            }
            Outcome::Busy
        };
        let urls = (0..clients).map(|nth| format!("{url}/{nth}"));
        let callers: Vec<_> =
            urls.map(|url| tokio::spawn(client(Arc::clone(&world), Arc::clone(&fetcher), url))).collect();
        for caller in callers {
            let outcome = caller.await.unwrap();
            ensure(outcome == Outcome::Found, format!("{outcome:?}"))?;
        }
        ensure(server.connections() == clients, format!("{} fetches", server.connections()))?;
        ensure(server.most_at_once() <= 4, format!("{} at once", server.most_at_once()))
    })
    .await;
}

/// FETCH-006, FETCH-007: when all turns are taken, the next is told so within two seconds, and served when there is room.
#[tokio::test(start_paused = true)]
async fn a_full_house_says_so() {
    let world = Arc::new(World::in_memory(Subject::Guarded));
    let fetcher = world.fetcher_with(FetchOptions::default().with_fetches(2, 1));
    let mut hanging = Vec::new();
    for _ in 0..2 {
        let (_, url) = world.server(Server::always(Answer::Hang)).await;
        hanging.push(authenticating(&world, &fetcher, &url, "a"));
    }
    let (server, url) = world.server(Server::always(after(10, "max-age=600"))).await;
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    assert_eq!(authenticate(&world, &*fetcher, &url, "a").await, Outcome::Busy);
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!(server.connections(), 0);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(authenticate(&world, &*fetcher, &url, "a").await, Outcome::Found, "there is room soon");
    for caller in hanging {
        assert_eq!(caller.await.unwrap(), Outcome::Refused);
    }

    // With a fresh document, a known key needs no turn; of an unknown one nothing may be said.
    let (_, hang) = world.server(Server::always(Answer::Hang)).await;
    let hanging = [0, 1].map(|nth| authenticating(&world, &fetcher, &format!("{hang}{nth}"), "a"));
    let (_, hang) = world.server(Server::always(Answer::Hang)).await;
    let third = authenticating(&world, &fetcher, &hang, "a");
    sleep(Duration::from_millis(1)).await;
    assert_eq!(authenticate(&world, &*fetcher, &url, "a").await, Outcome::Found);
    assert_eq!(authenticate(&world, &*fetcher, &url, "b").await, Outcome::Busy);
    assert_eq!(authenticate(&world, &*fetcher, &url, "a").await, Outcome::Found);
    for caller in hanging.into_iter().chain([third]) {
        caller.await.unwrap();
    }
    // No room is no refresh: the key is looked for as soon as there is some.
    let before = server.connections();
    assert_eq!(authenticate(&world, &*fetcher, &url, "b").await, Outcome::Unknown);
    assert_eq!(server.connections(), before + 1);
}

/// FETCH-006: waiting is bounded too. One more is told so at once.
#[tokio::test(start_paused = true)]
async fn waiting_is_bounded() {
    let world = Arc::new(World::in_memory(Subject::Guarded));
    let fetcher = world.fetcher_with(FetchOptions::default().with_fetches(1, 1));
    let mut waiting = Vec::new();
    for host in 0..16 {
        let address = format!("11.1.0.{host}");
        let tls = authority().server_config(&address);
        world.net.server(&address, 443, Server::always(Answer::Hang).with_tls(tls));
        for path in 0..256 {
            waiting.push(authenticating(&world, &fetcher, &format!("https://{address}/{path}"), "a"));
        }
        if host == 0 {
            // One server has its share of the places, and is not given another's.
            sleep(Duration::from_millis(1)).await;
            let start = Instant::now();
            let outcome = authenticate(&world, &*fetcher, "https://11.1.0.0/one-more", "a").await;
            assert_eq!((outcome, start.elapsed()), (Outcome::Busy, Duration::ZERO));
        }
    }
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    assert_eq!(authenticate(&world, &*fetcher, "https://11.2.0.0/", "a").await, Outcome::Busy);
    assert_eq!(start.elapsed(), Duration::ZERO);
    // Who wants what is already under way takes no place.
    let joined = authenticating(&world, &fetcher, "https://11.1.0.0/0", "a");
    let mut refused = 0;
    for caller in waiting.into_iter().chain([joined]) {
        match caller.await.unwrap() {
            Outcome::Refused => refused += 1,
            outcome => assert_eq!(outcome, Outcome::Busy),
        }
    }
    assert_eq!(refused, 2, "the one that had its turn, and the one that joined it");
    // All places are free again.
    let (_, url) = world.server(Server::always(after(10, "no-store"))).await;
    assert_eq!(authenticate(&world, &*fetcher, &url, "a").await, Outcome::Found);
}

/// A resolver with a bug.
#[derive(Default, Debug)]
struct Panics(AtomicBool);

#[async_trait]
impl Resolve for Panics {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        assert!(self.0.swap(true, Ordering::SeqCst), "a bug");
        Ok(Vec::new())
    }
}

/// FETCH-006: a fetch that ends in a panic or with its runtime is nobody's fault but ours, and not the last one.
#[tokio::test(start_paused = true)]
async fn a_fetch_that_is_lost_is_told() {
    let world = World::in_memory(Subject::Guarded);
    let options = FetchOptions::default().with_resolve(Arc::new(Panics::default()));
    let fetcher = GuardedFetcher::new(options).unwrap();
    let url = "https://keys.example/jwks";
    assert_eq!(authenticate(&world, &fetcher, url, "a").await, Outcome::Busy);
    assert_eq!(authenticate(&world, &fetcher, url, "a").await, Outcome::Refused, "asked again");
}

#[test]
fn a_runtime_that_ended_is_told() {
    assert_eq!(GuardedFetcher::new(FetchOptions::default()).unwrap_err(), SetupError::NoRuntime);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = FetchOptions::default().with_runtime(runtime.handle().clone());
    let fetcher = GuardedFetcher::new(options).unwrap();
    drop(runtime);
    let answer = without_runtime(fetcher.key_set("https://11.0.0.1/jwks", UnixMillis(0), None));
    assert!(matches!(answer, Err(FetchError::Busy(_))), "{answer:?}");
}

/// Callers need no runtime: the engine knows none.
#[test]
fn callers_may_run_anywhere() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (fetcher, server, url) = runtime.block_on(async {
        let world = World::on_loopback(Subject::Guarded);
        let (server, url) = world.server(Server::always(json("max-age=60", keys(&["a"])))).await;
        (world.fetcher(), server, url)
    });
    for _ in 0..3 {
        let set = without_runtime(fetcher.key_set(&url, UnixMillis(0), None)).unwrap();
        assert_eq!(set.document(), keys(&["a"]).as_bytes());
    }
    assert_eq!(server.connections(), 1);
}

/// A caller that asks again with what came from the network gets it back, and nothing is asked.
#[tokio::test(start_paused = true)]
async fn an_answer_from_the_network_is_final() {
    let world = World::in_memory(Subject::Guarded);
    let (server, url) = world.server(Server::always(json("no-store", keys(&["a"])))).await;
    let fetcher = world.fetcher();
    let set = fetcher.key_set(&url, world.now(), None).await.unwrap();
    assert!(!set.is_cached());
    assert_eq!(fetcher.key_set(&url, world.now(), Some(&set)).await.unwrap(), set);
    let made_up = FetchedKeySet::from_network("{}".into());
    assert_eq!(fetcher.key_set(&url, world.now(), Some(&made_up)).await.unwrap(), made_up);
    assert_eq!(server.connections(), 1);
}

/// The smallest executor.
fn without_runtime<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
