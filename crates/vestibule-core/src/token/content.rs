//! What a token says, whatever grant it came from: one source for the access token, the ID token and the answer (principle 9).

use std::time::Duration;

use serde_json::{Map, Value};
use vestibule_host::{ClientId, GrantId, NewAccess, Secret, UnixMillis};
use vestibule_scope::ScopeSet;

use super::response::TokenResponse;
use crate::access::names_user;
use crate::grant::{GrantRecord, GrantedContext};
use crate::{digest, record};

/// What every opaque access token begins with.
pub const OPAQUE_PREFIX: &str = "va_";

/// Lifetimes of tokens, and the present moment.
#[derive(Clone, Copy, Debug)]
pub struct TokenLife {
    /// Of an access token beside a refresh token.
    pub access_token: Duration,
    /// Of an access token without one: the user would have to come back.
    pub unrefreshed: Duration,
    /// Of an ID token.
    pub id_token: Duration,
    /// Of an `offline_access` chain that is not used.
    pub offline_idle: Duration,
    /// Of an `online_access` chain, whatever happens.
    pub online: Duration,
    /// The present moment.
    pub now: UnixMillis,
}

/// What is to be signed.
#[derive(Debug)]
pub struct TokenContent {
    issuer: String,
    subject: String,
    client: ClientId,
    base: String,
    scopes: ScopeSet,
    grant: Option<GrantId>,
    context: GrantedContext,
    fhir_user: Option<String>,
    id_token: Option<IdToken>,
    now: UnixMillis,
    seconds: u64,
}

#[derive(Debug)]
struct IdToken {
    granted: ScopeSet,
    nonce: Option<String>,
    auth_time: UnixMillis,
    acr: Option<String>,
    amr: Vec<String>,
    seconds: u64,
}

/// The access token as it goes out, and what the store keeps of it.
#[derive(Debug)]
pub struct IssuedAccess {
    text: Secret,
    kept: Option<NewAccess>,
}

impl TokenContent {
    /// The tokens of a user's grant. `scopes` are those of these tokens, and both say only what they allow (RT-008). `nonce` is
    /// repeated in the first ID token and in no later one (OIDC-008).
    pub(crate) fn of_grant(
        issuer: &str,
        (grant, record): (GrantId, &GrantRecord),
        scopes: ScopeSet,
        seconds: u64,
        life: &TokenLife,
        nonce: Option<String>,
    ) -> Self {
        let has = |name: &str| scopes.iter().any(|scope| scope.as_str() == name);
        let fhir_user = record.fhir_user.clone().filter(|_| names_user(has));
        let id_token = has("openid").then(|| IdToken {
            granted: scopes.clone(),
            nonce,
            auth_time: record.auth_time,
            acr: record.acr.clone(),
            amr: record.amr.clone(),
            seconds: life.id_token.as_secs(),
        });
        Self {
            issuer: issuer.to_owned(),
            subject: record.subject.clone(),
            client: record.client.clone(),
            base: record.base.clone(),
            scopes,
            grant: Some(grant),
            context: record.context.clone(),
            fhir_user,
            id_token,
            now: life.now,
            seconds,
        }
    }

    /// The token of a backend service: its own subject (ATJWT-002), no grant, no context, no ID token.
    pub(crate) fn of_client(
        issuer: &str,
        client: ClientId,
        base: &str,
        scopes: ScopeSet,
        seconds: u64,
        now: UnixMillis,
    ) -> Self {
        Self {
            issuer: issuer.to_owned(),
            subject: client.as_str().to_owned(),
            client,
            base: base.to_owned(),
            scopes,
            grant: None,
            context: GrantedContext::default(),
            fhir_user: None,
            id_token: None,
            now,
            seconds,
        }
    }

    /// The scopes of the access token.
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The FHIR base that the access token is for.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// When the access token ends.
    pub fn expires(&self) -> UnixMillis {
        self.now.plus(Duration::from_secs(self.seconds))
    }

