//! Where errors go: to a page until the address is proven, to the app afterwards.

use http::Method;
use vestibule_host::StaticClients;

use crate::app::{Az, C1, CB, V1, address_of, az};
use crate::browser::{Answer, Browser, form};
use crate::world::{AS, FHIR1, FHIR2, World};

/// Asks by query and by form; both must be answered alike (A-AERR-15).
async fn asked(world: &World, request: &Az) -> [Answer; 2] {
    let mut browser = Browser::new(world);
    let by_query = browser.authorize(request).await;
    let mut posted = browser.request(Method::POST, "/auth/authorize", &request.query());
    // A cross-site form: that is how apps post.
    posted.headers_mut().insert("origin", "https://app.example".parse().unwrap());
    posted.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    let by_form = browser.send(posted).await;
    [by_query, by_form]
}

#[track_caller]
fn is_plain_page(answer: &Answer, statuses: &[u16], hidden: &str) {
    assert!(statuses.contains(&answer.status), "{} {} {hidden}", answer.status, answer.location());
    answer.is_page(answer.status);
    assert!(answer.cookies().is_empty(), "no interaction begins");
    assert!(hidden.is_empty() || !answer.body.contains(hidden), "{hidden} is reflected");
}

/// A-REDIR-01, A-REDIR-04, A-REDIR-05, A-REDIR-06, A-REDIR-08, A-REDIR-09, A-REDIR-12, A-REDIR-13, A-REDIR-14, A-REDIR-15, A-REDIR-16, A-REDIR-17, A-REDIR-18, A-REDIR-19, A-REDIR-24, A-REDIR-31, A-REDIR-33, A-REDIR-40, A-AERR-15, REDIR-001, REDIR-003, REDIR-008, SMART-AUTHZ-030, AUTHZ-002
#[tokio::test]
async fn an_address_that_is_not_registered_is_shown_not_used() {
    let world = World::new();
    let long = format!("https://app.example/cb?{}", "x".repeat(40 * 1024));
    for address in [
        "https://app.example/cb/evil",
        "https://app.example@evil.test/cb",
        "https://app.example:x@evil.test/cb",
        "https://app.example@evil.test@app.example/cb",
        "https://app.example/cb/../open",
        "https://app.example/x/../cb",
        "https://app.example/./cb",
        "https://app.example//cb",
        "https://app.example/cb%2e",
        "https://app.example/cb%252e",
        "https://app.example/%63b",
        "https://APP.example/cb",
        "https://app.example/CB",
        "HTTPS://app.example/cb",
        "http://app.example/cb",
        "https://app.example:443/cb",
        "https://app.example:8443/cb",
        "https://app.example/cb/",
        "https://app.example./cb",
        "https://app.example/cb?x=1",
        "https://app.example/cb?",
        "https://app.example/cb#",
        "https://app.example/cb#code=x",
        "https://app.example/cb;x",
        "https://app.example\\@evil.test/cb",
        "https://app.example/cb ",
        " https://app.example/cb",
        "https://app.example/c",
        "https://app.example",
        "https://app.ex\u{ff41}mple/cb",
        "https://xn--app-3sa.example/cb",
        "https://evil.test/cb",
        "https://other.example/cb",
        "//app.example/cb",
        "/cb",
        "*",
        "http://127.0.0.1/cb",
        "http://localhost/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
        &long,
    ] {
        for answer in asked(&world, &az("pub").set("redirect_uri", address)).await {
            let shown = if address.len() > 40 { "" } else { address };
            is_plain_page(&answer, &[400, 413], if shown.len() > 4 { shown } else { "" });
        }
    }
    for answer in asked(&world, &az("pub").without("redirect_uri")).await {
        is_plain_page(&answer, &[400], "");
    }
    let mut browser = Browser::new(&world);
    let huge = az("pub").set("redirect_uri", &format!("https://app.example/{}", "x".repeat(64 * 1024)));
    let request = browser.request(Method::POST, "/auth/authorize", &huge.query());
    is_plain_page(&browser.send(request).await, &[413], "");
    assert_eq!(world.spy.written(), "");
}

