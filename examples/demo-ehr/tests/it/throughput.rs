//! What the program bears on one machine, by store: apps that refresh and people who open an app, each as fast as it is answered.
//! `VESTIBULE_THROUGHPUT=20` for so many seconds each; in a release build, or the figures say nothing.
//!
//! Whoever asks runs on the same machine and takes part of it, so what is printed is less than what the program could bear.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vestibule_test_servers::{Postgres, Redis};

use crate::running::{Home, Person, Running, free_pair, redeem, refresh, refresh_token, sized};

/// So many apps, and so many people, at once.
const AT_ONCE: usize = 16;

/// How long each answer took.
struct Answers(Vec<Duration>);

impl Answers {
    fn slowest(&mut self, hundredths: usize) -> u128 {
        self.0.sort_unstable();
        self.0[(self.0.len() * hundredths / 100).min(self.0.len() - 1)].as_millis()
    }

    fn says(&mut self, what: &str, seconds: f64) -> String {
        let rate = f64::from(u32::try_from(self.0.len()).unwrap()) / seconds;
        format!(
            "{rate:.0} {what} a second (half within {} ms, 99 of 100 {} ms)",
            self.slowest(50),
            self.slowest(99)
        )
    }
}

/// Lets so many do something over and over, and says how long each time took. The first that is refused ends it.
#[allow(clippy::disallowed_methods, reason = "how long it takes is what is told")]
fn over_and_over<A: Send>(doers: &mut [A], seconds: u32, act: impl Fn(&mut A) + Sync) -> (Answers, f64) {
    let (over, begun) = (AtomicBool::new(false), Instant::now());
    let all = std::thread::scope(|scope| {
        let (over, act) = (&over, &act);
        let threads: Vec<_> = doers
            .iter_mut()
            .map(|doer| {
                scope.spawn(move || {
                    let mut took = Vec::new();
                    // Each at least once, however slow the machine is.
                    while took.is_empty() || !over.load(Ordering::Relaxed) {
                        let asked = Instant::now();
                        act(doer);
                        took.push(asked.elapsed());
                    }
                    took
                })
            })
            .collect();
        std::thread::sleep(Duration::from_secs(u64::from(seconds)));
        over.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    (Answers(all), begun.elapsed().as_secs_f64())
}

/// Measures the processes, to which the doers go in turns.
fn measure(name: &str, home: &Home, processes: &[Running]) {
    let seconds = sized("VESTIBULE_THROUGHPUT", 1);
    let mut people: Vec<_> =
        processes.iter().cycle().take(AT_ONCE).map(|at| (Person::carol(home, at), at.line())).collect();
    // A launch is everything from the app's request to its tokens; the answer to the consent page is remembered.
    let (mut launches, launching) = over_and_over(&mut people, seconds, |(carol, line)| {
        let answer = line.post("/auth/token", &redeem(&carol.code().unwrap())).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.brief());
    });
    let mut apps: Vec<_> = people
        .into_iter()
        .map(|(mut carol, mut line)| {
            let bought = line.post("/auth/token", &redeem(&carol.code().unwrap())).unwrap();
            (line, refresh_token(&bought))
        })
        .collect();
    let (mut refreshes, refreshing) = over_and_over(&mut apps, seconds, |(line, token)| {
        *token = refresh_token(&line.post("/auth/token", &refresh(token)).unwrap());
    });
    for answers in [&launches, &refreshes] {
        assert!(answers.0.len() >= AT_ONCE, "everybody was served");
    }
    println!("{name}: {}; {}", launches.says("launches", launching), refreshes.says("refreshes", refreshing));
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_demo-ehr"))
}

#[test]
fn everybody_is_served_on_every_store() {
    let home = Home::new("throughput");
    measure("memory", &home, &[home.open("memory")]);
    let file = format!("sqlite:{}", home.file("demo.sqlite3").display());
    measure("SQLite", &home, &[home.open(&file)]);
    let redis = Redis::start();
    measure("Redis", &home, &[home.open(&redis.url())]);
    drop(redis);
    let postgres = Postgres::start();
    let first = home.open(&postgres.url("postgres"));
    measure("PostgreSQL", &home, std::slice::from_ref(&first));
    let second = home.open_at(free_pair(), &postgres.url("postgres"), program());
    measure("PostgreSQL, two processes", &home, &[first, second]);
}
