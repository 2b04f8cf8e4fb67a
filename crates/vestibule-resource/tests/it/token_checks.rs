//! Which tokens are good.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, Request, StatusCode};
use serde_json::{Value, json};
use vestibule_host::{KeyError, KeyId, KeyRing, KeySet, UnixMillis};
use vestibule_jose::{JwksError, JwsError, LocalKeyRing, SystemRandom};
use vestibule_resource::{Denied, Principal, TokenCheck, TokenFault};

use crate::fixtures::{BASE, ISSUER, NOW, check, claims, fault, principal, ring, sign, sign_with};

#[test]
fn a_good_token_names_everything() {
    let principal = principal(&[
        ("scope", json!("openid fhirUser launch patient/*.rs user/Patient.r")),
        ("encounter", json!("e-1")),
        ("fhirUser", json!("https://ehr.example/fhir/Practitioner/lee")),
    ])
    .unwrap();
    assert_eq!(principal.client_id().as_str(), "app");
    assert_eq!(principal.subject(), "u-1");
    assert_eq!(principal.token_id(), "t-1");
    assert_eq!(principal.grant_id().unwrap().as_str(), "g-1");
    assert_eq!(principal.patient().unwrap().as_str(), "p-1");
    assert_eq!(principal.encounter().unwrap().as_str(), "e-1");
    assert_eq!(principal.fhir_user(), Some("https://ehr.example/fhir/Practitioner/lee"));
    assert_eq!(principal.expires(), UnixMillis(1_200_000));
    assert_eq!(principal.scopes().len(), 5);
    let shown = format!("{principal:?}");
    assert!(shown.contains("app") && !shown.contains("p-1") && !shown.contains("lee"), "LOG-001");
}

/// SMART-BACK-015, SMART-TOKEN-011
#[test]
fn an_end_is_an_end() {
    let token = format!("Bearer {}", sign("at+jwt", &claims(&[])));
    let at = |check: &TokenCheck, millis: i64| check.check(Some(&token), UnixMillis(millis));
    assert!(at(&check(), 1_199_999).is_ok());
    assert_eq!(fault(at(&check(), 1_200_000)), TokenFault::Jws(JwsError::Expired));
    assert_eq!(fault(at(&check(), 899_999)), TokenFault::Jws(JwsError::NotYetValid));
    let remote = check().with_leeway(Duration::from_secs(3600));
    assert!(at(&remote, 1_204_999).is_ok(), "at most 5 s");
    assert_eq!(fault(at(&remote, 1_205_000)), TokenFault::Jws(JwsError::Expired));
}

/// SMART-AUTHZ-045
#[test]
fn a_token_for_another_server_is_none() {
    for audience in [
        json!("https://ehr.example/archive/fhir"),
        json!("https://ehr.example/fhir/"),
        json!("HTTPS://ehr.example/fhir"),
        json!("app"),
        json!([BASE]),
        json!([BASE, "https://evil.example"]),
        json!("-"),
    ] {
        assert_eq!(fault(principal(&[("aud", audience)])), TokenFault::WrongAudience, "SMART-AUTHZ-045");
    }
    for issuer in [json!("https://ehr.example/"), json!([ISSUER]), json!("-")] {
        assert_eq!(fault(principal(&[("iss", issuer)])), TokenFault::WrongIssuer);
    }
}

/// ATJWT-004
#[test]
fn another_kind_of_token_is_none() {
    let check = check();
    for typ in ["JWT", "logout+jwt", ""] {
        let token = format!("Bearer {}", sign(typ, &claims(&[])));
        assert_eq!(fault(check.check(Some(&token), NOW)), TokenFault::Jws(JwsError::WrongType));
    }
    for garbage in ["Bearer abc", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30."] {
        assert!(matches!(fault(check.check(Some(garbage), NOW)), TokenFault::Jws(JwsError::Malformed)));
    }
}

#[test]
fn scopes_need_their_claims() {
    assert_eq!(fault(principal(&[("patient", json!("-"))])), TokenFault::NoPatient);
    for scope in
        ["patient/Observation.rs", "patient/*.read", "openid patient/Observation.rs?category=x|y user/*.rs"]
    {
        let denied = principal(&[("scope", json!(scope)), ("patient", json!("-"))]);
        assert_eq!(fault(denied), TokenFault::NoPatient, "{scope}");
    }
    for scope in ["user/*.rs", "launch/patient", "system/*.rs"] {
        assert!(principal(&[("scope", json!(scope)), ("patient", json!("-"))]).is_ok(), "{scope}");
    }
}

#[test]
fn claims_have_their_types() {
    for name in ["sub", "client_id", "jti", "scope"] {
        for value in [json!("-"), json!(""), json!(1), json!(null), json!(["x"])] {
            assert_eq!(fault(principal(&[(name, value)])), TokenFault::BadClaim(name), "ATJWT-002");
        }
    }
    for name in ["patient", "encounter", "grant_id", "fhirUser"] {
        for value in [json!(""), json!(1), json!(null), json!(["x"])] {
            assert_eq!(fault(principal(&[(name, value)])), TokenFault::BadClaim(name));
        }
    }
    for id in ["p 1", "p/1", "Patient/1", "../1", "p\u{e9}", &"p".repeat(65)] {
        assert_eq!(fault(principal(&[("patient", json!(id))])), TokenFault::BadClaim("patient"));
    }
    for value in [json!("-"), json!("1200"), json!(1200.5)] {
        assert_eq!(fault(principal(&[("exp", value)])), TokenFault::Jws(JwsError::BadTime));
    }
    assert!(principal(&[("grant_id", json!("-"))]).unwrap().grant_id().is_none());
}

