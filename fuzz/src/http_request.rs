//! The engine's whole HTTP face: a request line, headers, an empty line, a body.

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{Request, Response};
use vestibule::{AuthorizationServer, Config, FhirBase, Host};
use vestibule_host::{
    ClientAuthentication, Clock, HostError, KeyError, KeyId, KeyRing, KeySet, MemoryConsents, MemoryGrants,
    PatientAccessPolicy, PatientAnswer, PatientId, PatientPage, PatientQuery, PatientQuestion,
    PatientSummary, PolicyError, Reach, SessionId, SignInAsk, SignInMove, SignedInUser, Standing,
    StandingQuestion, StaticClients, UnixMillis, UserAuthenticator, UserId, UserKind,
};

use crate::{ISSUER, KEY_SET, LOOPBACK, NOW, REDIRECT};

/// Every request gets a final answer: no panic, no 500, no `Location` beyond the app's addresses and our own paths. An
/// authorize request that is accepted is followed to its interaction's first page.
pub fn http_request(data: &[u8]) -> bool {
    static CLIENTS: LazyLock<StaticClients> = LazyLock::new(|| {
        StaticClients::new(vec![crate::client(ClientAuthentication::Public)]).expect("a valid app")
    });
    let Some(request) = read(data) else { return false };
    let host = Host {
        users: Arc::new(Alice),
        patients: Arc::new(Alice),
        consents: Arc::new(MemoryConsents::new()),
        clients: Arc::new(CLIENTS.clone()),
        grants: Arc::new(MemoryGrants::new()),
        keys: Arc::new(NoSignatures(Arc::new(KEY_SET.clone()))),
    };
    let config = Config::new(ISSUER, FhirBase::new("https://ehr.example/fhir"))
        .with_ehr_launch()
        .with_pages_of_the_host();
    let server = AuthorizationServer::builder(config, host)
        .with_clock(Arc::new(Fixed))
        .with_entropy(Arc::new(crate::Fixed))
        .build()
        .expect("a valid configuration");

    let response = ready(server.handle(request));
    check(&response);
    let Some(path) = location(&response).filter(|location| location.starts_with("/auth/i/")) else {
        return response.status().is_success();
    };
    let cookies: Vec<&str> = response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .map(|cookie| cookie.to_str().expect("cookies are ASCII").split(';').next().unwrap_or_default())
        .collect();
    let page =
        Request::get(path).header(COOKIE, cookies.join("; ")).body(Bytes::new()).expect("our own path");
    let page = ready(server.handle(page));
    check(&page);
    assert!(page.status().is_success() || page.status().is_redirection(), "{page:?}");
    true
}

fn check(response: &Response<Bytes>) {
    assert_ne!(response.status(), 500, "{response:?}");
    if let Some(location) = location(response) {
        let known = [REDIRECT, LOOPBACK, "http://127.0.0.1:", "/auth/i/", "/sign-in"];
        assert!(known.iter().any(|start| location.starts_with(start)), "{location}");
    }
}

fn location(response: &Response<Bytes>) -> Option<&str> {
    response.headers().get(LOCATION).map(|location| location.to_str().expect("addresses are ASCII"))
}

fn read(data: &[u8]) -> Option<Request<Bytes>> {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (method, target) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(target);
    let mut rest = lines.next().unwrap_or_default();
    loop {
        let mut lines = rest.splitn(2, |byte| *byte == b'\n');
        let line = lines.next().unwrap_or_default();
        rest = lines.next().unwrap_or_default();
        if line.is_empty() {
            break;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        request = request.header(parts.next()?, parts.next()?.trim_ascii_start());
    }
    request.body(Bytes::copy_from_slice(rest)).ok()
}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing in memory waits"),
    }
}

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> UnixMillis {
        NOW
    }
}

#[derive(Debug)]
struct NoSignatures(Arc<KeySet>);

#[async_trait]
impl KeyRing for NoSignatures {
    fn snapshot(&self) -> Arc<KeySet> {
        Arc::clone(&self.0)
    }

    async fn sign(&self, _: &KeyId, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(vec![0; 64])
    }
}

/// Signed in everywhere, with one record.
#[derive(Debug)]
struct Alice;

#[async_trait]
impl UserAuthenticator for Alice {
    async fn current_user(&self, _: &Parts) -> Result<Option<SignedInUser>, HostError> {
        let (user, session) = (UserId::new("alice"), SessionId::new("session-1"));
        Ok(Some(SignedInUser::new(user, "subject-1", session, NOW, UserKind::Patient)))
    }

    async fn standing(&self, _: &StandingQuestion<'_>) -> Result<Standing, HostError> {
        Ok(Standing::Active)
    }

    fn sign_in(&self, _: &SignInAsk<'_>) -> SignInMove {
        SignInMove::Redirect("/sign-in".to_owned())
    }
}

#[async_trait]
impl PatientAccessPolicy for Alice {
    async fn accessible(&self, _: &SignedInUser, _: &PatientQuery) -> Result<PatientPage, PolicyError> {
        let alice = PatientSummary::new(PatientId::new("alice"), "Alice");
        Ok(PatientPage { patients: vec![alice], reach: Reach::Listed, next: None })
    }

    async fn may_access(&self, question: &PatientQuestion<'_>) -> Result<PatientAnswer, PolicyError> {
        Ok(PatientAnswer::allowed(PatientSummary::new(question.patient.clone(), "Alice")))
    }
}
