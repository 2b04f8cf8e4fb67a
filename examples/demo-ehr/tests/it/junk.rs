//! T14: requests of strangers, in twenty shapes. They leave no row that a cookie could hold, what is larger has its quota, people get
//! through to the same app, and the program does not grow. `VESTIBULE_JUNK=1000000` for a long run.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use vestibule_http_tests::race::Line;

use crate::running::{CALLBACK, Home, Person, authorize, redeem, sized};

/// `Config::with_quota_per_client`, which the demo leaves as it is.
const QUOTA: i64 = 1_000;
const MOST_GROWTH: u64 = 64 * 1024;
const VICTIM: &str = "VESTIBULE_LEAK";

/// Shapes that a cookie holds, or that are refused.
const SMALL: u32 = 18;
const SHAPES: u32 = 20;

/// Stranger's request number `n`: its start line, and a form.
fn shape(n: u32, origin: &str) -> (String, Option<String>) {
    let valid = authorize(origin);
    let with = |name: &str, value: &str| {
        let pairs = form_urlencoded::parse(valid.as_bytes()).map(|(known, old)| {
            let value = if known == name { value.to_owned() } else { old.into_owned() };
            (known.into_owned(), value)
        });
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    let state = format!("{n:08}");
    let query = match n % SHAPES {
        0 => with("state", &state),
        1 => with("client_id", &format!("no-app-{n}")),
        2 => with("redirect_uri", &format!("https://evil-{n}.example/")),
        3 => valid.replace("code_challenge=", "challenge="),
        4 => with("code_challenge_method", "plain"),
        5 => with("aud", "https://other.example/fhir"),
        6 => with("scope", &format!("patient/Nothing{n}.rs unknown-{n}")),
        7 => with("state", &state.repeat(100)),
        8 => with("response_type", "token"),
        9 => format!("{valid}&state=again"),
        10 => format!("{valid}&launch=vl_{}", "A".repeat(43)),
        11 => with("scope", "launch patient/Patient.rs"),
        12 => format!("{valid}&prompt=none"),
        13 => format!("{valid}&login_hint={state}&max_age=0&ui_locales=de"),
        14 => format!("%ff%fe={n}&&&=&{valid}%00"),
        15 => format!("{valid}&{}", (0..70).map(|at| format!("p{at}=x&")).collect::<String>()),
        16 => with("scope", &format!("launch/patient {}", "patient/*.rs ".repeat(20))),
        17 => String::new(),
        // What no cookie holds.
        18 => with("scope", &wide("Observation")),
        _ => return ("POST /auth/authorize".to_owned(), Some(with("scope", &wide("Condition")))),
    };
    (format!("GET /auth/authorize?{query}"), None)
}

fn wide(kind: &str) -> String {
    let scopes = (0..100).map(|at| format!(" patient/{kind}.rs?category=number-{at}"));
    format!("launch/patient{}", scopes.collect::<String>())
}

/// Rows of interactions, which is all that a stranger could leave.
fn rows(file: &Path) -> i64 {
    let tables = Connection::open(file).unwrap();
    tables.busy_timeout(Duration::from_secs(5)).unwrap();
    let asked =
        "SELECT (SELECT count(*) FROM vestibule_interactions) + (SELECT count(*) FROM vestibule_launches)";
    tables.query_row(asked, [], |row| row.get(0)).unwrap()
}

/// Kilobytes that a process has in memory.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Sends this many requests of these shapes over four connections, and is told how many came to 2xx or 3xx, 4xx, 5xx.
fn send(
    address: std::net::SocketAddr,
    origin: &str,
    numbers: &(dyn Fn(u32) -> u32 + Sync),
    count: u32,
) -> [u32; 3] {
    let (next, seen) = (AtomicU32::new(0), [const { AtomicU32::new(0) }; 3]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut line = Line::to(address).unwrap();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    let (start, form) = shape(numbers(n), origin);
                    let Ok(answer) = line.send(&start, &[], form.as_deref()) else {
                        // Refused before it was read to its end.
                        line = Line::to(address).unwrap();
                        continue;
                    };
                    let temporarily = answer.location().contains("error=temporarily_unavailable");
                    let class = match answer.status {
                        _ if temporarily => 2,
                        400..500 => 1,
                        500.. => 2,
                        _ => 0,
                    };
                    seen[class].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    seen.map(AtomicU32::into_inner)
}

/// Opens the app over and over beside `load`, and is told how often, and how long the slowest hundredth took.
#[allow(clippy::disallowed_methods, reason = "how long it takes is told")]
fn beside(
    carol: &mut Person,
    line: &mut Line,
    load: impl FnOnce() -> [u32; 3] + Send,
) -> (i64, Duration, [u32; 3]) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let over = &over;
        let load = scope.spawn(move || {
            let seen = load();
            over.store(true, Ordering::SeqCst);
            seen
        });
        let mut took = Vec::new();
        while !over.load(Ordering::SeqCst) {
            let begun = Instant::now();
            let code = carol.code().unwrap();
            let answer = line.post("/auth/token", &redeem(&code)).unwrap();
            assert_eq!(answer.status, 200, "an honest app: {}", answer.brief());
            took.push(begun.elapsed());
        }
        took.sort();
        let slow = took[(took.len() * 99 / 100).min(took.len() - 1)];
        (i64::try_from(took.len()).unwrap(), slow, load.join().unwrap())
    })
}

