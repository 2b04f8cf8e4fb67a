//! Who learns what: the client nothing, the operator why, the server no more than it must.

use std::error::Error;
use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use vestibule_fetch::FetchOptions;
use vestibule_host::FetchError;

use crate::engine::{Outcome, authenticate};
use crate::net::{NO_ROOM, TAR_PIT};
use crate::server::{Answer, Server, http, json, keys};
use crate::world::{Subject, World, authority};

const JSON: &str = "content-type: application/json";

/// A world of failures: what leads to each, and what the operator reads.
async fn failures(world: &World) -> Vec<(String, &'static str)> {
    let net = &world.net;
    for (name, address) in [
        ("inside.example", "10.0.0.1"),
        ("closed.example", "11.9.0.1"),
        ("hole.example", "11.9.0.2"),
        ("stranger.example", "11.9.0.3"),
        ("clear.example", "11.9.0.4"),
    ] {
        net.name(name, &[&[address]]);
    }
    net.name("empty.example", &[&[]]);
    net.black_hole("11.9.0.2");
    let answer = || Server::always(json("no-store", keys(&["a"])));
    net.server("11.9.0.3", 443, answer().with_tls(authority().server_config("other.example")));
    net.server("11.9.0.4", 443, answer());
    let mut failures: Vec<(String, &str)> = [
        ("http://keys.example/", "the address is not https"),
        ("https://127.0.0.1/", "the address is not a public one"),
        ("https://localhost/", "the host of the address is neither a plain name nor a plain address"),
        ("https://unknown.example/", "the name could not be resolved: entity not found"),
        ("https://empty.example/", "the name has no address"),
        (
            "https://inside.example/",
            "the name leads to 10.0.0.1, which is not a public address; nothing was connected to",
        ),
        ("https://closed.example/", "no connection: connection refused"),
        ("https://hole.example/", "no connection in time"),
        ("https://clear.example/", "no connection in time"),
        (
            "https://stranger.example/",
            "no TLS connection: invalid peer certificate: certificate not valid for name",
        ),
    ]
    .map(|(url, reason)| (url.to_owned(), reason))
    .into();
    failures.push((format!("https://{TAR_PIT}/"), "no whole answer in time"));
    for (answer, reason) in [
        (http("404 Not Found", &[JSON], "{}"), "the answer is 404 Not Found"),
        (http("302 Found", &["location: https://10.0.0.1/"], ""), "the answer is 302 Found"),
        (http("200 OK", &["content-type: text/html"], "{}"), "the answer has the wrong content type"),
        (http("200 OK", &[JSON, "content-encoding: br"], "{}"), "the answer is compressed or encoded"),
        (http("200 OK", &[JSON], "oops"), "the answer is not a JSON object"),
        (http("200 OK", &[JSON], " ".repeat(300_000)), "the answer is too long"),
        (Answer::Hang, "no whole answer in time"),
        (Answer::Cut(b"HTTP/1.1 200".to_vec()), "the answer is broken or was cut off: "),
    ] {
        failures.push((world.server(Server::always(answer)).await.1, reason));
    }
    failures
}

/// The whole chain, as an operator's log prints it.
fn reasons(error: &FetchError) -> String {
    let mut text = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        text.push(error.to_string());
        source = error.source();
    }
    text.join(": ")
}

/// A-JWKS-15, FETCH-007: one answer for all, whatever listens where; and for each a reason that is not the client's to read.
#[tokio::test(start_paused = true)]
async fn a_failure_tells_the_client_nothing() {
    let world = World::in_memory(Subject::Guarded);
    let fetcher = world.fetcher();
    for (url, reason) in failures(&world).await {
        let error = fetcher.key_set(&url, world.now(), None).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused(_)), "{url}: {error:?}");
        assert_eq!(error.to_string(), "the client's key set cannot be used", "{url}");
        let read = reasons(&error);
        assert!(read.starts_with(reason), "{url}: {read}");
    }
    let error = fetcher.key_set(&format!("https://{NO_ROOM}/"), world.now(), None).await.unwrap_err();
    assert!(matches!(error, FetchError::Busy(_)));
    assert_eq!(error.to_string(), "no key set can be fetched at the moment");
    assert_eq!(reasons(&error), "too many names are being resolved");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// FETCH-007, LOG-002: the log says why, once for each fetch, and holds nothing of what was asked or answered.
