//! As the fallback of a router.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;
use vestibule_tower::VestibuleService;

use crate::fixtures;

#[tokio::test]
async fn a_router_serves_its_own_pages_and_ours() {
    let app = Router::new()
        .route("/ehr", get(|| async { "the host's own page" }))
        .fallback_service(VestibuleService::new(fixtures::server()));

    let own = app.clone().oneshot(Request::get("/ehr").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(own.into_body().collect().await.unwrap().to_bytes(), "the host's own page");

    let discovery = app.clone().oneshot(fixtures::discovery_request(Body::empty())).await.unwrap();
    assert_eq!(discovery.status(), StatusCode::OK);
    assert!(fixtures::is_discovery(&discovery.into_body().collect().await.unwrap().to_bytes()));

    let token = app.clone().oneshot(fixtures::token_request(Body::from(fixtures::FORM))).await.unwrap();
    let status = token.status();
    assert!(fixtures::is_unsupported_grant(status, &token.into_body().collect().await.unwrap().to_bytes()));

    let large = app.oneshot(fixtures::token_request(Body::from(vec![b'x'; 100_000]))).await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
