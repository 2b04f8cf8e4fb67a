//! The tower layer in front of a small FHIR server that knows nothing of scopes.

mod answers;
mod batches;
mod heads;
mod writes;

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tower::util::BoxCloneService;
use tower::{Layer, ServiceExt, service_fn};
use vestibule_host::{Clock, UnixMillis};
use vestibule_resource::layer::GuardLayer;
use vestibule_resource::{FhirVersion, Rules};

use crate::fixtures::{BASE, NOW, check, claims, sign};

type Answer = Response<Bytes>;
type Overridden = VecDeque<(StatusCode, &'static str, String)>;

#[derive(Debug)]
struct Now;

impl Clock for Now {
    fn now(&self) -> UnixMillis {
        NOW
    }
}

/// A FHIR server with versions, that does what it is asked, for anybody.
#[derive(Clone, Default)]
struct Fhir {
    stored: Arc<Mutex<BTreeMap<String, Value>>>,
    asked: Arc<Mutex<Vec<Request<Bytes>>>>,
    /// What it says instead, the next times.
    says: Arc<Mutex<Overridden>>,
    /// What somebody else stores right before the next change.
    meanwhile: Arc<Mutex<Option<Value>>>,
}

impl Fhir {
    fn new() -> Self {
        let fhir = Self::default();
        fhir.put(json!({"resourceType": "Patient", "id": "p-1"}));
        fhir.put(json!({"resourceType": "Patient", "id": "p-2"}));
        fhir.put(observation("o-1", "p-1", "vital-signs"));
        fhir.put(observation("o-2", "p-2", "vital-signs"));
        fhir.put(observation("o-3", "p-1", "laboratory"));
        fhir
    }

    fn put(&self, mut resource: Value) -> Value {
        let key =
            format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let mut stored = self.stored.lock().unwrap();
        let version = stored
            .get(&key)
            .map_or(1, |old| old["meta"]["versionId"].as_str().unwrap().parse::<u32>().unwrap() + 1);
        resource["meta"] = json!({ "versionId": version.to_string() });
        stored.insert(key, resource.clone());
        resource
    }

    fn get(&self, key: &str) -> Option<Value> {
        self.stored.lock().unwrap().get(key).cloned()
    }

    fn says(&self, status: u16, kind: &'static str, body: impl ToString) {
        let status = StatusCode::from_u16(status).unwrap();
        self.says.lock().unwrap().push_back((status, kind, body.to_string()));
    }

    fn asked(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn answer(&self, request: &Request<Bytes>) -> Answer {
        if let Some((status, kind, body)) = self.says.lock().unwrap().pop_front() {
            let answer =
                Response::builder().status(status).header("content-type", kind).header("etag", "W/\"9\"");
            return answer.body(body.into()).unwrap();
        }
        let path = request.uri().path().strip_prefix("/fhir").unwrap().trim_start_matches('/');
        let reply = |status: u16, body: &Value| {
            let answer = Response::builder().status(status).header("content-type", "application/fhir+json");
            let version = body["meta"]["versionId"].as_str().map(|version| format!("W/\"{version}\""));
            let answer = version.into_iter().fold(answer, |answer, tag| answer.header("etag", tag));
            answer.body(body.to_string().into()).unwrap()
        };
        let missing = json!({"resourceType": "OperationOutcome", "issue": [{"diagnostics": format!("{path} is not here")}]});
        if path == "metadata" {
            return reply(200, &json!({"resourceType": "CapabilityStatement"}));
        }
        let (kind, id) = path.split_once('/').unwrap_or((path, ""));
        match (request.method(), id) {
            (&Method::GET, "") | (&Method::POST, "_search") => {
                let stored = self.stored.lock().unwrap();
                let of_kind = stored.iter().filter(|(key, _)| key.starts_with(&format!("{kind}/")));
                let entry: Vec<_> = of_kind
                    .map(|(key, it)| json!({"fullUrl": format!("{BASE}/{key}"), "resource": it, "search": {"mode": "match"}}))
                    .collect();
                let link = json!([{"relation": "next", "url": format!("{BASE}/{kind}?_page=2")}, {"relation": "last", "url": format!("{BASE}/{kind}?_page=7")}]);
                let mut answer = reply(
                    200,
                    &json!({"resourceType": "Bundle", "type": "searchset", "total": entry.len(), "link": link, "entry": entry}),
                );
                answer.headers_mut().insert("etag", "W/\"whole\"".parse().unwrap());
                answer
            }
            (&Method::GET, _) => {
                self.get(path).map_or_else(|| reply(404, &missing), |found| reply(200, &found))
            }
            (&Method::POST, "") if kind.is_empty() => {
                let bundle: Value = serde_json::from_slice(request.body()).unwrap();
                let done: Vec<_> = bundle["entry"].as_array().unwrap().iter().map(|_| json!({"response": {"status": "200 OK", "outcome": missing}, "resource": self.get("Patient/p-2")})).collect();
                reply(200, &json!({"resourceType": "Bundle", "type": "transaction-response", "entry": done}))
            }
            (&Method::POST, "") => {
                let mut created: Value = serde_json::from_slice(request.body()).unwrap();
                created["id"] = json!("new");
                let mut answer = reply(201, &self.put(created));
                answer
                    .headers_mut()
                    .insert("location", format!("{BASE}/{kind}/new/_history/1").parse().unwrap());
                answer
            }
            (&Method::PUT | &Method::DELETE, _) => {
                if let Some(resource) = self.meanwhile.lock().unwrap().take() {
                    self.put(resource);
                }
                let now =
                    self.get(path).map(|it| format!("W/\"{}\"", it["meta"]["versionId"].as_str().unwrap()));
                let header =
                    |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
                if header("if-match").is_some_and(|wanted| Some(wanted) != now)
                    || header("if-none-match").is_some() && now.is_some()
                {
                    return reply(412, &missing);
                }
                if request.method() == Method::DELETE {
                    self.stored.lock().unwrap().remove(path);
                    return Response::builder().status(204).body(Bytes::new()).unwrap();
                }
                reply(200, &self.put(serde_json::from_slice(request.body()).unwrap()))
            }
            _ => reply(405, &missing),
        }
    }

    fn service(&self) -> BoxCloneService<Request<Full<Bytes>>, Response<Full<Bytes>>, Infallible> {
        let fhir = self.clone();
        BoxCloneService::new(service_fn(move |request: Request<Full<Bytes>>| {
            let fhir = fhir.clone();
            async move {
                let (head, body) = request.into_parts();
                let request = Request::from_parts(head, body.collect().await?.to_bytes());
                let answer = fhir.answer(&request);
                fhir.asked.lock().unwrap().push(request);
                Ok(answer.map(Full::new))
            }
        }))
    }
}

fn observation(id: &str, patient: &str, category: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}],
        "code": {"text": "x"}, "subject": {"reference": format!("Patient/{patient}")},
    })
}

