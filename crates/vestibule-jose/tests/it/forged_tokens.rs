//! Tokens that somebody made to be accepted. Where it takes our signature to get far, they carry it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use vestibule_host::{Alg, KeyId, KeyRing};
use vestibule_jose::{Expect, JwsError, VerifyKeys};

use crate::fixtures::{WHENEVER, now, ring};

const ANY: Expect<'_> =
    Expect { typ: &["at+jwt"], algs: &[Alg::Es256, Alg::Es384, Alg::EdDsa, Alg::Rs256, Alg::Rs384] };

fn keys() -> VerifyKeys {
    VerifyKeys::from_jwks(&ring().snapshot().jwks).unwrap()
}

fn es256() -> KeyId {
    ring().snapshot().access_token.id.clone()
}

fn rs256() -> KeyId {
    ring().snapshot().id_token.id.clone()
}

/// Any header and any claims, under a good signature of `key`.
fn signed(key: &KeyId, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let signature = now(ring().sign(key, input.as_bytes())).unwrap();
    format!("{input}.{}", BASE64.encode(signature))
}

fn header(change: &[(&str, Value)]) -> String {
    let mut header = json!({ "alg": "ES256", "kid": es256().as_str(), "typ": "at+jwt" });
    for (name, value) in change {
        header[*name] = value.clone();
    }
    header.to_string()
}

fn verdict(token: &str) -> Result<(), JwsError> {
    keys().verify(token, &ANY, WHENEVER).map(|_| ())
}

#[test]
fn the_unchanged_token_is_good() {
    assert_eq!(verdict(&signed(&es256(), &header(&[]), "{}")), Ok(()));
}

#[test]
fn no_algorithm_but_the_keys_own() {
    let of = |alg: &str, kid: &KeyId| header(&[("alg", json!(alg)), ("kid", json!(kid.as_str()))]);
    for alg in ["none", "None", "NONE", "HS256", "HS512", "es256", "ES256 ", "PS256", "RS1", "ES512", ""] {
        assert_eq!(
            verdict(&signed(&es256(), &of(alg, &es256()), "{}")),
            Err(JwsError::AlgNotAllowed),
            "{alg}"
        );
    }
    // Every pair of a key and a wrong algorithm, signed by either key.
    for (kid, alg) in
        [(rs256(), "ES256"), (rs256(), "RS384"), (es256(), "RS256"), (es256(), "ES384"), (es256(), "EdDSA")]
    {
        for signer in [es256(), rs256()] {
            assert_eq!(verdict(&signed(&signer, &of(alg, &kid), "{}")), Err(JwsError::KeyMismatch), "{alg}");
        }
    }
    assert_eq!(verdict(&signed(&es256(), &of("RS256", &rs256()), "{}")), Err(JwsError::BadSignature));
    for alg in [json!(null), json!(1), json!(["ES256"])] {
        assert_eq!(verdict(&signed(&es256(), &header(&[("alg", alg)]), "{}")), Err(JwsError::Malformed));
    }
}

#[test]
fn an_hmac_with_the_public_key_is_nothing() {
    let set: Value = serde_json::from_slice(&ring().snapshot().jwks).unwrap();
    for key in set["keys"].as_array().unwrap() {
        let header = header(&[("alg", json!("HS256")), ("kid", key["kid"].clone())]);
        let input = format!("{}.{}", BASE64.encode(header), BASE64.encode("{}"));
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.to_string().as_bytes());
        let token = format!("{input}.{}", BASE64.encode(ring::hmac::sign(&secret, input.as_bytes())));
        assert_eq!(verdict(&token), Err(JwsError::AlgNotAllowed));
    }
}

#[test]
fn no_signature_is_no_token() {
    let input = format!("{}.{}", BASE64.encode(header(&[("alg", json!("none"))])), BASE64.encode("{}"));
    assert_eq!(verdict(&format!("{input}.")), Err(JwsError::Malformed));
    assert_eq!(verdict(&input), Err(JwsError::Malformed));
    let input = format!("{}.{}", BASE64.encode(header(&[])), BASE64.encode("{}"));
    assert_eq!(
        verdict(&format!("{input}.{}", BASE64.encode([0; 64]))),
        Err(JwsError::BadSignature),
        "r = s = 0"
    );
    for len in [1, 63, 65, 70, 128] {
        assert_eq!(verdict(&format!("{input}.{}", BASE64.encode(vec![1; len]))), Err(JwsError::BadSignature));
    }
}

