//! The `authorization_code` grant: gather → **decide** → sign → commit → **release**.
//!
//! ```text
//! CodeRequest ──check(grant)──► Checked ──reask, answered──► TokenDraft ──signed──► Draft ──settle(Won)──► TokenResponse
//! ```
//! Nothing before `settle` changes anything, and only [`Redemption::Won`] opens the response.

use std::time::Duration;

use serde_json::{Map, Value};
use subtle::ConstantTimeEq;
use vestibule_host::{CodeHash, GrantId, Moment, RedeemCode, Redemption, UnixMillis};
use vestibule_scope::ScopeSet;

use super::client_auth::AuthenticatedClient;
use super::error::TokenError;
use super::response::TokenResponse;
use crate::authorize::Verifier;
use crate::authorize::validate::Rules;
use crate::digest;
use crate::grant::{GrantRecord, Grantable, Reask};
use crate::params::Params;

/// The parameters of the grant (smart.md 5.2).
#[derive(Debug)]
pub struct CodeRequest {
    code: vestibule_host::Secret,
    redirect_uri: String,
    verifier: Option<Verifier>,
}

impl CodeRequest {
    pub(crate) fn read(form: &Params) -> Result<Self, TokenError> {
        let one = |name| form.one(name).map_err(|_| TokenError::malformed());
        let code = one("code")?.ok_or(TokenError::InvalidRequest("code is missing"))?;
        // REDIR-009
        let redirect_uri =
            one("redirect_uri")?.ok_or(TokenError::InvalidRequest("redirect_uri is missing"))?;
        Ok(Self {
            code: vestibule_host::Secret::new(code),
            redirect_uri: redirect_uri.to_owned(),
            // PKCE-005: a verifier of the wrong form matches nothing.
            verifier: one("code_verifier")?.and_then(Verifier::new),
        })
    }

    /// Where the code's grant is stored.
    pub fn hash(&self, issuer: &str) -> CodeHash {
        digest::code(issuer, self.code.expose_secret())
    }

    /// Compares what was presented with what the code is bound to. This read proves nothing; the verb repeats it.
    ///
    /// # Errors
    /// [`TokenError::InvalidGrant`], whatever differs (TOKEN-009). Nothing changes (CODE-007, PKCE-008).
    pub fn check(
        &self,
        client: &AuthenticatedClient,
        grant: Option<(GrantId, GrantRecord)>,
        rules: &Rules<'_>,
    ) -> Result<Checked, TokenError> {
        let (grant, record) = grant.ok_or(TokenError::InvalidGrant)?;
        // SMART-TOKEN-023, PKCE-007: a code always has a challenge, so a verifier is always needed.
        let verifier = self.verifier.as_ref().ok_or(TokenError::InvalidGrant)?;
        let presented = verifier.challenge();
        let registered = client.client();
        let right_client = record.client == registered.id; // SMART-TOKEN-021, SMART-TOKEN-024
        let right_redirect = record.redirect_uri == self.redirect_uri; // SMART-TOKEN-022
        let right_proof: bool =
            presented.as_str().as_bytes().ct_eq(record.challenge.as_str().as_bytes()).into(); // PKCE-006
        if !(right_client && right_redirect && right_proof) {
            return Err(TokenError::InvalidGrant);
        }
        // A-AUD-13: the base may have been taken away since.
        if rules.base(&record.base).is_none() || !registered.may_use_base(&record.base) {
            return Err(TokenError::InvalidGrant);
        }
        let binding = digest::binding(registered.id.as_str(), &self.redirect_uri, presented.as_str());
        let operation = RedeemCode::new(self.hash(rules.issuer), binding);
        Ok(Checked { grant, record, operation })
    }
}

/// A redemption that fits its code, as far as a read can tell.
#[must_use]
#[derive(Debug)]
pub struct Checked {
    grant: GrantId,
    record: GrantRecord,
    operation: RedeemCode,
}

impl Checked {
    /// What must be asked again.
    pub fn reask(&self) -> Reask {
        self.record.reask(Moment::Redeem)
    }

    /// Decides the answer.
    ///
    /// # Errors
    /// [`TokenError::InvalidGrant`] when the policy leaves no scope or no time; [`TokenError::ServerError`] when
    /// `grantable` is the yes to something else, which is a bug of the caller.
    pub fn granted(self, grantable: Grantable, life: &TokenLife) -> Result<TokenDraft, TokenError> {
        if !grantable.answers(&self.reask()) {
            return Err(TokenError::ServerError);
        }
        let scopes = grantable.limit(&self.record.scopes);
        let seconds = life.access_token.as_secs();
        // A policy's end date ends the token too.
        let left =
            grantable.until().map_or(i64::MAX, |until| until.seconds().saturating_sub(life.now.seconds()));
        let seconds = seconds.min(u64::try_from(left).unwrap_or(0));
        if scopes.is_empty() || seconds == 0 {
            return Err(TokenError::InvalidGrant);
        }
        Ok(TokenDraft { checked: self, scopes, now: life.now, seconds, id_seconds: life.id_token.as_secs() })
    }
}

