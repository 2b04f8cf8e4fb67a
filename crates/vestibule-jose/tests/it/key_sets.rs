//! Key sets that others publish.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use vestibule_jose::{JwksError, VerifyKeys};

/// Nobody has the private part; the shape is right.
fn rsa(kid: &str) -> Value {
    let mut modulus = [0x55; 256];
    modulus[0] = 0xc0;
    let modulus = URL_SAFE_NO_PAD.encode(modulus);
    json!({ "kty": "RSA", "kid": kid, "n": modulus, "e": "AQAB" })
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

fn read(keys: &[Value]) -> Result<usize, JwksError> {
    VerifyKeys::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).map(|keys| keys.len())
}

#[test]
fn odd_keys_are_left_out_one_by_one() {
    assert_eq!(read(&[rsa("a")]), Ok(1), "the key itself is fine");
    for odd in [
        with(rsa("b"), "kty", json!("LATTICE")),
        with(rsa("b"), "kty", json!("EC")),
        with(rsa("b"), "kty", json!(7)),
        with(rsa("b"), "alg", json!("RS1")),
        with(rsa("b"), "alg", json!("ES256")),
        with(rsa("b"), "alg", json!("HS256")),
        with(rsa("b"), "alg", json!(null)),
        with(rsa("b"), "use", json!("enc")),
        with(rsa("b"), "use", json!(null)),
        with(rsa("b"), "key_ops", json!(["sign"])),
        with(rsa("b"), "key_ops", json!("verify")),
        with(rsa("b"), "kid", json!(1)),
        with(rsa("b"), "e", json!("Aw")),
        with(rsa("b"), "e", json!("AQAB=")),
        with(rsa("b"), "n", json!("AQAB")),
        json!({ "kty": "EC", "crv": "P-256", "kid": "b", "x": "AA", "y": "AA" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "b", "x": "AA" }),
        json!({ "kty": "OKP", "crv": "X25519", "kid": "b", "x": "A".repeat(43) }),
        json!({ "kid": "b" }),
        json!({}),
    ] {
        assert_eq!(read(&[odd.clone(), rsa("a")]), Ok(1), "{odd}");
    }
    for fine in [
        with(rsa("b"), "alg", json!("RS256")),
        with(rsa("b"), "use", json!("sig")),
        with(rsa("b"), "key_ops", json!(["verify"])),
        with(rsa("b"), "x5c", json!(["whatever"])),
    ] {
        assert_eq!(read(&[fine.clone(), rsa("a")]), Ok(2), "{fine}");
    }
}

#[test]
fn a_leaked_key_condemns_the_set() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(
            read(&[rsa("a"), with(rsa("b"), member, json!("AA"))]),
            Err(JwksError::PrivateKey),
            "{member}"
        );
    }
    let symmetric = json!({ "kty": "oct", "kid": "b", "k": "AA" });
    assert_eq!(read(&[rsa("a"), symmetric]), Err(JwksError::PrivateKey), "JOSE-010");
}

/// JWTCA-012, SMART-CAUTH-052
#[test]
fn two_keys_of_one_name_condemn_the_set() {
    assert_eq!(read(&[rsa("a"), rsa("b"), rsa("a")]), Err(JwksError::DuplicateKeyId));
    assert_eq!(read(&[rsa("a"), json!({ "kty": "LATTICE", "kid": "a" })]), Err(JwksError::DuplicateKeyId));
}

#[test]
fn sets_have_bounds() {
    let many: Vec<_> = (0..101).map(|n| rsa(&n.to_string())).collect();
    assert_eq!(read(&many[..100]), Ok(100));
    assert_eq!(read(&many), Err(JwksError::TooManyKeys));
    let padded = |len: usize| format!("{}{}", r#"{"keys":[]}"#, " ".repeat(len - 11));
    assert!(VerifyKeys::from_jwks(padded(256 * 1024).as_bytes()).unwrap().is_empty());
    assert_eq!(VerifyKeys::from_jwks(padded(256 * 1024 + 1).as_bytes()).unwrap_err(), JwksError::TooLarge);
}

#[test]
fn anything_else_is_malformed() {
    for document in
        ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#, "<html>"]
    {
        assert_eq!(
            VerifyKeys::from_jwks(document.as_bytes()).unwrap_err(),
            JwksError::Malformed,
            "{document}"
        );
    }
}
