//! Private keys, parsed once and kept.

use std::fmt;

use vestibule_host::{Alg, KeyError};

use crate::backend::SigningPair;
use crate::public_key::PublicKey;

pub(crate) struct PrivateKey {
    alg: Alg,
    pair: SigningPair,
}

impl PrivateKey {
    pub(crate) fn from_pkcs8(alg: Alg, pkcs8: &[u8]) -> Result<Self, KeyError> {
        if !alg.can_sign() {
            return Err(KeyError::Unusable("a private key is for an algorithm that only clients use"));
        }
        // The library's reason speaks of encodings; it is of no use to an operator.
        let pair = SigningPair::from_pkcs8(alg, pkcs8)
            .ok_or(KeyError::Unusable("a private key does not parse as PKCS#8 of its algorithm"))?;
        Ok(Self { alg, pair })
    }

    pub(crate) fn public(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_material(self.pair.public())
            .ok_or(KeyError::Unusable("a private key is out of the bounds for its algorithm"))
    }

    pub(crate) fn sign(&self, input: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.pair.sign(input).ok_or_else(|| KeyError::Service("signing failed".into()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.alg.name())
    }
}
