//! Answers that no key set is read from.

use std::time::Duration;

use crate::checks::{ensure, holds, holds_on_loopback, is_refused};
use crate::engine::{Outcome, authenticate};
use crate::server::{Answer, Server, head, http, json, keys};

const JSON: &str = "content-type: application/json";
const TOTAL: Duration = Duration::from_millis(5_100);
const CONNECT: Duration = Duration::from_millis(2_100);
const AT_ONCE: Duration = Duration::from_millis(900);

/// Every answer carries the key that is looked for, so that a fetcher which uses any of it lets the client in.
fn good() -> String {
    keys(&["a"])
}

/// What arrives, and how long a fetcher may take over it.
pub(crate) fn hostile(flood: usize) -> Vec<(&'static str, Answer, Duration)> {
    let padded = format!("{{\"keys\":[{{\"kid\":\"a\"}}],\"x\":\"{}\"}}", "x".repeat(10 << 20));
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).into_bytes();
    let plain = "x".repeat(0x1000).into_bytes();
    let open = |headers: &[&str]| {
        let mut bytes = head("200 OK", headers);
        bytes.extend(good().into_bytes());
        bytes
    };
    let chunked = |body: &str| [head("200 OK", &[JSON, "transfer-encoding: chunked"]), body.into()].concat();
    let first = format!("{:x}\r\n{}\r\n", good().len(), good());
    let many_lines: Vec<String> = (0..100).map(|n| format!("x-{n}: y")).collect();
    let many_lines: Vec<&str> = many_lines.iter().map(String::as_str).chain([JSON]).collect();
    let long_line = format!("x: {}", "y".repeat(100_000));
    let unended = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n".to_vec();
    let early = b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec();
    let cut = |answer: Answer| match answer {
        Answer::Bytes(bytes) => Answer::Cut(bytes[..bytes.len() - 1].to_vec()),
        other => other,
    };
    let with = |headers: &[&str]| http("200 OK", headers, good());
    vec![
        // Time.
        ("slow drip", Answer::Drip(open(&[JSON])), TOTAL),
        ("slow drip of header lines", Answer::Drip(unended.clone()), TOTAL),
        ("hangs after the question", Answer::Hang, TOTAL),
        ("ten minutes later", Answer::After(Duration::from_secs(600), Box::new(with(&[JSON]))), TOTAL),
        // Size.
        ("10 MiB, said so", http("200 OK", &[JSON], &padded), AT_ONCE),
        ("one byte too long", http("200 OK", &[JSON], &padded[..256 * 1024 + 1]), AT_ONCE),
        (
            "a length beyond all numbers",
            Answer::Bytes(open(&[JSON, "content-length: 99999999999999999999"])),
            AT_ONCE,
        ),
        ("10 MiB, not said", Answer::Flood(open(&[JSON]), plain, flood / 0x1000), AT_ONCE),
        ("endless chunks", Answer::Flood(chunked(&first), chunk, flood / 0x1000), AT_ONCE),
        ("endless header lines", Answer::Flood(unended, b"x: y\r\n".to_vec(), flood / 64), AT_ONCE),
        ("endless interim answers", Answer::Flood(early.clone(), early, 5_000), AT_ONCE),
        ("100 header lines", with(&many_lines), AT_ONCE),
        ("a long header line", with(&[JSON, &long_line]), AT_ONCE),
        // Status.
        ("201", http("201 Created", &[JSON], good()), AT_ONCE),
        ("203", http("203 Non-Authoritative Information", &[JSON], good()), AT_ONCE),
        ("206", http("206 Partial Content", &[JSON, "content-range: bytes 0-20/21"], good()), AT_ONCE),
        ("304", Answer::Bytes(head("304 Not Modified", &[JSON])), AT_ONCE),
        ("404", http("404 Not Found", &[JSON], good()), AT_ONCE),
        ("410", http("410 Gone", &[JSON], good()), AT_ONCE),
        ("429", http("429 Too Many Requests", &[JSON], good()), AT_ONCE),
        ("500", http("500 Internal Server Error", &[JSON], good()), AT_ONCE),
        ("101", Answer::Bytes(open(&[JSON])).replaced("200 OK", "101 Switching Protocols"), AT_ONCE),
        // Content.
        ("HTML", with(&["content-type: text/html"]), AT_ONCE),
        ("plain text", with(&["content-type: text/plain"]), AT_ONCE),
        ("no content type", with(&[]), AT_ONCE),
        ("two content types", with(&[JSON, "content-type: text/html"]), AT_ONCE),
        ("HTML labelled as JSON", http("200 OK", &[JSON], "<p>\"kid\":\"a\"</p>"), AT_ONCE),
        ("a JSON array", http("200 OK", &[JSON], "[{\"kid\":\"a\"}]"), AT_ONCE),
        ("more than one JSON value", http("200 OK", &[JSON], format!("{0}{0}", good())), AT_ONCE),
        (
            "JSON that goes very deep",
            http("200 OK", &[JSON], format!("{}\"kid\":\"a\"", "{\"x\":".repeat(40_000))),
            AT_ONCE,
        ),
        ("not UTF-8", http("200 OK", &[JSON], b"{\"kid\":\"a\",\"\xff\":1}"), AT_ONCE),
        ("gzip", with(&[JSON, "content-encoding: gzip"]), AT_ONCE),
        ("an unknown encoding", with(&[JSON, "content-encoding: x"]), AT_ONCE),
        (
            "identity and then gzip",
            with(&[JSON, "content-encoding: identity", "content-encoding: gzip"]),
            AT_ONCE,
        ),
        (
            "gzip in transit",
            Answer::Bytes(chunked(&format!("{first}0\r\n\r\n"))).replaced(": chunked", ": gzip, chunked"),
            AT_ONCE,
        ),
        // Breaks.
        ("cut off", cut(with(&[JSON])), AT_ONCE),
        ("cut off within a chunk", Answer::Bytes(chunked(&first[..first.len() - 4])), AT_ONCE),
        ("no last chunk", Answer::Bytes(chunked(&first)), AT_ONCE),
        ("two lengths", Answer::Bytes(open(&[JSON, "content-length: 21", "content-length: 20"])), AT_ONCE),
        ("HTTP/0.9", Answer::Bytes(good().into_bytes()), AT_ONCE),
        ("another protocol", Answer::Bytes(b"220 mail.example ESMTP \"kid\":\"a\"\r\n".to_vec()), AT_ONCE),
        ("a header line that is none", Answer::Bytes(open(&[JSON, "\"kid\":\"a\" "])), AT_ONCE),
        ("closes at once", Answer::Cut(Vec::new()), AT_ONCE),
    ]
}

