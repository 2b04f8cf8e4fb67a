//! A confidential app: a web server keeps the tokens, the browser only a cookie. It runs several times on the sample app's origin,
//! each time another `Kind`.
//!
//! Everything it gets is shown, which a real app would not do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
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
use super::{AppKey, CLINIC_APP, KEY_APP, KEY_SET_APP, OLD_APP, SECRET_APP, TEST_SECRET};
use crate::ehr::forms::Forms;
use crate::ehr::session::Cookie;
use crate::embed::CLINIC;
use crate::random;

/// Visitors that are remembered; the oldest gives way.
const MOST_VISITS: usize = 200;

/// What it is that differs from one app to the next.
#[derive(Debug)]
struct Kind {
    /// The client id.
    id: &'static str,
    /// Where it is on its origin.
    path: &'static str,
    title: &'static str,
    /// How it proves who it is, as the end of a sentence.
    proves: &'static str,
    /// The scopes that the form suggests.
    scope: &'static str,
    /// Those of a launch from the EHR.
    from_ehr: &'static str,
    /// Whether codes are bound to it (PKCE).
    pkce: bool,
    /// Whether it publishes its keys.
    publishes: bool,
}

impl Kind {
    const WITH_SECRET: Self = Self {
        id: SECRET_APP,
        path: "/confidential",
        title: "App with a secret",
        proves: "with a secret (client_secret_basic)",
        scope: "launch/patient openid fhirUser offline_access patient/*.rs",
        from_ehr: "launch openid fhirUser offline_access patient/*.rs",
        pkce: true,
        publishes: false,
    };
    const WITH_KEY: Self = Self {
        id: KEY_APP,
        path: "/asymmetric",
        title: "App with a key",
        proves: "with a signature (private_key_jwt)",
        ..Self::WITH_SECRET
    };
    const WITH_KEY_SET: Self = Self {
        id: KEY_SET_APP,
        path: "/key-set",
        title: "App with its keys at an address",
        proves: "with a signature; the hospital fetches the keys from the app when it needs them (jwks_uri)",
        publishes: true,
        ..Self::WITH_KEY
    };
    const OF_THE_CLINIC: Self = Self {
        id: CLINIC_APP,
        path: "/clinic",
        title: "App of the clinic",
        proves: "with a secret, to another issuer: the clinic next door has its own keys, apps and permissions over the same \
                 store, and the same people at the same sign-in",
        ..Self::WITH_SECRET
    };
    const OLD: Self = Self {
        id: OLD_APP,
        path: "/old",
        title: "App from before PKCE",
        proves: "with a secret. As apps of SMART 1.0 did, it binds no code to itself and asks for scopes in the older words; the \
                 hospital lets only an app do so that is registered for it (legacy_v1)",
        scope: "launch/patient openid fhirUser offline_access patient/*.read",
        from_ehr: "launch openid fhirUser offline_access patient/*.read",
        pkce: false,
        ..Self::WITH_SECRET
    };
}

/// Where the app publishes its keys. The hospital's fetcher goes to addresses, and not to names that anybody may point anywhere.
#[must_use]
pub fn key_set_url(origin: &str) -> String {
    format!("{}{}{KEYS}", origin.replace("://localhost:", "://127.0.0.1:"), Kind::WITH_KEY_SET.path)
}

const KEYS: &str = "/keys.json";

/// The app, as one of its kinds.
#[derive(Debug)]
pub struct ConfidentialApp {
    kind: Kind,
    /// Its key; without one it has a secret.
    key: Option<AppKey>,
    /// Where it is: an origin and a path.
    url: String,
    server: AuthorizationServer,
    /// Another issuer, to whom its tokens say nothing.
    elsewhere: Option<AuthorizationServer>,
    forms: Forms,
    cookie: Cookie,
    visits: Mutex<Visits>,
    /// How often its keys were fetched.
    fetched: AtomicU64,
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
    /// An answer that was posted and waits for its browser.
    posted: Option<Returned>,
    /// Whether the answer came like that.
    by_form: bool,
    tokens: Option<Value>,
    last: Option<Made>,
    mistake: Option<String>,
}

impl ConfidentialApp {
    /// Every kind of it, below `origin`: at the hospital, and one at the clinic.
    #[must_use]
    pub fn all(
        origin: &str,
        hospital: &AuthorizationServer,
        clinic: &AuthorizationServer,
        key: &AppKey,
    ) -> Vec<Self> {
        let app = |kind, key| Self::new(kind, key, origin, hospital.clone());
        let at_the_clinic = Self::new(Kind::OF_THE_CLINIC, None, origin, clinic.clone());
        vec![
            app(Kind::WITH_SECRET, None),
            app(Kind::WITH_KEY, Some(key.clone())),
            app(Kind::WITH_KEY_SET, Some(key.clone())),
            app(Kind::OLD, None),
            Self { elsewhere: Some(hospital.clone()), ..at_the_clinic },
        ]
    }

    fn new(kind: Kind, key: Option<AppKey>, origin: &str, server: AuthorizationServer) -> Self {
        let cookie = Cookie::new(&kind.path.replace('/', "app_"), origin.starts_with("https:"));
        Self {
            key,
            url: format!("{origin}{}", kind.path),
            server,
            elsewhere: None,
            forms: Forms::new(origin, &random::bytes()),
            cookie,
            visits: Mutex::default(),
            fetched: AtomicU64::new(0),
            kind,
        }
    }

