//! Client assertions: how a client that has a key instead of a secret says who it is (`private_key_jwt`, RFC 7523 §2.2).
//!
//! Two steps, because the keys depend on the client:
//!
//! 1. [`named_client`] reads whose assertion it claims to be. That selects a registration and proves nothing (JWTCA-004).
//! 2. [`check`] judges it under that client's keys: cheap checks first, the signature last. [`AssertionError::UnknownKey`]
//!    means that everything else was in order, so that reading the client's key set again may help, once.
//!
//! What is left to do afterwards needs a store: claiming the [`jti`](CheckedAssertion::jti) once, inside the commit of what it
//! buys (JWTCA-009).

use std::time::Duration;

use serde_json::Value;
use vestibule_host::{Alg, ClientId, UnixMillis};

use crate::claims::{self, Validity};
use crate::jws::{self, JwsError, Unverified};
use crate::verify_keys::VerifyKeys;

/// How far a client's clock may differ from ours, either way.
pub const LEEWAY: Duration = Duration::from_secs(60);
/// How far ahead `exp` may lie, and how long ago `iat`, not counting the leeway.
pub const LONGEST: Duration = Duration::from_secs(300);
/// How much longer than it can be accepted a `jti` is kept: two nodes' clocks may differ too.
const KEEP_MARGIN: Duration = Duration::from_secs(120);
/// The longest `jti`, in bytes.
const MAX_JTI: usize = 256;

/// RFC 7523 and SMART say `JWT`; its successor says what the token is for.
const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// Ways to bring one's own key. A signature under such a key proves nothing, and an honest client has no use for them
/// (JWTCA-005).
const KEYS_IN_HEADER: [&str; 5] = ["jwk", "x5u", "x5c", "x5t", "x5t#S256"];

/// What an assertion must be to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct AssertionRules<'a> {
    /// The URLs of the endpoint that was called: each is an accepted `aud`.
    pub audiences: &'a [&'a str],
    /// The issuer, which is an accepted `aud` too.
    pub issuer: &'a str,
    /// Accept the issuer alone, and as a string alone (JWTCA-007, FAPI 2.0).
    pub strict_aud: bool,
    /// The present moment.
    pub now: UnixMillis,
    /// How far the client's clock may differ: [`LEEWAY`].
    pub leeway: Duration,
    /// How far ahead `exp` may lie: [`LONGEST`].
    pub longest: Duration,
    /// The `jwks_uri` that the client registered, if it did. A `jku` in the header must be the same text; it is never fetched.
    pub jwks_uri: Option<&'a str>,
    /// The algorithm that the client registered (`token_endpoint_auth_signing_alg`). `None`: any that fits its key.
    pub alg: Option<Alg>,
    /// Accept a header without `typ`, which SMART demands and some client libraries do not write.
    pub untyped: bool,
}

/// Why an assertion is refused: the operator's reason. The client learns `invalid_client` and no more (JWTCA-003).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssertionError {
    /// What is wrong with it as a token.
    #[error(transparent)]
    Token(JwsError),
    /// All is well, except that the client's key set has no such key. Reading the set again may help; nothing else does.
    #[error("the assertion's key is not in the client's key set")]
    UnknownKey,
    /// The client registered another algorithm.
    #[error("the assertion's algorithm is not the one that the client registered")]
    UnregisteredAlg,
    /// The header brings a key or points to one.
    #[error("the assertion's header brings a key of its own")]
    KeyInHeader,
    /// `jku` is not the registered `jwks_uri`.
    #[error("the assertion's `jku` is not the client's registered key set URL")]
    ForeignKeySet,
    /// `iss` and `sub` are not both the client's id.
    #[error("the assertion's `iss` and `sub` are not both the client's id")]
    WrongClient,
    /// `aud` is missing or somebody else, or names several.
    #[error("the assertion's `aud` is not this server alone")]
    WrongAudience,
    /// `iat` is longer ago than any assertion lives.
    #[error("the assertion was issued too long ago")]
    TooOld,
    /// `jti` is missing, empty, too long or not text.
    #[error("the assertion has no usable `jti`")]
    NoId,
}

impl From<JwsError> for AssertionError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::UnknownKey => Self::UnknownKey,
            other => Self::Token(other),
        }
    }
}

/// An assertion whose every check has passed, but for its use: the [`jti`](Self::jti) is still to be claimed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedAssertion {
    jti: String,
    keep_until: UnixMillis,
    key_id: String,
    alg: Alg,
}

