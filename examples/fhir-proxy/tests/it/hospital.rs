//! An issuer, a FHIR server that knows nothing of SMART, and the proxy between it and the test.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{get, post};
use clap::Parser as _;
use fhir_proxy::Options;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use vestibule_host::{Clock as _, KeyRing as _, SystemClock};
use vestibule_jose::{LocalKeyRing, SystemRandom, jws};

/// What reached the FHIR server.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) struct Hospital {
    pub(crate) public: String,
    pub(crate) behind: String,
    pub(crate) issuer: String,
    proxy: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    living: Arc<Mutex<HashMap<String, Value>>>,
    ring: Arc<LocalKeyRing>,
    files: PathBuf,
}

impl Drop for Hospital {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.files));
    }
}

impl Hospital {
    /// With tokens checked by the issuer's keys.
    pub(crate) async fn open() -> Self {
        Self::with(None).await
    }

    /// With tokens that the issuer is asked about.
    pub(crate) async fn introspecting(staleness: u64) -> Self {
        Self::with(Some(staleness)).await
    }

    async fn with(staleness: Option<u64>) -> Self {
        let ring = Arc::new(LocalKeyRing::ephemeral(&SystemRandom::new()).unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let living: Arc<Mutex<HashMap<String, Value>>> = Arc::default();
        let (fhir, behind) = listen("/internal/r4").await;
        serve(fhir, fhir_server(behind.clone(), Arc::clone(&asked)));
        let (issuing, issuer) = listen("").await;
        serve(issuing, issuer_of(issuer.clone(), Arc::clone(&ring), Arc::clone(&living)));
        let (listener, public) = listen("/fhir/r4").await;
        let proxy = listener.local_addr().unwrap();

        let files = std::env::temp_dir().join(format!("fhir-proxy-test-{}", proxy.port()));
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(files.join("secret"), "issuer-knows-this-secret\n").unwrap();
        std::fs::write(files.join("authorization"), "Basic for-the-server-behind\n").unwrap();
        let file = |name: &str| files.join(name).to_str().unwrap().to_owned();
        let mut line: Vec<String> =
            ["fhir-proxy", "--public-url", &public, "--upstream", &behind, "--issuer", &issuer]
                .map(str::to_owned)
                .into();
        line.extend(
            ["--allow-origin", "https://app.example", "--paging-parameter", "_page"].map(str::to_owned),
        );
        line.extend(["--upstream-authorization".to_owned(), file("authorization")]);
        line.extend(["--smart-configuration".to_owned(), format!("{issuer}/smart")]);
        match staleness {
            None => line.extend([
                "--jwks-uri".to_owned(),
                format!("{issuer}/keys"),
                "--allow-loopback-fetch".to_owned(),
            ]),
            Some(seconds) => {
                line.extend(["--introspection-endpoint".to_owned(), format!("{issuer}/introspect")]);
                line.extend([
                    "--client-id".to_owned(),
                    "proxy".to_owned(),
                    "--client-secret".to_owned(),
                    file("secret"),
                ]);
                line.extend(["--staleness".to_owned(), seconds.to_string()]);
            }
        }
        let router = fhir_proxy::router(&Options::try_parse_from(line).unwrap()).unwrap();
        tokio::spawn(fhir_proxy::serve(listener, router));
        Self { public, behind, issuer, proxy, asked, living, ring, files }
    }

    /// For patient `p-1`, for five minutes.
    pub(crate) fn token(&self, scope: &str) -> String {
        let now = SystemClock.now().seconds();
        let claims = json!({
            "iss": self.issuer, "aud": self.public, "sub": "u-1", "client_id": "app", "jti": scope,
            "iat": now, "exp": now + 300, "scope": scope, "patient": "p-1",
        });
        let key = self.ring.snapshot().access_token.clone();
        let mut signing = std::pin::pin!(jws::encode(self.ring.as_ref(), &key, "at+jwt", &claims));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let std::task::Poll::Ready(token) = signing.as_mut().poll(&mut context) else {
            panic!("signing waits")
        };
        let token = token.unwrap();
        self.living.lock().unwrap().insert(token.clone(), claims.clone());
        token
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.living.lock().unwrap().remove(token);
    }

    /// What reached the FHIR server since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.send("GET", path, token, &[], "").await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: impl AsRef<str>,
    ) -> Answer {
        let mut raw = format!("{method} /fhir/r4{path} HTTP/1.1\r\nhost: proxy\r\n");
        if let Some(token) = token {
            raw.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            raw.push_str(&format!("{name}: {value}\r\n"));
        }
        if !headers.iter().any(|(name, _)| *name == "connection") {
            raw.push_str("connection: close\r\n");
        }
        let body = body.as_ref();
        if !body.is_empty() {
            raw.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        raw.push_str("\r\n");
        raw.push_str(body);
        Answer(self.raw(&raw).await)
    }

    /// Sends bytes as they are, and reads until the answer is there.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.proxy).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        loop {
            let mut some = [0; 4096];
            let read = socket.read(&mut some).await.unwrap();
            answer.extend_from_slice(&some[..read]);
            if read == 0 || is_whole(&answer) {
                return String::from_utf8(answer).unwrap();
            }
        }
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse().unwrap())
}

#[derive(Debug)]
pub(crate) struct Answer(String);

