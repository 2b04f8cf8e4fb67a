//! Signing and verifying with aws-lc.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ParsedPublicKey, RsaEncoding, RsaKeyPair, RsaParameters,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use vestibule_host::Alg;

use super::{Curve, Material};

/// A private key with its algorithm.
pub(crate) enum SigningPair {
    Ecdsa(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl SigningPair {
    /// `None` if this is no PKCS#8 of a key for this algorithm, or the algorithm is none to sign with.
    pub(crate) fn from_pkcs8(alg: Alg, pkcs8: &[u8]) -> Option<Self> {
        let ecdsa = |curve, how| EcdsaKeyPair::from_pkcs8(how, pkcs8).map(|pair| Self::Ecdsa(curve, pair));
        let rsa = |padding| RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Self::Rsa(pair, padding));
        let pair = match alg {
            Alg::Es256 => ecdsa(Curve::P256, &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Alg::Es384 => ecdsa(Curve::P384, &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Alg::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(Self::Ed25519),
            Alg::Rs256 => rsa(&signature::RSA_PKCS1_SHA256),
            Alg::Rs384 => rsa(&signature::RSA_PKCS1_SHA384),
            Alg::Ps256 | Alg::Ps384 => return None,
        };
        pair.ok()
    }

    pub(crate) fn public(&self) -> Material {
        match self {
            Self::Ecdsa(curve, pair) => Material::Ec(*curve, pair.public_key().as_ref().to_vec()),
            Self::Ed25519(pair) => Material::Ed25519(pair.public_key().as_ref().to_vec()),
            Self::Rsa(pair, _) => {
                let parts = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                Material::Rsa { n: parts.n, e: parts.e }
            }
        }
    }

    /// The raw JWS signature. `None` if the library failed.
    pub(crate) fn sign(&self, input: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(_, pair) => Some(pair.sign(&random, input).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.try_sign(input).ok()?.as_ref().to_vec()),
            Self::Rsa(pair, padding) => {
                let mut out = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &random, input, &mut out).ok()?;
                Some(out)
            }
        }
    }
}

/// A public key with one algorithm, parsed. `None` inside: a key that verifies nothing, such as a point that is not on its
/// curve.
#[derive(Clone)]
pub(crate) struct Verifier(Option<ParsedPublicKey>);

impl Verifier {
    /// `None` if a signature under this algorithm cannot come from this kind of key (JOSE-004).
    pub(crate) fn new(key: &Material, alg: Alg) -> Option<Self> {
        let plain = |how: &'static dyn VerificationAlgorithm, key: &[u8]| {
            Some(Self(ParsedPublicKey::new(how, key).ok()))
        };
        match (key, alg) {
            (Material::Ec(Curve::P256, point), Alg::Es256) => {
                plain(&signature::ECDSA_P256_SHA256_FIXED, point)
            }
            (Material::Ec(Curve::P384, point), Alg::Es384) => {
                plain(&signature::ECDSA_P384_SHA384_FIXED, point)
            }
            (Material::Ed25519(x), Alg::EdDsa) => plain(&signature::ED25519, x),
            (Material::Rsa { n, e }, _) => {
                let how: &'static RsaParameters = match alg {
                    Alg::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Alg::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Alg::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Alg::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
                    _ => return None,
                };
                Some(Self(RsaPublicKeyComponents { n, e }.to_parsed_public_key(how).ok()))
            }
            _ => None,
        }
    }

    /// Checks a raw JWS signature. ECDSA signatures are fixed-length r‖s, with r and s in range (JOSE-009); a point that is not
    /// on the curve verifies nothing (JOSE-008).
    #[must_use]
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }
}
