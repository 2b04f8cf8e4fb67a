//! Client assertions, honest and otherwise. Every refused one carries a good signature unless the test is about signatures, so
//! that nothing else refuses it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use vestibule_host::{Alg, ClientId, UnixMillis};
use vestibule_jose::assertion::{self, AssertionError, AssertionRules};
use vestibule_jose::{JwsError, VerifyKeys};

use crate::client::{ALGS, Client};

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

/// SMART-CAUTH-020, SMART-CAUTH-036, SMART-CAUTH-053
#[test]
fn every_algorithm_a_client_may_use() {
    for alg in ALGS {
        let header = header(json!({ "alg": alg, "kid": alg }));
        let assertion = Client::honest().sign(alg, &header.to_string(), &claims(json!({})).to_string());
        let checked =
            assertion::check(&assertion, &ClientId::new(SVC), &Client::honest().keys(), &RULES).unwrap();
        assert_eq!((checked.jti(), checked.key_id(), checked.alg().name()), ("c0ffee", alg, alg));
    }
}

/// JWTCA-009: remembered for longer than any node could accept the assertion, whatever its clock.
#[test]
fn the_id_is_kept_beyond_the_end() {
    let assertion = signed(&header(json!({})), &claims(json!({})));
    let checked =
        assertion::check(&assertion, &ClientId::new(SVC), &Client::honest().keys(), &RULES).unwrap();
    let accepted_until = UnixMillis::from_seconds(NOW + 240).plus(assertion::LEEWAY);
    assert!(checked.keep_until() >= accepted_until.plus(Duration::from_secs(60)));
    assert!(checked.keep_until() <= accepted_until.plus(Duration::from_secs(600)), "and not for ever");
}

/// JWTCA-004, SMART-CAUTH-055
#[test]
fn the_named_client_is_read_and_not_believed() {
    let named = |claims: &Value| assertion::named_client(&signed(&header(json!({})), claims));
    assert_eq!(named(&claims(json!({}))).as_deref(), Some(SVC));
    for change in [
        json!({ "iss": "other" }),
        json!({ "sub": "other" }),
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "iss": 1, "sub": 1 }),
        json!({ "iss": "", "sub": "" }),
        json!({ "iss": [SVC], "sub": [SVC] }),
    ] {
        assert_eq!(named(&claims(change.clone())), None, "{change}");
    }
    for odd in ["", ".", "..", "a.b", "a.b.c", "x.e30.y", &".".repeat(1 << 20)] {
        assert_eq!(assertion::named_client(odd), None);
    }
    // Enough to find the registration, whose keys then refuse it.
    let unsigned = format!("e30.{}.", BASE64.encode(claims(json!({})).to_string()));
    assert_eq!(assertion::named_client(&unsigned).as_deref(), Some(SVC));
    assert_eq!(verdict(&unsigned), token(JwsError::Malformed));
}

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

/// A-JWT-02, JWTCA-014
#[test]
fn no_hmac_with_a_public_key() {
    let client = Client::honest();
    for (alg, hmac) in [("HS256", ring::hmac::HMAC_SHA256), ("HS384", ring::hmac::HMAC_SHA384)] {
        for key in ["ES384", "RS384"] {
            let jwk = client.jwk(key);
            let raw = |name: &str| BASE64.decode(jwk[name].as_str().unwrap_or_default()).unwrap();
            let point = [&[4][..], &raw("x"), &raw("y")].concat();
            for secret in [
                jwk.to_string().into_bytes(),
                jwk["x"].as_str().unwrap_or("n").as_bytes().to_vec(),
                raw("x"),
                raw("n"),
                point,
            ] {
                let head = header(json!({ "alg": alg, "kid": key })).to_string();
                let input =
                    format!("{}.{}", BASE64.encode(head), BASE64.encode(claims(json!({})).to_string()));
                let mac = ring::hmac::sign(&ring::hmac::Key::new(hmac, &secret), input.as_bytes());
                let forged = format!("{input}.{}", BASE64.encode(mac));
                assert_eq!(verdict(&forged), token(JwsError::AlgNotAllowed));
            }
        }
    }
}

