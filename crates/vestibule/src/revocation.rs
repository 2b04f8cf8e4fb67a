//! The revocation endpoint: an app gives back what it holds (RFC 7009, smart.md 7.2).

use http::request::Parts;
use vestibule_core::explain::{Endpoint, Trail};
use vestibule_core::params::Params;
use vestibule_core::token::content::OPAQUE_PREFIX;
use vestibule_core::token::{AuthenticatedClient, RefreshToken, TokenError};
use vestibule_core::{digest, record};
use vestibule_host::{
    AuditDetails, GrantKey, IssueToken, Revocation, Revoke, Revoked, Secret, StoredGrant, TokenIssuance,
    UnixMillis,
};

use crate::AuthorizationServer;
use crate::authenticate::away;
use crate::events::details_of;
use crate::explain::answered;
use crate::fault::Away;
use crate::interaction::held::certain;
use crate::introspect::one_token;
use crate::server::Inner;

impl AuthorizationServer {
    /// Answers a revocation request whose form has been read. `Ok` means that the token is dead, or never was the client's to
    /// revoke: the two look the same (REVOKE-003).
    pub(crate) async fn revoke_token(
        &self,
        head: &Parts,
        form: &Params,
    ) -> (Option<AuthenticatedClient>, Result<(), TokenError>) {
        let inner = self.inner();
        let mut trail = inner.trail();
        let (client, done) = match inner.revoker(head, form, &mut trail).await {
            Ok((client, token)) => {
                let done = inner.revoke_of(&client, token.expose_secret(), inner.now(), &mut trail).await;
                (Some(client), done)
            }
            Err(error) => (None, Err(error)),
        };
        inner.explain(trail, Endpoint::Revocation, answered(&done));
        (client, done)
    }
}

impl Inner {
    async fn revoker(
        &self,
        head: &Parts,
        form: &Params,
        trail: &mut Trail,
    ) -> Result<(AuthenticatedClient, Secret), TokenError> {
        let token = trail.check("REVOKE-001", "one token, in the body", one_token(head, form))?;
        let audience = &self.config.endpoints().revocation;
        Ok((self.authenticate(head, form, audience, self.now(), trail).await?, token))
    }

    async fn revoke_of(
        &self,
        client: &AuthenticatedClient,
        token: &str,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<(), TokenError> {
        let call = self.call(now).map_err(away)?;
        let found = self.revocable(client, token, now).await.map_err(away)?;
        let seen = TokenError::InvalidClient { header: false };
        trail.note("REVOKE-004", "the token is known, and this client's", found.is_some());
        let Some((what, details)) = found else {
            // Nothing to revoke; the assertion is spent all the same.
            let Some(claim) = client.claim() else { return Ok(()) };
            let spend = IssueToken::new().with_claim(Some(claim));
            return match certain(|| self.host.grants.issue_token(&spend, &call)).await.map_err(away)? {
                TokenIssuance::Won => Ok(()),
                TokenIssuance::ClaimSeen => Err(seen),
            };
        };
        let event = self.event(details, Some(trail)).map_err(away)?;
        let operation = Revoke::new(what).with_claim(client.claim()).with_event(event);
        // REVOKE-005: dead before it is said to be; a fault is never a 200.
        match certain(|| self.host.grants.revoke(&operation, &call)).await.map_err(away)? {
            Revoked::Done => {
                tracing::info!(client = client.client().id.as_str(), "token revoked by its client");
                Ok(())
            }
            Revoked::ClaimSeen => Err(seen),
        }
    }

    /// What revoking this token means, if it is the client's: its grant, or the token itself where there is none (design §8).
    /// The hint is not needed: each kind of token says what it is (REVOKE-002).
    async fn revocable(
        &self,
        client: &AuthenticatedClient,
        token: &str,
        now: UnixMillis,
    ) -> Result<Option<(Revocation, AuditDetails)>, Away> {
        let ours = |grant: &StoredGrant| grant.client == client.client().id;
        if let Some(refresh) = RefreshToken::parse(token) {
            let call = self.call(now)?;
            let handle = refresh.handle(self.issuer());
            let found = self.host.grants.grant(GrantKey::Refresh(&handle), &call).await?;
            return found.filter(ours).map(|grant| end_of(&grant)).transpose();
        }
        let Some((claims, stored)) = self.look_up(token, now).await? else { return Ok(None) };
        if *claims.client() != client.client().id {
            return Ok(None);
        }
        if let Some(grant) = &stored.grant {
            return Some(grant).filter(|grant| ours(grant)).map(end_of).transpose();
        }
        let mut details = AuditDetails::default();
        details.client = Some(claims.client().clone());
        details.base = Some(claims.audience().to_owned());
        let what = if token.starts_with(OPAQUE_PREFIX) {
            Revocation::Access(digest::access(self.issuer(), token))
        } else {
            Revocation::Token { id: claims.id().clone(), until: claims.expires() }
        };
        Ok(Some((what, details)))
    }
}

fn end_of(grant: &StoredGrant) -> Result<(Revocation, AuditDetails), Away> {
    let details = details_of(&grant.id, &record::read(&grant.record)?);
    Ok((Revocation::Grant(grant.id.clone()), details))
}
