//! The `refresh_token` grant (design §8, oauth.md 9, SMART-REFRESH-001 to -025): gather → **decide** → sign → commit →
//! **release**.
//!
//! ```text
//! RefreshRequest ──check(grant)──► RefreshChecked ──reask, answered──► RefreshTokenDraft ──signed──► RefreshDraft ──settle──► TokenResponse
//! ```
//! The store judges the token itself (`vestibule_host::Family`). Whether it rotated, or its answer was repeated, the response
//! carries the one successor: derived from what the client presented and from the salt that the store keeps.

use std::time::Duration;

use vestibule_host::{
    ClientAuthentication, GrantId, GrantStatus, Moment, NewEvent, RefreshHandle, RegisteredClient,
    RotateRefresh, Rotation, Salt, UnixMillis,
};
use vestibule_scope::{RefreshScope, ScopeKind, ScopeList, ScopeSet};

use super::client_auth::AuthenticatedClient;
use super::content::{IssuedAccess, TokenContent, TokenLife, seconds_until};
use super::error::TokenError;
use super::refresh_token::RefreshToken;
use super::resources::Resources;
use super::response::TokenResponse;
use crate::authorize::validate::Rules;
use crate::explain::Trail;
use crate::grant::{GrantRecord, Grantable, Reask, fits_a_token, is_worth_a_grant, registered_still};
use crate::params::Params;

/// Rows are kept a little longer than what was issued under them.
pub(crate) const KEEP_MARGIN: Duration = Duration::from_secs(60);

/// How often, after the first seconds, a lost answer may be asked for again.
const MAX_REPLAYS: u8 = 2;

/// An absolute end for public clients, whose tokens nobody authenticates with (BCP 4.14.2, design §9).
const PUBLIC_CAP: Duration = Duration::from_secs(365 * 86_400);

/// How long after its beginning a chain of this app's refresh tokens ends whatever happens, if it does.
pub fn refresh_cap(client: &RegisteredClient) -> Option<Duration> {
    client.refresh_cap.or((!client.authentication.is_confidential()).then_some(PUBLIC_CAP))
}

/// The lives of a chain of refresh tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chain {
    idle: Duration,
    /// When it ends whatever happens.
    pub(crate) until: UnixMillis,
}

impl Chain {
    /// Design §9 "refresh life". `limit`: the end of the user's access to the patient, where the policy knows one.
    pub(crate) fn of(
        kind: RefreshScope,
        client: &RegisteredClient,
        record: &GrantRecord,
        limit: Option<UnixMillis>,
        life: &TokenLife,
    ) -> Self {
        let cap = refresh_cap(client).map(|cap| record.issued.plus(cap));
        let (idle, own) = match kind {
            RefreshScope::Offline => (life.offline_idle, None),
            // The session, and at most half a day.
            RefreshScope::Online => {
                (life.online, earliest([Some(record.issued.plus(life.online)), record.session_until]))
            }
        };
        Self { idle, until: earliest([cap, own, limit]).unwrap_or(UnixMillis(i64::MAX)) }
    }

    /// When it ends unless it is used.
    pub(crate) fn idle_until(&self, now: UnixMillis) -> UnixMillis {
        now.plus(self.idle).min(self.until)
    }

    pub(crate) fn is_over(&self, now: UnixMillis) -> bool {
        self.until.is_over(now)
    }
}

/// The first of several ends.
pub(crate) fn earliest<const N: usize>(ends: [Option<UnixMillis>; N]) -> Option<UnixMillis> {
    ends.into_iter().flatten().min()
}

/// The parameters of the grant (smart.md 5.3).
#[derive(Debug)]
pub struct RefreshRequest {
    /// `None` for a text that never was a refresh token.
    token: Option<RefreshToken>,
    scope: Option<ScopeList>,
    resources: Resources,
}

impl RefreshRequest {
    pub(crate) fn read(form: &Params) -> Result<Self, TokenError> {
        let one = |name| form.one(name).map_err(|_| TokenError::malformed());
        let token = one("refresh_token")?.ok_or(TokenError::InvalidRequest("refresh_token is missing"))?;
        let scope = one("scope")?.map(ScopeList::parse).transpose().map_err(|_| {
            TokenError::InvalidScope("scope is not a list of scopes separated by single spaces")
        })?;
        Ok(Self { token: RefreshToken::parse(token), scope, resources: Resources::read(form)? })
    }

    /// Where the chain is stored; `None` for a text that never was a refresh token (RT-015, A-RT-20, A-RT-21).
    pub fn handle(&self, issuer: &str) -> Option<RefreshHandle> {
        self.token.as_ref().map(|token| token.handle(issuer))
    }

