//! The `authorization_code` grant: gather → **decide** → sign → commit → **release**.
//!
//! ```text
//! CodeRequest ──check(grant)──► Checked ──reask, answered──► TokenDraft ──signed──► Draft ──settle(Won)──► TokenResponse
//! ```
//! Nothing before `settle` changes anything, and only [`Redemption::Won`] opens the response.

use subtle::ConstantTimeEq;
use vestibule_host::{
    CodeHash, GrantId, Moment, NewEvent, NewRefresh, RedeemCode, Redemption, RegisteredClient, Secret,
    UnixMillis,
};
use vestibule_scope::{RefreshScope, ScopeSet};

use super::client_auth::AuthenticatedClient;
use super::content::{IssuedAccess, TokenContent, TokenLife, seconds_until};
use super::error::TokenError;
use super::refresh::{Chain, KEEP_MARGIN, earliest};
use super::refresh_token::RefreshToken;
use super::resources::Resources;
use super::response::TokenResponse;
use crate::authorize::validate::Rules;
use crate::authorize::{CodeProof, Verifier};
use crate::digest;
use crate::explain::Trail;
use crate::grant::{
    GrantRecord, Grantable, Reask, fits_a_token, is_worth_a_grant, refresh_of, registered_still,
};
use crate::params::Params;

/// The parameters of the grant (smart.md 5.2).
#[derive(Debug)]
pub struct CodeRequest {
    code: vestibule_host::Secret,
    redirect_uri: String,
    verifier: Presented,
    resources: Resources,
}

/// What came as `code_verifier`.
#[derive(Debug)]
enum Presented {
    Nothing,
    /// A verifier of the wrong form matches nothing (PKCE-005).
    Malformed,
    Verifier(Verifier),
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
            verifier: match one("code_verifier")? {
                None => Presented::Nothing,
                Some(text) => Verifier::new(text).map_or(Presented::Malformed, Presented::Verifier),
            },
            resources: Resources::read(form)?,
        })
    }

    /// Where the code's grant is stored.
    pub fn hash(&self, issuer: &str) -> CodeHash {
        digest::code(issuer, self.code.expose_secret())
    }

    /// Compares what was presented with what the code is bound to. This read proves nothing; the verb repeats it.
    ///
    /// # Errors
    /// [`TokenError::InvalidGrant`], whatever differs (TOKEN-009); [`TokenError::InvalidRequest`] for a verifier of the code's own
    /// client when there is nothing to verify; [`TokenError::InvalidTarget`] for another FHIR server than the one that was
    /// authorized. Nothing changes (CODE-007, PKCE-008).
    pub fn check(
        &self,
        client: &AuthenticatedClient,
        grant: Option<(GrantId, GrantRecord)>,
        rules: &Rules<'_>,
        trail: &mut Trail,
    ) -> Result<Checked, TokenError> {
        let grant = grant.ok_or(TokenError::InvalidGrant);
        let (grant, record) = trail.check("TOKEN-009", "the code is known", grant)?;
        let registered = client.client();
        // SMART-TOKEN-024
        let right_client =
            trail.note("SMART-TOKEN-021", "the code is this client's", record.client == registered.id);
        let same = record.redirect_uri == self.redirect_uri;
        let right_redirect = trail.note("SMART-TOKEN-022", "redirect_uri is the request's", same);
        let proof = self.proof(&record.proof, registered);
        let proof = trail.check("PKCE-006", "code_verifier fits the challenge", proof);
        if !(right_client && right_redirect) {
            return Err(TokenError::InvalidGrant);
        }
        let proof = proof?;
        // A-AUD-13: the base may have been taken away since.
        let base = rules.base(&record.base).filter(|base| registered.may_use_base(base.url()));
        trail.note("SMART-AUTHZ-044", "the FHIR base is still the client's", base.is_some());
        let base = base.ok_or(TokenError::InvalidGrant)?;
        // RES-002: told to nobody but the code's own client, and nothing is spent by asking.
        trail.check("RES-002", "resource is what was authorized", self.resources.name_only(base))?;
        let binding = digest::binding(registered.id.as_str(), &self.redirect_uri, &proof);
        // The row is kept longer once it is known what is issued: `granted`.
        let operation = RedeemCode::new(self.hash(rules.issuer), binding, UnixMillis(0));
        // A-RT-13: what the client was registered for may have shrunk since it asked.
        let still = registered_still(&record.scopes, registered);
        let issuer = rules.issuer.to_owned();
        Ok(Checked { issuer, grant, record, operation, client: client.clone(), still })
    }

    /// The proof that was presented, if it is the one that the code asks for.
    fn proof(&self, wanted: &CodeProof, client: &RegisteredClient) -> Result<String, TokenError> {
        match (wanted, &self.verifier) {
            (CodeProof::S256(challenge), Presented::Verifier(verifier)) => {
                let presented = verifier.challenge();
                let right: bool = presented.as_str().as_bytes().ct_eq(challenge.as_str().as_bytes()).into(); // PKCE-006
                right.then(|| presented.as_str().to_owned()).ok_or(TokenError::InvalidGrant)
            }
            // SMART-TOKEN-023, PKCE-007: a challenge always wants its verifier.
            (CodeProof::S256(_), Presented::Nothing | Presented::Malformed) => Err(TokenError::InvalidGrant),
            // SMART-PKCE-008, design §9: the registration is asked again.
            (CodeProof::DangerLegacyV1, Presented::Nothing) if CodeProof::may_be_left_out(client) => {
                Ok(wanted.as_str().to_owned())
            }
            (CodeProof::DangerLegacyV1, Presented::Nothing) => Err(TokenError::InvalidGrant),
            // SMART-PKCE-007: somebody took the challenge out of the request on its way.
            (CodeProof::DangerLegacyV1, _) => {
                Err(TokenError::InvalidRequest("code_verifier was sent for a code without a challenge"))
            }
        }
    }
}

