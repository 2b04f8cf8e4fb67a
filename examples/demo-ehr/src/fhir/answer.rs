//! What the FHIR API answers: resources, search sets and OperationOutcomes, always as `application/fhir+json`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::query::Query;
use crate::records::Record;

/// A resource with a status.
pub(super) fn resource(status: StatusCode, resource: &Value) -> Response {
    let kind = HeaderValue::from_static("application/fhir+json; charset=utf-8");
    // Patient data stays out of every cache.
    let cache = HeaderValue::from_static("no-store");
    let sniff = HeaderValue::from_static("nosniff");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, cache),
        (header::X_CONTENT_TYPE_OPTIONS, sniff),
    ];
    (status, headers, resource.to_string()).into_response()
}

/// An error, as FHIR says it.
pub(super) fn outcome(status: StatusCode, code: &str, text: &str) -> Response {
    let issue = json!({"severity": "error", "code": code, "diagnostics": text});
    resource(status, &json!({"resourceType": "OperationOutcome", "issue": [issue]}))
}

/// One page of a search.
pub(super) fn search_set(base: &str, kind: &str, query: &Query, matches: &[&Record]) -> Response {
    let page = |offset: usize| format!("{base}/{kind}?{}", query.page(offset));
    let mut links = vec![json!({"relation": "self", "url": page(query.offset)})];
    let next = query.offset.saturating_add(query.count);
    if next < matches.len() && query.count > 0 {
        links.push(json!({"relation": "next", "url": page(next)}));
    }
    let entries: Vec<Value> = matches
        .iter()
        .skip(query.offset)
        .take(query.count)
        .map(|record| {
            let url = format!("{base}/{kind}/{}", record.id());
            json!({"fullUrl": url, "resource": record.resource, "search": {"mode": "match"}})
        })
        .collect();
    let mut bundle =
        json!({"resourceType": "Bundle", "type": "searchset", "total": matches.len(), "link": links});
    // FHIR knows no empty arrays.
    if let (false, Some(members)) = (entries.is_empty(), bundle.as_object_mut()) {
        members.insert("entry".to_owned(), Value::Array(entries));
    }
    resource(StatusCode::OK, &bundle)
}
