//! Signing and verifying with ring.

use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use vestibule_host::Alg;

use super::{Curve, Material};

/// A private key with its algorithm.
pub(crate) enum SigningPair {
    Ecdsa(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
}

impl SigningPair {
    /// `None` if this is no PKCS#8 of a key for this algorithm, or the algorithm is none to sign with.
    pub(crate) fn from_pkcs8(alg: Alg, pkcs8: &[u8]) -> Option<Self> {
        let ecdsa = |curve, how| {
            EcdsaKeyPair::from_pkcs8(how, pkcs8, &SystemRandom::new()).map(|pair| Self::Ecdsa(curve, pair))
        };
        let rsa = |padding| RsaKeyPair::from_pkcs8(pkcs8).map(|pair| Self::Rsa(Box::new(pair), padding));
        let pair = match alg {
            Alg::Es256 => ecdsa(Curve::P256, &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Alg::Es384 => ecdsa(Curve::P384, &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Alg::EdDsa => Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(Self::Ed25519),
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
                let parts = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                Material::Rsa { n: parts.n, e: parts.e }
            }
        }
    }

    /// The raw JWS signature. `None` if the library failed.
    pub(crate) fn sign(&self, input: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(_, pair) => Some(pair.sign(&random, input).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(input).as_ref().to_vec()),
            Self::Rsa(pair, padding) => {
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(*padding, &random, input, &mut out).ok()?;
                Some(out)
            }
        }
    }
}

/// A public key with one algorithm. ring offers no parsed form; what it reads each time is short.
#[derive(Clone)]
pub(crate) enum Verifier {
    Plain(UnparsedPublicKey<Vec<u8>>),
    Rsa(RsaPublicKeyComponents<Vec<u8>>, &'static RsaParameters),
}

impl Verifier {
    /// `None` if a signature under this algorithm cannot come from this kind of key (JOSE-004).
    pub(crate) fn new(key: &Material, alg: Alg) -> Option<Self> {
        let plain = |how: &'static dyn VerificationAlgorithm, key: &[u8]| {
            Some(Self::Plain(UnparsedPublicKey::new(how, key.to_vec())))
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
                let how = match alg {
                    Alg::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Alg::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Alg::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Alg::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
                    _ => return None,
                };
                Some(Self::Rsa(RsaPublicKeyComponents { n: n.clone(), e: e.clone() }, how))
            }
            _ => None,
        }
    }

    /// Checks a raw JWS signature. ECDSA signatures are fixed-length r‖s, with r and s in range (JOSE-009); a point that is not
    /// on the curve verifies nothing (JOSE-008).
    #[must_use]
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Plain(key) => key.verify(message, signature).is_ok(),
            Self::Rsa(key, how) => key.verify(how, message, signature).is_ok(),
        }
    }
}
