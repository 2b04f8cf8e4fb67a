//! What ends grants: a user takes one back, signs out, or is gone. Revoking is one write; everything under the grant dies with it.

use vestibule_core::grant::GrantRecord;
use vestibule_core::record;
use vestibule_host::pages::Problem;
use vestibule_host::{
    AuditDetails, ClientId, ConsentId, ConsentRecord, GrantId, GrantKey, GrantStatus, PatientId, Revocation,
    Revoke, SessionId, StoreFault, UserId,
};

use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::events::details_of;
use crate::interaction::held::certain;

/// Rows that one read brings.
const CHUNK: u16 = 100;

/// Reads until nobody believes that these are one person's grants.
const MAX_CHUNKS: usize = 100;

/// What a user opened to an app: one record, on one FHIR base. Answers are remembered for it, and grants stand on them.
struct Opened {
    client: ClientId,
    base: String,
    patient: Option<PatientId>,
}

impl Opened {
    /// Whether an answer is about the same app and FHIR base.
    fn is_at(&self, answer: &ConsentRecord) -> bool {
        answer.client == self.client && answer.base == self.base
    }
}

impl AuthorizationServer {
    /// Ends an app's access to a record: the grant that is named, every other one of the same user, app, FHIR base and patient, and
    /// the answers that they stand on. Another device of the user holds such a grant; without its consent it would be neither
    /// ended nor able to go on.
    ///
    /// Grants die first: should a later step fail, nothing lives on that was said to be over (design §5). Idempotent; the same call
    /// again completes what a fault cut short, and does not undo a later yes.
    ///
    /// # Errors
    /// [`AuthorizeError`] with [`Problem::NotFound`] for a grant that is not this user's, or when a part of the host is away.
    pub async fn revoke_grant(&self, user: &UserId, grant: &GrantId) -> Result<(), AuthorizeError> {
        let inner = self.inner();
        let call = inner.call(inner.now())?;
        let stored = inner.host.grants.grant(GrantKey::Id(grant), &call).await?;
        // Somebody else's grant is as unknown as one that never was.
        let stored =
            stored.filter(|stored| stored.user == *user).ok_or(AuthorizeError::new(Problem::NotFound))?;
        let record: GrantRecord = record::read(&stored.record)?;
        let opened = Opened {
            client: record.client.clone(),
            base: record.base.clone(),
            patient: record.context.patient.clone(),
        };
        if stored.status == GrantStatus::Live {
            self.end_grant(grant, &record).await?;
        } else if let Some(consent) = &record.consent
            && !inner.host.consents.given(inner.tenant(), consent).await?
        {
            // Done before, but for what came in between.
            return self.end_groundless(user, &opened).await;
        }
        self.end_access(user, &opened, record.consent.as_ref()).await?;
        tracing::info!(client = record.client.as_str(), grant = grant.as_str(), "access ended by its user");
        Ok(())
    }

    /// Forgets an answer, and all others to the same question: the app is asked about again. What it holds for that record ends, as
    /// with [`revoke_grant`](Self::revoke_grant): nothing stands on an answer that was taken back.
    ///
    /// # Errors
    /// [`AuthorizeError`] with [`Problem::NotFound`] for an answer that is not this user's, or when a part of the host is away.
    pub async fn forget_answer(&self, user: &UserId, consent: &ConsentId) -> Result<(), AuthorizeError> {
        let given = self.inner().host.consents.list_for_user(self.inner().tenant(), user).await?;
        let ours = given.into_iter().find(|one| one.id == *consent);
        let ours = ours.ok_or(AuthorizeError::new(Problem::NotFound))?.record;
        let opened = Opened { client: ours.client, base: ours.base, patient: ours.patient };
        self.end_access(user, &opened, Some(consent)).await
    }

    /// Ends everything that a user granted, and forgets all their answers. The grants die first and together, whatever becomes of
    /// the rest. Idempotent.
    ///
    /// # Errors
    /// [`AuthorizeError`] when a part of the host is away; call again.
    pub async fn end_all_access(&self, user: &UserId) -> Result<(), AuthorizeError> {
        self.revoke_all(Revocation::User(user.clone())).await?;
        let (consents, tenant) = (&self.inner().host.consents, self.inner().tenant());
        for one in consents.list_for_user(tenant, user).await? {
            consents.withdraw(tenant, &one.id).await?;
        }
        tracing::info!("all grants revoked by their user");
        Ok(())
    }

