//! The whole way, without a screen: from an app's request to a record and back to nothing.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::browser::{Answer, Browser, PUBLIC, SAMPLE_APP, ehr, send};

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn callback() -> String {
    format!("{SAMPLE_APP}/callback.html")
}

/// A path of the authorization endpoint, as the app would send a browser there.
pub(crate) async fn authorize(changes: &[(&str, &str)]) -> String {
    let smart = get("/fhir/.well-known/smart-configuration", None).await.json();
    let (redirect_uri, aud) = (callback(), format!("{PUBLIC}/fhir"));
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", "sample-app"),
        ("redirect_uri", &redirect_uri),
        ("scope", "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs"),
        ("state", "some-state"),
        ("aud", &aud),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    parameters.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    parameters.extend_from_slice(changes);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{}?{query}", path(smart["authorization_endpoint"].as_str().unwrap()))
}

pub(crate) fn path(url: &str) -> &str {
    url.strip_prefix(PUBLIC).unwrap_or(url)
}

async fn get(path: &str, token: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(ehr().await, request.body(Body::empty()).unwrap()).await
}

/// Follows redirects within the hospital; returns the last answer and where it was.
pub(crate) async fn follow(browser: &mut Browser, mut at: String) -> (Answer, String) {
    for _ in 0..8 {
        let answer = browser.get(&at).await;
        let location = answer.header("location").to_owned();
        if location.is_empty() || location.starts_with(SAMPLE_APP) {
            return (answer, at);
        }
        at = path(&location).to_owned();
    }
    panic!("too many redirects");
}

/// Answers the page that `at` shows, with its own step token, and follows.
pub(crate) async fn answer(
    browser: &mut Browser,
    page: &Answer,
    at: &str,
    fields: &[(&str, &str)],
) -> (Answer, String) {
    let step = page.field("step");
    let mut form = vec![("step", step.as_str())];
    form.extend_from_slice(fields);
    let answered = browser.post(at, &form).await;
    if answered.status == StatusCode::OK {
        return (answered, at.to_owned());
    }
    assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.body);
    let location = answered.header("location").to_owned();
    if location.starts_with(SAMPLE_APP) {
        (answered, location)
    } else {
        follow(browser, path(&location).to_owned()).await
    }
}

/// The parameters that the app is sent.
pub(crate) fn sent(answer: &Answer) -> Value {
    let location = answer.header("location");
    let query = location.split_once('?').unwrap_or_else(|| panic!("no answer to the app: {}", answer.body)).1;
    form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), json!(value))).collect()
}