/// Lifetimes of tokens, and the present moment.
#[derive(Clone, Copy, Debug)]
pub struct TokenLife {
    /// Of an access token.
    pub access_token: Duration,
    /// Of an ID token.
    pub id_token: Duration,
    /// The present moment.
    pub now: UnixMillis,
}

/// An answer that is decided and not yet signed.
#[must_use]
#[derive(Debug)]
pub struct TokenDraft {
    checked: Checked,
    scopes: ScopeSet,
    now: UnixMillis,
    seconds: u64,
    id_seconds: u64,
}

impl TokenDraft {
    /// The claims of the access token (RFC 9068, ATJWT-002, -003, -007; smart.md 5.1).
    pub fn access_claims(&self, issuer: &str, jti: &str) -> Map<String, Value> {
        let record = &self.checked.record;
        let mut claims = self.common(issuer, self.seconds);
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("aud", record.base.as_str().into()); // one audience, from the configuration (A-AUD-12)
        put("client_id", record.client.as_str().into());
        put("jti", jti.into());
        put("scope", self.scopes.to_string().into());
        put("grant_id", self.checked.grant.as_str().into());
        if let Some(patient) = &record.context.patient {
            put("patient", patient.as_str().into());
        }
        if let Some(encounter) = &record.context.encounter {
            put("encounter", encounter.as_str().into());
        }
        if let Some(fhir_user) = &record.fhir_user {
            put("fhirUser", fhir_user.as_str().into());
        }
        claims
    }

    /// The claims of the ID token, if `openid` was granted (OIDC-004 to -006, SMART-IDT-001, -006 to -008, -015 to -017).
    /// `at_hash` is computed by whoever signs, since it depends on the algorithm.
    pub fn id_claims(&self, issuer: &str, at_hash: &str) -> Option<Map<String, Value>> {
        let record = &self.checked.record;
        if !record.has_open_id() {
            return None;
        }
        let mut claims = self.common(issuer, self.id_seconds);
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("aud", record.client.as_str().into()); // OIDC-005
        put("auth_time", record.auth_time.seconds().into());
        put("at_hash", at_hash.into());
        if let Some(nonce) = &record.nonce {
            put("nonce", nonce.as_str().into());
        }
        if let Some(acr) = &record.acr {
            put("acr", acr.as_str().into());
        }
        if !record.amr.is_empty() {
            put("amr", record.amr.clone().into());
        }
        if let Some(fhir_user) = &record.fhir_user {
            let granted = |text: &str| record.scopes.iter().any(|scope| scope.as_str() == text);
            if granted("fhirUser") {
                put("fhirUser", fhir_user.as_str().into());
            }
            if granted("profile") {
                put("profile", fhir_user.as_str().into()); // SMART-IDT-017
            }
        }
        Some(claims)
    }

    fn common(&self, issuer: &str, seconds: u64) -> Map<String, Value> {
        let now = self.now.seconds();
        let mut claims = Map::new();
        claims.insert("iss".into(), issuer.into());
        claims.insert("sub".into(), self.checked.record.subject.as_str().into());
        claims.insert("iat".into(), now.into());
        claims.insert("exp".into(), now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)).into());
        claims
    }

    /// Takes the signed tokens. The result opens only when the code was won.
    pub fn signed(self, access_token: String, id_token: Option<String>) -> Draft {
        let response = TokenResponse::new(
            access_token,
            id_token,
            self.seconds,
            &self.scopes,
            self.checked.record.context.members(),
        );
        Draft { operation: self.checked.operation, response }
    }
}

/// A signed answer that is not yet released.
///
/// ```compile_fail
/// fn read_early(draft: vestibule_core::token::Draft) -> vestibule_core::token::TokenResponse {
///     draft.response
/// }
/// ```
#[must_use]
#[derive(Debug)]
pub struct Draft {
    operation: RedeemCode,
    response: TokenResponse,
}

impl Draft {
    /// The one operation to commit.
    pub const fn operation(&self) -> &RedeemCode {
        &self.operation
    }

    /// Releases the answer if, and only if, the code was won.
    ///
    /// # Errors
    /// [`TokenError::InvalidGrant`] for every other fact (CODE-004, CODE-006).
    pub fn settle(self, outcome: Redemption) -> Result<TokenResponse, TokenError> {
        match outcome {
            Redemption::Won => Ok(self.response),
            Redemption::Replayed { .. }
            | Redemption::Mismatch
            | Redemption::Expired
            | Redemption::Revoked
            | Redemption::NotFound => Err(TokenError::InvalidGrant),
        }
    }
}
