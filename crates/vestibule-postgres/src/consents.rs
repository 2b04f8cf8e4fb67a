//! What users agreed to. A withdrawn answer stays in the database as evidence and counts for nothing.

use async_trait::async_trait;
use tokio_postgres::Row;
use vestibule_host::{
    ConsentAsked, ConsentId, ConsentRecord, ConsentStore, HostError, PatientId, RememberedConsent,
    StoreFault, Tenant, UserId,
};

use crate::PostgresStore;
use crate::row::{Read, get, of_read, of_verb};
use crate::session::Hold;

/// Whom the question was about, as a key: empty for nobody, so that no id can look like it.
fn about(patient: Option<&PatientId>) -> Vec<u8> {
    patient.map_or_else(Vec::new, |patient| format!("={}", patient.as_str()).into_bytes())
}

/// The row behind an id. Only the text that was given out is an id: `01` is not `1`.
fn number(id: &ConsentId) -> Option<i64> {
    id.as_str().parse().ok().filter(|number: &i64| number.to_string() == id.as_str())
}

fn decode(row: &Row) -> Read<RememberedConsent> {
    let record = serde_json::from_slice(get(row, 1)?)?;
    Ok(RememberedConsent { id: ConsentId::new(get::<i64>(row, 0)?.to_string()), record })
}

#[async_trait]
impl ConsentStore for PostgresStore {
    async fn remembered(
        &self,
        tenant: &Tenant,
        asked: &ConsentAsked<'_>,
    ) -> Result<Option<RememberedConsent>, HostError> {
        let tenant = tenant.as_str().as_bytes();
        let (user, client) = (asked.user.as_str().as_bytes(), asked.client.as_str().as_bytes());
        let (base, about) = (asked.base.as_bytes(), about(asked.patient));
        let row = self.find(&self.sql().remembered_consent, &[&tenant, &user, &client, &base, &about]).await;
        let found = row.map_err(HostError::new)?.map(|row| decode(&row)).transpose();
        of_read(found).map_err(HostError::new)
    }

    async fn record(&self, tenant: &Tenant, record: &ConsentRecord) -> Result<ConsentId, HostError> {
        let tenant = tenant.as_str().as_bytes();
        let (user, client) = (record.user.as_str().as_bytes(), record.client.as_str().as_bytes());
        let (base, about) = (record.base.as_bytes(), about(record.patient.as_ref()));
        let text = serde_json::to_vec(record).map_err(HostError::new)?;
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&tenant, &user, &client, &base, &about, &text];
        let row = self.verb(&self.sql().record_consent, &parameters, Hold::Nothing).await;
        let id: i64 = of_verb(get(&row.map_err(HostError::new)?, 0)).map_err(HostError::new)?;
        Ok(ConsentId::new(id.to_string()))
    }

    async fn given(&self, tenant: &Tenant, id: &ConsentId) -> Result<bool, HostError> {
        let Some(id) = number(id) else { return Ok(false) };
        let tenant = tenant.as_str().as_bytes();
        let row = self.find(&self.sql().consent_given, &[&tenant, &id]).await;
        Ok(row.map_err(HostError::new)?.is_some())
    }

    async fn list_for_user(
        &self,
        tenant: &Tenant,
        user: &UserId,
    ) -> Result<Vec<RememberedConsent>, HostError> {
        let (tenant, user) = (tenant.as_str().as_bytes(), user.as_str().as_bytes());
        let rows = self.read(&self.sql().consents_of, &[&tenant, &user]).await.map_err(HostError::new)?;
        of_read(rows.iter().map(decode).collect()).map_err(HostError::new)
    }

    async fn withdraw(&self, tenant: &Tenant, id: &ConsentId) -> Result<(), HostError> {
        let Some(id) = number(id) else { return Ok(()) };
        let tenant = tenant.as_str().as_bytes();
        let withdrawn: Result<_, StoreFault> =
            self.write(&self.sql().withdraw_consent, &[&tenant, &id]).await;
        withdrawn.map(drop).map_err(HostError::new)
    }
}