    /// Ends every grant on a record, and only then withdraws the answers. All of them: an older one would otherwise count again, and
    /// let the app back in unasked. `last` is the one by which a second try after a fault knows that there is more to do.
    async fn end_access(
        &self,
        user: &UserId,
        opened: &Opened,
        last: Option<&ConsentId>,
    ) -> Result<(), AuthorizeError> {
        let (consents, tenant) = (&self.inner().host.consents, self.inner().tenant());
        let held = self.grants_of_app(user, opened).await?;
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|(_, record)| record.context.patient == opened.patient);
        for (grant, record) in &here {
            self.end_grant(grant, record).await?;
        }
        let given = consents.list_for_user(tenant, user).await?;
        // A grant that tells its app of no patient may stand on an answer about one.
        let grounds: Vec<&ConsentId> =
            here.iter().filter_map(|(_, record)| record.consent.as_ref()).chain(last).collect();
        let about: Vec<Option<&PatientId>> = given
            .iter()
            .filter(|one| grounds.contains(&&one.id))
            .map(|one| one.record.patient.as_ref())
            .chain([opened.patient.as_ref()])
            .collect();
        let withdrawn: Vec<&ConsentId> = given
            .iter()
            .filter(|one| opened.is_at(&one.record) && about.contains(&one.record.patient.as_ref()))
            .map(|one| &one.id)
            .collect();
        let stand_on =
            |record: &GrantRecord| record.consent.as_ref().is_some_and(|id| withdrawn.contains(&id));
        for (grant, record) in elsewhere.iter().filter(|(_, record)| stand_on(record)) {
            self.end_grant(grant, record).await?;
        }
        for one in withdrawn.into_iter().filter(|one| Some(*one) != last).chain(last) {
            consents.withdraw(tenant, one).await?;
        }
        self.end_groundless(user, opened).await
    }

    /// Ends an app's grants whose consent no longer stands: those that another tab got between the two steps. One that is asked for
    /// later finds no consent, neither at issue nor at redemption.
    async fn end_groundless(&self, user: &UserId, opened: &Opened) -> Result<(), AuthorizeError> {
        let (consents, tenant) = (&self.inner().host.consents, self.inner().tenant());
        for (grant, record) in self.grants_of_app(user, opened).await? {
            if let Some(consent) = &record.consent
                && !consents.given(tenant, consent).await?
            {
                self.end_grant(&grant, &record).await?;
            }
        }
        Ok(())
    }

    /// A user's live grants of an app on a FHIR base.
    async fn grants_of_app(
        &self,
        user: &UserId,
        opened: &Opened,
    ) -> Result<Vec<(GrantId, GrantRecord)>, AuthorizeError> {
        let inner = self.inner();
        let call = inner.call(inner.now())?;
        let mut found = Vec::new();
        let mut after: Option<GrantId> = None;
        for _ in 0..MAX_CHUNKS {
            let chunk = inner.host.grants.grants_of(user, after.as_ref(), CHUNK, &call).await?;
            let full = chunk.len() >= usize::from(CHUNK);
            after = chunk.last().map(|stored| stored.id.clone());
            for stored in chunk.into_iter().filter(|stored| stored.client == opened.client) {
                let record: GrantRecord = record::read(&stored.record)?;
                if record.base == opened.base {
                    found.push((stored.id, record));
                }
            }
            if !full {
                return Ok(found);
            }
        }
        // Nobody has so many. To say that all of them ended would be a guess; ending everything is one write and still works.
        Err(AuthorizeError::new(Problem::Unavailable))
    }

    async fn end_grant(&self, grant: &GrantId, record: &GrantRecord) -> Result<(), AuthorizeError> {
        let inner = self.inner();
        let call = inner.call(inner.now())?;
        let event = inner.event(details_of(grant, record), None)?;
        let operation = Revoke::new(Revocation::Grant(grant.clone())).with_event(event);
        let _ = certain(|| inner.host.grants.revoke(&operation, &call)).await?;
        Ok(())
    }

    /// Tells that a session is over: every grant that hangs on it ends, and its codes buy nothing any more. Grants
    /// with `offline_access` outlive their session.
    ///
    /// Interactions of the session end by themselves, since each of their steps asks for it again (INT-022).
    ///
    /// # Errors
    /// A [`StoreFault`]: the grants may live on until their tokens end; call again.
    pub async fn session_ended(&self, session: &SessionId) -> Result<(), StoreFault> {
        self.revoke_all(Revocation::Session(session.clone())).await
    }

    /// Tells that an account is closed or locked: every grant of the user ends.
    ///
    /// # Errors
    /// A [`StoreFault`]: the grants may live on until their tokens end; call again.
    pub async fn user_ended(&self, user: &UserId) -> Result<(), StoreFault> {
        self.revoke_all(Revocation::User(user.clone())).await
    }

    /// Tells that an app is no longer registered, or may have been taken over: every grant and every token of it ends.
    ///
    /// # Errors
    /// A [`StoreFault`]: the grants may live on until their tokens end; call again.
    pub async fn client_ended(&self, client: &ClientId) -> Result<(), StoreFault> {
        self.revoke_all(Revocation::Client(client.clone())).await
    }

    async fn revoke_all(&self, what: Revocation) -> Result<(), StoreFault> {
        let inner = self.inner();
        let call = inner.call(inner.now()).map_err(StoreFault::not_applied)?;
        let mut details = AuditDetails::default();
        match &what {
            Revocation::User(user) | Revocation::UserAndClient(user, _) => details.user = Some(user.clone()),
            Revocation::Session(session) => details.session = Some(session.clone()),
            Revocation::Client(client) => details.client = Some(client.clone()),
            _ => {}
        }
        let event = inner.event(details, None).map_err(StoreFault::not_applied)?;
        let operation = Revoke::new(what).with_event(event);
        certain(|| inner.host.grants.revoke(&operation, &call)).await.map(|_| ())
    }
}
