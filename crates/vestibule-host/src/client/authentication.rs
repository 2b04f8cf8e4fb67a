//! How an app proves who it is: secrets and keys at rest, each with its end.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::UnixMillis;

/// The least number of characters of an imported client secret.
pub const MIN_SECRET_LEN: usize = 32;

/// A client secret at rest: its SHA-256, since secrets are long and random (CAUTH-005).
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Hashes a secret of at least [`MIN_SECRET_LEN`] characters; `None` for a shorter one.
    pub fn of(secret: &str) -> Option<Self> {
        (secret.chars().count() >= MIN_SECRET_LEN).then(|| Self(Sha256::digest(secret.as_bytes()).into()))
    }

    /// A hash that was kept elsewhere: for registries of their own.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash, for a registry's column.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time (CRYPTO-003).
    #[must_use]
    pub fn is(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        self.0.ct_eq(&presented).into()
    }
}

impl Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// One of a client's secrets. Two may be valid at a time, so that they can be changed without an outage (CAUTH-012, row 52).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientSecret {
    /// Its hash.
    pub hash: SecretHash,
    /// From when on it opens nothing; `None`: no end.
    pub not_after: Option<UnixMillis>,
}

impl ClientSecret {
    /// A secret without an end.
    pub const fn new(hash: SecretHash) -> Self {
        Self { hash, not_after: None }
    }

    /// Whether it may be used at `now`.
    #[must_use]
    pub fn is_valid(&self, now: UnixMillis) -> bool {
        !self.not_after.is_some_and(|end| end.is_over(now))
    }
}

/// Where the public keys of a client are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeySource {
    /// In its registration: a JWKS document, at most 256 KiB. A key with the member `exp` ends then.
    Inline(Bytes),
    /// At its own address, read with a [`JwksFetcher`](crate::JwksFetcher).
    Url(Arc<str>),
}

/// The keys of a client that signs assertions (`private_key_jwt`).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ClientKeys {
    /// Where they are.
    pub source: KeySource,
    /// `token_endpoint_auth_signing_alg`: the only algorithm, by its JOSE name; `None`: whatever fits the key.
    pub alg: Option<String>,
    /// The assertion's `aud` must be the issuer, as one string (design §9).
    pub strict_aud: bool,
    /// The assertion's header may leave `typ` out. SMART wants it, and some libraries do not write it (AMB-22); another `typ` is
    /// refused all the same.
    pub untyped_assertions: bool,
}

impl ClientKeys {
    /// Keys with any algorithm that we verify.
    pub const fn new(source: KeySource) -> Self {
        Self { source, alg: None, strict_aud: false, untyped_assertions: false }
    }
}

/// How an app proves who it is at the token endpoint: exactly one way (CAUTH-002).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// `none`: the app cannot keep a secret and only names itself.
    Public,
    /// `client_secret_basic`: HTTP Basic (SMART-CAUTH-003). Any of the secrets will do, so that they can be rotated.
    SecretBasic(Vec<ClientSecret>),
    /// `client_secret_post`: off unless a client is registered for it (SMART-CAUTH-006).
    SecretPost(Vec<ClientSecret>),
    /// `private_key_jwt`: a signed assertion (SMART-CAUTH-020 to -055).
    PrivateKeyJwt(ClientKeys),
}

impl ClientAuthentication {
    /// The RFC 7591 name of the method.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Public => "none",
            Self::SecretBasic(_) => "client_secret_basic",
            Self::SecretPost(_) => "client_secret_post",
            Self::PrivateKeyJwt(_) => "private_key_jwt",
        }
    }

    /// The address of the app's key set, if that is where its keys are.
    pub fn key_set_url(&self) -> Option<&str> {
        match self {
            Self::PrivateKeyJwt(ClientKeys { source: KeySource::Url(url), .. }) => Some(url),
            _ => None,
        }
    }

    /// Whether the app can authenticate itself.
    pub const fn is_confidential(&self) -> bool {
        !matches!(self, Self::Public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CRYPTO-003
    #[test]
    fn secrets_are_long_and_compared_by_hash() {
        assert!(SecretHash::of("short").is_none());
        let secret = "test-secret-test-secret-test-secret";
        let Some(hash) = SecretHash::of(secret) else { panic!("long enough") };
        assert!(hash.is(secret));
        assert!(!hash.is("test-secret-test-secret-test-secreT"));
        assert_eq!(format!("{hash:?}"), "SecretHash(..)");
    }

    #[test]
    fn a_secret_has_an_end() {
        let Some(hash) = SecretHash::of("test-secret-test-secret-test-secret") else { panic!("long enough") };
        let mut secret = ClientSecret::new(hash);
        assert!(secret.is_valid(UnixMillis(i64::MAX)));
        secret.not_after = Some(UnixMillis(10));
        assert!(secret.is_valid(UnixMillis(9)) && !secret.is_valid(UnixMillis(10)));
    }
}
