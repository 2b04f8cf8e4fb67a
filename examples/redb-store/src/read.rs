//! Reads: each sees the newest commit, and the whole of it. What is over is no row.

use std::ops::Bound;

use redb::ReadTransaction;
use vestibule_host::{
    AccessKey, Call, GrantId, GrantKey, InteractionHash, LaunchHash, Record, Revision, StoredAccess,
    StoredGrant, StoredInteraction, UnixMillis, UserId,
};

use crate::fault::Stop;
use crate::rows::{
    ACCESS, CHAINS, CODES, GRANTS, INTERACTIONS, LAUNCHES, OWNED, Owner, TOKENS, grant_at, record,
};

/// [`GrantKey`], owned.
pub(crate) enum Find {
    Id(GrantId),
    Code([u8; 32]),
    Refresh([u8; 32]),
}

impl From<GrantKey<'_>> for Find {
    fn from(key: GrantKey<'_>) -> Self {
        match key {
            GrantKey::Id(id) => Self::Id(id.clone()),
            GrantKey::Code(hash) => Self::Code(*hash.as_bytes()),
            GrantKey::Refresh(handle) => Self::Refresh(*handle.as_bytes()),
        }
    }
}

/// [`AccessKey`], owned.
pub(crate) enum Presented {
    Opaque([u8; 32]),
    Jwt(String, Option<GrantId>),
}

impl From<AccessKey<'_>> for Presented {
    fn from(key: AccessKey<'_>) -> Self {
        match key {
            AccessKey::Opaque(hash) => Self::Opaque(*hash.as_bytes()),
            AccessKey::Jwt { id, grant } => Self::Jwt(id.as_str().to_owned(), grant.cloned()),
        }
    }
}

pub(crate) fn interaction(
    read: &ReadTransaction,
    id: &InteractionHash,
    call: &Call,
) -> Result<Option<StoredInteraction>, Stop> {
    let table = read.open_table(INTERACTIONS)?;
    let row = table.get((call.tenant.as_str(), id.as_bytes().as_slice()))?;
    Ok(row.and_then(|row| {
        let (revision, expires, _, _, bytes) = row.value();
        let live = !UnixMillis(expires).is_over(call.now);
        live.then(|| StoredInteraction { revision: Revision(revision), record: record(bytes) })
    }))
}

pub(crate) fn launch(read: &ReadTransaction, hash: &LaunchHash, call: &Call) -> Result<Option<Record>, Stop> {
    let row = read.open_table(LAUNCHES)?.get((call.tenant.as_str(), hash.as_bytes().as_slice()))?;
    Ok(row.and_then(|row| {
        let (keep_until, spent, _, bytes) = row.value();
        (!spent && !UnixMillis(keep_until).is_over(call.now)).then(|| record(bytes))
    }))
}

pub(crate) fn grant(read: &ReadTransaction, find: &Find, call: &Call) -> Result<Option<StoredGrant>, Stop> {
    let tenant = call.tenant.as_str();
    let id = match find {
        Find::Id(id) => Some(id.as_str().to_owned()),
        Find::Code(hash) => {
            read.open_table(CODES)?.get((tenant, hash.as_slice()))?.map(|row| row.value().0.to_owned())
        }
        Find::Refresh(handle) => {
            read.open_table(CHAINS)?.get((tenant, handle.as_slice()))?.map(|row| row.value().0.to_owned())
        }
    };
    let Some(id) = id else { return Ok(None) };
    let grant = grant_at(&read.open_table(GRANTS)?, &call.tenant, &id, call.now)?;
    Ok(grant.map(|grant| grant.stored))
}

pub(crate) fn access(
    read: &ReadTransaction,
    presented: &Presented,
    call: &Call,
) -> Result<Option<StoredAccess>, Stop> {
    let tenant = call.tenant.as_str();
    let grant_named = |id: &str| grant(read, &Find::Id(GrantId::new(id)), call);
    match presented {
        Presented::Opaque(hash) => {
            let Some(row) = read.open_table(ACCESS)?.get((tenant, hash.as_slice()))? else { return Ok(None) };
            let (id, _, expires, revoked, _, bytes) = row.value();
            let expires = UnixMillis(expires);
            let grant = id.map(grant_named).transpose()?.flatten();
            // A token whose grant is gone must not pass for one that never had any.
            if expires.is_over(call.now) || id.is_some() != grant.is_some() {
                return Ok(None);
            }
            Ok(Some(StoredAccess { record: Some(record(bytes)), expires: Some(expires), revoked, grant }))
        }
        Presented::Jwt(id, grant) => {
            let row = read.open_table(TOKENS)?.get((tenant, id.as_bytes()))?;
            let revoked = row.is_some_and(|row| !UnixMillis(row.value()).is_over(call.now));
            let grant = grant.as_ref().map(|id| grant_named(id.as_str())).transpose()?.flatten();
            Ok(Some(StoredAccess { record: None, expires: None, revoked, grant }))
        }
    }
}

pub(crate) fn grants_of(
    read: &ReadTransaction,
    user: &UserId,
    after: Option<&GrantId>,
    limit: u16,
    call: &Call,
) -> Result<Vec<StoredGrant>, Stop> {
    let (owned, grants) = (read.open_table(OWNED)?, read.open_table(GRANTS)?);
    let place = (Owner::User as u8, call.tenant.as_str(), user.as_str());
    let from = |id| (place.0, place.1, place.2, id);
    let start = match after {
        Some(id) => Bound::Excluded(from(id.as_str().as_bytes())),
        None => Bound::Included(from([].as_slice())),
    };
    let mut found = Vec::new();
    for row in owned.range((start, Bound::Unbounded))? {
        let (key, _) = row?;
        let key = key.value();
        if found.len() >= usize::from(limit) || (key.0, key.1, key.2) != place {
            break;
        }
        let id = String::from_utf8_lossy(key.3);
        if let Some(grant) = grant_at(&grants, &call.tenant, &id, call.now)?
            && grant.is_live()
        {
            found.push(grant.stored);
        }
    }
    Ok(found)
}
