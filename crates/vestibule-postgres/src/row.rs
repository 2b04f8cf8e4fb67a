//! Columns and what they mean.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use vestibule_host::family::{Answered, Predecessor, Told};
use vestibule_host::{
    AttemptId, BoxError, ClientId, Family, GrantId, GrantStatus, Record, RefreshHash, Revision, Salt,
    SessionId, StoreFault, StoredGrant, StoredInteraction, UnixMillis, UserId,
};

/// What a row holds, or why it cannot be read.
pub(crate) type Read<T> = Result<T, BoxError>;

/// A verb was done and its answer is not to be read: the same attempt will be told again, by a version that can.
pub(crate) fn of_verb<T>(read: Read<T>) -> Result<T, StoreFault> {
    read.map_err(StoreFault::OutcomeUnknown)
}

/// A row was found and is not to be read.
pub(crate) fn of_read<T>(read: Read<T>) -> Result<T, StoreFault> {
    read.map_err(StoreFault::NotApplied)
}

pub(crate) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Read<T> {
    Ok(row.try_get(column)?)
}

/// What a verb's statement says that it came to; the first column of most.
pub(crate) fn outcome(row: &Row) -> Read<&str> {
    get(row, 0)
}

/// A word that no statement of this version says. The verb was done, and nobody guesses what it came to.
pub(crate) fn unknown(outcome: &str) -> StoreFault {
    StoreFault::outcome_unknown(format!("the database answered `{outcome}`"))
}

/// A number that is never negative.
fn count<T: TryFrom<i64, Error: Into<BoxError>>>(row: &Row, column: usize) -> Read<T> {
    T::try_from(get(row, column)?).map_err(Into::into)
}

/// A hash, an attempt, a salt.
pub(crate) fn fixed<const N: usize>(row: &Row, column: usize) -> Read<[u8; N]> {
    Ok(get::<&[u8]>(row, column)?.try_into()?)
}

fn fixed_if_there<const N: usize>(row: &Row, column: usize) -> Read<Option<[u8; N]>> {
    Ok(get::<Option<&[u8]>>(row, column)?.map(TryInto::try_into).transpose()?)
}

/// A text id out of its BYTEA column.
pub(crate) fn text(row: &Row, column: usize) -> Read<String> {
    Ok(str::from_utf8(get(row, column)?)?.to_owned())
}

pub(crate) fn record(row: &Row, column: usize) -> Read<Record> {
    Ok(Record(bytes::Bytes::copy_from_slice(get(row, column)?)))
}

pub(crate) fn interaction(row: &Row, first: usize) -> Read<StoredInteraction> {
    Ok(StoredInteraction { revision: Revision(count(row, first)?), record: record(row, first + 1)? })
}

/// So many columns come first in every statement that reads a grant.
pub(crate) const GRANT_COLUMNS: usize = 8;

pub(crate) fn grant(row: &Row) -> Read<StoredGrant> {
    let session = get::<Option<&[u8]>>(row, 3)?.map(str::from_utf8).transpose()?;
    Ok(StoredGrant {
        id: GrantId::new(text(row, 0)?),
        user: UserId::new(text(row, 1)?),
        client: ClientId::new(text(row, 2)?),
        session: session.map(SessionId::new),
        keep_until: UnixMillis(get(row, 4)?),
        used: UnixMillis(get(row, 5)?),
        status: if get(row, 6)? { GrantStatus::Revoked } else { GrantStatus::Live },
        record: record(row, 7)?,
    })
}

/// The grant of a row that need not have one.
pub(crate) fn grant_if_there(row: &Row) -> Read<Option<StoredGrant>> {
    if get::<Option<&[u8]>>(row, 0)?.is_none() { Ok(None) } else { grant(row).map(Some) }
}

/// So many columns are a chain.
pub(crate) const CHAIN_COLUMNS: usize = 12;

pub(crate) fn family(row: &Row, first: usize) -> Read<Family> {
    let previous = match fixed_if_there(row, first + 2)? {
        None => None,
        Some(hash) => Some(Predecessor {
            hash: RefreshHash::new(hash),
            salt: Salt::new(fixed(row, first + 3)?),
            rotated: UnixMillis(get(row, first + 4)?),
            by: AttemptId::new(fixed(row, first + 5)?),
            replays: count(row, first + 6)?,
        }),
    };
    let answered = match fixed_if_there(row, first + 8)? {
        None => None,
        Some(by) => Some(Answered { by: AttemptId::new(by), told: told(get(row, first + 9)?) }),
    };
    Ok(Family {
        generation: count(row, first)?,
        current: RefreshHash::new(fixed(row, first + 1)?),
        previous,
        suspected: count(row, first + 7)?,
        idle_until: UnixMillis(get(row, first + 10)?),
        until: UnixMillis(get(row, first + 11)?),
        answered,
    })
}

/// Never renumber: the numbers are in databases. A number that is not known reads as the answer that gives nothing away.
const fn told(number: i64) -> Told {
    match number {
        1 => Told::Again,
        2 => Told::TooOften,
        _ => Told::Reused,
    }
}
