//! Signed tokens with any claims.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};
use vestibule_host::{KeyRing, UnixMillis};
use vestibule_jose::{LocalKeyRing, SystemRandom, jws};
use vestibule_resource::{Denied, Principal, TokenCheck, TokenFault};

pub(crate) const ISSUER: &str = "https://ehr.example";
pub(crate) const BASE: &str = "https://ehr.example/fhir";
pub(crate) const NOW: UnixMillis = UnixMillis(1_000_000);

pub(crate) fn ring() -> Arc<LocalKeyRing> {
    static RING: OnceLock<Arc<LocalKeyRing>> = OnceLock::new();
    Arc::clone(RING.get_or_init(|| Arc::new(LocalKeyRing::ephemeral(&SystemRandom::new()).unwrap())))
}

pub(crate) fn check() -> TokenCheck {
    TokenCheck::new(ISSUER, BASE, ring()).unwrap()
}

pub(crate) fn claims(change: &[(&str, Value)]) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": BASE, "sub": "u-1", "client_id": "app", "jti": "t-1", "grant_id": "g-1",
        "iat": 900, "exp": 1200, "scope": "launch/patient patient/*.rs", "patient": "p-1",
    });
    for (name, value) in change {
        match value {
            // Marks a claim to leave out.
            Value::String(text) if text == "-" => drop(claims.as_object_mut().unwrap().remove(*name)),
            value => claims[*name] = value.clone(),
        }
    }
    claims
}

pub(crate) fn sign(typ: &str, claims: &Value) -> String {
    sign_with(ring().as_ref(), typ, claims)
}

pub(crate) fn sign_with(ring: &dyn KeyRing, typ: &str, claims: &Value) -> String {
    let key = ring.snapshot().access_token.clone();
    match pin!(jws::encode(ring, &key, typ, claims)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(token) => token.unwrap(),
        Poll::Pending => panic!("signing waits for something"),
    }
}

pub(crate) fn principal(change: &[(&str, Value)]) -> Result<Principal, Denied> {
    check().check(Some(&format!("Bearer {}", sign("at+jwt", &claims(change)))), NOW)
}

pub(crate) fn with_scope(scope: &str) -> Principal {
    principal(&[("scope", json!(scope))]).unwrap()
}

pub(crate) fn fault(result: Result<Principal, Denied>) -> TokenFault {
    match result {
        Err(Denied::InvalidToken(fault)) => fault,
        other => panic!("{other:?}"),
    }
}
