//! The name of an interaction: 256 random bits in its path. Knowing it is not enough (INT-001).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vestibule_core::digest;
use vestibule_host::{EntropyError, InteractionHash};

use crate::server::Inner;

/// An interaction's id, as it stands in its path.
#[derive(Clone, PartialEq, Eq)]
pub struct InteractionId {
    text: String,
    bytes: [u8; 32],
}

impl std::fmt::Debug for InteractionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InteractionId(..)")
    }
}

impl InteractionId {
    /// Reads an id: 43 characters, the canonical base64url form of 32 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        Some(Self { text: text.to_owned(), bytes })
    }

    pub(crate) fn fresh(inner: &Inner) -> Result<Self, EntropyError> {
        let text = inner.secret("")?;
        Self::parse(&text).ok_or(EntropyError)
    }

    /// The text in the path.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// A name for explanations: it tells interactions apart and opens none.
    pub(crate) fn flow(&self, issuer: &str) -> String {
        digest::parts("vestibule flow", &[issuer.as_bytes(), &self.bytes])
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub(crate) fn hash(&self, issuer: &str) -> InteractionHash {
        digest::interaction(issuer, &self.text)
    }
}