    /// The claims of the access token (RFC 9068, ATJWT-002, -003, -007; smart.md 5.1). An opaque token stands for the same.
    pub fn access_claims(&self, jti: &str) -> Map<String, Value> {
        let mut claims = self.common(self.seconds);
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("aud", self.base.as_str().into()); // one audience, from the configuration (A-AUD-12)
        put("client_id", self.client.as_str().into());
        put("jti", jti.into());
        put("scope", self.scopes.to_string().into());
        if let Some(grant) = &self.grant {
            put("grant_id", grant.as_str().into());
        }
        if let Some(patient) = &self.context.patient {
            put("patient", patient.as_str().into());
        }
        if let Some(encounter) = &self.context.encounter {
            put("encounter", encounter.as_str().into());
        }
        if let Some(fhir_user) = &self.fhir_user {
            put("fhirUser", fhir_user.as_str().into());
        }
        claims
    }

    /// The claims of the ID token, if `openid` was granted (OIDC-004 to -006, SMART-IDT-001, -006 to -008, -015 to -017).
    /// `at_hash` is computed by whoever signs, since it depends on the algorithm.
    pub fn id_claims(&self, at_hash: &str) -> Option<Map<String, Value>> {
        let id = self.id_token.as_ref()?;
        let mut claims = self.common(id.seconds);
        let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        put("aud", self.client.as_str().into()); // OIDC-005
        put("auth_time", id.auth_time.seconds().into());
        put("at_hash", at_hash.into());
        if let Some(nonce) = &id.nonce {
            put("nonce", nonce.as_str().into());
        }
        if let Some(acr) = &id.acr {
            put("acr", acr.as_str().into());
        }
        if !id.amr.is_empty() {
            put("amr", id.amr.clone().into());
        }
        if let Some(fhir_user) = &self.fhir_user {
            let granted = |text: &str| id.granted.iter().any(|scope| scope.as_str() == text);
            if granted("fhirUser") {
                put("fhirUser", fhir_user.as_str().into());
            }
            if granted("profile") {
                put("profile", fhir_user.as_str().into()); // SMART-IDT-017
            }
        }
        Some(claims)
    }

    /// A signed JWT as access token. Nothing of it is kept.
    pub const fn as_jwt(&self, signed: Secret) -> IssuedAccess {
        IssuedAccess { text: signed, kept: None }
    }

    /// A random text, with its prefix, as access token: the store keeps what it stands for.
    ///
    /// # Errors
    /// [`record::Unreadable`] when the record cannot be written.
    pub fn as_opaque(&self, text: Secret, jti: &str) -> Result<IssuedAccess, record::Unreadable> {
        let kept = NewAccess {
            hash: digest::access(&self.issuer, text.expose_secret()),
            client: self.client.clone(),
            expires: self.expires(),
            record: record::write(&self.access_claims(jti))?,
        };
        Ok(IssuedAccess { text, kept: Some(kept) })
    }

    pub(crate) fn respond(
        self,
        access: &Secret,
        id_token: Option<String>,
        refresh: Option<&Secret>,
    ) -> TokenResponse {
        TokenResponse::new(access, id_token, refresh, self.seconds, &self.scopes, self.context.members())
    }

    fn common(&self, seconds: u64) -> Map<String, Value> {
        let now = self.now.seconds();
        let mut claims = Map::new();
        claims.insert("iss".into(), self.issuer.as_str().into());
        claims.insert("sub".into(), self.subject.as_str().into());
        claims.insert("iat".into(), now.into());
        claims.insert("exp".into(), now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)).into());
        claims
    }
}

impl IssuedAccess {
    pub(crate) fn into_parts(self) -> (Secret, Option<NewAccess>) {
        (self.text, self.kept)
    }
}

/// The shorter of a life and what an end leaves of it.
pub(crate) fn seconds_until(life: Duration, end: Option<UnixMillis>, now: UnixMillis) -> u64 {
    let left = end.map_or(i64::MAX, |end| end.seconds().saturating_sub(now.seconds()));
    life.as_secs().min(u64::try_from(left).unwrap_or(0))
}
