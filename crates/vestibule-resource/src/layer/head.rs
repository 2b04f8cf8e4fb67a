//! What is refused by its head alone, and what of a request goes on to the server behind.

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
    TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use super::refusal::Refusal;
use crate::request::Unreadable;
use crate::request::query;

/// Headers by which some servers take another method than the request line's, so that something else would be done than was judged.
const OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Headers that must be there once at most: of two, another one might count behind.
const ONCE: [&str; 6] =
    ["content-type", "if-match", "if-none-exist", "if-none-match", "host", "content-length"];

/// What of a request's headers reaches the server behind.
const ONWARD: [HeaderName; 17] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CONTENT_TYPE,
    HOST,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    USER_AGENT,
    IF_NONE_EXIST,
    PREFER,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-request-id"),
];

const PREFER: HeaderName = HeaderName::from_static("prefer");

pub(super) const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");

pub(super) fn check(head: &Parts) -> Result<(), Refusal> {
    let headers = &head.headers;
    let upgrades =
        headers.contains_key(UPGRADE) || listed(headers, &CONNECTION).any(|token| token == "upgrade");
    if upgrades || OVERRIDES.iter().any(|name| headers.contains_key(*name)) {
        return Err(Refusal::HEADER);
    }
    if ONCE.iter().any(|name| headers.get_all(*name).iter().nth(1).is_some()) {
        return Err(Refusal::HEADER);
    }
    // Two lengths: where one server ends the body, another may begin the next request.
    if headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::HEADER);
    }
    if headers.get_all(CONTENT_ENCODING).iter().any(|value| value != "identity") {
        return Err(Refusal::ENCODED);
    }
    Ok(())
}

/// What follows the base in the path, still escaped.
pub(super) fn relative<'p>(path: &'p str, base: &str) -> Result<&'p str, Refusal> {
    let rest = path.strip_prefix(base).ok_or(Refusal::ELSEWHERE)?;
    if rest.is_empty() || rest.starts_with('/') { Ok(rest) } else { Err(Refusal::ELSEWHERE) }
}

/// A header's value; one that is no text is refused.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refusal> {
    headers.get(name).map(|value| value.to_str().map_err(|_| Refusal::HEADER)).transpose()
}

/// The tokens of a header that is a list, in lower case.
fn listed(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|token| token.trim().to_ascii_lowercase())
        .collect();
    values.into_iter()
}

/// Whether a media type is JSON, FHIR's or not.
pub(super) fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known =
        matches!(kind.as_str(), "application/fhir+json" | "application/json" | "application/json-patch+json");
    known && is_utf8(content_type)
}

pub(super) const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(FORM) && is_utf8(content_type)
}

/// In another encoding the same bytes say something else to whoever believes the parameter.
fn is_utf8(content_type: &str) -> bool {
    content_type.split(';').skip(1).all(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

/// Pairs of a query or form, as they were judged.
pub(super) fn pairs(text: Option<&str>) -> Result<Vec<(String, String)>, Unreadable> {
    query::pairs(text.unwrap_or_default())
}

pub(super) fn written(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A request to the server behind, written anew: only what was read is in its path and query.
pub(super) fn onward(
    head: &Parts,
    method: Method,
    path: &str,
    query: &[(String, String)],
    body: Bytes,
) -> Result<Request<Bytes>, Refusal> {
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", written(query)) };
    let target = if target.starts_with('/') { target } else { format!("/{target}") };
    let uri = Uri::try_from(target).map_err(|_| Refusal::Unreadable(Unreadable::Path))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.version_mut() = head.version;
    *request.extensions_mut() = head.extensions.clone();
    // The token is for this server, and hops end here. What is not known could mean another path, or more than was judged.
    let mut headers = HeaderMap::new();
    for name in ONWARD {
        for value in head.headers.get_all(&name) {
            headers.append(&name, value.clone());
        }
    }
    if request.body().is_empty() {
        headers.remove(CONTENT_TYPE);
    }
    *request.headers_mut() = headers;
    Ok(request)
}

/// Has the answer be whole and in JSON, whatever else was asked for: anything else could not be judged, or would tell by not
/// coming that there is something.
pub(super) fn in_full(request: &mut Request<Bytes>) {
    for name in [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE] {
        request.headers_mut().remove(name);
    }
    in_json(request);
}

/// Has the answer come now and in JSON.
pub(super) fn in_json(request: &mut Request<Bytes>) {
    let headers = request.headers_mut();
    // What comes later is not judged.
    if listed(headers, &PREFER).any(|preference| preference.contains("async")) {
        headers.remove(PREFER);
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/fhir+json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// The same for the query: no other format, no parts.
pub(super) fn in_full_query(pairs: &mut Vec<(String, String)>) -> Result<(), Refusal> {
    for (_, format) in pairs.iter().filter(|(name, _)| name == "_format") {
        // Clients write the `+` of a media type as it is, which is a space in a query.
        let format = format.replace(' ', "+");
        if !(format == "json" || is_json(&format)) {
            return Err(Refusal::ONLY_JSON);
        }
    }
    pairs.retain(|(name, _)| !matches!(name.as_str(), "_format" | "_summary" | "_elements"));
    Ok(())
}
