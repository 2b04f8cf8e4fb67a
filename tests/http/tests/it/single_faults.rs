//! T2 and T7: each call of the store in each flow, or of any other part of the host, fails once, in each way, or the client goes away at
//! any wait; and comes again.
//!
//! | the fault | the client is told | and comes again |
//! |---|---|---|
//! | nothing happened, and the store says so | 503 | and goes on |
//! | nobody knows | what became of it: the engine asks again with the same attempt. A read: 503 | and goes on |
//! | no answer ever comes, or a panic | nothing | and goes on, unless a code was spent for tokens that nobody has: then it is told so, and the grant is dead |
//!
//! Where an app is approved beforehand, the code is issued without a form that could be sent again: the page says to start anew.
//!
//! At the end there is what there is without a fault, grant by grant and event by event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use vestibule_host::{
    AttemptId, AuditEvent, AuditSink, Call, Clock as _, ConsentStore, GrantStore, HostError, MemoryConsents,
    MemoryGrants, Tenant, UnixMillis,
};
use vestibule_http_tests::Adapter;
use vestibule_http_tests::browser::Answer;
use vestibule_http_tests::flow::{Flow, Run, Step, unavailable};
use vestibule_http_tests::world::{AS, Failing, World, config, poll_some};
use vestibule_postgres::{Database, PostgresOptions, PostgresStore};
use vestibule_sqlite::{SqliteOptions, SqliteStore};
use vestibule_test_servers::{Place, Postgres};
use vestibule_testkit::mutants::{Mistake, MutantGrants};
use vestibule_testkit::{Injected, drop_after};

/// What is wrong, in words.
type Wrong = String;

/// Before and after the effect: where a real store can fail.
const BOTH: &[Injected] = &[Injected::Before, Injected::After];

/// A-FAULT-02, A-FAULT-15, A-FAULT-17, GEN-017
#[tokio::test]
async fn t2_every_fault_of_the_store_in_memory() {
    let stores = || Arc::new(MemoryGrants::new()) as Arc<dyn GrantStore>;
    let cases = matrix(stores, &Injected::ALL, |_| {}).await.unwrap();
    println!("memory: {cases} faults");
    assert!(cases >= 850, "{cases}");
}

/// A-FAULT-02, A-FAULT-15, GEN-017
#[tokio::test]
async fn t2_every_fault_of_sqlite() {
    let (_place, store) = on_sqlite();
    let cases = matrix(|| Arc::new(store.clone()) as Arc<dyn GrantStore>, BOTH, |_| {}).await.unwrap();
    println!("SQLite: {cases} faults");
    assert!(cases >= 170, "{cases}");
}

/// A-FAULT-02, A-FAULT-15, GEN-017
#[tokio::test(flavor = "multi_thread")]
async fn t2_every_fault_of_postgresql() {
    let (_server, store) = on_postgresql(PostgresOptions::default()).await;
    let cases = matrix(|| Arc::new(store.clone()) as Arc<dyn GrantStore>, BOTH, |_| {}).await.unwrap();
    println!("PostgreSQL: {cases} faults");
    assert!(cases >= 170, "{cases}");
}

/// A-FAULT-11, A-FAULT-15, GEN-017
///
/// Consents, keys, users, records and the registry, in each way in which a part can fail.
#[tokio::test]
async fn t2_every_fault_of_the_other_parts() {
    let stores = || (in_memory(), Arc::new(MemoryConsents::new()) as Arc<dyn ConsentStore>);
    let cases = parts(stores, &Failing::ALL, |_| {}).await.unwrap();
    println!("other parts: {cases} faults");
    assert!(cases >= 700, "{cases}");
}

/// A-FAULT-11, A-FAULT-15
///
/// Before and after the effect: what writes is two calls.
#[tokio::test]
async fn t2_every_fault_of_the_other_parts_over_sqlite() {
    let (_place, store) = on_sqlite();
    let stores = || (Arc::new(store.clone()) as Arc<dyn GrantStore>, Arc::new(store.clone()) as Arc<_>);
    let cases = parts(stores, &[Failing::Error], |_| {}).await.unwrap();
    println!("other parts over SQLite: {cases} faults");
    assert!(cases >= 230, "{cases}");
}

