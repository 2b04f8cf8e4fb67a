//! The `client_credentials` grant: backend services (smart.md 8).

use std::time::Duration;

use vestibule_host::{ClientAuthentication, IssueToken, NewEvent, TokenIssuance};
use vestibule_scope::ScopeList;

use super::client_auth::AuthenticatedClient;
use super::content::{IssuedAccess, TokenContent, TokenLife};
use super::error::TokenError;
use super::resources::Resources;
use super::response::TokenResponse;
use crate::audience::FhirBase;
use crate::authorize::negotiate::Negotiation;
use crate::authorize::validate::Rules;
use crate::explain::Trail;
use crate::grant::fits_a_token;
use crate::params::Params;

/// The longest life of a backend token (SMART-BACK-010, design §9).
const LONGEST: Duration = Duration::from_secs(300);

/// The parameters of the grant.
#[derive(Debug)]
pub struct BackendRequest {
    scope: ScopeList,
    resources: Resources,
}

impl BackendRequest {
    pub(crate) fn read(form: &Params) -> Result<Self, TokenError> {
        // SMART-BACK-004, SCOPE-007: no default scope.
        let scope = form.one("scope").map_err(|_| TokenError::malformed())?;
        let scope = scope.ok_or(TokenError::InvalidScope("scope is missing"))?;
        let scope = ScopeList::parse(scope).map_err(|_| {
            TokenError::InvalidScope("scope is not a list of scopes separated by single spaces")
        })?;
        Ok(Self { scope, resources: Resources::read(form)? })
    }

    /// Decides what the client gets, and notes what became of each scope.
    ///
    /// # Errors
    /// [`TokenError::UnauthorizedClient`] unless the client is registered for the grant and authenticated with a key
    /// (SMART-BACK-001, SMART-CAUTH-007), [`TokenError::InvalidTarget`], [`TokenError::InvalidScope`].
    pub fn decide(
        &self,
        client: &AuthenticatedClient,
        rules: &Rules<'_>,
        life: &TokenLife,
        trail: &mut Trail,
    ) -> Result<BackendDraft, TokenError> {
        let registered = client.client();
        let by_key = matches!(registered.authentication, ClientAuthentication::PrivateKeyJwt(_));
        if !(registered.grant_types.client_credentials && by_key) {
            return Err(TokenError::UnauthorizedClient);
        }
        let base = self.base(client, rules)?;
        let negotiation = Negotiation::for_backend(&self.scope, registered, base, rules);
        trail.scopes(&negotiation);
        let scopes = negotiation.granted();
        if scopes.is_empty() || (registered.strict_scopes && !negotiation.is_untouched()) {
            return Err(TokenError::InvalidScope("the client may not have any of the requested scopes"));
        }
        if !fits_a_token(&scopes, registered) {
            return Err(TokenError::TOO_LONG);
        }
        let seconds = life.access_token.min(LONGEST).as_secs();
        let client_id = registered.id.clone();
        let content = TokenContent::of_client(rules.issuer, client_id, base.url(), scopes, seconds, life.now);
        Ok(BackendDraft { content, operation: IssueToken::new().with_claim(client.claim()) })
    }

    /// Design §9: `resource`, else the client's default base, else the issuer's first (SMART-BACK-016, RES-007).
    fn base<'a>(&self, client: &AuthenticatedClient, rules: &Rules<'a>) -> Result<&'a FhirBase, TokenError> {
        let registered = client.client();
        let usable = |base: &&FhirBase| registered.may_use_base(base.url());
        let named = |name: &str| rules.bases.iter().filter(usable).find(|base| base.is_named(name));
        let base = match (self.resources.first(), registered.fhir_bases.first()) {
            (Some(resource), _) => named(resource),
            (None, Some(default)) => named(default),
            (None, None) => rules.bases.first(),
        };
        let base = base.ok_or(TokenError::InvalidTarget)?;
        self.resources.name_only(base)?; // RES-003
        Ok(base)
    }
}

/// An answer that is decided and not yet signed.
#[must_use]
#[derive(Debug)]
pub struct BackendDraft {
    content: TokenContent,
    operation: IssueToken,
}

impl BackendDraft {
    /// What is to be signed.
    pub const fn content(&self) -> &TokenContent {
        &self.content
    }

    /// Takes the signed token. The result opens only when the assertion was spent with it.
    pub fn signed(self, access: IssuedAccess, event: Option<NewEvent>) -> SignedBackend {
        let (text, kept) = access.into_parts();
        // TOKEN-007, SMART-BACK-011: no refresh token.
        let response = self.content.respond(&text, None, None);
        SignedBackend { operation: self.operation.with_access(kept).with_event(event), response }
    }
}

/// A signed answer that is not yet released.
#[must_use]
#[derive(Debug)]
pub struct SignedBackend {
    operation: IssueToken,
    response: TokenResponse,
}

impl SignedBackend {
    /// The one operation to commit.
    pub const fn operation(&self) -> &IssueToken {
        &self.operation
    }

    /// Releases the answer if the assertion was spent by this request.
    ///
    /// # Errors
    /// [`TokenError::InvalidClient`] for an assertion that was used before (SMART-CAUTH-032).
    pub fn settle(self, outcome: TokenIssuance) -> Result<TokenResponse, TokenError> {
        match outcome {
            TokenIssuance::Won => Ok(self.response),
            TokenIssuance::ClaimSeen => Err(TokenError::InvalidClient { header: false }),
        }
    }
}
