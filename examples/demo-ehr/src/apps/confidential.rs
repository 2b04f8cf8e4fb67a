//! A confidential app: a web server keeps the tokens, the browser only a cookie. It runs twice, once with a secret and once with a
//! key, on the sample app's origin.
//!
//! Everything it gets is shown, which a real app would not do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use form_urlencoded::Serializer;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use vestibule::AuthorizationServer;

use super::calls::{Call, Made, claims};
use super::{AppKey, KEY_APP, SECRET_APP, TEST_SECRET};
use crate::ehr::forms::Forms;
use crate::ehr::session::Cookie;
use crate::random;

/// Visitors that are remembered; the oldest gives way.
const MOST_VISITS: usize = 200;

/// The scopes that the form suggests.
const STANDALONE: &str = "launch/patient openid fhirUser offline_access patient/*.rs";
const FROM_EHR: &str = "launch openid fhirUser offline_access patient/*.rs";

/// The app, in one of its two forms.
#[derive(Debug)]
pub struct ConfidentialApp {
    /// The client id.
    id: &'static str,
    /// Its key; without one it has a secret.
    key: Option<AppKey>,
    /// Where it is: an origin and a path.
    url: String,
    path: &'static str,
    server: AuthorizationServer,
    forms: Forms,
    cookie: Cookie,
    visits: Mutex<Visits>,
}

#[derive(Debug, Default)]
struct Visits {
    next: u64,
    by_cookie: HashMap<String, Visit>,
}

/// One browser's way through the app.
#[derive(Clone, Debug, Default)]
struct Visit {
    number: u64,
    base: String,
    state: String,
    verifier: String,
    tokens: Option<Value>,
    last: Option<Made>,
    mistake: Option<String>,
}

impl ConfidentialApp {
    /// The app with a secret, below `origin`.
    #[must_use]
    pub fn with_secret(origin: &str, server: AuthorizationServer) -> Self {
        Self::new(SECRET_APP, None, origin, "/confidential", server)
    }

    /// The app with a key.
    #[must_use]
    pub fn with_key(origin: &str, server: AuthorizationServer, key: AppKey) -> Self {
        Self::new(KEY_APP, Some(key), origin, "/asymmetric", server)
    }

    fn new(
        id: &'static str,
        key: Option<AppKey>,
        origin: &str,
        path: &'static str,
        server: AuthorizationServer,
    ) -> Self {
        let cookie = Cookie::new(&path.replace('/', "app_"), origin.starts_with("https:"));
        Self {
            id,
            key,
            url: format!("{origin}{path}"),
            path,
            server,
            forms: Forms::new(origin, &random::bytes()),
            cookie,
            visits: Mutex::default(),
        }
    }

    /// The app's routes.
    pub fn router(self) -> Router {
        let path = self.path;
        Router::new()
            .route(path, get(show))
            .route(&format!("{path}/start"), post(start))
            .route(&format!("{path}/launch"), get(launch))
            .route(&format!("{path}/callback"), get(callback))
            .route(&format!("{path}/act"), post(act))
            .with_state(Arc::new(self))
    }

    fn visit(&self, cookie: &str) -> Option<Visit> {
        self.visits().by_cookie.get(cookie).cloned()
    }

    fn keep(&self, cookie: &str, mut visit: Visit) {
        let mut visits = self.visits();
        visits.next += 1;
        visit.number = visits.next;
        visits.by_cookie.insert(cookie.to_owned(), visit);
        if visits.by_cookie.len() > MOST_VISITS {
            let oldest = visits.by_cookie.iter().min_by_key(|(_, visit)| visit.number);
            let oldest = oldest.map(|(cookie, _)| cookie.clone());
            oldest.map(|cookie| visits.by_cookie.remove(&cookie));
        }
    }

    /// A new cookie at each step towards tokens: one that somebody planted in this browser never leads to them.
    fn move_on(&self, known: Option<&str>, visit: Visit, response: Response) -> Response {
        if let Some(known) = known {
            self.visits().by_cookie.remove(known);
        }
        let fresh = random::token();
        self.keep(&fresh, visit);
        self.set(response, &fresh)
    }

    /// Keeps what became of a visit, unless it has gone on elsewhere in the meantime.
    fn keep_if_unchanged(&self, cookie: &str, visit: Visit) {
        let present = self.visit(cookie).map(|visit| visit.number);
        if present == Some(visit.number) {
            self.keep(cookie, visit);
        }
    }