impl Answer {
    fn replaced(self, from: &str, to: &str) -> Self {
        let Self::Bytes(bytes) = self else { return self };
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(from));
        Self::Bytes(text.replace(from, to).into_bytes())
    }
}

/// A-JWKS-05, A-JWKS-06, A-JWKS-14, FETCH-004, FETCH-006, SMART-CAUTH-068: each costs one connection and five seconds at most, another client
/// does not wait, and the next answer is looked at without regard to this one.
#[tokio::test(start_paused = true)]
async fn hostile_answers_are_refused() {
    for (name, answer, limit) in hostile(10 << 20) {
        println!("{name}");
        holds(async |world| is_refused(world, answer.clone(), limit).await).await;
    }
}

/// FETCH-004: a server that takes the connection and no TLS.
#[tokio::test(start_paused = true)]
async fn a_connection_takes_two_seconds_at_most() {
    holds(async |world| is_refused(world, Answer::Mute, CONNECT).await).await;
}

/// FETCH-004: what is refused above is not refused for being odd. These are good answers.
#[tokio::test(start_paused = true)]
async fn good_answers_are_taken() {
    let largest = format!("{{\"kid\":\"a\",\"x\":\"{}\"}}", "x".repeat(256 * 1024 - 18));
    assert_eq!(largest.len(), 256 * 1024);
    let chunk = |body: &str| format!("{:x}\r\n{body}\r\n", body.len());
    let chunks = [chunk(&good()[..5]), chunk(&good()[5..]), "0\r\nx-trailer: y\r\n\r\n".to_owned()].concat();
    let early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec();
    let Answer::Bytes(plain) = json("no-store", good()) else { panic!() };
    for (name, answer) in [
        ("plain", Answer::Bytes(plain.clone())),
        ("the largest", http("200 OK", &[JSON], largest)),
        ("its own type", http("200 OK", &["content-type: application/jwk-set+json; charset=utf-8"], good())),
        ("identity", http("200 OK", &[JSON, "content-encoding: identity"], good())),
        (
            "chunks",
            Answer::Bytes([head("200 OK", &[JSON, "transfer-encoding: chunked"]), chunks.into()].concat()),
        ),
        ("until the end", Answer::Bytes([head("200 OK", &[JSON]), good().into()].concat())),
        ("after an interim answer", Answer::Bytes([early, plain].concat())),
        (
            "late, but in time",
            Answer::After(Duration::from_millis(4_900), Box::new(json("no-store", good()))),
        ),
    ] {
        println!("{name}");
        let works = async |world: std::sync::Arc<crate::world::World>| {
            let (server, url) = world.server(Server::always(answer.clone())).await;
            let outcome = authenticate(&world, &*world.fetcher(), &url, "a").await;
            ensure(outcome == Outcome::Found && server.connections() == 1, format!("{outcome:?}"))
        };
        let world = std::sync::Arc::new(crate::world::World::in_memory(crate::world::Subject::Guarded));
        assert_eq!(works(world).await, Ok(()));
    }
}

/// A-JWKS-04, FETCH-002: into the host's network, to itself, or elsewhere: one connection, and no other.
#[tokio::test(start_paused = true)]
async fn no_redirect_is_followed() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        holds(async |world| is_not_led(world, status).await).await;
    }
    holds_on_loopback(async |world| is_not_led(world, "302 Found").await).await;
    holds(async |world| {
        let to_itself = http("302 Found", &["location: https://keys1.example/jwks"], "");
        let (server, url) = world.server(Server::always(to_itself)).await;
        let outcome = authenticate(&world, &*world.fetcher(), &url, "a").await;
        ensure(outcome == Outcome::Refused, format!("{outcome:?}"))?;
        ensure(server.connections() == 1, format!("{} connections", server.connections()))
    })
    .await;
}

async fn is_not_led(world: std::sync::Arc<crate::world::World>, status: &str) -> crate::checks::Verdict {
    let (inside, inside_url) = world.inside(Server::always(json("no-store", good()))).await;
    let (outside, outside_url) = world.server(Server::always(json("no-store", good()))).await;
    for location in [inside_url, outside_url] {
        let answer = http(status, &[JSON, &format!("location: {location}")], good());
        let (server, url) = world.server(Server::always(answer)).await;
        let outcome = authenticate(&world, &*world.fetcher(), &url, "a").await;
        ensure(inside.connections() + outside.connections() == 0, "it was followed")?;
        ensure(outcome == Outcome::Refused, format!("{outcome:?}"))?;
        ensure(server.connections() == 1, format!("{} connections", server.connections()))?;
    }
    Ok(())
}
