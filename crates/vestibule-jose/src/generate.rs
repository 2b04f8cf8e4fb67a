//! New keys.
//!
//! ring cannot generate RSA keys, so those come from graviola (no C compiler needed) with the feature `generate`; everything
//! else, signing included, stays with ring. RSA generation takes some hundred milliseconds, now and then more than a second: it
//! happens at the first start and at a rotation.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use vestibule_host::{Alg, Entropy, KeyError, KeyId};

use crate::base64url;
use crate::document::{SealPhase, SecretBytes, StoredSealKey};

/// A private key for this algorithm, as PKCS#8.
pub(crate) fn private_key(alg: Alg) -> Result<SecretBytes, KeyError> {
    let random = SystemRandom::new();
    let document = match alg {
        Alg::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random),
        Alg::Es384 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random),
        Alg::EdDsa => Ed25519KeyPair::generate_pkcs8(&random),
        Alg::Rs256 | Alg::Rs384 => return rsa_2048(),
        Alg::Ps256 | Alg::Ps384 => {
            return Err(KeyError::Unusable("the key plan names an algorithm that only clients use"));
        }
    };
    let document = document.map_err(|_| KeyError::Service("generating a key failed".into()))?;
    Ok(SecretBytes::new(document.as_ref().to_vec()))
}

#[cfg(feature = "generate")]
fn rsa_2048() -> Result<SecretBytes, KeyError> {
    use graviola::signing::rsa::{KeySize, SigningKey};

    // It would panic on a processor without the instructions that it is written for.
    if !graviola::util::is_cpu_supported() {
        return Err(KeyError::Unusable(
            "RSA keys cannot be generated on this processor; provision keys instead",
        ));
    }
    let failed = |_| KeyError::Service("generating an RSA key failed".into());
    let key = SigningKey::generate(KeySize::Rsa2048).map_err(failed)?;
    let mut buffer = zeroize::Zeroizing::new([0; 4096]);
    let pkcs8 = key.to_pkcs8_der(buffer.as_mut_slice()).map_err(failed)?;
    Ok(SecretBytes::new(pkcs8.to_vec()))
}

#[cfg(not(feature = "generate"))]
fn rsa_2048() -> Result<SecretBytes, KeyError> {
    Err(KeyError::Unusable("the feature `generate` is off, so RSA keys must be provisioned"))
}

pub(crate) fn seal_master(entropy: &dyn Entropy, phase: SealPhase) -> Result<StoredSealKey, KeyError> {
    let failed = |error| KeyError::Service(Box::new(error));
    let mut id = [0; 8];
    entropy.fill(&mut id).map_err(failed)?;
    let mut secret = SecretBytes::new(vec![0; 32]);
    entropy.fill(secret.expose_secret_mut()).map_err(failed)?;
    Ok(StoredSealKey { id: KeyId::new(base64url::encode(&id)), phase, secret })
}
