//! A reverse proxy that makes an external FHIR server honour SMART tokens.
//!
//! ```text
//! app ─► cors.rs ─► GuardLayer (vestibule-resource) ─► upstream.rs ─► the FHIR server
//!                   token, interaction, decision,      headers, links
//!                   filtering
//! ```
//!
//! The layer is the one that a FHIR server in Rust would put around itself. This program adds what lies between two servers: which
//! headers pass, and that links lead back to it.

mod base;
mod cors;
mod options;
mod upstream;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::header::{ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer, service_fn};
use vestibule_fetch::{FetchOptions, GuardedFetcher};
use vestibule_host::{BoxError, ClientId, Secret};
use vestibule_resource::layer::GuardLayer;
use vestibule_resource::{
    HttpClient, IntrospectionCheck, IntrospectionClient, JwksCheck, Rules, TokenVerifier, Transport,
};

use base::Base;
pub use options::{Options, Release, Tokens};
use upstream::Upstream;

/// Listens, says where, and serves until the process ends.
///
/// # Errors
/// What is wrong with the options, or with the address to listen at.
pub async fn run(options: &Options) -> Result<(), BoxError> {
    let router = router(options)?;
    let listener = TcpListener::bind(options.listen).await?;
    println!("{} in front of {}, at {}", options.public_url, options.upstream, listener.local_addr()?);
    serve(listener, router).await
}

/// The proxy, without a socket.
///
/// # Errors
/// What is wrong with the options.
pub fn router(options: &Options) -> Result<Router, BoxError> {
    let transport: Arc<dyn Transport> = Arc::new(HttpClient::new([])?);
    let (public, behind) = (Base::new(&options.public_url)?, Base::new(&options.upstream)?);
    let authorization = match &options.upstream_authorization {
        None => None,
        Some(path) => {
            let mut value = HeaderValue::try_from(read(path)?)?;
            value.set_sensitive(true);
            Some(value)
        }
    };
    // References in what is sent and stored are read on either base; the server behind knows its own.
    let mut rules = Rules::new(options.fhir_version.into(), public.as_str()).with_alias(behind.as_str());
    for name in &options.paging_parameter {
        rules = rules.with_paging_parameter(name);
    }
    let tokens = tokens(options, public.as_str(), &transport)?;
    let guard = GuardLayer::new(rules, tokens).under(public.path()).enforcing();
    let upstream =
        Upstream { transport: Arc::clone(&transport), public: public.clone(), behind, authorization };
    let guarded = guard.layer(service_fn(move |request| {
        let upstream = upstream.clone();
        async move { Ok::<_, Infallible>(upstream.ask(request).await) }
    }));
    let mut router = Router::new().fallback_service(guarded);
    if let Some(at) = options.smart_configuration.clone() {
        let path = format!("{}/.well-known/smart-configuration", public.path());
        router = router.route(&path, get(move || smart_configuration(transport, at)));
    }
    let origins: Arc<[String]> = options.allow_origin.clone().into();
    Ok(router.layer(axum::middleware::from_fn_with_state(origins, cors::cors)))
}

/// How tokens are checked.
fn tokens(
    options: &Options,
    base: &str,
    transport: &Arc<dyn Transport>,
) -> Result<Arc<dyn TokenVerifier>, BoxError> {
    let tokens = &options.tokens;
    if let (Some(endpoint), Some(id), Some(secret)) =
        (&tokens.introspection_endpoint, &tokens.client_id, &tokens.client_secret)
    {
        let client = IntrospectionClient::with_secret(ClientId::new(id), Secret::new(read(secret)?));
        let check =
            IntrospectionCheck::new(&options.issuer, base, endpoint.clone(), client, Arc::clone(transport));
        return Ok(Arc::new(check.with_staleness(Duration::from_secs(tokens.staleness))));
    }
    let jwks_uri = tokens.jwks_uri.as_deref().ok_or("say --introspection-endpoint or --jwks-uri")?;
    let mut fetching = FetchOptions::default();
    if tokens.allow_loopback_fetch {
        fetching = fetching.danger_allow_loopback();
    }
    let fetcher = Arc::new(GuardedFetcher::new(fetching)?);
    let check = JwksCheck::new(&options.issuer, base, jwks_uri, fetcher);
    Ok(Arc::new(check.ok_or("--jwks-uri: only https, and public addresses")?))
}

/// The issuer's own words about this base: public, for any origin.
async fn smart_configuration(transport: Arc<dyn Transport>, at: Uri) -> Response {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = at;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    let answer = match transport.send(request).await {
        Ok(answer) if answer.status() == StatusCode::OK => answer,
        _ => {
            let mut away = Response::new(Body::empty());
            *away.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return away;
        }
    };
    let mut passed = Response::new(Body::from(answer.into_body()));
    let headers = passed.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    passed
}

/// Serves each connection, with a limit on how long a head, and a whole exchange, may take.
///
/// # Errors
/// The listener's.
pub async fn serve(listener: TcpListener, router: Router) -> Result<(), BoxError> {
    loop {
        let (socket, _) = listener.accept().await?;
        let router = router.clone();
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let router = router.clone();
            async move {
                let whole = tower::ServiceExt::oneshot(router, request.map(Body::new));
                Ok::<_, Infallible>(match tokio::time::timeout(LONGEST, whole).await {
                    Ok(answer) => answer.unwrap_or_else(|never| match never {}),
                    Err(_) => {
                        let mut late = Response::new(Body::empty());
                        *late.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                        late
                    }
                })
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(10))
            .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service));
        tokio::spawn(connection);
    }
}

fn read(path: &Path) -> Result<String, BoxError> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A request, its questions to the server behind, and the answer. A batch asks many.
const LONGEST: Duration = Duration::from_secs(60);
