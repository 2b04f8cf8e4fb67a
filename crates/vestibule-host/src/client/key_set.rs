//! A client's key set, as far as it can be judged without cryptography: whoever registers one learns of a mistake at once, and
//! not from the first refused assertion. Whether a key verifies anything is for `vestibule-jose`.

use serde_json::{Map, Value};
use thiserror::Error;

use super::strict_json;
use crate::{Alg, FetchedKeySet};

/// The most keys in a set.
pub(crate) const MAX_KEYS: usize = 100;

/// The longest name of a key.
const MAX_KID: usize = 255;

/// What makes a key private or symmetric. None of it belongs into a registration (JOSE-008, JOSE-010).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The base64url digits of an RSA modulus of 2048 bits.
const RSA_2048_DIGITS: usize = 342;

/// Why a key set cannot be registered. Keys are counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// Longer than any key set may be.
    #[error("is larger than {} KiB", FetchedKeySet::MAX_BYTES / 1024)]
    TooLarge,
    /// Not an object with an array `keys` of objects, or a member stands in it twice.
    #[error("must be an object with an array \"keys\" of objects, no member twice")]
    Malformed,
    /// No key at all.
    #[error("has no keys")]
    Empty,
    /// More than 100.
    #[error("has more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// A private or symmetric key. Whoever sent it must replace it (A-JWT-46).
    #[error("keys[{0}] is a private or symmetric key, which must be replaced: register its public half")]
    PrivateKey(usize),
    /// A key without a name, or with one that cannot be used (SMART-CAUTH-063).
    #[error("keys[{0}] needs a \"kid\" of 1 to {MAX_KID} characters")]
    NoKeyId(usize),
    /// Two keys of one name (design §9).
    #[error("keys[{0}] has the \"kid\" of an earlier key")]
    DuplicateKeyId(usize),
    /// A key without `kty`.
    #[error("keys[{0}] needs a \"kty\"")]
    NoKeyType(usize),
    /// An RSA key that is too short.
    #[error("keys[{0}] is an RSA key of less than 2048 bits")]
    WeakKey(usize),
    /// An end that cannot be read.
    #[error("keys[{0}] has an \"exp\" that is no whole number of seconds")]
    End(usize),
    /// No key that an assertion could be verified with, under the registered algorithm if there is one.
    #[error("has no key for signatures with {0}")]
    NoUsableKey(&'static str),
}

/// Judges a key set document. `alg`: the only algorithm that the client registered.
///
/// # Errors
/// The first rule that it breaks.
pub(crate) fn check(document: &[u8], alg: Option<Alg>) -> Result<(), KeySetError> {
    if document.len() > FetchedKeySet::MAX_BYTES {
        return Err(KeySetError::TooLarge);
    }
    let text = std::str::from_utf8(document).map_err(|_| KeySetError::Malformed)?;
    let (Value::Object(members), twice) = strict_json::read(text).map_err(|_| KeySetError::Malformed)? else {
        return Err(KeySetError::Malformed);
    };
    let Some(Value::Array(entries)) = members.get("keys").filter(|_| twice.is_empty()) else {
        return Err(KeySetError::Malformed);
    };
    if entries.is_empty() {
        return Err(KeySetError::Empty);
    }
    if entries.len() > MAX_KEYS {
        return Err(KeySetError::TooManyKeys);
    }
    let mut ids = Vec::new();
    let mut usable = false;
    for (at, entry) in entries.iter().enumerate() {
        let jwk = entry.as_object().ok_or(KeySetError::Malformed)?;
        let id = key(jwk, at)?;
        if ids.contains(&id) {
            return Err(KeySetError::DuplicateKeyId(at));
        }
        ids.push(id);
        usable |=
            Alg::ALL.into_iter().filter(|one| alg.is_none_or(|alg| alg == *one)).any(|alg| fits(jwk, alg));
    }
    if usable { Ok(()) } else { Err(KeySetError::NoUsableKey(alg.map_or("any known algorithm", Alg::name))) }
}

/// The rules of one key; returns its name.
fn key(jwk: &Map<String, Value>, at: usize) -> Result<&str, KeySetError> {
    let kind = jwk.get("kty").and_then(Value::as_str);
    if kind == Some("oct") || PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name)) {
        return Err(KeySetError::PrivateKey(at));
    }
    let kind = kind.ok_or(KeySetError::NoKeyType(at))?;
    let digits = |name| jwk.get(name).and_then(Value::as_str).map_or(0, str::len);
    if kind == "RSA" && digits("n") < RSA_2048_DIGITS {
        return Err(KeySetError::WeakKey(at));
    }
    if jwk.get("exp").is_some_and(|end| !end.is_i64()) {
        return Err(KeySetError::End(at));
    }
    let id = jwk.get("kid").and_then(Value::as_str).unwrap_or_default();
    if id.is_empty() || id.len() > MAX_KID { Err(KeySetError::NoKeyId(at)) } else { Ok(id) }
}

