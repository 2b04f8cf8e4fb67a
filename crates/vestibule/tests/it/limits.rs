//! Everything has a bound, and junk leaves nothing behind.

use bytes::Bytes;
use http::{Method, Request};
use vestibule::Unread;
use vestibule_http_tests::registering::by_token;
use vestibule_testkit::SeededEntropy;

use crate::app::{Az, CB, address_of, az, tk};
use crate::browser::{Answer, Browser};
use crate::world::{P1, World, config};

// Futures are moved onto stacks of two megabytes, often through several layers of a framework.
#[tokio::test]
async fn a_request_needs_little_stack() {
    let world = World::new();
    let request = Request::get("/auth/authorize").body(Bytes::new()).unwrap();
    let size = std::mem::size_of_val(&world.server.handle(request));
    assert!(size <= 32 * 1024, "{size}");
}

/// A request that is too large for a cookie.
fn large(client: &str) -> Az {
    let scope: String =
        (0..100).map(|number| format!(" patient/Observation.rs?category=number-{number}")).collect();
    az(client).scope(&format!("launch/patient patient/Condition.rs{scope}"))
}

async fn post(world: &World, request: &Az) -> Answer {
    let mut browser = Browser::new(world);
    let request = browser.request(Method::POST, "/auth/authorize", &request.query());
    browser.send(request).await
}

/// A-DOS-01, GEN-009
#[tokio::test]
async fn a_large_body_is_refused_everywhere() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let path = browser.path.clone();
    let megabytes = "a".repeat(10 * 1024 * 1024);
    let pairs = "a=b&".repeat(2 * 1024 * 1024);
    for body in [&megabytes, &pairs] {
        for path in ["/auth/authorize", path.as_str(), "/auth/manage"] {
            let request = browser.request(Method::POST, path, body);
            browser.send(request).await.is_page(413);
        }
        let mut request = tk("pub", "x").request();
        *request.body_mut() = Bytes::from(body.clone());
        Answer::from(world.server.handle(request).await).is_error(413, "invalid_request");
    }
    // The largest that is read.
    let mut request = tk("pub", "x").add("padding", "").request();
    let missing = 64 * 1024 - request.body().len();
    let body = [&request.body()[..], "x".repeat(missing).as_bytes()].concat();
    *request.body_mut() = Bytes::from(body);
    Answer::from(world.server.handle(request).await).is_error(400, "invalid_grant");
    assert!(browser.pick(P1).await.is_consent());
}

/// A body that stays with the adapter is answered as one that does not: a page to a browser, an error to a program, readable
/// from where the endpoint's other errors are.
///
/// GEN-009, SMART-CORS-006, A-DOS-01
#[tokio::test]
async fn a_body_that_nobody_read_is_answered_by_its_endpoint() {
    let world = World::new().registering(by_token());
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let path = browser.path.clone();
    let unread = async |path: &str, origin: &str, why: Unread| {
        let request = Request::post(path).header("origin", origin).body(()).unwrap();
        Answer::from(world.server.handle_unread(&request.into_parts().0, why).await)
    };
    let (ours, theirs) = ("https://app.example", "https://evil.test");
    for (why, status) in [(Unread::TooLarge, 413), (Unread::Broken, 400)] {
        for (path, readable) in [
            ("/auth/token", true),
            ("/auth/revoke", true),
            ("/auth/userinfo", true),
            ("/auth/introspect", false),
            ("/auth/register", false),
            ("/auth/register/some-app", false),
        ] {
            let answer = unread(path, ours, why).await;
            answer.is_error(status, "invalid_request");
            let origin = answer.header("access-control-allow-origin");
            assert_eq!(origin, if readable { ours } else { "" }, "{path}");
            assert_eq!(unread(path, theirs, why).await.header("access-control-allow-origin"), "", "{path}");
        }
        let document = unread("/.well-known/openid-configuration", theirs, why).await;
        document.is_error(status, "invalid_request");
        assert_eq!(document.header("access-control-allow-origin"), "*");
        for path in ["/auth/authorize", path.as_str(), "/auth/manage", "/nothing-here"] {
            unread(path, ours, why).await.is_page(status);
        }
    }
    let told = world.observed.last();
    assert_eq!((told.endpoint.name(), told.outcome.name()), ("interaction", "malformed"));
    // The endpoint is there only where it is wired (A-DCR-01).
    let plain = World::new();
    let (head, ()) = Request::post("/auth/register").body(()).unwrap().into_parts();
    Answer::from(plain.server.handle_unread(&head, Unread::TooLarge).await).is_page(413);
}

