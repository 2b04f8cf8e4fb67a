//! The key document: compare-and-swap on its revision.

use async_trait::async_trait;
use vestibule_host::{BoxError, KeyDocument, KeySaved, KeyStore, StoreFault, Tenant};

use crate::PostgresStore;
use crate::row::{get, of_read, of_verb};

fn revision(number: i64) -> Result<u64, BoxError> {
    Ok(u64::try_from(number)?)
}

#[async_trait]
impl KeyStore for PostgresStore {
    async fn load(&self, tenant: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        let tenant = tenant.as_str().as_bytes();
        let Some(row) = self.find(&self.sql().load_keys, &[&tenant]).await? else { return Ok(None) };
        let stored = || Ok((revision(get(&row, 0)?)?, KeyDocument::new(get(&row, 1)?)));
        of_read(stored().map(Some))
    }

    async fn revision(&self, tenant: &Tenant) -> Result<Option<u64>, StoreFault> {
        let tenant = tenant.as_str().as_bytes();
        let row = self.find(&self.sql().key_revision, &[&tenant]).await?;
        of_read(row.map(|row| revision(get(&row, 0)?)).transpose())
    }

    async fn save(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        let (tenant, document) = (tenant.as_str().as_bytes(), document.expose_secret());
        let saved = match expected {
            None => self.write(&self.sql().first_keys, &[&tenant, &document]).await?,
            Some(read) => {
                // A revision that is too large for the column was never given out.
                let read = i64::try_from(read).unwrap_or(i64::MAX);
                self.write(&self.sql().save_keys, &[&tenant, &read, &document]).await?
            }
        };
        let Some(row) = saved.first() else { return Ok(KeySaved::Stale) };
        of_verb(get(row, 0).and_then(revision)).map(KeySaved::Saved)
    }
}
