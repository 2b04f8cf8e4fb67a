//! T23: every secret that passes through the whole HTTP surface, and every place that it must not come out at.
//!
//! | place | may hold |
//! |---|---|
//! | log lines and spans, explanations, `Debug` of everything | no secret, and nobody's patient |
//! | audit events | no secret |
//! | the store | hashes and seals of them |
//! | pages and errors | their own form's step token; whose record is asked about |
//! | URLs | a code on its way to its app, a launch on its way in |
//!
//! A secret counts as found when it is there whole, percent-encoded, or cut: by the characters in its middle.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};
use vestibule_host::{AuditEvent, AuditSink, HostError};
use vestibule_http_tests::app::{Tk, V1, az, az_ehr, bare, cc, introspection, revocation, rf, tk};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::log::Log;
use vestibule_http_tests::registering::{TRUSTED, by_token, metadata};
use vestibule_http_tests::world::{E1, FHIR1, P1, P2, P3, World, config, open_visit, resource_server_secret};

use crate::notation::each_adapter_with;

/// LOG-001, LOG-004, A-UI-04
#[test]
fn t23_no_secret_comes_out_anywhere() {
    let log = Log::default();
    let _capturing = log.capture();
    each_adapter_with(
        || config().with_form_post(),
        async |world| {
            let seen = surface(&world, &log).await;
            assert!(seen.secrets.len() > 50, "{}", seen.secrets.len());
            let found = seen.found();
            assert!(found.is_empty(), "{}", found.join("\n"));
        },
    );
}

/// The reason to believe the above: a host that logs requests is caught, and so is each kind of secret in each place.
#[test]
fn t23_what_comes_out_is_noticed() {
    let log = Log::default();
    let _capturing = log.capture();
    each_adapter_with(config, async |world| {
        world.users.log_requests();
        let seen = surface(&world, &log).await;
        let found = seen.found().join("\n");
        assert!(
            found.contains("the log: a browser's cookie") && found.contains("an interaction's cookie"),
            "{found}"
        );

        let clean = Seen { places: Vec::new(), ..seen };
        for kind in Kind::ALL {
            let (_, text) = clean.secrets.iter().find(|(known, _)| *known == kind).expect("one of each kind");
            for place in Place::ALL.into_iter().filter(|place| !kind.may_be_in(*place)) {
                // Names are short, and there whole or not at all.
                let cut: String = text.chars().skip(text.len() / 4).take(text.len() / 2 + 1).collect();
                let cut = if kind.is_a_name() { text.clone() } else { cut };
                for planted in [text.clone(), format!("\"{text}\""), encoded(text), cut] {
                    let mut planted = Seen { places: vec![(place, planted)], ..clean.clone() };
                    planted.secrets.retain(|(known, _)| *known == kind);
                    assert_eq!(planted.found().len(), 1, "{kind:?} in {place:?}: {:?}", planted.places);
                }
            }
        }
    });
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    ClientSecret,
    Basic,
    Assertion,
    Verifier,
    Code,
    AccessToken,
    RefreshToken,
    IdToken,
    BrowserCookie,
    PendingCookie,
    Session,
    StepToken,
    Launch,
    InitialToken,
    RegistrationToken,
    Patient,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Log,
    Debug,
    Audit,
    Store,
    Body,
    Url,
}

impl Place {
    const ALL: [Self; 6] = [Self::Log, Self::Debug, Self::Audit, Self::Store, Self::Body, Self::Url];

    const fn name(self) -> &'static str {
        match self {
            Self::Log => "the log",
            Self::Debug => "an explanation or Debug",
            Self::Audit => "an audit event",
            Self::Store => "the store",
            Self::Body => "a page or an error",
            Self::Url => "a URL",
        }
    }
}

