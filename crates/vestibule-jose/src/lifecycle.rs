//! The life of keys as decisions: what is due at a moment, what a command changes. Nothing here is stored or published; that
//! is the ring's part.
//!
//! ```text
//!              JWKS max-age + margin              successor signs            longest token life + margin
//!   announced ───────────────────────► active ───────────────────► retired ──────────────────────────► gone
//!    (published)                     (published, signs)           (published)                  (its id never comes back)
//! ```
//!
//! Seal masters go the same way, but wait only for the other nodes, and two old ones stay.

use vestibule_host::{Alg, Entropy, KeyError, KeyId, UnixMillis};

use crate::document::{SealPhase, SecretBytes, StoredKeys, StoredSealKey, StoredSigningKey, millis};
use crate::generate;
use crate::key_plan::{KeyPhase, KeyPlan, KeyRole, MARGIN};

/// Beyond this a key set would be a burden to everybody who reads it.
const MAX_SIGNING_KEYS: usize = 50;
/// Decades of ids, at any usual pace.
const MAX_GONE: usize = 1024;
/// Old masters that still open.
const OLD_SEALS: usize = 2;

/// Who decides: the plan, at a moment.
pub(crate) struct Upkeep<'a> {
    pub(crate) plan: &'a KeyPlan,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) now: UnixMillis,
}

