//! Keys in this process's memory, loaded from a [`KeyStore`] and rotated through it.
//!
//! Any number of nodes share one document. Whoever changes it does so by compare-and-swap; the others take the change in at
//! their next [`tend`](KeyRing::tend), which must come at least once a minute. Every wait in a key's life allows for that.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use vestibule_host::compute::{Compute, computed};
use vestibule_host::{
    Alg, Entropy, KeyDocument, KeyError, KeyId, KeyRing, KeySaved, KeySet, KeyStore, StoreFault, Tenant,
    UnixMillis,
};

use crate::document::{SecretBytes, StoredKeys};
use crate::held_keys::HeldKeys;
use crate::key_plan::{KeyPlan, KeyRole, KeyStatus};
use crate::lifecycle::Upkeep;

/// A lost race shows that somebody else got on; this many in a row show that something is wrong.
const MAX_TRIES: u8 = 10;

/// A [`KeyRing`] over keys in memory. Parsed once; a signature is the only work per call.
///
/// A key's id is the RFC 7638 thumbprint of its public part: equal on every node, never used twice (KEY-006).
///
/// A new key is [announced](Self::announce) first, signs when every cache of the key set has seen it, and stays published
/// after its successor has taken over until the last token that it signed is over. [`tend`](KeyRing::tend) takes the steps
/// when they are due. Only the very first keys, and the successor of a [revoked](Self::revoke_key) one, sign at once.
///
/// Signing happens inline: about 20 µs for ES256 and 700 µs for RS256. [With a `Compute`](Self::with_compute) the heavy work is
/// done there.
#[derive(Debug)]
pub struct LocalKeyRing {
    store: Arc<dyn KeyStore>,
    tenant: Tenant,
    plan: Arc<KeyPlan>,
    entropy: Arc<dyn Entropy>,
    /// `None`: inline.
    compute: Option<Arc<dyn Compute>>,
    /// Locked for the length of a pointer's copy, never across an await.
    held: RwLock<Arc<HeldKeys>>,
}

impl LocalKeyRing {
    /// Loads the tenant's keys, and does what is due.
    ///
    /// With the feature `generate`, a store without keys gets new ones, as planned, and seal masters. Of several nodes that
    /// start at once one saves, and the others take what it saved. Generation blocks the calling thread for some hundred
    /// milliseconds per RSA key: at the first start, and when one is announced without a [`Compute`].
    ///
    /// # Errors
    /// [`KeyError::Unusable`] if nothing is stored and `generate` is off, or if what is stored cannot be read (say, because a
    /// newer version wrote it); [`KeyError::Store`] if the store failed.
    pub async fn open(
        store: Arc<dyn KeyStore>,
        tenant: &Tenant,
        plan: KeyPlan,
        entropy: Arc<dyn Entropy>,
        now: UnixMillis,
    ) -> Result<Self, KeyError> {
        plan.check()?;
        if store.load(tenant).await?.is_none() {
            if cfg!(not(feature = "generate")) {
                return Err(KeyError::Unusable(
                    "no keys are stored, and the feature `generate` is off; provision keys first",
                ));
            }
            let first = Upkeep { plan: &plan, entropy: &*entropy, now }.first()?;
            // Stale: another node was first, and its keys are the keys.
            let (KeySaved::Saved(_) | KeySaved::Stale) =
                store.save(tenant, None, &first.to_document()?).await?;
        }
        let (revision, document) = store
            .load(tenant)
            .await?
            .ok_or(KeyError::Unusable("the key store refuses new keys, yet has none"))?;
        let stored = StoredKeys::from_document(&document)?;
        // Due at once: what the plan asks for may be new.
        let held = HeldKeys::new(revision, &stored, &plan, Some(now), None)?;
        let (tenant, plan) = (tenant.clone(), Arc::new(plan));
        let ring = Self { store, tenant, plan, entropy, compute: None, held: RwLock::new(Arc::new(held)) };
        // A longer token life must be on record before anything lives that long.
        ring.tend(now).await?;
        Ok(ring)
    }

