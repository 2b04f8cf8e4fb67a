//! A published key set as somebody else's verifier reads it.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;
use vestibule_host::Alg;

use crate::Broken;

/// A key set.
#[derive(Clone, Debug)]
pub(super) struct Published(Vec<Key>);

/// One key of it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Key(Value);

impl Published {
    pub(super) fn read(jwks: &[u8]) -> Result<Self, Broken> {
        let broken = |why: &str| Broken(format!("the published key set cannot be read: {why}"));
        let read: Value = serde_json::from_slice(jwks).map_err(|error| broken(&error.to_string()))?;
        let keys = read.get("keys").and_then(Value::as_array).ok_or_else(|| broken("it has no keys"))?;
        Ok(Self(keys.iter().cloned().map(Key).collect()))
    }

    pub(super) fn with_id(&self, id: &str) -> Vec<&Key> {
        self.0.iter().filter(|key| key.text("kid") == Some(id)).collect()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.0.iter().map(|key| key.text("kid").unwrap_or_default().to_owned()).collect()
    }

    pub(super) fn any_has(&self, member: &str) -> bool {
        self.0.iter().any(|key| key.0.get(member).is_some())
    }
}

impl Key {
    fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member).and_then(Value::as_str)
    }

    fn bytes(&self, member: &str) -> Option<Vec<u8>> {
        base64url(self.text(member)?)
    }

    pub(super) fn alg(&self) -> Option<&str> {
        self.text("alg")
    }

    pub(super) fn usage(&self) -> Option<&str> {
        self.text("use")
    }

    /// Whether the key is of the sort that the algorithm takes.
    pub(super) fn fits(&self, alg: Alg) -> bool {
        let sort = (self.text("kty"), self.text("crv"));
        match alg {
            Alg::Es256 => sort == (Some("EC"), Some("P-256")),
            Alg::Es384 => sort == (Some("EC"), Some("P-384")),
            Alg::EdDsa => sort == (Some("OKP"), Some("Ed25519")),
            Alg::Rs256 | Alg::Rs384 | Alg::Ps256 | Alg::Ps384 => sort.0 == Some("RSA"),
        }
    }

    fn has_signed(&self, alg: Alg, input: &[u8], signature: &[u8]) -> Option<bool> {
        if !self.fits(alg) {
            return Some(false);
        }
        let with = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(input, signature).is_ok()
        };
        let point =
            |algorithm| Some(with(algorithm, &[&[4], &*self.bytes("x")?, &*self.bytes("y")?].concat()));
        match alg {
            Alg::Es256 => return point(&ECDSA_P256_SHA256_FIXED),
            Alg::Es384 => return point(&ECDSA_P384_SHA384_FIXED),
            Alg::EdDsa => return Some(with(&ED25519, &self.bytes("x")?)),
            _ => {}
        }
        let parts = RsaPublicKeyComponents { n: self.bytes("n")?, e: self.bytes("e")? };
        let algorithm = match alg {
            Alg::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Alg::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Alg::Ps384 => &RSA_PSS_2048_8192_SHA384,
            _ => &RSA_PKCS1_2048_8192_SHA256,
        };
        Some(parts.verify(algorithm, input, signature).is_ok())
    }
}

/// Whether the published key with this id has signed the input.
pub(super) fn verify(published: &Published, id: &str, alg: Alg, input: &[u8], signature: &[u8]) -> bool {
    match published.with_id(id).as_slice() {
        [key] => key.has_signed(alg, input, signature).unwrap_or(false),
        _ => false,
    }
}

/// Without padding, as JOSE writes it.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}
