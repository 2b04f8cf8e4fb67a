//! Tokens of an issuer elsewhere, by asking it (RFC 7662, SMART App Launch §"Token Introspection").
//!
//! Read `question` (how we show who we are), then this file (what an answer must say), then `answers` (what is kept, who waits for
//! whom).

mod answers;
mod question;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode, Uri};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use vestibule_host::UnixMillis;
use vestibule_jose::JwsError;
use vestibule_jose::jws::MAX_TOKEN_LEN;

pub use question::IntrospectionClient;

use crate::denied::{Denied, Outage, TokenFault};
use crate::principal::Principal;
use crate::transport::Transport;
use crate::verifier::{Staleness, TokenVerifier};
use answers::{Answers, Boarding};

/// Looks tokens up at the issuer's introspection endpoint, JWT and opaque ones alike.
///
/// # What is kept
/// A living token's answer is used again for [`staleness`](Self::with_staleness), counted from when the question was sent, and never
/// beyond the token's `exp`. That is how long a revoked token may still be accepted; 30 seconds unless told otherwise, five minutes
/// at most, zero to ask with every request. All who send one token at the same time share one question; one that takes longer than
/// the staleness is the bound for those who shared it. Kept under the token's SHA-256, never under the token; at most 4096 answers,
/// of which the oldest gives way.
///
/// That a token is not alive is never kept: a token may become known a moment after it was first shown (the issuer's nodes may lag),
/// and whoever sends junk sends other junk the next time. Limit, in front of the FHIR server, how often one source may be refused.
///
/// # What an answer must say
/// `active` (`true`), `scope`, `client_id`, `exp`, `sub`, `jti`, `aud` (exactly this FHIR base, as text: without it nobody says that
/// the token is for us, SMART-AUTHZ-045), and what the scopes need. `iss`, if there, is the issuer; a `token_type`, if there, is
/// `Bearer`. Vestibule says all of them.
///
/// # Faults
/// No answer, another status than 200, no JSON: 503 for the app, a warning for the operator. A 401 means that the issuer does not
/// accept *our* credentials, and says nothing about the token.
#[derive(Debug)]
pub struct IntrospectionCheck {
    issuer: String,
    base: String,
    endpoint: Uri,
    client: IntrospectionClient,
    transport: Arc<dyn Transport>,
    staleness: Duration,
    answers: Answers,
}

impl IntrospectionCheck {
    /// Asks `endpoint` (`introspection_endpoint` of the issuer's `/.well-known/smart-configuration`) about tokens of `issuer` for
    /// `fhir_base`, both exactly as the issuer was told.
    pub fn new(
        issuer: impl Into<String>,
        fhir_base: impl Into<String>,
        endpoint: Uri,
        client: IntrospectionClient,
        transport: Arc<dyn Transport>,
    ) -> Self {
        let (issuer, base) = (issuer.into(), fhir_base.into());
        let answers = Answers::new(KEPT);
        Self { issuer, base, endpoint, client, transport, staleness: STALENESS, answers }
    }

    /// How long an answer is used again: 30 s unless told otherwise, at most five minutes. Zero asks with every request.
    #[must_use]
    pub fn with_staleness(mut self, staleness: Duration) -> Self {
        self.staleness = staleness.min(MAX_STALENESS);
        self
    }

    /// How many answers are kept; 4096 unless told otherwise. An answer of more than 8 KiB is not kept.
    #[must_use]
    pub fn with_kept_answers(mut self, answers: usize) -> Self {
        self.answers = Answers::new(answers);
        self
    }

    async fn ask(&self, token: &str, now: UnixMillis) -> Result<(Principal, usize), Denied> {
        let question = self.client.question(&self.endpoint, &self.issuer, token, now).await;
        let sent = match question {
            Ok(question) => self.transport.send(question).await,
            Err(error) => Err(error),
        };
        let answer = sent.map_err(|error| {
            tracing::warn!(error = &*error as &dyn std::error::Error, "no answer about a token");
            Denied::Unavailable(Outage::Introspection)
        })?;
        let claims = read(&answer).map_err(|reason| {
            tracing::warn!(status = %answer.status(), reason, "no usable answer about a token");
            Denied::Unavailable(Outage::Introspection)
        })?;
        Ok((self.principal(&claims, now)?, answer.body().len()))
    }

    fn principal(&self, claims: &Map<String, Value>, now: UnixMillis) -> Result<Principal, TokenFault> {
        // RFC 7662 §2.2: a boolean, and nothing that looks like one.
        if claims.get("active") != Some(&Value::Bool(true)) {
            return Err(TokenFault::NotLiving);
        }
        if claims.get("iss").is_some_and(|issuer| issuer.as_str() != Some(&self.issuer)) {
            return Err(TokenFault::WrongIssuer);
        }
        let bearer = |kind: &Value| kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        if claims.get("token_type").is_some_and(|kind| !bearer(kind)) {
            return Err(TokenFault::BadClaim("token_type"));
        }
        let principal = Principal::of_living_token(claims, &self.base)?;
        if principal.expires().is_over(now) {
            return Err(JwsError::Expired.into());
        }
        Ok(principal)
    }
}

#[async_trait]
impl TokenVerifier for IntrospectionCheck {
    async fn verify(&self, token: &str, now: UnixMillis) -> Result<Principal, Denied> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(JwsError::TooLong.into());
        }
        // The endpoint would say that nothing was asked.
        if token.is_empty() {
            return Err(JwsError::Malformed.into());
        }
        if self.staleness.is_zero() {
            return self.ask(token, now).await.map(|(principal, _)| principal);
        }
        let hash = Sha256::digest(token.as_bytes()).into();
        loop {
            match self.answers.board(hash, self.staleness, now)? {
                Boarding::Kept(principal) => return Ok(*principal),
                Boarding::Asked(mut landing) => {
                    if let Ok(landed) = landing.wait_for(Option::is_some).await
                        && let Some(outcome) = &*landed
                    {
                        return outcome.clone();
                    }
                    // Whoever asked went away before the answer came; one of those who waited asks now.
                }
                Boarding::Ask(seat) => {
                    let outcome = self.ask(token, now).await;
                    return seat.land(outcome, now);
                }
            }
        }
    }

    fn staleness(&self) -> Staleness {
        if self.staleness.is_zero() { Staleness::AtOnce } else { Staleness::UpTo(self.staleness) }
    }
}

/// 200, JSON, an object. Anything else says nothing about the token.
fn read(answer: &Response<Bytes>) -> Result<Map<String, Value>, &'static str> {
    if answer.status() == StatusCode::UNAUTHORIZED || answer.status() == StatusCode::FORBIDDEN {
        return Err("the issuer does not let us ask; check our credentials");
    }
    if answer.status() != StatusCode::OK {
        return Err("the answer is not 200");
    }
    if !is_json(answer.headers()) {
        return Err("the answer is not plain JSON");
    }
    if answer.body().len() > MAX_ANSWER {
        return Err("the answer is too long");
    }
    serde_json::from_slice(answer.body()).map_err(|_| "the answer is not a JSON object")
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") && !headers.contains_key(CONTENT_ENCODING)
}

/// Revoked tokens are accepted for half a minute, and one question in half a minute is enough for each app.
const STALENESS: Duration = Duration::from_secs(30);
/// As long as a token lives that nobody asks about (design: 300 s).
const MAX_STALENESS: Duration = Duration::from_secs(300);
const KEPT: usize = 4096;
const MAX_ANSWER: usize = 64 * 1024;