/// GEN-009, A-DOS-14
#[tokio::test]
async fn a_long_query_or_many_parameters_are_refused() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    browser.authorize(&az("pub").add("padding", &"x".repeat(33 * 1024))).await.is_page(413);
    browser.authorize(&az("pub").add("padding", &"x".repeat(30 * 1024))).await;
    let many = |count: usize| (0..count).fold(az("pub"), |az, at| az.add(&format!("p{at}"), "x"));
    browser.authorize(&many(57)).await.is_page(400);
    assert_eq!(browser.authorize(&many(56)).await.status, 303);
    let fields = (0..60).fold(tk("pub", "x"), |tk, at| tk.add(&format!("p{at}"), "x"));
    fields.send(&world).await.is_error(400, "invalid_request");
    let mut alice = Browser::of(&world, "alice");
    alice.begin(&az("pub")).await;
    let boxes = vec![("scope", "x"); 5_000];
    alice.submit(&boxes).await.is_page(400);
    assert!(alice.reload().await.is_picker());
    let mut request = alice.request(Method::POST, "/auth/manage", &"a=b&".repeat(100));
    request.headers_mut().remove("origin");
    alice.send(request).await.is_page(400);
}

/// A-DOS-07
#[tokio::test]
async fn a_large_request_is_stored_and_works() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let request = browser.request(Method::POST, "/auth/authorize", &large("pub").query());
    let answer = browser.send(request).await;
    assert!(answer.location().starts_with("/auth/i/"), "{answer:?}");
    assert!(world.spy.written().contains("number-99"), "stored, since no cookie can hold it");
    for cookie in answer.cookies() {
        assert!(cookie.len() < 3 * 1024 + 200, "{}", cookie.len());
    }
    browser.path = answer.location().to_owned();
    // The row alone is not enough.
    Browser::of(&world, "alice").get(&browser.path.clone()).await.is_page(403);
    assert_eq!(browser.reload().await.status, 303);
    browser.session = Some("alice/s1".into());
    assert!(browser.reload().await.is_picker());
    assert!(browser.pick(P1).await.is_consent());
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    assert!(tokens["scope"].as_str().unwrap().contains("number-99"));
}

/// A-DOS-07, GEN-013
#[tokio::test]
async fn stored_requests_have_a_quota() {
    let world = World::with(config().with_quota_per_client(3));
    for _ in 0..3 {
        assert!(post(&world, &large("pub")).await.location().starts_with("/auth/i/"));
    }
    for _ in 0..3 {
        post(&world, &large("pub")).await.is_refusal(CB, "temporarily_unavailable");
    }
    // Small requests, and other apps, go on.
    assert!(post(&world, &az("pub")).await.location().starts_with("/auth/i/"));
    assert!(post(&world, &large("basic")).await.location().starts_with("/auth/i/"));
    for _ in 0..2 {
        assert!(post(&world, &large("basic")).await.location().starts_with("/auth/i/"));
    }
    post(&world, &large("basic")).await.is_refusal(address_of("basic"), "temporarily_unavailable");
    // Their time is over: there is room again.
    world.advance(660);
    assert!(post(&world, &large("pub")).await.location().starts_with("/auth/i/"));
    // Whoever signs in counts no longer.
    let world = World::with(config().with_quota_per_client(1));
    for _ in 0..3 {
        let mut browser = Browser::of(&world, "alice");
        let request = browser.request(Method::POST, "/auth/authorize", &large("pub").query());
        let answer = browser.send(request).await;
        assert!(answer.location().starts_with("/auth/i/"));
        browser.path = answer.location().to_owned();
        assert!(browser.reload().await.is_picker());
    }
}

