//! T3: the same code, and the same refresh token, at two processes on one PostgreSQL at the same moment.
//! `VESTIBULE_HTTP_RACES=15000` for a million requests.
//!
//! That the referee sees a naive store: `t3_a_naive_store_is_caught` in `tests/http`.

use std::process::Command;

use vestibule_http_tests::race::{lines, race, redeemed_once, refreshed_once};
use vestibule_test_servers::Postgres;

use crate::running::{Home, Person, free_pair, redeem, refresh, refresh_token, sized};

/// So many at once.
const RACERS: usize = 32;

/// CODE-004
#[allow(clippy::disallowed_methods, reason = "how long it takes is told")]
#[test]
fn of_many_at_two_processes_one_wins() {
    let (races, database, home) = (sized("VESTIBULE_HTTP_RACES", 60), Postgres::start(), Home::new("races"));
    let store = database.url("postgres");
    let first = home.open(&store);
    let second = home.open_at(free_pair(), &store, Command::new(env!("CARGO_BIN_EXE_demo-ehr")));
    let (mut carol, mut app) = (Person::carol(&home, &first), second.line());
    let mut lines = lines(&[first.address, second.address], RACERS);
    let begun = std::time::Instant::now();
    for number in 0..races {
        let ends = race(&mut lines, &redeem(&carol.code().unwrap()));
        redeemed_once(&ends).unwrap_or_else(|wrong| panic!("redemption {number}: {wrong}"));
        // What was won died with the first of the others.
        let won = ends.iter().find(|end| end.status == 200).unwrap();
        assert_eq!(app.post("/auth/token", &refresh(&refresh_token(won))).unwrap().status, 400);

        let bought = app.post("/auth/token", &redeem(&carol.code().unwrap())).unwrap();
        let ends = race(&mut lines, &refresh(&refresh_token(&bought)));
        let successor = refreshed_once(&ends).unwrap_or_else(|wrong| panic!("refresh {number}: {wrong}"));
        assert_eq!(app.post("/auth/token", &refresh(&successor)).unwrap().status, 200, "one chain goes on");
    }
    let requests = 2 * u64::from(races) * u64::try_from(RACERS).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    println!("{requests} racing requests at two processes in {seconds:.1} s: one winner each, no 5xx");
}
