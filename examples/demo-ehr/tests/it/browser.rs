//! A browser without a screen: keeps cookies, reads hidden fields, follows nothing by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use demo_ehr::database::Store;
use demo_ehr::{Hospital, Settings};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

use crate::overheard::Overheard;

pub(crate) const PUBLIC: &str = "http://127.0.0.1:8080";
pub(crate) const SAMPLE_APP: &str = "http://localhost:8081";

/// One hospital for all tests: opening one hashes five passwords and makes keys.
static HOSPITAL: OnceCell<Hospital> = OnceCell::const_new();

async fn hospital() -> &'static Hospital {
    HOSPITAL
        .get_or_init(|| async {
            let settings = Settings {
                public_url: PUBLIC.to_owned(),
                sample_app_url: SAMPLE_APP.to_owned(),
                store: Store::Memory,
                clients: None,
                keys: None,
                allow_loopback_fetch: false,
            };
            Hospital::open(&settings).await.unwrap()
        })
        .await
}

pub(crate) async fn ehr() -> Router {
    hospital().await.ehr.clone()
}

pub(crate) async fn sample_app() -> Router {
    hospital().await.sample_app.clone()
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The value of a form field.
    pub(crate) fn field(&self, name: &str) -> String {
        let start = self.body.split_once(&format!("name=\"{name}\" value=\"")).expect(name).1;
        start.split_once('"').unwrap().0.to_owned()
    }
}

pub(crate) async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Which hospital is asked.
#[derive(Clone, Default)]
pub(crate) enum At {
    /// The one of all tests, without a network.
    #[default]
    Here,
    /// One that runs as a program of its own.
    There(Arc<Overheard>),
}

impl At {
    pub(crate) async fn ehr(&self, request: Request<Body>) -> Answer {
        match self {
            Self::Here => send(ehr().await, request).await,
            Self::There(running) => running.send(running.port, request).await,
        }
    }

    pub(crate) async fn app(&self, request: Request<Body>) -> Answer {
        match self {
            Self::Here => send(sample_app().await, request).await,
            Self::There(running) => running.send(running.port + 1, request).await,
        }
    }
}

#[derive(Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) at: At,
}

impl Browser {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.request(Method::GET, path, None, Some(PUBLIC)).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.request(Method::POST, path, Some(form), Some(PUBLIC)).await
    }

    pub(crate) async fn request(
        &mut self,
        method: Method,
        path: &str,
        form: Option<&[(&str, &str)]>,
        origin: Option<&str>,
    ) -> Answer {
        let mut request = Request::builder().method(&method).uri(path);
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if let (Some(origin), Method::POST) = (origin, method) {
            request = request.header(header::ORIGIN, origin);
        }
        let body =
            form.map(|form| form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish());
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.at.ehr(request.body(Body::from(body.unwrap_or_default())).unwrap()).await;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"), "{attributes}");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Signs in with the password that is the name.
    pub(crate) async fn signed_in(name: &str) -> Self {
        Self::signed_in_at(&At::Here, name).await
    }

    pub(crate) async fn signed_in_at(at: &At, name: &str) -> Self {
        let mut browser = Self { at: at.clone(), ..Self::default() };
        let token = browser.get("/sign-in").await.field("token");
        let answer =
            browser.post("/sign-in", &[("username", name), ("password", name), ("token", &token)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{name}");
        browser
    }
}
