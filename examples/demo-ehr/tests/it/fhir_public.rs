//! What the FHIR API says to those without a token.

use axum::body::Body;
use http::{Request, StatusCode};

use crate::browser::{Answer, SAMPLE_APP, ehr, send};

async fn fhir(method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(ehr().await, request.body(Body::empty()).unwrap()).await
}

/// SMART-DISC-050, SMART-DISC-053, SMART-DISC-055
#[tokio::test]
async fn metadata_is_for_everybody() {
    for base in ["/fhir", "/archive/fhir"] {
        let headers = [("origin", "https://anywhere.example"), ("authorization", "Bearer expired")];
        let answer = fhir("GET", &format!("{base}/metadata"), &headers).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header("content-type").starts_with("application/fhir+json"));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert!(answer.header("access-control-allow-credentials").is_empty());
        let statement = answer.json();
        assert_eq!(statement["fhirVersion"], "4.0.1");
        for url in ["ipa-server", "ipa"] {
            let url = format!("http://hl7.org/fhir/uv/ipa/CapabilityStatement/{url}");
            assert!(statement["instantiates"].as_array().unwrap().iter().any(|one| *one == url));
        }
        let security = &statement["rest"][0]["security"];
        assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    }
}

/// SMART-SCOPE-027
#[tokio::test]
async fn without_a_token_everything_is_401() {
    for path in [
        "/fhir/Patient/alice",
        "/fhir/Patient/nosuch",
        "/fhir/Observation?patient=alice",
        "/fhir/NoSuchType/1",
    ] {
        for headers in [vec![], vec![("authorization", "Bearer x")], vec![("authorization", "Basic eDp5")]] {
            let answer = fhir("GET", path, &headers).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{path}");
            assert_eq!(answer.json()["resourceType"], "OperationOutcome");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn only_registered_origins_may_read() {
    let preflight = |origin| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "authorization"),
        ];
        async move { fhir("OPTIONS", "/fhir/Patient/alice", &headers).await }
    };
    let allowed = preflight(SAMPLE_APP).await;
    assert_eq!(allowed.header("access-control-allow-origin"), SAMPLE_APP);
    assert!(allowed.header("access-control-allow-headers").contains("authorization"));
    assert!(allowed.header("access-control-allow-credentials").is_empty());
    assert_eq!(allowed.header("vary"), "origin");
    for origin in ["https://evil.test", "null", "http://localhost:8081.evil.test", "http://LOCALHOST:8081"] {
        assert!(preflight(origin).await.header("access-control-allow-origin").is_empty(), "{origin}");
    }
    // An error is readable too, or an app could not tell what is wrong.
    let refused = fhir("GET", "/fhir/Patient/alice", &[("origin", SAMPLE_APP)]).await;
    assert_eq!(refused.header("access-control-allow-origin"), SAMPLE_APP);
}

#[tokio::test]
async fn writing_needs_a_token_too() {
    for (method, path) in [
        ("POST", "/fhir/Observation"),
        ("POST", "/fhir"),
        ("POST", "/fhir/Observation/_search"),
        ("PUT", "/fhir/Observation/alice-glu-1"),
        ("DELETE", "/fhir/Observation/alice-glu-1"),
        ("PATCH", "/fhir/Observation/alice-glu-1"),
    ] {
        let answer = fhir(method, path, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(answer.json()["resourceType"], "OperationOutcome");
    }
    let answer = fhir("POST", "/fhir/metadata", &[]).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}
