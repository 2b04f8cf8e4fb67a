//! Which origins may read the FHIR API from a browser. Never with credentials.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use vestibule_host::{ClientId, ClientRegistry};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, accept, content-type, if-match, if-none-exist, prefer");
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, location, www-authenticate");
/// CORS-002: at most ten minutes.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Knows the registered origins.
#[derive(Debug)]
pub struct Origins {
    /// The registered apps.
    pub clients: Arc<dyn ClientRegistry>,
}

/// The client of a token, left on a response so that its own origins count.
#[derive(Clone, Debug)]
pub(super) struct CalledBy(pub(super) ClientId);

/// SMART-CORS-001: `/metadata` is for everybody.
pub(super) async fn any_origin(request: Request, next: Next) -> Response {
    let preflight = is_preflight(&request);
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    allow(response.headers_mut(), HeaderValue::from_static("*"), preflight);
    response
}

/// SMART-CORS-002, -004: a preflight counts all registered origins, a real answer those of the token's client.
pub(super) async fn registered_origins(
    State(origins): State<Arc<Origins>>,
    request: Request,
    next: Next,
) -> Response {
    let preflight = is_preflight(&request);
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        let client = response.extensions().get::<CalledBy>().cloned();
        if origins.allow(&origin, client.map(|CalledBy(client)| client)).await {
            allow(response.headers_mut(), origin, preflight);
        }
    }
    response
}

impl Origins {
    async fn allow(&self, origin: &HeaderValue, client: Option<ClientId>) -> bool {
        let Ok(origin) = origin.to_str() else { return false };
        // CORS-001: exact, `null` never. A registry that cannot answer allows nobody.
        if origin == "null" {
            return false;
        }
        match client {
            None => self.clients.is_known_origin(origin).await.unwrap_or(false),
            Some(client) => {
                let client = self.clients.client(&client).await.ok().flatten();
                client.is_some_and(|client| client.allowed_origins.iter().any(|one| one == origin))
            }
        }
    }
}

fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue, preflight: bool) {
    let mut set = |name: HeaderName, value: HeaderValue| {
        headers.insert(name, value);
    };
    set(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if preflight {
        set(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        set(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        set(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    } else {
        set(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
