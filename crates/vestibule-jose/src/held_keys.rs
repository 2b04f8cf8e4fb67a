//! Keys as a ring holds them: parsed, checked, and with the snapshot that names them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use vestibule_host::{Alg, KeyError, KeyId, KeySet, SealKey, SigningKey, UnixMillis};

use crate::document::{SealPhase, StoredKeys, StoredSealKey};
use crate::key_plan::{KeyPhase, KeyPlan, KeyRole, KeyStatus};
use crate::private_key::PrivateKey;
use crate::public_key::{self, PublicKey};

/// How often to look whether another node changed something.
const RELOAD: Duration = Duration::from_secs(30);

/// One revision of the keys. Replaced as a whole.
#[derive(Debug)]
pub(crate) struct HeldKeys {
    pub(crate) snapshot: Arc<KeySet>,
    /// When something changes next.
    pub(crate) due: Option<UnixMillis>,
    keys: Vec<HeldKey>,
}

#[derive(Debug)]
struct HeldKey {
    status: KeyStatus,
    /// It retired just now: a request that took the snapshot before may still sign with it.
    lingers: bool,
    private: PrivateKey,
    public: PublicKey,
}

impl HeldKeys {
    /// Parses and checks what is stored.
    pub(crate) fn new(
        revision: u64,
        stored: &StoredKeys,
        plan: &KeyPlan,
        due: Option<UnixMillis>,
        before: Option<&Self>,
    ) -> Result<Self, KeyError> {
        let mut keys = Vec::with_capacity(stored.signing.len());
        for key in &stored.signing {
            let private = key.private()?;
            let public = private.public()?;
            let id = public.thumbprint();
            let was_active = || before.is_some_and(|before| before.is_active(&id));
            let lingers = matches!(key.phase, KeyPhase::Retired { .. }) && was_active();
            let status = KeyStatus { id, role: key.role, alg: key.alg, phase: key.phase };
            keys.push(HeldKey { status, lingers, private, public });
        }
        // KEY-006: an id names one key, and none that is gone.
        let mut ids: HashSet<&KeyId> = stored.gone.iter().collect();
        if !keys.iter().all(|key| ids.insert(&key.status.id)) {
            return Err(KeyError::Unusable("a key is stored twice, or was withdrawn before"));
        }
        let (seal, next_seal) = seal_keys(&stored.seal)?;
        let (access_token, more_access_token) = active(&keys, KeyRole::AccessToken, plan)?;
        let (id_token, more_id_token) = active(&keys, KeyRole::IdToken, plan)?;
        let jwks = public_key::jwks(keys.iter().map(|key| (&key.status.id, key.status.alg, &key.public)));
        let snapshot = KeySet {
            revision,
            access_token,
            id_token,
            more_access_token,
            more_id_token,
            jwks,
            seal,
            next_seal,
        };
        Ok(Self { snapshot: Arc::new(snapshot), due, keys })
    }

    pub(crate) fn sign(&self, id: &KeyId, input: &[u8]) -> Result<Vec<u8>, KeyError> {
        let may_sign = |key: &&HeldKey| key.lingers || matches!(key.status.phase, KeyPhase::Active { .. });
        let key = self.keys.iter().filter(may_sign).find(|key| key.status.id == *id);
        key.ok_or(KeyError::NoSuchKey)?.private.sign(input)
    }

    /// Whether a signature of this key takes about a millisecond, or more.
    pub(crate) fn is_heavy(&self, id: &KeyId) -> bool {
        let key = self.keys.iter().find(|key| key.status.id == *id);
        key.is_some_and(|key| !matches!(key.status.alg, Alg::Es256 | Alg::EdDsa))
    }

    pub(crate) fn statuses(&self) -> Vec<KeyStatus> {
        self.keys.iter().map(|key| key.status.clone()).collect()
    }

    /// For how long nothing needs to be done: at most until another node may have changed something.
    pub(crate) fn wait(&self, now: UnixMillis) -> Duration {
        let millis = |due: UnixMillis| u64::try_from(due.0.saturating_sub(now.0)).unwrap_or_default();
        self.due.map_or(RELOAD, |due| Duration::from_millis(millis(due)).min(RELOAD))
    }

    fn is_active(&self, id: &KeyId) -> bool {
        self.keys
            .iter()
            .any(|key| key.status.id == *id && matches!(key.status.phase, KeyPhase::Active { .. }))
    }
}

/// The key that signs by default, and those of other algorithms.
fn active(
    keys: &[HeldKey],
    role: KeyRole,
    plan: &KeyPlan,
) -> Result<(SigningKey, Vec<SigningKey>), KeyError> {
    let mut found: Vec<SigningKey> = keys
        .iter()
        .filter(|key| key.status.role == role && matches!(key.status.phase, KeyPhase::Active { .. }))
        .map(|key| SigningKey { id: key.status.id.clone(), alg: key.status.alg })
        .collect();
    let planned: Vec<_> = plan.slots().filter(|slot| slot.0 == role).map(|slot| slot.1).collect();
    found.sort_by_key(|key| planned.iter().position(|alg| *alg == key.alg).unwrap_or(usize::MAX));
    if found.windows(2).any(|pair| matches!(pair, [a, b] if a.alg == b.alg)) {
        return Err(KeyError::Unusable("two keys are active for one purpose and algorithm"));
    }
    let mut found = found.into_iter();
    let first = found.next().ok_or(KeyError::Unusable("each kind of token needs an active key"))?;
    Ok((first, found.collect()))
}

/// Those in use, the active one first, and the one that comes next.
fn seal_keys(stored: &[StoredSealKey]) -> Result<(Vec<SealKey>, Option<SealKey>), KeyError> {
    let mut in_use = Vec::with_capacity(stored.len());
    let mut next = None;
    for key in stored {
        let bytes = <[u8; 32]>::try_from(key.secret.expose_secret())
            .map_err(|_| KeyError::Unusable("a seal key has not 32 bytes"))?;
        let parsed = SealKey::new(key.id.clone(), bytes);
        match key.phase {
            SealPhase::Pending { .. } => next = Some(parsed),
            SealPhase::Active { .. } => in_use.insert(0, parsed),
            SealPhase::Old => in_use.push(parsed),
        }
    }
    if !stored.iter().any(|key| matches!(key.phase, SealPhase::Active { .. })) {
        return Err(KeyError::Unusable("there is no key to seal with"));
    }
    Ok((in_use, next))
}
