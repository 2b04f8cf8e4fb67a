//! `authorization_code`: spends a code and opens the refresh chain in one commit.

use vestibule_core::record;
use vestibule_core::token::{AuthenticatedClient, CodeRequest, TokenError, TokenResponse};
use vestibule_host::{GrantKey, Redemption, UnixMillis};

use crate::authenticate::away;
use crate::interaction::held::certain;
use crate::server::Inner;

impl Inner {
    pub(super) async fn redeem(
        &self,
        client: &AuthenticatedClient,
        request: &CodeRequest,
        now: UnixMillis,
    ) -> Result<TokenResponse, TokenError> {
        let call = self.call(now).map_err(away)?;

        // Gather.
        let hash = request.hash(self.issuer());
        let found = self.host.grants.grant(GrantKey::Code(&hash), &call).await.map_err(away)?;
        let grant = match found {
            Some(stored) => Some((stored.id, record::read(&stored.record).map_err(away)?)),
            None => None,
        };
        let checked = request.check(client, grant, &self.config.rules())?;
        let grantable = self.ask_again(checked.reask(), now).await.map_err(away)?;

        // Decide.
        let grantable = grantable.map_err(|refusal| {
            tracing::info!(client = client.client().id.as_str(), reason = ?refusal, "code no longer grantable");
            TokenError::InvalidGrant // A-CODE-16
        })?;
        let mut random = [0; 64];
        self.entropy().fill(&mut random).map_err(away)?;
        let event = self.event_of_grant(checked.grant(), checked.record()).map_err(away)?;
        let draft = checked.granted(grantable, &self.token_life(now), &random)?;

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
        draft.settle(outcome)
    }
}
