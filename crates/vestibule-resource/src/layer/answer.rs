//! What of the server's answer goes out.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LOCATION, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::Value;

use super::refusal::{FHIR_JSON, Refusal};
use super::{head, strict_json};

/// The JSON of an answer that may be judged; `None` for anything else.
pub(super) fn json(answer: &Response<Bytes>) -> Option<Value> {
    is_plain_json(answer.headers()).then(|| strict_json::read(answer.body())).flatten()
}

/// Neither compressed nor in another format.
pub(super) fn is_plain_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return false };
    let plain = headers.get_all(CONTENT_ENCODING).iter().all(|value| value == "identity");
    plain && kind.to_str().is_ok_and(head::is_json)
}

/// A judged resource, with the headers that speak of it and of nothing else.
pub(super) fn resource(answer: Response<Bytes>) -> Response<Bytes> {
    let (from, body) = answer.into_parts();
    let mut response = Response::new(body);
    *response.status_mut() = from.status;
    copy(&from.headers, response.headers_mut(), &[ETAG, LAST_MODIFIED, LOCATION, CONTENT_LOCATION]);
    dress(response.headers_mut());
    response
}

/// What is left of a Bundle, or of an outcome. The headers spoke of the whole.
pub(super) fn bundle(body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    dress(response.headers_mut());
    response
}

/// That it was done, and where; without what the server said.
pub(super) fn done(answer: &Response<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    copy(answer.headers(), response.headers_mut(), &[ETAG, LAST_MODIFIED, LOCATION]);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[http::HeaderName]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name, value.clone());
        }
    }
}

fn dress(headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(FHIR_JSON));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// An error of the server behind where a resource was asked for: whatever it says of this one, it is not there.
pub(super) fn instead_of_resource(status: StatusCode) -> Refusal {
    if status.is_server_error() { Refusal::AWAY } else { Refusal::NOT_FOUND }
}

/// An error of the server behind where something was searched: that it did not like the question, and no more.
pub(super) fn instead_of_bundle(status: StatusCode) -> Refusal {
    match status {
        status if status.is_server_error() => Refusal::AWAY,
        StatusCode::NOT_FOUND | StatusCode::GONE => Refusal::NOT_FOUND,
        status if status.is_client_error() => Refusal::refused_behind(StatusCode::BAD_REQUEST),
        // A redirect, a promise for later, or nothing at all.
        _ => Refusal::BAD_ANSWER,
    }
}

/// An error of the server behind where something was written that may be.
pub(super) fn instead_of_write(status: StatusCode) -> Refusal {
    match status {
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Refusal::CHANGED,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Refusal::refused_behind(status),
        status if status.is_server_error() => Refusal::AWAY,
        status if status.is_client_error() => Refusal::FORBIDDEN,
        _ => Refusal::BAD_ANSWER,
    }
}