/// A-DOS-07, A-AERR-17
#[tokio::test]
async fn a_store_that_is_away_holds_no_large_request() {
    let world = World::new();
    world.script.away("grants", true);
    post(&world, &large("pub")).await.is_refusal(CB, "temporarily_unavailable");
    assert!(post(&world, &az("pub")).await.location().starts_with("/auth/i/"));
    world.script.away("grants", false);
    assert_eq!(world.count_rows_and_purge().await, 0);
}

/// A-DOS-07, A-DOS-11
#[tokio::test]
async fn ten_thousand_authorize_requests_leave_no_row() {
    let world = World::new();
    let kinds = [
        az("pub"),
        az("nope"),
        az("pub").set("redirect_uri", "https://evil.test/"),
        az("pub").set("aud", "x"),
        az("pub").scope("x"),
        az("pub").add("launch", &format!("vl_{}", "A".repeat(43))),
        az("basic").set("state", &"s".repeat(1_000)),
        az("pub").without("code_challenge"),
    ];
    for round in 0..10_000_usize {
        let request = &kinds[round % kinds.len()];
        let uri = format!("/auth/authorize?{}", request.query());
        let answer = world.server.handle(Request::get(uri).body(Bytes::new()).unwrap()).await;
        assert!(matches!(answer.status().as_u16(), 303 | 400));
    }
    let writes = [
        "grants.put_launch",
        "grants.advance_interaction",
        "grants.issue_code",
        "grants.redeem_code",
        "grants.revoke",
    ];
    assert!(!world.script.calls().iter().any(|call| writes.contains(call)));
    assert_eq!(world.spy.written(), "");
    assert_eq!(world.count_rows_and_purge().await, 0);
}

/// A-DOS-11, A-ERR-07
#[tokio::test]
async fn arbitrary_bytes_meet_neither_panic_nor_500() {
    let world = World::new();
    let random = SeededEntropy::new(7);
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let paths = ["/auth/authorize", "/auth/token", "/auth/manage", browser.path.as_str()].map(str::to_owned);
    let words = [
        "client_id=pub",
        "&",
        "=",
        "%",
        "%0",
        "%00",
        "%ff",
        "redirect_uri=https%3A%2F%2Fapp.example%2Fcb",
        "scope=",
        "launch=vl_",
        "step=1.patient.",
        "patient=",
        "decision=allow",
        "grant_type=authorization_code",
        "code=vc_",
        "\u{0}",
        "\u{e9}",
        "+",
        ";",
        "?",
        "code_verifier=",
        "state=s",
        "aud=",
        "move=choose",
        "after=",
        "revoke=g_",
        "q=",
        "response_type=code",
    ];
    for _ in 0..5_000 {
        let body: String = (0..random.below(24))
            .map(|_| words[usize::try_from(random.below(words.len() as u64)).unwrap()])
            .collect();
        let path = &paths[usize::try_from(random.below(4)).unwrap()];
        let mut request = browser.request(Method::POST, path, &body);
        if random.below(4) == 0 {
            let bytes: Vec<u8> = (0..random.below(64)).map(|_| random.next().to_be_bytes()[7]).collect();
            *request.body_mut() = Bytes::from(bytes);
        }
        if random.below(8) == 0 {
            let junk: Vec<u8> = (0..random.below(32)).map(|_| random.next().to_be_bytes()[7]).collect();
            if let Ok(value) = http::HeaderValue::from_bytes(&junk) {
                let names = [
                    "authorization",
                    "cookie",
                    "content-type",
                    "accept-language",
                    "origin",
                    "sec-fetch-site",
                ];
                request.headers_mut().insert(names[usize::try_from(random.below(6)).unwrap()], value);
            }
        }
        let answer = Box::pin(world.server.handle(request)).await;
        assert!(answer.status().as_u16() < 500, "{path}: {body:?}: {}", answer.status());
    }
    assert_eq!(world.spy.codes(), 0);
}

/// A-ERR-07, GEN-011
#[tokio::test]
async fn what_is_not_there_is_404() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    for path in [
        "/",
        "/auth",
        "/auth/",
        "/auth/authorize/",
        "/auth/Token",
        "//auth/token",
        "/auth/i/",
        "/auth/revoke/",
        "/auth/register",
        "/.well-known/smart-configuration",
        "/r4",
        "/r4/Patient",
        "/r4/.well-known/smart-configuration/",
    ] {
        browser.get(path).await.is_page(404);
    }
}
