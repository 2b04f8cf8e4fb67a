//! The operating system's generator.

use ring::rand::SecureRandom;
use vestibule_host::{Entropy, EntropyError};

/// [`Entropy`] from the operating system's generator (CRYPTO-001).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl SystemRandom {
    /// The generator. Holds nothing.
    pub const fn new() -> Self {
        Self
    }
}

impl Entropy for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        ring::rand::SystemRandom::new().fill(out).map_err(|_| EntropyError)
    }
}
