//! `client_credentials`: a token for a service, and the end of its assertion, in one commit.

use vestibule_core::explain::Trail;
use vestibule_core::token::{AuthenticatedClient, BackendRequest, TokenError, TokenResponse};
use vestibule_host::UnixMillis;

use crate::authenticate::away;
use crate::interaction::held::certain;
use crate::server::Inner;

impl Inner {
    pub(super) async fn issue_to_backend(
        &self,
        client: &AuthenticatedClient,
        request: &BackendRequest,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<TokenResponse, TokenError> {
        let draft = request.decide(client, &self.config.rules(), &self.token_life(now), trail);
        let draft = trail.check("SMART-BACK-001", "system scopes that the client may have", draft)?;
        let event = self.event_of_backend(client.client(), draft.content(), trail).map_err(away)?;
        let (access, _) = self.sign(draft.content(), client.client()).await.map_err(away)?;
        let draft = draft.signed(access, event);
        let call = self.call(now).map_err(away)?;
        let outcome =
            certain(|| self.host.grants.issue_token(draft.operation(), &call)).await.map_err(away)?;
        trail.check("JWTCA-009", "the assertion is new", draft.settle(outcome))
    }
}
