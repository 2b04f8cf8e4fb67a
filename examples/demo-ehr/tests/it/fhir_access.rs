//! What tokens open, with tokens signed by the test.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use demo_ehr::database::{Database, Store};
use demo_ehr::ehr::session::Cookie;
use demo_ehr::embed::{self, Ours, Storage};
use demo_ehr::fhir::guard::Guard;
use demo_ehr::fhir::{FhirBase, Origins, router};
use demo_ehr::host::audit::EhrAudit;
use demo_ehr::host::clients;
use demo_ehr::host::discovery::Partners;
use demo_ehr::host::explanations::Recent;
use demo_ehr::host::patients::EhrPatients;
use demo_ehr::host::rate::Failures;
use demo_ehr::host::users::EhrUsers;
use demo_ehr::records::Records;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use vestibule_fetch::{FetchOptions, GuardedFetcher};
use vestibule_host::{Clock as _, KeyRing, MemoryClients, StaticClients, SystemClock};
use vestibule_jose::jws;

use crate::browser::{Answer, send};

const ISSUER: &str = "https://ehr.example";
const BASE: &str = "https://ehr.example/fhir";

/// The apps of these tests: a token dies with its app.
const CLIENTS: &str = r#"[
    {"client_id": "app", "token_endpoint_auth_method": "none", "redirect_uris": ["https://app.example/"], "scope": "openid"},
    {"client_id": "service", "token_endpoint_auth_method": "none", "redirect_uris": ["https://app.example/"], "scope": "openid"}
]"#;

/// A FHIR base with keys of its own.
struct Server {
    router: Router,
    keys: Arc<dyn KeyRing>,
    database: Database,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

async fn server() -> &'static Server {
    SERVER
        .get_or_init(|| async {
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
            let server = embed::authorization_server(embed::hospital(ISSUER), &storage, ours);
            let keys: Arc<dyn KeyRing> = storage.keys.clone();
            let guard = Guard { server: server.unwrap(), base: BASE.to_owned(), database: database.clone() };
            let base = FhirBase { url: BASE.to_owned(), records, guard, metadata: Value::Null };
            let origins = Origins { clients };
            Server { router: router(Arc::new(base), Arc::new(origins)), keys, database }
        })
        .await
}

/// An app with these scopes, acting for a user, with a patient in context.
struct App {
    token: String,
}

impl App {
    async fn new(user: &'static str, patient: Option<&str>, scope: &str) -> Self {
        let find = "SELECT subject, fhir_user FROM ehr_user WHERE name = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let found = server().await.database.run(move |c| c.query_row(find, [user], row)).await.unwrap();
        let now = SystemClock.now().seconds();
        let mut claims = json!({
            "iss": ISSUER, "aud": BASE, "sub": found.0, "client_id": "app", "jti": "1", "iat": now, "exp": now + 60,
            "scope": scope, "fhirUser": format!("{BASE}/{}", found.1)
        });
        if let Some(patient) = patient {
            claims["patient"] = json!(patient);
        }
        Self { token: sign(&claims).await }
    }

    async fn get(&self, path: &str) -> Answer {
        get(path, &self.token).await
    }

    async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status.as_u16()
    }

    /// The ids that a search finds.
    async fn finds(&self, path: &str) -> Vec<String> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        let bundle = answer.json();
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
    }
}

async fn sign(claims: &Value) -> String {
    let keys = &server().await.keys;
    jws::encode(&**keys, &keys.snapshot().access_token, "at+jwt", claims).await.unwrap()
}

async fn get(path: &str, token: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    send(server().await.router.clone(), request.body(Body::empty()).unwrap()).await
}

/// SMART-SCOPE-060
#[tokio::test]
async fn a_patient_scope_opens_one_record() {
    let app = App::new("alice", Some("ben"), "patient/*.rs").await;
    assert_eq!(app.status("/Patient/ben").await, 200);
    assert_eq!(app.status("/Observation/ben-glu-1").await, 200);
    for other in [
        "/Patient/alice",
        "/Patient/carol",
        "/Patient/vip",
        "/Observation/alice-glu-1",
        "/Binary/carol-bin-1",
    ] {
        assert_eq!(app.status(other).await, 403, "{other}");
    }
    assert_eq!(app.status("/Patient/nosuch").await, 404);
    assert_eq!(app.status("/NoSuchType/1").await, 404);
    assert_eq!(app.finds("/Patient").await, ["ben"]);
    assert!(app.finds("/Condition?_count=200").await.iter().all(|id| id.starts_with("ben-")));
    for named in ["/Observation?patient=alice", "/Observation?patient=ben,carol", "/Patient?_id=carol"] {
        assert_eq!(app.status(named).await, 403, "{named}");
    }
    // Outside the compartment (SMART-SCOPE-064).
    for shared in ["/Practitioner/lee", "/Organization/elmsby", "/Location/clinic"] {
        assert_eq!(app.status(shared).await, 200, "{shared}");
    }
    assert_eq!(app.status("/Person/nobody").await, 403);
}

#[tokio::test]
async fn a_scope_opens_its_types_and_letters_only() {
    let app =
        App::new("alice", Some("ben"), "launch/patient patient/Observation.r patient/Patient.read").await;
    assert_eq!(app.status("/Observation/ben-glu-1").await, 200);
    assert_eq!(app.status("/Patient?_id=ben").await, 200);
    for (path, what) in [
        ("/Observation?patient=ben", "read is not search"),
        ("/Condition/ben-con-1", "another type"),
        ("/Condition?patient=ben", "another type"),
        ("/Practitioner/lee", "nobody asked for it"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}");
        assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{what}");
    }
}