#[test]
fn the_key_must_be_named_and_known() {
    let without = json!({ "alg": "ES256", "typ": "at+jwt" }).to_string();
    assert_eq!(verdict(&signed(&es256(), &without, "{}")), Err(JwsError::NoKeyId));
    for kid in [json!(""), json!(1), json!(null), json!([es256().as_str()])] {
        assert_eq!(verdict(&signed(&es256(), &header(&[("kid", kid)]), "{}")), Err(JwsError::Malformed));
    }
    assert_eq!(
        verdict(&signed(&es256(), &header(&[("kid", json!("other"))]), "{}")),
        Err(JwsError::UnknownKey)
    );
}

#[test]
fn a_key_inside_the_token_counts_for_nothing() {
    let set: Value = serde_json::from_slice(&ring().snapshot().jwks).unwrap();
    let change =
        [("kid", json!("mine")), ("jwk", set["keys"][0].clone()), ("jku", json!("https://evil.example"))];
    assert_eq!(verdict(&signed(&es256(), &header(&change), "{}")), Err(JwsError::UnknownKey), "JWTCA-005");
}

#[test]
fn nothing_unsupported_is_skipped_over() {
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("cty", json!("JWT")),
        ("cty", json!("jwt")),
        ("cty", json!(1)),
    ] {
        let token = signed(&es256(), &header(&[(name, value)]), "{}");
        assert_eq!(verdict(&token), Err(JwsError::UnsupportedHeader), "{name}");
    }
    assert_eq!(verdict(&signed(&es256(), &header(&[("typ", json!(null))]), "{}")), Err(JwsError::WrongType));
    let untyped = json!({ "alg": "ES256", "kid": es256().as_str() }).to_string();
    assert_eq!(verdict(&signed(&es256(), &untyped, "{}")), Err(JwsError::WrongType));
}

#[test]
fn nothing_can_be_read_in_two_ways() {
    let twice = header(&[]).replace(r#""alg":"ES256""#, r#""alg":"none","alg":"ES256""#);
    assert_eq!(verdict(&signed(&es256(), &twice, "{}")), Err(JwsError::Malformed));
    for claims in [
        r#"{"patient":"a","patient":"b"}"#,
        r#"{"patient":"a","p\u0061tient":"b"}"#,
        r#"{"a":{"b":1,"b":2}}"#,
        "{}{}",
        "[]",
        "null",
        "",
        "{",
        "\u{feff}{}",
    ] {
        assert_eq!(verdict(&signed(&es256(), &header(&[]), claims)), Err(JwsError::Malformed), "{claims}");
    }
}

#[test]
fn only_the_compact_form_in_one_spelling() {
    let good = signed(&es256(), &header(&[]), r#"{"aa":1}"#);
    assert_eq!(verdict(&good), Ok(()));
    let [head, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("three segments")
    };
    for token in [
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{head}.{payload}.{payload}.{payload}.{signature}"),
        format!("{head}..{signature}"),
        format!("{head}=.{payload}.{signature}"),
        format!("{head}.{payload}=.{signature}"),
        format!("{head}.{payload}.{signature}=="),
        format!("{head}.{payload}.{signature}\n"),
        format!(" {good}"),
        json!({ "protected": head, "payload": payload, "signature": signature }).to_string(),
        String::new(),
        "..".to_owned(),
        ".".to_owned(),
    ] {
        assert_eq!(verdict(&token), Err(JwsError::Malformed), "{token}");
    }
}

#[test]
fn tokens_have_bounds() {
    let filler = "x".repeat(20_000);
    assert_eq!(
        verdict(&signed(&es256(), &header(&[]), &json!({ "x": filler }).to_string())),
        Err(JwsError::TooLong)
    );
    assert_eq!(
        verdict(&signed(&es256(), &header(&[("x", json!(filler[..4000]))]), "{}")),
        Err(JwsError::TooLong)
    );
    assert_eq!(verdict(&".".repeat(1 << 20)), Err(JwsError::TooLong));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
    assert_eq!(verdict(&signed(&es256(), &header(&[]), &deep)), Err(JwsError::Malformed));
}
