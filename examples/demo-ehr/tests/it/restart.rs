//! Two programs on one database are replaced one after the other, while apps go on: nobody notices.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use vestibule_http_tests::race::Line;
use vestibule_test_servers::{Postgres, pause_until};

use crate::running::{Home, Person, Running, free_pair, redeem, refresh, refresh_token};

/// What a load balancer knows: which of them said that they are ready when they were asked last.
struct Balancer {
    members: [(SocketAddr, AtomicBool); 2],
    turn: AtomicU32,
}

impl Balancer {
    fn of(programs: [&Running; 2]) -> Self {
        Self { members: programs.map(|at| (at.address, AtomicBool::new(true))), turn: AtomicU32::new(0) }
    }

    /// Asks them over and over.
    fn watch(&self, over: &AtomicBool) {
        while !over.load(Ordering::SeqCst) {
            for (address, is_ready) in &self.members {
                let asked = Line::to(*address)
                    .and_then(|mut line| line.send("GET /readyz", &[("connection", "close")], None));
                is_ready.store(asked.is_ok_and(|answer| answer.status == 200), Ordering::SeqCst);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The next one that is ready. Where none is, whoever was: it must not come to that.
    fn next(&self) -> SocketAddr {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize;
        let around = (0..2).map(|step| &self.members[(turn + step) % 2]);
        let found = around.clone().find(|(_, is_ready)| is_ready.load(Ordering::SeqCst));
        found.unwrap_or(&self.members[turn % 2]).0
    }
}

/// How often apps were answered with tokens, and how often with anything else or not at all.
#[derive(Debug, Default)]
struct Answers {
    good: AtomicU32,
    bad: AtomicU32,
}

/// Replaces both programs, one after the other, each ended in this way, while four apps refresh.
fn replaced(kind: &str, end: impl Fn(Running)) -> Answers {
    let (database, home) = (Postgres::start(), Home::new(kind));
    let store = database.url("postgres");
    let program = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_demo-ehr"));
        program.args(["--drain-wait", "1"]);
        program
    };
    let ports = [home.public, free_pair()];
    let mut programs = ports.map(|port| Some(home.open_at(port, &store, program())));
    let [Some(first), Some(second)] = &programs else { unreachable!("both are open") };
    let (balancer, mut carol, mut line) =
        (Balancer::of([first, second]), Person::carol(&home, first), first.line());
    let mut tokens: Vec<_> = (0..4)
        .map(|_| refresh_token(&line.post("/auth/token", &redeem(&carol.code().unwrap())).unwrap()))
        .collect();
    drop((carol, line));

    let (answers, over) = (Answers::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (balancer, answers, over) = (&balancer, &answers, &over);
        scope.spawn(move || balancer.watch(over));
        for token in &mut tokens {
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    let asked = Line::to(balancer.next())
                        .and_then(|mut line| line.post("/auth/token", &refresh(token)));
                    match asked {
                        Ok(answer) if answer.status == 200 => {
                            *token = refresh_token(&answer);
                            answers.good.fetch_add(1, Ordering::SeqCst);
                        }
                        _ => {
                            answers.bad.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                }
            });
        }
        // Whatever fails here must let the others end.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for (place, port) in programs.iter_mut().zip(ports) {
                std::thread::sleep(Duration::from_millis(300));
                end(place.take().unwrap());
                let next = place.insert(home.open_at(port, &store, program()));
                assert!(
                    pause_until(|| next.status("/readyz") == Some(200)),
                    "the new one does not become ready"
                );
                std::thread::sleep(Duration::from_millis(300));
            }
        }));
        over.store(true, Ordering::SeqCst);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    answers
}

#[test]
fn two_programs_are_replaced_and_no_app_notices() {
    let answers = replaced("replaced", |running| assert_eq!(running.close(), Some(0)));
    assert!(answers.good.into_inner() > 20);
    assert_eq!(answers.bad.into_inner(), 0);
}

/// The reason to believe the above.
#[test]
fn a_program_that_just_ends_is_noticed() {
    let answers = replaced("cut", Running::kill);
    assert!(answers.bad.into_inner() > 0);
}