/// A-JWT-08, JWTCA-007, SMART-CAUTH-026, SMART-CAUTH-035
#[test]
fn one_audience_and_it_is_this_server() {
    for good in [json!(TOKEN), json!(ISSUER), json!([TOKEN]), json!([ISSUER])] {
        assert_eq!(with_claims(json!({ "aud": good })), Ok(()), "{good}");
    }
    for bad in [
        json!(null),
        json!(""),
        json!([]),
        json!(1),
        json!(true),
        json!({ "aud": TOKEN }),
        json!([[TOKEN]]),
        json!([TOKEN, ISSUER]),
        json!([TOKEN, TOKEN]),
        json!([TOKEN, "https://evil.example/token"]),
        json!("https://as.example/"),
        json!("https://as.example/token/"),
        json!("https://as.example/authorize"),
        json!("https://AS.example/token"),
        json!("https://as.example/token?x"),
        json!("http://as.example/token"),
        json!(format!("{TOKEN} {ISSUER}")),
        json!("https://evil.example/token"),
    ] {
        assert_eq!(with_claims(json!({ "aud": bad })), Err(AssertionError::WrongAudience), "{bad}");
    }
}

/// JWTCA-007
#[test]
fn a_strict_audience_is_the_issuers_text() {
    let strict = AssertionRules { strict_aud: true, ..RULES };
    let of = |aud: Value| {
        let assertion = signed(&header(json!({})), &claims(json!({ "aud": aud })));
        under(&assertion, &Client::honest().keys(), &strict)
    };
    assert_eq!(of(json!(ISSUER)), Ok(()));
    for bad in [json!(TOKEN), json!([ISSUER]), json!([TOKEN])] {
        assert_eq!(of(bad.clone()), Err(AssertionError::WrongAudience), "{bad}");
    }
}

/// A-JWT-09, JWTCA-008, SMART-CAUTH-027
#[test]
fn an_end_too_far_away() {
    for exp in [NOW + 300, NOW + 360] {
        assert_eq!(with_claims(json!({ "exp": exp })), Ok(()), "{exp}");
    }
    let ten_years = NOW + 10 * 365 * 86_400;
    for exp in [NOW + 361, ten_years, 1 << 53] {
        assert_eq!(with_claims(json!({ "exp": exp })), token(JwsError::LivesTooLong), "{exp}");
    }
    for exp in [json!(null), json!(9e18), json!(1e300), json!(i64::MAX), json!(u64::MAX), json!(-1)] {
        assert_eq!(with_claims(json!({ "exp": exp })), token(JwsError::BadTime), "{exp}");
    }
    for exp in [json!((NOW + 240).to_string()), json!([NOW + 240]), json!(NOW as f64 + 240.5), json!(true)] {
        assert_eq!(with_claims(json!({ "exp": exp })), token(JwsError::BadTime), "{exp}");
    }
    let nan = claims(json!({})).to_string().replace(&(NOW + 240).to_string(), "NaN");
    let assertion = Client::honest().sign("ES384", &header(json!({})).to_string(), &nan);
    assert_eq!(verdict(&assertion), token(JwsError::Malformed));
}

/// A-JWT-12, A-KEY-10
#[test]
fn an_end_that_has_come() {
    for ago in [0, 9, 11, 59] {
        assert_eq!(with_claims(json!({ "exp": NOW - ago })), Ok(()), "{ago}");
    }
    for ago in [60, 61, 3600] {
        assert_eq!(with_claims(json!({ "exp": NOW - ago })), token(JwsError::Expired), "{ago}");
    }
}