#[test]
fn one_header_and_nothing_in_the_query() {
    let token = sign("at+jwt", &claims(&[]));
    let request = |uri: &str, headers: &[&str]| {
        let mut request = Request::builder().uri(uri);
        for header in headers {
            request = request.header("authorization", *header);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check().check_request(&head, NOW).map(|_| ())
    };
    let good = format!("Bearer {token}");
    assert_eq!(request("/fhir/Patient?_id=p-1", &[&good]), Ok(()));
    assert_eq!(request("/fhir/Patient", &[]), Err(Denied::NoCredentials));
    assert_eq!(request("/fhir/Patient", &["Basic YTpi"]), Err(Denied::NoCredentials));
    assert_eq!(request("/fhir/Patient", &[&good, &good]), Err(Denied::InvalidRequest), "BEARER-003");
    assert_eq!(request(&format!("/fhir/Patient?access_token={token}"), &[]), Err(Denied::InvalidRequest));
    assert_eq!(
        request("/fhir/Patient?x=y&access%5Ftoken=z", &[&good]),
        Err(Denied::InvalidRequest),
        "BEARER-002"
    );
    let (mut head, ()) = Request::new(()).into_parts();
    head.headers.insert("authorization", HeaderValue::from_bytes(b"Bearer \xff").unwrap());
    assert_eq!(check().check_request(&head, NOW).unwrap_err(), Denied::InvalidRequest);
}

/// SMART-SCOPE-028
#[test]
fn refusals_say_what_the_standard_says() {
    let expired = Denied::InvalidToken(TokenFault::Jws(JwsError::Expired));
    for (denied, status, error) in [
        (Denied::NoCredentials, StatusCode::UNAUTHORIZED, None),
        (Denied::InvalidRequest, StatusCode::BAD_REQUEST, Some("invalid_request")),
        (expired, StatusCode::UNAUTHORIZED, Some("invalid_token")),
        (Denied::InsufficientScope, StatusCode::FORBIDDEN, Some("insufficient_scope")),
        (Denied::NoKeys(JwksError::Malformed), StatusCode::SERVICE_UNAVAILABLE, None),
    ] {
        assert_eq!(denied.status(), status);
        let challenge = denied.challenge().to_str().unwrap().to_owned();
        match error {
            None => assert_eq!(challenge, "Bearer", "BEARER-004"),
            Some(error) => {
                assert!(challenge.starts_with(&format!(r#"Bearer error="{error}","#)), "BEARER-005")
            }
        }
        let outcome: Value = serde_json::from_str(denied.operation_outcome()).unwrap();
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        assert_eq!(outcome["issue"][0]["severity"], "error");
    }
}

/// A ring that can be exchanged under a running server.
#[derive(Debug)]
struct Rotating {
    inner: Mutex<Arc<KeySet>>,
}

#[async_trait]
impl KeyRing for Rotating {
    fn snapshot(&self) -> Arc<KeySet> {
        Arc::clone(&self.inner.lock().unwrap())
    }

    async fn sign(&self, _: &KeyId, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::NoSuchKey)
    }
}

#[test]
fn a_rotation_is_noticed_with_the_next_request() {
    let next = LocalKeyRing::ephemeral(&SystemRandom::new()).unwrap();
    let rotating = Arc::new(Rotating { inner: Mutex::new(ring().snapshot()) });
    let check = TokenCheck::new(ISSUER, BASE, Arc::clone(&rotating) as Arc<dyn KeyRing>).unwrap();
    let old = format!("Bearer {}", sign("at+jwt", &claims(&[])));
    let new = format!("Bearer {}", sign_with(&next, "at+jwt", &claims(&[])));
    assert!(check.check(Some(&old), NOW).is_ok());
    assert_eq!(fault(check.check(Some(&new), NOW)), TokenFault::Jws(JwsError::UnknownKey));

    let rotated = KeySet { revision: 2, ..(*next.snapshot()).clone() };
    *rotating.inner.lock().unwrap() = Arc::new(rotated.clone());
    assert!(check.check(Some(&new), NOW).is_ok());
    assert_eq!(fault(check.check(Some(&old), NOW)), TokenFault::Jws(JwsError::UnknownKey), "KEY-003");

    *rotating.inner.lock().unwrap() = Arc::new(KeySet { revision: 3, jwks: "{".into(), ..rotated });
    assert_eq!(
        check.check(Some(&new), NOW).unwrap_err(),
        Denied::NoKeys(JwksError::Malformed),
        "never an older set"
    );
}

/// SMART-AUTHZ-045, SMART-SCOPE-060
#[test]
fn a_living_token_is_read_by_the_same_rules() {
    let read = |change: &[(&str, Value)]| {
        let claims = claims(change);
        Principal::of_living_token(claims.as_object().unwrap(), BASE)
    };
    let principal = read(&[]).unwrap();
    assert_eq!(principal.patient().unwrap().as_str(), "p-1");
    assert_eq!(principal.grant_id().unwrap().as_str(), "g-1");
    for audience in [json!("https://ehr.example/archive/fhir"), json!([BASE]), json!("-")] {
        assert_eq!(read(&[("aud", audience)]).unwrap_err(), TokenFault::WrongAudience);
    }
    assert_eq!(read(&[("patient", json!("-"))]).unwrap_err(), TokenFault::NoPatient);
    assert_eq!(read(&[("patient", json!("a b"))]).unwrap_err(), TokenFault::BadClaim("patient"));
    assert_eq!(read(&[("scope", json!(7))]).unwrap_err(), TokenFault::BadClaim("scope"));
}
