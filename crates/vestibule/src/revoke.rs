//! What ends grants: a user takes one back, signs out, or is gone. Revoking is one write; everything under the grant dies with it.

use vestibule_core::grant::GrantRecord;
use vestibule_core::record;
use vestibule_host::pages::Problem;
use vestibule_host::{
    AuditDetails, ClientId, ConsentId, GrantId, GrantKey, RememberedConsent, Revocation, Revoke, SessionId,
    StoreFault, UserId,
};

use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::events::details_of;
use crate::interaction::held::certain;

impl AuthorizationServer {
    /// Takes a grant back, and the consent behind it. The grant dies first: should the second step fail, nothing lives on
    /// (design §5). Both are idempotent.
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
        let event = inner.event(details_of(grant, &record), None)?;
        let operation = Revoke::new(Revocation::Grant(grant.clone())).with_event(event);
        let _ = certain(|| inner.host.grants.revoke(&operation, &call)).await?;
        if let Some(consent) = &record.consent {
            self.forget_answers(user, consent).await?;
        }
        tracing::info!(client = record.client.as_str(), grant = grant.as_str(), "grant revoked by its user");
        Ok(())
    }

    /// Forgets an answer: the app is asked about again. Access that it has goes on until it is [revoked](Self::revoke_grant).
    ///
    /// # Errors
    /// [`AuthorizeError`] with [`Problem::NotFound`] for an answer that is not this user's, or when a part of the host is away.
    pub async fn forget_answer(&self, user: &UserId, consent: &ConsentId) -> Result<(), AuthorizeError> {
        let given = self.inner().host.consents.list_for_user(self.inner().tenant(), user).await?;
        if !given.iter().any(|one| one.id == *consent) {
            return Err(AuthorizeError::new(Problem::NotFound));
        }
        self.forget_answers(user, consent).await
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

    /// Withdraws a consent, and before it every other answer to the same question: an older one would otherwise count again,
    /// and let the app back in unasked.
    async fn forget_answers(&self, user: &UserId, consent: &ConsentId) -> Result<(), AuthorizeError> {
        let (consents, tenant) = (&self.inner().host.consents, self.inner().tenant());
        let given = consents.list_for_user(tenant, user).await?;
        if let Some(ours) = given.iter().find(|one| one.id == *consent).map(|one| &one.record) {
            let same = |one: &&RememberedConsent| {
                one.record.client == ours.client
                    && one.record.base == ours.base
                    && one.record.patient == ours.patient
                    && one.id != *consent
            };
            for other in given.iter().filter(same) {
                consents.withdraw(tenant, &other.id).await?;
            }
        }
        // Last, so that a second try after a fault finds the question again.
        Ok(consents.withdraw(tenant, consent).await?)
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
