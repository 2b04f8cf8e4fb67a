//! Events for the audit log: made here, committed with the change, delivered by `tick`.

use vestibule_core::authorize::Refusal;
use vestibule_core::explain::Trail;
use vestibule_core::grant::GrantRecord;
use vestibule_core::record;
use vestibule_core::token::TokenContent;
use vestibule_host::{
    AuditDetails, AuditEvent, EventId, GrantId, NewEvent, RegisteredClient, StoreFault, UnixMillis,
};

use crate::fault::Away;
use crate::server::Inner;

/// How many events are delivered at a time.
const BATCH: u16 = 100;

/// For how long a delivery may take before somebody else tries.
const LEASE: std::time::Duration = std::time::Duration::from_secs(60);

impl Inner {
    /// An event with these details, and the name of the request that it came from, if it came from one; `None` without a sink,
    /// which would leave them lying about.
    pub(crate) fn event(
        &self,
        mut details: AuditDetails,
        request: Option<&Trail>,
    ) -> Result<Option<NewEvent>, Away> {
        if self.audit.is_none() {
            return Ok(None);
        }
        details.correlation =
            request.map(Trail::correlation).filter(|name| !name.is_empty()).map(str::to_owned);
        let mut id = [0; 16];
        self.entropy().fill(&mut id)?;
        Ok(Some(NewEvent { id: EventId::new(id), record: record::write(&details)? }))
    }

    pub(crate) fn event_of_end(
        &self,
        grant: &GrantId,
        refusal: Refusal,
        request: &Trail,
    ) -> Result<Option<NewEvent>, Away> {
        let mut details = AuditDetails::default();
        details.grant = Some(grant.clone());
        details.reason = Some(format!("{refusal:?}"));
        self.event(details, Some(request))
    }

    pub(crate) fn event_of_backend(
        &self,
        client: &RegisteredClient,
        content: &TokenContent,
        request: &Trail,
    ) -> Result<Option<NewEvent>, Away> {
        let mut details = AuditDetails::default();
        details.client = Some(client.id.clone());
        details.base = Some(content.base().to_owned());
        details.scopes = content.scopes().iter().map(|scope| scope.as_str().to_owned()).collect();
        self.event(details, Some(request))
    }

    /// Delivers some events. Returns whether there may be more.
    pub(crate) async fn deliver_events(&self, now: UnixMillis) -> Result<bool, StoreFault> {
        let Some(sink) = &self.audit else { return Ok(false) };
        let more = self.tell_registrations().await;
        let call = self.call(now).map_err(StoreFault::not_applied)?;
        let leased = self.host.grants.lease_events(BATCH, now.plus(LEASE), &call).await?;
        if leased.is_empty() {
            return Ok(more);
        }
        let events: Vec<AuditEvent> = leased
            .iter()
            .map(|event| AuditEvent {
                id: event.id,
                kind: event.kind,
                at: event.at,
                // A record that a newer version wrote still says that something happened.
                details: record::read(&event.record).unwrap_or_default(),
            })
            .collect();
        if let Err(error) = sink.record(&events).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the audit sink takes no events; they wait"
            );
            return Ok(false);
        }
        let ids: Vec<EventId> = leased.iter().map(|event| event.id).collect();
        self.host.grants.ack_events(&ids, &call).await?;
        Ok(more || leased.len() == usize::from(BATCH))
    }
}

/// What is told of a grant.
pub(crate) fn details_of(grant: &GrantId, record: &GrantRecord) -> AuditDetails {
    let mut details = AuditDetails::default();
    details.client = Some(record.client.clone());
    details.user = Some(record.who.user.clone());
    details.session = Some(record.who.session.clone());
    details.patient.clone_from(&record.context.patient);
    details.encounter.clone_from(&record.context.encounter);
    details.base = Some(record.base.clone());
    details.grant = Some(grant.clone());
    details.consent.clone_from(&record.consent);
    details.scopes = record.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    details
}