/// A-FAULT-11, A-FAULT-15
#[tokio::test(flavor = "multi_thread")]
async fn t2_every_fault_of_the_other_parts_over_postgresql() {
    let (_server, store) = on_postgresql(PostgresOptions::default()).await;
    let stores = || (Arc::new(store.clone()) as Arc<dyn GrantStore>, Arc::new(store.clone()) as Arc<_>);
    let cases = parts(stores, &[Failing::Error], |_| {}).await.unwrap();
    println!("other parts over PostgreSQL: {cases} faults");
    assert!(cases >= 230, "{cases}");
}

/// The reason to believe the three above: a host that takes a consent of which it cannot find out for one that is not there.
#[tokio::test]
async fn t2_a_part_that_swallows_a_fault_is_noticed() {
    let stores = || (in_memory(), Arc::new(MemoryConsents::new()) as Arc<dyn ConsentStore>);
    let wrong = parts(stores, &[Failing::Error], |world| world.consents.swallow_faults())
        .await
        .expect_err("a mistake");
    println!("{wrong}");
    assert!(wrong.contains("consents.given"), "{wrong}");
}

/// In a directory of its own, which goes with the place.
fn on_sqlite() -> (Place, SqliteStore) {
    let place = Place::new("faults", "none.pid");
    let store = SqliteStore::open(place.path().join("v.sqlite3"), SqliteOptions::default()).unwrap();
    (place, store)
}

/// On a server of its own.
async fn on_postgresql(options: PostgresOptions) -> (Postgres, PostgresStore) {
    let server = Postgres::start();
    let database = Database::from_url(&server.url("postgres")).unwrap();
    vestibule_postgres::migrate(&database, &options).await.unwrap();
    let store = PostgresStore::open(&database, &options).await.unwrap();
    (server, store)
}

fn in_memory() -> Arc<dyn GrantStore> {
    Arc::new(MemoryGrants::new())
}

/// A-FAULT-17, A-DOS-10
///
/// Over the thread that writes.
#[tokio::test]
async fn t7_a_caller_may_go_away_at_every_wait_of_sqlite() {
    let (_place, store) = on_sqlite();
    // What was asked before is done when the writer answers: nobody asks again in the middle of it. A ping is no question to the writer.
    let settled = async || assert_eq!(store.purge(UnixMillis(0), 1).await.unwrap().rows, 0);
    let drops = dropped(|| Arc::new(store.clone()), settled).await.unwrap();
    println!("SQLite: {drops} drops");
    // Fewer than over a network: a thread that is quick has answered before anybody waits.
    assert!(drops >= 5, "{drops}");
}