    fn visits(&self) -> std::sync::MutexGuard<'_, Visits> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The app proves who it is.
    async fn authenticated(&self, call: Call) -> Call {
        let Some(key) = &self.key else { return call.with_basic(self.id, TEST_SECRET) };
        // Without a signature the server will say what is missing.
        let assertion = key.assertion(self.id, &self.server.config().endpoints().token).await;
        call.with_assertion(assertion.unwrap_or_default())
    }

    /// Off to the hospital: where the browser is sent, and what is remembered until it is back.
    fn authorize(&self, base: &str, scope: &str, more: &[(&str, &str)]) -> (String, Visit) {
        let (state, verifier) = (random::token(), random::token());
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.id)
            .append_pair("redirect_uri", &format!("{}/callback", self.url))
            .append_pair("scope", scope)
            .append_pair("state", &state)
            .append_pair("aud", base)
            .append_pair("code_challenge", &random::hash(&verifier))
            .append_pair("code_challenge_method", "S256");
        // What is left empty is not said.
        query.extend_pairs(more.iter().filter(|(_, value)| !value.is_empty()));
        let url = format!("{}?{}", self.server.config().endpoints().authorization, query.finish());
        (url, Visit { base: base.to_owned(), state, verifier, ..Visit::default() })
    }

    fn bases(&self) -> Vec<&str> {
        self.server.config().bases().iter().map(vestibule::FhirBase::url).collect()
    }

    fn set(&self, mut response: Response, cookie: &str) -> Response {
        if let Some(line) = self.cookie.set(cookie) {
            response.headers_mut().append(header::SET_COOKIE, line);
        }
        response
    }
}

#[derive(Template)]
#[template(path = "confidential.html")]
struct Page<'a> {
    app: &'a ConfidentialApp,
    token: String,
    scope: &'static str,
    visit: &'a Visit,
    tokens: Option<String>,
    access: Option<String>,
    id: Option<String>,
    read: Option<String>,
    refreshable: bool,
}

