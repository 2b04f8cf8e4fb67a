//! Private keys, parsed once and kept.

use std::fmt;

use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use vestibule_host::{Alg, KeyError};

use crate::public_key::PublicKey;

pub(crate) struct PrivateKey {
    alg: Alg,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl PrivateKey {
    pub(crate) fn from_pkcs8(alg: Alg, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let ecdsa = |how| EcdsaKeyPair::from_pkcs8(how, pkcs8, &SystemRandom::new()).map(Pair::Ecdsa);
        let pair = match alg {
            Alg::Es256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Alg::Es384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Alg::EdDsa => Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map(Pair::Ed25519),
            Alg::Rs256 | Alg::Rs384 => RsaKeyPair::from_pkcs8(pkcs8).map(Pair::Rsa),
            Alg::Ps256 | Alg::Ps384 => {
                return Err(KeyError::Unusable("a private key is for an algorithm that only clients use"));
            }
        };
        // The library's reason speaks of encodings; it is of no use to an operator.
        let pair =
            pair.map_err(|_| KeyError::Unusable("a private key does not parse as PKCS#8 of its algorithm"))?;
        Ok(Self { alg, pair })
    }

    pub(crate) fn public(&self) -> Result<PublicKey, KeyError> {
        let public = match (&self.pair, self.alg) {
            (Pair::Ecdsa(pair), Alg::Es384) => PublicKey::from_p384_point(pair.public_key().as_ref()),
            (Pair::Ecdsa(pair), _) => PublicKey::from_p256_point(pair.public_key().as_ref()),
            (Pair::Ed25519(pair), _) => PublicKey::from_ed25519(pair.public_key().as_ref()),
            (Pair::Rsa(pair), _) => {
                let parts = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                PublicKey::from_rsa(&parts.n, &parts.e)
            }
        };
        public.ok_or(KeyError::Unusable("a private key is out of the bounds for its algorithm"))
    }

    pub(crate) fn sign(&self, input: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let failed = |_| KeyError::Service("signing failed".into());
        match &self.pair {
            Pair::Ecdsa(pair) => Ok(pair.sign(&random, input).map_err(failed)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(input).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let padding: &dyn signature::RsaEncoding = match self.alg {
                    Alg::Rs384 => &signature::RSA_PKCS1_SHA384,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, input, &mut out).map_err(failed)?;
                Ok(out)
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.alg.name())
    }
}
