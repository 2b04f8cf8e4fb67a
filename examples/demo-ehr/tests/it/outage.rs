//! T10: a database that goes away and comes back, and a disk that is full for a while, under load.
//!
//! Apps are told 503 and nothing else, keep their tokens, and go on with them afterwards. A probe is told that the program is not
//! ready as long as nothing works.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vestibule_http_tests::browser::Answer;
use vestibule_http_tests::race::Line;
use vestibule_test_servers::{Postgres, Redis, SmallDisk, pause_until};

use crate::running::{Home, Person, Running, redeem, refresh, refresh_token};

/// How long it may take from the return of the store until everything works.
const RECOVERY: Duration = Duration::from_secs(10);

/// Which answers there were, in words, and how often.
#[derive(Debug, Default)]
struct Seen(Mutex<BTreeMap<String, u32>>);

impl Seen {
    fn note(&self, what: &str, answer: &Answer) {
        let told = if answer.status == 303 {
            answer.params().remove("error").unwrap_or_else(|| "a code".to_owned())
        } else if answer.header("content-type").starts_with("application/json") {
            answer.json()["error"].as_str().unwrap_or("tokens").to_owned()
        } else {
            "a page".to_owned()
        };
        let class = format!("{what}: {} {told}", answer.status);
        *self.0.lock().unwrap().entry(class).or_default() += 1;
    }

    fn text(&self) -> String {
        let seen = self.0.lock().unwrap();
        seen.iter().map(|(class, count)| format!("{count} x {class}")).collect::<Vec<_>>().join(", ")
    }

    fn times(&self, class: &str) -> u32 {
        self.0.lock().unwrap().get(class).copied().unwrap_or_default()
    }

    /// How often a refresh worked.
    fn bought(&self) -> u32 {
        self.times("refresh: 200 tokens")
    }

    /// Nothing but success and "unavailable", and both.
    fn is_honest(&self) {
        let seen = self.0.lock().unwrap();
        for class in seen.keys() {
            let honest = class.ends_with("200 tokens")
                || class.ends_with("303 a code")
                || class.ends_with("temporarily_unavailable")
                || class.ends_with("503 a page");
            assert!(honest, "{class}");
        }
        assert!(seen.keys().any(|class| class.contains("temporarily_unavailable")), "{seen:?}");
    }
}

/// Refreshes over and over with whatever token it has.
fn refreshes(line: &mut Line, token: &mut String, seen: &Seen, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        let answer = line.post("/auth/token", &refresh(token)).unwrap();
        seen.note("refresh", &answer);
        if answer.status == 200 {
            *token = refresh_token(&answer);
        } else {
            // Whoever is told to come back later does.
            assert_eq!(answer.header("retry-after"), "5", "{}", answer.brief());
            std::thread::sleep(Duration::from_millis(400));
        }
    }
}