/// A-REDIR-11, A-AERR-05, A-AERR-16, GEN-003, SMART-AUTHZ-016
#[tokio::test]
async fn who_asks_is_said_once() {
    let world = World::new();
    for request in [
        az("pub").add("redirect_uri", "https://evil.test/"),
        az("pub").add_first("redirect_uri", "https://evil.test/"),
        az("pub").add("redirect_uri", CB),
        az("pub").add("redirect_uri", ""),
        az("pub").add("client_id", "other"),
        az("pub").add_first("client_id", "other"),
        az("pub").add("client_id", "pub"),
    ] {
        for answer in asked(&world, &request).await {
            is_plain_page(&answer, &[400], "evil.test");
        }
    }
    // One in the query, one in the body.
    let mut browser = Browser::new(&world);
    for (query, body) in [
        ("redirect_uri=https%3A%2F%2Fevil.test%2F", az("pub").query()),
        ("client_id=pub", az("pub").set("client_id", "other").query()),
        ("client_id=pub", az("pub").query()),
    ] {
        let request = browser.request(Method::POST, &format!("/auth/authorize?{query}"), &body);
        is_plain_page(&browser.send(request).await, &[400], "evil.test");
    }
    // Any other parameter: the address is proven, so the app is told.
    for name in [
        "state",
        "scope",
        "aud",
        "code_challenge",
        "code_challenge_method",
        "response_type",
        "nonce",
        "unheard_of",
    ] {
        let request = az("pub").add(name, "x").add(name, "y");
        for answer in asked(&world, &request).await {
            answer.is_refusal(CB, "invalid_request");
        }
    }
    // Split over query and body, without a repeat, it is one request.
    let request =
        browser.request(Method::POST, "/auth/authorize?state=st1", &az("pub").without("state").query());
    assert!(browser.send(request).await.location().starts_with("/auth/i/"));
}

/// A-REDIR-20, A-REDIR-24, REDIR-002, SMART-AUTHZ-032
#[tokio::test]
async fn a_native_app_chooses_its_port() {
    let world = World::new();
    for address in
        ["http://127.0.0.1:51004/cb", "http://[::1]:51004/cb", "http://127.0.0.1/cb", "com.example.app:/cb"]
    {
        let code_at = |answer: &Answer| answer.location().starts_with(&format!("{address}?code="));
        let mut browser = Browser::of(&world, "bob");
        browser.begin(&az("nat").set("redirect_uri", address)).await;
        let answer = browser.allow().await.clone();
        assert!(code_at(&answer), "{}", answer.location());
        // The very address must come back at redemption.
        let code = answer.code();
        let request = crate::app::tk("nat", &code).set("redirect_uri", "http://127.0.0.1:51005/cb");
        request.send(&world).await.is_error(400, "invalid_grant");
        let request = crate::app::tk("nat", &code).set("redirect_uri", address);
        assert_eq!(request.send(&world).await.status, 200);
    }
    for address in [
        "http://127.0.0.1:51004/cb/x",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:+1/cb",
        "http://127.0.0.1:51004@evil.test/cb",
        "http://127.0.0.1.evil.test/cb",
        "http://127.0.0.2:51004/cb",
        "http://localhost:51004/cb",
        "https://127.0.0.1:51004/cb",
        "com.example.app:/cb/x",
        "com.example.app://cb",
        "COM.example.app:/cb",
    ] {
        for answer in asked(&world, &az("nat").set("redirect_uri", address)).await {
            is_plain_page(&answer, &[400], address);
        }
    }
}

/// A-REDIR-25, A-REDIR-26, A-REDIR-27, A-REDIR-34, REDIR-004, REDIR-006, REDIR-007
#[test]
fn what_may_not_be_registered() {
    for uri in [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///x",
        "blob:https://x",
        "\\tjavascript:x",
        " https://app.example/cb",
        "myapp:/cb",
        "https://app.example/cb?iss=https://evil.test",
        "https://app.example/cb?code=x",
        "https://app.example/cb?state=x",
        "https://app.example/cb#x",
        "http://app.example/cb",
        "https://*.example/cb",
    ] {
        let file = format!(
            r#"[{{ "client_id": "x", "token_endpoint_auth_method": "none", "application_type": "native",
                "redirect_uris": ["{uri}"], "scope": "openid" }}]"#
        );
        let error = StaticClients::from_json(&file).unwrap_err();
        assert!(error.to_string().contains("redirect_uris[0]"), "{uri}: {error}");
    }
}

