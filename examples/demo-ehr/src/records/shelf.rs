//! What apps wrote, on top of the records that come with the demo.
//!
//! Every version is a row of the hospital's own tables. Its number is never used twice, so an old ETag fits nothing else.
//! Reading takes a [`Snapshot`]; writing says on which snapshot it was decided, and is refused where that is not the newest
//! any more: whoever writes decides again. So what was checked is what is changed, also with two processes on one file.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde_json::{Value, json};
use vestibule_host::{Clock as _, SystemClock};

use super::{Record, Records};
use crate::database::{Database, DatabaseError};

/// Strangers write here. One resource takes at most so many bytes,
pub const LARGEST_RESOURCE: usize = 32 * 1024;
/// there are at most so many versions of all resources together,
const MOST_VERSIONS: i64 = 2000;
/// and so many bytes.
const MOST_BYTES: i64 = 8 * 1024 * 1024;
/// When one of that is used up, what nobody touched for so long makes room: with all its versions, as if it was never written.
const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// At most so many versions of one resource are told.
const LONGEST_HISTORY: i64 = 100;

/// The records of one FHIR base: those of the demo, and what was written.
#[derive(Debug)]
pub struct Shelf {
    base: &'static str,
    printed: Arc<Records>,
    database: Database,
    newest: Mutex<Snapshot>,
}

/// All records at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The records.
    pub records: Arc<Records>,
    mark: Mark,
}

/// Which state of the table a snapshot shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    last: i64,
    rows: i64,
}

/// One version of one resource.
#[derive(Clone, Debug)]
pub struct Version {
    /// `meta.versionId`.
    pub number: String,
    /// The resource type.
    pub kind: String,
    /// The logical id.
    pub id: String,
    /// `meta.lastUpdated`.
    pub at: String,
    /// The resource; `None` where this version is its end.
    pub resource: Option<Value>,
}

/// A change that was decided.
#[derive(Clone, Debug)]
pub struct Change {
    /// The resource type.
    pub kind: String,
    /// The logical id.
    pub id: String,
    /// The resource as it shall be, apart from its version and time; `None`: deleted.
    pub resource: Option<Value>,
}

/// What became of some changes. All of them are made, or none.
#[derive(Clone, Debug)]
pub enum Committed {
    /// They are made; the versions, in the same order.
    Done(Vec<Version>),
    /// Somebody else wrote since the snapshot was taken. Nothing is changed.
    Moved,
    /// There is no room. Nothing is changed.
    Full,
}

impl Shelf {
    /// The records of the base with this name.
    #[must_use]
    pub fn new(base: &'static str, printed: Arc<Records>, database: Database) -> Self {
        let newest = Snapshot { records: Arc::clone(&printed), mark: Mark::default() };
        Self { base, printed, database, newest: Mutex::new(newest) }
    }

    /// The records as they are now.
    ///
    /// # Errors
    /// When the hospital's tables are away.
    pub async fn now(&self) -> Result<Snapshot, DatabaseError> {
        let (base, known) = (self.base, self.newest().mark);
        let read = move |connection: &mut Connection| {
            // One transaction, so that the mark fits the rows.
            let transaction = connection.transaction()?;
            let mark = mark(&transaction, base)?;
            let rows = if mark == known { None } else { Some(latest(&transaction, base)?) };
            Ok((mark, rows))
        };
        let (mark, rows) = self.database.change(read).await?;
        let Some(rows) = rows else { return Ok(self.newest()) };
        let snapshot = Snapshot { records: Arc::new(self.printed.with(rows)), mark };
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        Ok(snapshot)
    }

    fn newest(&self) -> Snapshot {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes changes that were decided on a snapshot.
    ///
    /// # Errors
    /// When the hospital's tables are away.
    pub async fn commit(&self, on: &Snapshot, changes: Vec<Change>) -> Result<Committed, DatabaseError> {
        let (base, decided_on) = (self.base, on.mark);
        self.database
            .change(move |connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                if mark(&transaction, base)? != decided_on {
                    return Ok(Committed::Moved);
                }
                let now = SystemClock.now().0;
                let bytes =
                    changes.iter().map(|change| i64::try_from(size(change)).unwrap_or(i64::MAX)).sum();
                let count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
                if !has_room(&transaction, count, bytes)? {
                    make_room(&transaction, now)?;
                    if !has_room(&transaction, count, bytes)? {
                        return Ok(Committed::Full);
                    }
                }
                let written = changes.into_iter().map(|change| write(&transaction, base, now, change));
                let written = written.collect::<Result<_, _>>()?;
                transaction.commit()?;
                Ok(Committed::Done(written))
            })
            .await
    }

