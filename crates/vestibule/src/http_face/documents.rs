//! Discovery documents and the key set: prebuilt bytes, for anybody, shortly cacheable (SMART-DISC-001 to -012, META-003).

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use sha2::{Digest, Sha256};
use vestibule_core::discovery::Wired;
use vestibule_host::{Alg, KeySet};

use super::cookies::Cookies;
use super::{cors, route};
use crate::AuthorizationServer;
use crate::config::Config;
use crate::discovery_policy::MoreToDiscover;

/// What is built once, at start.
#[derive(Debug)]
pub(crate) struct Documents {
    pub(crate) paths: route::Paths,
    pub(crate) cookies: Cookies,
    pub(crate) openid: Document,
    pub(crate) oauth: Document,
    pub(crate) smart: Vec<Document>,
}

/// A document and its validator.
#[derive(Debug)]
pub(crate) struct Document {
    body: Bytes,
    etag: String,
}

impl Document {
    pub(crate) fn new(body: Bytes) -> Self {
        let tag: String = Sha256::digest(&body).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self { body, etag: format!("\"{tag}\"") }
    }

    fn with(&self, more: &MoreToDiscover) -> Self {
        let mut value: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        for (name, texts) in [("capabilities", &more.capabilities), ("scopes_supported", &more.scopes)] {
            let Some(known) = value.get_mut(name).and_then(serde_json::Value::as_array_mut) else { continue };
            for text in texts {
                if !known.iter().any(|one| one == text) {
                    known.push(text.as_str().into());
                }
            }
        }
        Self::new(Bytes::from(value.to_string()))
    }
}

impl Documents {
    pub(crate) fn new(config: &Config, keys: &KeySet, registration: bool) -> Self {
        let id_token_algs: Vec<&str> = keys.id_token_algs().map(Alg::name).collect();
        let assertion_algs = Alg::ALL.map(Alg::name);
        let extension_scopes = [config.introspect_scope.clone()];
        let wired = Wired {
            v1_scopes: config.v1_scopes,
            issuer: config.issuer(),
            endpoints: config.endpoints(),
            id_token_algs: &id_token_algs,
            assertion_algs: &assertion_algs,
            registration,
            form_post: config.form_post,
            extension_scopes: &extension_scopes,
            ehr_launch: config.ehr_launch,
            smart_style: config.smart_style,
            standalone_encounters: config.standalone_encounters,
        };
        let document = |value: serde_json::Value| Document::new(Bytes::from(value.to_string()));
        Self {
            paths: route::Paths::new(config),
            cookies: Cookies::new(config.issuer(), config.is_https()),
            openid: document(wired.openid_configuration(config.bases())),
            oauth: document(wired.oauth_authorization_server(config.bases())),
            smart: config.bases().iter().map(|base| document(wired.smart_configuration(base))).collect(),
        }
    }
}

impl AuthorizationServer {
    /// IPA-003: callers who show who they are may be told more. What they get is theirs: no cache keeps it.
    pub(super) fn smart_configuration(
        &self,
        head: &Parts,
        document: &Document,
        base: usize,
    ) -> Response<Bytes> {
        let inner = self.inner();
        let base = inner.config.bases().get(base);
        let more =
            inner.discovery.as_ref().zip(base).and_then(|(policy, base)| policy.more_for(head, base.url()));
        let Some(more) = more.filter(|_| matches!(head.method, Method::GET | Method::HEAD)) else {
            return answer(head, document);
        };
        let mut response = answer(head, &document.with(&more));
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        headers.remove(ETAG);
        response
    }
}

/// Serves a document. `Accept` and `Authorization` are ignored (SMART-DISC-004, -005, -009).
pub(crate) fn answer(head: &Parts, document: &Document) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    cors::for_anybody(&mut response);
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    match head.method {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"));
            let allowed = HeaderValue::from_static("authorization, content-type, accept");
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
            *response.status_mut() = StatusCode::NO_CONTENT;
            return response;
        }
        _ => {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            return response;
        }
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")); // SMART-DISC-011
    if let Ok(etag) = HeaderValue::try_from(&document.etag) {
        headers.insert(ETAG, etag);
    }
    let known = head.headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == document.etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if head.method == Method::GET {
        *response.body_mut() = document.body.clone();
    }
    response
}
