//! Tokens of our own that come back: whose are they, and do they still live?

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};
use vestibule_core::access::{AccessClaims, ActiveAccess};
use vestibule_core::digest;
use vestibule_core::token::content::OPAQUE_PREFIX;
use vestibule_host::{AccessKey, Alg, Standing, StoredAccess, UnixMillis};
use vestibule_jose::{Expect, VerifyKeys};

use crate::AuthorizationServer;
use crate::fault::Away;
use crate::server::Inner;

/// Our public keys, parsed once for each revision of the key set.
#[derive(Debug, Default)]
pub(crate) struct OwnKeys(RwLock<Option<(u64, Arc<VerifyKeys>)>>);

impl AuthorizationServer {
    /// What an access token means right now, for a FHIR server in the same process: no network, no waiting for tokens to run out
    /// (SMART-INTRO-014). `None` for whatever is not a living token of this issuer.
    ///
    /// The caller checks that [`audience`](vestibule_core::access::AccessClaims::audience) is its own FHIR base.
    ///
    /// # Errors
    /// [`Away`] when a part of the host cannot answer: nobody knows then, and access is not given.
    pub async fn access_token(&self, token: &str) -> Result<Option<ActiveAccess>, Away> {
        let inner = self.inner();
        inner.active_access(token, inner.now()).await
    }
}

impl Inner {
    /// A living access token: known, not over, not revoked, its grant alive, its app still registered and its user in good
    /// standing (INTRO-004).
    pub(crate) async fn active_access(
        &self,
        token: &str,
        now: UnixMillis,
    ) -> Result<Option<ActiveAccess>, Away> {
        let Some((claims, stored)) = self.look_up(token, now).await? else { return Ok(None) };
        let Some(active) = claims.judge(&stored, now)? else { return Ok(None) };
        // A-RT-30, A-DCR-15, A-AUD-13: an app or a base that is no more has no living tokens, whether or not anybody said so.
        let audience = active.claims().audience();
        let client = self.host.clients.client(active.claims().client()).await?;
        let registered = client.is_some_and(|client| client.is_enabled() && client.may_use_base(audience));
        if !registered || self.config.rules().base(audience).is_none() {
            return Ok(None);
        }
        if let Some(question) = active.standing_question()
            && self.host.users.standing(&question).await? != Standing::Active
        {
            return Ok(None); // A-INTRO-10
        }
        Ok(Some(active))
    }

    /// What an access token of ours says, and what the store knows of it. `None` for everything else.
    pub(crate) async fn look_up(
        &self,
        token: &str,
        now: UnixMillis,
    ) -> Result<Option<(AccessClaims, StoredAccess)>, Away> {
        let call = self.call(now)?;
        if token.starts_with(OPAQUE_PREFIX) {
            let hash = digest::access(self.issuer(), token);
            let found = self.host.grants.access(AccessKey::Opaque(&hash), &call).await?;
            let Some(stored) = found else { return Ok(None) };
            let Some(record) = &stored.record else { return Ok(None) };
            let claims = AccessClaims::from_record(record, self.issuer())?;
            return Ok(Some((claims, stored)));
        }
        let Some(claims) = self.verified(token, &["at+jwt"], now) else { return Ok(None) };
        let Some(claims) = AccessClaims::read(claims, self.issuer()) else { return Ok(None) };
        Ok(self.host.grants.access(claims.key(), &call).await?.map(|stored| (claims, stored)))
    }

    /// The claims of a JWT that one of our keys signed, whatever its times. The type keeps kinds of tokens apart (JOSE-007,
    /// A-AUD-11, OIDC-012).
    pub(crate) fn verified(
        &self,
        token: &str,
        types: &[&str],
        now: UnixMillis,
    ) -> Option<Map<String, Value>> {
        let expect = Expect { typ: types, algs: &Alg::ALL };
        let claims = self.own_keys()?.verify(token, &expect, now).ok()?.into_map();
        (claims.get("iss").and_then(Value::as_str) == Some(self.issuer())).then_some(claims)
    }

    fn own_keys(&self) -> Option<Arc<VerifyKeys>> {
        let snapshot = self.host.keys.snapshot();
        let known = self.own_keys.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((revision, keys)) = known
            && revision == snapshot.revision
        {
            return Some(keys);
        }
        let keys = Arc::new(VerifyKeys::from_jwks(&snapshot.jwks).ok()?);
        *self.own_keys.0.write().unwrap_or_else(PoisonError::into_inner) =
            Some((snapshot.revision, Arc::clone(&keys)));
        Some(keys)
    }
}
