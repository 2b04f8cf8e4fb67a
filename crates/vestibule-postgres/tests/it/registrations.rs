//! Registrations, as an operator and as the engine see them.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;
use vestibule_host::{
    ClientAuthentication, ClientId, ClientRegistrar, ClientStatus, RegisteredClient, Registration,
    RegistrationTokenHash, StaticClients, StoreFault, Tenant, UnixMillis,
};
use vestibule_postgres::{PostgresClients, PostgresStore};
use vestibule_testkit::suite::Arranged;
use vestibule_testkit::suite::operators::{AsRegistry, RegistrarWorld};

use crate::place::Place;

/// An app that waits for approval.
pub(crate) fn app(id: &str, number: u8) -> Registration {
    let scopes: vestibule_scope::ScopeSet = "openid".parse().unwrap();
    let id = ClientId::new(id);
    let mut client =
        RegisteredClient::new(id, ClientAuthentication::Public, "https://app.example/cb", scopes.clone());
    client.status = ClientStatus::Pending;
    let token = RegistrationTokenHash::new([number; 32]);
    Registration::new(client, Default::default(), scopes, UnixMillis(i64::from(number / 2)), token)
}

/// A database of one case.
struct InDatabase {
    place: Place,
    store: OnceCell<PostgresStore>,
}

impl InDatabase {
    fn new() -> Self {
        Self { place: Place::new(), store: OnceCell::new() }
    }

    async fn store(&self) -> PostgresStore {
        self.store.get_or_init(|| self.place.store()).await.clone()
    }

    async fn clients(&self, issuer: &Tenant) -> PostgresClients {
        PostgresClients::new(self.store().await, issuer.clone(), StaticClients::default())
    }
}

#[async_trait]
impl RegistrarWorld for InDatabase {
    async fn open(&self, issuer: &Tenant, file: StaticClients, max: u32) -> Arc<dyn ClientRegistrar> {
        Arc::new(PostgresClients::with_limit(self.store().await, issuer.clone(), file, max))
    }

    async fn newest(
        &self,
        issuer: &Tenant,
        before: Option<&Registration>,
        max: u16,
    ) -> Result<Vec<Registration>, StoreFault> {
        self.clients(issuer).await.newest(before, max).await
    }

    async fn registration_of(
        &self,
        issuer: &Tenant,
        id: &ClientId,
    ) -> Result<Option<Registration>, StoreFault> {
        self.clients(issuer).await.registration_of(id).await
    }

    async fn cut(&self) -> Arranged {
        self.store().await.close().await;
        Arranged::Done
    }
}

mod operators {
    vestibule_testkit::operator_suite!(super::InDatabase::new());
}

mod registry {
    vestibule_testkit::registry_suite!(super::AsRegistry(super::InDatabase::new()));
}
