//! `refresh_token`: asks everybody again, then uses the token in one commit.

use vestibule_core::authorize::{Reason, Refusal, Stage};
use vestibule_core::explain::Trail;
use vestibule_core::record;
use vestibule_core::token::{AuthenticatedClient, RefreshChecked, RefreshRequest, TokenError, TokenResponse};
use vestibule_host::{GrantId, GrantKey, Revocation, Revoke, Rotation, Salt, ScopeQuestion, UnixMillis};

use crate::authenticate::away;
use crate::events::details_of;
use crate::fault::Away;
use crate::interaction::held::certain;
use crate::server::Inner;

impl Inner {
    pub(super) async fn refresh(
        &self,
        client: &AuthenticatedClient,
        request: RefreshRequest,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<TokenResponse, TokenError> {
        let call = self.call(now).map_err(away)?;

        // Gather.
        let found = match request.handle(self.issuer()) {
            Some(handle) => self.host.grants.grant(GrantKey::Refresh(&handle), &call).await.map_err(away)?,
            None => None,
        };
        let grant = match found {
            Some(stored) => Some((stored.id, stored.status, record::read(&stored.record).map_err(away)?)),
            None => None,
        };
        let checked = request.check(client, grant, &self.config.rules(), trail)?;
        let grantable = self.ask_again(checked.reask(), now, trail).await.map_err(away)?;

        // Decide.
        let grantable = match grantable {
            Ok(grantable) => grantable,
            Err(refusal) => {
                self.end_if_over(checked.grant(), refusal, now, trail).await.map_err(away)?;
                return Err(TokenError::InvalidGrant);
            }
        };
        let mut salt = [0; 32];
        self.entropy().fill(&mut salt).map_err(away)?;
        let details = details_of(checked.grant(), checked.record());
        let event = self.event(details, Some(trail)).map_err(away)?;
        let (asked, registered) = (checked.asked().clone(), checked.registered().clone());
        let checked = self.within_policy(client, checked, trail).await?;
        let allowed = checked.scopes().clone();
        let draft = checked.granted(grantable, &self.token_life(now), Salt::new(salt))?;

        trail.kept(
            &asked,
            &[
                (&registered, Stage::Client, Reason::NotRegistered),
                (&allowed, Stage::User, Reason::NotForThisUser),
                (draft.content().scopes(), Stage::Relationship, Reason::BeyondRelationship),
            ],
        );

        // Sign.
        let (access, id_token) = self.sign(draft.content(), client.client()).await.map_err(away)?;
        let draft = draft.signed(access, id_token, event);

        // Commit.
        let outcome =
            certain(|| self.host.grants.rotate_refresh(draft.operation(), &call)).await.map_err(away)?;
        match &outcome {
            Rotation::Reuse { grant } => tracing::warn!(
                client = client.client().id.as_str(),
                grant = grant.as_str(),
                "refresh token used twice, grant revoked"
            ),
            Rotation::Suspected { grant } => tracing::warn!(
                client = client.client().id.as_str(),
                grant = grant.as_str(),
                "the same refresh answer was asked for too often"
            ),
            _ => {}
        }

        // Release.
        if outcome != Rotation::Won {
            trail.reason(name_of(&outcome));
        }
        trail.check("RT-004", "the refresh token is good", draft.settle(&outcome))
    }

    /// Asks the host's policy over scopes, as in an interaction (principle 8).
    async fn within_policy(
        &self,
        client: &AuthenticatedClient,
        checked: RefreshChecked,
        trail: &mut Trail,
    ) -> Result<RefreshChecked, TokenError> {
        let Some(policy) = &self.scopes else { return Ok(checked) };
        let record = checked.record();
        let question =
            ScopeQuestion::new(client.client(), &record.who.user, &record.base, checked.registered());
        let left = policy.narrow(&question).await.map_err(away)?;
        trail.check(
            "SMART-SCOPE-110",
            "the host's policy leaves the right to refresh",
            checked.within_policy(&left),
        )
    }

    /// Ends a grant at once, where the refusal is one that does not pass.
    async fn end_if_over(
        &self,
        grant: &GrantId,
        refusal: Refusal,
        now: UnixMillis,
        trail: &Trail,
    ) -> Result<(), Away> {
        tracing::info!(grant = grant.as_str(), reason = ?refusal, "refresh refused");
        if !refusal.ends_the_grant() {
            return Ok(());
        }
        let call = self.call(now)?;
        let event = self.event_of_end(grant, refusal, trail)?;
        let operation = Revoke::new(Revocation::Grant(grant.clone())).with_event(event);
        let _ = certain(|| self.host.grants.revoke(&operation, &call)).await?;
        Ok(())
    }
}

/// What the store said, without the grant.
const fn name_of(outcome: &Rotation) -> &'static str {
    match outcome {
        Rotation::Won => "won",
        Rotation::Same { .. } => "a lost answer, repeated",
        Rotation::Suspected { .. } => "its answer was asked for too often",
        Rotation::Reuse { .. } => "it was used before: its grant is revoked",
        Rotation::Mismatch => "it is another client's",
        Rotation::Revoked => "the grant was revoked",
        Rotation::Expired => "it is too old",
        Rotation::NotFound => "no such refresh token",
        Rotation::ClaimSeen => "the assertion was used before",
    }
}
