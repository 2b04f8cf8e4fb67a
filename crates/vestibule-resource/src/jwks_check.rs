//! Tokens of an issuer elsewhere, by the keys that it publishes.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use vestibule_host::{FetchedKeySet, JwksFetcher, UnixMillis};
use vestibule_jose::jws::Unverified;
use vestibule_jose::{JwksError, JwsError, VerifyKeys};

use crate::denied::{Denied, Outage, TokenFault};
use crate::principal::Principal;
use crate::signed::Signed;
use crate::verifier::{Staleness, TokenVerifier};

/// Checks access tokens for one FHIR base, with the key set that the issuer publishes.
///
/// The fetcher (`vestibule-fetch` has the one to use) keeps the key set for as long as its `max-age` says, an hour at most. An unknown
/// `kid` has it asked anew, once in 30 seconds and once for all who wait. An issuer that announces its keys before they sign, as
/// Vestibule does, therefore rotates without anybody being refused; after an emergency rotation tokens of the new key are refused
/// for 30 seconds at most.
///
/// The guarded fetcher reaches public addresses only. An issuer inside your own network is better asked by introspection, or through
/// a [`JwksFetcher`] of your own.
///
/// ```
/// use std::sync::Arc;
/// use vestibule_host::JwksFetcher;
/// use vestibule_resource::JwksCheck;
///
/// fn check(fetcher: Arc<dyn JwksFetcher>) -> Option<JwksCheck> {
///     // `jwks_uri` as the issuer's `/.well-known/smart-configuration` says it.
///     JwksCheck::new("https://ehr.example", "https://fhir.example/r4", "https://ehr.example/auth/keys", fetcher)
/// }
/// ```
#[derive(Debug)]
pub struct JwksCheck {
    signed: Signed,
    jwks_uri: String,
    fetcher: Arc<dyn JwksFetcher>,
    parsed: RwLock<Option<Arc<Parsed>>>,
}

#[derive(Debug)]
struct Parsed {
    document: Bytes,
    keys: Result<VerifyKeys, JwksError>,
}

impl JwksCheck {
    /// Checks tokens of `issuer` for `fhir_base`, both exactly as the issuer was told, with the keys at `jwks_uri`. `None` if the
    /// fetcher may not go there; nothing is connected to.
    #[must_use]
    pub fn new(
        issuer: impl Into<String>,
        fhir_base: impl Into<String>,
        jwks_uri: impl Into<String>,
        fetcher: Arc<dyn JwksFetcher>,
    ) -> Option<Self> {
        let jwks_uri = jwks_uri.into();
        fetcher.may_fetch(&jwks_uri).then(|| Self {
            signed: Signed::new(issuer.into(), fhir_base.into()),
            jwks_uri,
            fetcher,
            parsed: RwLock::new(None),
        })
    }

    /// Allows the clocks of two machines to differ, by at most 5 s. None is the default.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.signed = self.signed.with_leeway(leeway);
        self
    }

    async fn fetch(&self, now: UnixMillis, seen: Option<&FetchedKeySet>) -> Result<FetchedKeySet, Denied> {
        let fetched = self.fetcher.key_set(&self.jwks_uri, now, seen).await;
        fetched.map_err(|error| {
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, reason, "the issuer's key set cannot be had");
            Denied::Unavailable(Outage::Keys)
        })
    }

    fn judge(&self, set: &FetchedKeySet, token: &str, now: UnixMillis) -> Judgement {
        match &self.parse(set).keys {
            Ok(keys) => Judgement::Judged(Box::new(self.signed.principal(keys, token, now))),
            Err(error) => Judgement::NoKeys(*error),
        }
    }

    /// The keys of a document. It is read again only when another one comes.
    fn parse(&self, set: &FetchedKeySet) -> Arc<Parsed> {
        // A poisoned lock holds a whole value all the same: it is replaced in one step.
        let held = self.parsed.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(held) = held.filter(|held| is_same(&held.document, set.document())) {
            return held;
        }
        let document = set.document().clone();
        let fresh = Arc::new(Parsed { keys: VerifyKeys::from_jwks(&document), document });
        *self.parsed.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&fresh));
        fresh
    }
}

#[async_trait]
impl TokenVerifier for JwksCheck {
    async fn verify(&self, token: &str, now: UnixMillis) -> Result<Principal, Denied> {
        // Before anybody is asked for a key: what is no token of this issuer needs none.
        self.signed.could_be_good(&Unverified::parse(token)?, now)?;
        let kept = self.fetch(now, None).await?;
        let first = self.judge(&kept, token, now);
        // JWTCA-013, KEY-001: it may have been kept since before the issuer announced this key.
        if !kept.is_cached() || first.is_known() {
            return first.settle();
        }
        let newer = self.fetch(now, Some(&kept)).await?;
        self.judge(&newer, token, now).settle()
    }

    fn staleness(&self) -> Staleness {
        Staleness::TokenLife
    }
}

/// What one key set says of a token.
enum Judgement {
    Judged(Box<Result<Principal, TokenFault>>),
    /// It is no key set.
    NoKeys(JwksError),
}

impl Judgement {
    /// Whether a newer key set would say nothing else.
    fn is_known(&self) -> bool {
        match self {
            Self::Judged(result) => !matches!(**result, Err(TokenFault::Jws(JwsError::UnknownKey))),
            Self::NoKeys(_) => false,
        }
    }

    fn settle(self) -> Result<Principal, Denied> {
        match self {
            Self::Judged(result) => Ok((*result)?),
            Self::NoKeys(error) => {
                tracing::warn!(%error, "the issuer's key set cannot be read");
                Err(Denied::Unavailable(Outage::Keys))
            }
        }
    }
}

/// Clones of one document share its bytes.
fn is_same(one: &Bytes, other: &Bytes) -> bool {
    (one.as_ptr() == other.as_ptr() && one.len() == other.len()) || one == other
}