/// A-REDIR-25
#[tokio::test]
async fn only_http_on_a_literal_address_has_free_ports() {
    let world = World::new();
    world.clients.change("nat", |client| {
        client.redirect_uris = vec!["https://127.0.0.1/cb".into(), "http://localhost/cb".into()]
    });
    for address in ["https://127.0.0.1:5/cb", "http://localhost:5/cb"] {
        for answer in asked(&world, &az("nat").set("redirect_uri", address)).await {
            is_plain_page(&answer, &[400], "");
        }
    }
}

/// A-REDIR-30
#[tokio::test]
async fn nothing_is_learned_on_first_use() {
    let world = World::new();
    world.clients.change("pub", |client| client.redirect_uris.clear());
    let before = world.clients.get("pub");
    for _ in 0..2 {
        for answer in asked(&world, &az("pub")).await {
            is_plain_page(&answer, &[400], "");
        }
    }
    assert_eq!(world.clients.get("pub"), before);
}

/// A-REDIR-35, SMART-AUTHZ-033
#[tokio::test]
async fn a_registered_query_is_kept() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("query")).await;
    let answer = browser.allow().await.clone();
    let rest = answer.location().strip_prefix("https://query.example/cb?tenant=1&code=vc_").unwrap();
    assert!(rest.ends_with("&state=st1&iss=https%3A%2F%2Fas.example"), "{rest}");
    browser.begin(&az("query")).await;
    browser.deny().await.is_refusal(address_of("query"), "access_denied");
}

/// A-REDIR-38, REDIR-010, INT-019, A-AERR-18
#[tokio::test]
async fn an_address_or_app_that_goes_in_between_leads_to_a_page() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("pub")).await;
    let consent = browser.tab();
    let registered = world.clients.get("pub").redirect_uris;
    world.clients.change("pub", |client| client.redirect_uris.remove(0).clear());
    browser.allow().await.is_page(400);
    browser.switch_to(&consent);
    browser.deny().await.is_page(400);
    world.clients.change("pub", |client| {
        client.redirect_uris = registered;
        client.status = vestibule_host::ClientStatus::Disabled;
    });
    browser.switch_to(&consent);
    browser.allow().await.is_page(400);
    for answer in asked(&world, &az("pub")).await {
        is_plain_page(&answer, &[400], "");
    }
    assert_eq!(world.spy.codes(), 0);
    world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Enabled);
    browser.switch_to(&consent);
    browser.allow().await.code();
}

/// A-AERR-02, A-AERR-04, SMART-AUTHZ-002
#[tokio::test]
async fn an_unknown_app_is_told_to_the_user() {
    let world = World::new();
    for id in ["nope-nope", "PUB", "pub ", "\u{440}ub", "'; drop table", "<script>alert(1)</script>", ""] {
        for answer in asked(&world, &az("pub").set("client_id", id)).await {
            is_plain_page(&answer, &[400], if id.len() > 4 { id } else { "" });
            assert!(!answer.body.contains("nope"));
        }
    }
    for request in
        [az("pub").without("client_id"), az("pub").scope("profile").set("redirect_uri", "https://evil.test/")]
    {
        for answer in asked(&world, &request).await {
            is_plain_page(&answer, &[400], "evil.test");
        }
    }
}

