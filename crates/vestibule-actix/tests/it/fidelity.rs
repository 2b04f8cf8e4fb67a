//! Behind a socket: two equal worlds, one asked directly, give equal answers.

use bytes::Bytes;
use http::{Request, Response};
use vestibule_http_tests::Adapter;
use vestibule_http_tests::app::{az, az_ehr, tk};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{FHIR1, P1, World, config, open_record};

/// Both answers to one request, without the length that only a socket writes.
async fn both(direct: &World, actix: &World, request: impl Fn() -> Request<Bytes>) -> [Response<Bytes>; 2] {
    let mut over = actix.door.send(request()).await;
    over.headers_mut().remove("content-length");
    let mut itself = direct.door.send(request()).await;
    if request().method() == http::Method::HEAD {
        itself.body_mut().clear();
    }
    [itself, over]
}

fn worlds() -> (World, World) {
    (World::new(), World::behind(Adapter::Actix, config()))
}

#[tokio::test]
async fn every_answer_is_the_engines() {
    let (direct, actix) = worlds();
    let authorize = format!("/auth/authorize?{}", az("pub").query());
    let targets = [
        "/",
        "/r4/.well-known/smart-configuration",
        "/.well-known/openid-configuration",
        "/auth/keys",
        &authorize,
        "/auth/authorize?client_id=nope",
        "/auth/token",
        "/auth/token?code=x",
        "/auth/manage",
        "/auth/i/unknown",
        "/auth/../auth/token",
        "/auth//token",
        "/auth/%74oken",
        "/auth/token/",
        "/%ff%00",
        "*",
    ];
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY"] {
        for target in targets.iter().filter(|target| **target != "*" || method == "OPTIONS") {
            let request = || {
                let request = Request::builder().method(method).uri(*target);
                let request = request.header("origin", "https://app.example").header("accept-language", "de");
                request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(Bytes::from("a=b"))
                    .unwrap()
            };
            let [itself, over] = both(&direct, &actix, request).await;
            assert_eq!(over.status(), itself.status(), "{method} {target}");
            assert_eq!(over.headers(), itself.headers(), "{method} {target}");
            assert_eq!(over.body(), itself.body(), "{method} {target}");
        }
    }
}

#[tokio::test]
async fn a_repeated_header_arrives_repeated() {
    let (direct, actix) = worlds();
    let right = format!("Basic {}", "YmFzaWM6YmFzaWMtc2VjcmV0LWJhc2ljLXNlY3JldC1iYXNpYy1zZWNyZXQ=");
    for order in [[right.as_str(), "Basic eDp5"], ["Basic eDp5", right.as_str()]] {
        let request = || {
            let mut request = tk("basic", "vc_none").basic(None).request();
            for value in order {
                request.headers_mut().append("authorization", value.parse().unwrap());
            }
            request
        };
        let [itself, over] = both(&direct, &actix, request).await;
        assert_eq!((itself.status(), itself.body()), (over.status(), over.body()));
        assert_ne!(over.status(), 200);
    }

    // Cookies in two lines, as HTTP/2 may split them: a session is found in either.
    let mut browser = Browser::of(&actix, "alice");
    browser.begin(&az("pub")).await;
    let mut request = browser.request(http::Method::GET, &browser.path, "");
    let line = request.headers_mut().remove("cookie").unwrap();
    for cookie in line.to_str().unwrap().split("; ") {
        request.headers_mut().append("cookie", cookie.parse().unwrap());
    }
    assert!(request.headers().get_all("cookie").iter().count() > 1);
    assert!(Answer::from(actix.door.send(request).await).is_picker());
}

#[tokio::test]
async fn every_page_is_the_engines() {
    let (direct, actix) = worlds();
    let (mut itself, mut over) = (Browser::of(&direct, "alice"), Browser::of(&actix, "alice"));
    let equal = |itself: &Browser, over: &Browser| {
        let mut headers = over.page.headers.clone();
        headers.remove("content-length");
        assert_eq!(headers, itself.page.headers, "each value of each header, in order");
        assert_eq!((over.page.status, &over.page.body), (itself.page.status, &itself.page.body));
    };
    itself.begin(&az("pub")).await;
    over.begin(&az("pub")).await;
    equal(&itself, &over);
    itself.pick(P1).await;
    over.pick(P1).await;
    equal(&itself, &over);
    itself.allow().await;
    over.allow().await;
    equal(&itself, &over);
    assert_eq!(over.set, itself.set);
}

#[tokio::test]
async fn a_launch_from_an_ehr_ends_with_tokens() {
    let world = World::behind(Adapter::Actix, config());
    let handle = world.launch_for("alice", "pub", open_record(P1)).await;
    let tokens = world.tokens_for("pub", &az_ehr("pub", &handle)).await;
    assert_eq!(tokens["patient"], P1);
    assert_eq!(world.access_claims(&tokens).await["aud"], FHIR1);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_no_fault() {
    let (direct, actix) = worlds();
    let request = || {
        let value = http::HeaderValue::from_bytes(b"Basic \xff\xfe\x80").unwrap();
        let mut request = tk("basic", "vc_none").basic(None).request();
        request.headers_mut().insert("authorization", value);
        *request.body_mut() = Bytes::from_static(b"grant_type=\xff\xfe&code=%ff%00&x\xc3");
        request
    };
    let [itself, over] = both(&direct, &actix, request).await;
    assert_eq!((itself.status(), itself.body()), (over.status(), over.body()));
    assert!(over.status().is_client_error());
    for line in [
        "GET /auth/\u{ff} HTTP/1.1",
        "G\0T / HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET / HTTP/9.9",
        "GET http://[/ HTTP/1.1",
    ] {
        let bytes: Vec<u8> = line.chars().map(|c| c as u8).collect();
        let answer =
            actix.door.raw([&bytes[..], b"\r\nhost: h\r\nconnection: close\r\n\r\n"].concat()).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{line}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("actix"), "{answer}");
    }
}
