//! State in the browser's hands: sealed values and step tokens, under keys derived from the masters in a [`KeySet`].
//!
//! # Sealed values
//!
//! ```text
//! key   = HKDF-SHA256(master, salt = 256-bit id, info = label ‖ purpose ‖ issuer ‖ version)     one key per id: no
//! aad   = issuer ‖ cookie name ‖ purpose ‖ key id                                              nonce count to watch
//! value = base64url(version ‖ len(key id) ‖ key id ‖ nonce ‖ ChaCha20-Poly1305(plaintext))
//! ```
//!
//! Every variable part of `info` and `aad` has its length in front, so that no two inputs run together. The id travels
//! outside (in the interaction's path, say); a value opens under the very id, purpose, issuer and name that it was sealed for.
//!
//! # MACs
//!
//! Step tokens and the browser cookie need no secrecy, only proof that we made them: [`Sealer::mac`] under a key derived for
//! the purpose alone (KEY-005).
//!
//! # Rotation
//!
//! The first master of the snapshot seals; it and the two after it open, and so does the one that seals next, which another
//! node may use a little earlier. Anything older is refused, even if it is still listed.

use std::fmt;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::hmac;
use vestibule_host::{Entropy, EntropyError, KeySet, SealKey};

use crate::base64url;

const VERSION: u8 = 1;
/// The newest and two old ones.
const ACCEPTED_MASTERS: usize = 3;
/// The longest sealed value. Cookies must stay far below; this only bounds the work.
pub const MAX_SEALED_LEN: usize = 16 * 1024;

/// What a derived key is for. Each use of sealing or MACs has its own, a constant of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purpose(&'static str);

impl Purpose {
    /// Names a purpose.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }
}

/// What a sealed value belongs to. It opens under exactly the same.
#[derive(Clone, Copy)]
pub struct SealContext<'a> {
    /// What the value is for.
    pub purpose: Purpose,
    /// Whose value it is: one process may serve several issuers.
    pub issuer: &'a str,
    /// The cookie's or field's name, so that a value cannot be moved to another.
    pub name: &'a str,
    /// 256 bits that no other value of this purpose shares: the interaction's id, or the hash of a one-time token.
    pub id: &'a [u8; 32],
}

impl fmt::Debug for SealContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The id may be what keeps the value closed.
        f.debug_struct("SealContext")
            .field("purpose", &self.purpose)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Sealing or opening did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Not made by us for this place, or under a master that is no longer accepted. There is no telling which, on purpose.
    #[error("the value was not made by us for this place")]
    Refused,
    /// The value would be longer than [`MAX_SEALED_LEN`].
    #[error("the value is too long to be sealed")]
    TooLong,
    /// The key set has no master to seal with.
    #[error("there is no key to seal with")]
    NoKey,
    /// The random source failed; nothing was sealed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Seals, opens and authenticates under the masters of one key set. Free to make; take a fresh one per request, so that a
/// rotation is noticed.
#[derive(Clone, Copy)]
pub struct Sealer<'k> {
    /// The first seals.
    masters: &'k [SealKey],
    next: Option<&'k SealKey>,
}

impl fmt::Debug for Sealer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.accepted().map(SealKey::id)).finish()
    }
}

impl<'k> Sealer<'k> {
    /// Uses the masters of this key set.
    pub fn new(keys: &'k KeySet) -> Self {
        let accepted = keys.seal.len().min(ACCEPTED_MASTERS);
        Self { masters: keys.seal.get(..accepted).unwrap_or_default(), next: keys.next_seal.as_ref() }
    }

