//! Keys in this process's memory, loaded from a [`KeyStore`].

use std::sync::Arc;

use async_trait::async_trait;
#[cfg(feature = "generate")]
use vestibule_host::KeySaved;
use vestibule_host::{Entropy, KeyError, KeyId, KeyRing, KeySet, KeyStore, SealKey, SigningKey, Tenant};

use crate::document::{Role, State, StoredKeys, StoredSealKey, StoredSigningKey};
use crate::private_key::PrivateKey;
use crate::public_key::{self, PublicKey};

/// A [`KeyRing`] over keys in memory. Parsed once; a signature is the only work per call.
///
/// A key's id is the RFC 7638 thumbprint of its public part: equal on every node, never used twice (KEY-006).
///
/// Signing happens inline: about 20 µs for ES256 and 700 µs for RS256.
#[derive(Debug)]
pub struct LocalKeyRing {
    keys: Vec<HeldKey>,
    snapshot: Arc<KeySet>,
}

#[derive(Debug)]
struct HeldKey {
    id: KeyId,
    role: Role,
    state: State,
    private: PrivateKey,
    public: PublicKey,
}

impl LocalKeyRing {
    /// Loads the tenant's keys.
    ///
    /// With the feature `generate`, a store without keys gets new ones: an ES256 key for access tokens, an RSA-2048 key for
    /// ID tokens, and seal masters. Of several nodes that start at once one saves, and the others take what it saved.
    /// Generation blocks the calling thread for some hundred milliseconds, once in a deployment's life.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] if nothing is stored and `generate` is off, or if what is stored cannot be read (say, because a
    /// newer version wrote it); [`KeyError::Store`] if the store failed.
    pub async fn open(
        store: &dyn KeyStore,
        tenant: &Tenant,
        entropy: &dyn Entropy,
    ) -> Result<Self, KeyError> {
        if let Some((revision, document)) = store.load(tenant).await? {
            return Self::from_stored(revision, &StoredKeys::from_document(&document)?);
        }
        Self::open_empty(store, tenant, entropy).await
    }

    #[cfg(feature = "generate")]
    async fn open_empty(
        store: &dyn KeyStore,
        tenant: &Tenant,
        entropy: &dyn Entropy,
    ) -> Result<Self, KeyError> {
        let keys = crate::generate::generate(entropy)?;
        match store.save(tenant, None, &keys.to_document()?).await? {
            KeySaved::Saved(revision) => Self::from_stored(revision, &keys),
            // Another node was first: its keys are the keys.
            KeySaved::Stale => match store.load(tenant).await? {
                Some((revision, document)) => {
                    Self::from_stored(revision, &StoredKeys::from_document(&document)?)
                }
                None => Err(KeyError::Unusable("the key store refuses new keys, yet has none")),
            },
        }
    }

    #[cfg(not(feature = "generate"))]
    async fn open_empty(_: &dyn KeyStore, _: &Tenant, _: &dyn Entropy) -> Result<Self, KeyError> {
        Err(KeyError::Unusable("no keys are stored, and the feature `generate` is off; provision keys first"))
    }

    /// New keys that end with the process. Every token and every sealed cookie dies with them: for tests and trials.
    ///
    /// # Errors
    /// [`KeyError`] if the random source fails or the processor cannot generate RSA keys.
    #[cfg(feature = "generate")]
    pub fn ephemeral(entropy: &dyn Entropy) -> Result<Self, KeyError> {
        Self::from_stored(1, &crate::generate::generate(entropy)?)
    }

    fn from_stored(revision: u64, stored: &StoredKeys) -> Result<Self, KeyError> {
        let keys = stored.signing.iter().map(HeldKey::from_stored).collect::<Result<Vec<_>, _>>()?;
        let seal = stored.seal.iter().map(seal_key).collect::<Result<Vec<_>, _>>()?;
        if seal.is_empty() {
            return Err(KeyError::Unusable("there is no key to seal with"));
        }
        let snapshot = KeySet {
            revision,
            access_token: active(&keys, Role::AccessToken)?,
            id_token: active(&keys, Role::IdToken)?,
            more_access_token: Vec::new(),
            more_id_token: Vec::new(),
            jwks: public_key::jwks(keys.iter().map(|key| (&key.id, key.private.alg(), &key.public))),
            seal,
        };
        Ok(Self { keys, snapshot: Arc::new(snapshot) })
    }
}

impl HeldKey {
    fn from_stored(stored: &StoredSigningKey) -> Result<Self, KeyError> {
        let private = PrivateKey::from_pkcs8(stored.alg, stored.pkcs8.expose_secret())?;
        let public = private.public()?;
        Ok(Self { id: public.thumbprint(), role: stored.role, state: stored.state, private, public })
    }
}

fn seal_key(stored: &StoredSealKey) -> Result<SealKey, KeyError> {
    let bytes = <[u8; 32]>::try_from(stored.secret.expose_secret())
        .map_err(|_| KeyError::Unusable("a seal key has not 32 bytes"))?;
    Ok(SealKey::new(stored.id.clone(), bytes))
}

fn active(keys: &[HeldKey], role: Role) -> Result<SigningKey, KeyError> {
    let mut found = keys.iter().filter(|key| key.role == role && key.state == State::Active);
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(SigningKey { id: key.id.clone(), alg: key.private.alg() }),
        _ => Err(KeyError::Unusable("each kind of token needs exactly one active key")),
    }
}

#[async_trait]
impl KeyRing for LocalKeyRing {
    fn snapshot(&self) -> Arc<KeySet> {
        Arc::clone(&self.snapshot)
    }

    async fn sign(&self, key: &KeyId, input: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut held = self.keys.iter().filter(|held| held.state == State::Active);
        held.find(|held| held.id == *key).ok_or(KeyError::NoSuchKey)?.private.sign(input)
    }
}
