//! The suites.

use std::sync::Arc;

use vestibule_host::{ClientRegistrar, ConsentStore, GrantStore, KeyStore, StaticClients, Tenant};
use vestibule_sqlite::{SqliteClients, SqliteOptions, SqliteStore};
use vestibule_testkit::StoreFactory;
use vestibule_testkit::suite::check;
use vestibule_testkit::suite::grants::{racing_redemptions, racing_refreshes};

use crate::directory::Directory;

struct InFile(Directory);

impl InFile {
    fn new() -> Self {
        Self(Directory::new())
    }

    fn store(&self) -> Arc<SqliteStore> {
        Arc::new(SqliteStore::open(self.0.file(), SqliteOptions::default()).unwrap())
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn GrantStore> for InFile {
    async fn open(&self) -> Arc<dyn GrantStore> {
        self.store()
    }

    async fn open_small(&self) -> Option<Arc<dyn GrantStore>> {
        let options = SqliteOptions::default().with_max_bytes(512 * 1024);
        Some(Arc::new(SqliteStore::open(self.0.file(), options).unwrap()))
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn ConsentStore> for InFile {
    async fn open(&self) -> Arc<dyn ConsentStore> {
        self.store()
    }

    fn survives(&self) -> bool {
        true
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn KeyStore> for InFile {
    async fn open(&self) -> Arc<dyn KeyStore> {
        self.store()
    }

    fn survives(&self) -> bool {
        true
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn ClientRegistrar> for InFile {
    async fn open(&self) -> Arc<dyn ClientRegistrar> {
        Arc::new(SqliteClients::new(SqliteStore::clone(&self.store()), tenant(), StaticClients::default()))
    }

    async fn open_small(&self) -> Option<Arc<dyn ClientRegistrar>> {
        let store = SqliteStore::clone(&self.store());
        Some(Arc::new(SqliteClients::with_limit(store, tenant(), StaticClients::default(), 20)))
    }

    fn survives(&self) -> bool {
        true
    }
}

fn tenant() -> Tenant {
    Tenant::new("https://ehr.example")
}

fn in_memory() -> SqliteStore {
    SqliteStore::open_in_memory(SqliteOptions::default().with_prefix("smart_")).unwrap()
}

fn small_in_memory() -> SqliteStore {
    SqliteStore::open_in_memory(SqliteOptions::default().with_max_bytes(512 * 1024)).unwrap()
}

mod file {
    mod grants {
        vestibule_testkit::store_suite!(crate::contract::InFile::new());
    }

    mod consents {
        vestibule_testkit::consent_suite!(crate::contract::InFile::new());
    }

    mod keys {
        vestibule_testkit::key_suite!(crate::contract::InFile::new());
    }

    mod registrations {
        vestibule_testkit::registrar_suite!(crate::contract::InFile::new());
    }
}

/// CODE-004. A hundred at once each time, 50 000 in all: `VESTIBULE_RACES=10000` for a million of each.
#[test]
fn many_races_have_one_winner_each() {
    let races = std::env::var("VESTIBULE_RACES").map_or(250, |number| number.parse().unwrap());
    let (redeemed, refreshed) = (InFile::new(), InFile::new());
    check(async move {
        racing_redemptions(&redeemed, 0..races).await?;
        racing_refreshes(&refreshed, 0..races).await
    });
}

mod memory {
    mod grants {
        use crate::contract::{in_memory, small_in_memory};

        vestibule_testkit::store_suite!((in_memory, small_in_memory));
    }

    mod consents {
        vestibule_testkit::consent_suite!(crate::contract::in_memory);
    }

    mod keys {
        vestibule_testkit::key_suite!(crate::contract::in_memory);
    }
}
