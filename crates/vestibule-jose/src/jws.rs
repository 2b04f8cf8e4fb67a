//! Compact JWS: written with a [`KeyRing`], taken apart strictly.
//!
//! [`Unverified::parse`] does everything that needs no key. What it yields is good for finding a key and for refusing early,
//! and for nothing else: claims to rely on come from [`VerifyKeys`](crate::VerifyKeys) alone.

use std::fmt;

use ring::digest;
use serde::Serialize;
use serde_json::{Map, Value};
use vestibule_host::{Alg, KeyError, KeyRing, SigningKey, UnixMillis};

use crate::claims::{self, Validity};
use crate::{base64url, strict_json};

/// The longest token that is looked at, and that is signed: what nobody could verify, introspect or revoke is not made.
pub const MAX_TOKEN_LEN: usize = 16 * 1024;
/// The longest encoded header that is looked at.
pub const MAX_HEADER_LEN: usize = 4 * 1024;

/// Why a token is not accepted. The operator's reason: a client is never told more than "invalid".
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// Longer than 16 KiB, or its header longer than 4 KiB.
    #[error("the token is too long")]
    TooLong,
    /// Not three segments of canonical base64url with two JSON objects without repeated members.
    #[error("the token is malformed")]
    Malformed,
    /// The header asks for something we do not do: extensions, compression, encryption, nesting.
    #[error("the token's header uses an unsupported feature")]
    UnsupportedHeader,
    /// The header's `typ` is missing or that of another kind of token.
    #[error("the token is of another type")]
    WrongType,
    /// The algorithm is unknown (`none` and HMAC are), or not allowed here.
    #[error("the token's algorithm is not allowed")]
    AlgNotAllowed,
    /// The header names no key.
    #[error("the token names no key")]
    NoKeyId,
    /// The key set has no such key. Reading the set again may help; nothing else does.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The named key had an end, and it has come.
    #[error("the token's key has ended")]
    KeyEnded,
    /// The named key is not one for the named algorithm.
    #[error("the token's algorithm does not fit its key")]
    KeyMismatch,
    /// The signature is not that key's over that content.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A time is missing, of a wrong type, or out of range.
    #[error("a time in the token is missing or not a number of seconds")]
    BadTime,
    /// `exp` has come.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `exp` lies further ahead than allowed.
    #[error("the token lives too long")]
    LivesTooLong,
}

/// Signs claims: header `alg`, `kid`, `typ`; compact form.
///
/// # Errors
/// What the ring says; [`KeyError::Service`] if the claims do not serialise, or the token would be longer than [`MAX_TOKEN_LEN`].
pub async fn encode<C>(
    ring: &dyn KeyRing,
    key: &SigningKey,
    typ: &str,
    claims: &C,
) -> Result<String, KeyError>
where
    C: Serialize + Sync + ?Sized,
{
    let mut token = signing_input(key, typ, claims).map_err(|error| KeyError::Service(Box::new(error)))?;
    let too_long = || KeyError::Service(Box::new(JwsError::TooLong));
    // Before a key service is asked.
    if token.len() > MAX_TOKEN_LEN {
        return Err(too_long());
    }
    let signature = ring.sign(&key.id, token.as_bytes()).await?;
    token.push('.');
    base64url::push(&mut token, &signature);
    if token.len() > MAX_TOKEN_LEN { Err(too_long()) } else { Ok(token) }
}

fn signing_input<C: Serialize + ?Sized>(
    key: &SigningKey,
    typ: &str,
    claims: &C,
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: &'static str,
        kid: &'a str,
        typ: &'a str,
    }
    let header = serde_json::to_vec(&Header { alg: key.alg.name(), kid: key.id.as_str(), typ })?;
    let claims = serde_json::to_vec(claims)?;
    // Room for the longest signature too (RSA 2048: 342 characters).
    let mut out = String::with_capacity((header.len() + claims.len()) * 4 / 3 + 400);
    base64url::push(&mut out, &header);
    out.push('.');
    base64url::push(&mut out, &claims);
    Ok(out)
}

