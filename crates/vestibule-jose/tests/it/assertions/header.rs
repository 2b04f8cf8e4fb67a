//! The header and the spelling.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use vestibule_jose::JwsError;
use vestibule_jose::assertion::{self, AssertionError, AssertionRules};

use super::{
    ISSUER, KEYS_URL, RULES, SVC, claims, header, signed, token, under, verdict, with_claims, with_header,
};
use crate::client::Client;

/// A-JWT-01
#[test]
fn no_algorithm_is_none() {
    for alg in ["none", "None", "NONE", "nOnE"] {
        assert_eq!(with_header(json!({ "alg": alg })), token(JwsError::AlgNotAllowed), "{alg}");
        let good = signed(&header(json!({ "alg": alg })), &claims(json!({})));
        let unsigned = &good[..=good.rfind('.').unwrap()];
        assert_eq!(verdict(unsigned), token(JwsError::Malformed), "{alg}");
    }
}

/// A-JWT-28, SMART-CAUTH-021
#[test]
fn the_key_is_named() {
    assert_eq!(with_header(json!({ "kid": null })), token(JwsError::NoKeyId));
    for kid in [json!(""), json!(1), json!(["ES384"])] {
        assert_eq!(with_header(json!({ "kid": kid })), token(JwsError::Malformed), "{kid}");
    }
    assert_eq!(with_header(json!({ "kid": "ES385" })), Err(AssertionError::UnknownKey));
    assert_eq!(with_header(json!({ "kid": "RS384" })), token(JwsError::KeyMismatch));
}

/// A-JWT-29, A-JWT-32, JWTCA-005
#[test]
fn a_key_in_the_header_is_none() {
    let mine = Client::other();
    for (name, value) in [
        ("jwk", mine.jwk("ES384")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
    ] {
        for kid in ["ES384", "mine"] {
            let head = header(json!({ "kid": kid, name: value })).to_string();
            let forged = mine.sign("ES384", &head, &claims(json!({})).to_string());
            assert_eq!(verdict(&forged), Err(AssertionError::KeyInHeader), "{name}");
        }
        assert_eq!(with_header(json!({ name: value })), Err(AssertionError::KeyInHeader), "{name}");
    }
}

/// A-JWT-31, SMART-CAUTH-023, SMART-CAUTH-050
#[test]
fn a_key_set_url_is_the_registered_one() {
    let registered = AssertionRules { jwks_uri: Some(KEYS_URL), ..RULES };
    let of = |jku: Value, rules| {
        under(&signed(&header(json!({ "jku": jku })), &claims(json!({}))), &Client::honest().keys(), rules)
    };
    assert_eq!(of(json!(KEYS_URL), &registered), Ok(()));
    for near in [
        json!("https://keys.example/jwks#x"),
        json!("https://keys.example/jwks?x"),
        json!("https://KEYS.example/jwks"),
        json!("https://a@keys.example/jwks"),
        json!("https://keys.example/jwks/"),
        json!("https://keys.example:443/jwks"),
        json!("http://keys.example/jwks"),
        json!("https://evil.example/jwks"),
        json!(""),
        json!([KEYS_URL]),
        json!(1),
    ] {
        assert_eq!(of(near.clone(), &registered), Err(AssertionError::ForeignKeySet), "{near}");
    }
    assert_eq!(of(json!(KEYS_URL), &RULES), Err(AssertionError::ForeignKeySet), "none is registered");
}

/// A-JWT-33, A-JWT-35, JOSE-005, JOSE-006
#[test]
fn nothing_in_the_header_that_we_do_not_do() {
    for change in [
        json!({ "crit": ["exp"] }),
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "crit": [] }),
        json!({ "crit": ["x"], "x": 1 }),
        json!({ "b64": false }),
        json!({ "zip": "DEF" }),
        json!({ "enc": "A256GCM" }),
        json!({ "cty": "JWT" }),
    ] {
        assert_eq!(with_header(change.clone()), token(JwsError::UnsupportedHeader), "{change}");
    }
    let bomb = format!(
        "{}.{}.AAAA",
        BASE64.encode(header(json!({ "zip": "DEF" })).to_string()),
        "A".repeat(200_000)
    );
    assert_eq!(verdict(&bomb), token(JwsError::TooLong), "nothing is unpacked, and little is read");
    assert_eq!(assertion::named_client(&bomb), None);
}