    /// Compares what was presented with the grant. This read proves nothing; the verb judges the token.
    ///
    /// # Errors
    /// [`TokenError::InvalidGrant`] for a foreign, revoked or unusable grant, [`TokenError::InvalidScope`] for more than was
    /// granted, [`TokenError::InvalidTarget`] for another FHIR server. Nothing changes (RT-003, A-RT-10).
    pub fn check(
        self,
        client: &AuthenticatedClient,
        grant: Option<(GrantId, GrantStatus, GrantRecord)>,
        rules: &Rules<'_>,
        trail: &mut Trail,
    ) -> Result<RefreshChecked, TokenError> {
        let Self { token, scope, resources } = self;
        let found = token.zip(grant).ok_or(TokenError::InvalidGrant);
        let (token, (grant, status, record)) =
            trail.check("SMART-REFRESH-010", "the refresh token is known", found)?;
        let registered = client.client();
        // RT-002, RT-003, SMART-REFRESH-010
        let ours = trail.note("RT-003", "it is this client's", record.client == registered.id);
        let lives = trail.note("RT-002", "its grant lives", status == GrantStatus::Live);
        if !(ours && lives) {
            return Err(TokenError::InvalidGrant);
        }
        if !registered.grant_types.refresh_token {
            return Err(TokenError::UnauthorizedClient);
        }
        // A-AUD-13
        let base = rules.base(&record.base).filter(|base| registered.may_use_base(base.url()));
        trail.note("SMART-AUTHZ-044", "the FHIR base is still the client's", base.is_some());
        let base = base.ok_or(TokenError::InvalidGrant)?;
        trail.check("RES-002", "resource is what was authorized", resources.name_only(base))?;
        let kind = record.refresh().ok_or(TokenError::InvalidGrant)?;
        // A-RT-13: what the client was registered for may have shrunk.
        let still = registered_still(&record.scopes, registered);
        // A-RT-14
        if !still.iter().any(|scope| matches!(scope.kind(), ScopeKind::Refresh(found) if *found == kind)) {
            return Err(TokenError::InvalidGrant);
        }
        // RT-007, RT-008: a subset for this access token alone.
        let asked = match scope {
            None => record.scopes.clone(),
            Some(list) => trail.check(
                "SMART-REFRESH-003",
                "scope was granted before",
                subset(&list, &record.scopes, rules),
            )?,
        };
        let scopes: ScopeSet = asked.iter().flat_map(|scope| still.narrow(scope).into_scopes()).collect();
        if scopes.is_empty() {
            return Err(TokenError::InvalidGrant);
        }
        let issuer = rules.issuer.to_owned();
        let client = client.clone();
        Ok(RefreshChecked { issuer, token, kind, grant, record, still, asked, scopes, client })
    }
}

/// The requested scopes, if each is covered by what was granted (SMART-REFRESH-003, -004, SCOPE-006).
fn subset(list: &ScopeList, granted: &ScopeSet, rules: &Rules<'_>) -> Result<ScopeSet, TokenError> {
    let beyond = TokenError::InvalidScope("a requested scope was not granted");
    let mut scopes = ScopeSet::new();
    for requested in list.iter() {
        let known = granted.iter().find(|scope| scope.as_str() == &*requested.text).cloned();
        let scope = match known {
            Some(scope) => scope,
            None => {
                let parsed = requested.parsed.as_ref().ok();
                let held = parsed.filter(|scope| rules.knows(scope) && granted.covers(scope));
                held.cloned().ok_or(beyond)?
            }
        };
        scopes.insert(scope);
    }
    if scopes.is_empty() { Err(beyond) } else { Ok(scopes) }
}

/// A use of a refresh token that fits its grant, as far as a read can tell.
#[must_use]
#[derive(Debug)]
pub struct RefreshChecked {
    issuer: String,
    token: RefreshToken,
    kind: RefreshScope,
    grant: GrantId,
    record: GrantRecord,
    /// What was granted, as far as the client is still registered for it.
    still: ScopeSet,
    /// What this request asks for.
    asked: ScopeSet,
    /// What of it may go into the access token.
    scopes: ScopeSet,
    client: AuthenticatedClient,
}

impl RefreshChecked {
    /// What must be asked again (RT-010, SMART-REFRESH-022).
    pub fn reask(&self) -> Reask {
        self.record.reask(Moment::Refresh)
    }

    /// The grant.
    pub const fn grant(&self) -> &GrantId {
        &self.grant
    }

    /// Its record.
    pub const fn record(&self) -> &GrantRecord {
        &self.record
    }

    /// What this request asks for, within what was granted.
    pub const fn asked(&self) -> &ScopeSet {
        &self.asked
    }

    /// What was granted, as far as the client is still registered for it: what a policy over scopes is asked about.
    pub const fn registered(&self) -> &ScopeSet {
        &self.still
    }