    /// The app's routes.
    pub fn router(self) -> Router {
        let path = self.kind.path;
        let router = Router::new()
            .route(path, get(show))
            .route(&format!("{path}/start"), post(start))
            .route(&format!("{path}/launch"), get(launch))
            .route(&format!("{path}/callback"), get(callback).post(posted))
            .route(&format!("{path}/act"), post(act));
        let router =
            if self.kind.publishes { router.route(&format!("{path}{KEYS}"), get(keys)) } else { router };
        router.with_state(Arc::new(self))
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
        let Some(key) = &self.key else { return call.with_basic(self.kind.id, TEST_SECRET) };
        // Without a signature the server will say what is missing.
        let assertion = key.assertion(self.kind.id, &self.server.config().endpoints().token).await;
        call.with_assertion(assertion.unwrap_or_default())
    }

    /// Off to the hospital: where the browser is sent, and what is remembered until it is back.
    fn authorize(&self, base: &str, scope: &str, more: &[(&str, &str)]) -> (String, Visit) {
        let (state, verifier) = (random::token(), random::token());
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.kind.id)
            .append_pair("redirect_uri", &format!("{}/callback", self.url))
            .append_pair("scope", scope)
            .append_pair("state", &state)
            .append_pair("aud", base);
        if self.kind.pkce {
            query
                .append_pair("code_challenge", &random::hash(&verifier))
                .append_pair("code_challenge_method", "S256");
        }
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
    visit: &'a Visit,
    /// How often its keys were fetched, if it publishes them.
    fetched: Option<u64>,
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
        token: app.forms.token(app.kind.path, &cookie),
        fetched: app.kind.publishes.then(|| app.fetched.load(Ordering::Relaxed)),
        tokens: visit.tokens.as_ref().map(|tokens| format!("{tokens:#}")),
        access: text("access_token").and_then(claims),
        id: text("id_token").and_then(claims),
        read,
        refreshable: text("refresh_token").is_some(),
        visit: &visit,
    };
    let Ok(html) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    // An origin: with a path, the policy would let that one path through and nothing below.
    let issuer = app.server.config().issuer();
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
        issuer.strip_suffix(CLINIC).unwrap_or(issuer)
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

/// The app's public keys, for whoever checks its signatures. They may be kept for a minute.
async fn keys(State(app): State<Arc<ConfidentialApp>>) -> Response {
    app.fetched.fetch_add(1, Ordering::Relaxed);
    let keys = app.key.as_ref().map(AppKey::jwks).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "max-age=60")], keys.to_string())
        .into_response()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Start {
    token: String,
    base: String,
    scope: String,
    response_mode: String,
    prompt: String,
    max_age: String,
    login_hint: String,
}

async fn start(
    State(app): State<Arc<ConfidentialApp>>,
    headers: HeaderMap,
    Form(form): Form<Start>,
) -> Response {
    let cookie = app.cookie.read(&headers).unwrap_or_default();
    let known = app.bases().contains(&form.base.as_str());
    if app.forms.check(&headers, app.kind.path, &cookie, &form.token).is_err() || !known {
        return Redirect::to(&app.url).into_response();
    }
    let more = [
        ("response_mode", form.response_mode.as_str()),
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
    let (url, visit) = app.authorize(&asked.iss, app.kind.from_ehr, &[("launch", &launch)]);
    let known = app.cookie.read(&headers);
    app.move_on(known.as_deref(), visit, Redirect::to(&url).into_response())
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Returned {
    code: String,
    state: String,
    iss: String,
    error: String,
    error_description: String,
}

/// The answer as a form that the hospital's page posts (`response_mode=form_post`). A form of another site comes without this app's
/// cookie, so the answer waits here until its browser asks for it, with its cookie and the state alone.
async fn posted(State(app): State<Arc<ConfidentialApp>>, Form(returned): Form<Returned>) -> Response {
    let state: String = form_urlencoded::byte_serialize(returned.state.as_bytes()).collect();
    let mut visits = app.visits();
    let mut waiting = visits.by_cookie.values_mut();
    let waiting = waiting.find(|visit| !visit.state.is_empty() && visit.state == returned.state);
    let Some(visit) = waiting.filter(|visit| visit.posted.is_none()) else {
        return (StatusCode::BAD_REQUEST, "This answer belongs to no request.").into_response();
    };
    visit.posted = Some(returned);
    Redirect::to(&format!("{}/callback?state={state}", app.url)).into_response()
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
    visit.by_form = visit.posted.is_some();
    let returned = visit.posted.take().unwrap_or(returned);
    if returned.iss != app.server.config().issuer() {
        visit.mistake = Some("Another server answered.".to_owned());
    } else if returned.error.is_empty() {
        let mut call = Call::post(&app.server.config().endpoints().token)
            .with("grant_type", "authorization_code")
            .with("code", returned.code)
            .with("redirect_uri", format!("{}/callback", app.url));
        if app.kind.pkce {
            call = call.with("code_verifier", &visit.verifier);
        }
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
    if app.forms.check(&headers, app.kind.path, &cookie, &form.token).is_err() {
        return back;
    }
    let Some(mut visit) = app.visit(&cookie) else { return back };
    let tokens = visit.tokens.clone().unwrap_or_default();
    let text = |name: &str| tokens.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut server = &app.server;
    let endpoints = server.config().endpoints();
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
        "elsewhere" => {
            server = app.elsewhere.as_ref().unwrap_or(server);
            Call::get(&server.config().endpoints().userinfo).with_bearer(text("access_token"))
        }
        _ => {
            app.keep(&cookie, Visit::default());
            return back;
        }
    };
    let made = call.make(server).await;
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