/// A redemption that fits its code, as far as a read can tell.
#[must_use]
#[derive(Debug)]
pub struct Checked {
    issuer: String,
    grant: GrantId,
    record: GrantRecord,
    operation: RedeemCode,
    client: AuthenticatedClient,
    /// What was granted, as far as the client is still registered for it.
    still: ScopeSet,
}

impl Checked {
    /// What must be asked again.
    pub fn reask(&self) -> Reask {
        self.record.reask(Moment::Redeem)
    }

    /// The grant.
    pub const fn grant(&self) -> &GrantId {
        &self.grant
    }

    /// Its record.
    pub const fn record(&self) -> &GrantRecord {
        &self.record
    }

    /// What was granted, as far as the client is still registered for it.
    pub const fn registered(&self) -> &ScopeSet {
        &self.still
    }

    /// Decides the answer. `random` becomes the first refresh token, if a refresh scope was granted.
    ///
    /// # Errors
    /// [`TokenError::InvalidGrant`] when registration and policy leave no scope or no time; [`TokenError::InvalidScope`] when what they
    /// leave is longer than a token may be; [`TokenError::ServerError`] when `grantable` is the yes to something else, which is a bug
    /// of the caller.
    pub fn granted(
        self,
        grantable: Grantable,
        life: &TokenLife,
        random: &[u8; 64],
    ) -> Result<TokenDraft, TokenError> {
        if !grantable.answers(&self.reask()) {
            return Err(TokenError::ServerError);
        }
        let Self { issuer, grant, record, operation, client, still } = self;
        let scopes = grantable.limit(&still);
        // RT-001, A-RT-14: a refresh scope was granted, and the client may use it.
        let kind = refresh_of(&scopes);
        let chain = kind
            .filter(|_| client.client().grant_types.refresh_token)
            .map(|kind| Chain::of(kind, client.client(), &record, grantable.until(), life))
            .filter(|chain| !chain.is_over(life.now));
        // Long only where the grant ends with its session, which one with `offline_access` does not, used or not.
        let long = chain.is_none() && record.session().is_some();
        let access_life = if long { life.unrefreshed } else { life.access_token };
        // A policy's end date ends the token too, and so does the end of the session that it hangs on.
        let of_session = record.session_until.filter(|_| kind != Some(RefreshScope::Offline));
        let end = earliest([grantable.until(), of_session]);
        let seconds = seconds_until(access_life, end, life.now);
        if !is_worth_a_grant(&scopes) || seconds == 0 {
            return Err(TokenError::InvalidGrant);
        }
        if !fits_a_token(&scopes, client.client()) {
            return Err(TokenError::TOO_LONG);
        }
        let refresh = chain.map(|chain| (RefreshToken::first(random), chain));
        let opened = refresh.as_ref().map(|(token, chain)| NewRefresh {
            handle: token.handle(&issuer),
            current: token.hash(&issuer),
            idle_until: chain.idle_until(life.now),
            until: chain.until,
        });
        let kept = refresh.as_ref().map_or(life.now, |(_, chain)| chain.idle_until(life.now));
        // Spent codes and older refresh tokens must find their grant for as long as anything under it lives (CODE-005).
        let keep_until = kept.plus(access_life).plus(KEEP_MARGIN);
        let mut operation = operation.with_refresh(opened).with_claim(client.claim());
        operation.keep_until = keep_until;
        let nonce = record.nonce.clone();
        let content = TokenContent::of_grant(&issuer, (grant, &record), scopes, seconds, life, nonce);
        Ok(TokenDraft { content, operation, refresh: refresh.map(|(token, _)| token.text()) })
    }
}

/// An answer that is decided and not yet signed.
#[must_use]
#[derive(Debug)]
pub struct TokenDraft {
    content: TokenContent,
    operation: RedeemCode,
    refresh: Option<Secret>,
}

impl TokenDraft {
    /// What is to be signed.
    pub const fn content(&self) -> &TokenContent {
        &self.content
    }

    /// Takes the signed tokens. The result opens only when the code was won.
    pub fn signed(self, access: IssuedAccess, id_token: Option<String>, event: Option<NewEvent>) -> Draft {
        let (text, kept) = access.into_parts();
        let response = self.content.respond(&text, id_token, self.refresh.as_ref());
        Draft { operation: self.operation.with_access(kept).with_event(event), response }
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
    /// [`TokenError::InvalidGrant`] for every other fact (CODE-004, CODE-006); [`TokenError::InvalidClient`] for an assertion
    /// that was used before.
    pub fn settle(self, outcome: Redemption) -> Result<TokenResponse, TokenError> {
        match outcome {
            Redemption::Won => Ok(self.response),
            Redemption::ClaimSeen => Err(TokenError::InvalidClient { header: false }), // A-JWT-16
            Redemption::Replayed { .. }
            | Redemption::Mismatch
            | Redemption::Expired
            | Redemption::Revoked
            | Redemption::NotFound => Err(TokenError::InvalidGrant),
        }
    }
}
