//! The text of a refresh token: `vr_` `handle` `.` `secret` `check`.
//!
//! The handle finds the chain and stays the same; the secret changes with each generation, and each is derived from the one
//! before it. Whatever has the handle's row but not the present secret is therefore an *older* token, not an unknown one. The
//! check, six characters of a hash, keeps a text that was cut or mistyped from passing for an older one and ending the grant.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::Sha256;
use vestibule_host::{RefreshHandle, RefreshHash, Salt, Secret};

use crate::digest;

/// What every refresh token begins with.
pub const PREFIX: &str = "vr_";

const LEN: usize = 43;
const CHECK_LEN: usize = 6;

/// A refresh token of the right form. Whether anybody knows it is another question.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    handle: String,
    secret: String,
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}

impl RefreshToken {
    /// The first token of a chain, from 64 random bytes (RT-012).
    pub fn first(random: &[u8; 64]) -> Self {
        let (handle, secret) = random.split_at(32);
        Self { handle: URL_SAFE_NO_PAD.encode(handle), secret: URL_SAFE_NO_PAD.encode(secret) }
    }

    /// Reads a token; `None` for anything that never was one.
    pub fn parse(text: &str) -> Option<Self> {
        let (handle, rest) = text.strip_prefix(PREFIX)?.split_once('.')?;
        let (secret, check) = rest.split_at_checked(LEN)?;
        let token = Self { handle: handle.to_owned(), secret: secret.to_owned() };
        let whole = [handle, secret].iter().all(|part| {
            part.len() == LEN && URL_SAFE_NO_PAD.decode(part).is_ok_and(|bytes| bytes.len() == 32)
        });
        (whole && check == token.check()).then_some(token)
    }

    /// The text that the client keeps.
    pub fn text(&self) -> Secret {
        Secret::new(format!("{PREFIX}{}.{}{}", self.handle, self.secret, self.check()))
    }

    /// The token that follows this one: HKDF-SHA-256 of its secret with the salt. Only who holds this token can derive it.
    #[must_use]
    pub fn successor(&self, salt: &Salt) -> Self {
        let mut next = [0; 32];
        let derived = Hkdf::<Sha256>::new(Some(salt.as_bytes()), self.secret.as_bytes());
        // 32 bytes are within HKDF's bound; a failure would leave a constant, which no chain accepts as anybody's token.
        let fits =
            derived.expand_multi_info(&[b"vestibule refresh successor", self.handle.as_bytes()], &mut next);
        debug_assert!(fits.is_ok());
        Self { handle: self.handle.clone(), secret: URL_SAFE_NO_PAD.encode(next) }
    }

    /// Where the chain is stored.
    pub fn handle(&self, issuer: &str) -> RefreshHandle {
        digest::refresh_handle(issuer, &self.handle)
    }

    /// What the chain keeps of this token.
    pub fn hash(&self, issuer: &str) -> RefreshHash {
        digest::refresh_token(issuer, self.text().expose_secret())
    }

    fn check(&self) -> String {
        let hash =
            digest::parts("vestibule refresh check", &[self.handle.as_bytes(), self.secret.as_bytes()]);
        let mut text = URL_SAFE_NO_PAD.encode(hash);
        text.truncate(CHECK_LEN);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RT-012
    #[test]
    fn a_token_reads_back_and_nothing_near_it_does() {
        let token = RefreshToken::first(&[7; 64]);
        let text = token.text().expose_secret().to_owned();
        assert_eq!(text.len(), 3 + 43 + 1 + 43 + 6);
        assert_eq!(RefreshToken::parse(&text), Some(token.clone()));
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(RefreshToken::parse(&other), None, "changed at {at}");
            assert_eq!(RefreshToken::parse(&text[..at]), None, "cut at {at}");
        }
        for other in [format!("{text}A"), format!("{text}.x"), text.to_uppercase(), String::new()] {
            assert_eq!(RefreshToken::parse(&other), None, "{other}");
        }
        assert_eq!(format!("{token:?}"), "RefreshToken(..)");
    }

    #[test]
    fn successors_are_derived_and_differ() {
        let first = RefreshToken::first(&[7; 64]);
        let salt = Salt::new([1; 32]);
        assert_eq!(first.successor(&salt), first.successor(&salt));
        let others = [
            first.clone(),
            first.successor(&Salt::new([2; 32])),
            first.successor(&salt).successor(&salt),
            RefreshToken::first(&[8; 64]).successor(&salt),
        ];
        for other in &others {
            assert_ne!(first.successor(&salt), *other);
        }
        assert_eq!(first.handle("https://a"), first.successor(&salt).handle("https://a"));
        assert_ne!(first.handle("https://a"), first.handle("https://b"));
        assert_ne!(first.hash("https://a"), first.successor(&salt).hash("https://a"));
    }
}
