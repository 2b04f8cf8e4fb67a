//! Who may read an answer from a browser: never with credentials, never the pages (CORS-001 to -003, AUTHZ-008).

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use vestibule_host::RegisteredClient;

use crate::AuthorizationServer;

/// Answers a preflight, which carries no client: from the union of all registered origins (SMART-CORS-004).
pub(crate) async fn preflight(
    server: &AuthorizationServer,
    head: &Parts,
    methods: &'static str,
) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut response = for_unknown_client(server, head, response).await;
    if response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        let allowed = HeaderValue::from_static("authorization, content-type, accept");
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

/// An answer before a client is known: browser apps must be able to read errors (SMART-CORS-006).
pub(crate) async fn for_unknown_client(
    server: &AuthorizationServer,
    head: &Parts,
    mut response: Response<Bytes>,
) -> Response<Bytes> {
    if let Some(origin) = origin(head) {
        vary(&mut response);
        // A registry that is away knows no origin: the header is left out.
        if server.inner().host.clients.is_known_origin(origin).await.unwrap_or(false) {
            allow(&mut response, origin);
        }
    }
    response
}

/// An answer to a known client: its own origins only (A-HDR-07).
pub(crate) fn for_client(
    client: &RegisteredClient,
    head: &Parts,
    mut response: Response<Bytes>,
) -> Response<Bytes> {
    if let Some(origin) = origin(head) {
        vary(&mut response);
        if client.allowed_origins.iter().any(|known| known == origin) {
            allow(&mut response, origin);
        }
    }
    response
}

/// A public document: any origin (SMART-CORS-001, -007).
pub(crate) fn for_anybody(response: &mut Response<Bytes>) {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// The one origin of the request, compared as text. `null` is nobody's (A-HDR-04).
fn origin(head: &Parts) -> Option<&str> {
    let mut origins = head.headers.get_all(ORIGIN).iter();
    let origin = origins.next()?.to_str().ok()?;
    (origins.next().is_none() && origin != "null").then_some(origin)
}

fn vary(response: &mut Response<Bytes>) {
    response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
}

fn allow(response: &mut Response<Bytes>, origin: &str) {
    if let Ok(origin) = HeaderValue::try_from(origin) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}
