//! Public keys: read from a JWK, written into a JWKS, named by their thumbprint.

use std::fmt;

use bytes::Bytes;
use ring::digest;
use serde_json::{Map, Value, json};
use vestibule_host::{Alg, KeyId};

use crate::backend::{Curve, Material, Verifier};
use crate::base64url;

/// The members that make a JWK a private (or symmetric) key. None of them belongs in a document we read or write.
pub(crate) const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// ring verifies with exponents of at most 33 bits.
const MAX_RSA_EXPONENT: u64 = (1 << 33) - 1;

/// A public key of a kind that we can verify with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Material);

impl Curve {
    const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

impl PublicKey {
    /// Reads the key material of a JWK. `None` for a kind or curve we do not know and for material that is out of bounds
    /// (JOSE-008); `use`, `key_ops`, `kid` and `alg` are the key set's business.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| text(name).and_then(base64url::decode);
        match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => Self::from_coordinates(Curve::P256, &bytes("x")?, &bytes("y")?),
            ("EC", Some("P-384")) => Self::from_coordinates(Curve::P384, &bytes("x")?, &bytes("y")?),
            ("OKP", Some("Ed25519")) => Self::from_ed25519(bytes("x")?),
            ("RSA", _) => Self::from_rsa(&bytes("n")?, &bytes("e")?),
            _ => None,
        }
    }

    fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Option<Self> {
        (x.len() == y.len()).then(|| Self::from_point(curve, [&[4], x, y].concat())).flatten()
    }

    fn from_point(curve: Curve, point: Vec<u8>) -> Option<Self> {
        // That the point lies on the curve is the verifier's part.
        (point.len() == 1 + 2 * curve.coordinate_len() && point.first() == Some(&4))
            .then_some(Self(Material::Ec(curve, point)))
    }

    fn from_ed25519(x: Vec<u8>) -> Option<Self> {
        (x.len() == 32).then_some(Self(Material::Ed25519(x)))
    }

    /// JOSE-008: 2048 to 8192 bits, odd exponent of at least 65537.
    fn from_rsa(n: &[u8], e: &[u8]) -> Option<Self> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let bits = n.len().checked_mul(8)?.checked_sub(usize::try_from(n.first()?.leading_zeros()).ok()?)?;
        let exponent =
            e.iter().take(9).try_fold(0_u64, |sum, byte| Some(sum.checked_mul(256)? | u64::from(*byte)))?;
        let fits = (2048..=8192).contains(&bits)
            && n.last()? & 1 == 1
            && (65537..=MAX_RSA_EXPONENT).contains(&exponent)
            && exponent & 1 == 1;
        fits.then(|| Self(Material::Rsa { n: n.to_vec(), e: e.to_vec() }))
    }

    pub(crate) fn from_material(material: Material) -> Option<Self> {
        match material {
            Material::Ec(curve, point) => Self::from_point(curve, point),
            Material::Ed25519(x) => Self::from_ed25519(x),
            Material::Rsa { n, e } => Self::from_rsa(&n, &e),
        }
    }

    /// Whether a signature under this algorithm can come from this kind of key (JOSE-004).
    #[must_use]
    pub const fn fits(&self, alg: Alg) -> bool {
        matches!(
            (&self.0, alg),
            (Material::Ec(Curve::P256, _), Alg::Es256)
                | (Material::Ec(Curve::P384, _), Alg::Es384)
                | (Material::Ed25519(_), Alg::EdDsa)
                | (Material::Rsa { .. }, Alg::Rs256 | Alg::Rs384 | Alg::Ps256 | Alg::Ps384)
        )
    }

    /// The key ready to verify with, under one algorithm. `None` if they do not fit.
    pub(crate) fn verifier(&self, alg: Alg) -> Option<Verifier> {
        Verifier::new(&self.0, alg)
    }

    /// The RFC 7638 thumbprint (SHA-256): the same key has the same name on every node, and no two keys share one.
    pub fn thumbprint(&self) -> KeyId {
        // RFC 7638 §3.3: the required members alone, in this order, without white space. The values need no escapes.
        let canonical = match &self.0 {
            Material::Ec(curve, point) => {
                let (x, y) = coordinates(*curve, point);
                format!(r#"{{"crv":"{}","kty":"EC","x":"{x}","y":"{y}"}}"#, curve.name())
            }
            Material::Ed25519(x) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url::encode(x))
            }
            Material::Rsa { n, e } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, base64url::encode(e), base64url::encode(n))
            }
        };
        KeyId::new(base64url::encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref()))
    }

    /// The bare public JWK (SMART-IDT-020).
    pub fn to_jwk(&self, kid: &KeyId, alg: Alg) -> Value {
        let mut jwk = match &self.0 {
            Material::Ec(curve, point) => {
                let (x, y) = coordinates(*curve, point);
                json!({ "kty": "EC", "crv": curve.name(), "x": x, "y": y })
            }
            Material::Ed25519(x) => json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url::encode(x) }),
            Material::Rsa { n, e } => {
                json!({ "kty": "RSA", "n": base64url::encode(n), "e": base64url::encode(e) })
            }
        };
        if let Value::Object(members) = &mut jwk {
            members.insert("kid".to_owned(), kid.as_str().into());
            members.insert("alg".to_owned(), alg.name().into());
            members.insert("use".to_owned(), "sig".into());
        }
        jwk
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Material::Ec(curve, _) => curve.name(),
            Material::Ed25519(_) => "Ed25519",
            Material::Rsa { .. } => "RSA",
        };
        write!(f, "PublicKey({kind}, {:?})", self.thumbprint().as_str())
    }
}

