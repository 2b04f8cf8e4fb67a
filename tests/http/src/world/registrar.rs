//! The registrar: the registry's apps that registered themselves. It may be away, and say so late.

use async_trait::async_trait;
use vestibule_host::registration::{CreateClient, Created, DeleteClient, UpdateClient, Updated};
use vestibule_host::{
    ClientId, ClientRegistrar, ClientStatus, RegisteredClient, Registration, RegistrationTokenHash,
    StoreFault,
};

use super::Clients;
use super::script::Injected;

impl Clients {
    /// An administrator looks at an app that registered itself, and lets it in.
    pub fn enable(&self, id: &str) {
        self.decide(id, |client| client.status = ClientStatus::Enabled);
    }

    /// An administrator changes an app that registered itself.
    pub fn decide(&self, id: &str, change: impl FnOnce(&mut RegisteredClient)) {
        let seen = self.registration_of(id);
        self.registered.change(&ClientId::new(id), seen.revision, change).unwrap();
    }

    pub fn registration_of(&self, id: &str) -> Registration {
        let mut list = self.registered.list().into_iter();
        list.find(|registration| registration.client.id.as_str() == id).expect("a registration")
    }

    async fn named(&self, name: &'static str) -> Result<(), StoreFault> {
        self.script.call(name).await.map_err(StoreFault::not_applied)
    }

    /// After the fact: it happened, and nobody can say so.
    async fn late(&self, name: &'static str) -> Result<(), StoreFault> {
        self.script.call(name).await.map_err(|Injected| StoreFault::outcome_unknown(Injected))
    }
}

#[async_trait]
impl ClientRegistrar for Clients {
    async fn registration(&self, token: &RegistrationTokenHash) -> Result<Option<Registration>, StoreFault> {
        self.named("registrar.registration").await?;
        self.registered.registration(token).await
    }

    async fn create(&self, op: &CreateClient) -> Result<Created, StoreFault> {
        self.named("registrar.create").await?;
        let outcome = self.registered.create(op).await;
        self.late("registrar.created").await?;
        outcome
    }

    async fn update(&self, op: &UpdateClient) -> Result<Updated, StoreFault> {
        self.named("registrar.update").await?;
        let outcome = self.registered.update(op).await;
        self.late("registrar.updated").await?;
        outcome
    }

    async fn delete(&self, op: &DeleteClient) -> Result<(), StoreFault> {
        self.named("registrar.delete").await?;
        self.registered.delete(op).await
    }
}