impl Kind {
    const ALL: [Self; 16] = [
        Self::ClientSecret,
        Self::Basic,
        Self::Assertion,
        Self::Verifier,
        Self::Code,
        Self::AccessToken,
        Self::RefreshToken,
        Self::IdToken,
        Self::BrowserCookie,
        Self::PendingCookie,
        Self::Session,
        Self::StepToken,
        Self::Launch,
        Self::InitialToken,
        Self::RegistrationToken,
        Self::Patient,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::ClientSecret => "a client secret",
            Self::Basic => "a Basic header",
            Self::Assertion => "an assertion",
            Self::Verifier => "a code verifier",
            Self::Code => "a code",
            Self::AccessToken => "an access token",
            Self::RefreshToken => "a refresh token",
            Self::IdToken => "an ID token",
            Self::BrowserCookie => "a browser's cookie",
            Self::PendingCookie => "an interaction's cookie",
            Self::Session => "a host session",
            Self::StepToken => "a step token",
            Self::Launch => "a launch handle",
            Self::InitialToken => "an initial access token",
            Self::RegistrationToken => "a registration access token",
            Self::Patient => "a patient",
        }
    }

    const fn is_a_name(self) -> bool {
        matches!(self, Self::Patient | Self::Session)
    }

    const fn may_be_in(self, place: Place) -> bool {
        match self {
            Self::Patient => matches!(place, Place::Audit | Place::Store | Place::Body),
            // The host's own id of a session: it names one, and opens none.
            Self::Session => matches!(place, Place::Audit | Place::Store),
            Self::StepToken => matches!(place, Place::Body),
            Self::Code | Self::Launch => matches!(place, Place::Url),
            _ => false,
        }
    }
}

/// What passed, and what came out.
#[derive(Clone)]
struct Seen {
    secrets: Vec<(Kind, String)>,
    places: Vec<(Place, String)>,
}

impl Seen {
    fn secret(&mut self, kind: Kind, text: impl Into<String>) {
        let text = text.into();
        assert!(text.len() >= 8, "{kind:?} {text}: short texts occur by chance");
        self.secrets.push((kind, text));
    }

    fn place(&mut self, place: Place, text: impl Into<String>) {
        self.places.push((place, text.into()));
    }

    /// An answer that is not the one that hands the secret out.
    fn shown(&mut self, answer: &Answer) {
        let headers = format!(
            "{:?}",
            answer.headers.iter().filter(|(name, _)| *name != "set-cookie").collect::<Vec<_>>()
        );
        self.place(Place::Body, answer.body.clone());
        self.place(if headers.contains("location") { Place::Url } else { Place::Body }, headers);
    }

    /// The tokens of an answer that must be one.
    fn tokens(&mut self, answer: &Answer) -> Value {
        assert_eq!(answer.status, 200, "{}", answer.brief());
        let tokens = answer.json();
        for (kind, name) in [
            (Kind::AccessToken, "access_token"),
            (Kind::RefreshToken, "refresh_token"),
            (Kind::IdToken, "id_token"),
        ] {
            if let Some(text) = tokens[name].as_str() {
                self.secret(kind, text);
            }
        }
        tokens
    }

    fn browser(&mut self, browser: &Browser) {
        for cookie in &browser.set {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let kind = if name.contains("pending") { Kind::PendingCookie } else { Kind::BrowserCookie };
            if !value.is_empty() {
                self.secret(kind, value);
            }
        }
        browser.urls.iter().for_each(|url| self.place(Place::Url, url.clone()));
        browser.shown.iter().for_each(|body| self.place(Place::Body, body.clone()));
    }

