//! Web apps on other origins. In front of the guard: a preflight has no token.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderValue, Method, StatusCode};

/// Answers preflights, and marks answers as readable for the origins that the operator named. Never with credentials.
pub(crate) async fn cors(State(origins): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let allowed = origin.filter(|origin| origins.iter().any(|known| known.as_bytes() == origin.as_bytes()));
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut answer = match (preflight, &allowed) {
        (false, _) => next.run(request).await,
        (true, None) => status(StatusCode::FORBIDDEN),
        (true, Some(_)) => {
            let mut answer = status(StatusCode::NO_CONTENT);
            let headers = answer.headers_mut();
            headers.insert(
                ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"),
            );
            let allow = "authorization, accept, content-type, if-match, if-none-match, if-none-exist, prefer";
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allow));
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
            answer
        }
    };
    answer.headers_mut().insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let expose = HeaderValue::from_static("etag, location, www-authenticate");
        answer.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose);
    }
    answer
}

fn status(status: StatusCode) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}
