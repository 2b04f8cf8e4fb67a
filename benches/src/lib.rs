//! What the benchmarks share: one app, one FHIR base, one grant, keys in memory.
//!
//! `cargo bench -p vestibule-benches` runs all; `--bench scope` one. Times compare within one run only: a machine's speed changes
//! from minute to minute. What matters is the ratio that `token_endpoint` prints.
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot be set up stops")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use vestibule_core::audience::FhirBase;
use vestibule_core::authorize::{CodeProof, Verifier, Who};
use vestibule_core::grant::{GrantRecord, GrantedContext};
use vestibule_host::{
    ClientAuthentication, ClientId, ConsentId, PatientId, RegisteredClient, SessionId, UnixMillis, UserId,
};
use vestibule_jose::{LocalKeyRing, SystemRandom};
use vestibule_scope::ScopeSet;

/// The issuer.
pub const ISSUER: &str = "https://ehr.example";
/// Its FHIR base.
pub const FHIR: &str = "https://ehr.example/fhir";
/// The app's address.
pub const REDIRECT: &str = "https://app.example/callback";
/// The app's PKCE verifier (RFC 7636, appendix B).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// What a usual app asks for.
pub const SCOPES: &str =
    "launch/patient openid fhirUser patient/Patient.rs patient/Observation.rs patient/Condition.rs";

/// A public app that may ask for [`SCOPES`] and more.
pub fn client() -> RegisteredClient {
    let scopes = scopes("launch launch/patient openid fhirUser patient/*.rs user/*.rs");
    RegisteredClient::new(ClientId::new("app"), ClientAuthentication::Public, REDIRECT, scopes)
}

/// The base.
pub fn base() -> FhirBase {
    FhirBase::new(FHIR)
}

/// Scopes from a constant.
pub fn scopes(text: &str) -> ScopeSet {
    // All callers are in this package, with texts that stand in the source.
    ScopeSet::parse(text).expect("constant scopes")
}

/// Fresh keys: ES256 for access tokens, RS256 for ID tokens.
pub fn keys() -> LocalKeyRing {
    // Only a system without randomness fails here, and a benchmark without keys measures nothing.
    LocalKeyRing::ephemeral(&SystemRandom::new()).expect("keys can be made")
}

/// The grant of a standalone launch with an ID token.
pub fn grant(now: UnixMillis) -> GrantRecord {
    GrantRecord {
        client: ClientId::new("app"),
        client_name: "App".to_owned(),
        who: Who { user: UserId::new("alice"), session: SessionId::new("session-1") },
        subject: "subject-1".to_owned(),
        redirect_uri: REDIRECT.to_owned(),
        // The verifier is the example of RFC 7636.
        proof: CodeProof::S256(Verifier::new(VERIFIER).expect("a constant verifier").challenge()),
        base: FHIR.to_owned(),
        scopes: scopes(SCOPES),
        context: GrantedContext { patient: Some(PatientId::new("alice")), ..GrantedContext::default() },
        fhir_user: Some(format!("{FHIR}/Patient/alice")),
        nonce: Some("n-0S6_WzA2Mj".to_owned()),
        auth_time: now,
        acr: None,
        amr: vec!["pwd".to_owned()],
        consent: Some(ConsentId::new("consent-1")),
        issued: now,
        code_expires: now.plus(std::time::Duration::from_secs(60)),
        session_until: None,
        cnf: None,
    }
}

/// Runs a future that never has to wait: everything here is in memory.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        // The stores in memory never wait, and the keys sign inline.
        Poll::Pending => panic!("nothing in memory waits"),
    }
}