/// A-AERR-06, A-AERR-07, A-AERR-12, A-MIX-02, A-MIX-06, A-PKCE-01, A-PKCE-06, A-PKCE-07, A-PKCE-08, A-AUD-01, A-AUD-02, A-AUD-03, A-AUD-04, A-AUD-05, A-AUD-07, A-OIDC-04, A-LAUNCH-09, SMART-AUTHZ-006, SMART-AUTHZ-009, SMART-AUTHZ-010, SMART-AUTHZ-012, SMART-AUTHZ-014, SMART-AUTHZ-031, SMART-PKCE-001, PKCE-001, PKCE-002, PKCE-003, ISS-001
#[tokio::test]
async fn what_is_wrong_with_a_proven_request_is_told_to_the_app() {
    let world = World::new();
    let z = || az("pub");
    let fragment = format!("{FHIR1}#f");
    let cases: Vec<(Az, &str)> = [
        ("token", "unsupported_response_type"),
        ("id_token", "unsupported_response_type"),
        ("code token", "unsupported_response_type"),
        ("code id_token", "unsupported_response_type"),
        ("none", "unsupported_response_type"),
        ("CODE", "unsupported_response_type"),
        ("code ", "unsupported_response_type"),
        ("", "invalid_request"),
    ]
    .map(|(kind, error)| (z().set("response_type", kind), error))
    .into_iter()
    .chain([(z().without("response_type"), "invalid_request")])
    .chain(
        ["fragment", "web_message", "form_post", "x", "Query"]
            .map(|mode| (z().add("response_mode", mode), "invalid_request")),
    )
    .chain([
        (z().add("request", "x.y.z"), "request_not_supported"),
        (z().add("request_uri", "https://169.254.169.254/"), "request_uri_not_supported"),
    ])
    // PKCE
    .chain([
        (z().without("code_challenge").without("code_challenge_method"), "invalid_request"),
        (z().without("code_challenge"), "invalid_request"),
        (z().set("code_challenge", ""), "invalid_request"),
        (z().without("code_challenge_method"), "invalid_request"),
        (z().set("code_challenge_method", "plain").set("code_challenge", V1), "invalid_request"),
        (z().set("code_challenge", &C1[1..]), "invalid_request"),
        (z().set("code_challenge", &format!("{C1}=")), "invalid_request"),
        (z().set("code_challenge", &C1.replace('-', "+")), "invalid_request"),
        (z().set("code_challenge", &"A".repeat(44)), "invalid_request"),
        (z().add("code_challenge_method", "S256"), "invalid_request"),
    ])
    .chain(
        ["s256", "S256 ", "S512", "S256,plain", ""]
            .map(|method| (z().set("code_challenge_method", method), "invalid_request")),
    )
    // The FHIR server
    .chain([
        (z().without("aud"), "invalid_request"),
        (z().add("aud", FHIR2), "invalid_request"),
        (z().add("resource", FHIR2), "invalid_target"),
        (z().add("resource", "/x"), "invalid_target"),
        (z().add("resource", &fragment), "invalid_target"),
        (z().without("aud").add("resource", "https://evil.test"), "invalid_target"),
    ])
    .chain(
        [
            "",
            "https://evil.test/fhir",
            "https://fhir.example/r4/",
            "https://fhir.example/r4/..",
            "https://fhir.example/r4?x",
            "HTTPS://fhir.example/r4",
            "https://fhir.example/r4#",
            "https://FHIR.example/r4",
            "http://fhir.example/r4",
            "https://fhir.example:443/r4",
            "https://fhir.example/r4 ",
            "https://fhir.example",
            "https://as.example",
        ]
        .map(|aud| (z().set("aud", aud), "invalid_request")),
    )
    // State, nonce, launch
    .chain([
        (z().set("state", &"s".repeat(2049)), "invalid_request"),
        (z().add("nonce", &"n".repeat(513)), "invalid_request"),
        (z().add("nonce", &"n".repeat(20_000)), "invalid_request"),
        (z().scope("launch patient/Observation.rs"), "invalid_request"),
        (z().add("launch", "x"), "invalid_request"),
    ])
    .collect();
    for (request, error) in cases {
        for answer in asked(&world, &request).await {
            answer.is_refusal(CB, error);
            let echoed = answer.params().get("state").cloned();
            if request.query().contains("state=st1") {
                assert_eq!(echoed.as_deref(), Some("st1"));
            } else {
                assert_eq!(echoed, None);
            }
            assert!(answer.cookies().is_empty());
        }
    }
    for request in [z().without("state"), z().set("state", "")] {
        for answer in asked(&world, &request).await {
            answer.is_refusal(CB, "invalid_request");
            assert!(!answer.params().contains_key("state"));
        }
    }
    // A confidential app needs PKCE all the same.
    for answer in asked(&world, &az("basic").without("code_challenge").without("code_challenge_method")).await
    {
        answer.is_refusal(address_of("basic"), "invalid_request");
    }
    assert_eq!(world.spy.written(), "");
}

