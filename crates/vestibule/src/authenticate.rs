//! Client authentication: one way for every endpoint (CAUTH-010, A-CAUTH-18).
//!
//! Cheap before dear: the client is known to exist, and to be registered for assertions, before a signature is looked at or a key
//! set is fetched (TOKEN-012, A-DOS-09).

use http::header::AUTHORIZATION;
use http::request::Parts;
use vestibule_core::digest;
use vestibule_core::explain::Trail;
use vestibule_core::params::Params;
use vestibule_core::token::{Asserted, AuthenticatedClient, Presented, TokenError};
use vestibule_host::{
    Alg, AssertionClaim, ClientAuthentication, ClientKeys, FetchError, KeySource, RateAnswer, RatePoint,
    RateQuestion, RegisteredClient, Source, UnixMillis,
};
use vestibule_jose::assertion::{self, AssertionError, AssertionRules};

use crate::fault::Away;
use crate::server::Inner;

impl Inner {
    /// Finds out which client sent this form, and whether it proves it. `audience` is the endpoint's own URL.
    ///
    /// A claim that comes with the result is spent by whatever it buys.
    pub(crate) async fn authenticate(
        &self,
        head: &Parts,
        form: &Params,
        audience: &str,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<AuthenticatedClient, TokenError> {
        let authorization: Vec<&[u8]> =
            head.headers.get_all(AUTHORIZATION).iter().map(http::HeaderValue::as_bytes).collect();
        let presented = Presented::read(form, &authorization, assertion::named_client);
        let presented = trail.check("CAUTH-001", "one way of authentication", presented)?;
        let source = head.extensions.get::<Source>();
        let id = presented.client_id().clone();
        let question = RateQuestion::new(RatePoint::ClientAuthentication, Some(&id), source);
        trail.check("CAUTH-014", "not too many requests", self.may_go_on(&question).await)?;
        // A-FAULT-15: a registry that is away is 503, never `invalid_client`.
        let found = self.host.clients.client(&id).await.map_err(away)?;
        let found = found.filter(RegisteredClient::is_enabled);
        match &found {
            Some(client) => trail.client(&client.id),
            None => trail.reason("no such client, or it is not enabled"),
        }
        let asserted = match (presented.assertion(), &found) {
            (Some(text), Some(client)) => self.check_assertion(text, client, audience, now, trail).await?,
            _ => None,
        };
        let outcome = presented.authenticate(found, asserted, now);
        let outcome = trail.check("CAUTH-010", "the client is who it says", outcome);
        if matches!(outcome, Err(TokenError::InvalidClient { .. }))
            && let Some(gate) = &self.rate
        {
            gate.failed(&question).await;
        }
        outcome
    }

    /// Asks the host's gate, if there is one.
    pub(crate) async fn may_go_on(&self, question: &RateQuestion<'_>) -> Result<(), TokenError> {
        let Some(gate) = &self.rate else { return Ok(()) };
        match gate.ask(question).await {
            RateAnswer::Go => Ok(()),
            RateAnswer::Wait(wait) => Err(TokenError::SlowDown(wait)),
        }
    }

    /// Verifies an assertion under its client's keys. `None`: it proves nothing, for a reason that only the operator learns.
    async fn check_assertion(
        &self,
        text: &str,
        client: &RegisteredClient,
        audience: &str,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<Option<Asserted>, TokenError> {
        let ClientAuthentication::PrivateKeyJwt(keys) = &client.authentication else { return Ok(None) };
        let audiences = [audience, self.config.endpoints().token.as_str()];
        let rules = AssertionRules {
            audiences: &audiences,
            issuer: self.issuer(),
            strict_aud: keys.strict_aud,
            now,
            leeway: assertion::LEEWAY,
            longest: assertion::LONGEST,
            jwks_uri: match &keys.source {
                KeySource::Url(url) => Some(url),
                KeySource::Inline(_) => None,
            },
            alg: None,
            untyped: keys.untyped_assertions,
        };
        let checked = match registered_alg(keys) {
            Ok(alg) => self.check_with_keys(text, client, keys, &AssertionRules { alg, ..rules }).await?,
            Err(error) => Err(error),
        };
        match checked {
            Ok(checked) => {
                let key = digest::claim(self.issuer(), client.id.as_str(), checked.jti());
                let claim = AssertionClaim { key, keep_until: checked.keep_until() };
                Ok(Some(Asserted::verified(client.id.clone(), claim)))
            }
            Err(error) => {
                trail.note("JWTCA-001", "the assertion proves the client", false);
                trail.reason(error.to_string());
                Ok(None)
            }
        }
    }

    async fn check_with_keys(
        &self,
        text: &str,
        client: &RegisteredClient,
        keys: &ClientKeys,
        rules: &AssertionRules<'_>,
    ) -> Result<Result<assertion::CheckedAssertion, AssertionError>, TokenError> {
        let check = |document: &[u8]| match self.client_keys.parse(document) {
            Some(keys) => assertion::check(text, &client.id, &keys, rules),
            None => Err(AssertionError::UnknownKey),
        };
        let url = match &keys.source {
            KeySource::Inline(document) => return Ok(check(document)),
            KeySource::Url(url) => url,
        };
        let Some(fetcher) = &self.fetcher else { return Ok(Err(AssertionError::UnknownKey)) };
        // Nothing that is wrong in itself makes us fetch (A-JWKS, TOKEN-012).
        let unsigned = assertion::check(text, &client.id, &vestibule_jose::VerifyKeys::default(), rules);
        if !matches!(unsigned, Err(AssertionError::UnknownKey)) {
            return Ok(unsigned);
        }
        let mut seen = None;
        loop {
            let fetched = match fetcher.key_set(url, rules.now, seen.as_ref()).await {
                Ok(fetched) => fetched,
                Err(FetchError::Busy(source)) => return Err(away(Away::new(source))),
                Err(error) => {
                    tracing::info!(
                        client = client.id.as_str(),
                        reason = &error as &dyn std::error::Error,
                        "the client's key set cannot be had"
                    );
                    return Ok(Err(AssertionError::UnknownKey));
                }
            };
            match check(fetched.document()) {
                // JWTCA-013: once more, in case the client published a new key since.
                Err(AssertionError::UnknownKey) if seen.is_none() && fetched.is_cached() => {
                    seen = Some(fetched)
                }
                checked => return Ok(checked),
            }
        }
    }
}

/// `token_endpoint_auth_signing_alg`, if the client registered one that we know.
fn registered_alg(keys: &ClientKeys) -> Result<Option<Alg>, AssertionError> {
    match keys.alg.as_deref() {
        None => Ok(None),
        Some(name) => Alg::from_name(name).map(Some).ok_or(AssertionError::UnregisteredAlg),
    }
}

/// 503, and the operator sees why.
pub(crate) fn away(source: impl Into<Away>) -> TokenError {
    source.into().log();
    TokenError::TemporarilyUnavailable
}