/// A-DOS-07, INT-002
#[test]
fn strangers_leave_nothing_behind() {
    let (requests, home) = (sized("VESTIBULE_JUNK", 3_000), Home::new("junk"));
    let file = home.file("demo.sqlite3");
    let running = home.open(&format!("sqlite:{}", file.display()));
    let origin = home.origin();
    let (mut carol, mut line) = (Person::carol(&home, &running), running.line());
    // Whatever grows once has grown.
    send(running.address, &origin, &|n| n % SMALL, 500);
    let before = (rows(&file), memory(running.process()));

    let small = |n: u32| n / SMALL * SHAPES + n % SMALL;
    let (honest, slow, seen) =
        beside(&mut carol, &mut line, || send(running.address, &origin, &small, requests));
    let left = rows(&file) - before.0 - honest;
    println!(
        "{requests} small: {seen:?} (2xx and 3xx, 4xx, unavailable), {left} rows; {honest} honest launches, slowest hundredth {slow:?}"
    );
    assert!(left <= 0, "{left} rows were left by strangers");
    assert_eq!(seen[2], 0, "unavailable");
    assert!(honest > 3, "{honest} honest launches");

    let large = (requests / 10).clamp(1_400, 10_000);
    let (honest, slow, seen) = beside(&mut carol, &mut line, || {
        send(running.address, &origin, &|n| n / 2 * SHAPES + SMALL + n % 2, large)
    });
    let left = rows(&file) - before.0;
    println!(
        "{large} large: {seen:?}, {left} rows in all; {honest} honest launches, slowest hundredth {slow:?}"
    );
    // The counter above sees rows where there are some.
    assert!(left >= QUOTA, "{left} rows: the quota was not reached");
    assert_eq!(seen[0], u32::try_from(QUOTA).unwrap(), "as many as the quota allows");
    assert!(honest > 3, "{honest} honest launches beside a full quota");

    let grown = memory(running.process()).saturating_sub(before.1);
    println!("grew by {grown} KiB");
    assert!(grown <= MOST_GROWTH, "grew by {grown} KiB");
}

/// The measure above would see a program that keeps something of every request.
#[test]
fn a_program_that_keeps_every_request_is_seen_to_grow() {
    if std::env::var_os(VICTIM).is_some() {
        return keep_everything();
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "junk::a_program_that_keeps_every_request_is_seen_to_grow", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = said.find_map(|line| line.split_once("listens on ")?.1.parse().ok()).unwrap();
    let before = memory(child.id());
    send(address, "http://127.0.0.1:1", &|n| n, 1_000);
    let grown = memory(child.id()).saturating_sub(before);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(grown > MOST_GROWTH, "grew by {grown} KiB only");
}

/// Answers everything, and forgets nothing.
fn keep_everything() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("listens on {}", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        std::thread::spawn(move || {
            let mut stream = stream.unwrap();
            let (mut kept, mut buffer) = (Vec::new(), [0; 64 * 1024]);
            while let Ok(1..) = stream.read(&mut buffer) {
                kept.push(vec![1_u8; 256 * 1024]);
                let end = format!("HTTP/1.1 303 X\r\nlocation: {CALLBACK}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(end.as_bytes()).unwrap();
            }
        });
    }
}