/// A-SCOPE-14, A-SCOPE-15, A-SCOPE-16, A-SCOPE-17, A-SCOPE-20, A-HDR-09, SMART-AUTHZ-064, SCOPE-001, SCOPE-007
#[tokio::test]
async fn a_broken_scope_is_invalid_scope() {
    let world = World::new();
    let good = "patient%2FObservation.rs";
    for scope in [
        "",
        "%0a",
        "patient%2FObservation.rs%0apatient%2FCondition.rs",
        "patient%2FObservation.rs%0dX",
        "patient%2FObservation.rs%09openid",
        "patient%2FObservation.rs%20%20openid",
        "%20patient%2FObservation.rs",
        "patient%2FObservation.rs%20",
        "patient%2FObservation.rs%c2%a0openid",
        "patient%2FObservation.rs%e2%80%a8openid",
        "patient/Observation.rs%0aAPPROVED+admin",
        "openid%00",
        "openid%7f",
        "%ef%bd%8fpenid",
        "%22openid%22",
        "openid%5c",
        "openid%ff",
        "openid%zz",
        "foo+bar",
        "system%2F*.cruds",
    ] {
        let query = az("pub").without("scope").query();
        let mut browser = Browser::new(&world);
        let answer = browser.get(&format!("/auth/authorize?{query}&scope={scope}")).await;
        answer.is_refusal(CB, "invalid_scope");
        let request = browser.request(Method::POST, "/auth/authorize", &format!("{query}&scope={scope}"));
        browser.send(request).await.is_refusal(CB, "invalid_scope");
    }
    // As many as fit into a form, and more than a list may have.
    for scope in [
        "patient/Observation.rs ".repeat(1_000),
        "x".repeat(33 * 1024),
        format!("{good}{}", " x".repeat(600)),
    ] {
        let mut browser = Browser::new(&world);
        let request = az("pub").scope(scope.trim_end());
        let request = browser.request(Method::POST, "/auth/authorize", &request.query());
        let answer = browser.send(request).await;
        answer.is_refusal(CB, "invalid_scope");
    }
    // Not sent at all.
    for answer in asked(&world, &az("pub").without("scope")).await {
        answer.is_refusal(CB, "invalid_scope");
    }
}

/// A-AERR-10, SMART-AUTHZ-051, A-HDR-09
#[tokio::test]
async fn state_comes_back_as_it_was() {
    let world = World::new();
    for state in [
        "a&b=c+ ~#%",
        "\u{e9}\u{1f600}",
        "&iss=https://evil.test&code=x",
        "\"><script>",
        "'",
        &"s".repeat(2048),
    ] {
        let mut browser = Browser::of(&world, "bob");
        browser.begin(&az("pub").set("state", state)).await;
        let answer = browser.allow().await.clone();
        assert_eq!(answer.params()["state"], state);
        assert_eq!(answer.params().len(), 3);
        let answer = browser.authorize(&az("pub").set("state", state).set("aud", "x")).await;
        answer.is_refusal(CB, "invalid_request");
        assert_eq!(answer.params()["state"], state);
        assert_eq!(answer.params().len(), 4);
    }
    for state in ["%0d%0aSet-Cookie:%20x=y", "%00", "%ff"] {
        let query = az("pub").without("state").query();
        let mut browser = Browser::of(&world, "bob");
        let answer = browser.get(&format!("/auth/authorize?{query}&state={state}")).await;
        answer.is_refusal(CB, "invalid_request");
        assert!(!answer.params().contains_key("state"));
    }
}

