//! Key stores with one planted mistake each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use vestibule_host::{KeyDocument, KeySaved, KeyStore, StoreFault, Tenant};

use crate::suite::StoreFactory;

/// A planted mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyMistake {
    /// Looks, waits, then saves: two at once both win.
    UnguardedSave,
    /// Saves whatever was read before.
    LastWriterWins,
    /// The tenant is compared without regard to case.
    CaseFolding,
    /// Keeps the document as text.
    TextOnly,
    /// The revision stays what it was.
    StuckRevision,
    /// The revision alone is answered from a copy that is one save old.
    LaggingRevision,
    /// Says that it survives a restart, and keeps everything in memory.
    FalseDurability,
}

impl KeyMistake {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::UnguardedSave,
        Self::LastWriterWins,
        Self::CaseFolding,
        Self::TextOnly,
        Self::StuckRevision,
        Self::LaggingRevision,
        Self::FalseDurability,
    ];
}

type Rows = HashMap<String, (u64, Vec<u8>)>;

/// A [`KeyStore`] in memory with a planted mistake.
#[derive(Debug)]
pub struct MutantKeys {
    mistake: KeyMistake,
    rows: Arc<Mutex<Rows>>,
}

impl MutantKeys {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, tenant: &Tenant) -> String {
        match self.mistake {
            KeyMistake::CaseFolding => tenant.as_str().to_ascii_lowercase(),
            _ => tenant.as_str().to_owned(),
        }
    }

    fn stored(&self, tenant: &Tenant) -> Option<u64> {
        self.rows().get(&self.name(tenant)).map(|(revision, _)| *revision)
    }
}

#[async_trait]
impl KeyStore for MutantKeys {
    async fn load(&self, tenant: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        let found = self.rows().get(&self.name(tenant)).cloned();
        Ok(found.map(|(revision, bytes)| (revision, KeyDocument::new(bytes))))
    }

    async fn revision(&self, tenant: &Tenant) -> Result<Option<u64>, StoreFault> {
        let stored = self.stored(tenant);
        Ok(match self.mistake {
            KeyMistake::LaggingRevision => stored.and_then(|revision| revision.checked_sub(1)),
            _ => stored,
        })
    }

    async fn save(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        let is_stale = self.stored(tenant) != expected;
        if self.mistake == KeyMistake::UnguardedSave {
            tokio::task::yield_now().await;
        }
        let mut rows = self.rows();
        let row = rows.entry(self.name(tenant)).or_default();
        let moved = row.0 != expected.unwrap_or(0);
        let refused = match self.mistake {
            KeyMistake::UnguardedSave => is_stale,
            KeyMistake::LastWriterWins => expected.is_none() && row.0 != 0,
            _ => is_stale || moved,
        };
        if refused {
            // An entry that was made by looking is none.
            rows.retain(|_, (revision, _)| *revision != 0);
            return Ok(KeySaved::Stale);
        }
        row.0 = match self.mistake {
            KeyMistake::StuckRevision => row.0.max(1),
            _ => row.0.saturating_add(1),
        };
        row.1 = match self.mistake {
            KeyMistake::TextOnly => {
                String::from_utf8_lossy(document.expose_secret()).into_owned().into_bytes()
            }
            _ => document.expose_secret().to_vec(),
        };
        Ok(KeySaved::Saved(row.0))
    }
}

/// Opens [`MutantKeys`] over the same rows each time.
#[derive(Debug)]
pub struct MutantKeysFactory {
    mistake: KeyMistake,
    rows: Arc<Mutex<Rows>>,
}

impl MutantKeysFactory {
    /// Stores with this mistake.
    pub fn new(mistake: KeyMistake) -> Self {
        Self { mistake, rows: Arc::default() }
    }
}

#[async_trait]
impl StoreFactory<dyn KeyStore> for MutantKeysFactory {
    async fn open(&self) -> Arc<dyn KeyStore> {
        let rows = match self.mistake {
            KeyMistake::FalseDurability => Arc::default(),
            _ => Arc::clone(&self.rows),
        };
        Arc::new(MutantKeys { mistake: self.mistake, rows })
    }

    fn survives(&self) -> bool {
        true
    }
}