/// Opens the app over and over.
fn opens(carol: &mut Person, seen: &Seen, over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        match carol.opens().unwrap() {
            Ok(_) => *seen.0.lock().unwrap().entry("launch: 303 a code".to_owned()).or_default() += 1,
            Err(answer) => {
                seen.note("launch", &answer);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Everything that the program is asked meanwhile, and what is done to its store. Says what was seen and how long recovery took.
#[allow(clippy::disallowed_methods, reason = "how long recovery takes is what is tested")]
fn under_load(home: &Home, running: &Running, gone: impl FnOnce(), back: impl FnOnce(), name: &str) {
    let (seen, over) = (Seen::default(), AtomicBool::new(false));
    let mut carol = Person::carol(home, running);
    let mut apps: Vec<(Line, String)> = (0..3)
        .map(|_| {
            let mut line = running.line();
            let bought = line.post("/auth/token", &redeem(&carol.code().unwrap())).unwrap();
            (line, refresh_token(&bought))
        })
        .collect();
    let recovered = std::thread::scope(|scope| {
        let (seen, over) = (&seen, &over);
        for (line, token) in &mut apps {
            scope.spawn(move || refreshes(line, token, seen, over));
        }
        let carol = &mut carol;
        scope.spawn(move || opens(carol, seen, over));
        // Whatever fails here must let the others end.
        let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            std::thread::sleep(Duration::from_millis(100));
            gone();
            let begun = Instant::now();
            assert!(pause_until(|| running.status("/readyz") == Some(503)), "it stays ready");
            println!("{name}: /readyz says no after {} ms", begun.elapsed().as_millis());
            assert_eq!(running.status("/healthz"), Some(200), "alive");
            for _ in 0..15 {
                std::thread::sleep(Duration::from_millis(100));
                assert_eq!(running.status("/readyz"), Some(503), "ready too early");
            }
            back();
            let begun = Instant::now();
            let due = seen.bought() + 6;
            assert!(pause_until(|| running.status("/readyz") == Some(200)), "it does not become ready again");
            assert!(pause_until(|| seen.bought() >= due), "it does not recover: {}", seen.text());
            let recovered = begun.elapsed();
            std::thread::sleep(Duration::from_millis(600));
            recovered
        }));
        over.store(true, Ordering::SeqCst);
        end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    println!("{name}: back after {} ms; {}", recovered.as_millis(), seen.text());
    assert!(recovered <= RECOVERY, "{recovered:?}");
    seen.is_honest();
    for (mut line, token) in apps {
        let answer = line.post("/auth/token", &refresh(&token)).unwrap();
        assert_eq!(answer.status, 200, "an app that kept its token: {}", answer.brief());
    }
    carol.code().unwrap();
}

/// A-FAULT-15, A-FAULT-05
#[test]
fn a_database_that_goes_away_is_unavailable_and_comes_back() {
    let (database, home) = (Postgres::start(), Home::new("outage"));
    let running = home.open(&database.url("postgres"));
    under_load(&home, &running, || database.stop(), || database.resume(), "PostgreSQL stopped");
    under_load(&home, &running, || database.kill(), || database.resume(), "PostgreSQL killed");
}

/// A-FAULT-15. Reading works, and so does what finds room where it is; whatever it has no room for is unavailable, and the program not
/// ready.
#[test]
fn a_database_whose_disk_is_full_is_unavailable_until_there_is_room() {
    let (database, home) = (Postgres::start_on_small_disk(64), Home::new("full-database"));
    let running = home.open(&database.url("postgres"));
    let (gone, back) = (|| database.fill_disk(), || database.make_room());
    under_load(&home, &running, gone, back, "PostgreSQL's disk full");
}

/// A-FAULT-15, A-FAULT-05
#[test]
fn a_server_in_memory_that_goes_away_is_unavailable_and_comes_back() {
    let (server, home) = (Redis::start(), Home::new("outage-redis"));
    let running = home.open(&server.url());
    under_load(&home, &running, || server.stop(), || server.resume(), "Redis stopped");
    under_load(&home, &running, || server.kill(), || server.resume(), "Redis killed");
}

/// A-FAULT-15
#[test]
fn a_server_in_memory_that_is_full_is_unavailable_until_there_is_room() {
    let (server, home) = (Redis::start(), Home::new("full-redis"));
    let running = home.open(&server.url());
    under_load(&home, &running, || server.fill(), || server.make_room(), "Redis full");
}

/// A-FAULT-15
#[test]
fn a_full_disk_is_unavailable_until_there_is_room() {
    let home = Home::new("full");
    let disk = SmallDisk::new(home.file("disk"), 24);
    let store = format!("sqlite:{}", disk.path().join("demo.sqlite3").display());
    let mut program = disk.command();
    program.arg(env!("CARGO_BIN_EXE_demo-ehr"));
    let running = home.open_at(home.public, &store, program);
    let process = running.process();
    under_load(&home, &running, || disk.fill(process), || disk.make_room(process), "disk full");
}
