//! Calls to Vestibule as an app makes them, each beside the command line that does the same.
//!
//! They go to the Vestibule in this very process, so that the demo needs no HTTP client; an app sends them over the network.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use form_urlencoded::{Serializer, byte_serialize};
use http::{Method, Request, header};
use serde_json::Value;
use vestibule::AuthorizationServer;

/// A call that can be made, and shown.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    url: String,
    basic: Option<(&'static str, &'static str)>,
    bearer: Option<String>,
    form: Vec<(&'static str, String)>,
    json: Option<Value>,
}

/// A call that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The command line that does the same.
    pub curl: String,
    /// The status of the answer.
    pub status: u16,
    /// Under which name the inspector has it. Who is refused is not told.
    pub correlation: Option<String>,
    /// When to try again, in seconds, if the answer says so.
    pub retry_after: Option<String>,
    /// The answer, laid out for people.
    pub text: String,
    /// The answer; null if it is none in JSON.
    pub answer: Value,
}

impl Call {
    /// A form to be sent.
    #[must_use]
    pub fn post(url: &str) -> Self {
        Self {
            method: Method::POST,
            url: url.to_owned(),
            basic: None,
            bearer: None,
            form: Vec::new(),
            json: None,
        }
    }

    /// Something to be fetched.
    #[must_use]
    pub fn get(url: &str) -> Self {
        Self { method: Method::GET, ..Self::post(url) }
    }

    /// Something to be replaced.
    #[must_use]
    pub fn put(url: &str) -> Self {
        Self { method: Method::PUT, ..Self::post(url) }
    }

    /// Something to be removed.
    #[must_use]
    pub fn delete(url: &str) -> Self {
        Self { method: Method::DELETE, ..Self::post(url) }
    }

    /// With HTTP Basic.
    #[must_use]
    pub fn with_basic(mut self, id: &'static str, secret: &'static str) -> Self {
        self.basic = Some((id, secret));
        self
    }

    /// With a bearer token.
    #[must_use]
    pub fn with_bearer(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    /// With a field of the form.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.form.push((name, value.into()));
        self
    }

    /// With the proof that a key gives (`private_key_jwt`).
    #[must_use]
    pub fn with_assertion(self, assertion: impl Into<String>) -> Self {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        self.with("client_assertion_type", kind).with("client_assertion", assertion)
    }

    /// With a JSON body instead of a form.
    #[must_use]
    pub fn with_json(mut self, body: Value) -> Self {
        self.json = Some(body);
        self
    }

    /// The command line.
    #[must_use]
    pub fn curl(&self) -> String {
        let mut words = vec!["curl".to_owned()];
        // What curl does by itself needs no word.
        if matches!(self.method, Method::PUT | Method::DELETE) {
            words.push(format!("-X {}", self.method));
        }
        if let Some((id, secret)) = self.basic {
            words.push(format!("-u {}", quoted(&format!("{}:{}", encoded(id), encoded(secret)))));
        }
        if let Some(token) = &self.bearer {
            words.push(format!("-H {}", quoted(&format!("Authorization: Bearer {token}"))));
        }
        for (name, value) in &self.form {
            words.push(format!("--data-urlencode {}", quoted(&format!("{name}={value}"))));
        }
        if let Some(body) = &self.json {
            words.push(format!("--json {}", quoted(&body.to_string())));
        }
        words.push(quoted(&self.url));
        words.join(" \\\n  ")
    }

    /// Makes the call.
    pub async fn make(&self, server: &AuthorizationServer) -> Made {
        let curl = self.curl();
        let Some(request) = self.request() else {
            let text =
                "The call could not be made: an address or a header cannot be written like this.".to_owned();
            let (correlation, retry_after) = (None, None);
            return Made { curl, status: 0, correlation, retry_after, text, answer: Value::Null };
        };
        let (head, body) = server.handle(request).await.into_parts();
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = match &answer {
            Value::Null => String::from_utf8_lossy(&body).into_owned(),
            answer => format!("{answer:#}"),
        };
        let said = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (correlation, retry_after) = (said("x-correlation-id"), said("retry-after"));
        Made { curl, status: head.status.as_u16(), correlation, retry_after, text, answer }
    }

    fn request(&self) -> Option<Request<Bytes>> {
        let uri: http::Uri = self.url.parse().ok()?;
        let mut request = Request::builder().method(&self.method).uri(uri.path_and_query()?.as_str());
        if let Some((id, secret)) = self.basic {
            let credentials = BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
            request = request.header(header::AUTHORIZATION, format!("Basic {credentials}"));
        }
        if let Some(token) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let (kind, body) = match &self.json {
            Some(body) => ("application/json", body.to_string()),
            None if matches!(self.method, Method::GET | Method::DELETE) => {
                return request.body(Bytes::new()).ok();
            }
            None => (
                "application/x-www-form-urlencoded",
                Serializer::new(String::new()).extend_pairs(&self.form).finish(),
            ),
        };
        request.header(header::CONTENT_TYPE, kind).body(Bytes::from(body)).ok()
    }
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they go into a Basic header.
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// One word for a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What a JWT says, laid out for people: without any check, to be looked at. `None` for anything else, such as an opaque token.
#[must_use]
pub fn claims(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    Some(format!("{claims:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_survives_any_value() {
        let call = Call::post("https://ehr.example/auth/token")
            .with_basic("an app", "s:cret")
            .with("token", "it's $(rm -rf /) \\ \"x\"");
        assert_eq!(
            call.curl(),
            "curl \\\n  -u 'an+app:s%3Acret' \\\n  --data-urlencode 'token=it'\\''s $(rm -rf /) \\ \"x\"' \\\n  'https://ehr.example/auth/token'"
        );
    }

    #[test]
    fn only_tokens_of_three_parts_are_taken_apart() {
        assert_eq!(claims("e30.eyJhIjoxfQ.c2ln").unwrap(), "{\n  \"a\": 1\n}");
        for other in ["", "opaque", "a.b", "e30.%%%.x", "e30.e30x.x"] {
            assert_eq!(claims(other), None, "{other}");
        }
    }
}