impl CheckedAssertion {
    /// What makes it unique among this client's assertions (JWTCA-010).
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// How long a claimed `jti` must be remembered: longer than any node could accept the assertion.
    pub const fn keep_until(&self) -> UnixMillis {
        self.keep_until
    }

    /// The key that signed it, for the log.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The algorithm that it was signed with.
    pub const fn alg(&self) -> Alg {
        self.alg
    }
}

/// Whose assertion it claims to be: `iss` and `sub`, if they agree. Anybody can write that (JWTCA-004).
pub fn named_client(assertion: &str) -> Option<String> {
    let mut claims = jws::unverified_claims(assertion)?;
    match (claims.remove("iss")?, claims.get("sub")?) {
        (Value::String(iss), Value::String(sub)) if iss == *sub && !iss.is_empty() => Some(iss),
        _ => None,
    }
}

/// Checks an assertion of this client under its keys.
///
/// # Errors
/// [`AssertionError`]. Nothing about a refused assertion may be remembered, its `jti` least of all.
pub fn check(
    assertion: &str,
    client_id: &ClientId,
    keys: &VerifyKeys,
    rules: &AssertionRules<'_>,
) -> Result<CheckedAssertion, AssertionError> {
    let token = Unverified::parse(assertion)?;
    check_header(&token, rules)?;
    let claim = |name: &str| token.unverified_claim(name);
    let names_the_client = |name| claim(name).and_then(Value::as_str) == Some(client_id.as_str());
    if !names_the_client("iss") || !names_the_client("sub") {
        return Err(AssertionError::WrongClient); // JWTCA-006
    }
    if !claim("aud").is_some_and(|aud| is_for_us(aud, rules)) {
        return Err(AssertionError::WrongAudience);
    }
    let keep_until = check_times(&token, rules)?;
    let jti = match claim("jti") {
        Some(Value::String(jti)) if (1..=MAX_JTI).contains(&jti.len()) => jti.clone(),
        _ => return Err(AssertionError::NoId),
    };
    keys.check_signature(&token, rules.now)?;
    Ok(CheckedAssertion { jti, keep_until, alg: token.alg(), key_id: token.key_id().to_owned() })
}

fn check_header(token: &Unverified<'_>, rules: &AssertionRules<'_>) -> Result<(), AssertionError> {
    // JOSE-007: our own ID and access tokens name neither this audience nor this client as issuer; other kinds stop here.
    let untyped = rules.untyped && token.header("typ").is_none();
    if !untyped && !token.has_type(&TYPES) {
        return Err(JwsError::WrongType.into());
    }
    if rules.alg.is_some_and(|registered| registered != token.alg()) {
        return Err(AssertionError::UnregisteredAlg);
    }
    if KEYS_IN_HEADER.iter().any(|name| token.header(name).is_some()) {
        return Err(AssertionError::KeyInHeader);
    }
    match token.header("jku") {
        None => Ok(()),
        Some(Value::String(jku)) if Some(jku.as_str()) == rules.jwks_uri => Ok(()),
        Some(_) => Err(AssertionError::ForeignKeySet),
    }
}

/// JWTCA-007: exactly one audience. An assertion that several servers accept can be replayed by each of them at the others.
fn is_for_us(aud: &Value, rules: &AssertionRules<'_>) -> bool {
    let one = match aud {
        Value::String(one) => one,
        Value::Array(list) if !rules.strict_aud => match list.as_slice() {
            [Value::String(one)] => one,
            _ => return false,
        },
        _ => return false,
    };
    one == rules.issuer || (!rules.strict_aud && rules.audiences.contains(&one.as_str()))
}

/// Returns until when the `jti` is to be kept.
fn check_times(token: &Unverified<'_>, rules: &AssertionRules<'_>) -> Result<UnixMillis, AssertionError> {
    token.check_times(rules.now, &Validity { leeway: rules.leeway, longest: Some(rules.longest) })?;
    let moment = |name| claims::moment(&token.claims, name);
    if moment("iat")?.is_some_and(|iat| iat.plus(rules.longest).plus(rules.leeway) < rules.now) {
        return Err(AssertionError::TooOld);
    }
    let exp = moment("exp")?.ok_or(JwsError::BadTime)?;
    Ok(exp.plus(rules.leeway).plus(KEEP_MARGIN))
}
