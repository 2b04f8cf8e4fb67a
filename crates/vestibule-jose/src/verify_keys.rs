//! Verification: a parsed key set, and the checks of a token in the order cheap first, signature last.

use std::fmt;

use serde_json::{Map, Value};
use vestibule_host::{Alg, UnixMillis};

use crate::backend::Verifier;
use crate::claims::{self, Claims};
use crate::jws::{JwsError, Unverified};
use crate::public_key::{PRIVATE_MEMBERS, PublicKey};
use crate::strict_json;

/// The longest key set document that is read.
pub const MAX_JWKS_LEN: usize = 256 * 1024;
/// The most keys that a set may hold.
pub const MAX_KEYS: usize = 100;

/// Why a key set is refused as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// Longer than 256 KiB.
    #[error("the key set is larger than 256 KiB")]
    TooLarge,
    /// More than 100 keys.
    #[error("the key set has more than 100 keys")]
    TooManyKeys,
    /// Not a JSON object with an array `keys` of objects, or a member is repeated.
    #[error("the key set is not a JSON object with an array `keys` of objects")]
    Malformed,
    /// Somebody published a private or symmetric key. It must be considered lost.
    #[error("the key set contains a private or symmetric key, which must be replaced")]
    PrivateKey,
    /// Two keys have the same `kid`.
    #[error("the key set names two keys alike")]
    DuplicateKeyId,
}

/// What a token must be to be accepted. Nothing of it has a default (A-TYPE-06, RFC 8725): who verifies names the keys, the
/// algorithms, the type and the time, and who checks a client's assertion names its audiences as well
/// ([`AssertionRules`](crate::assertion::AssertionRules)).
///
/// ```
/// use vestibule_host::{Alg, UnixMillis};
/// use vestibule_jose::{Expect, VerifyKeys};
///
/// fn is_ours(keys: &VerifyKeys, token: &str, now: UnixMillis) -> bool {
///     let expect = Expect { typ: &["at+jwt"], algs: &[Alg::Es256] };
///     keys.verify(token, &expect, now).is_ok()
/// }
/// ```
///
/// Without the algorithms, the type or the time there is no such call:
///
/// ```compile_fail,E0063
/// use vestibule_host::Alg;
/// use vestibule_jose::Expect;
///
/// let _ = Expect { typ: &["at+jwt"] };
/// ```
///
/// ```compile_fail,E0063
/// use vestibule_host::Alg;
/// use vestibule_jose::Expect;
///
/// let _ = Expect { algs: &[Alg::Es256] };
/// ```
///
/// ```compile_fail,E0061
/// use vestibule_host::Alg;
/// use vestibule_jose::{Expect, VerifyKeys};
///
/// fn is_ours(keys: &VerifyKeys, token: &str) -> bool {
///     let expect = Expect { typ: &["at+jwt"], algs: &[Alg::Es256] };
///     keys.verify(token, &expect).is_ok()
/// }
/// ```
///
/// ```compile_fail,E0277
/// use vestibule_jose::assertion::AssertionRules;
///
/// let _ = AssertionRules { issuer: "https://as.example", ..Default::default() };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// The accepted values of `typ`, without `application/`. A token without `typ` is never accepted.
    pub typ: &'a [&'a str],
    /// The accepted algorithms.
    pub algs: &'a [Alg],
}

/// The keys of one issuer or one client, ready to verify with.
///
/// A key may have an end (`exp`, seconds): from then on it verifies nothing, so that a client can hold several keys and
/// announce when each goes.
///
/// Keys of an unknown kind, for another use, out of bounds or without a `kid` are left out: a set may hold them, and no token
/// can name them (JOSE-010).
#[derive(Clone, Default)]
pub struct VerifyKeys(Vec<VerifyKey>);

#[derive(Clone)]
struct VerifyKey {
    id: String,
    /// Ready for each algorithm that the key may be used with: the one that the key set says, else whatever fits.
    verifiers: Vec<(Alg, Verifier)>,
    ends: Option<UnixMillis>,
    key: PublicKey,
}

