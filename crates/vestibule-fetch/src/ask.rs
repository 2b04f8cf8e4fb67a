//! One question, one answer: what is sent, and what an answer must look like to be used (FETCH-002, FETCH-004).

use std::collections::HashMap;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use serde::de::IgnoredAny;
use vestibule_host::FetchedKeySet;

use crate::dial::Stream;
use crate::exchange::exchange;
use crate::failure::Failure;
use crate::freshness::Lifetime;
use crate::target::Target;

/// A document, and how long it may be used.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) document: Bytes,
    pub(crate) lifetime: Lifetime,
}

/// Asks once, on a connection that is used for nothing else. Ends when the answer does, which may be never: the caller counts
/// the time.
pub(crate) async fn ask(stream: Box<dyn Stream>, target: &Target) -> Result<Answer, Failure> {
    let mut limits = http1::Builder::new();
    limits.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
    exchange(stream, &limits, question(target), read).await
}

/// FETCH-002: GET, no credentials, no cookies; nothing in it depends on anything but the address.
fn question(target: &Target) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = target.path.clone().into();
    let headers = request.headers_mut();
    headers.insert(HOST, target.authority.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("application/jwk-set+json, application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static("vestibule"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    request
}

async fn read(response: Response<Incoming>) -> Result<Answer, Failure> {
    // Redirects are among them: an address that nobody registered is not asked (A-JWKS-04).
    if response.status() != StatusCode::OK {
        return Err(Failure::Status(response.status()));
    }
    let headers = response.headers();
    if !is_plain(headers) {
        return Err(Failure::Encoded);
    }
    if !is_json(headers) {
        return Err(Failure::ContentType);
    }
    let lifetime = Lifetime::of(headers);
    let document = collect(response.into_body()).await?;
    // An error page that is labelled as JSON must not be kept. Whether it is a key set is for those to say who read key sets.
    if serde_json::from_slice::<HashMap<String, IgnoredAny>>(&document).is_err() {
        return Err(Failure::NotJson);
    }
    Ok(Answer { document, lifetime })
}

/// Counted while it is read, whatever its length was said to be (A-JWKS-05).
async fn collect(mut body: Incoming) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > FetchedKeySet::MAX_BYTES as u64 {
        return Err(Failure::TooLong);
    }
    let mut document = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing to us.
        let Ok(data) = frame.map_err(Failure::Broken)?.into_data() else { continue };
        if document.len().saturating_add(data.len()) > FetchedKeySet::MAX_BYTES {
            return Err(Failure::TooLong);
        }
        document.extend_from_slice(&data);
    }
    // Kept for up to an hour, so without what it might have grown to.
    Ok(document.into_boxed_slice().into())
}

/// Neither compressed, which would let a small body be a large document, nor encoded in transit but for chunks.
fn is_plain(headers: &HeaderMap) -> bool {
    let all = |name, plain: &str| {
        headers.get_all(name).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(plain.as_bytes()))
    };
    all(CONTENT_ENCODING, "identity") && all(TRANSFER_ENCODING, "chunked")
}

/// `application/json`, `application/jwk-set+json` or another `+json`, with whatever parameters, said once.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

/// Header lines of an answer.
const MAX_HEADERS: usize = 64;

/// Bytes of an answer's head.
const MAX_HEAD: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    /// FETCH-004
    #[test]
    fn only_json_is_json() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/jwk-set+json",
            "application/jwk-set+json ;x",
        ] {
            assert!(is_json(&headers("content-type", &[good])), "{good}");
        }
        for bad in [
            "",
            "text/html",
            "text/json",
            "application/jwk-set",
            "application/xml",
            "json",
            "application/json+xml",
            "application/jsonp",
            "text/plain; application/json",
            "application/json, text/html",
            "*/*",
        ] {
            assert!(!is_json(&headers("content-type", &[bad])), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
        assert!(!is_json(&headers("content-type", &["application/json", "text/html"])));
    }

    /// FETCH-004
    #[test]
    fn only_plain_bodies_are_plain() {
        assert!(is_plain(&HeaderMap::new()));
        assert!(is_plain(&headers("content-encoding", &["identity"])));
        assert!(is_plain(&headers("transfer-encoding", &["Chunked"])));
        for bad in ["gzip", "br", "deflate", "zstd", "identity, gzip", "gzip, identity", "", "x"] {
            assert!(!is_plain(&headers("content-encoding", &[bad])), "{bad}");
        }
        assert!(!is_plain(&headers("content-encoding", &["identity", "gzip"])));
        for bad in ["gzip, chunked", "gzip", "identity"] {
            assert!(!is_plain(&headers("transfer-encoding", &[bad])), "{bad}");
        }
    }
}
