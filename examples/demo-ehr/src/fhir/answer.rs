//! What the FHIR API answers: resources, bundles and OperationOutcomes, always as `application/fhir+json`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::records::{Record, Version};

/// The answer to one request, or to one entry of a batch.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Nothing only where nothing is left to say.
    pub(super) resource: Option<Value>,
    /// The resource's version, for an `ETag`.
    version: Option<String>,
    /// Where what was made can be read.
    pub(super) location: Option<String>,
    /// BEARER-005: what the app should ask for.
    challenge: Option<Box<HeaderValue>>,
}

impl Answer {
    /// A resource, a bundle, an outcome.
    pub(super) fn new(status: StatusCode, resource: Value) -> Self {
        Self { status, resource: Some(resource), version: None, location: None, challenge: None }
    }

    /// A stored resource.
    pub(super) fn of(record: &Record) -> Self {
        Self::of_resource(StatusCode::OK, record.resource.clone())
    }

    fn of_resource(status: StatusCode, resource: Value) -> Self {
        let version = resource.pointer("/meta/versionId").and_then(Value::as_str).map(str::to_owned);
        Self { version, ..Self::new(status, resource) }
    }

    /// What was written: the resource as it is now, or that it is gone.
    pub(super) fn written(base: &str, status: StatusCode, version: &Version) -> Self {
        let Some(resource) = &version.resource else { return Self::nothing(StatusCode::NO_CONTENT) };
        let location = format!("{base}/{}/{}/_history/{}", version.kind, version.id, version.number);
        Self { location: Some(location), ..Self::of_resource(status, resource.clone()) }
    }

    /// What was there already, for a conditional create.
    pub(super) fn existing(base: &str, record: &Record) -> Self {
        let location = format!("{base}/{}/{}/_history/{}", record.kind(), record.id(), record.version());
        Self {
            location: Some(location),
            version: Some(record.version().to_owned()),
            ..Self::nothing(StatusCode::OK)
        }
    }

    fn nothing(status: StatusCode) -> Self {
        Self { resource: None, ..Self::new(status, Value::Null) }
    }

    /// An error, as FHIR says it.
    pub(super) fn outcome(status: StatusCode, code: &str, text: &str) -> Self {
        let issue = json!({"severity": "error", "code": code, "diagnostics": text});
        Self::new(status, json!({"resourceType": "OperationOutcome", "issue": [issue]}))
    }

    /// An OperationOutcome in the words of somebody else.
    pub(super) fn of_text(status: StatusCode, outcome: &str) -> Self {
        Self::new(status, serde_json::from_str(outcome).unwrap_or(Value::Null))
    }

    /// With what is said to the app's token.
    pub(super) fn challenging(mut self, challenge: HeaderValue) -> Self {
        self.challenge = Some(Box::new(challenge));
        self
    }

    /// What is not there, and what this app may not know to be there: one answer for both.
    pub(super) fn missing() -> Self {
        Self::outcome(
            StatusCode::NOT_FOUND,
            "not-found",
            "there is no such resource, or it is not open to this app",
        )
    }

    /// 400, and what is wrong.
    pub(super) fn bad(text: &str) -> Self {
        Self::outcome(StatusCode::BAD_REQUEST, "invalid", text)
    }

    /// What this server does not do.
    pub(super) fn unsupported(status: StatusCode, text: &str) -> Self {
        Self::outcome(status, "not-supported", text)
    }

    fn etag(&self) -> Option<String> {
        self.version.as_ref().map(|version| format!("W/\"{version}\""))
    }

    /// As an entry of a `batch-response`.
    pub(super) fn entry(self) -> Value {
        let mut response = Map::new();
        response.insert("status".to_owned(), json!(self.status.to_string()));
        let modified = || Some(self.resource.as_ref()?.pointer("/meta/lastUpdated")?.as_str()?.to_owned());
        let modified = self.version.as_ref().and_then(|_| modified());
        let more = [("location", self.location.clone()), ("etag", self.etag()), ("lastModified", modified)];
        response.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
        match self.resource {
            Some(resource) if self.status.is_success() => json!({"response": response, "resource": resource}),
            Some(outcome) => {
                response.insert("outcome".to_owned(), outcome);
                json!({"response": response})
            }
            None => json!({"response": response}),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let etag = self.etag();
        let body = self.resource.as_ref().map(Value::to_string).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        // Nothing to describe where nothing is said.
        match self.resource {
            Some(_) => {
                let kind = HeaderValue::from_static("application/fhir+json; charset=utf-8");
                headers.insert(header::CONTENT_TYPE, kind)
            }
            None => headers.remove(header::CONTENT_TYPE),
        };
        // Patient data stays out of every cache.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let more = [(header::ETAG, etag), (header::LOCATION, self.location)];
        for (name, value) in more {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(name, value);
            }
        }
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, *challenge);
        }
        response
    }
}

/// A bundle with what it holds. FHIR knows no empty arrays.
pub(super) fn bundle(kind: &str, total: Option<usize>, links: Vec<Value>, entries: Vec<Value>) -> Value {
    let mut members = Map::new();
    members.insert("resourceType".to_owned(), json!("Bundle"));
    members.insert("type".to_owned(), json!(kind));
    if let Some(total) = total {
        members.insert("total".to_owned(), json!(total));
    }
    for (name, list) in [("link", links), ("entry", entries)] {
        if !list.is_empty() {
            members.insert(name.to_owned(), Value::Array(list));
        }
    }
    Value::Object(members)
}

/// A resource in a search set.
pub(super) fn found(base: &str, record: &Record, mode: &str) -> Value {
    let url = format!("{base}/{}/{}", record.kind(), record.id());
    json!({"fullUrl": url, "resource": record.resource, "search": {"mode": mode}})
}
