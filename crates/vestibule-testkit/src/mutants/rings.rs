//! Key rings with one planted mistake each: a good ring behind a mistake.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use vestibule_host::{Alg, KeyError, KeyId, KeyRing, KeySet, SigningKey, UnixMillis};

use crate::suite::Arranged;
use crate::suite::rings::RingWorld;

/// A planted mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RingMistake {
    /// A key is published when it begins to sign.
    NotAnnounced,
    /// A key is gone when its successor signs.
    RetiredAtOnce,
    /// The kid of a key changes with the revision.
    RestlessKid,
    /// Every node has kids of its own.
    KidPerNode,
    /// The private part is published along.
    PrivatePublished,
    /// The debug form shows the seal masters.
    SecretsShown,
    /// Everything is signed with the key of ID tokens.
    OneKeySigns,
    /// A key is said to sign with another algorithm.
    WrongAlg,
    /// An outage of the key store is passed over in silence.
    OutageSwallowed,
    /// An unknown key signs with the one that is there.
    AnyKeySigns,
    /// A succeeded key signs no more, whoever has chosen it just before.
    SuccessorOnly,
    /// The revision stays what it was.
    StuckRevision,
}

impl RingMistake {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::NotAnnounced,
        Self::RetiredAtOnce,
        Self::RestlessKid,
        Self::KidPerNode,
        Self::PrivatePublished,
        Self::SecretsShown,
        Self::OneKeySigns,
        Self::WrongAlg,
        Self::OutageSwallowed,
        Self::AnyKeySigns,
        Self::SuccessorOnly,
        Self::StuckRevision,
    ];
}

/// The world of another ring, its rings behind a mistake.
#[derive(Debug)]
pub struct MutantRings<W> {
    world: W,
    mistake: RingMistake,
    nodes: std::sync::atomic::AtomicU64,
}

impl<W: RingWorld> MutantRings<W> {
    /// This world, with this mistake.
    pub const fn new(world: W, mistake: RingMistake) -> Self {
        Self { world, mistake, nodes: std::sync::atomic::AtomicU64::new(0) }
    }
}

#[async_trait]
impl<W: RingWorld> RingWorld for MutantRings<W> {
    async fn open(&self, now: UnixMillis) -> Arc<dyn KeyRing> {
        let node = self.nodes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Arc::new(MutantRing { inner: self.world.open(now).await, mistake: self.mistake, node })
    }

    async fn rotate(&self, now: UnixMillis) -> Arranged {
        self.world.rotate(now).await
    }

    async fn cut(&self) -> Arranged {
        self.world.cut().await
    }

    fn cached_for(&self) -> Duration {
        self.world.cached_for()
    }

    fn longest_life(&self) -> Duration {
        self.world.longest_life()
    }
}

/// A good ring behind a mistake.
pub struct MutantRing {
    inner: Arc<dyn KeyRing>,
    mistake: RingMistake,
    node: u64,
}

impl fmt::Debug for MutantRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mistake == RingMistake::SecretsShown {
            for master in &self.inner.snapshot().seal {
                write!(f, "{:?}", master.expose_secret())?;
            }
        }
        write!(f, "MutantRing({:?}, {:?})", self.mistake, self.inner)
    }
}

impl MutantRing {
    /// What is put behind each kid, where a mistake does that.
    fn suffix(&self, keys: &KeySet) -> String {
        match self.mistake {
            RingMistake::RestlessKid => format!("-{}", keys.revision),
            RingMistake::KidPerNode => format!("-{}", self.node),
            _ => String::new(),
        }
    }

    fn edit_published(&self, keys: &KeySet) -> Bytes {
        let signs = |id: &str| {
            let all = [&keys.access_token, &keys.id_token].into_iter();
            let mut all = all.chain(&keys.more_access_token).chain(&keys.more_id_token);
            all.any(|key| key.id.as_str() == id)
        };
        let Ok(mut document) = serde_json::from_slice::<Value>(&keys.jwks) else { return keys.jwks.clone() };
        let suffix = self.suffix(keys);
        if let Some(list) = document.get_mut("keys").and_then(Value::as_array_mut) {
            if matches!(self.mistake, RingMistake::NotAnnounced | RingMistake::RetiredAtOnce) {
                list.retain(|key| key.get("kid").and_then(Value::as_str).is_some_and(signs));
            }
            for key in list.iter_mut().filter_map(Value::as_object_mut) {
                if self.mistake == RingMistake::PrivatePublished {
                    key.insert("d".to_owned(), Value::from("c2VjcmV0"));
                }
                if let Some(kid) = key.get("kid").and_then(Value::as_str) {
                    let named = format!("{kid}{suffix}");
                    key.insert("kid".to_owned(), Value::from(named));
                }
            }
        }
        Bytes::from(document.to_string())
    }
}

#[async_trait]
impl KeyRing for MutantRing {
    fn snapshot(&self) -> Arc<KeySet> {
        let mut keys = KeySet::clone(&self.inner.snapshot());
        let suffix = self.suffix(&keys);
        keys.jwks = self.edit_published(&keys);
        let rename = |key: &mut SigningKey| key.id = KeyId::new(format!("{}{suffix}", key.id.as_str()));
        rename(&mut keys.access_token);
        rename(&mut keys.id_token);
        keys.more_access_token.iter_mut().for_each(rename);
        keys.more_id_token.iter_mut().for_each(rename);
        match self.mistake {
            RingMistake::WrongAlg => keys.access_token.alg = Alg::Rs384,
            RingMistake::StuckRevision => keys.revision = 1,
            _ => {}
        }
        Arc::new(keys)
    }

    async fn sign(&self, key: &KeyId, input: &[u8]) -> Result<Vec<u8>, KeyError> {
        let keys = self.inner.snapshot();
        match self.mistake {
            RingMistake::OneKeySigns => return self.inner.sign(&keys.id_token.id, input).await,
            RingMistake::SuccessorOnly => {
                let current = [&keys.access_token.id, &keys.id_token.id].contains(&key);
                return if current { self.inner.sign(key, input).await } else { Err(KeyError::NoSuchKey) };
            }
            RingMistake::RestlessKid | RingMistake::KidPerNode => {
                let plain = key.as_str().rsplit_once('-').map_or(key.as_str(), |(plain, _)| plain);
                return self.inner.sign(&KeyId::new(plain), input).await;
            }
            _ => {}
        }
        match self.inner.sign(key, input).await {
            Err(KeyError::NoSuchKey) if self.mistake == RingMistake::AnyKeySigns => {
                self.inner.sign(&keys.access_token.id, input).await
            }
            signed => signed,
        }
    }

    async fn tend(&self, now: UnixMillis) -> Result<Option<Duration>, KeyError> {
        match self.inner.tend(now).await {
            Err(_) if self.mistake == RingMistake::OutageSwallowed => Ok(None),
            tended => tended,
        }
    }
}
