//! The token endpoint: gather → decide → sign → commit → release.
//!
//! Until the commit nothing is spent: a policy that is away, or a signer that fails, burns no code. After the commit there is
//! no fallible step.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use vestibule_core::params::Params;
use vestibule_core::record;
use vestibule_core::token::{
    AuthenticatedClient, CodeRequest, Presented, TokenDraft, TokenError, TokenLife, TokenRequest,
    TokenResponse,
};
use vestibule_host::{BoxError, GrantKey, PatientAnswer};
use vestibule_jose::jws;

use crate::AuthorizationServer;
use crate::interaction::held::certain;
use crate::server::Inner;

/// What a token request led to, and for which client, once that is known.
pub(crate) struct TokenOutcome {
    pub(crate) client: Option<AuthenticatedClient>,
    pub(crate) answer: Result<TokenResponse, TokenError>,
}

impl AuthorizationServer {
    /// Answers a token request whose form has been read.
    pub(crate) async fn token(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        form: &Params,
    ) -> TokenOutcome {
        let inner = self.inner();
        let client = match inner.authenticate(headers, query, form).await {
            Ok(client) => client,
            Err(error) => return TokenOutcome { client: None, answer: Err(error) },
        };
        let answer = match TokenRequest::read(form) {
            Ok(TokenRequest::Code(request)) => inner.redeem(&client, &request).await,
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
    async fn authenticate(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        form: &Params,
    ) -> Result<AuthenticatedClient, TokenError> {
        TokenRequest::check_form(form, query)?;
        let authorization: Vec<&[u8]> =
            headers.get_all(AUTHORIZATION).iter().map(http::HeaderValue::as_bytes).collect();
        let presented = Presented::read(form, &authorization)?;
        // A-FAULT-15: a registry that is away is 503, never `invalid_client`.
        let found = self.host.clients.client(presented.client_id()).await.map_err(away)?;
        presented.authenticate(found)
    }

    async fn redeem(
        &self,
        client: &AuthenticatedClient,
        request: &CodeRequest,
    ) -> Result<TokenResponse, TokenError> {
        let now = self.now();
        let call = self.call(now).map_err(away)?;

        // Gather.
        let hash = request.hash(self.issuer());
        let found = self.host.grants.grant(GrantKey::Code(&hash), &call).await.map_err(away)?;
        let grant = match found {
            Some(stored) => Some((stored.id, record::read(&stored.record).map_err(unreadable)?)),
            None => None,
        };
        let checked = request.check(client, grant, &self.config.rules())?;
        let reask = checked.reask();
        let standing =
            self.host.users.standing(&reask.who().user, Some(&reask.who().session)).await.map_err(away)?;
        let patient: Option<PatientAnswer> = match reask.patient_question() {
            Some(question) => Some(self.host.patients.may_access(&question).await.map_err(away)?),
            None => None,
        };
        let given = match reask.consent() {
            Some(consent) => self.host.consents.given(self.tenant(), consent).await.map_err(away)?,
            None => true,
        };

        // Decide.
        let grantable = reask.answered(standing, patient, given, now).map_err(|refusal| {
            tracing::info!(client = client.client().id.as_str(), reason = ?refusal, "code no longer grantable");
            TokenError::InvalidGrant // A-CODE-16
        })?;
        let life = TokenLife {
            access_token: self.config.access_token_life,
            id_token: self.config.id_token_life,
            now,
        };
        let draft = checked.granted(grantable, &life)?;

        // Sign.
        let (access_token, id_token) = self.sign(&draft).await?;
        let draft = draft.signed(access_token, id_token);

        // Commit.
        let outcome =
            certain(|| self.host.grants.redeem_code(draft.operation(), &call)).await.map_err(away)?;
        if let vestibule_host::Redemption::Replayed { grant } = &outcome {
            tracing::warn!(
                client = client.client().id.as_str(),
                grant = grant.as_str(),
                "code replayed, grant revoked"
            );
        }

        // Release.
        draft.settle(outcome)
    }

    /// Choosing the key and signing use one snapshot: no rotation comes in between.
    async fn sign(&self, draft: &TokenDraft) -> Result<(String, Option<String>), TokenError> {
        let keys = self.host.keys.snapshot();
        let ring = &*self.host.keys;
        let mut jti = [0; 16];
        self.entropy().fill(&mut jti).map_err(away)?;
        let claims = draft.access_claims(self.issuer(), &URL_SAFE_NO_PAD.encode(jti));
        let access = jws::encode(ring, &keys.access_token, "at+jwt", &claims).await.map_err(away)?; // ATJWT-001
        let at_hash = jws::at_hash(keys.id_token.alg, &access);
        let id = match draft.id_claims(self.issuer(), &at_hash) {
            Some(claims) => Some(jws::encode(ring, &keys.id_token, "JWT", &claims).await.map_err(away)?),
            None => None,
        };
        Ok((access, id))
    }
}

/// A part of the host is away. The operator sees why; the app sees 503.
fn away(source: impl Into<BoxError>) -> TokenError {
    let source = source.into();
    tracing::warn!(error = &*source as &dyn std::error::Error, "a part of the host cannot answer");
    TokenError::TemporarilyUnavailable
}

/// A row from a newer version, or a damaged one. Nobody knows what it says, so it is no fact about the code (principle 5).
fn unreadable(source: record::Unreadable) -> TokenError {
    tracing::error!(error = &source as &dyn std::error::Error, "a stored record cannot be read");
    TokenError::TemporarilyUnavailable
}
