//! What the layer asks with each request, whoever answers.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use vestibule_host::UnixMillis;

use crate::Denied;
use crate::principal::Principal;

/// Judges the access tokens of one FHIR base.
///
/// | implementation | knows keys from | a revoked token is refused |
/// |---|---|---|
/// | `EngineCheck` (feature `in-process`) | the engine | at once |
/// | `IntrospectionCheck` (feature `introspection`) | it asks the issuer | within its staleness, 30 s by default |
/// | [`TokenCheck`](crate::TokenCheck) | a ring in this process | when it ends |
/// | [`JwksCheck`](crate::JwksCheck) | the issuer's key set, fetched | when it ends |
///
/// # Contract
/// A [`Principal`] only for a token that this issuer made for this base (SMART-AUTHZ-045), that has not ended and that carries what
/// its scopes need. Whatever else the token is, the answer is [`Denied::InvalidToken`]; that nobody can say so now is
/// [`Denied::Unavailable`] and never a fact about the token.
///
/// # Concurrency, cancellation
/// Asked by many at once; may be dropped at any await without harm to the others.
///
/// # Security
/// `token` comes from the network and is a secret: bound it before anything else, keep it nowhere, log it never.
#[async_trait]
pub trait TokenVerifier: Debug + Send + Sync {
    /// Who acts, as this token says.
    ///
    /// # Errors
    /// [`Denied`].
    async fn verify(&self, token: &str, now: UnixMillis) -> Result<Principal, Denied>;

    /// How long a token may still be accepted after it was revoked (SMART-REVOKE-005).
    fn staleness(&self) -> Staleness;
}

/// How long a revoked token may still be accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Staleness {
    /// Not at all: the next request is refused.
    AtOnce,
    /// For this long, and never beyond its end.
    UpTo(Duration),
    /// Until it ends. Nobody is asked whether it was revoked.
    TokenLife,
}
