//! What the audit log is told of registrations.
//!
//! Registrations are kept by a [`ClientRegistrar`](vestibule_host::ClientRegistrar), whose commit knows no outbox. So their events
//! go to the [`AuditSink`](vestibule_host::AuditSink) from here, in this order:
//!
//! 1. Before the commit the event is made and a place is kept for it. No place, no change: 503.
//! 2. The registrar commits.
//! 3. The event stands in the queue before anything else happens, and is offered to the sink before the app is answered. A sink
//!    that is away delays it: `tick` offers it again.
//!
//! A change that was not made is not told. One of which nobody knows (a fault in the commit, a request that was given up in the
//! middle of it) is told as such, with the reason [`AuditDetails::OUTCOME_UNKNOWN`]. What a process that dies between its commit and the sink's yes
//! has not told is lost; the registration itself says when it was made, and its revision how often it was changed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vestibule_core::explain::Trail;
use vestibule_host::registration::{UpdateClient, Updated};
use vestibule_host::{
    AuditDetails, AuditEvent, ClientRegistrar, ClientStatus, EventId, EventKind, RegisteredClient,
    StoreFault, UserId,
};

use crate::AuthorizationServer;
use crate::server::Inner;

/// So many wait for the sink at most; one more change is refused.
const MOST: usize = 1_000;

/// So many are offered at a time.
const BATCH: usize = 100;

/// Events that the sink has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Unheard(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<AuditEvent>,
    /// Places for events of changes that are being made.
    held: usize,
}

/// An event whose change is not made yet. Left alone, it tells that nobody knows.
#[derive(Debug)]
#[must_use]
pub(crate) struct Foretold<'a> {
    /// `None` where nobody listens, and when it is settled.
    event: Option<(&'a Unheard, AuditEvent)>,
}

impl Unheard {
    /// Poison is ignored, since no critical section can panic halfway.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Foretold<'_> {
    /// The change is made.
    pub(crate) fn came_true(mut self) {
        if let Some((unheard, event)) = self.event.take() {
            settle(unheard, Some(event));
        }
    }

    /// The change is not made, for certain.
    pub(crate) fn came_to_nothing(mut self) {
        if let Some((unheard, _)) = self.event.take() {
            settle(unheard, None);
        }
    }

    /// As a verb of the registrar ended: `true` if it made the change.
    pub(crate) fn settle<T>(self, outcome: &Result<T, StoreFault>, won: impl FnOnce(&T) -> bool) {
        match outcome {
            Ok(outcome) if won(outcome) => self.came_true(),
            Err(StoreFault::OutcomeUnknown(_)) => drop(self),
            _ => self.came_to_nothing(),
        }
    }
}

impl Drop for Foretold<'_> {
    fn drop(&mut self) {
        if let Some((unheard, mut event)) = self.event.take() {
            event.details.reason = Some(AuditDetails::OUTCOME_UNKNOWN.to_owned());
            settle(unheard, Some(event));
        }
    }
}

fn settle(unheard: &Unheard, event: Option<AuditEvent>) {
    let mut queue = unheard.queue();
    queue.held = queue.held.saturating_sub(1);
    queue.events.extend(event);
}

impl Inner {
    /// An event about an app, and a place for it.
    pub(crate) fn foretell(
        &self,
        kind: EventKind,
        client: &RegisteredClient,
        user: Option<&UserId>,
        request: Option<&Trail>,
    ) -> Result<Foretold<'_>, StoreFault> {
        if self.audit.is_none() {
            return Ok(Foretold { event: None });
        }
        let mut details = AuditDetails::default();
        details.client = Some(client.id.clone());
        details.user = user.cloned();
        details.scopes = client.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
        details.reason = (kind != EventKind::ClientRemoved).then(|| status(client.status).to_owned());
        details.correlation =
            request.map(Trail::correlation).filter(|name| !name.is_empty()).map(str::to_owned);
        let mut id = [0; 16];
        self.entropy().fill(&mut id).map_err(StoreFault::not_applied)?;
        let event = AuditEvent { id: EventId::new(id), kind, at: self.now(), details };
        let mut queue = self.unheard.queue();
        if queue.events.len().saturating_add(queue.held) >= MOST {
            return Err(StoreFault::Full); // principle 10
        }
        queue.held += 1;
        drop(queue);
        Ok(Foretold { event: Some((&self.unheard, event)) })
    }

    /// Offers the sink what it has not taken yet. Returns whether there is more.
    pub(crate) async fn tell_registrations(&self) -> bool {
        let Some(sink) = &self.audit else { return false };
        let batch: Vec<AuditEvent> = self.unheard.queue().events.iter().take(BATCH).cloned().collect();
        if batch.is_empty() {
            return false;
        }
        // They stay in the queue until they are taken: this future may be dropped. Two that offer the same events repeat them,
        // and their ids say so.
        if let Err(error) = sink.record(&batch).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the audit sink takes no events about registrations; they wait"
            );
            return false;
        }
        let mut queue = self.unheard.queue();
        queue.events.retain(|event| !batch.iter().any(|told| told.id == event.id));
        !queue.events.is_empty()
    }
}

impl AuthorizationServer {
    /// Makes an operator's change to a registration, and tells the audit log who made it: an app is let in, shut out, or given a
    /// privilege (SMART-REG-014). The change comes from [`Registration::changed`](vestibule_host::Registration::changed), for the
    /// revision that was looked at. Without registration wired there is none to change.
    ///
    /// ```
    /// # use vestibule::AuthorizationServer;
    /// # use vestibule_host::registration::Updated;
    /// # use vestibule_host::{ClientStatus, Registration, Revision, StoreFault, UserId};
    /// async fn let_in(
    ///     server: &AuthorizationServer,
    ///     registration: &Registration,
    ///     looked_at: Revision,
    ///     staff: &UserId,
    /// ) -> Result<bool, StoreFault> {
    ///     let enabled = registration.changed(looked_at, |client| client.status = ClientStatus::Enabled);
    ///     let Ok(change) = enabled else { return Ok(false) };
    ///     Ok(server.review_registration(&change, staff).await? == Updated::Won)
    /// }
    /// ```
    ///
    /// # Errors
    /// A [`StoreFault`] of the registrar, or [`StoreFault::Full`] while the audit sink has been away for too long.
    pub async fn review_registration(
        &self,
        change: &UpdateClient,
        operator: &UserId,
    ) -> Result<Updated, StoreFault> {
        let inner = self.inner();
        let Some(registrations) = &inner.registrations else { return Ok(Updated::Gone) };
        let client = &change.registration.client;
        let foretold = inner.foretell(EventKind::ClientReviewed, client, Some(operator), None)?;
        let outcome = updated(&*registrations.registrar, change).await;
        foretold.settle(&outcome, |updated| *updated == Updated::Won);
        inner.tell_registrations().await;
        outcome
    }
}

/// Replaces a registration. Where the registrar cannot say whether it did, the registration itself tells.
pub(crate) async fn updated(
    registrar: &dyn ClientRegistrar,
    op: &UpdateClient,
) -> Result<Updated, StoreFault> {
    match registrar.update(op).await {
        Err(StoreFault::OutcomeUnknown(source)) => {
            let kept = registrar.registration(&op.registration.token).await?;
            match kept {
                Some(kept) if kept == op.registration => Ok(Updated::Won),
                _ => Err(StoreFault::OutcomeUnknown(source)),
            }
        }
        settled => settled,
    }
}

const fn status(status: ClientStatus) -> &'static str {
    match status {
        ClientStatus::Enabled => "enabled",
        ClientStatus::Pending => "pending",
        ClientStatus::Disabled => "disabled",
    }
}