impl Answer {
    fn head(&self) -> &str {
        self.0.split_once("\r\n\r\n").unwrap().0
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.head()[9..12].parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> String {
        let prefix = format!("{name}: ");
        self.head().lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default().to_owned()
    }

    pub(crate) fn text(&self) -> String {
        self.0.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// Everything that an app can tell two answers by, but for the time of day.
pub(crate) fn told(answer: &Answer) -> Vec<String> {
    answer.0.lines().filter(|line| !line.starts_with("date: ")).map(str::to_owned).collect()
}

async fn listen(path: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    (listener, url)
}

fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
}

fn answer(status: u16, kind: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut builder = Response::builder().status(status).header("content-type", kind);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

/// An issuer: its keys, its word about tokens, its configuration.
fn issuer_of(issuer: String, ring: Arc<LocalKeyRing>, living: Arc<Mutex<HashMap<String, Value>>>) -> Router {
    let keys = move || {
        let jwks = ring.snapshot().jwks.clone();
        async move { answer(200, "application/json", &[("cache-control", "max-age=300")], jwks) }
    };
    let introspect = move |request: Request| {
        let living = Arc::clone(&living);
        async move {
            let (head, body) = request.into_parts();
            // "proxy" and the secret, by Basic.
            if head.headers["authorization"] != "Basic cHJveHk6aXNzdWVyLWtub3dzLXRoaXMtc2VjcmV0" {
                return answer(401, "application/json", &[], "{}");
            }
            let body = body.collect().await.unwrap().to_bytes();
            let (_, token) = form_urlencoded::parse(&body).find(|(name, _)| name == "token").unwrap();
            let mut claims = living.lock().unwrap().get(token.as_ref()).cloned().unwrap_or(json!({}));
            claims["active"] = json!(claims.get("iss").is_some());
            answer(200, "application/json", &[], claims.to_string())
        }
    };
    let smart = move || {
        let body = json!({ "issuer": issuer }).to_string();
        async move { answer(200, "application/json", &[], body) }
    };
    Router::new().route("/keys", get(keys)).route("/introspect", post(introspect)).route("/smart", get(smart))
}

/// A FHIR server for whoever reaches it, with absolute links.
fn fhir_server(base: String, asked: Arc<Mutex<Vec<Asked>>>) -> Router {
    let handle = move |request: Request| {
        let (base, asked) = (base.clone(), Arc::clone(&asked));
        async move {
            let (head, body) = request.into_parts();
            let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
            let path = head.uri.path().to_owned();
            let query = head.uri.query().unwrap_or_default().to_owned();
            asked.lock().unwrap().push(Asked {
                path: path.clone(),
                query,
                headers: head.headers,
                body: body.clone(),
            });
            let below = path.strip_prefix("/internal/r4/").unwrap_or_default();
            fhir_answer(&base, head.method.as_str(), below, &body)
        }
    };
    Router::new().fallback(handle)
}

fn fhir_answer(base: &str, method: &str, path: &str, body: &str) -> Response {
    const FHIR: &str = "application/fhir+json";
    let observation = |id: &str, patient: &str| {
        json!({
            "resourceType": "Observation", "id": id, "meta": {"versionId": "1"}, "status": "final", "code": {"text": "x"},
            "subject": {"reference": format!("{base}/Patient/{patient}")},
            "derivedFrom": [{"reference": "http://elsewhere.example/fhir/Patient/1"}],
        })
    };
    let found = |resource: &Value| answer(200, FHIR, &[("etag", "W/\"1\"")], resource.to_string());
    match (method, path) {
        (_, "metadata") => found(&json!({"resourceType": "CapabilityStatement"})),
        ("GET", "Patient/p-1") => found(&json!({"resourceType": "Patient", "id": "p-1"})),
        ("GET", "Observation/o-1") => found(&observation("o-1", "p-1")),
        ("GET", "Observation/o-2") => found(&observation("o-2", "p-2")),
        ("GET", "Observation") => {
            let entry = |id: &str, patient: &str| json!({"fullUrl": format!("{base}/Observation/{id}"), "resource": observation(id, patient), "search": {"mode": "match"}});
            let link = json!([{"relation": "next", "url": format!("{base}/Observation?_page=2")}]);
            found(
                &json!({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": [entry("o-1", "p-1"), entry("o-2", "p-2")]}),
            )
        }
        ("POST", "Observation") => {
            let mut created: Value = serde_json::from_str(body).unwrap();
            created["id"] = json!("new");
            let location = format!("{base}/Observation/new/_history/1");
            answer(201, FHIR, &[("location", &location)], created.to_string())
        }
        ("GET", "Basic/redirect") => answer(302, FHIR, &[("location", "http://169.254.169.254/")], ""),
        ("GET", "Basic/gzip") => answer(200, FHIR, &[("content-encoding", "gzip")], "\u{1f}"),
        ("GET", "Basic/hangup") => answer(200, FHIR, &[("content-length", "1000")], "{"),
        ("GET", "Basic/elsewhere") => {
            let headers = [
                ("location", "https://evil.example/"),
                ("content-location", "//evil.example/x"),
                ("set-cookie", "a=b"),
                ("x-internal", "10.0.0.7"),
                ("server", "inside"),
            ];
            answer(200, FHIR, &headers, "{\"resourceType\":\"Basic\",\"id\":\"elsewhere\"}")
        }
        _ => answer(404, FHIR, &[], json!({"resourceType": "OperationOutcome", "text": path}).to_string()),
    }
}
