//! A FHIR base with tokens signed by the test.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use demo_ehr::database::{Database, Store};
use demo_ehr::ehr::session::Cookie;
use demo_ehr::embed::{self, Ours, Storage};
use demo_ehr::fhir::capability::OAuthUris;
use demo_ehr::fhir::guard::{self, Guard};
use demo_ehr::fhir::journal::Journal;
use demo_ehr::fhir::{FhirBase, Origins, router};
use demo_ehr::host::audit::EhrAudit;
use demo_ehr::host::clients;
use demo_ehr::host::discovery::Partners;
use demo_ehr::host::explanations::Recent;
use demo_ehr::host::patients::EhrPatients;
use demo_ehr::host::rate::Failures;
use demo_ehr::host::users::EhrUsers;
use demo_ehr::records::{Records, Shelf};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use vestibule_fetch::{FetchOptions, GuardedFetcher};
use vestibule_host::{Clock as _, KeyRing, MemoryClients, StaticClients, SystemClock};
use vestibule_jose::jws;

use crate::browser::{Answer, send};

pub(crate) const ISSUER: &str = "https://ehr.example";
pub(crate) const BASE: &str = "https://ehr.example/fhir";

/// The apps of these tests: a token dies with its app.
const CLIENTS: &str = r#"[
    {"client_id": "app", "token_endpoint_auth_method": "none", "redirect_uris": ["https://app.example/"], "scope": "openid"},
    {"client_id": "service", "token_endpoint_auth_method": "none", "redirect_uris": ["https://app.example/"], "scope": "openid"}
]"#;

/// A FHIR base with keys of its own.
pub(crate) struct Server {
    router: Router,
    keys: Arc<dyn KeyRing>,
    pub(crate) database: Database,
    pub(crate) journal: Arc<Journal>,
}

/// The base that nobody writes to.
pub(crate) async fn server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_init(Server::open).await
}

impl Server {
    pub(crate) async fn open() -> Self {
        let database = Database::open(&Store::Memory).unwrap();
        let storage = Storage::open(&Store::Memory, None, ISSUER).await.unwrap();
        let records = Arc::new(Records::current());
        let users = EhrUsers { database: database.clone(), cookie: Cookie::new("ehr_session", true) };
        let patients = EhrPatients { database: database.clone(), records: Arc::clone(&records) };
        let clients = Arc::new(MemoryClients::new(StaticClients::from_json(CLIENTS).unwrap()));
        let ours = Ours {
            users: Arc::new(users),
            patients: Arc::new(patients),
            clients: clients.clone(),
            registration: Arc::new(clients::registration().unwrap()),
            audit: Arc::new(EhrAudit { database: database.clone(), issuer: ISSUER.to_owned() }),
            discovery: Arc::new(Partners::of(&StaticClients::default(), ISSUER)),
            observer: Arc::new(Recent::new(Arc::new(SystemClock))),
            fetcher: Arc::new(GuardedFetcher::new(FetchOptions::default()).unwrap()),
            gate: Arc::new(Failures::new(Arc::new(SystemClock))),
        };
        let server = embed::authorization_server(embed::hospital(ISSUER), &storage, ours).unwrap();
        let keys: Arc<dyn KeyRing> = storage.keys.clone();
        let rules = guard::rules(BASE);
        let guard = Guard { server, base: BASE.to_owned(), database: database.clone(), rules };
        let shelf = Shelf::new("/fhir", records, database.clone());
        let journal = Arc::new(Journal::new(Arc::new(SystemClock)));
        let url = || ISSUER.to_owned();
        let uris = OAuthUris {
            authorize: url(),
            token: url(),
            introspect: url(),
            revoke: url(),
            register: url(),
            manage: url(),
        };
        let base = FhirBase { url: BASE.to_owned(), shelf, guard, uris, journal: Arc::clone(&journal) };
        let router = router(Arc::new(base), Arc::new(Origins { clients }));
        Self { router, keys, database, journal }
    }

    pub(crate) async fn sign(&self, claims: &Value) -> String {
        jws::encode(&*self.keys, &self.keys.snapshot().access_token, "at+jwt", claims).await.unwrap()
    }

    /// An app with these scopes, acting for a user, with a patient in context.
    pub(crate) async fn app(&self, user: &'static str, patient: Option<&str>, scope: &str) -> App<'_> {
        let find = "SELECT subject, fhir_user FROM ehr_user WHERE name = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let found = self.database.run(move |c| c.query_row(find, [user], row)).await.unwrap();
        let now = SystemClock.now().seconds();
        let mut claims = json!({
            "iss": ISSUER, "aud": BASE, "sub": found.0, "client_id": "app", "jti": "1", "iat": now, "exp": now + 300,
            "scope": scope, "fhirUser": format!("{BASE}/{}", found.1)
        });
        if let Some(patient) = patient {
            claims["patient"] = json!(patient);
        }
        App { token: self.sign(&claims).await, server: self }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        send(self.router.clone(), request.body(Body::empty()).unwrap()).await
    }
}

/// An app with a token.
pub(crate) struct App<'s> {
    pub(crate) token: String,
    pub(crate) server: &'s Server,
}

impl App<'static> {
    /// On the base that nobody writes to.
    pub(crate) async fn new(user: &'static str, patient: Option<&str>, scope: &str) -> Self {
        server().await.app(user, patient, scope).await
    }
}

impl App<'_> {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.server.get(path, &self.token).await
    }

    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status.as_u16()
    }

    /// The ids that a search finds.
    pub(crate) async fn finds(&self, path: &str) -> Vec<String> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        ids(&answer)
    }

    /// Sends a resource.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/fhir+json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("authorization", format!("Bearer {}", self.token));
        send(self.server.router.clone(), request.body(Body::from(body)).unwrap()).await
    }

    /// Sends a form to `_search`.
    pub(crate) async fn post_search(&self, path: &str, form: &str) -> Answer {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/x-www-form-urlencoded");
        send(self.server.router.clone(), request.body(Body::from(form.to_owned())).unwrap()).await
    }
}

/// The ids in a bundle, in order.
pub(crate) fn ids(answer: &Answer) -> Vec<String> {
    let bundle = answer.json();
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
}

/// Where a bundle leads.
pub(crate) fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array().unwrap();
    let link = links.iter().find(|link| link["relation"] == relation)?;
    Some(link["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned())
}