/// Whether the key says of itself that it is for signatures with this algorithm (SMART-CAUTH-054).
fn fits(jwk: &Map<String, Value>, alg: Alg) -> bool {
    let text = |name| jwk.get(name).and_then(Value::as_str);
    let kind = match alg {
        Alg::Rs256 | Alg::Rs384 | Alg::Ps256 | Alg::Ps384 => text("kty") == Some("RSA"),
        Alg::Es256 => (text("kty"), text("crv")) == (Some("EC"), Some("P-256")),
        Alg::Es384 => (text("kty"), text("crv")) == (Some("EC"), Some("P-384")),
        Alg::EdDsa => (text("kty"), text("crv")) == (Some("OKP"), Some("Ed25519")),
    };
    let named = match jwk.get("alg") {
        None => true,
        // RFC 9864 gives EdDSA on this curve a name of its own.
        Some(name) => name == alg.name() || alg == Alg::EdDsa && name == "Ed25519",
    };
    let for_verifying = |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify"));
    kind && named
        && jwk.get("use").is_none_or(|purpose| purpose == "sig")
        && jwk.get("key_ops").is_none_or(for_verifying)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EC: &str = r#""kty":"EC","crv":"P-384","x":"AA","y":"AA""#;

    fn judge(document: &str) -> Result<(), KeySetError> {
        check(document.as_bytes(), None)
    }

    fn one(members: &str) -> Result<(), KeySetError> {
        judge(&format!(r#"{{"keys":[{{{members}}}]}}"#))
    }

    /// A-JWT-46, JOSE-008, JOSE-010, SMART-CAUTH-063
    #[test]
    fn what_cannot_be_registered() {
        assert_eq!(one(&format!(r#""kid":"a",{EC}"#)), Ok(()));
        for document in
            ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#, "\u{1}"]
        {
            assert_eq!(judge(document), Err(KeySetError::Malformed), "{document}");
        }
        assert_eq!(judge(r#"{"keys":[]}"#), Err(KeySetError::Empty));
        for name in PRIVATE_MEMBERS {
            let private = format!(r#""kid":"a",{EC},"{name}":"AA""#);
            assert_eq!(one(&private), Err(KeySetError::PrivateKey(0)), "{name}");
        }
        assert_eq!(one(r#""kid":"a","kty":"oct""#), Err(KeySetError::PrivateKey(0)));
        // Also where the key itself is of no use to us.
        assert_eq!(one(r#""kty":"XYZ","d":null"#), Err(KeySetError::PrivateKey(0)));
        assert_eq!(one(EC), Err(KeySetError::NoKeyId(0)));
        assert_eq!(one(&format!(r#""kid":"",{EC}"#)), Err(KeySetError::NoKeyId(0)));
        assert_eq!(one(&format!(r#""kid":7,{EC}"#)), Err(KeySetError::NoKeyId(0)));
        assert_eq!(one(&format!(r#""kid":"{}",{EC}"#, "k".repeat(256))), Err(KeySetError::NoKeyId(0)));
        assert_eq!(one(r#""kid":"a""#), Err(KeySetError::NoKeyType(0)));
        let short = "A".repeat(RSA_2048_DIGITS - 1);
        let rsa = format!(r#""kid":"a","kty":"RSA","e":"AQAB","n":"{short}""#);
        assert_eq!(one(&rsa), Err(KeySetError::WeakKey(0)));
        for end in ["\"soon\"", "1.5", "null"] {
            assert_eq!(one(&format!(r#""kid":"a",{EC},"exp":{end}"#)), Err(KeySetError::End(0)), "{end}");
        }
        let twice = format!(r#"{{"keys":[{{"kid":"a",{EC}}},{{"kid":"b",{EC}}},{{"kid":"a",{EC}}}]}}"#);
        assert_eq!(judge(&twice), Err(KeySetError::DuplicateKeyId(2)));
    }

    #[test]
    fn sets_have_bounds() {
        let keys = |count: usize| {
            let keys: Vec<_> = (0..count).map(|at| format!(r#"{{"kid":"{at}",{EC}}}"#)).collect();
            format!(r#"{{"keys":[{}]}}"#, keys.join(","))
        };
        assert_eq!(judge(&keys(MAX_KEYS)), Ok(()));
        assert_eq!(judge(&keys(MAX_KEYS + 1)), Err(KeySetError::TooManyKeys));
        let padded = format!("{}{}", keys(1), " ".repeat(FetchedKeySet::MAX_BYTES));
        assert_eq!(judge(&padded), Err(KeySetError::TooLarge));
    }

    #[test]
    fn some_key_must_be_of_use() {
        let set = format!(r#"{{"keys":[{{"kid":"new","kty":"XYZ"}},{{"kid":"a",{EC}}}]}}"#);
        assert_eq!(judge(&set), Ok(()), "kinds that nobody knows yet do no harm");
        assert_eq!(check(set.as_bytes(), Some(Alg::Es384)), Ok(()));
        let none = Err(KeySetError::NoUsableKey("ES256"));
        assert_eq!(check(set.as_bytes(), Some(Alg::Es256)), none);
        for more in [r#""use":"enc""#, r#""key_ops":["sign"]"#, r#""alg":"ES256""#] {
            let odd = format!(r#""kid":"a",{EC},{more}"#);
            assert_eq!(one(&odd), Err(KeySetError::NoUsableKey("any known algorithm")), "{more}");
        }
        let rsa =
            format!(r#""kid":"a","kty":"RSA","e":"AQAB","n":"{}","use":"sig""#, "A".repeat(RSA_2048_DIGITS));
        assert_eq!(one(&rsa), Ok(()));
        assert_eq!(one(r#""kid":"a","kty":"OKP","crv":"Ed25519","x":"AA","alg":"Ed25519""#), Ok(()));
    }
}