    /// New keys that end with the process, as by default. Every token and every sealed cookie dies with them: for tests and
    /// trials.
    ///
    /// # Errors
    /// [`KeyError`] if the random source fails or the processor cannot generate RSA keys.
    #[cfg(feature = "generate")]
    pub fn ephemeral(entropy: &(impl Entropy + Clone + 'static)) -> Result<Self, KeyError> {
        Self::ephemeral_with(KeyPlan::default(), Arc::new(entropy.clone()), UnixMillis(0))
    }

    /// New keys that end with the process, as planned.
    ///
    /// # Errors
    /// [`KeyError`] if the random source fails, or the plan or the processor is none for generating keys.
    pub fn ephemeral_with(
        plan: KeyPlan,
        entropy: Arc<dyn Entropy>,
        now: UnixMillis,
    ) -> Result<Self, KeyError> {
        plan.check()?;
        let upkeep = Upkeep { plan: &plan, entropy: &*entropy, now };
        let stored = upkeep.first()?;
        let held = HeldKeys::new(1, &stored, &plan, upkeep.next_due(&stored), None)?;
        let store = Arc::new(OnlyHere(Mutex::new((1, stored.to_document()?))));
        let tenant = Tenant::new(String::new());
        let plan = Arc::new(plan);
        Ok(Self { store, tenant, plan, entropy, compute: None, held: RwLock::new(Arc::new(held)) })
    }

    /// Does the heavy work there, from now on: new keys are made, and RSA and P-384 signatures, off the threads that answer
    /// requests (design §11).
    #[must_use]
    pub fn with_compute(mut self, compute: Arc<dyn Compute>) -> Self {
        self.compute = Some(compute);
        self
    }

    /// The signing keys and where each stands, for an operator to see.
    pub fn keys(&self) -> Vec<KeyStatus> {
        self.held().statuses()
    }

    /// Publishes a new key, which signs when it has been published long enough. If one is announced already, it is the one.
    ///
    /// # Errors
    /// [`KeyError`]; nothing was changed, unless the store cannot say so.
    pub async fn announce(&self, role: KeyRole, alg: Alg, now: UnixMillis) -> Result<KeyId, KeyError> {
        self.change(now, move |upkeep, keys| upkeep.announce(keys, role, alg)).await
    }

    /// As [`announce`](Self::announce), with a private key made elsewhere: PKCS#8, unencrypted, DER.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] for a key that does not fit, or that was here before (KEY-006).
    pub async fn announce_key(
        &self,
        role: KeyRole,
        alg: Alg,
        pkcs8: &[u8],
        now: UnixMillis,
    ) -> Result<KeyId, KeyError> {
        let pkcs8 = SecretBytes::new(pkcs8.to_vec());
        let edit = move |upkeep: &Upkeep<'_>, keys: &mut StoredKeys| {
            upkeep.announce_provisioned(keys, role, alg, pkcs8.expose_secret())
        };
        self.change(now, edit).await
    }

    /// Adds a seal master, which seals when every node has it. Two old ones stay and open.
    ///
    /// # Errors
    /// [`KeyError`]; nothing was changed, unless the store cannot say so.
    pub async fn announce_seal_master(&self, now: UnixMillis) -> Result<KeyId, KeyError> {
        self.change(now, |upkeep, keys| upkeep.announce_seal(keys)).await
    }

    /// Withdraws a signing key or a seal master: the emergency (KEY-003). It is unpublished at once, and so every token that it
    /// signed is refused; if it was in use, a successor takes over at once, announced or not. Other nodes follow when they
    /// tend their keys. Doing it again does nothing.
    ///
    /// # Errors
    /// [`KeyError::NoSuchKey`] for an id that never was; [`KeyError::Unusable`] if no successor can be made.
    pub async fn revoke_key(&self, id: &KeyId, now: UnixMillis) -> Result<(), KeyError> {
        let id = id.clone();
        self.change(now, move |upkeep, keys| Ok((upkeep.revoke(keys, &id)?, ()))).await
    }

