//! Under which key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use vestibule_host::{Alg, ClientId};
use vestibule_jose::assertion::{self, AssertionError, AssertionRules};
use vestibule_jose::{JwsError, VerifyKeys};

use super::{NOW, RULES, SVC, claims, header, set, signed, token, under, verdict};
use crate::client::{ALGS, Client};

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

/// A-JWT-47, A-JWT-48, SMART-CAUTH-054
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

/// JOSE-009: r and s, each of the curve's length, neither nothing nor beyond it.
#[test]
fn an_ecdsa_signature_has_one_form() {
    for (alg, half) in [("ES256", 32), ("ES384", 48)] {
        let head = header(json!({ "alg": alg, "kid": alg })).to_string();
        let good = Client::honest().sign(alg, &head, &claims(json!({})).to_string());
        assert_eq!(verdict(&good), Ok(()), "{alg}");
        let (input, signature) = good.rsplit_once('.').unwrap();
        let raw = BASE64.decode(signature).unwrap();
        assert_eq!(raw.len(), 2 * half, "{alg}");
        let (r, s) = raw.split_at(half);
        let integer = |part: &[u8]| {
            let digits: Vec<u8> = part.iter().copied().skip_while(|byte| *byte == 0).collect();
            let sign = usize::from(digits[0] >= 0x80);
            [&[2, u8::try_from(digits.len() + sign).unwrap()][..], &[0][..sign], &digits].concat()
        };
        let both = [integer(r), integer(s)].concat();
        let der = [&[0x30, u8::try_from(both.len()).unwrap()][..], &both].concat();
        let (nothing, beyond) = (vec![0; half], vec![0xff; half]);
        for other in [
            der,
            [&nothing[..], s].concat(),
            [r, &nothing].concat(),
            [&beyond[..], s].concat(),
            [r, &beyond].concat(),
            [s, r].concat(),
            raw[..2 * half - 1].to_vec(),
            [&raw[..], &[0]].concat(),
            [&[0], &raw[..]].concat(),
        ] {
            let forged = format!("{input}.{}", BASE64.encode(&other));
            assert_eq!(verdict(&forged), token(JwsError::BadSignature), "{alg} {other:?}");
        }
    }
}
