//! T16: as many live grants as dead ones, and the server opens, revokes and refreshes as if there were few, also while the dead are
//! purged. `VESTIBULE_ROWS=1000000` for a long run.
#![allow(clippy::disallowed_methods, reason = "how long it takes is what is tested")]

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vestibule_host::{
    AttemptId, Call, ClientId, GrantId, GrantKey, GrantStatus, GrantStore, RefreshHandle, RefreshHash,
    Revocation, Revoke, Revoked, RotateRefresh, Rotation, Salt, Tenant, UnixMillis, UserId,
};
use vestibule_postgres::{Database, PostgresOptions, PostgresStore};
use vestibule_sqlite::{SqliteOptions, SqliteStore};
use vestibule_test_servers::{Place, Postgres};

/// Live grants end here, dead ones have ended at 10.
const END: UnixMillis = UnixMillis(1_000_000);
const NOW: UnixMillis = UnixMillis(100);
/// Grants of one user, of each kind.
const EACH: u32 = 10;

fn rows() -> u32 {
    std::env::var("VESTIBULE_ROWS").map_or(4_000, |number| number.parse().unwrap())
}

/// How long things may take. What is small in CI is a thousandth of the goal, and a machine may be busy.
const START: Duration = Duration::from_secs(1);
const PURGE: Duration = Duration::from_secs(60);
const REVOKE: Duration = Duration::from_millis(250);

fn digits(n: u32) -> [u8; 32] {
    format!("{n:032}").into_bytes().try_into().unwrap()
}

fn call(n: u32) -> Call {
    let mut attempt = [3; 16];
    attempt[..4].copy_from_slice(&n.to_be_bytes());
    Call { tenant: Tenant::new("t"), attempt: AttemptId::new(attempt), now: NOW }
}

/// How long each of these refreshes took. Chain `n` is one that nobody has used.
async fn refreshes(store: &dyn GrantStore, chains: Range<u32>) -> Vec<Duration> {
    let mut took = Vec::new();
    for n in chains {
        let next = (RefreshHash::new([7; 32]), Salt::new([7; 32]));
        let (handle, current) = (RefreshHandle::new(digits(n)), RefreshHash::new(digits(n)));
        let (window, until) = ((Duration::from_secs(60), 2), (END, END));
        let op = RotateRefresh::new(handle, current, ClientId::new("app"), next, window, until);
        let begun = Instant::now();
        assert_eq!(store.rotate_refresh(&op, &call(n)).await.unwrap(), Rotation::Won, "chain {n}");
        took.push(begun.elapsed());
    }
    took
}

/// Half of them took at most so long, all but a hundredth, and all.
fn spread(mut took: Vec<Duration>) -> [Duration; 3] {
    took.sort();
    [took[took.len() / 2], took[took.len() * 99 / 100], took[took.len() - 1]]
}

async fn is_live(store: &dyn GrantStore, n: u32) -> bool {
    let handle = RefreshHandle::new(digits(n));
    let found = store.grant(GrantKey::Refresh(&handle), &call(0)).await.unwrap();
    found.is_some_and(|grant| grant.status == GrantStatus::Live)
}

