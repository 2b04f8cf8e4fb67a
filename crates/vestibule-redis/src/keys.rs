//! Key documents: private keys included, which is why the server, its file and its backups must be as well kept as a key file.

use async_trait::async_trait;
use vestibule_host::{KeyDocument, KeySaved, KeyStore, StoreFault, Tenant};

use crate::RedisStore;
use crate::error::Unreadable;
use crate::reply::Reply;
use crate::script::Ask;

const ROW: (&str, &[u8]) = ("keys", b"");

/// The revision of a row that is there.
fn revision(row: &mut Reply) -> Result<Option<u64>, StoreFault> {
    match row.maybe()?.as_deref() {
        None => Ok(None),
        Some(b"1") => row.number().map(Some),
        Some(_) => Err(StoreFault::not_applied("key documents that a newer version wrote")),
    }
}

#[async_trait]
impl KeyStore for RedisStore {
    async fn load(&self, tenant: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        let mut row = self.fields(tenant, ROW, &["v", "n", "d"]).await?;
        let Some(revision) = revision(&mut row)? else { return Ok(None) };
        Ok(Some((revision, KeyDocument::new(row.bytes()?))))
    }

    async fn revision(&self, tenant: &Tenant) -> Result<Option<u64>, StoreFault> {
        revision(&mut self.fields(tenant, ROW, &["v", "n"]).await?)
    }

    async fn save(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        let next = expected.map_or(1, |read| read.saturating_add(1));
        let ask = Ask::default()
            .maybe("expected", expected.map(|read| read.to_string()))
            .number("next", next)
            .with("document", document.expose_secret());
        let mut reply = self.write(&self.scripts().keys, tenant, ask).await?;
        match reply.text()?.as_str() {
            "saved" => Ok(KeySaved::Saved(next)),
            "stale" => Ok(KeySaved::Stale),
            _ => Err(StoreFault::outcome_unknown(Unreadable)),
        }
    }
}