async fn show(State(app): State<Arc<ConfidentialApp>>, headers: HeaderMap) -> Response {
    let known = app.cookie.read(&headers);
    let cookie = known.clone().unwrap_or_else(random::token);
    let visit = app.visit(&cookie).unwrap_or_default();
    let text = |name: &str| visit.tokens.as_ref()?.get(name)?.as_str();
    let read = text("access_token").map(|token| {
        let patient = text("patient").map_or("Patient".to_owned(), |patient| format!("Patient/{patient}"));
        Call::get(&format!("{}/{patient}", visit.base)).with_bearer(token).curl()
    });
    let page = Page {
        app: &app,
        token: app.forms.token(app.path, &cookie),
        scope: STANDALONE,
        tokens: visit.tokens.as_ref().map(|tokens| format!("{tokens:#}")),
        access: text("access_token").and_then(claims),
        id: text("id_token").and_then(claims),
        read,
        refreshable: text("refresh_token").is_some(),
        visit: &visit,
    };
    let Ok(html) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
        app.server.config().issuer()
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::REFERRER_POLICY, "same-origin".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    let response = (headers, html).into_response();
    if known.is_some() { response } else { app.set(response, &cookie) }
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Start {
    token: String,
    base: String,
    scope: String,
    prompt: String,
    max_age: String,
    login_hint: String,
}

impl Default for Start {
    fn default() -> Self {
        let none = String::new;
        let scope = STANDALONE.to_owned();
        Self { token: none(), base: none(), scope, prompt: none(), max_age: none(), login_hint: none() }
    }
}

async fn start(
    State(app): State<Arc<ConfidentialApp>>,
    headers: HeaderMap,
    Form(form): Form<Start>,
) -> Response {
    let cookie = app.cookie.read(&headers).unwrap_or_default();
    let known = app.bases().contains(&form.base.as_str());
    if app.forms.check(&headers, app.path, &cookie, &form.token).is_err() || !known {
        return Redirect::to(&app.url).into_response();
    }
    let more = [
        ("prompt", form.prompt.as_str()),
        ("max_age", form.max_age.trim()),
        ("login_hint", form.login_hint.trim()),
    ];
    let (url, visit) = app.authorize(&form.base, form.scope.trim(), &more);
    app.move_on(Some(&cookie), visit, Redirect::to(&url).into_response())
}

#[derive(Debug, Deserialize)]
struct Launch {
    #[serde(default)]
    iss: String,
    launch: Option<String>,
}

/// The EHR opened us. Only a hospital that the app knows is asked for anything (SMART-LAUNCH-021).
async fn launch(
    State(app): State<Arc<ConfidentialApp>>,
    headers: HeaderMap,
    Query(asked): Query<Launch>,
) -> Response {
    let (Some(launch), true) = (asked.launch, app.bases().contains(&asked.iss.as_str())) else {
        return (StatusCode::BAD_REQUEST, "This app does not know that hospital.").into_response();
    };
    let (url, visit) = app.authorize(&asked.iss, FROM_EHR, &[("launch", &launch)]);
    let known = app.cookie.read(&headers);
    app.move_on(known.as_deref(), visit, Redirect::to(&url).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Returned {
    code: String,
    state: String,
    iss: String,
    error: String,
    error_description: String,
}

/// Back from the hospital, with a code or with an error.
async fn callback(
    State(app): State<Arc<ConfidentialApp>>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Response {
    let cookie = app.cookie.read(&headers).unwrap_or_default();
    let expected =
        app.visit(&cookie).filter(|visit| !visit.state.is_empty() && visit.state == returned.state);
    let Some(mut visit) = expected else {
        return (StatusCode::BAD_REQUEST, "This answer belongs to no request of this browser.")
            .into_response();
    };
    // A state is good once.
    visit.state.clear();
    if returned.iss != app.server.config().issuer() {
        visit.mistake = Some("Another server answered.".to_owned());
    } else if returned.error.is_empty() {
        let call = Call::post(&app.server.config().endpoints().token)
            .with("grant_type", "authorization_code")
            .with("code", returned.code)
            .with("redirect_uri", format!("{}/callback", app.url))
            .with("code_verifier", &visit.verifier);
        let made = app.authenticated(call).await.make(&app.server).await;
        visit.tokens = (made.status == 200).then(|| made.answer.clone());
        visit.last = Some(made);
    } else {
        visit.mistake = Some(format!("{}: {}", returned.error, returned.error_description));
    }
    // The code does not stay in the address.
    app.move_on(Some(&cookie), visit, Redirect::to(&app.url).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Act {
    token: String,
    act: String,
    /// For this access token alone; empty: all that was granted.
    scope: String,
}

async fn act(State(app): State<Arc<ConfidentialApp>>, headers: HeaderMap, Form(form): Form<Act>) -> Response {
    let back = Redirect::to(&app.url).into_response();
    let cookie = app.cookie.read(&headers).unwrap_or_default();
    if app.forms.check(&headers, app.path, &cookie, &form.token).is_err() {
        return back;
    }
    let Some(mut visit) = app.visit(&cookie) else { return back };
    let tokens = visit.tokens.clone().unwrap_or_default();
    let text = |name: &str| tokens.get(name).and_then(Value::as_str).unwrap_or_default();
    let endpoints = app.server.config().endpoints();
    let call = match form.act.as_str() {
        "refresh" => {
            let mut call = Call::post(&endpoints.token).with("grant_type", "refresh_token");
            if !form.scope.trim().is_empty() {
                call = call.with("scope", form.scope.trim());
            }
            app.authenticated(call.with("refresh_token", text("refresh_token"))).await
        }
        "revoke" => {
            let call = Call::post(&endpoints.revocation).with("token", text("access_token"));
            app.authenticated(call).await
        }
        "userinfo" => Call::get(&endpoints.userinfo).with_bearer(text("access_token")),
        _ => {
            app.keep(&cookie, Visit::default());
            return back;
        }
    };
    let made = call.make(&app.server).await;
    if form.act == "refresh" && made.status == 200 {
        visit.tokens = Some(refreshed(tokens, &made.answer));
    }
    visit.last = Some(made);
    app.keep_if_unchanged(&cookie, visit);
    back
}

/// What a refresh answers replaces what there was; the rest stays (SMART-REFRESH-014).
fn refreshed(mut tokens: Value, answer: &Value) -> Value {
    if let (Some(tokens), Some(answer)) = (tokens.as_object_mut(), answer.as_object()) {
        tokens.extend(answer.clone());
    }
    tokens
}
