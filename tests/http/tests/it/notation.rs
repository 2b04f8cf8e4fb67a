//! The catalogue's words.
//!
//! | there | here |
//! |---|---|
//! | each adapter | [`each_adapter`], [`each_adapter_with`] |
//! | `AZ`, by GET and by POST | [`asked`] |
//! | `PAGE` | [`page`] |
//! | `RED e` | [`red`] |
//! | `J400 e`, `J401 e` | [`j400`], [`j401`] |
//! | `NOFX` | [`begins`], or the right request at the end of the test |

use http::Method;
use vestibule::Config;
use vestibule_http_tests::Adapter;
use vestibule_http_tests::app::{Az, CB, az};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{World, config};

/// Runs a row behind each adapter, in a world of its own. A failure says behind which.
pub(crate) fn each_adapter(row: impl AsyncFn(World)) {
    each_adapter_with(config, row);
}

/// The same, with other settings.
pub(crate) fn each_adapter_with(config: impl Fn() -> Config, row: impl AsyncFn(World)) {
    for adapter in [Adapter::Tower, Adapter::Actix] {
        let _naming = Naming(adapter);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Box::pin(row(World::behind(adapter, config()))));
    }
}

struct Naming(Adapter);

impl Drop for Naming {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was behind {:?}", self.0);
        }
    }
}

/// One authorize request by GET and one by POST: both must be answered alike (A-AERR-15).
pub(crate) async fn asked(world: &World, request: &Az) -> [Answer; 2] {
    asked_with(world, &request.query()).await
}

/// The same, with parameters as they are written.
pub(crate) async fn asked_with(world: &World, query: &str) -> [Answer; 2] {
    let mut browser = Browser::new(world);
    let by_get = browser.get(&format!("/auth/authorize?{query}")).await;
    [by_get, posted(world, "/auth/authorize", query).await]
}

/// A form from the app's own site, as apps post it.
pub(crate) async fn posted(world: &World, path: &str, body: &str) -> Answer {
    let mut browser = Browser::new(world);
    let mut request = browser.request(Method::POST, path, body);
    request.headers_mut().insert("origin", "https://app.example".parse().unwrap());
    request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    browser.send(request).await
}

/// `PAGE`: shown, not sent anywhere; no interaction begins, and nothing of the request is reflected.
#[track_caller]
pub(crate) fn page(answer: &Answer, input: &str) {
    answer.is_page(400);
    assert!(answer.cookies().is_empty(), "no interaction begins: {:?}", answer.cookies());
    // Short texts occur by chance.
    assert!(input.len() < 5 || !answer.body.contains(input), "{input} is reflected");
}

/// `RED e`: `pub` is told at its own address, with its state and our issuer; nothing began.
#[track_caller]
pub(crate) fn red(answer: &Answer, error: &str) {
    red_at(answer, CB, error);
}

#[track_caller]
pub(crate) fn red_at(answer: &Answer, address: &str, error: &str) {
    answer.is_refusal(address, error);
    assert_eq!(answer.params().get("state").map(String::as_str), Some("st1"), "{}", answer.location());
    let ends = |cookie: &&str| cookie.contains("Max-Age=0");
    assert!(answer.cookies().iter().all(ends), "no interaction begins: {:?}", answer.cookies());
}

/// `J400 e`
#[track_caller]
pub(crate) fn j400(answer: &Answer, error: &str) {
    answer.is_error(400, error);
}

/// `J401 invalid_client`
#[track_caller]
pub(crate) fn j401(answer: &Answer) {
    answer.is_error(401, "invalid_client");
}

/// The untampered request still begins an interaction, in this world that nothing has changed.
pub(crate) async fn begins(world: &World) {
    let answer = Browser::new(world).authorize(&az("pub")).await;
    assert!(answer.location().starts_with("/auth/i/"), "{}", answer.brief());
}

/// Two requests that may not be told apart by how long they take: their medians are of one class.
///
/// They take turns, so that whatever else the machine does falls on both; what this finds is work that one of them does and the
/// other does not, not single bytes of a comparison.
#[allow(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
pub(crate) async fn same_time(one: impl AsyncFn(), two: impl AsyncFn()) {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..150 {
        let start = std::time::Instant::now();
        one().await;
        let between = std::time::Instant::now();
        two().await;
        times[0].push(between - start);
        times[1].push(between.elapsed());
    }
    let [one, two] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    assert!(one / two < 2.0 && two / one < 2.0, "{one} s and {two} s");
}
