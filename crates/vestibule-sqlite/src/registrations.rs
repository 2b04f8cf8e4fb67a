//! Apps that registered themselves, beside the clients of a file.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use vestibule_host::registration::{CreateClient, Created, DeleteClient, SpendToken, UpdateClient, Updated};
use vestibule_host::{
    ClientId, ClientRegistrar, ClientRegistry, HostError, Record, RegisteredClient, Registration,
    RegistrationTokenHash, StaticClients, StoreFault, Tenant, UnixMillis,
};

use crate::SqliteStore;
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

/// Spent tokens that are over go with the next registration, so many at a time.
const SWEPT: u16 = 100;

/// The apps of one issuer that registered themselves, in an [`SqliteStore`]. Beside them stand the clients of a file.
///
/// An operator's change is read, decided and written under the revision that was looked at:
///
/// ```
/// use vestibule_host::{ClientRegistrar, ClientStatus, Registration, StaticClients, Tenant};
/// use vestibule_sqlite::{SqliteClients, SqliteOptions, SqliteStore};
///
/// /// After somebody looked at it.
/// async fn let_in(clients: &SqliteClients, seen: &Registration) -> Result<(), Box<dyn std::error::Error>> {
///     let change = seen.changed(seen.revision, |client| client.status = ClientStatus::Enabled)?;
///     println!("{:?}", clients.update(&change).await?);
///     Ok(())
/// }
///
/// let store = SqliteStore::open_in_memory(SqliteOptions::default())?;
/// let clients = SqliteClients::new(store, Tenant::new("https://ehr.example"), StaticClients::default());
/// # drop(clients);
/// # Ok::<(), vestibule_sqlite::OpenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteClients {
    store: SqliteStore,
    tenant: Tenant,
    fixed: Arc<StaticClients>,
    max: u32,
}

impl SqliteClients {
    /// The apps of this issuer, with room for 10 000.
    pub fn new(store: SqliteStore, tenant: Tenant, fixed: StaticClients) -> Self {
        Self::with_limit(store, tenant, fixed, 10_000)
    }

    /// The apps of this issuer, with room for `max` of them and for as many spent tokens. One more is [`StoreFault::Full`].
    pub fn with_limit(store: SqliteStore, tenant: Tenant, fixed: StaticClients, max: u32) -> Self {
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
        let before = before.map(|last| (last.issued_at, last.client.id.clone()));
        self.store.read(Newest { tenant: self.tenant.clone(), before, max }).await
    }

    /// The registration of this app.
    ///
    /// # Errors
    /// A [`StoreFault`].
    pub async fn registration_of(&self, id: &ClientId) -> Result<Option<Registration>, StoreFault> {
        self.store.read(ById(self.tenant.clone(), id.clone())).await
    }
}

#[derive(Debug)]
struct ById(Tenant, ClientId);

#[derive(Debug)]
struct ByToken(Tenant, RegistrationTokenHash);

#[derive(Debug)]
struct Newest {
    tenant: Tenant,
    before: Option<(UnixMillis, ClientId)>,
    max: u16,
}

#[derive(Debug)]
struct KnownOrigin(Tenant, String);

#[derive(Debug)]
struct Create {
    tenant: Tenant,
    max: u32,
    op: CreateClient,
}

#[derive(Debug)]
struct Update(Tenant, UpdateClient);

#[derive(Debug)]
struct Delete(Tenant, DeleteClient);

fn record(row: &Row<'_>) -> rusqlite::Result<Vec<u8>> {
    row.get(0)
}

fn decode(record: Vec<u8>) -> Result<Registration, Failure> {
    Ok(Registration::from_record(&Record(record.into())).map_err(StoreFault::not_applied)?)
}

fn encode(registration: &Registration) -> Result<Record, Failure> {
    Ok(registration.to_record().map_err(StoreFault::not_applied)?)
}

/// The one value of a statement.
fn value<T: FromSql>(on: &Connection, sql: &str, with: impl Params) -> rusqlite::Result<T> {
    on.prepare_cached(sql)?.query_row(with, |row| row.get(0))
}

/// Only an enabled app's origins are known ones (CORS-003).
fn keep_origins(
    on: &Connection,
    sql: &Statements,
    tenant: &Tenant,
    client: &RegisteredClient,
) -> Result<(), Failure> {
    let (tenant, id) = (tenant.as_str().as_bytes(), client.id.as_str().as_bytes());
    let mut insert = on.prepare_cached(&sql.keep_origin)?;
    for origin in client.allowed_origins.iter().filter(|_| client.is_enabled()) {
        insert.execute(params![tenant, origin.as_bytes(), id])?;
    }
    Ok(())
}

impl Operation for ById {
    type Output = Option<Registration>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let key = params![self.0.as_str().as_bytes(), self.1.as_str().as_bytes()];
        let found = on.prepare_cached(&sql.registration_by_id)?.query_row(key, record).optional()?;
        found.map(decode).transpose().map(Effect::Keep)
    }
}

impl Operation for ByToken {
    type Output = Option<Registration>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let key = params![self.0.as_str().as_bytes(), self.1.as_bytes()];
        let found = on.prepare_cached(&sql.registration_by_token)?.query_row(key, record).optional()?;
        found.map(decode).transpose().map(Effect::Keep)
    }
}

