//! Where registrations are kept.

use async_trait::async_trait;
use vestibule_scope::ScopeSet;

use crate::client::{AppDetails, WrongField};
use crate::{
    ClientId, ClientRegistry, InitialTokenHash, RegisteredClient, RegistrationTokenHash, Revision,
    StoreFault, UnixMillis,
};

/// An app that registered itself.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Registration {
    /// The app.
    pub client: RegisteredClient,
    /// What it tells people.
    pub details: AppDetails,
    /// The software statement that it came with and that was trusted.
    pub software_statement: Option<String>,
    /// What it may ask for at most, whatever it changes.
    pub ceiling: ScopeSet,
    /// `client_id_issued_at`.
    pub issued_at: UnixMillis,
    /// The only thing that is kept of its registration access token (DCRM-001).
    pub token: RegistrationTokenHash,
    /// How often it was changed.
    pub revision: Revision,
}

impl Registration {
    /// A registration that was never changed.
    pub fn new(
        client: RegisteredClient,
        details: AppDetails,
        ceiling: ScopeSet,
        issued_at: UnixMillis,
        token: RegistrationTokenHash,
    ) -> Self {
        Self { client, details, software_statement: None, ceiling, issued_at, token, revision: Revision(0) }
    }

    /// With the software statement that was trusted.
    #[must_use]
    pub fn with_statement(mut self, statement: Option<String>) -> Self {
        self.software_statement = statement;
        self
    }

    /// An operator's change to what was looked at: enable it, disable it, grant it a privilege. What comes of it is for
    /// [`ClientRegistrar::update`], which makes it if nobody was faster.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn changed(
        &self,
        looked_at: Revision,
        change: impl FnOnce(&mut RegisteredClient),
    ) -> Result<UpdateClient, ChangeError> {
        if self.revision != looked_at {
            return Err(ChangeError::Stale);
        }
        let mut registration = self.clone();
        change(&mut registration.client);
        // Its id is not for anybody to change.
        registration.client.id = self.client.id.clone();
        registration.revision = Revision(looked_at.0.saturating_add(1));
        let wrongs = registration.client.wrongs();
        if !wrongs.is_empty() {
            return Err(ChangeError::Wrong(wrongs));
        }
        registration.client.version = registration.client.fingerprint();
        Ok(UpdateClient::new(looked_at, registration))
    }
}

/// Why an operator's change was not made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such registration.
    #[error("no such registration")]
    Gone,
    /// The app changed its registration since somebody looked at it.
    #[error("the registration was changed since it was looked at")]
    Stale,
    /// The change breaks a rule.
    #[error("the change breaks a rule: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Wrong(Vec<WrongField>),
}

/// An initial access token that buys one registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpendToken {
    /// The token.
    pub hash: InitialTokenHash,
    /// Until when it must be remembered; `None`: forever.
    pub keep_until: Option<UnixMillis>,
}

/// Keeps a new registration.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct CreateClient {
    /// The registration.
    pub registration: Registration,
    /// The token that is spent with it.
    pub spends: Option<SpendToken>,
    /// The present moment.
    pub now: UnixMillis,
}

impl CreateClient {
    /// A new registration.
    pub const fn new(registration: Registration, spends: Option<SpendToken>, now: UnixMillis) -> Self {
        Self { registration, spends, now }
    }
}

/// What became of a [`CreateClient`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Created {
    /// It is kept, and the token is spent.
    Won,
    /// There is a client with this id. Nothing was kept or spent.
    IdTaken,
    /// The token had bought a registration before. Nothing was kept.
    TokenSpent,
}

/// Puts a registration in the place of an older one.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct UpdateClient {
    /// What it replaces: the registration of this client, at this revision, with this token.
    pub expected: Revision,
    /// The registration. Its token is the one it had; its revision is the next.
    pub registration: Registration,
}

impl UpdateClient {
    /// Replaces the registration that has the same id and token, at this revision.
    pub const fn new(expected: Revision, registration: Registration) -> Self {
        Self { expected, registration }
    }
}

/// What became of an [`UpdateClient`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Updated {
    /// It is replaced.
    Won,
    /// It was changed in the meantime. Nothing happened.
    Stale,
    /// There is none with this id and this token. Nothing happened.
    Gone,
}

/// Removes a registration.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct DeleteClient {
    /// The client.
    pub id: ClientId,
    /// Its token.
    pub token: RegistrationTokenHash,
}

impl DeleteClient {
    /// Removes the registration with this id and this token.
    pub const fn new(id: ClientId, token: RegistrationTokenHash) -> Self {
        Self { id, token }
    }
}

/// Keeps the registrations of apps that registered themselves. What it keeps it also answers for as a [`ClientRegistry`], next to
/// clients of other origin that the host may have.
///
/// # Contract
/// * **One call, one transaction.** Each verb tests its preconditions and writes in one commit; two calls for one client, or with
///   one token, come one after the other.
/// * `create` inserts and never replaces: not a registration, not a client of another origin.
/// * `update` and `delete` find a registration by id **and** token; a token is never accepted for another client (DCRM-001).
/// * What is answered by [`ClientRegistry::client`] afterwards is what was written: no cache is older than the answer to a verb.
/// * The engine passes hashes of tokens. It never passes a token, and none is to be kept.
/// * An operator's decision (to enable, to disable, to grant a privilege) goes through the host's own hands, as a change at a
///   revision like any other: it must fail if the app changed its registration since somebody looked at it.
///
/// # Keeping it in a database
/// One row a client: its id and the hash of its token (each unique), the revision, and
/// [`Registration::to_record`]; a table of the origins of enabled apps; a table of spent tokens. For an operator's page, a way to
/// list them.
///
/// # Bounds
/// A registrar that is full says [`StoreFault::Full`] and evicts nobody.
#[async_trait]
pub trait ClientRegistrar: ClientRegistry {
    /// The registration that this token is for. It informs; it proves no freshness.
    ///
    /// # Errors
    /// A [`StoreFault`] when nobody knows.
    async fn registration(&self, token: &RegistrationTokenHash) -> Result<Option<Registration>, StoreFault>;

    /// Keeps a new registration and spends the token that buys it.
    ///
    /// # Errors
    /// A [`StoreFault`]; nothing is spent unless it is kept.
    async fn create(&self, op: &CreateClient) -> Result<Created, StoreFault>;

    /// Replaces a registration.
    ///
    /// # Errors
    /// A [`StoreFault`].
    async fn update(&self, op: &UpdateClient) -> Result<Updated, StoreFault>;

    /// Removes a registration and its token. Removing what is not there is done already.
    ///
    /// # Errors
    /// A [`StoreFault`].
    async fn delete(&self, op: &DeleteClient) -> Result<(), StoreFault>;
}
