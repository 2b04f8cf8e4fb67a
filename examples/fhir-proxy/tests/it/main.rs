//! The proxy over sockets, between an app and a small FHIR server that knows nothing of SMART.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod hospital;

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use hospital::{Hospital, told};

/// SMART-SCOPE-027, SMART-SCOPE-028, SMART-SCOPE-060
#[tokio::test]
async fn a_token_opens_what_its_scopes_say() {
    let hospital = Hospital::open().await;
    let token = hospital.token("patient/*.rs");
    let own = hospital.get("/Observation/o-1", Some(&token)).await;
    assert_eq!((own.status(), own.json()["id"].as_str().unwrap()), (StatusCode::OK, "o-1"));
    let hidden = hospital.get("/Observation/o-2", Some(&token)).await;
    let missing = hospital.get("/Observation/nope", Some(&token)).await;
    assert_eq!((hidden.status().as_u16(), told(&hidden)), (404, told(&missing)));
    let found = hospital.get("/Observation?status=final", Some(&token)).await.json();
    assert_eq!(found["entry"].as_array().unwrap().len(), 1);
    assert_eq!(hospital.get("/Observation/o-1", None).await.status(), 401);
    assert_eq!(hospital.get("/Observation/o-1", Some("nonsense")).await.status(), 401);
    assert_eq!(
        hospital.get("/Observation/o-1", Some(&hospital.token("patient/Condition.rs"))).await.status(),
        403
    );
    assert_eq!(hospital.get("/metadata", None).await.status(), 200);
    assert_eq!(hospital.get("/../admin", Some(&token)).await.status().as_u16() / 100, 4);
    assert!(
        hospital.asked().iter().all(|asked| asked.path.starts_with("/internal/r4/")),
        "nothing else is reached"
    );
}

#[tokio::test]
async fn links_lead_back_to_the_proxy() {
    let hospital = Hospital::open().await;
    let open = hospital.token("user/*.cruds");
    let found = hospital.get("/Observation", Some(&open)).await;
    let text = found.text();
    assert!(!text.contains(&hospital.behind), "{text}");
    assert_eq!(found.json()["link"][0]["url"], format!("{}/Observation?_page=2", hospital.public));
    assert_eq!(found.json()["entry"][0]["fullUrl"], format!("{}/Observation/o-1", hospital.public));
    assert!(text.contains("http://elsewhere.example/fhir/Patient/1"), "another server's stay");

    // What apps write about this base, the server reads about its own.
    let patient = format!("{}/Patient/p-1", hospital.public);
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("subject", &patient).finish();
    hospital.get(&format!("/Observation?{query}"), Some(&open)).await;
    let asked = hospital.asked().pop().unwrap();
    assert!(
        asked
            .query
            .contains(&form_urlencoded::byte_serialize(hospital.behind.as_bytes()).collect::<String>()),
        "{asked:?}"
    );
    let body = json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": patient}});
    let created = hospital
        .send(
            "POST",
            "/Observation",
            Some(&open),
            &[("content-type", "application/fhir+json")],
            body.to_string(),
        )
        .await;
    assert_eq!(created.status(), 201);
    assert_eq!(created.header("location"), format!("{}/Observation/new/_history/1", hospital.public));
    let asked = hospital.asked().pop().unwrap();
    assert!(asked.body.contains(&format!("{}/Patient/p-1", hospital.behind)));
    // Under a patient scope too: the reference is the patient's by either name.
    let created = hospital
        .send(
            "POST",
            "/Observation",
            Some(&hospital.token("patient/*.cruds")),
            &[("content-type", "application/fhir+json")],
            body.to_string(),
        )
        .await;
    assert_eq!(created.status(), 201);
    // A condition is a search: with our name of the patient it would find nothing, and create one more each time.
    let condition = format!("?subject={}/Patient/p-1&code=a", hospital.public);
    let headers = [("content-type", "application/fhir+json"), ("if-none-exist", condition.as_str())];
    hospital.send("POST", "/Observation", Some(&open), &headers, body.to_string()).await;
    let asked = hospital.asked().pop().unwrap();
    let sent = asked.headers["if-none-exist"].to_str().unwrap().replace("%3A", ":").replace("%2F", "/");
    assert_eq!(sent, format!("subject={}/Patient/p-1&code=a", hospital.behind));
}