impl Operation for Newest {
    type Output = Vec<Registration>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let (issued, id) = match &self.before {
            Some((issued, id)) => (issued.0, id.as_str().as_bytes()),
            None => (i64::MAX, [].as_slice()),
        };
        let mut statement = on.prepare_cached(&sql.newest_registrations)?;
        let rows =
            statement.query_map(params![self.tenant.as_str().as_bytes(), issued, id, self.max], record)?;
        rows.map(|row| decode(row?)).collect::<Result<_, _>>().map(Effect::Keep)
    }
}

impl Operation for KnownOrigin {
    type Output = bool;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<bool>, Failure> {
        let key = params![self.0.as_str().as_bytes(), self.1.as_bytes()];
        Ok(Effect::Keep(value(on, &sql.known_origin, key)?))
    }
}

impl Operation for Create {
    /// `None`: the bound of the registry is reached, not the disk's.
    type Output = Option<Created>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Option<Created>>, Failure> {
        let (tenant, registration) = (self.tenant.as_str().as_bytes(), &self.op.registration);
        let (id, token) = (registration.client.id.as_str().as_bytes(), registration.token.as_bytes());
        on.prepare_cached(&sql.purge_spent_tokens)?.execute(params![self.op.now.0, SWEPT])?;
        if let Some(SpendToken { hash, keep_until }) = self.op.spends {
            let spend = params![tenant, hash.as_bytes(), keep_until.map(|end| end.0), self.op.now.0];
            if on.prepare_cached(&sql.spend_initial_token)?.execute(spend)? == 0 {
                return Ok(Effect::Undo(Some(Created::TokenSpent)));
            }
        }
        // What was spent above comes back with the savepoint.
        let insert = params![
            tenant,
            id,
            token,
            registration.revision.0,
            registration.issued_at.0,
            &*encode(registration)?.0
        ];
        if on.prepare_cached(&sql.create_registration)?.execute(insert)? == 0 {
            return Ok(Effect::Undo(Some(Created::IdTaken)));
        }
        let spent = self.op.spends.map(|_| &sql.spent_tokens_beyond);
        for count in [Some(&sql.registrations_beyond), spent].into_iter().flatten() {
            if value(on, count, params![tenant, self.max])? {
                return Ok(Effect::Undo(None));
            }
        }
        keep_origins(on, sql, &self.tenant, &registration.client)?;
        Ok(Effect::Keep(Some(Created::Won)))
    }
}

impl Operation for Update {
    type Output = Updated;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Updated>, Failure> {
        let UpdateClient { expected, registration, .. } = &self.1;
        let tenant = self.0.as_str().as_bytes();
        let (id, token) = (registration.client.id.as_str().as_bytes(), registration.token.as_bytes());
        let record = encode(registration)?;
        let update = params![tenant, id, token, expected.0, registration.revision.0, &*record.0];
        if on.prepare_cached(&sql.update_registration)?.execute(update)? == 1 {
            on.prepare_cached(&sql.forget_origins)?.execute(params![tenant, id])?;
            keep_origins(on, sql, &self.0, &registration.client)?;
            return Ok(Effect::Keep(Updated::Won));
        }
        let there = value(on, &sql.registration_is_there, params![tenant, id, token])?;
        Ok(Effect::Keep(if there { Updated::Stale } else { Updated::Gone }))
    }
}

impl Operation for Delete {
    type Output = ();

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<()>, Failure> {
        let key = params![self.0.as_str().as_bytes(), self.1.id.as_str().as_bytes(), self.1.token.as_bytes()];
        on.prepare_cached(&sql.delete_registration)?.execute(key)?;
        Ok(Effect::Keep(()))
    }
}

#[async_trait]
impl ClientRegistry for SqliteClients {
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
        self.store.read(KnownOrigin(self.tenant.clone(), origin.to_owned())).await.map_err(HostError::new)
    }

    fn fixed(&self) -> &[RegisteredClient] {
        self.fixed.fixed()
    }
}

#[async_trait]
impl ClientRegistrar for SqliteClients {
    async fn registration(&self, token: &RegistrationTokenHash) -> Result<Option<Registration>, StoreFault> {
        self.store.read(ByToken(self.tenant.clone(), *token)).await
    }

    async fn create(&self, op: &CreateClient) -> Result<Created, StoreFault> {
        let id = &op.registration.client.id;
        if self.fixed.client(id).await.map_err(StoreFault::not_applied)?.is_some() {
            return Ok(Created::IdTaken);
        }
        let create = Create { tenant: self.tenant.clone(), max: self.max, op: op.clone() };
        self.store.write(create).await?.ok_or(StoreFault::Full)
    }

    async fn update(&self, op: &UpdateClient) -> Result<Updated, StoreFault> {
        self.store.write(Update(self.tenant.clone(), op.clone())).await
    }

    async fn delete(&self, op: &DeleteClient) -> Result<(), StoreFault> {
        self.store.write(Delete(self.tenant.clone(), op.clone())).await
    }
}
