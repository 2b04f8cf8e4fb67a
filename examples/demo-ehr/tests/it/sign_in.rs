//! The EHR's own door and pages.

use http::{Method, StatusCode};

use crate::browser::{Browser, PUBLIC};

#[tokio::test]
async fn a_patient_signs_in_sees_two_records_and_signs_out() {
    let mut browser = Browser::default();
    let form = browser.get("/sign-in?resume=/patients").await;
    assert_eq!(form.field("resume"), "/patients");
    let fields = [
        ("username", "alice"),
        ("password", "alice"),
        ("resume", "/patients"),
        ("token", &form.field("token")),
    ];
    let answer = browser.post("/sign-in", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/patients"));

    let list = browser.get("/patients").await;
    assert!(list.body.contains("Alice Marlow") && list.body.contains("Ben Marlow"));
    assert!(!list.body.contains("Carol Whitby"));
    assert_eq!(browser.get("/patients/ben").await.status, StatusCode::OK);
    assert_eq!(browser.get("/patients/carol").await.status, StatusCode::FORBIDDEN);

    let secret = browser.cookies["ehr_session"].clone();
    let token = browser.get("/").await.field("token");
    assert_eq!(browser.post("/sign-out", &[("token", &token)]).await.status, StatusCode::SEE_OTHER);
    assert!(!browser.cookies.contains_key("ehr_session"));
    browser.cookies.insert("ehr_session".to_owned(), secret);
    assert_eq!(
        browser.get("/patients").await.status,
        StatusCode::SEE_OTHER,
        "the session is over at the server too"
    );
}

/// INT-020
#[tokio::test]
async fn every_failure_reads_the_same() {
    let mut pages = Vec::new();
    let long = "x".repeat(10_000);
    for (name, password) in
        [("alice", "wrong"), ("nosuchuser", "nosuchuser"), ("alice", ""), ("alice", &long)]
    {
        let mut browser = Browser::default();
        let token = browser.get("/sign-in").await.field("token");
        let fields = [("username", name), ("password", password), ("token", &token)];
        let answer = browser.post("/sign-in", &fields).await;
        assert!(!browser.cookies.contains_key("ehr_session"));
        let body = answer.body.replace(&answer.field("token"), "").replace(&format!("value=\"{name}\""), "");
        pages.push((answer.status, body));
    }
    assert_eq!(pages[0].0, StatusCode::FORBIDDEN);
    assert!(pages[0].1.contains("do not belong together"));
    assert!(pages.iter().all(|page| *page == pages[0]));
}

#[tokio::test]
async fn a_sign_in_from_elsewhere_or_without_a_token_opens_nothing() {
    let mut browser = Browser::default();
    let token = browser.get("/sign-in").await.field("token");
    let fields = [("username", "alice"), ("password", "alice"), ("token", token.as_str())];
    for origin in ["http://evil.test", "null", "http://localhost:8081"] {
        let answer = browser.request(Method::POST, "/sign-in", Some(&fields), Some(origin)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
    }
    for token in ["", "AAAA", "%%"] {
        let fields = [("username", "alice"), ("password", "alice"), ("token", token)];
        assert_eq!(browser.post("/sign-in", &fields).await.status, StatusCode::FORBIDDEN, "{token}");
    }
    let mut other = Browser::default();
    assert_eq!(
        other.post("/sign-in", &fields).await.status,
        StatusCode::FORBIDDEN,
        "a token of another browser"
    );
    assert!(!browser.cookies.contains_key("ehr_session") && !other.cookies.contains_key("ehr_session"));
    assert_eq!(
        browser.post("/sign-in", &fields).await.status,
        StatusCode::SEE_OTHER,
        "the form is still good"
    );
}

#[tokio::test]
async fn each_sign_in_is_a_new_session_and_ends_the_former() {
    let mut browser = Browser::default();
    // A value planted by somebody else is never adopted.
    browser.cookies.insert("ehr_session".to_owned(), "A".repeat(43));
    let token = browser.get("/sign-in").await.field("token");
    browser.post("/sign-in", &[("username", "alice"), ("password", "alice"), ("token", &token)]).await;
    let first = browser.cookies["ehr_session"].clone();
    assert_ne!(first, "A".repeat(43));

    browser.post("/sign-in", &[("username", "carol"), ("password", "carol"), ("token", &token)]).await;
    assert_ne!(browser.cookies["ehr_session"], first);
    browser.cookies.insert("ehr_session".to_owned(), first);
    assert_eq!(browser.get("/patients").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn sign_in_leads_to_no_other_site() {
    for resume in ["https://evil.test/", "//evil.test", "/\\evil.test"] {
        let mut browser = Browser::default();
        let token = browser.get("/sign-in").await.field("token");
        let fields = [("username", "carol"), ("password", "carol"), ("resume", resume), ("token", &token)];
        assert_eq!(browser.post("/sign-in", &fields).await.header("location"), "/", "{resume}");
    }
}

#[tokio::test]
async fn who_sees_whom() {
    for (user, sees, hidden) in [
        ("carol", vec!["Carol Whitby"], vec!["Alice Marlow"]),
        ("nobody", vec!["no record"], vec!["Alice Marlow", "Carol Whitby"]),
        ("dr-lee", vec!["Alice Marlow", "Carol Whitby", "Inés Álvarez"], vec!["Victor Ipswell"]),
        ("nurse-kim", vec!["Carol Whitby"], vec!["Alice Marlow", "Victor Ipswell"]),
    ] {
        let mut browser = Browser::signed_in(user).await;
        let list = browser.get("/patients").await.body;
        assert!(sees.iter().all(|name| list.contains(name)), "{user}");
        assert!(hidden.iter().all(|name| !list.contains(name)), "{user}");
        let launcher = browser.get("/ehr").await.body;
        assert!(hidden.iter().all(|name| !launcher.contains(name)), "{user}");
        assert_eq!(browser.get("/patients/vip").await.status, StatusCode::FORBIDDEN, "{user}");
    }
}

#[tokio::test]
async fn values_are_escaped_and_pages_carry_their_headers() {
    let mut browser = Browser::signed_in("dr-lee").await;
    let page = browser.get("/patients?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert!(!page.body.contains("<script>"));
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.header("access-control-allow-origin").is_empty());
    assert!(browser.get("/patients/liam").await.body.contains("O&#39;Connor"));
}

#[tokio::test]
async fn the_launcher_may_lead_to_registered_apps_only() {
    let mut browser = Browser::signed_in("dr-lee").await;
    let page = browser.get("/ehr").await;
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("form-action 'self' http://localhost:8081"), "{policy}");
    assert!(!policy.contains(&format!("form-action {PUBLIC}")));
}

#[tokio::test]
async fn a_launch_with_mistakes_shows_the_form_again() {
    let mut browser = Browser::signed_in("dr-lee").await;
    let token =
        browser.get("/ehr").await.body.rsplit_once("name=\"token\" value=\"").unwrap().1[..43].to_owned();
    let good = [("client_id", "sample-app"), ("patient", "alice"), ("token", token.as_str())];
    let long = "x".repeat(1000);
    for (name, value, says) in [
        ("intent", long.as_str(), "too long"),
        ("client_id", "nosuchapp", "Choose an app."),
        ("patient", "", "Choose a patient."),
        ("patient", "../x", "Choose a patient."),
        ("need_patient_banner", "maybe", "must be true or false"),
        ("fhir_context", "{}", "must be a JSON array"),
        ("fhir_context", "[{\"reference\": \"Patient/1\"}]", "is not valid"),
    ] {
        let mut fields: Vec<_> = good.iter().copied().filter(|(field, _)| *field != name).collect();
        fields.push((name, value));
        let page = browser.post("/ehr/launch", &fields).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{name}={value}");
        assert!(page.body.contains(says), "{name}={value}");
    }
    let stale = [("client_id", "sample-app"), ("patient", "alice"), ("token", "AAAA")];
    assert_eq!(browser.post("/ehr/launch", &stale).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn oversized_forms_are_refused() {
    let mut browser = Browser::default();
    let large = "x".repeat(10 * 1024 * 1024);
    let answer = browser.post("/sign-in", &[("username", &large)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// SMART-CTX-040, SMART-CTX-041, SMART-CTX-042
#[tokio::test]
async fn the_style_document_is_public_and_its_address_is_its_version() {
    let path = demo_ehr::ehr::style::path();
    let answer = Browser::default().get(&path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("cache-control").contains("immutable"));
    assert!(answer.json().is_object());
}

#[tokio::test]
async fn health_is_answered_without_a_session() {
    assert_eq!(Browser::default().get("/healthz").await.status, StatusCode::OK);
    assert_eq!(Browser::default().get("/readyz").await.status, StatusCode::OK);
}
