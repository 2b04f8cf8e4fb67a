//! What users agreed to. A withdrawn answer stays in the file as evidence and counts for nothing.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use vestibule_host::{
    ClientId, ConsentAsked, ConsentId, ConsentRecord, ConsentStore, HostError, PatientId, RememberedConsent,
    StoreFault, Tenant, UserId,
};

use crate::SqliteStore;
use crate::error::Failure;
use crate::operation::{Effect, Operation};
use crate::statements::Statements;

#[derive(Debug)]
struct Remembered {
    tenant: Tenant,
    user: UserId,
    client: ClientId,
    base: String,
    patient: Option<PatientId>,
}

#[derive(Debug)]
struct Keep {
    tenant: Tenant,
    record: ConsentRecord,
}

#[derive(Debug)]
struct Given(Tenant, i64);

#[derive(Debug)]
struct ListFor(Tenant, UserId);

#[derive(Debug)]
struct Withdraw(Tenant, i64);

/// A patient's logical id as a key: bytes, like every key.
fn key(patient: Option<&PatientId>) -> Option<&[u8]> {
    patient.map(|patient| patient.as_str().as_bytes())
}

/// The row behind an id. Only the text that was given out is an id: `01` is not `1`.
fn number(id: &ConsentId) -> Option<i64> {
    id.as_str().parse().ok().filter(|number: &i64| number.to_string() == id.as_str())
}

fn stored(row: &Row<'_>) -> rusqlite::Result<(i64, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn decode((id, record): (i64, String)) -> Result<RememberedConsent, Failure> {
    let record = serde_json::from_str(&record).map_err(StoreFault::not_applied)?;
    Ok(RememberedConsent { id: ConsentId::new(id.to_string()), record })
}

impl Operation for Remembered {
    type Output = Option<RememberedConsent>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let question = params![
            self.tenant.as_str().as_bytes(),
            self.user.as_str().as_bytes(),
            self.client.as_str().as_bytes(),
            self.base.as_bytes(),
            key(self.patient.as_ref()),
        ];
        let row = on.prepare_cached(&sql.remembered_consent)?.query_row(question, stored).optional()?;
        row.map(decode).transpose().map(Effect::Keep)
    }
}

impl Operation for Keep {
    type Output = ConsentId;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<ConsentId>, Failure> {
        let record = serde_json::to_string(&self.record).map_err(StoreFault::not_applied)?;
        on.prepare_cached(&sql.record_consent)?.execute(params![
            self.tenant.as_str().as_bytes(),
            self.record.user.as_str().as_bytes(),
            self.record.client.as_str().as_bytes(),
            self.record.base.as_bytes(),
            key(self.record.patient.as_ref()),
            record,
        ])?;
        Ok(Effect::Keep(ConsentId::new(on.last_insert_rowid().to_string())))
    }
}

impl Operation for Given {
    type Output = bool;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<bool>, Failure> {
        let key = params![self.0.as_str().as_bytes(), self.1];
        Ok(Effect::Keep(on.prepare_cached(&sql.consent_given)?.query_row(key, |row| row.get(0))?))
    }
}

impl Operation for ListFor {
    type Output = Vec<RememberedConsent>;

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<Self::Output>, Failure> {
        let mut statement = on.prepare_cached(&sql.consents_of)?;
        let rows =
            statement.query_map(params![self.0.as_str().as_bytes(), self.1.as_str().as_bytes()], stored)?;
        rows.map(|row| decode(row?)).collect::<Result<_, _>>().map(Effect::Keep)
    }
}

impl Operation for Withdraw {
    type Output = ();

    fn run(&self, on: &Connection, sql: &Statements) -> Result<Effect<()>, Failure> {
        on.prepare_cached(&sql.withdraw_consent)?.execute(params![self.0.as_str().as_bytes(), self.1])?;
        Ok(Effect::Keep(()))
    }
}

#[async_trait]
impl ConsentStore for SqliteStore {
    async fn remembered(
        &self,
        tenant: &Tenant,
        asked: &ConsentAsked<'_>,
    ) -> Result<Option<RememberedConsent>, HostError> {
        let question = Remembered {
            tenant: tenant.clone(),
            user: asked.user.clone(),
            client: asked.client.clone(),
            base: asked.base.to_owned(),
            patient: asked.patient.cloned(),
        };
        self.read(question).await.map_err(HostError::new)
    }

    async fn record(&self, tenant: &Tenant, record: &ConsentRecord) -> Result<ConsentId, HostError> {
        let answer = Keep { tenant: tenant.clone(), record: record.clone() };
        self.write(answer).await.map_err(HostError::new)
    }

    async fn given(&self, tenant: &Tenant, id: &ConsentId) -> Result<bool, HostError> {
        let Some(id) = number(id) else { return Ok(false) };
        self.read(Given(tenant.clone(), id)).await.map_err(HostError::new)
    }

    async fn list_for_user(
        &self,
        tenant: &Tenant,
        user: &UserId,
    ) -> Result<Vec<RememberedConsent>, HostError> {
        self.read(ListFor(tenant.clone(), user.clone())).await.map_err(HostError::new)
    }

    async fn withdraw(&self, tenant: &Tenant, id: &ConsentId) -> Result<(), HostError> {
        let Some(id) = number(id) else { return Ok(()) };
        self.write(Withdraw(tenant.clone(), id)).await.map_err(HostError::new)
    }
}