/// A-JWT-13, A-JWT-14, A-KEY-10
#[test]
fn a_beginning_that_has_not_come() {
    for name in ["nbf", "iat"] {
        for ahead in [-1, 0, 9, 59, 60] {
            assert_eq!(with_claims(json!({ name: NOW + ahead })), Ok(()), "{name} {ahead}");
        }
        for ahead in [61, 120, 86_400] {
            assert_eq!(
                with_claims(json!({ name: NOW + ahead })),
                token(JwsError::NotYetValid),
                "{name} {ahead}"
            );
        }
        for odd in [json!("x"), json!("1"), json!(1.5), json!(-1), json!([NOW]), json!(1e300), json!(false)] {
            assert_eq!(with_claims(json!({ name: odd })), token(JwsError::BadTime), "{name} {odd}");
        }
    }
}

/// A-JWT-15, SMART-CAUTH-029
#[test]
fn an_assertion_from_long_ago() {
    for ago in [0, 300, 360] {
        assert_eq!(with_claims(json!({ "iat": NOW - ago })), Ok(()), "{ago}");
    }
    for ago in [361, 86_400, NOW] {
        assert_eq!(with_claims(json!({ "iat": NOW - ago })), Err(AssertionError::TooOld), "{ago}");
    }
}

/// A-KEY-08, A-KEY-12: whatever the clock says, and whatever the rules, the arithmetic holds.
#[test]
fn times_at_the_edge_do_not_overflow() {
    let assertion = signed(&header(json!({})), &claims(json!({ "iat": NOW, "nbf": 0 })));
    let keys = Client::honest().keys();
    let at =
        |now, leeway| under(&assertion, &keys, &AssertionRules { now: UnixMillis(now), leeway, ..RULES });
    assert_eq!(at(i64::MAX, assertion::LEEWAY), token(JwsError::Expired));
    assert_eq!(at(i64::MIN, assertion::LEEWAY), token(JwsError::LivesTooLong));
    assert_eq!(at(NOW * 1000, Duration::MAX), Ok(()));
    let after_2038 = i64::from(i32::MAX) + 10;
    let late = signed(&header(json!({})), &claims(json!({ "exp": after_2038 + 240, "iat": after_2038 })));
    let now = UnixMillis::from_seconds(after_2038);
    assert_eq!(under(&late, &keys, &AssertionRules { now, ..RULES }), Ok(()));
}

/// JWTCA-006, SMART-CAUTH-024, SMART-CAUTH-025, SMART-CAUTH-031
#[test]
fn issuer_and_subject_are_the_client() {
    for change in [
        json!({ "iss": "other" }),
        json!({ "sub": "other" }),
        json!({ "iss": "other", "sub": "other" }),
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "iss": [SVC] }),
        json!({ "sub": { "a": SVC } }),
        json!({ "iss": "svc ", "sub": "svc " }),
        json!({ "iss": "SVC", "sub": "SVC" }),
    ] {
        assert_eq!(with_claims(change.clone()), Err(AssertionError::WrongClient), "{change}");
    }
}

