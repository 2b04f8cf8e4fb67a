//! Randomness as an argument.

use std::fmt::Debug;

/// The random source failed. The request is then refused; nothing weaker is used instead (CRYPTO-001).
#[derive(Debug, thiserror::Error)]
#[error("the random source failed")]
pub struct EntropyError;

/// Where secrets come from.
///
/// # Security
/// Must be the operating system's generator or as strong. Tests may be deterministic; nothing else may.
pub trait Entropy: Debug + Send + Sync {
    /// Fills the whole slice with unpredictable bytes.
    ///
    /// # Errors
    /// [`EntropyError`] when the source cannot; the slice must then not be used.
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError>;
}
