//! Signing and sealing keys.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{BoxError, StoreFault, Tenant, UnixMillis};

/// A key's `kid`. Unique over all states of all keys, forever (KEY-006).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A JWS algorithm. `none` and HMAC have no value here (JOSE-004).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Alg {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// RSA PKCS#1 v1.5 with SHA-256. ID tokens must be able to use it (SMART-IDT-003).
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSA-PSS with SHA-256. Clients may use it; the engine never signs with it.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSA-PSS with SHA-384. Clients may use it; the engine never signs with it.
    #[serde(rename = "PS384")]
    Ps384,
}

impl Alg {
    /// Every algorithm, those that SMART names first.
    pub const ALL: [Self; 7] =
        [Self::Rs384, Self::Es384, Self::Rs256, Self::Es256, Self::EdDsa, Self::Ps256, Self::Ps384];

    /// The algorithm of this name. Names are compared with their case (JOSE-004).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// Whether the engine signs with it. The others are for verifying what clients sign.
    #[must_use]
    pub const fn can_sign(self) -> bool {
        !matches!(self, Self::Ps256 | Self::Ps384)
    }

    /// The name as JOSE writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
        }
    }
}

/// Which key to sign with, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigningKey {
    /// The key's id.
    pub id: KeyId,
    /// The only algorithm this key is used with.
    pub alg: Alg,
}

/// A 256-bit master from which sealing and step-token keys are derived. Never used directly.
#[derive(Clone)]
pub struct SealKey {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl SealKey {
    /// Takes a master key.
    pub fn new(id: KeyId, bytes: [u8; 32]) -> Self {
        Self { id, bytes: Zeroizing::new(bytes) }
    }

    /// The id that a seal carries in front.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// The bytes.
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({:?})", self.id.as_str())
    }
}

/// One consistent view of all keys. Choosing and signing use the same one, so that no rotation comes in between.
#[derive(Clone, Debug)]
pub struct KeySet {
    /// Grows with each change.
    pub revision: u64,
    /// Signs access tokens, unless another algorithm is asked for.
    pub access_token: SigningKey,
    /// Signs ID tokens, unless another algorithm is asked for.
    pub id_token: SigningKey,
    /// Keys of other algorithms that access tokens may be signed with: one an algorithm.
    pub more_access_token: Vec<SigningKey>,
    /// Keys of other algorithms that ID tokens may be signed with: one an algorithm.
    pub more_id_token: Vec<SigningKey>,
    /// The public key set, ready to be served.
    pub jwks: Bytes,
    /// Seal masters, the newest first; the first seals, all open.
    pub seal: Vec<SealKey>,
    /// The seal master that will seal next. It opens already, since another node may seal with it before this one does.
    pub next_seal: Option<SealKey>,
}

impl KeySet {
    /// The key that signs access tokens with this algorithm. `None` if there is none, or none that was announced long enough.
    pub fn access_token_key(&self, alg: Alg) -> Option<&SigningKey> {
        find(&self.access_token, &self.more_access_token, alg)
    }

    /// The key that signs ID tokens with this algorithm. `None` if there is none, or none that was announced long enough.
    pub fn id_token_key(&self, alg: Alg) -> Option<&SigningKey> {
        find(&self.id_token, &self.more_id_token, alg)
    }

    /// What ID tokens can be signed with now, the default first.
    pub fn id_token_algs(&self) -> impl Iterator<Item = Alg> {
        std::iter::once(&self.id_token).chain(&self.more_id_token).map(|key| key.alg)
    }
}

fn find<'k>(first: &'k SigningKey, more: &'k [SigningKey], alg: Alg) -> Option<&'k SigningKey> {
    std::iter::once(first).chain(more).find(|key| key.alg == alg)
}

/// A signature could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No such key, or it may not sign.
    #[error("the key is not available for signing")]
    NoSuchKey,
    /// The key service failed. Nothing was spent (KEY-007).
    #[error("the key service failed")]
    Service(#[source] BoxError),
    /// Stored keys cannot be read; the text says why.
    #[error("stored keys cannot be used: {0}")]
    Unusable(&'static str),
    /// The store that keeps the keys failed.
    #[error("the key store failed")]
    Store(#[from] StoreFault),
}

/// The engine's keys.
///
/// # Contract
/// [`snapshot`](Self::snapshot) is cheap and never blocks. A key named in a snapshot can sign for as long as that snapshot
/// may be in use. Public parts of a key are in `jwks` for longer than that document may be cached before the key signs (KEY-001),
/// and until the longest token that it signed has ended (KEY-002). All nodes of an issuer have the same keys under the same ids,
/// a minute apart at most; a key that was succeeded still signs for whoever holds an older snapshot. What cannot be reached changes
/// no key.
///
/// Check an implementation with `vestibule_testkit::ring_suite!`.
///
/// # Security
/// Private keys never leave the implementation (KEY-004).
#[async_trait]
pub trait KeyRing: Debug + Send + Sync {
    /// The present key set.
    fn snapshot(&self) -> Arc<KeySet>;

    /// Signs `input` with the named key and returns the raw JWS signature bytes (`r‖s` for ECDSA).
    ///
    /// May be a network call to an HSM. May be dropped at any await; signing has no effect to undo.
    ///
    /// # Errors
    /// [`KeyError`]; the engine then answers 503 and spends nothing.
    async fn sign(&self, key: &KeyId, input: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Does what is due: takes in what another node changed, lets an announced key sign, drops a retired one. Says when it wants
    /// to be called again at the latest; the engine's tick does it.
    ///
    /// A ring whose keys are looked after elsewhere has nothing to do.
    ///
    /// # Errors
    /// [`KeyError`]; the present keys stay in use.
    async fn tend(&self, now: UnixMillis) -> Result<Option<Duration>, KeyError> {
        let _ = now;
        Ok(None)
    }
}

/// A persisted key set: a version byte and an encoding owned by the ring that wrote it. Secret.
#[derive(Clone)]
pub struct KeyDocument(Zeroizing<Vec<u8>>);

impl KeyDocument {
    /// Wraps a document.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes to persist, private keys included.
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }
}

impl Debug for KeyDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDocument({} bytes)", self.0.len())
    }
}

/// What became of a key document.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeySaved {
    /// Stored under this revision.
    Saved(u64),
    /// Somebody else was first; load again.
    Stale,
}

/// Where a ring that keeps its own keys persists them. Each SQL store implements it.
///
/// # Security
/// The document holds private keys. Protect the store as you would protect a key file.
#[async_trait]
pub trait KeyStore: Debug + Send + Sync {
    /// The stored document and its revision, if there is one.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn load(&self, tenant: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault>;

    /// The revision of the stored document, if there is one. Asked often, to see whether another node changed something; a store
    /// that can answer without moving private keys should.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn revision(&self, tenant: &Tenant) -> Result<Option<u64>, StoreFault> {
        Ok(self.load(tenant).await?.map(|(revision, _)| revision))
    }

    /// Saves a document if the stored revision is still `expected` (`None`: nothing must be stored yet).
    ///
    /// # Atomicity
    /// Compare-and-swap: of two nodes that start at once, one saves and the other gets [`KeySaved::Stale`].
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn save(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault>;
}