    fn accepted(self) -> impl Iterator<Item = &'k SealKey> {
        self.masters.iter().chain(self.next)
    }

    /// Encrypts and authenticates under the newest master. The answer is base64url, fit for a cookie.
    ///
    /// # Errors
    /// [`SealError::TooLong`], [`SealError::NoKey`], [`SealError::Entropy`].
    pub fn seal(
        &self,
        context: &SealContext<'_>,
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<String, SealError> {
        let master = self.masters.first().ok_or(SealError::NoKey)?;
        let key_id = master.id().as_str().as_bytes();
        let key_id_len = u8::try_from(key_id.len()).map_err(|_| SealError::NoKey)?;
        let raw_len = 2 + key_id.len() + NONCE_LEN + plaintext.len() + CHACHA20_POLY1305.tag_len();
        if raw_len > MAX_SEALED_LEN / 4 * 3 {
            return Err(SealError::TooLong);
        }
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;

        let mut sealed = plaintext.to_vec();
        cipher(master, context)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(master, context), &mut sealed)
            .map_err(|_| SealError::TooLong)?;
        let raw = [&[VERSION, key_id_len][..], key_id, &nonce, &sealed].concat();
        Ok(base64url::encode(&raw))
    }

    /// Opens what [`seal`](Self::seal) made, for the same context, under any accepted master.
    ///
    /// # Errors
    /// [`SealError::Refused`] for everything else.
    pub fn open(&self, context: &SealContext<'_>, sealed: &str) -> Result<Vec<u8>, SealError> {
        if sealed.len() > MAX_SEALED_LEN {
            return Err(SealError::Refused);
        }
        let raw = base64url::decode(sealed).ok_or(SealError::Refused)?;
        let (master, nonce, ciphertext) = self.take_apart(&raw).ok_or(SealError::Refused)?;
        let mut opened = ciphertext.to_vec();
        let plain_len = cipher(master, context)?
            .open_in_place(Nonce::assume_unique_for_key(nonce), aad(master, context), &mut opened)
            .map_err(|_| SealError::Refused)?
            .len();
        opened.truncate(plain_len);
        Ok(opened)
    }

    fn take_apart<'r>(&self, raw: &'r [u8]) -> Option<(&'k SealKey, [u8; NONCE_LEN], &'r [u8])> {
        let ([VERSION, key_id_len], rest) = raw.split_first_chunk()? else { return None };
        let (key_id, rest) = rest.split_at_checked(usize::from(*key_id_len))?;
        let (nonce, ciphertext) = rest.split_first_chunk()?;
        let master = self.accepted().find(|master| master.id().as_str().as_bytes() == key_id)?;
        Some((master, *nonce, ciphertext))
    }

    /// Authenticates parts for a purpose, under the newest master.
    ///
    /// # Errors
    /// [`SealError::NoKey`].
    pub fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> Result<[u8; 32], SealError> {
        let master = self.masters.first().ok_or(SealError::NoKey)?;
        let tag = hmac::sign(&mac_key(master, purpose)?, &framed(parts));
        <[u8; 32]>::try_from(tag.as_ref()).map_err(|_| SealError::NoKey)
    }

    /// Checks a MAC in constant time, under any accepted master (CRYPTO-003).
    ///
    /// # Errors
    /// [`SealError::Refused`] if no accepted master made it for this purpose over these parts.
    pub fn verify_mac(&self, purpose: Purpose, parts: &[&[u8]], mac: &[u8]) -> Result<(), SealError> {
        let message = framed(parts);
        for master in self.accepted() {
            if hmac::verify(&mac_key(master, purpose)?, &message, mac).is_ok() {
                return Ok(());
            }
        }
        Err(SealError::Refused)
    }
}

fn derive(master: &SealKey, salt: &[u8]) -> Prk {
    Salt::new(HKDF_SHA256, salt).extract(master.expose_secret())
}

fn cipher(master: &SealKey, context: &SealContext<'_>) -> Result<LessSafeKey, SealError> {
    let info =
        framed(&[b"vestibule seal", context.purpose.0.as_bytes(), context.issuer.as_bytes(), &[VERSION]]);
    let prk = derive(master, context.id);
    // HKDF fails only for outputs beyond 8 KiB.
    let key = prk.expand(&[&info], &CHACHA20_POLY1305).map(UnboundKey::from).map_err(|_| SealError::NoKey)?;
    Ok(LessSafeKey::new(key))
}

fn mac_key(master: &SealKey, purpose: Purpose) -> Result<hmac::Key, SealError> {
    let info = framed(&[b"vestibule mac", purpose.0.as_bytes(), &[VERSION]]);
    let prk = derive(master, &[]);
    prk.expand(&[&info], hmac::HMAC_SHA256).map(hmac::Key::from).map_err(|_| SealError::NoKey)
}

fn aad(master: &SealKey, context: &SealContext<'_>) -> Aad<Vec<u8>> {
    let key_id = master.id().as_str();
    Aad::from(framed(&[
        context.issuer.as_bytes(),
        context.name.as_bytes(),
        context.purpose.0.as_bytes(),
        key_id.as_bytes(),
    ]))
}

/// Each part with its length in front: `("ab", "c")` and `("a", "bc")` differ.
fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}
