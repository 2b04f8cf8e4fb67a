//! The browser against a small server.

use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use vestibule_testkit::Browser;

const CONSENT: &str = r#"<!doctype html><title>Consent</title><h1>Share &amp; go?</h1>
<form method="post" action="decide?x=1">
<button type="submit" formmethod="dialog"></button>
<input type="hidden" name="step" value="s&quot;1">
<input type=radio name=patient value=alice checked><input type=radio name=patient value="ben">
<input type="checkbox" name="scope" value="patient/*.rs" checked>
<input type="checkbox" name="scope" value="openid" checked>
<input type="checkbox" name="scope" value="offline_access">
<input name="q" value="">
<button name="decision" value="allow">Allow <b>this</b></button>
<button name="decision" value="deny">Deny</button>
<button type="button" name="x">not a way on</button>
</form><form action="/search"><input name=q></form><a href="/away">away</a>"#;

fn see_other(to: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, to.parse().unwrap());
    response
}

fn serve(request: &Request<Bytes>) -> Response<Bytes> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/start") => {
            let mut response = see_other("/i/7/consent");
            for cookie in ["all=1; Path=/", "one=2; Path=/i/7; Secure; HttpOnly"] {
                response.headers_mut().append(SET_COOKIE, cookie.parse().unwrap());
            }
            response
        }
        (&Method::GET, "/i/7/consent") => Response::new(Bytes::from(CONSENT)),
        (&Method::POST, "/i/7/decide") => {
            let mut response = see_other("https://app.example/cb?code=a%20b&state=1#x");
            response.headers_mut().append(SET_COOKIE, "one=; Path=/i/7; Max-Age=0".parse().unwrap());
            response
        }
        (_, "/circle") => see_other("circle"),
        (method, path) => Response::new(Bytes::from(format!("{method} {path} {:?}", request.uri().query()))),
    }
}

type Log = Arc<Mutex<Vec<Request<Bytes>>>>;

fn browser(log: &Log) -> Browser<impl Fn(Request<Bytes>) -> Ready<Response<Bytes>> + Clone> {
    let seen = Arc::clone(log);
    let server = move |request: Request<Bytes>| {
        let response = serve(&request);
        seen.lock().unwrap().push(request);
        ready(response)
    };
    Browser::new("https://ehr.example", server)
}

fn text<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_launch_goes_through_redirect_form_and_answer() {
    let log = Log::default();
    let browser = browser(&log);
    let page = browser.get("/start").await;
    assert_eq!(page.url, "https://ehr.example/i/7/consent");
    assert_eq!(page.visited.len(), 2);
    assert_eq!(page.words(), "Share & go? Allow this Deny not a way on away");
    assert_eq!(page.links(), ["/away"]);
    let form = page.form().unwrap();
    assert_eq!(page.forms().len(), 2);
    assert_eq!(form.hidden("step"), Some("s\"1"));
    assert_eq!(form.radios("patient"), ["alice", "ben"]);
    let boxes = [("patient/*.rs", true), ("openid", true), ("offline_access", false)];
    assert_eq!(form.checkboxes("scope"), boxes);
    let buttons: Vec<_> = form.buttons().iter().map(|button| (&*button.value, &*button.label)).collect();
    assert_eq!(buttons, [("allow", "Allow this"), ("deny", "Deny")]);
    assert!(form.has("q") && !form.has("decision"));

    let form = form.choose("patient", "ben").tick("scope", "openid", false).fill("q", "ö");
    let answer = browser.submit(&page, &form, Some(("decision", "allow"))).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location.as_deref(), Some("https://app.example/cb?code=a%20b&state=1#x"));
    assert_eq!(answer.location_parameter("code").as_deref(), Some("a b"));

    let log = log.lock().unwrap();
    let [start, consent, decide] = &log[..] else { panic!("{log:?}") };
    assert_eq!((text(start, "cookie"), text(start, "sec-fetch-site")), (None, Some("none")));
    assert_eq!((text(start, "host"), text(start, "origin")), (Some("ehr.example"), None));
    assert_eq!(text(consent, COOKIE.as_str()), Some("one=2; all=1"));
    assert_eq!(decide.uri(), "/i/7/decide?x=1");
    assert_eq!(text(decide, ORIGIN.as_str()), Some("https://ehr.example"));
    assert_eq!(text(decide, "sec-fetch-site"), Some("same-origin"));
    let due = "step=s%221&patient=ben&scope=patient%2F*.rs&q=%C3%B6&decision=allow";
    assert_eq!(decide.body(), due);
    assert_eq!(browser.cookies().iter().map(|cookie| &*cookie.name).collect::<Vec<_>>(), ["all"]);
}

#[tokio::test]
async fn a_copy_has_the_cookies_and_a_stranger_has_none() {
    let log = Log::default();
    let browser = browser(&log);
    browser.get("/start").await;
    let (thief, stranger) = (browser.clone(), browser.stranger());
    browser.clear_cookies();
    assert_eq!((browser.cookies().len(), thief.cookies().len(), stranger.cookies().len()), (0, 2, 0));
    stranger.set_cookie("/", "mine=1");
    assert_eq!(stranger.cookies().len(), 1);
}

#[tokio::test]
async fn circles_end_and_search_forms_ask() {
    let log = Log::default();
    let browser = browser(&log);
    let page = browser.get("/circle").await;
    assert_eq!((page.status, page.visited.len()), (StatusCode::SEE_OTHER, 20));
    log.lock().unwrap().clear();

    let page = browser.get("https://ehr.example/i/7/consent").await;
    let search = page.forms().remove(1).fill("q", "a b");
    let found = browser.submit(&page, &search, None).await;
    assert_eq!(found.words(), "GET /search Some(\"q=a+b\")");
    assert_eq!(browser.follow(&page, "other").await.words(), "GET /i/7/other None");
    assert_eq!(browser.post_form("/p", &[("a", "1")]).await.words(), "POST /p None");
    let raw = browser.raw(Request::get("/raw").body(Bytes::new()).unwrap()).await;
    assert_eq!(raw.status(), StatusCode::OK);
    assert!(log.lock().unwrap().last().unwrap().headers().is_empty());
}

#[tokio::test]
async fn a_header_can_be_added_and_replaced() {
    let log = Log::default();
    let browser = browser(&log);
    let language = HeaderName::from_static("accept-language");
    let site = HeaderName::from_static("sec-fetch-site");
    let browser = browser
        .with_header(language, HeaderValue::from_static("de"))
        .with_header(site, HeaderValue::from_static("cross-site"));
    browser.get("/x").await;
    let log = log.lock().unwrap();
    assert_eq!(text(&log[0], "accept-language"), Some("de"));
    assert_eq!(log[0].headers().get_all("sec-fetch-site").iter().collect::<Vec<_>>(), ["cross-site"]);
}
