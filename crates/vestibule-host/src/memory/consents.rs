//! Consent in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::{
    ConsentAsked, ConsentId, ConsentRecord, ConsentStore, HostError, RememberedConsent, Tenant, UserId,
};

/// The bound is reached; nothing was kept and nothing was evicted.
#[derive(Debug, thiserror::Error)]
#[error("the consent store in memory is full: {0} answers are kept")]
struct Full(usize);

#[derive(Debug, Default)]
struct Answers {
    /// The last id given out. Ids are never used twice.
    last: u64,
    /// By id, so in the order in which they were given. Withdrawn answers are removed.
    standing: BTreeMap<u64, (Tenant, ConsentRecord)>,
    /// The same ids by user, so that a question costs what this user has answered.
    by_user: BTreeMap<(Tenant, UserId), Vec<u64>>,
}

/// A [`ConsentStore`] in memory: nothing survives the process.
#[derive(Debug)]
pub struct MemoryConsents {
    max: usize,
    answers: Mutex<Answers>,
}

impl Default for MemoryConsents {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryConsents {
    /// An empty store with room for 100 000 answers.
    pub fn new() -> Self {
        Self::with_limit(100_000)
    }

    /// An empty store with room for `max` answers that stand. One more is refused.
    pub fn with_limit(max: usize) -> Self {
        Self { max, answers: Mutex::default() }
    }

    /// Poison is ignored, since no critical section can panic halfway.
    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answers {
    /// A user's answers that stand, the newest first.
    fn of(&self, tenant: &Tenant, user: &UserId) -> impl Iterator<Item = (u64, &ConsentRecord)> {
        let ids = self.by_user.get(&(tenant.clone(), user.clone())).into_iter().flatten().rev();
        ids.filter_map(|id| self.standing.get(id).map(|(_, record)| (*id, record)))
    }
}

/// The number behind an id. Only the text that was given out is an id: `01` is not `1`.
fn number(id: &ConsentId) -> Option<u64> {
    id.as_str().parse().ok().filter(|number: &u64| number.to_string() == id.as_str())
}

fn remembered((id, record): (u64, &ConsentRecord)) -> RememberedConsent {
    RememberedConsent { id: ConsentId::new(id.to_string()), record: record.clone() }
}

#[async_trait]
impl ConsentStore for MemoryConsents {
    async fn remembered(
        &self,
        tenant: &Tenant,
        asked: &ConsentAsked<'_>,
    ) -> Result<Option<RememberedConsent>, HostError> {
        let same = |record: &ConsentRecord| {
            record.client == *asked.client
                && record.base == asked.base
                && record.patient.as_ref() == asked.patient
        };
        Ok(self.answers().of(tenant, asked.user).find(|(_, record)| same(record)).map(remembered))
    }

    async fn record(&self, tenant: &Tenant, record: &ConsentRecord) -> Result<ConsentId, HostError> {
        let mut answers = self.answers();
        if answers.standing.len() >= self.max {
            return Err(HostError::new(Full(self.max)));
        }
        answers.last += 1;
        let id = answers.last;
        answers.standing.insert(id, (tenant.clone(), record.clone()));
        answers.by_user.entry((tenant.clone(), record.user.clone())).or_default().push(id);
        Ok(ConsentId::new(id.to_string()))
    }

    async fn given(&self, tenant: &Tenant, id: &ConsentId) -> Result<bool, HostError> {
        let answers = self.answers();
        Ok(number(id).and_then(|id| answers.standing.get(&id)).is_some_and(|(owner, _)| owner == tenant))
    }

    async fn list_for_user(
        &self,
        tenant: &Tenant,
        user: &UserId,
    ) -> Result<Vec<RememberedConsent>, HostError> {
        Ok(self.answers().of(tenant, user).map(remembered).collect())
    }

    async fn withdraw(&self, tenant: &Tenant, id: &ConsentId) -> Result<(), HostError> {
        let mut answers = self.answers();
        let Some(id) = number(id) else { return Ok(()) };
        if answers.standing.get(&id).is_none_or(|(owner, _)| owner != tenant) {
            return Ok(());
        }
        if let Some((tenant, record)) = answers.standing.remove(&id) {
            let key = (tenant, record.user);
            if let Some(ids) = answers.by_user.get_mut(&key) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    answers.by_user.remove(&key);
                }
            }
        }
        Ok(())
    }
}
