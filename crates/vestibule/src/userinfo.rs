//! UserInfo: who granted this token (OpenID Connect Core 5.3, OIDC-009).

use http::request::Parts;
use vestibule_core::token::TokenError;
use vestibule_host::RegisteredClient;

use crate::AuthorizationServer;
use crate::authenticate::away;
use crate::bearer::{Bearer, BearerError};

/// Why nothing is said.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UserInfoError {
    Bearer(BearerError),
    Away(TokenError),
}

impl AuthorizationServer {
    /// The claims, and the app whose origins may read them.
    pub(crate) async fn user_info(
        &self,
        head: &Parts,
    ) -> (Option<RegisteredClient>, Result<String, UserInfoError>) {
        let bearer = match Bearer::read(head) {
            Ok(bearer) => bearer,
            Err(error) => return (None, Err(UserInfoError::Bearer(error))),
        };
        let inner = self.inner();
        let active = match inner.active_access(bearer.token(), inner.now()).await {
            Ok(Some(active)) => active,
            Ok(None) => return (None, Err(UserInfoError::Bearer(BearerError::InvalidToken))),
            Err(fault) => return (None, Err(UserInfoError::Away(away(fault)))),
        };
        let client = match inner.host.clients.client(active.claims().client()).await {
            Ok(client) => client,
            Err(fault) => return (None, Err(UserInfoError::Away(away(fault)))),
        };
        let said = active.user_info().map(|claims| claims.to_string());
        (client, said.ok_or(UserInfoError::Bearer(BearerError::InsufficientScope)))
    }
}
