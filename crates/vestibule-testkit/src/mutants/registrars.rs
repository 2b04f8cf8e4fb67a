//! Registrars with one planted mistake each.

use async_trait::async_trait;
use vestibule_host::registration::{CreateClient, Created, DeleteClient, UpdateClient, Updated};
use vestibule_host::{
    ClientId, ClientRegistrar, ClientRegistry, HostError, MemoryClients, RegisteredClient, Registration,
    RegistrationTokenHash, StaticClients, StoreFault,
};

/// A planted mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RegistrarMistake {
    /// Nobody remembers that a token was spent.
    TokensNotSpent,
    /// A token is spent first, and what it buys is kept in a second step.
    SpentBeforeKept,
    /// A new registration takes the place of one with the same id.
    CreateReplaces,
    /// Whatever is there is overwritten.
    LastChangeWins,
    /// A change goes by the id alone.
    AnyTokenChanges,
    /// A removal goes by the id alone.
    AnyTokenRemoves,
    /// A removed client's token still works.
    TokenOutlivesClient,
    /// Tokens are compared by their beginning.
    LooseTokens,
    /// A change keeps the details that were there.
    DetailsStay,
}

impl RegistrarMistake {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::TokensNotSpent,
        Self::SpentBeforeKept,
        Self::CreateReplaces,
        Self::LastChangeWins,
        Self::AnyTokenChanges,
        Self::AnyTokenRemoves,
        Self::TokenOutlivesClient,
        Self::LooseTokens,
        Self::DetailsStay,
    ];
}

/// A registrar in memory with one mistake.
#[derive(Debug)]
pub struct MutantClients {
    mistake: RegistrarMistake,
    inner: MemoryClients,
    /// What was removed, for the mistake that keeps it.
    removed: std::sync::Mutex<Vec<Registration>>,
}

impl MutantClients {
    /// An empty registrar with this mistake.
    pub fn new(mistake: RegistrarMistake) -> Self {
        Self { mistake, inner: MemoryClients::new(StaticClients::default()), removed: Default::default() }
    }

    fn has(&self, mistake: RegistrarMistake) -> bool {
        self.mistake == mistake
    }

    fn stored(&self, id: &ClientId) -> Option<Registration> {
        self.inner.list().into_iter().find(|stored| stored.client.id == *id)
    }
}

#[async_trait]
impl ClientRegistry for MutantClients {
    async fn client(&self, id: &ClientId) -> Result<Option<RegisteredClient>, HostError> {
        self.inner.client(id).await
    }

    async fn is_known_origin(&self, origin: &str) -> Result<bool, HostError> {
        self.inner.is_known_origin(origin).await
    }
}

#[async_trait]
impl ClientRegistrar for MutantClients {
    async fn registration(&self, token: &RegistrationTokenHash) -> Result<Option<Registration>, StoreFault> {
        let found = self.inner.registration(token).await?;
        if self.has(RegistrarMistake::LooseTokens) && found.is_none() {
            let near = |stored: &Registration| stored.token.as_bytes().first() == token.as_bytes().first();
            return Ok(self.inner.list().into_iter().find(near));
        }
        if self.has(RegistrarMistake::TokenOutlivesClient) && found.is_none() {
            let removed = self.removed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            return Ok(removed.iter().find(|one| one.token == *token).cloned());
        }
        Ok(found)
    }

    async fn create(&self, op: &CreateClient) -> Result<Created, StoreFault> {
        let mut op = op.clone();
        if self.has(RegistrarMistake::TokensNotSpent) {
            op.spends = None;
        }
        if self.has(RegistrarMistake::SpentBeforeKept) && op.spends.is_some() {
            let mut first = op.clone();
            first.registration.client.id = ClientId::new("for the token alone");
            first.registration.token = RegistrationTokenHash::new([255; 32]);
            let spent = self.inner.create(&first).await?;
            let (id, token) = (first.registration.client.id, first.registration.token);
            self.inner.delete(&DeleteClient::new(id, token)).await?;
            if spent == Created::TokenSpent {
                return Ok(spent);
            }
            op.spends = None;
        }
        if self.has(RegistrarMistake::CreateReplaces)
            && let Some(stored) = self.stored(&op.registration.client.id)
        {
            self.inner.delete(&DeleteClient::new(stored.client.id, stored.token)).await?;
        }
        self.inner.create(&op).await
    }

    async fn update(&self, op: &UpdateClient) -> Result<Updated, StoreFault> {
        let mut op = op.clone();
        let stored = self.stored(&op.registration.client.id);
        if let Some(stored) = stored {
            if self.has(RegistrarMistake::LastChangeWins) {
                op.expected = stored.revision;
            }
            if self.has(RegistrarMistake::AnyTokenChanges) {
                op.registration.token = stored.token;
            }
            if self.has(RegistrarMistake::DetailsStay) {
                op.registration.details = stored.details;
            }
        }
        self.inner.update(&op).await
    }

    async fn delete(&self, op: &DeleteClient) -> Result<(), StoreFault> {
        let mut op = op.clone();
        if let Some(stored) = self.stored(&op.id) {
            if self.has(RegistrarMistake::AnyTokenRemoves) {
                op.token = stored.token;
            }
            if stored.token == op.token {
                self.removed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(stored);
            }
        }
        self.inner.delete(&op).await
    }
}
