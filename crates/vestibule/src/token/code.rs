//! `authorization_code`: spends a code and opens the refresh chain in one commit.

use vestibule_core::authorize::{Reason, Stage};
use vestibule_core::explain::Trail;
use vestibule_core::record;
use vestibule_core::token::{AuthenticatedClient, CodeRequest, TokenError, TokenResponse};
use vestibule_host::{GrantKey, Redemption, UnixMillis};

use crate::authenticate::away;
use crate::events::details_of;
use crate::interaction::held::certain;
use crate::server::Inner;

impl Inner {
    pub(super) async fn redeem(
        &self,
        client: &AuthenticatedClient,
        request: &CodeRequest,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<TokenResponse, TokenError> {
        let call = self.call(now).map_err(away)?;

        // Gather.
        let hash = request.hash(self.issuer());
        let found = self.host.grants.grant(GrantKey::Code(&hash), &call).await.map_err(away)?;
        let grant = match found {
            Some(stored) => Some((stored.id, record::read(&stored.record).map_err(away)?)),
            None => None,
        };
        let checked = request.check(client, grant, &self.config.rules(), trail)?;
        let grantable = self.ask_again(checked.reask(), now, trail).await.map_err(away)?;

        // Decide.
        // A-CODE-16: nothing is spent and nothing ends. A code lives for a minute and answers for nothing yet: should the user
        // sign in again within it (`SignInAgain`), or the policy change its mind, it still buys what was agreed to.
        let grantable = grantable.map_err(|_| TokenError::InvalidGrant)?;
        let mut random = [0; 64];
        self.entropy().fill(&mut random).map_err(away)?;
        let details = details_of(checked.grant(), checked.record());
        let event = self.event(details, Some(trail)).map_err(away)?;
        let (granted, registered) = (checked.record().scopes.clone(), checked.registered().clone());
        let draft = checked.granted(grantable, &self.token_life(now), &random)?;

        let left = draft.content().scopes();
        trail.kept(
            &granted,
            &[
                (&registered, Stage::Client, Reason::NotRegistered),
                (left, Stage::Relationship, Reason::BeyondRelationship),
            ],
        );

        // Sign.
        let (access, id_token) = self.sign(draft.content(), client.client()).await.map_err(away)?;
        let draft = draft.signed(access, id_token, event);

        // Commit.
        let outcome =
            certain(|| self.host.grants.redeem_code(draft.operation(), &call)).await.map_err(away)?;
        if let Redemption::Replayed { grant } = &outcome {
            tracing::warn!(
                client = client.client().id.as_str(),
                grant = grant.as_str(),
                "code replayed, grant revoked"
            );
        }

        // Release.
        if outcome != Redemption::Won {
            trail.reason(name_of(&outcome));
        }
        trail.check("CODE-004", "the code is unspent and in time", draft.settle(outcome))
    }
}

/// What the store said, without the grant.
const fn name_of(outcome: &Redemption) -> &'static str {
    match outcome {
        Redemption::Won => "won",
        Redemption::Replayed { .. } => "the code was spent before: its grant is revoked",
        Redemption::Mismatch => "the code is bound to something else",
        Redemption::Expired => "the code is too old",
        Redemption::Revoked => "the grant was revoked",
        Redemption::NotFound => "no such code",
        Redemption::ClaimSeen => "the assertion was used before",
    }
}