/// A-FAULT-17, A-DOS-10
///
/// Over a pool of one; the server itself is asked whether a transaction was left open. On one thread every call waits at least once:
/// its answer cannot be read while it is asked.
#[tokio::test]
async fn t7_a_caller_may_go_away_at_every_wait_of_postgresql() {
    let options = PostgresOptions::default().with_connections(1).with_wait(Duration::from_secs(30));
    let (server, store) = on_postgresql(options).await;
    let (observer, connection) =
        tokio_postgres::connect(&server.url("postgres"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let settled = async || {
        let asked = "SELECT count(*) FROM pg_stat_activity
                     WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()";
        for _ in 0..5_000 {
            if observer.query_one(asked, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("a statement that does not end, or a transaction that was left open");
    };
    let drops = dropped(|| Arc::new(store.clone()), settled).await.unwrap();
    println!("PostgreSQL: {drops} drops");
    assert!(drops >= 80, "{drops}");
}

/// The reason to believe the above: stores that do by halves what they say, and an engine that takes a fault for an answer.
#[tokio::test]
async fn t2_what_is_done_by_halves_is_noticed() {
    for (mistake, how) in [
        (Mistake::ForgetfulAttempts, Injected::After),
        (Mistake::OwnClaimSeen, Injected::After),
        (Mistake::EventLost, Injected::Before),
        (Mistake::EventPerTry, Injected::After),
        (Mistake::ForgottenPredecessor, Injected::HangAfter),
    ] {
        let stores = || Arc::new(MutantGrants::new(mistake)) as Arc<dyn GrantStore>;
        let wrong = matrix(stores, &[how], |_| {}).await.expect_err("a mistake");
        println!("{mistake:?}: {wrong}");
    }
    let stores = || Arc::new(MemoryGrants::new()) as Arc<dyn GrantStore>;
    let wrong = matrix(stores, BOTH, |world| world.spy.swallow_faults()).await.expect_err("a mistake");
    println!("a fault that is taken for a win: {wrong}");
    assert!(wrong.contains("redeem_code"), "{wrong}");
}

/// Where there is a log, events are written for it. Here nobody fetches them but the test.
#[derive(Debug)]
struct Nobody;

#[async_trait::async_trait]
impl AuditSink for Nobody {
    async fn record(&self, _events: &[AuditEvent]) -> Result<(), HostError> {
        Ok(())
    }
}

/// What a flow leaves behind.
#[derive(Debug, PartialEq, Eq)]
struct End {
    live: usize,
    is_active: bool,
    events: BTreeMap<String, u32>,
}

impl End {
    async fn of(run: &Run) -> Self {
        Self { live: run.live().await, is_active: run.is_active().await, events: told(&run.world).await }
    }

    /// Whether a flow that went like this may end like this.
    fn is_due(&self, seen: &Seen, due: &Self) -> Result<(), Wrong> {
        let is_due = match seen {
            Seen::Whole => self == due,
            Seen::Again => self.is_at_least(due),
            Seen::Denied => self.live == 0 && !self.is_active,
            Seen::Afresh => (self.live, self.is_active) == (due.live + 1, due.is_active),
        };
        if is_due { Ok(()) } else { Err(format!("{seen:?}: {self:?} instead of {due:?}")) }
    }

    /// What the store in memory leaves behind when nothing fails.
    async fn without_faults(flow: Flow) -> Self {
        let mut clean = Run::new(world(Arc::new(MemoryGrants::new())), flow).await;
        clean.goes_on(0).await.unwrap();
        let due = Self::of(&clean).await;
        assert!(!due.events.is_empty(), "{}: nothing is told", flow.name);
        due
    }

    /// Whether this is what is due after an answer that was lost: whatever the client did again may be told again, once.
    fn is_at_least(&self, due: &Self) -> bool {
        let more = |kind: &String| {
            let (seen, due) = (self.events.get(kind).unwrap_or(&0), due.events.get(kind).unwrap_or(&0));
            seen.checked_sub(*due)
        };
        let kinds = self.events.keys().chain(due.events.keys());
        let added: Option<Vec<u32>> = kinds.map(more).collect();
        let few = added.is_some_and(|added| added.iter().all(|more| *more <= 1));
        few && (self.live, self.is_active) == (due.live, due.is_active)
    }
}

/// The events that nobody has fetched yet, by kind. Fetches them.
async fn told(world: &World) -> BTreeMap<String, u32> {
    static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
    let mut attempt = [9; 16];
    attempt[..4].copy_from_slice(&ATTEMPTS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    let now = world.clock.now();
    let call = Call { tenant: Tenant::new(AS), attempt: AttemptId::new(attempt), now };
    let mut told = BTreeMap::new();
    loop {
        let leased = world.store.lease_events(1_000, UnixMillis(now.0 + 1_000), &call).await.unwrap();
        if leased.is_empty() {
            return told;
        }
        for event in &leased {
            *told.entry(format!("{:?}", event.kind)).or_default() += 1;
        }
        let ids: Vec<_> = leased.iter().map(|event| event.id).collect();
        world.store.ack_events(&ids, &call).await.unwrap();
    }
}

fn world(store: Arc<dyn GrantStore>) -> World {
    told_to_nobody(World::over_store(Adapter::Direct, config(), store))
}

fn told_to_nobody(world: World) -> World {
    world.rebuilt(|server| server.with_audit_sink(Arc::new(Nobody)))
}

/// A flow just before one of its steps, on a store that is emptied first.
async fn before(store: Arc<dyn GrantStore>, flow: Flow, at: usize) -> Run {
    prepared(world(store), flow, at).await
}

async fn prepared(world: World, flow: Flow, at: usize) -> Run {
    world.count_rows_and_purge().await;
    told(&world).await;
    Run::before(world, flow, at).await
}

/// All flows, every call of the store in them, every one of these faults. How many there were.
async fn matrix(
    stores: impl Fn() -> Arc<dyn GrantStore>,
    ways: &[Injected],
    with: impl Fn(&World),
) -> Result<u32, Wrong> {
    let mut cases = 0;
    for flow in Flow::all() {
        let due = End::without_faults(flow).await;
        for (at, step) in flow.steps.iter().enumerate() {
            let new = async || before(stores(), flow, at).await;
            let run = new().await;
            run.ask(*step).await;
            let calls = run.world.grants.calls();
            if calls.is_empty() && !matches!(step, Step::Authorize | Step::Introspect | Step::Revoke) {
                return Err(format!("{}: {step:?} calls no store", flow.name));
            }
            for (call, method) in calls.iter().enumerate() {
                for how in ways {
                    let why = |wrong| format!("{}: {step:?}: {method} ({call}) {how:?}: {wrong}", flow.name);
                    let mut run = new().await;
                    with(&run.world);
                    run.world.grants.fail(call, *how);
                    let seen = fails_once(&mut run, at, method, *how).await.map_err(why)?;
                    End::of(&run).await.is_due(&seen, &due).map_err(why)?;
                    cases += 1;
                }
            }
        }
    }
    Ok(cases)
}

/// All flows, every call of the host's other parts in them, each of these failures. How many there were.
async fn parts(
    stores: impl Fn() -> (Arc<dyn GrantStore>, Arc<dyn ConsentStore>),
    ways: &[Failing],
    with: impl Fn(&World),
) -> Result<u32, Wrong> {
    let mut cases = 0;
    for flow in Flow::all() {
        let due = End::without_faults(flow).await;
        for (at, step) in flow.steps.iter().enumerate() {
            let new = async || {
                let (grants, consents) = stores();
                let world = World::over_stores(Adapter::Direct, config(), grants, consents);
                prepared(told_to_nobody(world), flow, at).await
            };
            let run = new().await;
            run.ask(*step).await;
            let calls = run.world.script.calls();
            for (call, name) in calls.iter().enumerate().filter(|(_, name)| !name.starts_with("grants.")) {
                for how in ways {
                    let why = |wrong| format!("{}: {step:?}: {name} ({call}) {how:?}: {wrong}", flow.name);
                    let mut run = new().await;
                    with(&run.world);
                    run.world.script.fail(call, *how);
                    let seen = part_fails_once(&mut run, at, (call, name), *how).await.map_err(why)?;
                    End::of(&run).await.is_due(&seen, &due).map_err(why)?;
                    cases += 1;
                }
            }
        }
    }
    Ok(cases)
}

/// Asks while a part fails: 503, or no answer at all. Nothing has happened then that asking again would not find.
async fn part_fails_once(
    run: &mut Run,
    at: usize,
    (call, name): (usize, &str),
    how: Failing,
) -> Result<Seen, Wrong> {
    let step = run.flow.steps[at];
    let answer = match how {
        Failing::Hang => poll_some(run.ask(step), 20),
        Failing::Error | Failing::Panic => tokio::spawn(run.ask(step)).await.ok(),
    };
    // It is this call that failed, and nothing before it.
    let calls = run.world.script.calls();
    if calls.get(call) != Some(&name) || (how != Failing::Error && calls.len() != call + 1) {
        return Err(format!("not reached: {calls:?}"));
    }
    run.world.script.restart();
    match (answer, how) {
        (Some(answer), Failing::Error) => unavailable(step, &answer)?,
        (None, Failing::Hang | Failing::Panic) => {}
        (answer, _) => {
            return Err(answer.map_or("no answer".to_owned(), |answer| answer.brief()));
        }
    }
    comes_again(run, at, false).await
}

/// All flows, dropped at every wait of every step. How many drops there were.
async fn dropped(stores: impl Fn() -> Arc<dyn GrantStore>, settled: impl AsyncFn()) -> Result<u32, Wrong> {
    let mut drops = 0;
    for flow in Flow::all() {
        let due = End::without_faults(flow).await;
        for (at, step) in flow.steps.iter().enumerate() {
            for waits in 1.. {
                let why = |wrong| format!("{}: {step:?} dropped at wait {waits}: {wrong}", flow.name);
                let mut run = before(stores(), flow, at).await;
                if drop_after(waits, run.ask(*step)).await.is_some() {
                    break;
                }
                settled().await;
                let seen = comes_again(&mut run, at, true).await.map_err(why)?;
                End::of(&run).await.is_due(&seen, &due).map_err(why)?;
                drops += 1;
            }
        }
    }
    Ok(drops)
}

/// How a flow went in which something failed.
#[derive(Debug)]
enum Seen {
    /// As if nothing had.
    Whole,
    /// An answer was lost behind its effect, and the client came again.
    Again,
    /// The same, and the client was told that it comes too late.
    Denied,
    /// The same, and the client began anew. A code that nobody has was issued.
    Afresh,
}

/// Asks with the fault, and again until the end of the flow.
async fn fails_once(run: &mut Run, at: usize, method: &str, how: Injected) -> Result<Seen, Wrong> {
    let step = run.flow.steps[at];
    let answer = patient(run, step, how).await;
    run.world.grants.restart();
    let reads = matches!(method, "interaction" | "launch" | "grant" | "grants_of" | "access");
    match answer {
        Some(answer) if answer.status < 400 && unavailable(step, &answer).is_err() => {
            let told = match how {
                Injected::After | Injected::Reset => !reads,
                Injected::Delay => true,
                _ => false,
            };
            if !told {
                return Err(format!("a fault is taken for an answer: {}", answer.brief()));
            }
            run.browser.keep(&answer);
            run.took(step, &answer).await?;
            return run.goes_on(at + 1).await.map(|()| Seen::Whole);
        }
        Some(answer) => {
            unavailable(step, &answer)?;
            if !reads && matches!(how, Injected::After | Injected::Reset) {
                return Err("nobody asked again with the same attempt".to_owned());
            }
        }
        None if how.answers() => return Err("no answer".to_owned()),
        None => {}
    }
    comes_again(run, at, how.takes_effect() && !reads).await
}

/// Asks again after an answer that did not come, and then until the end of the flow.
async fn comes_again(run: &mut Run, at: usize, lost: bool) -> Result<Seen, Wrong> {
    let step = run.flow.steps[at];
    let again = run.send(step).await;
    match (step, again.status) {
        // The tokens went nowhere: the code is spent, and nothing may live.
        (Step::Token, 400) if lost && again.json()["error"] == "invalid_grant" => return Ok(Seen::Denied),
        // Nobody was asked anything, so there is no form to send again: the page says to start anew.
        (Step::Open, 400) if lost => {
            let says = again.body.contains("start again");
            run.goes_on(0).await?;
            return if says { Ok(Seen::Afresh) } else { Err("a dead end".to_owned()) };
        }
        // The choice was kept: the page says where it goes on.
        (Step::Pick, 409) if lost => {
            let page = run.send(Step::Open).await;
            run.took(Step::Open, &page).await?;
        }
        _ => run.took(step, &again).await?,
    }
    run.goes_on(at + 1).await?;
    Ok(if lost { Seen::Again } else { Seen::Whole })
}

/// An answer; none where it does not come, or its task has ended in a panic.
async fn patient(run: &Run, step: Step, how: Injected) -> Option<Answer> {
    match how {
        // Nothing else waits in a world without sockets, so whoever waits twenty times waits for ever.
        Injected::Hang | Injected::HangAfter => poll_some(run.ask(step), 20),
        _ => tokio::spawn(run.ask(step)).await.ok(),
    }
}
