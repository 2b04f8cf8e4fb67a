//! Reads: they inform and prove nothing.

use vestibule_host::{
    AccessKey, Call, GrantId, GrantKey, InteractionHash, LaunchHash, Record, StoreFault, StoredAccess,
    StoredGrant, StoredInteraction, UnixMillis, UserId,
};

use crate::PostgresStore;
use crate::row::{self, GRANT_COLUMNS, get, of_read};

pub(super) async fn interaction(
    store: &PostgresStore,
    id: &InteractionHash,
    call: &Call,
) -> Result<Option<StoredInteraction>, StoreFault> {
    let (tenant, id) = (call.tenant.as_str().as_bytes(), id.as_bytes().as_slice());
    let found = store.find(&store.sql().interaction, &[&tenant, &id, &call.now.0]).await?;
    of_read(found.map(|row| row::interaction(&row, 0)).transpose())
}

pub(super) async fn launch(
    store: &PostgresStore,
    hash: &LaunchHash,
    call: &Call,
) -> Result<Option<Record>, StoreFault> {
    let (tenant, hash) = (call.tenant.as_str().as_bytes(), hash.as_bytes().as_slice());
    let found = store.find(&store.sql().launch, &[&tenant, &hash, &call.now.0]).await?;
    of_read(found.map(|row| row::record(&row, 0)).transpose())
}

pub(super) async fn grant(
    store: &PostgresStore,
    by: GrantKey<'_>,
    call: &Call,
) -> Result<Option<StoredGrant>, StoreFault> {
    let (statement, key) = match by {
        GrantKey::Id(id) => (&store.sql().grant_by_id, id.as_str().as_bytes()),
        GrantKey::Code(code) => (&store.sql().grant_by_code, code.as_bytes().as_slice()),
        GrantKey::Refresh(handle) => (&store.sql().grant_by_refresh, handle.as_bytes().as_slice()),
    };
    let tenant = call.tenant.as_str().as_bytes();
    let found = store.find(statement, &[&tenant, &key, &call.now.0]).await?;
    of_read(found.map(|row| row::grant(&row)).transpose())
}

pub(super) async fn access(
    store: &PostgresStore,
    by: AccessKey<'_>,
    call: &Call,
) -> Result<Option<StoredAccess>, StoreFault> {
    let (tenant, now) = (call.tenant.as_str().as_bytes(), call.now.0);
    match by {
        AccessKey::Opaque(hash) => {
            let hash = hash.as_bytes().as_slice();
            let Some(row) = store.find(&store.sql().access, &[&tenant, &hash, &now]).await? else {
                return Ok(None);
            };
            let known = || {
                Ok(StoredAccess {
                    record: Some(row::record(&row, GRANT_COLUMNS)?),
                    expires: Some(UnixMillis(get(&row, GRANT_COLUMNS + 1)?)),
                    revoked: get(&row, GRANT_COLUMNS + 2)?,
                    grant: row::grant_if_there(&row)?,
                })
            };
            of_read(known().map(Some))
        }
        AccessKey::Jwt { id, grant } => {
            let (id, grant) = (id.as_str().as_bytes(), grant.map(|grant| grant.as_str().as_bytes()));
            let row = store.find(&store.sql().jwt, &[&tenant, &id, &grant, &now]).await?;
            let row = row.ok_or_else(|| StoreFault::not_applied("the database gave no answer"))?;
            let known = || {
                let (revoked, grant) = (get(&row, GRANT_COLUMNS)?, row::grant_if_there(&row)?);
                Ok(StoredAccess { record: None, expires: None, revoked, grant })
            };
            of_read(known().map(Some))
        }
    }
}

pub(super) async fn grants_of(
    store: &PostgresStore,
    user: &UserId,
    after: Option<&GrantId>,
    limit: u16,
    call: &Call,
) -> Result<Vec<StoredGrant>, StoreFault> {
    let (tenant, user) = (call.tenant.as_str().as_bytes(), user.as_str().as_bytes());
    let (after, limit) = (after.map(|id| id.as_str().as_bytes()), i64::from(limit));
    let rows = store.read(&store.sql().grants_of, &[&tenant, &user, &after, &call.now.0, &limit]).await?;
    of_read(rows.iter().map(row::grant).collect())
}