#[tokio::test]
async fn only_what_was_judged_goes_on() {
    let hospital = Hospital::open().await;
    let token = hospital.token("user/*.cruds");
    let headers = [
        ("cookie", "session=1"),
        ("x-forwarded-user", "admin"),
        ("x-remote-user", "admin"),
        ("accept-encoding", "gzip"),
        ("te", "trailers"),
        ("connection", "keep-alive, x-remote-user"),
        ("prefer", "respond-async"),
        ("if-none-match", "W/\"7\""),
    ];
    assert_eq!(hospital.send("GET", "/Observation/o-1", Some(&token), &headers, "").await.status(), 200);
    let asked = hospital.asked().pop().unwrap();
    for name in ["cookie", "x-forwarded-user", "x-remote-user", "te", "prefer"] {
        assert!(!asked.headers.contains_key(name), "{name}");
    }
    assert_eq!(asked.headers["accept-encoding"], "identity");
    assert_eq!(asked.headers["if-none-match"], "W/\"7\"");
    assert_eq!(asked.headers["authorization"], "Basic for-the-server-behind");
    for (name, value) in
        [("x-http-method-override", "DELETE"), ("upgrade", "websocket"), ("content-encoding", "gzip")]
    {
        assert!(
            hospital
                .send("GET", "/Observation/o-1", Some(&token), &[(name, value)], "")
                .await
                .status()
                .is_client_error()
        );
    }
    // Two lengths, or two ways of saying it, are no request at all.
    for framing in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
    ] {
        let raw = format!(
            "POST /fhir/r4/Observation HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/fhir+json\r\n{framing}connection: close\r\n\r\n0\r\n\r\nGET /fhir/r4/Patient/p-2 HTTP/1.1\r\nhost: x\r\n\r\n"
        );
        let answer = hospital.raw(&raw).await;
        assert!(!answer.contains("p-2") && !answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    assert_eq!(hospital.asked().len(), 0);
}

#[tokio::test]
async fn answers_that_lead_elsewhere_are_none() {
    let hospital = Hospital::open().await;
    let token = hospital.token("user/*.cruds");
    for path in ["/Basic/redirect", "/Basic/gzip", "/Basic/hangup"] {
        let answer = hospital.get(path, Some(&token)).await;
        assert_eq!(answer.status(), 502, "{path}");
        assert!(answer.text().is_empty());
    }
    let elsewhere = hospital.get("/Basic/elsewhere", Some(&token)).await;
    assert_eq!(elsewhere.status(), 200);
    for name in ["location", "set-cookie", "x-internal", "content-location", "server"] {
        assert_eq!(elsewhere.header(name), "", "{name}");
    }
}

#[tokio::test]
async fn discovery_and_preflights_need_no_token() {
    let hospital = Hospital::open().await;
    let discovery = hospital.get("/.well-known/smart-configuration", None).await;
    assert_eq!(
        (discovery.status().as_u16(), discovery.header("access-control-allow-origin")),
        (200, "*".to_owned())
    );
    assert_eq!(discovery.json()["issuer"], hospital.issuer);
    let preflight = |origin: &'static str| {
        let hospital = &hospital;
        async move {
            let headers = [("origin", origin), ("access-control-request-method", "GET")];
            hospital.send("OPTIONS", "/Observation/o-1", None, &headers, "").await
        }
    };
    let ours = preflight("https://app.example").await;
    assert_eq!(
        (ours.status().as_u16(), ours.header("access-control-allow-origin")),
        (204, "https://app.example".to_owned())
    );
    assert_eq!(preflight("https://evil.example").await.status(), 403);
    let refused =
        hospital.send("GET", "/Observation/o-1", None, &[("origin", "https://app.example")], "").await;
    assert_eq!(
        (refused.status().as_u16(), refused.header("access-control-allow-origin")),
        (401, "https://app.example".to_owned())
    );
    assert_eq!(refused.header("access-control-allow-credentials"), "");
    // OPTIONS that is no preflight is a request like any other.
    assert_eq!(hospital.send("OPTIONS", "/Observation", None, &[], "").await.status(), 401);
    assert_eq!(hospital.asked().len(), 0);
}

/// SMART-REVOKE-005
#[tokio::test]
async fn a_revoked_token_is_refused_within_the_stated_time() {
    let hospital = Hospital::introspecting(1).await;
    let token = hospital.token("patient/*.rs");
    assert_eq!(hospital.get("/Observation/o-1", Some(&token)).await.status(), 200);
    hospital.revoke(&token);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(hospital.get("/Observation/o-1", Some(&token)).await.status(), 401);
    let hospital = Hospital::introspecting(0).await;
    let token = hospital.token("patient/*.rs");
    assert_eq!(hospital.get("/Observation/o-1", Some(&token)).await.status(), 200);
    hospital.revoke(&token);
    let refused = hospital.get("/Observation/o-1", Some(&token)).await;
    assert_eq!(refused.status(), 401, "at once");
    assert!(refused.header("www-authenticate").contains("invalid_token"));
}

/// SMART-SCOPE-022
#[tokio::test]
async fn a_batch_is_taken_apart() {
    let hospital = Hospital::open().await;
    let token = hospital.token("patient/*.rs");
    let entry = |url: &str| json!({"request": {"method": "GET", "url": url}});
    let batch = json!({"resourceType": "Bundle", "type": "batch", "entry": [entry("Observation/o-1"), entry("Observation/o-2"), entry(&format!("{}/Patient/p-1", hospital.public))]});
    let answer = hospital
        .send("POST", "", Some(&token), &[("content-type", "application/fhir+json")], batch.to_string())
        .await
        .json();
    let statuses: Vec<&Value> =
        answer["entry"].as_array().unwrap().iter().map(|entry| &entry["response"]["status"]).collect();
    assert_eq!(statuses, ["200", "404", "200"]);
}
