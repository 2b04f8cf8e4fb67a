//! PKCE with S256, and nothing else (SMART-PKCE-001 to -007, PKCE-001 to -009), except for apps of SMART 1.0 that are
//! registered as such and prove who they are otherwise (SMART-PKCE-008, design §9).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vestibule_host::RegisteredClient;

/// A `code_challenge` made with S256; there is no other kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Challenge(String);

/// Not an S256 challenge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the base64url form of 32 bytes")]
pub struct NoChallenge;

impl TryFrom<String> for Challenge {
    type Error = NoChallenge;

    fn try_from(text: String) -> Result<Self, NoChallenge> {
        // PKCE-003: exactly 43 characters, canonical base64url of 32 bytes.
        let bytes = URL_SAFE_NO_PAD.decode(&text).map_err(|_| NoChallenge)?;
        if bytes.len() == 32 { Ok(Self(text)) } else { Err(NoChallenge) }
    }
}

impl From<Challenge> for String {
    fn from(challenge: Challenge) -> Self {
        challenge.0
    }
}

impl Challenge {
    /// The text on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What whoever redeems a code must prove besides being its client. Every request, every code, every grant has one; a record
/// without one does not load (PKCE-007).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CodeProof {
    /// That they have the verifier.
    S256(Challenge),
    /// Nothing: the app is of SMART 1.0. Only a confidential app whose registration says `legacy_v1`, asked for again at
    /// redemption.
    DangerLegacyV1,
}

/// What stands for [`CodeProof::DangerLegacyV1`]: too short for a challenge, so that the two are never taken for each other.
const LEGACY: &str = "danger-legacy-v1";

impl TryFrom<String> for CodeProof {
    type Error = NoChallenge;

    fn try_from(text: String) -> Result<Self, NoChallenge> {
        if text == LEGACY { Ok(Self::DangerLegacyV1) } else { Challenge::try_from(text).map(Self::S256) }
    }
}

impl From<CodeProof> for String {
    fn from(proof: CodeProof) -> Self {
        proof.as_str().to_owned()
    }
}

impl CodeProof {
    /// The challenge, or the constant in its place: what a code's binding is made of.
    pub fn as_str(&self) -> &str {
        match self {
            Self::S256(challenge) => challenge.as_str(),
            Self::DangerLegacyV1 => LEGACY,
        }
    }

    /// Whether this app may do without PKCE.
    pub fn may_be_left_out(client: &RegisteredClient) -> bool {
        client.legacy_v1 && client.authentication.is_confidential()
    }
}

/// A `code_verifier` of the right form (PKCE-005).
#[derive(Clone)]
pub struct Verifier(String);

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(..)")
    }
}

impl Verifier {
    /// 43 to 128 characters of `[A-Za-z0-9-._~]`; checked before anything is hashed (SMART-PKCE-006).
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        ((43..=128).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// `BASE64URL(SHA256(verifier))` (SMART-PKCE-004).
    pub fn challenge(&self) -> Challenge {
        Challenge(URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        // smart.md A.3
        for (verifier, challenge) in [
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            (
                "o28xyrYY7-lGYfnKwRjHEZWlFIPlzVnFPYMWbH-g_BsNnQNem-IAg9fDh92X0KtvHCPO5_C-RJd2QhApKQ-2cRp-S_W3qmTidTEPkeWyniKQSF9Q_k10Q5wMc8fGzoyF",
                "YPXe7B8ghKrj8PsT4L6ltupgI12NQJ5vblB07F4rGaw",
            ),
        ] {
            assert_eq!(Verifier::new(verifier).unwrap().challenge().as_str(), challenge);
        }
    }

    #[test]
    fn the_legacy_proof_is_no_challenge() {
        assert!(Challenge::try_from(LEGACY.to_owned()).is_err());
        assert_eq!(CodeProof::try_from(LEGACY.to_owned()).unwrap(), CodeProof::DangerLegacyV1);
        assert_eq!(CodeProof::DangerLegacyV1.as_str(), LEGACY);
        for other in ["", "plain", "none", "danger-legacy-v2", "Danger-Legacy-V1"] {
            assert!(CodeProof::try_from(other.to_owned()).is_err(), "{other}");
        }
    }

    #[test]
    fn forms() {
        assert!(Verifier::new(&"a".repeat(42)).is_none());
        assert!(Verifier::new(&"a".repeat(43)).is_some());
        assert!(Verifier::new(&"a".repeat(128)).is_some());
        assert!(Verifier::new(&"a".repeat(129)).is_none());
        assert!(Verifier::new(&format!("{}+", "a".repeat(50))).is_none());
        let good = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned();
        for bad in
            [good.replace('-', "+"), format!("{good}="), good.replace('M', "N"), "abc".into(), String::new()]
        {
            // The last character of 43 carries four bits only, so a changed one is not canonical.
            assert!(bad == good.replace('M', "N") || Challenge::try_from(bad.clone()).is_err(), "{bad}");
        }
        assert!(Challenge::try_from(good).is_ok());
        assert!(Challenge::try_from("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN".to_owned()).is_err());
    }
}