impl Upkeep<'_> {
    /// The very first keys. Nobody has cached a key set yet, so they sign at once.
    pub(crate) fn first(&self) -> Result<StoredKeys, KeyError> {
        let phase = KeyPhase::Active { since: self.now };
        let signing =
            self.plan.slots().map(|(role, alg)| self.new_key(role, alg, phase)).collect::<Result<_, _>>()?;
        let seal = vec![
            generate::seal_master(self.entropy, SealPhase::Active { since: self.now })?,
            generate::seal_master(self.entropy, SealPhase::Old)?,
        ];
        Ok(StoredKeys { signing, seal, gone: Vec::new() })
    }

    /// Takes the steps that are due and need no new key. Returns whether there were any.
    pub(crate) fn advance(&self, keys: &mut StoredKeys) -> Result<bool, KeyError> {
        // Each of them, whatever the others say.
        let changes = [
            self.remember_longest_life(keys),
            self.drop_retired(keys)?,
            self.promote_announced(keys),
            self.promote_announced_seal(keys),
        ];
        Ok(changes.contains(&true))
    }

    /// Makes and announces what the plan names and nobody holds, and successors of what was in use long enough. Apart from
    /// [`advance`](Self::advance), because making a key can fail, and that must not keep the others from going their way.
    pub(crate) fn succeed(&self, keys: &mut StoredKeys) -> Result<bool, KeyError> {
        let mut changed = false;
        for (role, alg) in self.plan.slots() {
            if self.is_successor_due(keys, role, alg) {
                changed |= self.announce(keys, role, alg)?.0;
            }
        }
        if self.is_seal_successor_due(keys) {
            changed |= self.announce_seal(keys)?.0;
        }
        Ok(changed)
    }

    /// Whether [`succeed`](Self::succeed) would do anything.
    pub(crate) fn wants_successors(&self, keys: &StoredKeys) -> bool {
        let lacks =
            |(role, alg)| self.is_successor_due(keys, role, alg) && pending_in(keys, role, alg).is_none();
        let lacks_seal = || self.is_seal_successor_due(keys) && pending_seal(keys).is_none();
        self.plan.slots().any(lacks) || lacks_seal()
    }

    /// When something is due next.
    pub(crate) fn next_due(&self, keys: &StoredKeys) -> Option<UnixMillis> {
        if self.wants_successors(keys) {
            return Some(self.now);
        }
        let signing = keys.signing.iter().filter_map(|key| match key.phase {
            KeyPhase::Pending { signs_from } => Some(signs_from),
            KeyPhase::Retired { published_until } => Some(published_until),
            KeyPhase::Active { since } => self.plan.successor_due(since, self.plan.announcement()),
        });
        let seal = keys.seal.iter().filter_map(|key| match key.phase {
            SealPhase::Pending { seals_from } => Some(seals_from),
            SealPhase::Active { since } => self.plan.successor_due(since, MARGIN),
            SealPhase::Old => None,
        });
        signing.chain(seal).min()
    }

    /// Publishes a key that will sign later. One that is announced already stays the one.
    pub(crate) fn announce(
        &self,
        keys: &mut StoredKeys,
        role: KeyRole,
        alg: Alg,
    ) -> Result<(bool, KeyId), KeyError> {
        if let Some(pending) = pending_in(keys, role, alg) {
            return Ok((false, pending.id()?));
        }
        let key = self.new_key(role, alg, self.announced_now())?;
        let id = key.id()?;
        add(keys, key)?;
        Ok((true, id))
    }

    /// As [`announce`](Self::announce), with a key from outside.
    pub(crate) fn announce_provisioned(
        &self,
        keys: &mut StoredKeys,
        role: KeyRole,
        alg: Alg,
        pkcs8: &[u8],
    ) -> Result<(bool, KeyId), KeyError> {
        let key = self.key(role, alg, self.announced_now(), SecretBytes::new(pkcs8.to_vec()));
        let id = key.id()?;
        if let Some(pending) = pending_in(keys, role, alg) {
            if pending.id()? == id {
                return Ok((false, id));
            }
            return Err(KeyError::Unusable("another key is announced for this already; revoke it first"));
        }
        // KEY-006: an id means one key, and one life of it.
        if keys.gone.contains(&id) || position(keys, &id)?.is_some() {
            return Err(KeyError::Unusable("this key was used before; make a new one"));
        }
        add(keys, key)?;
        Ok((true, id))
    }

    /// Adds a seal master that will seal when every node has it.
    pub(crate) fn announce_seal(&self, keys: &mut StoredKeys) -> Result<(bool, KeyId), KeyError> {
        if let Some(pending) = pending_seal(keys) {
            return Ok((false, pending.id.clone()));
        }
        let phase = SealPhase::Pending { seals_from: self.now.plus(MARGIN) };
        let key = generate::seal_master(self.entropy, phase)?;
        let id = key.id.clone();
        keys.seal.push(key);
        Ok((true, id))
    }

    /// KEY-003: takes a key out at once. Where it was in use, its successor is too, announced or not.
    pub(crate) fn revoke(&self, keys: &mut StoredKeys, id: &KeyId) -> Result<bool, KeyError> {
        if let Some(at) = keys.seal.iter().position(|key| key.id == *id) {
            let revoked = keys.seal.remove(at);
            if matches!(revoked.phase, SealPhase::Active { .. }) {
                self.announce_seal(keys)?;
                self.promote_seal(keys);
            }
            return Ok(true);
        }
        if let Some(at) = position(keys, id)? {
            self.revoke_signing(keys, at, id)?;
            return Ok(true);
        }
        if keys.gone.contains(id) { Ok(false) } else { Err(KeyError::NoSuchKey) }
    }

    fn revoke_signing(&self, keys: &mut StoredKeys, at: usize, id: &KeyId) -> Result<(), KeyError> {
        let revoked = keys.signing.remove(at);
        forget(keys, id.clone());
        let (role, alg) = (revoked.role, revoked.alg);
        if !matches!(revoked.phase, KeyPhase::Active { .. }) {
            return Ok(());
        }
        if pending_in(keys, role, alg).is_none() {
            keys.signing.push(self.new_key(role, alg, self.announced_now())?);
        }
        self.promote(keys, role, alg);
        Ok(())
    }

    /// Row 49: what a key was once planned for holds for all its life.
    fn remember_longest_life(&self, keys: &mut StoredKeys) -> bool {
        let planned = millis(self.plan.longest_life());
        let mut changed = false;
        for key in &mut keys.signing {
            let in_use = !matches!(key.phase, KeyPhase::Retired { .. });
            if in_use && key.longest_life < planned {
                key.longest_life = planned;
                changed = true;
            }
        }
        changed
    }

    fn drop_retired(&self, keys: &mut StoredKeys) -> Result<bool, KeyError> {
        let is_over = |key: &StoredSigningKey| match key.phase {
            KeyPhase::Retired { published_until } => published_until.is_over(self.now),
            _ => false,
        };
        let ids = keys.signing.iter().filter(|key| is_over(key)).map(StoredSigningKey::id);
        let ids: Vec<_> = ids.collect::<Result<_, _>>()?;
        keys.signing.retain(|key| !is_over(key));
        let changed = !ids.is_empty();
        for id in ids {
            forget(keys, id);
        }
        Ok(changed)
    }

    fn promote_announced(&self, keys: &mut StoredKeys) -> bool {
        let due: Vec<_> = keys
            .signing
            .iter()
            .filter(|key| match key.phase {
                KeyPhase::Pending { signs_from } => signs_from.is_over(self.now),
                _ => false,
            })
            .map(|key| (key.role, key.alg))
            .collect();
        for (role, alg) in &due {
            self.promote(keys, *role, *alg);
        }
        !due.is_empty()
    }

    /// The announced key signs, and the one before it retires.
    fn promote(&self, keys: &mut StoredKeys, role: KeyRole, alg: Alg) {
        for key in keys.signing.iter_mut().filter(|key| key.role == role && key.alg == alg) {
            key.phase = match key.phase {
                KeyPhase::Pending { .. } => KeyPhase::Active { since: self.now },
                // KEY-002
                KeyPhase::Active { .. } => {
                    KeyPhase::Retired { published_until: self.now.plus(key.longest_life()).plus(MARGIN) }
                }
                retired @ KeyPhase::Retired { .. } => retired,
            };
        }
    }

    fn is_successor_due(&self, keys: &StoredKeys, role: KeyRole, alg: Alg) -> bool {
        let active = keys.signing.iter().find_map(|key| match key.phase {
            KeyPhase::Active { since } if key.role == role && key.alg == alg => Some(since),
            _ => None,
        });
        // No active key at all: the plan is new.
        active.is_none_or(|since| {
            let due = self.plan.successor_due(since, self.plan.announcement());
            due.is_some_and(|due| due.is_over(self.now))
        })
    }

    fn is_seal_successor_due(&self, keys: &StoredKeys) -> bool {
        let due = keys.seal.iter().find_map(|key| match key.phase {
            SealPhase::Active { since } => self.plan.successor_due(since, MARGIN),
            _ => None,
        });
        due.is_some_and(|due| due.is_over(self.now))
    }

    fn promote_announced_seal(&self, keys: &mut StoredKeys) -> bool {
        let due = keys.seal.iter().any(|key| match key.phase {
            SealPhase::Pending { seals_from } => seals_from.is_over(self.now),
            _ => false,
        });
        if due {
            self.promote_seal(keys);
        }
        due
    }

    /// The announced master seals, the one before it is the newest old one.
    fn promote_seal(&self, keys: &mut StoredKeys) {
        for key in &mut keys.seal {
            key.phase = match key.phase {
                SealPhase::Pending { .. } => SealPhase::Active { since: self.now },
                SealPhase::Active { .. } | SealPhase::Old => SealPhase::Old,
            };
        }
        // The order among the others is kept.
        keys.seal.sort_by_key(|key| matches!(key.phase, SealPhase::Old));
        keys.seal.truncate(1 + OLD_SEALS);
    }

    fn announced_now(&self) -> KeyPhase {
        KeyPhase::Pending { signs_from: self.now.plus(self.plan.announcement()) }
    }

    fn new_key(&self, role: KeyRole, alg: Alg, phase: KeyPhase) -> Result<StoredSigningKey, KeyError> {
        Ok(self.key(role, alg, phase, generate::private_key(alg)?))
    }

    fn key(&self, role: KeyRole, alg: Alg, phase: KeyPhase, pkcs8: SecretBytes) -> StoredSigningKey {
        StoredSigningKey { role, alg, phase, longest_life: millis(self.plan.longest_life()), pkcs8 }
    }
}

fn pending_in(keys: &StoredKeys, role: KeyRole, alg: Alg) -> Option<&StoredSigningKey> {
    let here = |key: &&StoredSigningKey| key.role == role && key.alg == alg;
    keys.signing.iter().filter(here).find(|key| matches!(key.phase, KeyPhase::Pending { .. }))
}

fn pending_seal(keys: &StoredKeys) -> Option<&StoredSealKey> {
    keys.seal.iter().find(|key| matches!(key.phase, SealPhase::Pending { .. }))
}

fn position(keys: &StoredKeys, id: &KeyId) -> Result<Option<usize>, KeyError> {
    for (at, key) in keys.signing.iter().enumerate() {
        if key.id()? == *id {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn add(keys: &mut StoredKeys, key: StoredSigningKey) -> Result<(), KeyError> {
    if keys.signing.len() >= MAX_SIGNING_KEYS {
        return Err(KeyError::Unusable("too many keys are published already; let some retire first"));
    }
    keys.signing.push(key);
    Ok(())
}

fn forget(keys: &mut StoredKeys, id: KeyId) {
    keys.gone.push(id);
    let surplus = keys.gone.len().saturating_sub(MAX_GONE);
    keys.gone.drain(..surplus);
}
