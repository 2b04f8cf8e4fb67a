//! Registrations, as an operator and as the engine see them.

use std::sync::Arc;

use async_trait::async_trait;
use vestibule_host::{ClientId, ClientRegistrar, Registration, StaticClients, StoreFault, Tenant};
use vestibule_sqlite::{SqliteClients, SqliteOptions, SqliteStore};
use vestibule_testkit::suite::Arranged;
use vestibule_testkit::suite::operators::{AsRegistry, RegistrarWorld};

struct InMemory(SqliteStore);

impl InMemory {
    fn new() -> Self {
        Self(SqliteStore::open_in_memory(SqliteOptions::default()).unwrap())
    }

    fn clients(&self, issuer: &Tenant) -> SqliteClients {
        SqliteClients::new(self.0.clone(), issuer.clone(), StaticClients::default())
    }
}

#[async_trait]
impl RegistrarWorld for InMemory {
    async fn open(&self, issuer: &Tenant, file: StaticClients, max: u32) -> Arc<dyn ClientRegistrar> {
        Arc::new(SqliteClients::with_limit(self.0.clone(), issuer.clone(), file, max))
    }

    async fn newest(
        &self,
        issuer: &Tenant,
        before: Option<&Registration>,
        max: u16,
    ) -> Result<Vec<Registration>, StoreFault> {
        self.clients(issuer).newest(before, max).await
    }

    async fn registration_of(
        &self,
        issuer: &Tenant,
        id: &ClientId,
    ) -> Result<Option<Registration>, StoreFault> {
        self.clients(issuer).registration_of(id).await
    }

    async fn cut(&self) -> Arranged {
        self.0.close().await;
        Arranged::Done
    }
}

mod operators {
    vestibule_testkit::operator_suite!(super::InMemory::new());
}

mod registry {
    vestibule_testkit::registry_suite!(super::AsRegistry(super::InMemory::new()));
}
