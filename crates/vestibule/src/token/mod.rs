//! The token endpoint: gather → decide → sign → commit → release.
//!
//! * [`code`], [`refresh`], [`backend`]: the three grants
//! * [`sign`]: from a decision to a signed draft
//!
//! Until the commit nothing is spent: a policy that is away, or a signer that fails, burns no code. After the commit there is
//! no fallible step.

mod backend;
mod code;
mod refresh;
mod sign;

use http::request::Parts;
use vestibule_core::explain::{Endpoint, Trail};
use vestibule_core::params::Params;
use vestibule_core::token::{AuthenticatedClient, TokenError, TokenLife, TokenRequest, TokenResponse};
use vestibule_host::UnixMillis;

use crate::AuthorizationServer;
use crate::explain::answered;
use crate::server::Inner;

/// What a token request led to, and for which client, once that is known.
pub(crate) struct TokenOutcome {
    pub(crate) client: Option<AuthenticatedClient>,
    pub(crate) answer: Result<TokenResponse, TokenError>,
    pub(crate) correlation: String,
}

impl AuthorizationServer {
    /// Answers a token request whose form has been read.
    pub(crate) async fn token(&self, head: &Parts, form: &Params) -> TokenOutcome {
        let mut trail = self.inner().trail();
        let (client, answer) = match self.inner().token_client(head, form, &mut trail).await {
            Ok(client) => {
                let answer = self.inner().token(&client, form, &mut trail).await;
                (Some(client), answer)
            }
            Err(error) => (None, Err(error)),
        };
        let correlation = trail.correlation().to_owned();
        self.inner().explain(trail, Endpoint::Token, answered(&answer));
        TokenOutcome { client, answer, correlation }
    }
}

impl Inner {
    async fn token_client(
        &self,
        head: &Parts,
        form: &Params,
        trail: &mut Trail,
    ) -> Result<AuthenticatedClient, TokenError> {
        let well_formed = TokenRequest::check_form(form, head.uri.query());
        trail.check("SMART-TOKEN-001", "a form without repeats", well_formed)?;
        self.authenticate(head, form, &self.config.endpoints().token, self.now(), trail).await
    }

    async fn token(
        &self,
        client: &AuthenticatedClient,
        form: &Params,
        trail: &mut Trail,
    ) -> Result<TokenResponse, TokenError> {
        let now = self.now();
        let request = TokenRequest::read(form, client.client());
        match trail.check("SMART-TOKEN-007", "a grant that the client may use", request)? {
            TokenRequest::Code(request) => self.redeem(client, &request, now, trail).await,
            TokenRequest::Refresh(request) => self.refresh(client, request, now, trail).await,
            TokenRequest::Backend(request) => self.issue_to_backend(client, &request, now, trail).await,
        }
    }

    fn token_life(&self, now: UnixMillis) -> TokenLife {
        TokenLife {
            access_token: self.config.access_token_life,
            unrefreshed: self.config.unrefreshed_life(),
            id_token: self.config.id_token_life,
            offline_idle: self.config.offline_life,
            online: self.config.online_life,
            now,
        }
    }
}