    /// The versions of one resource, the newest first, and how many there are.
    ///
    /// # Errors
    /// When the hospital's tables are away.
    pub async fn versions(&self, kind: &str, id: &str) -> Result<Vec<Version>, DatabaseError> {
        let (base, wanted) = (self.base, (kind.to_owned(), id.to_owned()));
        let read = move |c: &Connection| {
            let find = "SELECT version, kind, id, at, body FROM ehr_written WHERE base = ?1 AND kind = ?2 AND id = ?3
                        ORDER BY version DESC LIMIT ?4";
            let rows = params![base, wanted.0, wanted.1, LONGEST_HISTORY];
            c.prepare_cached(find)?.query_map(rows, version)?.collect()
        };
        let mut versions: Vec<Version> = self.database.run(read).await?;
        versions.extend(self.printed.get(kind, id).map(|record| printed(record)));
        Ok(versions)
    }
}

/// What came with the demo, as a version.
fn printed(record: &Record) -> Version {
    let at = record.resource.pointer("/meta/lastUpdated").and_then(Value::as_str).unwrap_or_default();
    Version {
        number: record.version().to_owned(),
        kind: record.kind().to_owned(),
        id: record.id().to_owned(),
        at: at.to_owned(),
        resource: Some(record.resource.clone()),
    }
}

fn mark(c: &Connection, base: &str) -> rusqlite::Result<Mark> {
    let find = "SELECT COALESCE(MAX(version), 0), COUNT(*) FROM ehr_written WHERE base = ?1";
    c.prepare_cached(find)?.query_row([base], |row| Ok(Mark { last: row.get(0)?, rows: row.get(1)? }))
}

/// The newest version of each resource, in the order in which they were first written.
fn latest(c: &Connection, base: &str) -> rusqlite::Result<Vec<Version>> {
    let find = "SELECT version, kind, id, at, body FROM ehr_written AS one WHERE base = ?1 AND version =
                (SELECT MAX(version) FROM ehr_written WHERE base = one.base AND kind = one.kind AND id = one.id)
                ORDER BY (SELECT MIN(version) FROM ehr_written WHERE base = one.base AND kind = one.kind AND id = one.id)";
    c.prepare_cached(find)?.query_map([base], version)?.collect()
}

fn version(row: &rusqlite::Row<'_>) -> rusqlite::Result<Version> {
    let (number, at): (i64, i64) = (row.get(0)?, row.get(3)?);
    let mut version = Version {
        number: number_of(number),
        kind: row.get(1)?,
        id: row.get(2)?,
        at: instant(at),
        resource: None,
    };
    let body: Option<String> = row.get(4)?;
    version.resource = body.and_then(|body| serde_json::from_str(&body).ok()).map(|body| version.stamp(body));
    Ok(version)
}

/// The demo's own are version 1.
fn number_of(row: i64) -> String {
    row.saturating_add(1).to_string()
}

fn instant(at: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MIN);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

impl Version {
    /// A resource says which version it is, and since when.
    fn stamp(&self, mut resource: Value) -> Value {
        if let Some(members) = resource.as_object_mut() {
            let meta = members.entry("meta").or_insert_with(|| json!({}));
            if let Some(meta) = meta.as_object_mut() {
                meta.insert("versionId".to_owned(), json!(self.number));
                meta.insert("lastUpdated".to_owned(), json!(self.at));
            }
        }
        resource
    }
}

fn size(change: &Change) -> usize {
    change.resource.as_ref().map_or(0, |resource| resource.to_string().len())
}

/// Both bases share the room.
fn has_room(c: &Connection, count: i64, bytes: i64) -> rusqlite::Result<bool> {
    let find = "SELECT COUNT(*) + ?1 <= ?2 AND COALESCE(SUM(LENGTH(body)), 0) + ?3 <= ?4 FROM ehr_written";
    c.query_row(find, params![count, MOST_VERSIONS, bytes, MOST_BYTES], |row| row.get(0))
}

fn make_room(c: &Connection, now: i64) -> rusqlite::Result<usize> {
    let forget = "DELETE FROM ehr_written AS one WHERE ?1 >
                  (SELECT MAX(at) FROM ehr_written WHERE base = one.base AND kind = one.kind AND id = one.id)";
    c.execute(forget, [now.saturating_sub(KEPT_MILLIS)])
}

fn write(c: &Connection, base: &str, now: i64, change: Change) -> rusqlite::Result<Version> {
    let keep =
        "INSERT INTO ehr_written (base, kind, id, at, body) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING version";
    let body = change.resource.as_ref().map(Value::to_string);
    let row: Option<i64> = c
        .prepare_cached(keep)?
        .query_row(params![base, change.kind, change.id, now, body], |row| row.get(0))
        .optional()?;
    let number = row.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let mut version = Version {
        number: number_of(number),
        kind: change.kind,
        id: change.id,
        at: instant(now),
        resource: None,
    };
    version.resource = change.resource.map(|resource| version.stamp(resource));
    Ok(version)
}