    /// What is where it must not be.
    fn found(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (kind, text) in &self.secrets {
            // Anything random is known by its middle.
            let middle = text.get(text.len() * 3 / 8..text.len() * 5 / 8).unwrap_or(text);
            let needle = if kind.is_a_name() { text } else { middle };
            let needles = [needle.to_owned(), encoded(needle)];
            for (place, out) in self.places.iter().filter(|(place, _)| !kind.may_be_in(*place)) {
                if let Some(at) = needles.iter().find_map(|needle| out.find(needle.as_str())) {
                    let from = out[..at].char_indices().rev().nth(60).map_or(0, |(at, _)| at);
                    found.push(format!("{}: {} after {:?}", place.name(), kind.name(), &out[from..at]));
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[derive(Debug, Default)]
struct Sink(Mutex<Vec<AuditEvent>>);

#[async_trait]
impl AuditSink for Sink {
    async fn record(&self, events: &[AuditEvent]) -> Result<(), HostError> {
        self.0.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

/// Walks through everything that the server answers, rightly and wrongly, and notes what passes.
async fn surface(world: &World, log: &Log) -> Seen {
    let before = log.text().len();
    let sink = Arc::new(Sink::default());
    let world = &world.rebuilt(|server| {
        server.with_audit_sink(sink.clone()).with_registration(world.clients.clone(), Arc::new(by_token()))
    });
    let mut seen = Seen { secrets: Vec::new(), places: Vec::new() };
    for patient in [P1, P2, P3, E1, &format!("Name Of {P1}"), &format!("Name Of {P2}")] {
        seen.secret(Kind::Patient, patient);
    }
    seen.secret(Kind::Verifier, V1);
    for (client, secret) in [
        ("basic", "basic-secret-basic-secret-basic-secret".to_owned()),
        ("post", "post-secret-post-secret-post-secret-p".to_owned()),
        ("rs1", resource_server_secret("rs1")),
    ] {
        seen.secret(Kind::Basic, STANDARD.encode(format!("{client}:{secret}")));
        seen.secret(Kind::ClientSecret, secret);
    }
    launches(world, &mut seen).await;
    registrations(world, &mut seen).await;
    faults(world, &mut seen).await;

    while world.server.tick().await.unwrap() < std::time::Duration::from_secs(1) {}
    let events = sink.0.lock().unwrap().clone();
    assert!(events.len() > 5, "{events:?}");
    seen.place(Place::Audit, format!("{events:?}"));
    for event in &events {
        seen.place(Place::Debug, format!("{:?}", event.id));
    }
    for explanation in world.observed.all() {
        seen.place(Place::Debug, format!("{explanation:?}"));
    }
    seen.place(Place::Debug, format!("{:?}", world.server.config()));
    seen.place(
        Place::Debug,
        format!("{:?} {:?}", world.clients.get("basic"), world.clients.registered.list()),
    );
    seen.place(Place::Store, world.spy.written());
    seen.place(Place::Log, log.text()[before..].to_owned());
    seen
}

/// Launches of every kind, with every form, and what their tokens are used for.
async fn launches(world: &World, seen: &mut Seen) {
    world.clients.change("pub", |client| client.token_format = vestibule_host::TokenFormat::Opaque);
    let wide = "openid fhirUser launch/patient patient/Observation.rs offline_access";

    // A public app: every step, and every wrong one.
    let mut browser = Browser::new(world);
    browser.begin(&az("pub").scope(wide).set("state", "a-state-of-pub").add("nonce", "a-nonce-of-pub")).await;
    browser.session = Some("alice/host-session-of-alice".to_owned());
    seen.secret(Kind::Session, "host-session-of-alice");
    browser.come_back().await;
    seen.secret(Kind::StepToken, browser.page.step());
    browser.pick(P3).await;
    browser.submit(&[("q", "patient"), ("move", "search")]).await;
    browser.pick(P1).await;
    seen.secret(Kind::StepToken, browser.page.step());
    browser.submit(&[("decision", "perhaps")]).await;
    let path = browser.path.clone();
    browser.post(&path, &[("step", "1.patient.forged"), ("patient", P2)]).await;
    browser.reload().await;
    let code = browser.allow().await.code();
    seen.secret(Kind::Code, &code);
    browser.reload().await;

    let wrong = tk("pub", &code).set("code_verifier", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong");
    for bad in [
        wrong,
        tk("other", &code),
        tk("pub", &code).add("code", &code),
        tk("pub", &code).with_query("code=x"),
    ] {
        seen.shown(&bad.send(world).await);
    }
    let first = seen.tokens(&world.redeem("pub", &code).await);
    let next = seen.tokens(&rf("pub", first["refresh_token"].as_str().unwrap()).send(world).await);
    let (access, refresh) = (next["access_token"].as_str().unwrap(), next["refresh_token"].as_str().unwrap());
    seen.shown(&rf("other", refresh).send(world).await);
    seen.shown(&rf("pub", refresh).add("scope", "patient/*.cruds").send(world).await);
    for ask in [
        introspection("rs1", access),
        introspection("rs2", access),
        introspection("pub", access),
        introspection("rs1", refresh),
        bare("/auth/introspect", &[("token", access)]).with_bearer(access),
        bare("/auth/userinfo", &[]).with_bearer(access),
        bare("/auth/userinfo", &[]).with_bearer(refresh),
        revocation("other", access),
    ] {
        seen.shown(&ask.send(world).await);
    }
    // Reuse, and a code that is replayed.
    world.advance(61);
    seen.shown(&rf("pub", first["refresh_token"].as_str().unwrap()).send(world).await);
    seen.shown(&world.redeem("pub", &code).await);
    seen.browser(&browser);

    // Apps that authenticate.
    for client in ["basic", "post", "memo"] {
        let code = world.code_for(&az(client).scope("launch/patient patient/Observation.rs")).await;
        seen.secret(Kind::Code, &code);
        let tokens = tk(client, &code).send(world).await;
        let tokens = seen.tokens(&tokens);
        seen.shown(&revocation(client, tokens["access_token"].as_str().unwrap()).send(world).await);
    }
    let short = "basic-secret-basic-secret-basic-secret-";
    let bad = tk("basic", &code).basic(Some(("basic", short)));
    seen.secret(Kind::Basic, STANDARD.encode(format!("basic:{short}")));
    seen.shown(&bad.send(world).await);
    let code = world.code_for(&az("jwt").scope(wide)).await;
    let signed = assertion(world, "jwt").text();
    seen.secret(Kind::Assertion, &signed);
    let tokens = tk("jwt", &code).with_assertion(&signed).send(world).await;
    seen.tokens(&tokens);
    seen.shown(&tk("jwt", &code).with_assertion(&signed).send(world).await);
    let signed = assertion(world, "svc").text();
    seen.secret(Kind::Assertion, &signed);
    let tokens = cc(&signed).send(world).await;
    seen.tokens(&tokens);
    seen.shown(&cc(&signed).send(world).await);
    seen.shown(&cc(&format!("{signed}x")).send(world).await);

    // The EHR's own launches, right and wrong, and an answer by a form.
    let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
    seen.secret(Kind::Launch, &handle);
    let mut dr = Browser::of(world, "dr");
    dr.begin(&az_ehr("pub", &handle)).await;
    let answer = dr.allow().await.clone();
    seen.secret(Kind::Code, answer.code());
    dr.authorize(&az_ehr("pub", &handle)).await;
    dr.authorize(&az_ehr("basic", &handle)).await;
    for strange in [
        az("pub").set("redirect_uri", "https://evil.test/cb"),
        az("pub").set("aud", "https://evil.test/fhir"),
        az("pub").scope("patient/Observation.rs\nline"),
        az("nobody-knows"),
    ] {
        dr.authorize(&strange).await;
    }
    dr.begin(&az("pub")).await;
    dr.submit(&[("move", "cancel")]).await;
    let manage = dr.get("/auth/manage").await;
    seen.secret(Kind::StepToken, manage.step());
    if let Some(grant) = manage.values("button", "revoke").first() {
        dr.post("/auth/manage", &[("step", &manage.step()), ("revoke", grant)]).await;
    }
    dr.get("/auth/manage?all").await;
    seen.browser(&dr);
    for document in ["/.well-known/openid-configuration", "/r4/.well-known/smart-configuration", "/auth/keys"]
    {
        seen.place(Place::Body, world.json(document).await.to_string());
    }
}

/// A registration's whole life.
async fn registrations(world: &World, seen: &mut Seen) {
    seen.secret(Kind::InitialToken, TRUSTED);
    let with_secret = json!({ "token_endpoint_auth_method": "client_secret_basic" });
    let app = world.registered(Some(TRUSTED), with_secret.clone()).await;
    seen.secret(Kind::RegistrationToken, &app.token);
    seen.secret(Kind::ClientSecret, app.answer["client_secret"].as_str().unwrap());
    seen.shown(&world.register(Some("wrong-initial-token"), &metadata(with_secret.clone())).await);
    seen.shown(&world.register(Some(TRUSTED), &metadata(json!({ "redirect_uris": ["ftp://x"] }))).await);
    let other = world.registered(Some(TRUSTED), json!({})).await;
    seen.secret(Kind::RegistrationToken, &other.token);
    seen.shown(&world.manages(Method::GET, &app.path, Some(&other.token), None).await);
    seen.shown(&world.manages(Method::DELETE, &app.path, Some(&app.token), None).await);
    seen.shown(&world.manages(Method::GET, &app.path, Some(&app.token), None).await);
}

/// Each part away in turn, with an error that nobody but the operator may read, and a row that is damaged.
async fn faults(world: &World, seen: &mut Seen) {
    let mut browser = Browser::of(world, "alice");
    browser.begin(&az("pub")).await;
    let code = world.code_for(&az("pub")).await;
    seen.secret(Kind::Code, &code);
    for part in ["users", "patients", "consents", "clients", "grants", "keys"] {
        world.script.away(part, true);
        browser.reload().await;
        browser.authorize(&az("pub")).await;
        for ask in [tk("pub", &code), introspection("rs1", "va_unknown"), revocation("basic", "va_unknown")] {
            seen.shown(&ask.send(world).await);
        }
        let (dr, app) = (vestibule_host::UserId::new("dr"), vestibule_host::ClientId::new("pub"));
        let made = world.server.create_launch(&dr, None, &app, None, FHIR1, open_visit(P1, E1));
        seen.place(Place::Debug, format!("{:?}", Box::pin(made).await));
        world.script.away(part, false);
    }
    world.spy.damage(Some(b"\x01{\"patient\":\"patient-one-alice\"}"));
    browser.reload().await;
    let damaged: Tk = tk("pub", &code);
    seen.shown(&damaged.send(world).await);
    world.spy.damage(None);
    seen.browser(&browser);
}
