//! Apps that registered themselves, beside the clients of a file.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_postgres::Row;
use vestibule_host::registration::{CreateClient, Created, DeleteClient, UpdateClient, Updated};
use vestibule_host::{
    ClientId, ClientRegistrar, ClientRegistry, HostError, Record, RegisteredClient, Registration,
    RegistrationTokenHash, StaticClients, StoreFault, Tenant,
};

use crate::PostgresStore;
use crate::row::{Read, of_read, of_verb, outcome, record, unknown};
use crate::session::Hold;

/// The apps of one issuer that registered themselves, in a [`PostgresStore`]. Beside them stand the clients of a file.
///
/// An operator's change is read, decided and written under the revision that was looked at:
///
/// ```
/// use vestibule_host::{ClientRegistrar, ClientStatus, Registration};
/// use vestibule_postgres::PostgresClients;
///
/// /// After somebody looked at it.
/// async fn let_in(clients: &PostgresClients, seen: &Registration) -> Result<(), Box<dyn std::error::Error>> {
///     let change = seen.changed(seen.revision, |client| client.status = ClientStatus::Enabled)?;
///     println!("{:?}", clients.update(&change).await?);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct PostgresClients {
    store: PostgresStore,
    tenant: Tenant,
    fixed: Arc<StaticClients>,
    max: u32,
}

impl PostgresClients {
    /// The apps of this issuer, with room for 10 000.
    pub fn new(store: PostgresStore, tenant: Tenant, fixed: StaticClients) -> Self {
        Self::with_limit(store, tenant, fixed, 10_000)
    }

    /// The apps of this issuer, with room for `max` of them and for as many spent tokens. One more is [`StoreFault::Full`].
    pub fn with_limit(store: PostgresStore, tenant: Tenant, fixed: StaticClients, max: u32) -> Self {
        Self { store, tenant, fixed: Arc::new(fixed), max }
    }

    /// The newest registrations, those before `before`: for an operator's page.
    ///
    /// # Errors
    /// A [`StoreFault`].
    pub async fn newest(
        &self,
        before: Option<&Registration>,
        max: u16,
    ) -> Result<Vec<Registration>, StoreFault> {
        let (issued, id) = match before {
            Some(last) => (last.issued_at.0, last.client.id.as_str().as_bytes()),
            None => (i64::MAX, [].as_slice()),
        };
        let max = i64::from(max);
        let rows = self
            .store
            .read(&self.store.sql().newest_registrations, &[&self.tenant(), &issued, &id, &max])
            .await?;
        of_read(rows.iter().map(decode).collect())
    }

    /// The registration of this app.
    ///
    /// # Errors
    /// A [`StoreFault`].
    pub async fn registration_of(&self, id: &ClientId) -> Result<Option<Registration>, StoreFault> {
        let id = id.as_str().as_bytes();
        let row = self.store.find(&self.store.sql().registration_by_id, &[&self.tenant(), &id]).await?;
        of_read(row.map(|row| decode(&row)).transpose())
    }

    fn tenant(&self) -> &[u8] {
        self.tenant.as_str().as_bytes()
    }
}

fn decode(row: &Row) -> Read<Registration> {
    Ok(Registration::from_record(&record(row, 0)?)?)
}

fn encode(registration: &Registration) -> Result<Record, StoreFault> {
    registration.to_record().map_err(StoreFault::not_applied)
}

/// Only an enabled app's origins are known ones (CORS-003).
fn origins(client: &RegisteredClient) -> Vec<&[u8]> {
    client.allowed_origins.iter().filter(|_| client.is_enabled()).map(|origin| origin.as_bytes()).collect()
}

fn number(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

#[async_trait]
impl ClientRegistry for PostgresClients {
    async fn client(&self, id: &ClientId) -> Result<Option<RegisteredClient>, HostError> {
        if let Some(client) = self.fixed.client(id).await? {
            return Ok(Some(client));
        }
        let found = self.registration_of(id).await.map_err(HostError::new)?;
        Ok(found.map(|registration| registration.client))
    }

    async fn is_known_origin(&self, origin: &str) -> Result<bool, HostError> {
        if self.fixed.is_known_origin(origin).await? {
            return Ok(true);
        }
        let origins = vec![origin.as_bytes()];
        let row = self.store.find(&self.store.sql().known_origin, &[&self.tenant(), &origins]).await;
        Ok(row.map_err(HostError::new)?.is_some())
    }

    fn fixed(&self) -> &[RegisteredClient] {
        self.fixed.fixed()
    }
}

#[async_trait]
impl ClientRegistrar for PostgresClients {
    async fn registration(&self, token: &RegistrationTokenHash) -> Result<Option<Registration>, StoreFault> {
        let token: &[u8] = token.as_bytes();
        let row = self.store.find(&self.store.sql().registration_by_token, &[&self.tenant(), &token]).await?;
        of_read(row.map(|row| decode(&row)).transpose())
    }

    async fn create(&self, op: &CreateClient) -> Result<Created, StoreFault> {
        let registration = &op.registration;
        let client = &registration.client;
        if self.fixed.client(&client.id).await.map_err(StoreFault::not_applied)?.is_some() {
            return Ok(Created::IdTaken);
        }
        let tenant = self.tenant();
        let (id, token): (_, &[u8]) = (client.id.as_str().as_bytes(), registration.token.as_bytes());
        let (record, origins) = (encode(registration)?, origins(client));
        let record: &[u8] = &record.0;
        let spends = op.spends.as_ref().map(|spends| spends.hash.as_bytes().as_slice());
        let keep_until = op.spends.and_then(|spends| spends.keep_until).map(|end| end.0);
        let row = self
            .store
            .verb(
                &self.store.sql().create_registration,
                &[
                    &tenant,
                    &op.now.0,
                    &id,
                    &token,
                    &number(registration.revision.0),
                    &registration.issued_at.0,
                    &origins,
                    &record,
                    &spends,
                    &keep_until,
                    &i64::from(self.max),
                ],
                // No app has an empty id, so this is the issuer's own quota.
                Hold::Quota { tenant, client: &[] },
            )
            .await?;
        match of_verb(outcome(&row))? {
            "won" => Ok(Created::Won),
            "token_spent" => Ok(Created::TokenSpent),
            "id_taken" => Ok(Created::IdTaken),
            "full" => Err(StoreFault::Full),
            other => Err(unknown(other)),
        }
    }

    async fn update(&self, op: &UpdateClient) -> Result<Updated, StoreFault> {
        let registration = &op.registration;
        let (id, token): (_, &[u8]) =
            (registration.client.id.as_str().as_bytes(), registration.token.as_bytes());
        let (record, origins) = (encode(registration)?, origins(&registration.client));
        let record: &[u8] = &record.0;
        let row = self
            .store
            .verb(
                &self.store.sql().update_registration,
                &[
                    &self.tenant(),
                    &id,
                    &token,
                    &number(op.expected.0),
                    &number(registration.revision.0),
                    &origins,
                    &record,
                ],
                Hold::Nothing,
            )
            .await?;
        match of_verb(outcome(&row))? {
            "won" => Ok(Updated::Won),
            "stale" => Ok(Updated::Stale),
            "gone" => Ok(Updated::Gone),
            other => Err(unknown(other)),
        }
    }

    async fn delete(&self, op: &DeleteClient) -> Result<(), StoreFault> {
        let (id, token): (_, &[u8]) = (op.id.as_str().as_bytes(), op.token.as_bytes());
        self.store
            .write(&self.store.sql().delete_registration, &[&self.tenant(), &id, &token])
            .await
            .map(drop)
    }
}
