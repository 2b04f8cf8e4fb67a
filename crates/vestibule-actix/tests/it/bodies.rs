//! Behind a socket: bodies of every kind.

use vestibule_http_tests::Adapter;
use vestibule_http_tests::world::{World, config};

/// A grant that no engine knows, asked for by an app that this one does.
const FORM: &str = "client_id=pub&grant_type=unheard_of";

/// The engine's own words for a body that it never saw.
const TOO_LARGE: &str =
    "\r\n\r\n{\"error\":\"invalid_request\",\"error_description\":\"the request is too large\"}";

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /auth/token HTTP/1.1\r\nhost: h\r\ncontent-type: application/x-www-form-urlencoded\r\n{headers}\r\n\r\n{body}"
    )
}

async fn sent(world: &World, request: String) -> String {
    String::from_utf8(world.door.raw(request).await.unwrap()).unwrap()
}

fn chunks(size: usize, count: usize) -> String {
    format!("{size:x}\r\n{}\r\n", "x".repeat(size)).repeat(count)
}

#[tokio::test]
async fn a_body_arrives_whole() {
    let world = World::behind(Adapter::Actix, config());
    let plain = post(&format!("connection: close\r\ncontent-length: {}", FORM.len()), FORM);
    let pieces: String = FORM
        .as_bytes()
        .chunks(7)
        .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap()))
        .collect();
    let chunked = post("connection: close\r\ntransfer-encoding: chunked", &format!("{pieces}0\r\n\r\n"));
    for request in [plain, chunked] {
        let answer = sent(&world, request).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("unsupported_grant_type"), "{answer}");
    }
    // No length is no body, whatever follows.
    let none = sent(&world, post("connection: close", FORM)).await;
    assert!(none.contains("invalid_request"), "{none}");
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let world = World::behind(Adapter::Actix, config());
    // Announced, and not even begun.
    let announced = sent(&world, post("connection: close\r\ncontent-length: 1000000000", "")).await;
    // Never announced.
    let streamed =
        sent(&world, post("connection: close\r\ntransfer-encoding: chunked", &chunks(0x4000, 100))).await;
    // One byte too many.
    let long = "x".repeat(64 * 1024 + 1);
    let over =
        sent(&world, post(&format!("connection: close\r\ncontent-length: {}", long.len()), &long)).await;
    for answer in [announced, streamed, over] {
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.ends_with(TOO_LARGE), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("\r\nserver:"), "{answer}");
    }
    let most = &long[1..];
    let whole =
        sent(&world, post(&format!("connection: close\r\ncontent-length: {}", most.len()), most)).await;
    assert!(
        whole.starts_with("HTTP/1.1 4") && whole.contains("\"error\""),
        "the engine's own answer: {whole}"
    );
}

#[tokio::test]
async fn what_follows_a_refused_body_is_no_request() {
    let world = World::behind(Adapter::Actix, config());
    // The rest of a body that was refused must not be read as a request of its own.
    let smuggled = "GET /auth/keys HTTP/1.1\r\nhost: h\r\n\r\n".repeat(2_000);
    let answer = sent(&world, post(&format!("content-length: {}", smuggled.len()), &smuggled)).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{}", answer.get(..200).unwrap_or(&answer));
    assert!(!answer.contains("\"keys\""), "answered what was in the body");
}

#[tokio::test]
async fn a_broken_body_is_no_request() {
    let world = World::behind(Adapter::Actix, config());
    for request in [
        post("connection: close\r\ntransfer-encoding: chunked", "zz\r\nclient_id=pub\r\n"),
        post("connection: close\r\ntransfer-encoding: gzip", FORM),
        post("connection: close\r\ncontent-length: 5\r\ncontent-length: 6", FORM),
        post("connection: close\r\ncontent-length: -1", FORM),
        post(
            &format!("connection: close\r\ncontent-length: {}\r\ntransfer-encoding: chunked", FORM.len()),
            FORM,
        ),
    ] {
        let answer = sent(&world, request).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert!(!answer.contains("unsupported_grant_type"), "it reached the engine: {answer}");
    }
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let world = World::behind(Adapter::Actix, config());
    let one = post(&format!("content-length: {}", FORM.len()), FORM);
    let last = post(&format!("connection: close\r\ncontent-length: {}", FORM.len()), FORM);
    let answers = sent(&world, format!("{one}{one}{last}")).await;
    assert_eq!(answers.matches("HTTP/1.1 400").count(), 3, "{answers}");
}
