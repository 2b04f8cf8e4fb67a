//! The least a host writes: one user, two patients, everything in memory. Run it and open what it prints.
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Json, Router, routing::get};
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use vestibule::{AuthorizationServer, Config, FhirBase, Host};
use vestibule_host::*;
use vestibule_jose::{LocalKeyRing, SystemRandom};
use vestibule_resource::{EngineCheck, FhirVersion, Rules, layer::GuardLayer};
#[cfg(test)]
mod contract;

const EHR: &str = "http://127.0.0.1:8090";
const FHIR: &str = "http://127.0.0.1:8090/fhir";
/// The form goes back to its own address, which says where to go on.
const SIGN_IN: &str =
    "<!doctype html><title>Sign in</title><form method=post><button>Sign in as Pat</button></form>";
const PATIENTS: [(&str, &str); 2] = [("pat", "Pat Example"), ("kim", "Kim Example")];

/// Everybody who signs in is Pat. A session is a random cookie; the newest counts.
#[derive(Debug, Default)]
struct Users(Mutex<Option<(String, UnixMillis)>>);

impl Users {
    fn session(&self) -> Option<(String, UnixMillis)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait::async_trait]
impl UserAuthenticator for Users {
    async fn current_user(&self, head: &Parts) -> Result<Option<SignedInUser>, HostError> {
        let Some((session, since)) = self.session() else { return Ok(None) };
        let cookies = head.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split("; ").filter_map(|pair| pair.split_once('=')));
        let signed_in = pairs.any(|(name, value)| name == "session" && value == session);
        let (id, session) = (UserId::new("pat"), SessionId::new(session));
        Ok(signed_in.then(|| SignedInUser::new(id, "subject-1", session, since, UserKind::Patient)))
    }
    async fn standing(&self, asked: &StandingQuestion<'_>) -> Result<Standing, HostError> {
        let open = self.session().map(|(session, _)| SessionId::new(session));
        Ok(match asked.session {
            _ if asked.user.as_str() != "pat" => Standing::NotAllowed,
            Some(_) if asked.session != open.as_ref() => Standing::SessionEnded,
            _ => Standing::Active,
        })
    }
    fn sign_in(&self, ask: &SignInAsk<'_>) -> SignInMove {
        SignInMove::Redirect(format!("/sign-in?{}", ask.resume))
    }
}

/// She may open both records.
#[derive(Debug)]
struct Patients;

#[async_trait::async_trait]
impl PatientAccessPolicy for Patients {
    async fn accessible(&self, _: &SignedInUser, query: &PatientQuery) -> Result<PatientPage, PolicyError> {
        let from = query.after.as_ref().and_then(|after| after.parse().ok()).unwrap_or(0_usize);
        let to = from.saturating_add(query.limit.into());
        let shown = PATIENTS.iter().take(to).skip(from);
        let patients = shown.map(|(id, name)| PatientSummary::new(PatientId::new(*id), *name)).collect();
        let next = (to < PATIENTS.len()).then(|| to.to_string());
        Ok(PatientPage { patients, reach: Reach::Listed, next })
    }
    async fn may_access(&self, question: &PatientQuestion<'_>) -> Result<PatientAnswer, PolicyError> {
        let hers = |id| id == question.patient.as_str() && question.user.as_str() == "pat";
        let found = PATIENTS.iter().find(|(id, _)| hers(*id));
        let summary = |name: &str| PatientSummary::new(question.patient.clone(), name);
        Ok(found.map_or(PatientAnswer::Denied, |(_, name)| PatientAnswer::allowed(summary(name))))
    }
}

/// A real host checks a password here, and gives its form a token besides.
async fn sign_in(State(users): State<Arc<Users>>, uri: http::Uri, headers: HeaderMap) -> Response {
    let resume = uri.query().filter(|path| path.starts_with("/auth/"));
    let ours = headers.get(header::ORIGIN).is_some_and(|origin| origin == EHR);
    let mut random = [0; 32];
    let (Some(resume), true, Ok(())) = (resume, ours, SystemRandom.fill(&mut random)) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let session: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let cookie = format!("session={session}; Path=/; HttpOnly; SameSite=Lax");
    *users.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((session, SystemClock.now()));
    ([(header::SET_COOKIE, cookie)], Redirect::to(resume)).into_response()
}

/// A FHIR server of one resource type. It knows nothing of tokens: the layer around it shows of it what they open.
async fn patient(Path(id): Path<String>) -> Result<Json<Value>, StatusCode> {
    let (_, name) = PATIENTS.iter().find(|(known, _)| *known == id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!({"resourceType": "Patient", "id": id, "name": [{"text": name}]})))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let users = Arc::new(Users::default());
    let host = Host {
        users: users.clone(),
        patients: Arc::new(Patients),
        consents: Arc::new(MemoryConsents::new()),
        clients: Arc::new(StaticClients::from_json(include_str!("clients.json"))?),
        grants: Arc::new(MemoryGrants::new()),
        keys: Arc::new(LocalKeyRing::ephemeral(&SystemRandom)?),
    };
    let pages = Arc::new(vestibule_pages::HtmlPages::new());
    let config = Config::new(EHR, FhirBase::new(FHIR)).with_live_check();
    let server = AuthorizationServer::builder(config, host).with_pages(pages).build()?;
    let tokens = Arc::new(EngineCheck::new(server.clone(), EHR, FHIR));
    let guard = GuardLayer::new(Rules::new(FhirVersion::R4, FHIR), tokens).under("/fhir").enforcing();
    let router = Router::new()
        .route("/", get(|| async { Html(include_str!("app.html")) }))
        .route("/sign-in", get(|| async { Html(SIGN_IN) }).post(sign_in).with_state(users))
        .route("/fhir/Patient/{id}", get(patient).layer(guard))
        .fallback_service(vestibule_tower::VestibuleService::new(server));
    println!("Open {EHR}/");
    Ok(axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8090").await?, router).await?)
}
