//! Reads: they inform and prove nothing. One round trip each.

use vestibule_host::{
    AccessKey, Call, GrantId, GrantKey, InteractionHash, LaunchHash, Record, Revision, StoreFault,
    StoredAccess, StoredGrant, StoredInteraction, UserId,
};

use crate::RedisStore;
use crate::error::Unreadable;
use crate::reply::Reply;
use crate::script::Ask;

/// So many ids of a user are looked at in one run of the script.
const LOOK: u16 = 256;

impl RedisStore {
    pub(super) async fn read_interaction(
        &self,
        id: &InteractionHash,
        call: &Call,
    ) -> Result<Option<StoredInteraction>, StoreFault> {
        let mut row = self.fields(&call.tenant, ("i:", id.as_bytes()), &["v", "e", "n", "r"]).await?;
        if !is_there(&mut row)? || row.time()?.is_over(call.now) {
            return Ok(None);
        }
        Ok(Some(StoredInteraction { revision: Revision(row.number()?), record: row.record()? }))
    }

    pub(super) async fn read_launch(
        &self,
        hash: &LaunchHash,
        call: &Call,
    ) -> Result<Option<Record>, StoreFault> {
        let mut row = self.fields(&call.tenant, ("l:", hash.as_bytes()), &["v", "e", "x", "r"]).await?;
        if !is_there(&mut row)? || row.time()?.is_over(call.now) || row.flag()? {
            return Ok(None);
        }
        row.record().map(Some)
    }

    pub(super) async fn read_grant(
        &self,
        by: GrantKey<'_>,
        call: &Call,
    ) -> Result<Option<StoredGrant>, StoreFault> {
        let ask = Ask::at(call.now);
        let ask = match by {
            GrantKey::Id(id) => ask.with("grant", id.as_str()),
            GrantKey::Code(code) => ask.with("code", code.as_bytes()),
            GrantKey::Refresh(handle) => ask.with("handle", handle.as_bytes()),
        };
        self.read(&self.scripts().grant, &call.tenant, ask).await?.grant()
    }

    pub(super) async fn read_access(
        &self,
        by: AccessKey<'_>,
        call: &Call,
    ) -> Result<Option<StoredAccess>, StoreFault> {
        let ask = Ask::at(call.now);
        let ask = match by {
            AccessKey::Opaque(hash) => ask.with("hash", hash.as_bytes()),
            AccessKey::Jwt { id, grant } => {
                ask.with("jwt", id.as_str()).maybe("grant", grant.map(|grant| grant.as_str()))
            }
        };
        let mut known = self.read(&self.scripts().access, &call.tenant, ask).await?;
        if known.is_over() {
            return Ok(None);
        }
        let revoked = known.flag()?;
        let expires = known.time_if_there()?;
        let record = known.maybe()?.map(|record| Record(record.into()));
        Ok(Some(StoredAccess { record, expires, revoked, grant: known.grant()? }))
    }

    pub(super) async fn read_grants_of(
        &self,
        user: &UserId,
        after: Option<&GrantId>,
        limit: u16,
        call: &Call,
    ) -> Result<Vec<StoredGrant>, StoreFault> {
        let mut found = Vec::new();
        let mut after = after.map(|after| after.as_str().as_bytes().to_vec());
        while found.len() < usize::from(limit) {
            let left = usize::from(limit).saturating_sub(found.len());
            let ask = Ask::at(call.now)
                .with("user", user.as_str())
                .maybe("after", after.as_ref())
                .number("look", LOOK)
                .with("limit", left.to_string());
            let mut page = self.read(&self.scripts().grants_of, &call.tenant, ask).await?;
            after = page.maybe()?;
            let mut grants = page.list()?.ok_or_else(|| StoreFault::not_applied(Unreadable))?;
            while !grants.is_over() {
                found.extend(grants.grant()?);
            }
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

/// Whether the row is there, by its version. One that a newer version wrote is nobody's to judge.
fn is_there(row: &mut Reply) -> Result<bool, StoreFault> {
    match row.maybe()?.as_deref() {
        None => Ok(false),
        Some(b"1") => Ok(true),
        Some(_) => Err(StoreFault::not_applied("a row that a newer version wrote")),
    }
}
