//! Tokens there and back.

use serde_json::{Value, json};
use vestibule_host::{Alg, KeyError, KeyRing};
use vestibule_jose::{Expect, JwsError, VerifyKeys, jws};

use crate::fixtures::{WHENEVER, now, ring};

const AT: Expect<'_> = Expect { typ: &["at+jwt"], algs: &[Alg::Es256] };
const ID: Expect<'_> = Expect { typ: &["JWT"], algs: &[Alg::Rs256] };

fn keys() -> VerifyKeys {
    VerifyKeys::from_jwks(&ring().snapshot().jwks).unwrap()
}

fn claims() -> Value {
    json!({ "iss": "https://ehr.example", "patient": "p-1", "exp": 2000, "fhirContext": [{ "reference": "A/1" }] })
}

#[test]
fn a_token_comes_back_as_it_went() {
    let keys_held = ring().snapshot();
    assert_eq!(keys().len(), 2);
    for (key, typ, expect) in [(&keys_held.access_token, "at+jwt", AT), (&keys_held.id_token, "JWT", ID)] {
        let token = now(jws::encode(ring(), key, typ, &claims())).unwrap();
        let back = keys().verify(&token, &expect, WHENEVER).unwrap();
        assert_eq!(Value::Object(back.into_map()), claims());
    }
}

/// GEN-009, SMART-SCOPE-053
#[test]
fn what_nobody_could_verify_is_not_signed() {
    let keys_held = ring().snapshot();
    let encode = |scope: usize| {
        let claims = json!({ "iss": "https://ehr.example", "exp": 2000, "scope": "s".repeat(scope) });
        now(jws::encode(ring(), &keys_held.access_token, "at+jwt", &claims))
    };
    let mut signed = 0;
    for scope in 11_900..12_300 {
        match encode(scope) {
            Ok(token) => {
                assert!(token.len() <= jws::MAX_TOKEN_LEN);
                keys().verify(&token, &AT, WHENEVER).unwrap();
                signed = scope;
            }
            Err(error) => {
                assert!(matches!(error, KeyError::Service(_)), "{error}");
                break;
            }
        }
    }
    assert!((12_000..12_299).contains(&signed), "{signed}");
    assert!(encode(64 * 1024).is_err());
}

#[test]
fn an_independent_reader_understands_us() {
    let keys_held = ring().snapshot();
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&keys_held.jwks).unwrap();
    for key in [&keys_held.access_token, &keys_held.id_token] {
        let token = now(jws::encode(ring(), key, "at+jwt", &claims())).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        let jwk = set.find(header.kid.as_deref().unwrap()).unwrap();
        assert_eq!(jwk.common.key_algorithm.unwrap().to_string(), key.alg.name());
    }
}

/// SMART-IDT-020
#[test]
fn the_published_set_is_public() {
    let set: Value = serde_json::from_slice(&ring().snapshot().jwks).unwrap();
    for key in set["keys"].as_array().unwrap() {
        let mut names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected: &[&str] = match key["kty"].as_str().unwrap() {
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "e", "kid", "kty", "n", "use"],
        };
        assert_eq!(names, expected);
        assert_eq!(key["use"], "sig");
    }
}

#[test]
fn a_token_for_one_use_is_none_for_another() {
    let key = ring().snapshot().access_token.clone();
    for (typ, accepted) in [
        ("at+jwt", true),
        ("AT+JWT", true),
        ("application/at+jwt", true),
        ("JWT", false),
        ("", false),
        ("at+jwt ", false),
        ("application/application/at+jwt", false),
        ("logout+jwt", false),
    ] {
        let token = now(jws::encode(ring(), &key, typ, &claims())).unwrap();
        assert_eq!(keys().verify(&token, &AT, WHENEVER).is_ok(), accepted, "{typ}");
    }
    let token = now(jws::encode(ring(), &key, "at+jwt", &claims())).unwrap();
    assert_eq!(keys().verify(&token, &ID, WHENEVER), Err(JwsError::WrongType), "JOSE-007");
}

#[test]
fn a_change_anywhere_is_noticed() {
    let key = ring().snapshot().access_token.clone();
    let token = now(jws::encode(ring(), &key, "at+jwt", &claims())).unwrap();
    let keys = keys();
    for at in 0..token.len() {
        for other in ["A", "B", "_", ".", "=", " "] {
            let mut changed = token.clone();
            changed.replace_range(at..=at, other);
            if changed != token {
                assert!(keys.verify(&changed, &AT, WHENEVER).is_err(), "{at} {other}");
            }
        }
        assert!(keys.verify(&token[..at], &AT, WHENEVER).is_err(), "cut at {at}");
    }
}

#[test]
fn claims_do_not_show_their_values() {
    let key = ring().snapshot().access_token.clone();
    let token = now(jws::encode(ring(), &key, "at+jwt", &claims())).unwrap();
    let parsed = jws::Unverified::parse(&token).unwrap();
    let shown = format!("{parsed:?} {:?} {:?}", keys().verify(&token, &AT, WHENEVER).unwrap(), keys());
    assert!(shown.contains("patient") && !shown.contains("p-1"), "LOG-001");
    assert_eq!(parsed.unverified_claim("patient"), Some(&json!("p-1")));
    assert_eq!(parsed.key_id(), key.id.as_str());
}
