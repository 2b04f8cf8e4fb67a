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
use vestibule_core::params::Params;
use vestibule_core::token::{AuthenticatedClient, TokenError, TokenLife, TokenRequest, TokenResponse};
use vestibule_host::UnixMillis;

use crate::AuthorizationServer;
use crate::server::Inner;

/// What a token request led to, and for which client, once that is known.
pub(crate) struct TokenOutcome {
    pub(crate) client: Option<AuthenticatedClient>,
    pub(crate) answer: Result<TokenResponse, TokenError>,
}

impl AuthorizationServer {
    /// Answers a token request whose form has been read.
    pub(crate) async fn token(&self, head: &Parts, form: &Params) -> TokenOutcome {
        let inner = self.inner();
        let now = inner.now();
        let client = match TokenRequest::check_form(form, head.uri.query()) {
            Ok(()) => inner.authenticate(head, form, &inner.config.endpoints().token, now).await,
            Err(error) => Err(error),
        };
        let client = match client {
            Ok(client) => client,
            Err(error) => return TokenOutcome { client: None, answer: Err(error) },
        };
        let answer = match TokenRequest::read(form, client.client()) {
            Ok(TokenRequest::Code(request)) => inner.redeem(&client, &request, now).await,
            Ok(TokenRequest::Refresh(request)) => inner.refresh(&client, request, now).await,
            Ok(TokenRequest::Backend(request)) => inner.issue_to_backend(&client, &request, now).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &answer {
            tracing::info!(
                client = client.client().id.as_str(),
                error = error.code(),
                "token request refused"
            );
        }
        TokenOutcome { client: Some(client), answer }
    }
}

impl Inner {
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