/// The `at_hash` of an access token: the left half of its hash, under the hash of the ID token's algorithm (OIDC Core §3.1.3.6).
pub fn at_hash(alg: Alg, access_token: &str) -> String {
    let algorithm = match alg {
        Alg::Es256 | Alg::Rs256 | Alg::Ps256 => &digest::SHA256,
        Alg::Es384 | Alg::Rs384 | Alg::Ps384 => &digest::SHA384,
        Alg::EdDsa => &digest::SHA512,
    };
    let hash = digest::digest(algorithm, access_token.as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    base64url::encode(left)
}

/// A well-formed token whose signature nobody has looked at.
///
/// Use it to find whose keys to verify with and to refuse cheaply (JWTCA-004); take no other decision from it.
pub struct Unverified<'t> {
    pub(crate) signing_input: &'t str,
    pub(crate) signature: Vec<u8>,
    pub(crate) alg: Alg,
    pub(crate) key_id: String,
    pub(crate) claims: Map<String, Value>,
    header: Map<String, Value>,
}

impl<'t> Unverified<'t> {
    /// Takes a compact token apart.
    ///
    /// # Errors
    /// [`JwsError`]; cheap checks come first, and the cost is linear in a length that is bounded.
    pub fn parse(token: &'t str) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(JwsError::TooLong);
        }
        // JOSE-001: exactly three segments, so neither JWE nor an unsigned token.
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        if header.is_empty() || payload.is_empty() || signature.is_empty() || payload.contains('.') {
            return Err(JwsError::Malformed);
        }
        if header.len() > MAX_HEADER_LEN {
            return Err(JwsError::TooLong);
        }
        let header = object(header)?;
        let alg = check_header(&header)?;
        let key_id = match header.get("kid") {
            Some(Value::String(kid)) if !kid.is_empty() => kid.clone(),
            None => return Err(JwsError::NoKeyId),
            Some(_) => return Err(JwsError::Malformed),
        };
        let claims = object(payload)?;
        let signature = base64url::decode(signature).ok_or(JwsError::Malformed)?;
        Ok(Self { signing_input, signature, alg, key_id, claims, header })
    }

    /// The algorithm that the header names.
    pub const fn alg(&self) -> Alg {
        self.alg
    }

    /// The key that the header names.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// A member of the header, whatever its type.
    pub fn header(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    /// A text in the header. `None` if it is absent or something else; where that differs, use [`header`](Self::header).
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(Value::as_str)
    }

    /// A claim as the sender wrote it. Anybody may have sent it.
    pub fn unverified_claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// Judges the times before the signature costs anything. Verified claims are to be judged again.
    ///
    /// # Errors
    /// As [`Claims::check_times`](crate::Claims::check_times).
    pub fn check_times(&self, now: UnixMillis, rules: &Validity) -> Result<(), JwsError> {
        claims::check_times(&self.claims, now, rules)
    }

    /// JOSE-007: the media type may be written with or without `application/`, in any case.
    pub(crate) fn has_type(&self, accepted: &[&str]) -> bool {
        let Some(typ) = self.header_text("typ") else { return false };
        let short = match typ.split_at_checked("application/".len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
            _ => typ,
        };
        accepted.iter().any(|accepted| accepted.eq_ignore_ascii_case(short))
    }
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("alg", &self.alg)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The claims of something that looks like a token; nothing else of it is looked at.
pub(crate) fn unverified_claims(token: &str) -> Option<Map<String, Value>> {
    if token.len() > MAX_TOKEN_LEN {
        return None;
    }
    let (_, rest) = token.split_once('.')?;
    object(rest.split_once('.')?.0).ok()
}

fn object(segment: &str) -> Result<Map<String, Value>, JwsError> {
    base64url::decode(segment).and_then(|json| strict_json::object(&json)).ok_or(JwsError::Malformed)
}

fn check_header(header: &Map<String, Value>) -> Result<Alg, JwsError> {
    // JOSE-005, JOSE-006: we understand no extension, so anything that must be understood is refused.
    let nested =
        header.get("cty").is_some_and(|cty| cty.as_str().is_none_or(|cty| cty.eq_ignore_ascii_case("JWT")));
    if nested || ["crit", "b64", "zip", "enc"].iter().any(|name| header.contains_key(*name)) {
        return Err(JwsError::UnsupportedHeader);
    }
    match header.get("alg") {
        // JOSE-004
        Some(Value::String(name)) => Alg::from_name(name).ok_or(JwsError::AlgNotAllowed),
        _ => Err(JwsError::Malformed),
    }
}