/// The key set document for a `jwks_uri`. It can hold public members only.
pub fn jwks<'a>(keys: impl IntoIterator<Item = (&'a KeyId, Alg, &'a PublicKey)>) -> Bytes {
    let keys: Vec<_> = keys.into_iter().map(|(kid, alg, key)| key.to_jwk(kid, alg)).collect();
    json!({ "keys": keys }).to_string().into()
}

fn coordinates(curve: Curve, point: &[u8]) -> (String, String) {
    let (x, y) =
        point.get(1..).and_then(|xy| xy.split_at_checked(curve.coordinate_len())).unwrap_or_default();
    (base64url::encode(x), base64url::encode(y))
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verifies(key: &PublicKey, alg: Alg, message: &[u8], signature: &[u8]) -> bool {
        key.verifier(alg).is_some_and(|verifier| verifier.verifies(message, signature))
    }

    fn read(jwk: &str) -> PublicKey {
        let jwk: Value = serde_json::from_str(jwk).unwrap();
        PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap()
    }

    /// RFC 7515 A.3 and RFC 8037 A.4. Neither names its key or its type, so they do not pass as tokens.
    #[test]
    fn published_signatures_verify() {
        let p256 = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let es256 = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let ed25519 = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let eddsa = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        for (jwk, alg, token) in [(p256, Alg::Es256, es256), (ed25519, Alg::EdDsa, eddsa)] {
            let (input, signature) = token.rsplit_once('.').unwrap();
            let mut signature = base64url::decode(signature).unwrap();
            let key = read(jwk);
            for other in Alg::ALL {
                assert_eq!(verifies(&key, other, input.as_bytes(), &signature), other == alg);
                assert_eq!(key.verifier(other).is_some(), key.fits(other));
            }
            signature[40] ^= 1;
            assert!(!verifies(&key, alg, input.as_bytes(), &signature));
        }
    }

    /// A point that is not on the curve is a key that verifies nothing (JOSE-008).
    #[test]
    fn a_point_off_the_curve_verifies_nothing() {
        let point = [&[4][..], &[1; 64]].concat();
        let key = PublicKey::from_point(Curve::P256, point).unwrap();
        assert!(!verifies(&key, Alg::Es256, b"x", &[1; 64]));
    }

    #[test]
    fn rsa_keys_have_bounds() {
        let modulus = |len: usize| [&[0xc0][..], &vec![0; len - 2], &[1]].concat();
        let fits = |n: &[u8], e: &[u8]| PublicKey::from_rsa(n, e).is_some();
        assert!(fits(&modulus(256), &[1, 0, 1]));
        assert!(fits(&modulus(1024), &[1, 0, 1]));
        assert!(fits(&[&[0], &modulus(256)[..]].concat(), &[0, 1, 0, 1]), "a sign byte changes nothing");
        assert!(!fits(&modulus(255), &[1, 0, 1]), "2040 bits");
        assert!(!fits(&[&[0x7f][..], &modulus(255)].concat(), &[1, 0, 1]), "2047 bits");
        assert!(!fits(&modulus(1025), &[1, 0, 1]), "8200 bits");
        assert!(!fits(&modulus(256), &[3]), "e = 3");
        assert!(!fits(&modulus(256), &[1, 0, 0]), "even exponent");
        assert!(!fits(&modulus(256), &[1; 20]), "exponent beyond any bound");
        assert!(!fits(&modulus(256), &[]));
        assert!(!fits(&[], &[1, 0, 1]));
        assert!(!fits(&[0; 256], &[1, 0, 1]));
    }
}