/// SMART-SCOPE-046
#[tokio::test]
async fn a_granular_scope_is_a_filter() {
    let system = "http://terminology.hl7.org/CodeSystem/observation-category";
    let labs = format!("patient/Observation.rs?category={system}|laboratory");
    let app = App::new("alice", Some("alice"), &labs).await;
    let found = app.finds("/Observation?patient=alice").await;
    assert!(
        !found.is_empty() && found.iter().all(|id| id.contains("-glu-") || id.contains("-hgb-")),
        "{found:?}"
    );
    assert_eq!(app.status("/Observation/alice-glu-1").await, 200);
    assert_eq!(app.status("/Observation/alice-bp-1").await, 403);
    assert!(app.finds("/Observation?patient=alice&category=vital-signs").await.is_empty());

    let both = format!("{labs} patient/Observation.rs?category={system}|vital-signs");
    let both = App::new("alice", Some("alice"), &both).await;
    assert_eq!(both.status("/Observation/alice-bp-1").await, 200, "several scopes are a union");
    assert_eq!(both.status("/Observation/alice-soc-1").await, 403);

    let strange = App::new("alice", Some("alice"), "patient/Observation.rs?code:in=http://x.example/v").await;
    assert_eq!(strange.status("/Observation/alice-glu-1").await, 403, "what is not understood shows nothing");
}

/// SMART-SCOPE-025
#[tokio::test]
async fn a_user_scope_opens_what_the_user_may_open() {
    let lee = App::new("dr-lee", None, "user/*.rs").await;
    assert_eq!(lee.finds("/Patient?_count=200").await.len(), 13, "all but one");
    assert_eq!(lee.status("/Patient/vip").await, 403);
    assert_eq!(lee.status("/Observation?patient=vip").await, 403);
    assert_eq!(lee.status("/Observation?patient=carol").await, 200);
    let kim = App::new("nurse-kim", None, "user/*.rs").await;
    assert_eq!(kim.finds("/Patient").await, ["carol"]);
    assert_eq!(kim.status("/Patient/alice").await, 403);
}

#[tokio::test]
async fn a_backend_service_sees_what_is_open_to_all_staff() {
    let now = SystemClock.now().seconds();
    let service = json!({
        "iss": ISSUER, "aud": BASE, "sub": "service", "client_id": "service", "jti": "2", "iat": now, "exp": now + 60,
        "scope": "system/Patient.rs"
    });
    let app = App { token: sign(&service).await };
    assert_eq!(app.finds("/Patient?_count=200").await.len(), 13, "all but one");
    assert_eq!(app.status("/Patient/vip").await, 403);
    assert_eq!(app.status("/Observation?patient=carol").await, 403, "no scope for it");
}

#[tokio::test]
async fn a_token_does_not_outlive_the_users_own_access() {
    // Signed for a record that the user may not open (any more).
    let app = App::new("carol", Some("alice"), "patient/*.rs").await;
    assert_eq!(app.status("/Patient/alice").await, 403);
    assert_eq!(app.status("/Observation?patient=alice").await, 403);
}

/// SMART-IDT-013
#[tokio::test]
async fn the_users_own_resource_is_readable_with_fhir_user() {
    for (user, own) in [
        ("alice", "/Patient/alice"),
        ("nobody", "/Person/nobody"),
        ("dr-lee", "/Practitioner/lee"),
        ("nurse-kim", "/Practitioner/kim"),
    ] {
        let app = App::new(user, None, "openid fhirUser").await;
        assert_eq!(app.status(own).await, 200, "{user}");
        assert_eq!(app.status("/Patient/carol").await, 403, "{user}");
        let without = App::new(user, None, "openid").await;
        assert_eq!(without.status(own).await, 403, "{user} without the scope");
    }
}

#[tokio::test]
async fn pages_of_a_search_lead_to_each_other() {
    let app = App::new("alice", Some("alice"), "patient/*.rs").await;
    let mut path = "/Observation?patient=alice&_count=15".to_owned();
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        seen.extend(app.finds(&path).await);
        pages += 1;
        let bundle = app.get(&path).await.json();
        assert_eq!(bundle["type"], "searchset");
        let link = |relation: &str| {
            let links = bundle["link"].as_array().unwrap();
            links
                .iter()
                .find(|link| link["relation"] == relation)
                .map(|link| link["url"].as_str().unwrap().to_owned())
        };
        assert!(link("self").unwrap().starts_with(BASE));
        assert_eq!(bundle["total"], 40);
        let Some(next) = link("next") else { break };
        path = next.strip_prefix(BASE).unwrap().to_owned();
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), pages), (40, 3));
}

#[tokio::test]
async fn foreign_and_ended_tokens_are_none() {
    let now = SystemClock.now().seconds();
    let claims = json!({
        "iss": ISSUER, "aud": BASE, "sub": "x", "client_id": "app", "jti": "1", "iat": now, "exp": now + 60, "scope": "user/*.rs"
    });
    assert_eq!(
        get("/Patient", &sign(&claims).await).await.status,
        StatusCode::OK,
        "an unknown user sees nothing"
    );
    for (name, value) in [
        ("aud", json!("https://ehr.example/archive/fhir")),
        ("iss", json!("https://other.example")),
        ("exp", json!(now - 1)),
        ("scope", json!("patient/*.rs")),
    ] {
        let mut wrong = claims.clone();
        wrong[name] = value;
        assert_eq!(get("/Patient", &sign(&wrong).await).await.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    let answer = get("/Patient?access_token=x", "x").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "never in the address");
}
