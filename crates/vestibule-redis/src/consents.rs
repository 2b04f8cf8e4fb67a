//! What users agreed to. A withdrawn answer is removed: memory is no place for evidence.

use async_trait::async_trait;
use vestibule_host::{
    ConsentAsked, ConsentId, ConsentRecord, ConsentStore, HostError, PatientId, RememberedConsent,
    StoreFault, Tenant, UserId,
};

use crate::RedisStore;
use crate::reply::Reply;
use crate::script::Ask;

/// So many answers of one user may stand.
const OWNER_MAX: u32 = 10_000;

/// The question as a key: every part with its length before it, so that no two questions share one.
fn question(user: &UserId, client: &str, base: &str, patient: Option<&PatientId>) -> Vec<u8> {
    let mut key = Vec::new();
    for part in [user.as_str(), client, base] {
        key.extend(format!("{}:{part}", part.len()).into_bytes());
    }
    match patient {
        Some(patient) => key.extend(format!("+{}", patient.as_str()).into_bytes()),
        None => key.push(b'-'),
    }
    key
}

/// Only the text that was given out is an id: `01` is not `1`.
fn number(id: &ConsentId) -> Option<String> {
    id.as_str().parse::<u64>().ok().map(|number| number.to_string()).filter(|number| number == id.as_str())
}

fn answers(mut reply: Reply) -> Result<Vec<RememberedConsent>, HostError> {
    let mut answers = Vec::new();
    while !reply.is_over() {
        let Some(mut answer) = reply.list().map_err(HostError::new)? else { continue };
        let id = ConsentId::new(answer.text().map_err(HostError::new)?);
        let record =
            serde_json::from_slice(&answer.bytes().map_err(HostError::new)?).map_err(HostError::new)?;
        answers.push(RememberedConsent { id, record });
    }
    Ok(answers)
}

#[async_trait]
impl ConsentStore for RedisStore {
    async fn remembered(
        &self,
        tenant: &Tenant,
        asked: &ConsentAsked<'_>,
    ) -> Result<Option<RememberedConsent>, HostError> {
        let question = question(asked.user, asked.client.as_str(), asked.base, asked.patient);
        let ask = Ask::default().with("question", question);
        let reply = self.read(&self.scripts().answers, tenant, ask).await.map_err(HostError::new)?;
        Ok(answers(reply)?.pop())
    }

    async fn record(&self, tenant: &Tenant, record: &ConsentRecord) -> Result<ConsentId, HostError> {
        let question = question(&record.user, record.client.as_str(), &record.base, record.patient.as_ref());
        let ask = Ask::default()
            .with("user", record.user.as_str())
            .with("question", question)
            .with("record", serde_json::to_vec(record).map_err(HostError::new)?)
            .number("owner_max", OWNER_MAX);
        let mut reply = self.write(&self.scripts().answer, tenant, ask).await.map_err(HostError::new)?;
        let kept = reply.outcome(|word, rest| match word {
            "kept" => rest.text().map(|id| Some(ConsentId::new(id))),
            _ => Ok(None),
        });
        kept.map_err(HostError::new)
    }

    async fn given(&self, tenant: &Tenant, id: &ConsentId) -> Result<bool, HostError> {
        let Some(id) = number(id) else { return Ok(false) };
        let row = self.fields(tenant, ("o:", id.as_bytes()), &["v"]).await;
        let version = row.and_then(|mut row| row.maybe()).map_err(HostError::new)?;
        match version.as_deref() {
            None => Ok(false),
            Some(b"1") => Ok(true),
            Some(_) => Err(HostError::new(StoreFault::not_applied("a row that a newer version wrote"))),
        }
    }

    async fn list_for_user(
        &self,
        tenant: &Tenant,
        user: &UserId,
    ) -> Result<Vec<RememberedConsent>, HostError> {
        let ask = Ask::default().with("user", user.as_str());
        answers(self.read(&self.scripts().answers, tenant, ask).await.map_err(HostError::new)?)
    }

    async fn withdraw(&self, tenant: &Tenant, id: &ConsentId) -> Result<(), HostError> {
        let Some(id) = number(id) else { return Ok(()) };
        let ask = Ask::default().with("id", id);
        self.write(&self.scripts().withdraw, tenant, ask).await.map(drop).map_err(HostError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_questions_share_a_key() {
        let alice = UserId::new("alice");
        let patient = PatientId::new("p");
        let keys = [
            question(&alice, "app", "base", None),
            question(&alice, "ap", "pbase", None),
            question(&alice, "app", "base", Some(&patient)),
            question(&alice, "app", "base+p", None),
            question(&UserId::new("alice3:app"), "", "base", None),
            question(&alice, "app", "base", Some(&PatientId::new(""))),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == key), Some(n));
        }
    }
}