/// A-JWT-26, A-JWT-56: names of keys mean something within one client's set only, and only while they are there.
#[test]
fn only_this_clients_keys_count() {
    let good = signed(&header(json!({})), &claims(json!({})));
    assert_eq!(under(&good, &Client::other().keys(), &RULES), token(JwsError::BadSignature));
    let claims_other = claims(json!({ "iss": "jwt", "sub": "jwt" }));
    let foreign = signed(&header(json!({})), &claims_other);
    assert_eq!(assertion::named_client(&foreign).as_deref(), Some("jwt"));
    let as_other =
        assertion::check(&foreign, &ClientId::new("jwt"), &Client::other().keys(), &RULES).map(|_| ());
    assert_eq!(as_other, token(JwsError::BadSignature));
    let removed = set(&[Client::honest().jwk("RS384")]);
    assert_eq!(under(&good, &removed, &RULES), Err(AssertionError::UnknownKey));
    assert_eq!(under(&good, &set(&[]), &RULES), Err(AssertionError::UnknownKey));
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

/// JWTCA-013: only an otherwise good assertion is worth reading the key set again for.
#[test]
fn an_unknown_key_is_the_last_thing_to_be_found() {
    let unknown = |change: Value| verdict(&signed(&header(json!({ "kid": "new" })), &claims(change)));
    assert_eq!(unknown(json!({})), Err(AssertionError::UnknownKey));
    assert_eq!(unknown(json!({ "aud": "x" })), Err(AssertionError::WrongAudience));
    assert_eq!(unknown(json!({ "exp": 1 })), token(JwsError::Expired));
    assert_eq!(unknown(json!({ "jti": null })), Err(AssertionError::NoId));
    assert_eq!(unknown(json!({ "sub": "other" })), Err(AssertionError::WrongClient));
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

/// A-JWT-36, A-JWT-37, A-JWT-38, JOSE-003
#[test]
fn claims_can_be_read_in_one_way() {
    let honest = claims(json!({})).to_string();
    let twice = |member: &str| honest.replacen('{', &format!("{{{member},"), 1);
    for claims in [
        twice(r#""sub":"other""#),
        twice(r#""sub":"svc""#),
        twice(r#""s\u0075b":"other""#),
        twice(r#""aud":"x""#),
        twice(r#""exp":1"#),
        format!("{honest} {{}}"),
        format!("{honest}x"),
        format!("\u{feff}{honest}"),
        format!("//x\n{honest}"),
        honest.replacen('{', r#"{"a":/**/1,"#, 1),
        format!("[{honest}]"),
        honest.replacen('{', &format!("{{\"a\":{}{},", "[".repeat(5_000), "]".repeat(5_000)), 1),
    ] {
        let assertion = Client::honest().sign("ES384", &header(json!({})).to_string(), &claims);
        assert_eq!(verdict(&assertion), token(JwsError::Malformed), "{claims}");
        assert_eq!(assertion::named_client(&assertion), None, "{claims}");
    }
    let head = header(json!({})).to_string();
    for head in [
        head.replacen('{', r#"{"alg":"none","#, 1),
        head.replacen('{', r#"{"kid":"other","#, 1),
        format!("{head} {{}}"),
        format!("\u{feff}{head}"),
    ] {
        let assertion = Client::honest().sign("ES384", &head, &honest);
        assert_eq!(verdict(&assertion), token(JwsError::Malformed), "{head}");
    }
    let deep = honest.replacen('{', &format!("{{\"a\":{}", "[".repeat(100_000)), 1);
    let assertion = Client::honest().sign("ES384", &header(json!({})).to_string(), &deep);
    assert_eq!(verdict(&assertion), token(JwsError::TooLong));
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

/// A-JWT-44, JOSE-008, JOSE-010
#[test]
fn keys_on_no_curve_of_ours() {
    let good = Client::honest().jwk("ES384");
    let with =
        |crv: &str, x: Value, y: Value| json!({ "kty": "EC", "crv": crv, "kid": "odd", "x": x, "y": y });
    let long = |len: usize, byte: u8| json!(BASE64.encode(vec![byte; len]));
    for odd in [
        with("P-521", long(66, 1), long(66, 1)),
        with("secp256k1", long(32, 1), long(32, 1)),
        with("P-384", long(48, 1), long(48, 1)),
        with("P-384", good["x"].clone(), good["x"].clone()),
        with("P-384", long(48, 0), long(48, 0)),
        with("P-384", json!(""), json!("")),
        with("P-256", good["x"].clone(), good["y"].clone()),
    ] {
        let keys = set(&[odd.clone(), good.clone()]);
        let named = signed(&header(json!({ "kid": "odd" })), &claims(json!({})));
        let refused = under(&named, &keys, &RULES);
        assert!(
            matches!(
                refused,
                Err(AssertionError::UnknownKey | AssertionError::Token(JwsError::BadSignature))
            ),
            "{odd}: {refused:?}"
        );
        let named = signed(&header(json!({})), &claims(json!({})));
        assert_eq!(under(&named, &keys, &RULES), Ok(()), "the other key is as good as before");
    }
}

/// A-JWT-47, A-JWT-48
#[test]
fn keys_for_another_use() {
    let with = |name: &str, value: Value| {
        let mut jwk = Client::honest().jwk("ES384");
        jwk[name] = value;
        set(&[jwk])
    };
    let good = signed(&header(json!({})), &claims(json!({})));
    for keys in [
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("key_ops", json!(["sign"])),
        with("alg", json!("ES256")),
        with("kty", json!("oct")),
    ] {
        assert_eq!(under(&good, &keys, &RULES), Err(AssertionError::UnknownKey));
    }
    for keys in [with("use", json!("sig")), with("key_ops", json!(["verify"]))] {
        assert_eq!(under(&good, &keys, &RULES), Ok(()));
    }
    let oct = json!({ "keys": [{ "kty": "oct", "kid": "ES384", "k": "AAAA" }] });
    assert!(VerifyKeys::from_jwks(oct.to_string().as_bytes()).is_err());
}

/// A client may hold several keys and say when each goes.
#[test]
fn a_key_with_an_end_verifies_until_then() {
    let ending = |exp: Value| {
        let mut jwk = Client::honest().jwk("ES384");
        jwk["exp"] = exp;
        set(&[jwk, Client::honest().jwk("RS384")])
    };
    let good = signed(&header(json!({})), &claims(json!({})));
    assert_eq!(under(&good, &ending(json!(NOW + 1)), &RULES), Ok(()));
    assert_eq!(under(&good, &ending(json!(NOW)), &RULES), token(JwsError::KeyEnded));
    assert_eq!(under(&good, &ending(json!(0)), &RULES), token(JwsError::KeyEnded));
    for odd in [json!("1900000000"), json!(-1), json!(1.5), json!(1e300)] {
        assert_eq!(under(&good, &ending(odd.clone()), &RULES), Err(AssertionError::UnknownKey), "{odd}");
    }
    let other = Client::honest().sign(
        "RS384",
        &header(json!({ "alg": "RS384", "kid": "RS384" })).to_string(),
        &claims(json!({})).to_string(),
    );
    assert_eq!(under(&other, &ending(json!(NOW)), &RULES), Ok(()), "the other key has no end");
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

/// JWTCA-008, SMART-CAUTH-028, SMART-CAUTH-033
#[test]
fn the_id_is_text_of_a_bounded_length() {
    for jti in ["a", &"x".repeat(256), "ä b/\u{1}"] {
        assert_eq!(with_claims(json!({ "jti": jti })), Ok(()), "{jti}");
    }
    for jti in
        [json!(null), json!(""), json!("x".repeat(257)), json!("ä".repeat(129)), json!(1), json!(["a"])]
    {
        assert_eq!(with_claims(json!({ "jti": jti })), Err(AssertionError::NoId), "{jti}");
    }
}

/// JOSE-004: the registered algorithm binds, whatever else the client's keys could do.
#[test]
fn the_registered_algorithm_binds() {
    let keys = Client::honest().keys();
    let registered = |alg| AssertionRules { alg: Some(alg), ..RULES };
    let good = signed(&header(json!({})), &claims(json!({})));
    assert_eq!(under(&good, &keys, &registered(Alg::Es384)), Ok(()));
    for alg in Alg::ALL.into_iter().filter(|alg| *alg != Alg::Es384) {
        assert_eq!(under(&good, &keys, &registered(alg)), Err(AssertionError::UnregisteredAlg));
    }
    // One RSA key, four ways to use it: its record says which, and the header cannot choose another.
    for used in ["RS256", "RS384", "PS256", "PS384"] {
        for named in ["RS256", "RS384", "PS256", "PS384"].into_iter().filter(|named| *named != used) {
            let head = header(json!({ "alg": used, "kid": named })).to_string();
            let crossed = Client::honest().sign(used, &head, &claims(json!({})).to_string());
            assert_eq!(verdict(&crossed), token(JwsError::KeyMismatch), "{used} under {named}");
        }
    }
}
