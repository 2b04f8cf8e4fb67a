//! Reads: they inform and prove nothing.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use vestibule_host::{
    AccessHash, Call, ClientId, CodeHash, GrantId, GrantStatus, InteractionHash, LaunchHash, Record,
    RefreshHandle, Revision, SessionId, StoredAccess, StoredGrant, StoredInteraction, TokenId, UnixMillis,
    UserId,
};

use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
pub(super) struct Interaction {
    pub(super) id: InteractionHash,
    pub(super) call: Call,
}

#[derive(Debug)]
pub(super) struct Launch {
    pub(super) hash: LaunchHash,
    pub(super) call: Call,
}

#[derive(Debug)]
pub(super) enum Key {
    Id(GrantId),
    Code(CodeHash),
    Refresh(RefreshHandle),
}

#[derive(Debug)]
pub(super) struct Grant {
    pub(super) by: Key,
    pub(super) call: Call,
}

#[derive(Debug)]
pub(super) enum Token {
    Opaque(AccessHash),
    Jwt(TokenId, Option<GrantId>),
}

#[derive(Debug)]
pub(super) struct Access {
    pub(super) by: Token,
    pub(super) call: Call,
}

#[derive(Debug)]
pub(super) struct GrantsOf {
    pub(super) user: UserId,
    pub(super) after: Option<GrantId>,
    pub(super) limit: u16,
    pub(super) call: Call,
}

/// A text id out of its BLOB column.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let bytes: Vec<u8> = row.get(column)?;
    String::from_utf8(bytes).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(error))
    })
}

pub(super) fn record(row: &Row<'_>, column: usize) -> rusqlite::Result<Record> {
    Ok(Record(row.get::<_, Vec<u8>>(column)?.into()))
}

pub(super) fn interaction(row: &Row<'_>) -> rusqlite::Result<StoredInteraction> {
    Ok(StoredInteraction { revision: Revision(row.get(0)?), record: record(row, 1)? })
}

/// So many columns come first in every statement that reads a grant.
pub(super) const GRANT_COLUMNS: usize = 9;

pub(super) fn grant(row: &Row<'_>) -> rusqlite::Result<StoredGrant> {
    let session = SessionId::new(text(row, 3)?);
    Ok(StoredGrant {
        id: GrantId::new(text(row, 0)?),
        user: UserId::new(text(row, 1)?),
        client: ClientId::new(text(row, 2)?),
        session: if row.get(4)? { None } else { Some(session) },
        keep_until: UnixMillis(row.get(5)?),
        used: UnixMillis(row.get(6)?),
        status: if row.get(7)? { GrantStatus::Revoked } else { GrantStatus::Live },
        record: record(row, 8)?,
    })
}

/// The grant of a row that need not have one.
fn grant_if_there(row: &Row<'_>) -> rusqlite::Result<Option<StoredGrant>> {
    if row.get::<_, Option<Vec<u8>>>(0)?.is_none() { Ok(None) } else { grant(row).map(Some) }
}

impl Operation for Interaction {
    type Output = Option<StoredInteraction>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let key = params![self.call.tenant.as_str().as_bytes(), self.id.as_bytes(), self.call.now.0];
        Ok(Effect::Keep(on.prepare_cached(&sql.interaction)?.query_row(key, interaction).optional()?))
    }
}

impl Operation for Launch {
    type Output = Option<Record>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let key = params![self.call.tenant.as_str().as_bytes(), self.hash.as_bytes(), self.call.now.0];
        Ok(Effect::Keep(on.prepare_cached(&sql.launch)?.query_row(key, |row| record(row, 0)).optional()?))
    }
}

impl Operation for Grant {
    type Output = Option<StoredGrant>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let (statement, key): (_, &dyn ToSql) = match &self.by {
            Key::Id(id) => (&sql.grant_by_id, &id.as_str().as_bytes()),
            Key::Code(code) => (&sql.grant_by_code, code.as_bytes()),
            Key::Refresh(handle) => (&sql.grant_by_refresh, handle.as_bytes()),
        };
        let key = params![self.call.tenant.as_str().as_bytes(), key, self.call.now.0];
        Ok(Effect::Keep(on.prepare_cached(statement)?.query_row(key, grant).optional()?))
    }
}

impl Operation for Access {
    type Output = Option<StoredAccess>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let (tenant, now) = (self.call.tenant.as_str().as_bytes(), self.call.now.0);
        let known = match &self.by {
            Token::Opaque(hash) => {
                on.prepare_cached(&sql.access)?.query_row(params![tenant, hash.as_bytes(), now], |row| {
                    Ok(StoredAccess {
                        record: Some(record(row, GRANT_COLUMNS)?),
                        expires: Some(UnixMillis(row.get(GRANT_COLUMNS + 1)?)),
                        revoked: row.get(GRANT_COLUMNS + 2)?,
                        grant: grant_if_there(row)?,
                    })
                })
            }
            Token::Jwt(id, grant) => {
                let grant = grant.as_ref().map(|grant| grant.as_str().as_bytes());
                let key = params![tenant, id.as_str().as_bytes(), grant, now];
                on.prepare_cached(&sql.jwt)?.query_row(key, |row| {
                    let revoked = row.get(GRANT_COLUMNS)?;
                    Ok(StoredAccess { record: None, expires: None, revoked, grant: grant_if_there(row)? })
                })
            }
        };
        Ok(Effect::Keep(known.optional()?))
    }
}

impl Operation for GrantsOf {
    type Output = Vec<StoredGrant>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        // To SQLite every BLOB comes after every text, so an empty text is before the first id.
        let after: &dyn ToSql = match &self.after {
            Some(id) => &id.as_str().as_bytes(),
            None => &"",
        };
        let mut statement = on.prepare_cached(&sql.grants_of)?;
        let key = params![
            self.call.tenant.as_str().as_bytes(),
            self.user.as_str().as_bytes(),
            after,
            self.call.now.0,
            self.limit,
        ];
        Ok(Effect::Keep(statement.query_map(key, grant)?.collect::<Result<_, _>>()?))
    }
}
