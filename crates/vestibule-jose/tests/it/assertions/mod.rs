//! Client assertions, honest and otherwise. Every refused one carries a good signature unless the test is about signatures, so
//! that nothing else refuses it.

mod claims;
mod header;
mod keys;

use serde_json::{Value, json};
use vestibule_host::{ClientId, UnixMillis};
use vestibule_jose::assertion::{self, AssertionError, AssertionRules};
use vestibule_jose::{JwsError, VerifyKeys};

use crate::client::Client;

const SVC: &str = "svc";
const ISSUER: &str = "https://as.example";
const TOKEN: &str = "https://as.example/token";
const KEYS_URL: &str = "https://keys.example/jwks";
const NOW: i64 = 1_800_000_000;

const RULES: AssertionRules<'_> = AssertionRules {
    audiences: &[TOKEN],
    issuer: ISSUER,
    strict_aud: false,
    now: UnixMillis::from_seconds(NOW),
    leeway: assertion::LEEWAY,
    longest: assertion::LONGEST,
    jwks_uri: None,
    alg: None,
    untyped: false,
};

fn claims(change: Value) -> Value {
    let mut claims = json!({ "iss": SVC, "sub": SVC, "aud": TOKEN, "exp": NOW + 240, "jti": "c0ffee" });
    merge(&mut claims, change);
    claims
}

fn header(change: Value) -> Value {
    let mut header = json!({ "alg": "ES384", "kid": "ES384", "typ": "JWT" });
    merge(&mut header, change);
    header
}

/// `null` takes a member away.
fn merge(into: &mut Value, change: Value) {
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            into[name] = value.clone();
        }
    }
}

fn signed(header: &Value, claims: &Value) -> String {
    Client::honest().sign("ES384", &header.to_string(), &claims.to_string())
}

fn under(assertion: &str, keys: &VerifyKeys, rules: &AssertionRules<'_>) -> Result<(), AssertionError> {
    assertion::check(assertion, &ClientId::new(SVC), keys, rules).map(|_| ())
}

fn verdict(assertion: &str) -> Result<(), AssertionError> {
    under(assertion, &Client::honest().keys(), &RULES)
}

fn with_claims(change: Value) -> Result<(), AssertionError> {
    verdict(&signed(&header(json!({})), &claims(change)))
}

fn with_header(change: Value) -> Result<(), AssertionError> {
    verdict(&signed(&header(change), &claims(json!({}))))
}

fn token(error: JwsError) -> Result<(), AssertionError> {
    Err(AssertionError::Token(error))
}

fn set(keys: &[Value]) -> VerifyKeys {
    VerifyKeys::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}
