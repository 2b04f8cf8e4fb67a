//! A request as FHIR sees it: of its own, or one entry of a batch.

use axum::body::to_bytes;
use axum::extract::Request;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use serde_json::Value;
use vestibule_resource::{FhirRequest, Interaction, Rules};

use super::answer::Answer;

/// Strangers send bodies: a bundle of a few resources fits.
const LARGEST_BODY: usize = 256 * 1024;

const JSON_PATCH: &str = "application/json-patch+json";

const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");

/// What somebody asked.
#[derive(Debug)]
pub(super) struct Asked {
    method: Method,
    /// Below the base, still escaped.
    path: String,
    query: Option<String>,
    content_type: Option<String>,
    if_none_exist: Option<String>,
    /// The version that must be the newest.
    pub(super) if_match: Option<String>,
    /// A JSON body.
    pub(super) body: Option<Value>,
    /// The body of a POST `_search`.
    form: Option<String>,
}

impl Asked {
    /// Reads a request, its body included.
    pub(super) async fn of_request(request: Request) -> Result<Self, Answer> {
        let (head, body) = request.into_parts();
        let mut asked = Self {
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            content_type: single(&head.headers, &header::CONTENT_TYPE)?,
            if_none_exist: single(&head.headers, &IF_NONE_EXIST)?,
            if_match: single(&head.headers, &header::IF_MATCH)?,
            method: head.method,
            body: None,
            form: None,
        };
        if matches!(asked.method, Method::GET | Method::HEAD | Method::DELETE) {
            return Ok(asked);
        }
        let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
            let text = "the body is too large, or was cut off";
            return Err(Answer::outcome(StatusCode::PAYLOAD_TOO_LARGE, "too-long", text));
        };
        let media = asked.content_type.as_deref().and_then(|text| text.split(';').next()).unwrap_or_default();
        match media.trim().to_ascii_lowercase().as_str() {
            _ if bytes.is_empty() => {}
            "application/x-www-form-urlencoded" => {
                let form =
                    String::from_utf8(bytes.into()).map_err(|_| Answer::bad("the form is not UTF-8"))?;
                asked.form = Some(form);
            }
            "application/fhir+json" | "application/json" | JSON_PATCH => {
                let body = serde_json::from_slice(&bytes);
                asked.body = Some(body.map_err(|_| Answer::bad("the body is not JSON"))?);
            }
            _ => {
                let text = "bodies are read as application/fhir+json only";
                return Err(Answer::unsupported(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
            }
        }
        Ok(asked)
    }

    /// Reads an entry of a batch. `None`: it is no request to this base.
    pub(super) fn of_entry(base: &str, entry: &Value) -> Option<Self> {
        let request = entry.get("request")?;
        let text = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
        let url = text("url")?;
        let url = match url.strip_prefix(base) {
            Some(rest) => rest.strip_prefix('/')?,
            None => url.as_str(),
        };
        let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
        Some(Self {
            method: text("method").filter(|name| name == &name.to_ascii_uppercase())?.parse().ok()?,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            content_type: None,
            if_none_exist: text("ifNoneExist"),
            if_match: text("ifMatch"),
            body: entry.get("resource").cloned(),
            form: None,
        })
    }

    /// What it asks for.
    pub(super) fn interaction(&self, rules: &Rules) -> Result<Interaction, Answer> {
        let request = FhirRequest::new(&self.method, &self.path)
            .with_query(self.query.as_deref())
            .with_content_type(self.content_type.as_deref())
            .with_if_none_exist(self.if_none_exist.as_deref())
            .with_body(self.body.as_ref())
            .with_form(self.form.as_deref());
        request
            .read(rules)
            .map_err(|unreadable| Answer::of_text(unreadable.status(), unreadable.operation_outcome()))
    }

    /// The parameters of a search: those of the address, then those of the form. Both count.
    pub(super) fn parameters(&self) -> Vec<(String, String)> {
        let both = [self.query.as_deref(), self.form.as_deref()];
        both.into_iter().flatten().flat_map(pairs).collect()
    }

    /// Whether the body is a JSON Patch. An entry of a batch says nothing of its format.
    pub(super) fn is_json_patch(&self) -> bool {
        let media = self.content_type.as_deref().and_then(|text| text.split(';').next()).unwrap_or_default();
        media.trim().eq_ignore_ascii_case(JSON_PATCH)
    }

    /// The search in a conditional write.
    pub(super) fn condition(&self) -> Vec<(String, String)> {
        let search = self.if_none_exist.as_deref().or(self.query.as_deref()).unwrap_or_default();
        pairs(search.strip_prefix('?').unwrap_or(search))
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// A header that counts once: of two, nobody knows which is meant.
fn single(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Answer> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(|text| Some(text.to_owned())).map_err(|_| Answer::bad("a header is malformed"))
        }
        _ => Err(Answer::bad("a header came twice")),
    }
}