#[tokio::test(start_paused = true)]
async fn the_log_says_why_and_no_more() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let world = World::in_memory(Subject::Guarded);
    let fetcher = world.fetcher();
    // Whichever test comes first to a place that logs decides, for its own thread, whether anybody listens there. So go there,
    // and then have it decided again.
    let (_, good) = world.server(Server::always(json("no-store", "{}"))).await;
    for url in [&good, "https://unknown.example/"] {
        let _ = fetcher.key_set(url, world.now(), None).await;
    }
    tracing::callsite::rebuild_interest_cache();
    for (url, reason) in failures(&world).await {
        log.0.lock().unwrap().clear();
        let asked = format!("{url}canary-path?key=canary-query");
        let failed = tokio::join!(
            fetcher.key_set(&asked, world.now(), None),
            fetcher.key_set(&asked, world.now(), None)
        );
        assert!(failed.0.is_err() && failed.1.is_err());
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        // An address that cannot be asked is refused before there is a fetch; the caller has the reason.
        if !reason.starts_with("the address") && !reason.starts_with("the host") {
            assert_eq!(text.matches("no key set of a client").count(), 1, "{url}: {text}");
            assert!(
                text.contains(reason.trim_end_matches(": ").split(": ").next().unwrap()),
                "{url}: {text}"
            );
            assert!(text.contains("WARN") && text.contains(".example"), "{url}: {text}");
        }
        assert!(!text.contains("canary"), "{text}");
    }
    log.0.lock().unwrap().clear();
    let body = "{\"keys\":[],\"x\":\"canary-body\"}";
    let (_, url) = world.server(Server::always(json("max-age=60, x=canary-header", body))).await;
    fetcher.key_set(&url, world.now(), None).await.unwrap();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("fetched a client's key set") && text.contains("fresh_seconds=60"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    assert!(!format!("{fetcher:?}").contains("canary"));
}

/// FETCH-002, SMART-CAUTH-066: what a server learns is that somebody asked.
#[tokio::test(start_paused = true)]
async fn the_question_is_plain() {
    let world = World::in_memory(Subject::Guarded);
    let cookie = [JSON, "set-cookie: a=b", "cache-control: no-store"];
    let (server, url) = world.server(Server::always(http("200 OK", &cookie, "{}"))).await;
    let fetcher = world.fetcher();
    for _ in 0..2 {
        fetcher.key_set(&format!("{url}?x=%20y"), world.now(), None).await.unwrap();
    }
    let question = "GET /jwks?x=%20y HTTP/1.1\r\n\
        host: keys1.example\r\n\
        accept: application/jwk-set+json, application/json\r\n\
        accept-encoding: identity\r\n\
        user-agent: vestibule\r\n\
        connection: close\r\n\r\n";
    assert_eq!(server.questions(), [question, question]);
}

/// FETCH-002: no proxy from the environment, which may be there for other programs and would undo every check. Run a second time
/// by the test below, with proxies set.
#[tokio::test]
async fn a_server_is_asked_directly() {
    let world = World::on_loopback(Subject::Guarded);
    let (server, url) = world.server(Server::always(json("no-store", keys(&["a"])))).await;
    let fetcher = world.fetcher_with(FetchOptions::default());
    assert_eq!(authenticate(&world, &*fetcher, &url, "a").await, Outcome::Found);
    assert_eq!(server.connections(), 1);
}

/// FETCH-002
#[test]
fn proxies_of_the_environment_are_not_asked() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", trap.local_addr().unwrap());
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "reasons::a_server_is_asked_directly"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        again.env(name, &proxy);
    }
    let ran = again.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    assert!(ran.status.success() && String::from_utf8_lossy(&ran.stdout).contains("1 passed"), "{ran:?}");
    trap.set_nonblocking(true).unwrap();
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody asked the proxy");
}
