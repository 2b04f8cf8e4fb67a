//! Key documents in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::{KeyDocument, KeySaved, KeyStore, StoreFault, Tenant};

/// A [`KeyStore`] in memory: the keys end with the process, and every token that they signed with them.
#[derive(Debug)]
pub struct MemoryKeys {
    max: usize,
    documents: Mutex<HashMap<Tenant, (u64, KeyDocument)>>,
}

impl Default for MemoryKeys {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryKeys {
    /// An empty store with room for 10 000 tenants.
    pub fn new() -> Self {
        Self::with_limit(10_000)
    }

    /// An empty store with room for `max` tenants. One more is [`StoreFault::Full`].
    pub fn with_limit(max: usize) -> Self {
        Self { max, documents: Mutex::default() }
    }

    /// Poison is ignored, since no critical section can panic halfway.
    fn documents(&self) -> MutexGuard<'_, HashMap<Tenant, (u64, KeyDocument)>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl KeyStore for MemoryKeys {
    async fn load(&self, tenant: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        Ok(self.documents().get(tenant).cloned())
    }

    async fn revision(&self, tenant: &Tenant) -> Result<Option<u64>, StoreFault> {
        Ok(self.documents().get(tenant).map(|(revision, _)| *revision))
    }

    async fn save(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        let mut documents = self.documents();
        let stored = documents.get(tenant).map(|(revision, _)| *revision);
        if stored != expected {
            return Ok(KeySaved::Stale);
        }
        if stored.is_none() && documents.len() >= self.max {
            return Err(StoreFault::Full);
        }
        let revision = stored.unwrap_or(0) + 1;
        documents.insert(tenant.clone(), (revision, document.clone()));
        Ok(KeySaved::Saved(revision))
    }
}
