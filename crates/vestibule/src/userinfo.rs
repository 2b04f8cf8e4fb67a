//! UserInfo: who granted this token (OpenID Connect Core 5.3, OIDC-009).

use http::request::Parts;
use vestibule_core::explain::{Endpoint, Outcome, Trail};
use vestibule_core::token::TokenError;
use vestibule_host::RegisteredClient;

use crate::AuthorizationServer;
use crate::authenticate::away;
use crate::bearer::{Bearer, BearerError};
use crate::explain::refused;

/// Why nothing is said.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UserInfoError {
    Bearer(BearerError),
    Away(TokenError),
}

impl UserInfoError {
    const fn told(self) -> Outcome {
        match self {
            Self::Bearer(error) => refused(error),
            Self::Away(error) => Outcome::Refused { error: error.code(), description: error.description() },
        }
    }
}

impl AuthorizationServer {
    /// The claims, and the app whose origins may read them.
    pub(crate) async fn user_info(
        &self,
        head: &Parts,
        body: &[u8],
    ) -> (Option<RegisteredClient>, Result<String, UserInfoError>) {
        let mut trail = self.inner().trail();
        let (client, said) = match self.who_granted(head, body, &mut trail).await {
            Ok((client, said)) => (client, said.ok_or(UserInfoError::Bearer(BearerError::InsufficientScope))),
            Err(error) => (None, Err(error)),
        };
        let outcome = said.as_ref().map_or_else(|error| error.told(), |_| Outcome::Granted);
        self.inner().explain(trail, Endpoint::UserInfo, outcome);
        (client, said)
    }

    /// The app, and what its token lets it know of the user; `None` if that is nothing.
    async fn who_granted(
        &self,
        head: &Parts,
        body: &[u8],
        trail: &mut Trail,
    ) -> Result<(Option<RegisteredClient>, Option<String>), UserInfoError> {
        let inner = self.inner();
        let absent = |fault| UserInfoError::Away(away(fault));
        let bearer = trail.check("BEARER-003", "one token, in the head", Bearer::read_beside(head, body));
        let bearer = bearer.map_err(UserInfoError::Bearer)?;
        let active = inner.active_access(bearer.token(), inner.now()).await.map_err(absent)?;
        let active = active.ok_or(UserInfoError::Bearer(BearerError::InvalidToken));
        let active = trail.check("BEARER-005", "the token lives", active)?;
        let client = active.claims().client();
        trail.client(client);
        let client = inner.host.clients.client(client).await.map_err(|fault| absent(fault.into()))?;
        let said = active.user_info().map(|claims| claims.to_string());
        trail.note("OIDC-009", "the token is about a user, with openid", said.is_some());
        Ok((client, said))
    }
}