pub(crate) async fn redeem(code: &Value) -> Answer {
    let smart = get("/fhir/.well-known/smart-configuration", None).await.json();
    let redirect_uri = callback();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str().unwrap()),
        ("redirect_uri", &redirect_uri),
        ("client_id", "sample-app"),
        ("code_verifier", VERIFIER),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post(path(smart["token_endpoint"].as_str().unwrap()))
        .header("content-type", "application/x-www-form-urlencoded");
    send(ehr().await, request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn alice_lets_an_app_into_bens_record_and_takes_it_back() {
    let mut browser = Browser::signed_in("alice").await;
    let (picker, at) = follow(&mut browser, authorize(&[]).await).await;
    assert!(picker.body.contains("value=\"ben\""), "{}", picker.body);
    let (consent, at) = answer(&mut browser, &picker, &at, &[("patient", "ben"), ("move", "choose")]).await;
    let fields = [
        ("decision", "allow"),
        ("scope", "launch/patient"),
        ("scope", "openid"),
        ("scope", "fhirUser"),
        ("scope", "patient/Patient.rs"),
    ];
    let (done, _) = answer(&mut browser, &consent, &at, &fields).await;
    let sent = sent(&done);
    assert_eq!((&sent["state"], &sent["iss"]), (&json!("some-state"), &json!(PUBLIC)));

    let token = redeem(&sent["code"]).await;
    assert_eq!(token.status, StatusCode::OK, "{}", token.body);
    let token = token.json();
    assert_eq!(token["expires_in"], 3600, "checked live, and there is nothing to refresh it with");
    assert_eq!(token["patient"], "ben");
    assert!(!token["scope"].as_str().unwrap().contains("Observation"), "was not ticked");
    let access = token["access_token"].as_str().unwrap();
    for (path, status) in [
        ("/fhir/Patient/ben", 200),
        ("/fhir/Patient/alice", 200), // what `fhirUser` names
        ("/fhir/Patient/carol", 403),
        ("/fhir/Observation?patient=ben", 403),
        ("/archive/fhir/Patient/ben", 401),
    ] {
        assert_eq!(get(path, Some(access)).await.status.as_u16(), status, "{path}");
    }

    // Revoked on the page, refused at the FHIR server at once.
    let manage = browser.get("/auth/manage").await;
    let (step, grant) = (manage.field("step"), manage.field("revoke"));
    let revoked = browser.post("/auth/manage", &[("step", &step), ("revoke", &grant)]).await;
    assert!(revoked.status.is_success() || revoked.status.is_redirection(), "{}", revoked.body);
    assert_eq!(get("/fhir/Patient/ben", Some(access)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_code_that_comes_twice_takes_its_token_along() {
    let mut browser = Browser::signed_in("carol").await;
    let (consent, at) =
        follow(&mut browser, authorize(&[("scope", "launch/patient patient/Patient.rs")]).await).await;
    let fields = [("decision", "allow"), ("scope", "launch/patient"), ("scope", "patient/Patient.rs")];
    let (done, _) = answer(&mut browser, &consent, &at, &fields).await;
    let code = sent(&done)["code"].clone();
    let token = redeem(&code).await.json();
    let access = token["access_token"].as_str().unwrap();
    assert_eq!(get("/fhir/Patient/carol", Some(access)).await.status, StatusCode::OK);
    assert_eq!(redeem(&code).await.json()["error"], "invalid_grant");
    assert_eq!(get("/fhir/Patient/carol", Some(access)).await.status, StatusCode::UNAUTHORIZED);
}

/// INT-022
#[tokio::test]
async fn signing_out_takes_along_what_apps_were_given() {
    let mut browser = Browser::signed_in("carol").await;
    let (consent, at) =
        follow(&mut browser, authorize(&[("scope", "launch/patient patient/Patient.rs")]).await).await;
    let fields = [("decision", "allow"), ("scope", "launch/patient"), ("scope", "patient/Patient.rs")];
    let (done, _) = answer(&mut browser, &consent, &at, &fields).await;
    let token = redeem(&sent(&done)["code"]).await.json();
    let access = token["access_token"].as_str().unwrap();
    assert_eq!(get("/fhir/Patient/carol", Some(access)).await.status, StatusCode::OK);
    let home = browser.get("/").await;
    let signed_out = browser.post("/sign-out", &[("token", &home.field("token"))]).await;
    assert_eq!(signed_out.status, StatusCode::SEE_OTHER);
    assert_eq!(get("/fhir/Patient/carol", Some(access)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_has_nothing_to_share() {
    let mut browser = Browser::signed_in("nobody").await;
    let (done, _) = follow(&mut browser, authorize(&[]).await).await;
    assert_eq!(sent(&done)["error"], "access_denied");
}

#[tokio::test]
async fn an_app_is_opened_from_the_ehr() {
    let mut browser = Browser::signed_in("dr-lee").await;
    let launcher = browser.get("/ehr").await;
    let token = launcher.body.rsplit_once("name=\"token\" value=\"").unwrap().1[..43].to_owned();
    let entered = [
        ("client_id", "sample-app"),
        ("patient", "carol"),
        ("encounter", "carol-enc-2"),
        ("intent", "reconcile-medications"),
        ("need_patient_banner", "false"),
        ("fhir_context", r#"[{"reference": "DiagnosticReport/carol-rep-2"}]"#),
        ("token", &token),
    ];
    let opened = browser.post("/ehr/launch", &entered).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.body);
    assert!(opened.header("location").starts_with(&format!("{SAMPLE_APP}/launch.html?")));
    let handed = sent(&opened);
    assert_eq!(handed["iss"], format!("{PUBLIC}/fhir"));

    let asked = [
        ("launch", handed["launch"].as_str().unwrap()),
        ("scope", "launch openid fhirUser patient/Patient.rs"),
    ];
    let (consent, at) = follow(&mut browser, authorize(&asked).await).await;
    let fields = [
        ("decision", "allow"),
        ("scope", "launch"),
        ("scope", "openid"),
        ("scope", "fhirUser"),
        ("scope", "patient/Patient.rs"),
    ];
    let (done, _) = answer(&mut browser, &consent, &at, &fields).await;
    let token = redeem(&sent(&done)["code"]).await.json();
    for (name, value) in [
        ("patient", json!("carol")),
        ("encounter", json!("carol-enc-2")),
        ("intent", json!("reconcile-medications")),
        ("need_patient_banner", json!(false)),
        ("fhirContext", json!([{"reference": "DiagnosticReport/carol-rep-2"}])),
    ] {
        assert_eq!(token[name], value, "{name}");
    }
    let style = get(path(token["smart_style_url"].as_str().unwrap()), None).await;
    assert_eq!(style.status, StatusCode::OK);

    let (again, _) = follow(&mut browser, authorize(&asked).await).await;
    assert_eq!(sent(&again)["error"], "invalid_request", "a launch opens once");
}

#[tokio::test]
async fn the_launcher_opens_no_foreign_record() {
    let mut browser = Browser::signed_in("dr-lee").await;
    let token =
        browser.get("/ehr").await.body.rsplit_once("name=\"token\" value=\"").unwrap().1[..43].to_owned();
    for (patient, encounter) in [("vip", ""), ("nosuch", ""), ("alice", "carol-enc-1"), ("alice", "nosuch")] {
        let entered = [
            ("client_id", "sample-app"),
            ("patient", patient),
            ("encounter", encounter),
            ("token", token.as_str()),
        ];
        let answer = browser.post("/ehr/launch", &entered).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{patient} {encounter}");
        assert!(!answer.body.contains("Ipswell"));
    }
}

#[tokio::test]
async fn metadata_names_the_endpoints_of_discovery() {
    for base in ["/fhir", "/archive/fhir"] {
        let smart = get(&format!("{base}/.well-known/smart-configuration"), None).await.json();
        let statement = get(&format!("{base}/metadata"), None).await.json();
        let block = &statement["rest"][0]["security"]["extension"][0];
        assert_eq!(block["url"], "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris");
        let named: Value = block["extension"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["url"].as_str().unwrap().to_owned(), one["valueUri"].clone()))
            .collect();
        // SMART-DISC-053: the same URLs, and none that is missing in the other.
        for (here, there) in [
            ("authorize", "authorization_endpoint"),
            ("token", "token_endpoint"),
            ("manage", "management_endpoint"),
            ("introspect", "introspection_endpoint"),
            ("revoke", "revocation_endpoint"),
            ("register", "registration_endpoint"),
        ] {
            assert_eq!(named.get(here), smart.get(there), "{here}");
        }
    }
}

/// INT-002: who signs in again goes on with what apps were given, under another cookie; signing out ends all of it.
#[tokio::test]
async fn signing_in_again_takes_nothing_from_apps() {
    let mut browser = Browser::signed_in("alice").await;
    let first = browser.cookies["ehr_session"].clone();
    let (picker, at) = follow(&mut browser, authorize(&[]).await).await;
    let (consent, at) = answer(&mut browser, &picker, &at, &[("patient", "ben"), ("move", "choose")]).await;
    let fields = [("decision", "allow"), ("scope", "launch/patient"), ("scope", "patient/Patient.rs")];
    let (back, _) = answer(&mut browser, &consent, &at, &fields).await;
    let tokens = redeem(&sent(&back)["code"]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let chart = async || get("/fhir/Patient/ben", Some(access)).await.status;
    assert_eq!(chart().await, StatusCode::OK);

    let form = browser.get("/sign-in").await;
    let fields = [("username", "alice"), ("password", "alice"), ("token", &form.field("token"))];
    assert_eq!(browser.post("/sign-in", &fields).await.status, StatusCode::SEE_OTHER);
    let second = browser.cookies["ehr_session"].clone();
    assert_ne!(second, first);
    assert_eq!(chart().await, StatusCode::OK, "the same user has signed in again");
    browser.cookies.insert("ehr_session".to_owned(), first);
    let shut = browser.get("/patients").await.status;
    assert_eq!(shut, StatusCode::SEE_OTHER, "the old cookie is worth nothing");

    browser.cookies.insert("ehr_session".to_owned(), second);
    let token = browser.get("/").await.field("token");
    assert_eq!(browser.post("/sign-out", &[("token", &token)]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(chart().await, StatusCode::UNAUTHORIZED, "signed out of all that went before");
}