/// What is measured is over when the store is opened; `begun` is when that began.
async fn measured(name: &str, store: Arc<dyn GrantStore>, begun: Instant) {
    let rows = rows();
    store.ping().await.unwrap();
    assert!(is_live(&*store, 0).await);
    let start = begun.elapsed();
    let some = 300.min(rows / 10);
    let quiet = spread(refreshes(&*store, 0..some).await);

    let begun = Instant::now();
    let grant = Revoke::new(Revocation::Grant(GrantId::new("grant-1000")));
    assert_eq!(store.revoke(&grant, &call(1)).await.unwrap(), Revoked::Done);
    let one = begun.elapsed();
    let begun = Instant::now();
    let user = Revoke::new(Revocation::User(UserId::new("user-150")));
    assert_eq!(store.revoke(&user, &call(2)).await.unwrap(), Revoked::Done);
    let all = begun.elapsed();
    assert!(!is_live(&*store, 1_000).await && !is_live(&*store, 1_505).await);
    assert!(is_live(&*store, 1_001).await && is_live(&*store, 1_510).await);

    // In bites, as `tick` does it, beside refreshes that go on as long as it takes.
    let purging = tokio::spawn({
        let store = store.clone();
        async move {
            let (begun, mut gone) = (Instant::now(), 0);
            loop {
                let purged = store.purge(NOW, 1_000).await.unwrap();
                gone += purged.rows;
                if !purged.more {
                    return (begun.elapsed(), gone);
                }
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut from, mut beside) = (2_000, Vec::new());
    while !purging.is_finished() && from + 50 < rows {
        beside.extend(refreshes(&*store, from..from + 50).await);
        from += 50;
    }
    let (purge, gone) = purging.await.unwrap();
    assert!(!beside.is_empty(), "nothing went on beside the purge");
    let beside = spread(beside);
    println!(
        "{name}, {rows} live and {rows} dead: open after {start:?}; revoked a grant in {one:?}, a user in {all:?}; purged in {purge:?}; \
         refreshes (half of them, all but a hundredth, all) {quiet:?}, beside the purge {beside:?}"
    );
    assert_eq!(gone, rows, "the dead, and nobody else");
    assert!(is_live(&*store, rows - 1).await);
    for (what, took, most) in
        [("start", start, START), ("purge", purge, PURGE), ("revoking", one.max(all), REVOKE)]
    {
        assert!(took <= most, "{name}: {what} took {took:?}");
    }
}

/// Grants, spent codes and chains, in SQL that both understand but for what makes text and bytes of a number.
fn fill(numbers: &str, text: impl Fn(&str) -> String, digits: &str, no: &str, user: &str) -> Vec<String> {
    let rows = rows();
    let bytes = |word: &str| text(&format!("'{word}'"));
    let id = text("'grant-' || n");
    let owner = text(&format!("'user-' || (n / {EACH})"));
    vec![
        format!(
            "INSERT INTO vestibule_grants (tenant, id, {user}, client, session, keep_until, used, revoked, record) \
             SELECT {t}, {id}, {owner}, {app}, {s}, CASE WHEN n < {rows} THEN {end} ELSE 10 END, 0, {no}, {record} FROM {numbers}",
            t = bytes("t"),
            app = bytes("app"),
            s = bytes("s"),
            end = END.0,
            record = bytes(&"r".repeat(300)),
        ),
        format!(
            "INSERT INTO vestibule_codes (tenant, hash, grant_id, binding, expires, issued_by, spent_by) \
             SELECT {t}, {digits}, {id}, {digits}, 5, {a}, {a} FROM {numbers}",
            t = bytes("t"),
            a = bytes("attempt-attempt-"),
        ),
        format!(
            "INSERT INTO vestibule_chains (tenant, handle, grant_id, generation, current, replays, suspected, idle_until, until) \
             SELECT {t}, {digits}, {id}, 0, {digits}, 0, 0, {end}, {end} FROM {numbers}",
            t = bytes("t"),
            end = END.0,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn t16_a_file_with_many_grants_is_as_quick_as_with_few() {
    let place = Place::new("volume", "none.pid");
    let path = place.path().join("v.sqlite3");
    SqliteStore::open(&path, SqliteOptions::default()).unwrap().close().await;
    let mut file = rusqlite::Connection::open(&path).unwrap();
    let numbers = format!(
        "(WITH RECURSIVE all_of(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM all_of WHERE n < {} - 1) SELECT n FROM all_of)",
        2 * rows()
    );
    let text = |what: &str| format!("CAST({what} AS BLOB)");
    let filling = file.transaction().unwrap();
    for statement in fill(&numbers, text, "CAST(printf('%032d', n) AS BLOB)", "0", "user") {
        filling.execute(&statement, []).unwrap();
    }
    filling.commit().unwrap();
    drop(file);
    let begun = Instant::now();
    let store = SqliteStore::open(&path, SqliteOptions::default()).unwrap();
    measured("SQLite", Arc::new(store), begun).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t16_a_database_with_many_grants_is_as_quick_as_with_few() {
    let server = Postgres::start();
    let database = Database::from_url(&server.url("postgres")).unwrap();
    let options = PostgresOptions::default();
    vestibule_postgres::migrate(&database, &options).await.unwrap();
    let (client, connection) =
        tokio_postgres::connect(&server.url("postgres"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let numbers = format!("generate_series(0, {} - 1) AS numbers(n)", 2 * rows());
    let text = |what: &str| format!("convert_to({what}, 'UTF8')");
    let digits = "convert_to(lpad(n::text, 32, '0'), 'UTF8')";
    for statement in fill(&numbers, text, digits, "false", "user_id") {
        client.batch_execute(&statement).await.unwrap();
    }
    client.batch_execute("ANALYZE").await.unwrap();
    let begun = Instant::now();
    let store = PostgresStore::open(&database, &options).await.unwrap();
    measured("PostgreSQL", Arc::new(store), begun).await;
}

/// The reason to believe the above: without the index of ends, a purge looks at every row for each bite.
#[tokio::test(flavor = "multi_thread")]
async fn t16_a_purge_that_looks_at_everything_is_noticed() {
    let place = Place::new("volume", "none.pid");
    let path = place.path().join("v.sqlite3");
    SqliteStore::open(&path, SqliteOptions::default()).unwrap().close().await;
    let file = rusqlite::Connection::open(&path).unwrap();
    let plan = |file: &rusqlite::Connection| -> String {
        let purge = "EXPLAIN QUERY PLAN SELECT rowid FROM vestibule_grants WHERE keep_until <= 1 ORDER BY keep_until LIMIT 1";
        let mut asked = file.prepare(purge).unwrap();
        let lines = asked.query_map([], |row| row.get::<_, String>(3)).unwrap();
        lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    assert!(plan(&file).contains("vestibule_grants_by_end"), "{}", plan(&file));
    file.execute_batch("DROP INDEX vestibule_grants_by_end").unwrap();
    assert!(plan(&file).contains("SCAN"), "{}", plan(&file));
}
