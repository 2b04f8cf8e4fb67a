//! What a ring should hold: which algorithms, for how long, and how often anew.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use vestibule_host::{Alg, KeyError, KeyId, UnixMillis};

/// What a plan can be wrong about by: two nodes' clocks a minute off either way, a node that reloads as late as a minute, and
/// the time that a request takes. Added to every wait.
pub(crate) const MARGIN: Duration = Duration::from_secs(300);
/// Rotating more often would pile up keys.
const SHORTEST_ROTATION: Duration = Duration::from_secs(3600);

/// What a signing key is for. No key is for both (KEY-005).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Signs access tokens.
    AccessToken,
    /// Signs ID tokens.
    IdToken,
}

/// Where a key stands in its life (KEY-001). All of them are published; only an active one signs.
///
/// The moments were fixed when the key came there: changing the plan later moves none of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeyPhase {
    /// Announced, so that everybody who caches the key set has it before it signs.
    Pending {
        /// From when on it signs.
        signs_from: UnixMillis,
    },
    /// Signs.
    Active {
        /// Since when.
        since: UnixMillis,
    },
    /// Verifies what it signed.
    Retired {
        /// When the last token that it signed is over, and the key goes.
        published_until: UnixMillis,
    },
}

/// What an operator may want to see of a signing key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct KeyStatus {
    /// Its id.
    pub id: KeyId,
    /// What it is for.
    pub role: KeyRole,
    /// Its algorithm.
    pub alg: Alg,
    /// Where it stands.
    pub phase: KeyPhase,
}

/// What a [`LocalKeyRing`](crate::LocalKeyRing) should hold.
///
/// The default: ES256 for access tokens, RS256 for ID tokens (SMART-IDT-003), for tokens of at most an hour and a key set that
/// is cached for at most five minutes, rotated on command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPlan {
    /// The default first.
    access_token: Vec<Alg>,
    id_token: Vec<Alg>,
    longest_life: Duration,
    jwks_max_age: Duration,
    rotate_every: Option<Duration>,
}

impl Default for KeyPlan {
    fn default() -> Self {
        Self {
            access_token: vec![Alg::Es256],
            id_token: vec![Alg::Rs256],
            longest_life: Duration::from_secs(3600),
            jwks_max_age: Duration::from_secs(300),
            rotate_every: None,
        }
    }
}

impl KeyPlan {
    /// The default plan with other algorithms: for access tokens, for ID tokens.
    pub fn new(access_token: Alg, id_token: Alg) -> Self {
        Self { access_token: vec![access_token], id_token: vec![id_token], ..Self::default() }
    }

    /// A further algorithm that access tokens can be signed with.
    #[must_use]
    pub fn with_access_token(mut self, alg: Alg) -> Self {
        self.access_token.push(alg);
        self
    }

    /// A further algorithm that ID tokens can be signed with.
    #[must_use]
    pub fn with_id_token(mut self, alg: Alg) -> Self {
        self.id_token.push(alg);
        self
    }

    /// The longest life of any token that is signed. A retired key stays published that long, and a margin more.
    ///
    /// A key remembers the longest that it was ever planned for: a shorter plan retires it no earlier.
    #[must_use]
    pub const fn with_longest_life(mut self, life: Duration) -> Self {
        self.longest_life = life;
        self
    }

    /// For how long the published key set may be cached. A new key is announced that long, and a margin more.
    #[must_use]
    pub const fn with_jwks_max_age(mut self, max_age: Duration) -> Self {
        self.jwks_max_age = max_age;
        self
    }

    /// Rotates signing keys and seal masters by itself, this often; at most every hour.
    #[must_use]
    pub fn with_rotation_every(mut self, period: Duration) -> Self {
        self.rotate_every = Some(period.max(SHORTEST_ROTATION));
        self
    }

    pub(crate) fn check(&self) -> Result<(), KeyError> {
        if self.slots().any(|(_, alg)| !alg.can_sign()) {
            return Err(KeyError::Unusable("the key plan names an algorithm that only clients use"));
        }
        Ok(())
    }

    /// What there must be a key for.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (KeyRole, Alg)> {
        let access = self.access_token.iter().map(|alg| (KeyRole::AccessToken, *alg));
        access.chain(self.id_token.iter().map(|alg| (KeyRole::IdToken, *alg)))
    }

    pub(crate) const fn longest_life(&self) -> Duration {
        self.longest_life
    }

    /// How long a key is published before it signs.
    pub(crate) const fn announcement(&self) -> Duration {
        self.jwks_max_age.saturating_add(MARGIN)
    }

    /// When the successor of something that is in use since then is to be announced.
    pub(crate) fn successor_due(&self, since: UnixMillis, announcement: Duration) -> Option<UnixMillis> {
        self.rotate_every.map(|period| since.plus(period.saturating_sub(announcement)))
    }
}