    /// What of the request is left so far.
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// Narrows the access token to what the host's policy leaves (principle 8, SMART-SCOPE-110). The grant keeps what it has.
    ///
    /// # Errors
    /// [`TokenError::InvalidGrant`] when the policy takes the right to refresh. Nothing changes.
    pub fn within_policy(mut self, left: &ScopeSet) -> Result<Self, TokenError> {
        let kept = |scope: &vestibule_scope::Scope| {
            if left.contains(scope) { vec![scope.clone()] } else { left.narrow(scope).into_scopes() }
        };
        let refreshes = |scope: &vestibule_scope::Scope| matches!(scope.kind(), ScopeKind::Refresh(found) if *found == self.kind);
        if !self.still.iter().flat_map(kept).any(|scope| refreshes(&scope)) {
            return Err(TokenError::InvalidGrant);
        }
        self.scopes = self.scopes.iter().flat_map(kept).collect();
        Ok(self)
    }

    /// Decides the answer. `salt` becomes the chain's, if the token rotates.
    ///
    /// # Errors
    /// As for [`Checked::granted`](super::Checked::granted).
    pub fn granted(
        self,
        grantable: Grantable,
        life: &TokenLife,
        salt: Salt,
    ) -> Result<RefreshTokenDraft, TokenError> {
        if !grantable.answers(&self.reask()) {
            return Err(TokenError::ServerError);
        }
        let Self { issuer, token, kind, grant, record, scopes, client, .. } = self;
        let scopes = grantable.limit(&scopes);
        let end = earliest([grantable.until(), record.session().and(record.session_until)]);
        let seconds = seconds_until(life.access_token, end, life.now);
        if !is_worth_a_grant(&scopes) || seconds == 0 {
            return Err(TokenError::InvalidGrant);
        }
        let registered = client.client();
        // The app may ask for less of it.
        if !fits_a_token(&scopes, registered) {
            return Err(TokenError::TOO_LONG);
        }
        let chain = Chain::of(kind, registered, &record, grantable.until(), life);
        let idle_until = chain.idle_until(life.now);
        let next = token.successor(&salt).hash(&issuer);
        let operation = RotateRefresh::new(
            token.handle(&issuer),
            token.hash(&issuer),
            registered.id.clone(),
            (next, salt),
            (window(registered), MAX_REPLAYS),
            (idle_until, idle_until.plus(life.access_token).plus(KEEP_MARGIN)),
        )
        .with_claim(client.claim());
        let content = TokenContent::of_grant(&issuer, (grant, &record), scopes, seconds, life, None);
        Ok(RefreshTokenDraft { content, operation, token })
    }
}

/// For how long a lost answer may be asked for again (design §8).
fn window(client: &RegisteredClient) -> Duration {
    match client.authentication {
        _ if client.strict_refresh => Duration::ZERO,
        // A thief would need the key as well.
        ClientAuthentication::PrivateKeyJwt(_) => Duration::from_secs(600),
        _ => Duration::from_secs(60),
    }
}

/// An answer that is decided and not yet signed.
#[must_use]
#[derive(Debug)]
pub struct RefreshTokenDraft {
    content: TokenContent,
    operation: RotateRefresh,
    token: RefreshToken,
}

impl RefreshTokenDraft {
    /// What is to be signed.
    pub const fn content(&self) -> &TokenContent {
        &self.content
    }

    /// Takes the signed tokens. The result opens only when the store says that the token was good.
    pub fn signed(
        self,
        access: IssuedAccess,
        id_token: Option<String>,
        event: Option<NewEvent>,
    ) -> RefreshDraft {
        let (text, kept) = access.into_parts();
        let operation = self.operation.with_access(kept).with_event(event);
        RefreshDraft { content: self.content, operation, token: self.token, access: text, id_token }
    }
}

/// A signed answer that is not yet released.
///
/// ```compile_fail
/// fn read_early(draft: vestibule_core::token::RefreshDraft) -> vestibule_core::token::TokenResponse {
///     draft.response
/// }
/// ```
#[must_use]
#[derive(Debug)]
pub struct RefreshDraft {
    content: TokenContent,
    operation: RotateRefresh,
    token: RefreshToken,
    access: vestibule_host::Secret,
    id_token: Option<String>,
}

impl RefreshDraft {
    /// The one operation to commit.
    pub const fn operation(&self) -> &RotateRefresh {
        &self.operation
    }

    /// Releases the answer if the token rotated, or if its answer is repeated: with the one successor in both cases (I2).
    ///
    /// # Errors
    /// [`TokenError::InvalidGrant`] for every other fact; [`TokenError::InvalidClient`] for an assertion that was used before.
    pub fn settle(self, outcome: &Rotation) -> Result<TokenResponse, TokenError> {
        let salt = match outcome {
            Rotation::Won => self.operation.salt,
            Rotation::Same { salt } => *salt,
            Rotation::ClaimSeen => return Err(TokenError::InvalidClient { header: false }), // A-JWT-16
            Rotation::Suspected { .. }
            | Rotation::Reuse { .. }
            | Rotation::Mismatch
            | Rotation::Revoked
            | Rotation::Expired
            | Rotation::NotFound => return Err(TokenError::InvalidGrant),
        };
        let successor = self.token.successor(&salt).text();
        Ok(self.content.respond(&self.access, self.id_token, Some(&successor)))
    }
}