fn guard() -> GuardLayer {
    let rules = Rules::new(FhirVersion::R4, BASE).with_paging_parameter("_page");
    GuardLayer::new(rules, Arc::new(check())).under("/fhir").with_clock(Arc::new(Now))
}

fn token(scope: &str) -> String {
    format!("Bearer {}", sign("at+jwt", &claims(&[("scope", json!(scope))])))
}

/// One request, with a token of these scopes for patient `p-1`.
struct Ask(http::request::Builder, Bytes);

fn ask(method: &str, path: &str, scope: &str) -> Ask {
    let request = Request::builder().method(method).uri(format!("/fhir{path}"));
    Ask(request.header("authorization", token(scope)), Bytes::new())
}

impl Ask {
    fn with(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value), self.1)
    }

    fn body(self, kind: &str, body: impl ToString) -> Self {
        Self(self.0.header("content-type", kind), body.to_string().into())
    }

    fn json(self, body: &Value) -> Self {
        self.body("application/fhir+json", body)
    }

    async fn send(self, fhir: &Fhir) -> Answer {
        self.send_by(fhir, guard().enforcing()).await
    }

    async fn send_by(self, fhir: &Fhir, guard: GuardLayer) -> Answer {
        let request = self.0.body(Full::new(self.1)).unwrap();
        let answer = guard.layer(fhir.service()).oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }
}

fn value(answer: &Answer) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_else(|_| panic!("{answer:?}"))
}

/// Everything that an app can tell two answers by.
fn told(answer: &Answer) -> (StatusCode, Vec<(String, String)>, Bytes) {
    let mut headers: Vec<_> = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status(), headers, answer.body().clone())
}