/// A-JWT-41, A-JWT-50, A-JWT-54, JOSE-001, JOSE-002
#[test]
fn one_compact_spelling() {
    let good = signed(&header(json!({})), &claims(json!({})));
    let other = signed(&header(json!({})), &claims(json!({ "jti": "another" })));
    let [head, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let swapped = format!("{head}.{}.{signature}", other.split('.').nth(1).unwrap());
    assert_eq!(verdict(&swapped), token(JwsError::BadSignature));
    for odd in [
        format!("{head}=.{payload}.{signature}"),
        format!("{head}.{payload}=.{signature}"),
        format!("{head}.{payload}.{signature}="),
        format!("{head}.{payload}.{}\n{}", &signature[..10], &signature[10..]),
        format!("{head}.{payload}.+{}", &signature[1..]),
        format!("{head}.{payload}./{}", &signature[1..]),
        format!("{head}.{payload}.{signature}.{signature}"),
        format!("{head}.{payload}.{signature}.{signature}.{signature}"),
        json!({ "protected": head, "payload": payload, "signature": signature }).to_string(),
        json!({ "payload": payload, "signatures": [{ "protected": head, "signature": signature }] })
            .to_string(),
    ] {
        assert_eq!(verdict(&odd), token(JwsError::Malformed), "{odd}");
    }
    // 86 characters hold 64 bytes and four bits that must be zero.
    let es256 = Client::honest().sign(
        "ES256",
        &header(json!({ "alg": "ES256", "kid": "ES256" })).to_string(),
        &claims(json!({})).to_string(),
    );
    assert_eq!(verdict(&es256), Ok(()));
    let but_last = &es256[..es256.len() - 1];
    for other in ["B", "R", "h", "x", "_"] {
        assert_eq!(verdict(&format!("{but_last}{other}")), token(JwsError::Malformed), "{other}");
    }
}

/// A-JWT-49, JOSE-007, SMART-CAUTH-022, OIDC-012
#[test]
fn another_kind_of_token_is_no_assertion() {
    for typ in ["JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"] {
        assert_eq!(with_header(json!({ "typ": typ })), Ok(()), "{typ}");
    }
    for typ in [
        json!("at+jwt"),
        json!("dpop+jwt"),
        json!("logout+jwt"),
        json!("secevent+jwt"),
        json!("oauth-authz-req+jwt"),
        json!(""),
        json!("JWT "),
        json!(1),
        json!(["JWT"]),
        json!(null),
    ] {
        assert_eq!(with_header(json!({ "typ": typ })), token(JwsError::WrongType), "{typ}");
    }
    // An ID token of ours: the issuer's, for the client, under a key that no client has.
    let id_token = json!({ "iss": ISSUER, "sub": "alice", "aud": SVC, "jti": "j" });
    assert_eq!(with_claims(id_token), Err(AssertionError::WrongClient));
}

/// SMART-CAUTH-022: leniency for a client whose library writes no type, and for nothing else.
#[test]
fn a_missing_type_is_for_clients_that_may() {
    let lenient = AssertionRules { untyped: true, ..RULES };
    let of = |typ: Value| {
        under(&signed(&header(json!({ "typ": typ })), &claims(json!({}))), &Client::honest().keys(), &lenient)
    };
    assert_eq!(of(json!(null)), Ok(()));
    assert_eq!(of(json!("JWT")), Ok(()));
    for typ in [json!("at+jwt"), json!(""), json!(1)] {
        assert_eq!(of(typ.clone()), token(JwsError::WrongType), "{typ}");
    }
}
