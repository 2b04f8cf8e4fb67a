//! T23 over the demo's own log: whatever `RUST_LOG` lets out, no secret and nobody's patient is in it.

use std::sync::Arc;

use demo_ehr::apps::TEST_SECRET;
use demo_ehr::host::clients::REGISTRATION_TOKEN;
use http::{Method, StatusCode};

use crate::apps::{AtApp, status};
use crate::browser::{At, Browser, PUBLIC};
use crate::overheard::Overheard;
use crate::tools::press;

/// Who has a record that these tests open. As ids they are short, so they count as whole words.
const PATIENTS: [&str; 2] = ["ben", "carol"];

/// LOG-001, LOG-004
#[tokio::test]
async fn t23_no_secret_comes_out_in_the_demos_log() {
    let running = Overheard::open();
    let at = At::There(Arc::clone(&running));
    used(&at).await;
    let (log, mut secrets) = running.close();
    for secret in [TEST_SECRET, REGISTRATION_TOKEN] {
        secrets.push(("a secret of a file".to_owned(), secret.to_owned()));
    }

    // It does say what happened, to those who ask for everything.
    for (what, least) in
        [("endpoint=\"token\"", 20), ("endpoint=\"registration\"", 2), ("DEBUG", 20), ("fate=", 20)]
    {
        assert!(log.matches(what).count() >= least, "{what}: {}", log.matches(what).count());
    }
    for kind in [
        "a cookie",
        "code",
        "access_token",
        "refresh_token",
        "id_token",
        "client_assertion",
        "code_verifier",
        "step",
        "launch",
        "registration_access_token",
        "token",
        "Bearer",
    ] {
        assert!(secrets.iter().any(|(known, _)| known == kind), "no {kind} was used");
    }
    assert!(secrets.len() > 100, "{}", secrets.len());
    let found = found(&log, &secrets);
    assert!(found.is_empty(), "{}", found.join("\n"));

    // The reason to believe it: each of them would be found, also cut, and each patient.
    for (kind, secret) in &secrets {
        let cut = secret.get(secret.len() / 4..secret.len() / 4 * 3 + 1).unwrap();
        for planted in [secret.as_str(), cut] {
            let one = [(kind.clone(), secret.clone())];
            assert_eq!(self::found(&format!("{log} path=/x?y={planted}&z"), &one).len(), 1, "{kind}");
        }
    }
    assert_eq!(self::found("reading Patient/ben now", &[]).len(), 1);
    assert_eq!(self::found("a bench, carolling", &[]), Vec::<String>::new());
}

/// What of that is in the log: whole or by the characters in its middle.
fn found(log: &str, secrets: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, secret) in secrets {
        let middle = secret.get(secret.len() / 4..secret.len() / 4 * 3).unwrap();
        if let Some(at) = log.find(middle) {
            found.push(format!("{kind}: {}", log.get(at.saturating_sub(200)..at + 40).unwrap_or(secret)));
        }
    }
    for patient in PATIENTS {
        let mut words = log.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        if words.any(|word| word == patient) {
            found.push(format!("the patient {patient}"));
        }
    }
    found
}

/// Every way to tokens and with them, as people use it and as they get it wrong.
async fn used(at: &At) {
    for (app, mode) in
        [("/confidential", "form_post"), ("/asymmetric", ""), ("/key-set", ""), ("/old", ""), ("/clinic", "")]
    {
        let mut visitor = AtApp::at(at);
        let page = visitor.connect_by(app, mode).await;
        assert_eq!(status(&page), 200, "{app}: {}", page.body);
        if app == "/key-set" {
            assert!(page.body.contains("id=\"fetched\">1<"), "the hospital fetched the keys: {}", page.body);
        }
        if mode == "form_post" {
            assert!(page.body.contains("answer came as a form"), "{}", page.body);
        }
        for (act, expected) in
            [("refresh", 200), ("userinfo", 200), ("revoke", 200), ("refresh", 400), ("userinfo", 401)]
        {
            assert_eq!(status(&visitor.act(app, act).await), expected, "{app} {act}");
        }
    }
    // Answers that nobody asked for, and wrong ones.
    let mut stranger = AtApp::at(at);
    for wrong in
        ["/confidential/callback?code=code-of-somebody-else-0123456789&state=x", "/old/launch?launch=x&iss=y"]
    {
        assert_eq!(stranger.get(wrong).await.status, StatusCode::BAD_REQUEST);
    }
    let mut lee = Browser::signed_in_at(at, "dr-lee").await;
    // An EHR launch: its handle goes through addresses.
    let form = lee.get("/ehr").await;
    // The first form of every page signs out.
    let (_, form) = form.body.split_once("action=\"/ehr/launch\"").unwrap();
    let token = form.split_once("name=\"token\" value=\"").unwrap().1.split('"').next().unwrap();
    let launch = [("token", token), ("client_id", "confidential-example"), ("patient", "carol")];
    let sent = lee.post("/ehr/launch", &launch).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let mut opened = AtApp::at(at);
    let path = sent.header("location").split_once("8081").unwrap().1.to_owned();
    let off = opened.get(&path).await;
    let consent =
        crate::launch::follow(&mut lee, crate::launch::path(off.header("location")).to_owned()).await;
    assert_eq!(consent.0.status, StatusCode::OK, "{}", consent.0.body);

    let metadata = r#"{"client_name": "Brand new", "redirect_uris": ["https://new.example/cb"],
        "scope": "launch/patient patient/*.rs"}"#;
    for (what, fields) in [
        ("backend", vec![("scope", "system/Patient.rs system/Nonsense.rs user/*.rs")]),
        ("introspect", vec![("token", "vestibule-token-of-nobody-0123456789")]),
        ("introspect-bearer", vec![("token", "vestibule-token-of-nobody-0123456789")]),
        ("userinfo", vec![("token", "vestibule-token-of-nobody-0123456789")]),
        ("revoke", vec![("token", "vestibule-token-of-nobody-0123456789"), ("client", "asymmetric-example")]),
        ("guess", vec![]),
        ("register", vec![("metadata", metadata)]),
        (
            "register",
            vec![("metadata", "{\"client_secret\": \"my-own-secret-that-is-not-taken-0123456789\"}")],
        ),
    ] {
        assert_eq!(press(&mut lee, what, &fields).await.status, StatusCode::OK, "{what}");
    }
    // What does not belong where it was put.
    for path in [
        "/auth/userinfo?access_token=a-token-in-the-address-0123456789",
        "/auth/i/somebodys-interaction-0123456789?step=a-step-token-0123456789",
        "/auth/authorize?client_id=sample-app&code=a-code-where-none-belongs-0123456789",
        "/fhir/Patient/ben?_id=ben",
        "/patients/ben",
        "/auth/manage",
    ] {
        lee.get(path).await;
    }
    let wrong = [("username", "carol"), ("password", "a-wrong-password-0123456789-0123"), ("token", "x")];
    lee.request(Method::POST, "/sign-in", Some(&wrong), Some(PUBLIC)).await;
    let token = lee.get("/").await.field("token");
    assert_eq!(lee.post("/sign-out", &[("token", token.as_str())]).await.status, StatusCode::SEE_OTHER);
}