/// A-AERR-14, AUTHZ-014, A-HDR-12, AUTHZ-001, SMART-AUTHZ-018
#[tokio::test]
async fn authorize_takes_get_and_post() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let path = format!("/auth/authorize?{}", az("pub").query());
    for method in [Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::TRACE] {
        let request = browser.request(method, &path, "");
        let answer = browser.send(request).await;
        is_plain_page(&answer, &[405], "");
        assert_eq!(answer.header("allow"), "GET, POST");
        assert!(answer.headers.get("access-control-allow-origin").is_none());
    }
    let mut request = browser.request(Method::GET, &path, "");
    request.headers_mut().insert("x-http-method-override", "DELETE".parse().unwrap());
    assert_eq!(browser.send(request).await.status, 303);
    // A form of another kind.
    for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain"] {
        let mut request = browser.request(Method::POST, "/auth/authorize", &az("pub").query());
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        is_plain_page(&browser.send(request).await, &[400], "");
    }
}

/// A-AERR-15, SMART-AUTHZ-017, SMART-AUTHZ-019
#[tokio::test]
async fn a_posted_request_begins_like_any_other() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    let mut request = browser.request(Method::POST, "/auth/authorize", &az("pub").query());
    request.headers_mut().insert("origin", "https://app.example".parse().unwrap());
    request.headers_mut().remove("cookie");
    let answer = browser.send(request).await;
    browser.path = answer.location().to_owned();
    browser.reload().await;
    assert!(browser.page.is_consent());
    browser.allow().await.code();
}

/// A-MIX-03, A-MIX-04, GEN-001
#[tokio::test]
async fn no_url_is_derived_from_a_request() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    for (name, value) in [
        ("host", "evil.test"),
        ("x-forwarded-host", "evil.test"),
        ("forwarded", "host=evil.test;proto=http"),
        ("x-forwarded-proto", "http"),
    ] {
        for path in [
            "/.well-known/openid-configuration".to_owned(),
            "/.well-known/oauth-authorization-server".to_owned(),
            "/r4/.well-known/smart-configuration".to_owned(),
            format!("/auth/authorize?{}", az("pub").query()),
            format!("/auth/authorize?{}", az("pub").set("aud", "x").query()),
            "/auth/authorize?client_id=nope".to_owned(),
        ] {
            let mut request = browser.request(Method::GET, &path, "");
            request.headers_mut().insert(name, value.parse().unwrap());
            let answer = browser.send(request).await;
            let said = format!("{:?} {}", answer.headers, answer.body);
            assert!(!said.contains("evil.test") && !said.contains("http://as"), "{said}");
        }
    }
    let document = world.json("/.well-known/openid-configuration").await;
    assert_eq!(document["issuer"], AS);
}

/// A-PKCE-03, PKCE-007
#[tokio::test]
async fn a_stored_grant_without_a_challenge_is_no_grant() {
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    let record = world.spy.written();
    let line = record.lines().find(|line| line.contains("\"challenge\"")).unwrap();
    let start = line.find('{').unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&line[start..]).unwrap();
    value.as_object_mut().unwrap().remove("challenge");
    world.spy.damage(Some(format!("\u{1}{value}").as_bytes()));
    let answer = world.redeem("pub", &code).await;
    answer.is_error(503, "temporarily_unavailable");
    world.spy.damage(None);
    assert_eq!(world.redeem("pub", &code).await.status, 200);
}

/// GEN-012, A-ERR-05
#[tokio::test]
async fn a_page_reflects_nothing() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    let marker = "<b>marker</b>";
    for request in [
        az("pub").set("client_id", marker),
        az("pub").set("redirect_uri", marker),
        az("pub").add("client_id", marker),
        az("pub").set("redirect_uri", "https://evil.test/").set("state", marker).scope(marker),
    ] {
        let page = browser.authorize(&request).await;
        assert!(!page.body.contains("marker"), "{}", page.body);
    }
    for path in ["/auth/marker", "/marker", "/auth/i/marker", "/auth/manage/marker"] {
        let page = browser.get(path).await;
        assert!(!page.is_page(404).body.contains("marker"));
    }
    let posted = browser.post("/auth/authorize", &[("client_id", marker)]).await;
    assert!(!posted.is_page(400).body.contains("marker"));
    assert!(form(&[("a", marker)]).contains("marker"));
}
