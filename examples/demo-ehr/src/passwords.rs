//! Passwords: Argon2id, and the same work for a user who does not exist.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

/// Verified against when there is no such user, so that time tells nothing (INT-020).
static NOBODYS: LazyLock<Option<String>> = LazyLock::new(|| hash(&crate::random::token()));

/// A new hash, in the format that carries its own parameters.
pub(crate) fn hash(password: &str) -> Option<String> {
    Some(Argon2::default().hash_password(password.as_bytes()).ok()?.to_string())
}

/// Whether the password is the stored one. Costs some 30 ms: keep it off the async threads.
pub(crate) fn verify(password: &str, stored: Option<&str>) -> bool {
    let Some(hash) = stored.or(NOBODYS.as_deref()) else { return false };
    let right = PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    right && stored.is_some()
}
