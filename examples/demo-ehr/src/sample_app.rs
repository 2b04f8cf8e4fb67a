//! The sample SMART app, served from another origin so that CORS and cookie mistakes show.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{StatusCode, header};
use serde_json::json;

/// The client id under which the sample app is registered.
pub const CLIENT_ID: &str = "sample-app";

/// The app's files, and the little it must know about the hospital.
pub fn router(public_url: &str) -> Router {
    let config = json!({
        "clientId": CLIENT_ID,
        "fhirBases": [
            {"name": "Today's records", "url": format!("{public_url}/fhir")},
            {"name": "Archive", "url": format!("{public_url}/archive/fhir")}
        ]
    });
    let config = config.to_string();
    // Scripts of the app alone; calls to the hospital alone.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {public_url}; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    );
    let file = |kind: &'static str, text: &'static str| {
        let policy = policy.clone();
        get(move || async move { answer(kind, text.to_owned(), policy) })
    };
    let html = "text/html; charset=utf-8";
    Router::new()
        .route("/", file(html, include_str!("../sample-app/index.html")))
        .route("/launch.html", file(html, include_str!("../sample-app/launch.html")))
        .route("/callback.html", file(html, include_str!("../sample-app/callback.html")))
        .route("/app.js", file("text/javascript; charset=utf-8", include_str!("../sample-app/app.js")))
        .route("/app.css", file("text/css; charset=utf-8", include_str!("../sample-app/app.css")))
        .route("/favicon.ico", get(async || StatusCode::NO_CONTENT))
        .route(
            "/config.json",
            get({
                let policy = policy.clone();
                move || async move { answer("application/json", config, policy) }
            }),
        )
}

fn answer(kind: &'static str, text: String, policy: String) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        // The code in the callback's address stays here.
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, text)
}
