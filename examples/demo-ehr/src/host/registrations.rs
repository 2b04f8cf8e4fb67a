//! Apps that registered themselves: kept where the grants are, looked at and let in by staff.

use async_trait::async_trait;
use vestibule::AuthorizationServer;
use vestibule_host::client::ClientStatus;
use vestibule_host::registration::Updated;
use vestibule_host::{ClientId, ClientRegistrar, MemoryClients, Registration, Revision, StoreFault, UserId};
use vestibule_postgres::PostgresClients;
use vestibule_sqlite::SqliteClients;

/// So many are shown, the newest.
pub const SHOWN: u16 = 200;

/// What the hospital's own pages need of a registrar beside what Vestibule needs.
#[async_trait]
pub trait Registrations: ClientRegistrar {
    /// The newest registrations, [`SHOWN`] at most.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn newest(&self) -> Result<Vec<Registration>, StoreFault>;

    /// The registration of an app.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn of(&self, id: &ClientId) -> Result<Option<Registration>, StoreFault>;
}

#[async_trait]
impl Registrations for SqliteClients {
    async fn newest(&self) -> Result<Vec<Registration>, StoreFault> {
        Self::newest(self, None, SHOWN).await
    }

    async fn of(&self, id: &ClientId) -> Result<Option<Registration>, StoreFault> {
        self.registration_of(id).await
    }
}

#[async_trait]
impl Registrations for PostgresClients {
    async fn newest(&self) -> Result<Vec<Registration>, StoreFault> {
        Self::newest(self, None, SHOWN).await
    }

    async fn of(&self, id: &ClientId) -> Result<Option<Registration>, StoreFault> {
        self.registration_of(id).await
    }
}

#[async_trait]
impl Registrations for MemoryClients {
    async fn newest(&self) -> Result<Vec<Registration>, StoreFault> {
        Ok(self.list().into_iter().rev().take(usize::from(SHOWN)).collect())
    }

    async fn of(&self, id: &ClientId) -> Result<Option<Registration>, StoreFault> {
        Ok(self.list().into_iter().find(|registration| registration.client.id == *id))
    }
}

/// Lets an app in or shuts it out, as somebody looked at it, and says in the audit log who did: `false` if that was another
/// version, or it is gone (SMART-REG-014).
///
/// # Errors
/// When the store does not answer.
pub async fn set_status(
    (server, registrations): (&AuthorizationServer, &dyn Registrations),
    id: &ClientId,
    looked_at: Revision,
    status: ClientStatus,
    staff: &UserId,
) -> Result<bool, StoreFault> {
    let Some(registration) = registrations.of(id).await? else { return Ok(false) };
    let Ok(change) = registration.changed(looked_at, |client| client.status = status) else {
        return Ok(false);
    };
    Ok(server.review_registration(&change, staff).await? == Updated::Won)
}
