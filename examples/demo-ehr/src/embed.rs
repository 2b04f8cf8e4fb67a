//! Vestibule inside the hospital: this is all that embedding takes.
//!
//! Four traits of our own (`host/`), a store and keys, a page set, and one service mounted beside our own routes.

use std::sync::Arc;

use vestibule_host::{ConsentStore, GrantStore, KeyError, KeyRing, MemoryConsents, MemoryGrants, Tenant};
use vestibule_jose::{LocalKeyRing, SystemRandom};
use vestibule_sqlite::{OpenError, SqliteOptions, SqliteStore};

use crate::database::Store;

/// Where Vestibule keeps what must survive, and what it signs with.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Launches, interactions, codes and grants.
    pub grants: Arc<dyn GrantStore>,
    /// What users agreed to.
    pub consents: Arc<dyn ConsentStore>,
    /// Signing and sealing keys.
    pub keys: Arc<dyn KeyRing>,
    /// To be closed at the end.
    file: Option<SqliteStore>,
}

/// Vestibule's storage cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file.
    #[error("the store cannot be opened")]
    Open(#[from] OpenError),
    /// The keys in it.
    #[error("the signing keys cannot be had")]
    Keys(#[from] KeyError),
}

impl Storage {
    /// Opens the store. On the first start this also makes the keys, and keeps them in the store.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn open(store: &Store, issuer: &str) -> Result<Self, StorageError> {
        match store {
            Store::Memory => Ok(Self {
                grants: Arc::new(MemoryGrants::new()),
                consents: Arc::new(MemoryConsents::new()),
                keys: Arc::new(LocalKeyRing::ephemeral(&SystemRandom)?),
                file: None,
            }),
            Store::Sqlite(path) => {
                let file = SqliteStore::open(path, SqliteOptions::default())?;
                let keys = LocalKeyRing::open(&file, &Tenant::new(issuer), &SystemRandom).await?;
                Ok(Self {
                    grants: Arc::new(file.clone()),
                    consents: Arc::new(file.clone()),
                    keys: Arc::new(keys),
                    file: Some(file),
                })
            }
        }
    }

    /// Waits until everything that was accepted is written.
    pub async fn close(&self) {
        if let Some(file) = &self.file {
            file.close().await;
        }
    }
}