    /// Loads, edits, saves, and begins again if another node came in between. An edit may make a key, so it is heavy work.
    async fn change<T: Send + 'static>(
        &self,
        now: UnixMillis,
        edit: impl Fn(&Upkeep<'_>, &mut StoredKeys) -> Result<(bool, T), KeyError> + Send + Sync + 'static,
    ) -> Result<T, KeyError> {
        let upkeep = Upkeep { plan: &self.plan, entropy: &*self.entropy, now };
        let edit = Arc::new(edit);
        for _ in 0..MAX_TRIES {
            let (revision, document) = self.load().await?;
            let (plan, entropy, edit) =
                (Arc::clone(&self.plan), Arc::clone(&self.entropy), Arc::clone(&edit));
            let work = move || {
                let mut keys = StoredKeys::from_document(&document)?;
                let (changed, done) = edit(&Upkeep { plan: &plan, entropy: &*entropy, now }, &mut keys)?;
                Ok::<_, KeyError>((keys, changed, done))
            };
            let (keys, changed, done) = match &self.compute {
                Some(compute) => computed(&**compute, work).await??,
                None => work()?,
            };
            if !changed {
                self.adopt(revision, &keys, &upkeep)?;
                return Ok(done);
            }
            // What cannot be held must not be stored either.
            HeldKeys::new(revision, &keys, &self.plan, None, None)?;
            match self.store.save(&self.tenant, Some(revision), &keys.to_document()?).await? {
                KeySaved::Saved(revision) => {
                    self.adopt(revision, &keys, &upkeep)?;
                    return Ok(done);
                }
                KeySaved::Stale => {}
            }
        }
        Err(StoreFault::Busy { retry_after: Duration::from_secs(1) }.into())
    }

    async fn load(&self) -> Result<(u64, KeyDocument), KeyError> {
        let held = self.held().snapshot.revision;
        match self.store.load(&self.tenant).await? {
            Some((revision, document)) if revision >= held => Ok((revision, document)),
            Some(_) => Err(KeyError::Unusable("the stored keys are older than those in use")),
            None => Err(KeyError::Unusable("the stored keys have vanished")),
        }
    }

    /// Uses these keys from now on, unless newer ones are in use.
    fn adopt(&self, revision: u64, stored: &StoredKeys, upkeep: &Upkeep<'_>) -> Result<(), KeyError> {
        let before = self.held();
        if before.snapshot.revision > revision {
            return Ok(());
        }
        let due = upkeep.next_due(stored);
        if before.snapshot.revision == revision && before.due == due {
            return Ok(());
        }
        let fresh = Arc::new(HeldKeys::new(revision, stored, &self.plan, due, Some(&before))?);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.snapshot.revision <= revision {
            *held = fresh;
        }
        Ok(())
    }

    /// Poison is ignored: the value is replaced in one step.
    fn held(&self) -> Arc<HeldKeys> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl KeyRing for LocalKeyRing {
    fn snapshot(&self) -> Arc<KeySet> {
        Arc::clone(&self.held().snapshot)
    }

    async fn sign(&self, key: &KeyId, input: &[u8]) -> Result<Vec<u8>, KeyError> {
        let held = self.held();
        match &self.compute {
            Some(compute) if held.is_heavy(key) => {
                let (key, input) = (key.clone(), input.to_vec());
                computed(&**compute, move || held.sign(&key, &input)).await?
            }
            _ => held.sign(key, input),
        }
    }

    async fn tend(&self, now: UnixMillis) -> Result<Option<Duration>, KeyError> {
        let revision = self.store.revision(&self.tenant).await?;
        let held = self.held();
        let is_due = held.due.is_some_and(|due| due.is_over(now));
        if revision == Some(held.snapshot.revision) && !is_due {
            return Ok(Some(held.wait(now)));
        }
        let step = |upkeep: &Upkeep<'_>, keys: &mut StoredKeys| {
            Ok((upkeep.advance(keys)?, upkeep.wants_successors(keys)))
        };
        if self.change(now, step).await? {
            self.change(now, |upkeep, keys| Ok((upkeep.succeed(keys)?, ()))).await?;
        }
        Ok(Some(self.held().wait(now)))
    }
}

/// The document of a ring that shares it with nobody.
#[derive(Debug)]
struct OnlyHere(Mutex<(u64, KeyDocument)>);

#[async_trait]
impl KeyStore for OnlyHere {
    async fn load(&self, _: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        Ok(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }

    async fn revision(&self, _: &Tenant) -> Result<Option<u64>, StoreFault> {
        Ok(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner).0))
    }

    async fn save(
        &self,
        _: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if expected != Some(held.0) {
            return Ok(KeySaved::Stale);
        }
        *held = (held.0.saturating_add(1), document.clone());
        Ok(KeySaved::Saved(held.0))
    }
}
