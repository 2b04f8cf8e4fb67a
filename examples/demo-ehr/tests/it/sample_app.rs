//! The sample app's files.

use axum::body::Body;
use http::{Request, StatusCode};

use crate::browser::{PUBLIC, sample_app, send};

#[tokio::test]
async fn the_app_is_served_and_knows_the_hospital() {
    for path in ["/", "/launch.html", "/callback.html", "/app.js", "/app.css", "/config.json"] {
        let answer = send(sample_app().await, Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.header("content-security-policy").contains("script-src 'self'"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
    let config =
        send(sample_app().await, Request::get("/config.json").body(Body::empty()).unwrap()).await.json();
    assert_eq!(config["clientId"], "sample-app");
    assert_eq!(config["fhirBases"][0]["url"], format!("{PUBLIC}/fhir"));
}
