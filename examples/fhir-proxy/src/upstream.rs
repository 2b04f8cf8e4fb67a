//! The server behind, as a service. Everything that reaches it was judged; nothing else of a request does.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LOCATION, CONTENT_TYPE, ETAG, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use vestibule_host::BoxError;
use vestibule_resource::Transport;

use crate::base::Base;

/// Headers that reach the server behind. What another proxy, or this app, says about who somebody is does not.
const ONWARD: [HeaderName; 5] = [ACCEPT, CONTENT_TYPE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH];

/// A search in a header.
const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");

/// Headers of its answers that reach the app.
const BACK: [HeaderName; 3] = [CONTENT_TYPE, ETAG, LAST_MODIFIED];

#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) transport: Arc<dyn Transport>,
    /// As apps write it, and as the server behind does.
    pub(crate) public: Base,
    pub(crate) behind: Base,
    pub(crate) authorization: Option<HeaderValue>,
}

impl Upstream {
    pub(crate) async fn ask(self, request: Request<Body>) -> Response<Body> {
        match self.exchange(request).await {
            Ok(answer) => answer.map(Body::from),
            Err(error) => {
                tracing::warn!(error = &*error as &dyn std::error::Error, "the FHIR server cannot be asked");
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                answer
            }
        }
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Response<Bytes>, BoxError> {
        let (head, body) = request.into_parts();
        // The layer has collected and bounded it.
        let body = body.collect().await?.to_bytes();
        let mut onward = Request::new(self.rewritten(&head.headers, body, &self.public, &self.behind));
        *onward.uri_mut() = self.target(&head.uri)?;
        *onward.method_mut() = head.method;
        for name in &ONWARD {
            if let Some(value) = head.headers.get(name) {
                onward.headers_mut().insert(name, value.clone());
            }
        }
        if let Some(condition) = head.headers.get(IF_NONE_EXIST) {
            let condition = condition.to_str()?;
            let condition = self.searched(condition.strip_prefix('?').unwrap_or(condition));
            onward.headers_mut().insert(IF_NONE_EXIST, HeaderValue::try_from(condition)?);
        }
        if let Some(prefer) = head.headers.get("prefer").and_then(|value| value.to_str().ok())
            && let Some(known) = PREFERENCES.iter().find(|known| prefer.trim().eq_ignore_ascii_case(known))
        {
            onward.headers_mut().insert("prefer", HeaderValue::from_static(known));
        }
        // Links in what is compressed could not be rewritten.
        onward.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = &self.authorization {
            onward.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let is_head = onward.method() == Method::HEAD;
        let (from, body) = self.transport.send(onward).await?.into_parts();
        // A redirect would send the app, with its token, to wherever the server behind likes.
        let usable = !from.status.is_redirection() || from.status == StatusCode::NOT_MODIFIED;
        let plain = from.headers.get_all(CONTENT_ENCODING).iter().all(|value| value == "identity");
        if !usable || !plain || from.status.is_informational() {
            return Err(format!("an answer {} that is redirected or compressed", from.status).into());
        }
        let body = if is_head {
            Bytes::new()
        } else {
            self.rewritten(&from.headers, body, &self.behind, &self.public)
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = from.status;
        for name in &BACK {
            if let Some(value) = from.headers.get(name) {
                answer.headers_mut().insert(name, value.clone());
            }
        }
        for name in [LOCATION, CONTENT_LOCATION] {
            if let Some(value) = from.headers.get(&name).and_then(|value| self.public_link(value)) {
                answer.headers_mut().insert(name, value);
            }
        }
        Ok(answer)
    }

    /// The same path and query below the other base. References in parameters are rewritten too.
    fn target(&self, uri: &Uri) -> Result<Uri, BoxError> {
        let path = uri.path().strip_prefix(self.public.path()).ok_or("a path outside the base")?;
        let mut target = format!("{}{path}", self.behind.as_str());
        if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
            target.push('?');
            target.push_str(&self.searched(query));
        }
        Ok(target.parse()?)
    }

    /// A search as the server behind reads it.
    fn searched(&self, query: &str) -> String {
        let pairs = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name, self.public.replaced(&value, &self.behind)));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// A link below the server's base, as apps see it; nothing for a link that leads elsewhere.
    fn public_link(&self, value: &HeaderValue) -> Option<HeaderValue> {
        let link = value.to_str().ok()?;
        let relative = !link.contains("//") && !link.starts_with('/');
        let rewritten = self.behind.replaced(link, &self.public);
        let ours = rewritten.strip_prefix(self.public.as_str()).is_some_and(|rest| rest.starts_with('/'));
        (relative || ours && rewritten != link).then(|| HeaderValue::try_from(rewritten).ok()).flatten()
    }

    /// References and links in JSON and XML; a form is a query. Bytes of other kinds stay as they are.
    fn rewritten(&self, headers: &HeaderMap, body: Bytes, from: &Base, to: &Base) -> Bytes {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let Ok(text) = std::str::from_utf8(&body) else { return body };
        if kind == "application/x-www-form-urlencoded" {
            let pairs = form_urlencoded::parse(text.as_bytes())
                .map(|(name, value)| (name, from.replaced(&value, to)));
            return form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into();
        }
        if !(kind.ends_with("json") || kind.ends_with("xml")) || !text.contains(from.as_str()) {
            return body;
        }
        from.replaced(text, to).into()
    }
}

/// `respond-async` is not among them: what comes later is not judged.
const PREFERENCES: [&str; 5] = [
    "return=minimal",
    "return=representation",
    "return=OperationOutcome",
    "handling=strict",
    "handling=lenient",
];
