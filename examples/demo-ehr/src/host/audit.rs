//! The audit log: Vestibule's events in a table of the hospital's.
//!
//! Delivery is at least once, so an event that is known already is passed over. The newest 20 000 stay; a hospital that must
//! keep all of them for years hands them on to an archive instead.

use async_trait::async_trait;
use rusqlite::{Connection, Row, TransactionBehavior, params};
use vestibule_host::audit::fhir;
use vestibule_host::{AuditEvent, AuditSink, HostError};

use crate::database::{Database, DatabaseError};

/// So many events are kept.
const KEPT: i64 = 20_000;

/// The audit log, as Vestibule sees it.
#[derive(Debug)]
pub struct EhrAudit {
    /// The hospital's tables.
    pub database: Database,
    /// Who recorded the events: the issuer.
    pub issuer: String,
}

#[async_trait]
impl AuditSink for EhrAudit {
    async fn record(&self, events: &[AuditEvent]) -> Result<(), HostError> {
        let rows: Vec<_> = events.iter().map(|event| Logged::of(event, &self.issuer)).collect();
        self.database.change(move |c| keep(c, &rows)).await.map_err(HostError::new)
    }
}

/// All of them or none (what the trait asks).
fn keep(connection: &mut Connection, rows: &[Logged]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let insert = "INSERT OR IGNORE INTO ehr_audit (id, kind, at, client, user, patient, scopes, resource) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    for row in rows {
        let Logged { id, kind, at, client, user, patient, scopes, resource } = row;
        transaction.execute(insert, params![id, kind, at, client, user, patient, scopes, resource])?;
    }
    let oldest = "DELETE FROM ehr_audit WHERE number <= (SELECT max(number) FROM ehr_audit) - ?1";
    transaction.execute(oldest, [KEPT])?;
    transaction.commit()
}

/// An event as it is kept.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The same at each delivery.
    pub id: String,
    /// What happened: a name of `vestibule_host::EventKind`.
    pub kind: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The app.
    pub client: Option<String>,
    /// The user's name.
    pub user: Option<String>,
    /// Whose record.
    pub patient: Option<String>,
    /// The scopes in question.
    pub scopes: String,
    /// The same as a FHIR AuditEvent.
    pub resource: String,
}

impl Logged {
    fn of(event: &AuditEvent, issuer: &str) -> Self {
        let details = &event.details;
        Self {
            id: event.id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
            kind: event.kind.name().to_owned(),
            at: event.at.0,
            client: details.client.as_ref().map(|client| client.as_str().to_owned()),
            user: details.user.as_ref().map(|user| user.as_str().to_owned()),
            patient: details.patient.as_ref().map(|patient| patient.as_str().to_owned()),
            scopes: details.scopes.join(" "),
            resource: fhir::audit_event(event, issuer).to_string(),
        }
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.get("kind")?,
            at: row.get("at")?,
            client: row.get("client")?,
            user: row.get("user")?,
            patient: row.get("patient")?,
            scopes: row.get("scopes")?,
            resource: row.get("resource")?,
        })
    }
}

/// What a reader may see: events about nobody's record, and about records that they may open themselves.
const VISIBLE: &str = "SELECT id, kind, at, client, user, patient, scopes, resource FROM ehr_audit \
                       WHERE (patient IS NULL OR patient IN (SELECT patient FROM ehr_access WHERE user = ?1))";

/// A page of events, the newest first, and whether there are older ones.
///
/// # Errors
/// When the tables are away.
pub async fn page(
    database: &Database,
    reader: &str,
    offset: u32,
    limit: u32,
) -> Result<(Vec<Logged>, bool), DatabaseError> {
    let (reader, find) =
        (reader.to_owned(), format!("{VISIBLE} ORDER BY at DESC, number DESC LIMIT ?2 OFFSET ?3"));
    // One more than asked for tells whether there is another page.
    let mut found: Vec<Logged> = database
        .run(move |c| {
            c.prepare_cached(&find)?.query_map(params![reader, limit + 1, offset], Logged::read)?.collect()
        })
        .await?;
    let more = found.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok((found, more))
}

/// One event, if this reader may see it.
///
/// # Errors
/// When the tables are away.
pub async fn one(database: &Database, reader: &str, id: &str) -> Result<Option<Logged>, DatabaseError> {
    let (reader, id, find) = (reader.to_owned(), id.to_owned(), format!("{VISIBLE} AND id = ?2"));
    let found: Vec<Logged> = database
        .run(move |c| c.prepare_cached(&find)?.query_map([reader, id], Logged::read)?.collect())
        .await?;
    Ok(found.into_iter().next())
}
