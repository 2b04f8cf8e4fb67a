//! Tokens that are asked about. The engine's own endpoint is asked in `tests/http`; here the issuer says whatever a test wants.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use vestibule_host::{BoxError, ClientId, Secret, UnixMillis};
use vestibule_jose::{Expect, SystemRandom, VerifyKeys};
use vestibule_resource::{
    Denied, IntrospectionCheck, IntrospectionClient, Outage, Staleness, TokenFault, TokenVerifier, Transport,
};

use crate::fixtures::{BASE, ISSUER, NOW, claims, fault, ring};

struct Issuer {
    answer: Mutex<Option<(u16, String)>>,
    asked: Mutex<Vec<Request<Bytes>>>,
    /// Answers wait for a turn.
    turns: Semaphore,
    waiting: AtomicUsize,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Issuer")
    }
}

impl Issuer {
    fn new(answer: &Value) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(Some((200, answer.to_string()))),
            asked: Mutex::default(),
            turns: Semaphore::new(Semaphore::MAX_PERMITS),
            waiting: AtomicUsize::new(0),
        })
    }

    fn says(&self, status: u16, body: impl ToString) {
        *self.answer.lock().unwrap() = Some((status, body.to_string()));
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for Issuer {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, BoxError> {
        self.asked.lock().unwrap().push(request);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.turns.acquire().await.unwrap().forget();
        let Some((status, body)) = self.answer.lock().unwrap().clone() else { return Err("down".into()) };
        let answer = Response::builder().status(status).header("content-type", "application/json");
        Ok(answer.body(body.into()).unwrap())
    }
}

fn active(change: &[(&str, Value)]) -> Value {
    let mut answer = claims(change);
    answer["active"] = json!(true);
    for (name, value) in change.iter().filter(|(name, _)| *name == "active") {
        answer[*name] = value.clone();
    }
    answer
}

fn check(issuer: &Arc<Issuer>) -> IntrospectionCheck {
    let client = IntrospectionClient::with_secret(ClientId::new("fhir server"), Secret::new("s:%+/=\u{e9}"));
    let endpoint = "https://ehr.example/auth/introspect".parse().unwrap();
    IntrospectionCheck::new(ISSUER, BASE, endpoint, client, issuer.clone())
}

/// SMART-INTRO-002, SMART-INTRO-012
#[tokio::test]
async fn the_question_is_a_form_with_credentials() {
    let issuer = Issuer::new(&active(&[]));
    let principal = check(&issuer).verify("opaque-token", NOW).await.unwrap();
    assert_eq!(principal.patient().unwrap().as_str(), "p-1");
    let asked = issuer.asked.lock().unwrap().pop().unwrap();
    assert_eq!((asked.method().as_str(), asked.uri().query()), ("POST", None));
    assert_eq!(asked.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(asked.body(), "token=opaque-token&token_type_hint=access_token");
    // Form-encoded, then base64: "fhir+server:s%3A%25%2B%2F%3D%C3%A9".
    assert_eq!(asked.headers()["authorization"], "Basic ZmhpcitzZXJ2ZXI6cyUzQSUyNSUyQiUyRiUzRCVDMyVBOQ==");
    assert!(asked.headers()["authorization"].is_sensitive());

    let client = IntrospectionClient::with_key(ClientId::new("rs"), ring(), Arc::new(SystemRandom::new()));
    let endpoint = "https://ehr.example/auth/introspect".parse().unwrap();
    let check = IntrospectionCheck::new(ISSUER, BASE, endpoint, client, issuer.clone());
    assert!(check.verify("opaque-token", NOW).await.is_ok());
    let asked = issuer.asked.lock().unwrap().pop().unwrap();
    assert!(!asked.headers().contains_key("authorization"));
    let form: std::collections::HashMap<_, _> = form_urlencoded::parse(asked.body()).into_owned().collect();
    assert_eq!(form["client_id"], "rs");
    let keys = VerifyKeys::from_jwks(&vestibule_host::KeyRing::snapshot(ring().as_ref()).jwks).unwrap();
    let expect = Expect { typ: &["JWT"], algs: &[vestibule_host::Alg::Es256] };
    let assertion = keys.verify(&form["client_assertion"], &expect, NOW).unwrap();
    assert_eq!((assertion.text("iss"), assertion.text("sub")), (Some("rs"), Some("rs")));
    assert_eq!(assertion.text("aud"), Some(ISSUER));
    assert!(assertion.text("jti").unwrap().len() >= 22);
}

/// SMART-INTRO-003, SMART-INTRO-008, SMART-AUTHZ-045, BEARER-006
#[tokio::test]
async fn only_a_whole_yes_is_a_yes() {
    let issuer = Issuer::new(&Value::Null);
    let judged = async |answer: Value| {
        issuer.says(200, answer);
        fault(check(&issuer).verify("t", NOW).await)
    };
    for answer in [json!({"active": false}), json!({}), active(&[("active", json!("true"))])] {
        assert_eq!(judged(answer).await, TokenFault::NotLiving);
    }
    for (change, wanted) in [
        (("iss", json!("https://ehr.example/other-tenant")), TokenFault::WrongIssuer),
        (("aud", json!("https://ehr.example/archive/fhir")), TokenFault::WrongAudience),
        (("aud", json!([BASE])), TokenFault::WrongAudience),
        (("aud", json!("-")), TokenFault::WrongAudience),
        (("exp", json!(1000)), TokenFault::Jws(vestibule_jose::JwsError::Expired)),
        (("exp", json!("-")), TokenFault::BadClaim("exp")),
        (("scope", json!("-")), TokenFault::BadClaim("scope")),
        (("client_id", json!("-")), TokenFault::BadClaim("client_id")),
        (("patient", json!("-")), TokenFault::NoPatient),
        (("token_type", json!("DPoP")), TokenFault::BadClaim("token_type")),
        (("cnf", json!({"jkt": "x"})), TokenFault::Constrained),
    ] {
        assert_eq!(judged(active(&[change])).await, wanted);
    }
    issuer.says(200, active(&[("token_type", json!("Bearer")), ("iss", json!("-"))]));
    assert!(check(&issuer).verify("t", NOW).await.is_ok());
    let long = "x".repeat(17 * 1024);
    let asked = issuer.asked();
    assert!(matches!(fault(check(&issuer).verify(&long, NOW).await), TokenFault::Jws(_)));
    assert_eq!(issuer.asked(), asked);
}

#[tokio::test]
async fn no_answer_is_no_fact() {
    let issuer = Issuer::new(&active(&[]));
    let check = check(&issuer);
    for (status, body) in [
        (401, "{}"),
        (403, "{}"),
        (500, "{\"active\":false}"),
        (302, ""),
        (200, "[]"),
        (200, "nope"),
        (200, &format!("{{\"active\":true,\"x\":\"{}\"}}", "x".repeat(70_000))),
    ] {
        issuer.says(status, body);
        let denied = check.verify("t", NOW).await.unwrap_err();
        assert_eq!(denied, Denied::Unavailable(Outage::Introspection), "{status} {body:.20}");
    }
    *issuer.answer.lock().unwrap() = None;
    assert_eq!(check.verify("t", NOW).await.unwrap_err(), Denied::Unavailable(Outage::Introspection));
    // Nothing of it was kept.
    issuer.says(200, active(&[]));
    assert!(check.verify("t", NOW).await.is_ok());
}

/// SMART-REVOKE-005
#[tokio::test]
async fn an_answer_is_used_for_its_staleness_and_never_beyond_the_end() {
    let issuer = Issuer::new(&active(&[]));
    let check = check(&issuer).with_staleness(Duration::from_secs(20));
    let at = |millis: i64| UnixMillis(NOW.0 + millis);
    assert_eq!(check.staleness(), Staleness::UpTo(Duration::from_secs(20)));
    assert!(check.verify("t", NOW).await.is_ok());
    issuer.says(200, json!({"active": false}));
    assert!(check.verify("t", at(19_999)).await.is_ok());
    assert_eq!(issuer.asked(), 1);
    assert_eq!(fault(check.verify("t", at(20_000)).await), TokenFault::NotLiving);
    // A no is not kept: the next one may be a yes.
    issuer.says(200, active(&[("exp", json!(1025))]));
    assert!(check.verify("t", at(20_000)).await.is_ok());
    assert_eq!(issuer.asked(), 3);
    assert!(check.verify("t", at(24_999)).await.is_ok());
    assert_eq!(issuer.asked(), 3);
    assert!(
        matches!(fault(check.verify("t", at(25_000)).await), TokenFault::Jws(_)),
        "asked again, and over"
    );
    assert_eq!(issuer.asked(), 4);

    let zero = self::check(&issuer).with_staleness(Duration::ZERO);
    assert_eq!(zero.staleness(), Staleness::AtOnce);
    assert!(zero.verify("t", NOW).await.is_ok());
    issuer.says(200, json!({"active": false}));
    assert!(zero.verify("t", NOW).await.is_err());
    let long = self::check(&issuer).with_staleness(Duration::from_secs(86_400));
    assert_eq!(long.staleness(), Staleness::UpTo(Duration::from_secs(300)));
}

#[tokio::test]
async fn the_cache_is_bounded_and_the_oldest_gives_way() {
    let issuer = Issuer::new(&active(&[]));
    let check = check(&issuer).with_kept_answers(2);
    for token in ["a", "b", "c"] {
        assert!(check.verify(token, NOW).await.is_ok());
    }
    for token in ["c", "b"] {
        assert!(check.verify(token, NOW).await.is_ok());
    }
    assert_eq!(issuer.asked(), 3);
    assert!(check.verify("a", NOW).await.is_ok());
    assert_eq!(issuer.asked(), 4);
    let shown = format!("{check:?}");
    assert!(!shown.contains("p-1") && !shown.contains("s:%"), "{shown}");
    // A large answer is used and not kept.
    issuer.says(200, active(&[("extra", json!("x".repeat(9000)))]));
    for _ in 0..2 {
        assert!(check.verify("d", NOW).await.is_ok());
    }
    assert_eq!(issuer.asked(), 6);
}

#[tokio::test]
async fn those_who_send_one_token_share_a_question() {
    let mut issuer = Issuer::new(&active(&[]));
    Arc::get_mut(&mut issuer).unwrap().turns = Semaphore::new(0);
    let check = Arc::new(check(&issuer));
    let ask = |token: &'static str| {
        let check = Arc::clone(&check);
        async move { check.verify(token, NOW).await.map(|_| ()) }
    };
    let mut all = JoinSet::new();
    let first = all.spawn(ask("t"));
    settle().await;
    for _ in 0..20 {
        all.spawn(ask("t"));
    }
    all.spawn(ask("another"));
    settle().await;
    assert_eq!(issuer.asked(), 2);
    // The one who asked goes away: one of the others asks.
    first.abort();
    settle().await;
    assert_eq!(issuer.asked(), 3);
    issuer.turns.add_permits(10);
    let mut good = 0;
    while let Some(result) = all.join_next().await {
        match result {
            Ok(judged) => {
                assert_eq!(judged, Ok(()));
                good += 1;
            }
            Err(error) => assert!(error.is_cancelled()),
        }
    }
    assert_eq!((good, issuer.asked()), (21, 3));
}

#[tokio::test]
async fn too_many_at_once_are_told_to_come_back() {
    let mut issuer = Issuer::new(&active(&[]));
    Arc::get_mut(&mut issuer).unwrap().turns = Semaphore::new(0);
    let check = Arc::new(check(&issuer));
    let mut all = JoinSet::new();
    for number in 0..256 {
        let check = Arc::clone(&check);
        all.spawn(async move { check.verify(&format!("t{number}"), NOW).await.map(|_| ()) });
    }
    settle().await;
    assert_eq!(check.verify("one more", NOW).await.unwrap_err(), Denied::Unavailable(Outage::TooMany));
    issuer.turns.add_permits(1000);
    while let Some(result) = all.join_next().await {
        assert_eq!(result.unwrap(), Ok(()));
    }
    assert!(check.verify("one more", NOW).await.is_ok());
}

/// Lets every task run until it waits.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}
