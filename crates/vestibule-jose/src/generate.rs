//! Keys for a first start without an operator.
//!
//! ring cannot generate RSA keys, so that one comes from graviola (no C compiler needed); everything else, signing included, stays with
//! ring. RSA generation takes some hundred milliseconds, now and then more than a second: it happens once in a deployment's life.

use graviola::signing::rsa::{KeySize, SigningKey as RsaSigningKey};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use vestibule_host::{Alg, Entropy, KeyError, KeyId};
use zeroize::Zeroizing;

use crate::base64url;
use crate::document::{Role, SecretBytes, State, StoredKeys, StoredSealKey, StoredSigningKey};

/// One ES256 key for access tokens, one RS256 key for ID tokens (SMART-IDT-003), two seal masters.
pub(crate) fn generate(entropy: &dyn Entropy) -> Result<StoredKeys, KeyError> {
    let signing = |role, alg, pkcs8| StoredSigningKey { role, state: State::Active, alg, pkcs8 };
    Ok(StoredKeys {
        signing: vec![
            signing(Role::AccessToken, Alg::Es256, p256()?),
            signing(Role::IdToken, Alg::Rs256, rsa_2048()?),
        ],
        seal: vec![seal_master(entropy)?, seal_master(entropy)?],
    })
}

fn p256() -> Result<SecretBytes, KeyError> {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| KeyError::Service("generating a P-256 key failed".into()))?;
    Ok(SecretBytes::new(document.as_ref().to_vec()))
}

fn rsa_2048() -> Result<SecretBytes, KeyError> {
    // It would panic on a processor without the instructions that it is written for.
    if !graviola::util::is_cpu_supported() {
        return Err(KeyError::Unusable(
            "RSA keys cannot be generated on this processor; provision keys instead",
        ));
    }
    let failed = |_| KeyError::Service("generating an RSA key failed".into());
    let key = RsaSigningKey::generate(KeySize::Rsa2048).map_err(failed)?;
    let mut buffer = Zeroizing::new([0; 4096]);
    let pkcs8 = key.to_pkcs8_der(buffer.as_mut_slice()).map_err(failed)?;
    Ok(SecretBytes::new(pkcs8.to_vec()))
}

fn seal_master(entropy: &dyn Entropy) -> Result<StoredSealKey, KeyError> {
    let failed = |error| KeyError::Service(Box::new(error));
    let mut id = [0; 8];
    entropy.fill(&mut id).map_err(failed)?;
    let mut secret = vec![0; 32];
    entropy.fill(&mut secret).map_err(failed)?;
    Ok(StoredSealKey { id: KeyId::new(base64url::encode(&id)), secret: SecretBytes::new(secret) })
}