impl VerifyKeys {
    /// Reads a JWKS document.
    ///
    /// # Errors
    /// [`JwksError`] for what spoils the whole set; a single odd key does not.
    pub fn from_jwks(document: &[u8]) -> Result<Self, JwksError> {
        if document.len() > MAX_JWKS_LEN {
            return Err(JwksError::TooLarge);
        }
        let document = strict_json::object(document).ok_or(JwksError::Malformed)?;
        let Some(Value::Array(entries)) = document.get("keys") else { return Err(JwksError::Malformed) };
        if entries.len() > MAX_KEYS {
            return Err(JwksError::TooManyKeys);
        }
        let entries: Vec<_> =
            entries.iter().map(Value::as_object).collect::<Option<_>>().ok_or(JwksError::Malformed)?;
        // JOSE-008, JOSE-010: a leaked key anywhere, even of a kind we do not use, condemns the set.
        if entries.iter().any(|jwk| PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name))) {
            return Err(JwksError::PrivateKey);
        }
        let mut ids: Vec<_> =
            entries.iter().filter_map(|jwk| jwk.get("kid").and_then(Value::as_str)).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(JwksError::DuplicateKeyId);
        }
        Ok(Self(entries.into_iter().filter_map(VerifyKey::from_jwk).collect()))
    }

    /// How many keys can be verified with.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key can be verified with.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies a compact token with a key that has not ended at `now`. The token's own times are still to be judged, or to be
    /// left alone: [`Claims::check_times`].
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn verify(&self, token: &str, expect: &Expect<'_>, now: UnixMillis) -> Result<Claims, JwsError> {
        self.verify_parsed(Unverified::parse(token)?, expect, now)
    }

    /// Verifies a token that was taken apart before, to look for its key or to refuse it early.
    ///
    /// # Errors
    /// [`JwsError`].
    pub fn verify_parsed(
        &self,
        token: Unverified<'_>,
        expect: &Expect<'_>,
        now: UnixMillis,
    ) -> Result<Claims, JwsError> {
        if !token.has_type(expect.typ) {
            return Err(JwsError::WrongType);
        }
        if !expect.algs.contains(&token.alg) {
            return Err(JwsError::AlgNotAllowed);
        }
        self.check_signature(&token, now)?;
        Ok(Claims::new(token.claims))
    }

    /// The last check of every token, and the expensive one.
    pub(crate) fn check_signature(&self, token: &Unverified<'_>, now: UnixMillis) -> Result<(), JwsError> {
        let key = self.0.iter().find(|key| key.id == token.key_id).ok_or(JwsError::UnknownKey)?;
        // JOSE-004: the key decides, the header must agree.
        let verifier = key.verifiers.iter().find(|(alg, _)| *alg == token.alg);
        let (_, verifier) = verifier.ok_or(JwsError::KeyMismatch)?;
        if key.ends.is_some_and(|ends| ends.is_over(now)) {
            return Err(JwsError::KeyEnded);
        }
        if !verifier.verifies(token.signing_input.as_bytes(), &token.signature) {
            return Err(JwsError::BadSignature);
        }
        Ok(())
    }
}

impl VerifyKey {
    /// `None` for a key that no token of ours can be verified with.
    fn from_jwk(jwk: &Map<String, Value>) -> Option<Self> {
        let id = jwk.get("kid")?.as_str()?.to_owned();
        if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let for_verifying =
            |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify"));
        if jwk.get("key_ops").is_some_and(|ops| !for_verifying(ops)) {
            return None;
        }
        let key = PublicKey::from_jwk(jwk)?;
        let alg = match jwk.get("alg") {
            None => None,
            // RFC 9864 gives EdDSA on this curve a name of its own.
            Some(Value::String(name)) if name == "Ed25519" => Some(Alg::EdDsa),
            Some(name) => Some(Alg::from_name(name.as_str()?)?),
        };
        // An end that nobody can read is not "no end".
        let ends = claims::moment(jwk, "exp").ok()?;
        let algs = Alg::ALL.into_iter().filter(|known| alg.is_none_or(|alg| alg == *known));
        let verifiers: Vec<_> =
            algs.filter_map(|alg| key.verifier(alg).map(|verifier| (alg, verifier))).collect();
        (!verifiers.is_empty()).then_some(Self { id, verifiers, ends, key })
    }
}

impl fmt::Debug for VerifyKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|key| (&key.id, &key.key))).finish()
    }
}
