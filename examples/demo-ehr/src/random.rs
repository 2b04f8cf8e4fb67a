//! Randomness and hashing for the EHR's own cookies and forms.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// 256 random bits. A system without randomness cannot run a hospital: better to stop than to go on guessable.
pub(crate) fn bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}

/// 256 random bits as text for a cookie or an identifier.
pub(crate) fn token() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes())
}

/// The SHA-256 of a text, as text.
pub(crate) fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}
