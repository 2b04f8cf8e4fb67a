//! Key documents: private keys included, which is why the file is its owner's only.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use vestibule_host::{KeyDocument, KeySaved, KeyStore, StoreFault, Tenant};

use crate::SqliteStore;
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
struct Load(Tenant);

#[derive(Debug)]
struct Save {
    tenant: Tenant,
    expected: Option<u64>,
    document: KeyDocument,
}

impl Operation for Load {
    type Output = Option<(u64, KeyDocument)>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let mut statement = on.prepare_cached(&sql.load_keys)?;
        let row = statement.query_row([self.0.as_str().as_bytes()], |row| {
            Ok((row.get::<_, u64>(0)?, KeyDocument::new(row.get(1)?)))
        });
        Ok(Effect::Keep(row.optional()?))
    }
}

impl Operation for Save {
    type Output = KeySaved;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<KeySaved>, Failure> {
        let (tenant, document) = (self.tenant.as_str().as_bytes(), self.document.expose_secret());
        let saved = match self.expected {
            None => on.prepare_cached(&sql.first_keys)?.execute(params![tenant, document])?,
            Some(read) => on.prepare_cached(&sql.save_keys)?.execute(params![tenant, read, document])?,
        };
        let revision = self.expected.map_or(1, |read| read.saturating_add(1));
        Ok(Effect::Keep(if saved == 1 { KeySaved::Saved(revision) } else { KeySaved::Stale }))
    }
}

#[async_trait]
impl KeyStore for SqliteStore {
    async fn load(&self, tenant: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        self.read(Load(tenant.clone())).await
    }

    async fn save(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        self.write(Save { tenant: tenant.clone(), expected, document: document.clone() }).await
    }
}
