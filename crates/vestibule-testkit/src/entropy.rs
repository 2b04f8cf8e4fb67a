//! Entropy that repeats, and entropy that fails.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use vestibule_host::{Entropy, EntropyError};

/// The same seed gives the same bytes: SHA-256 over the seed and a counter. For tests only, since whoever knows the seed knows
/// every secret.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: Mutex<u64>,
}

impl SeededEntropy {
    /// The bytes of this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed, counter: Mutex::new(0) }
    }

    /// The next eight bytes as a number.
    pub fn next(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.block();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// A number below `bound`, or 0 when there is none. Good enough to choose a test's next step.
    pub fn below(&self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    fn block(&self) -> [u8; 32] {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        *counter = counter.wrapping_add(1);
        Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(counter.to_be_bytes())
            .finalize()
            .into()
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in out.chunks_mut(32) {
            for (to, from) in chunk.iter_mut().zip(self.block()) {
                *to = from;
            }
        }
        Ok(())
    }
}

/// A random source that is away (CRYPTO-001).
#[derive(Clone, Copy, Debug, Default)]
pub struct BrokenEntropy;

impl Entropy for BrokenEntropy {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(entropy: &dyn Entropy) -> [u8; 70] {
        let mut out = [0; 70];
        entropy.fill(&mut out).unwrap();
        out
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let first = SeededEntropy::new(1);
        let once = bytes(&first);
        assert_eq!(once, bytes(&SeededEntropy::new(1)));
        assert_ne!(once, bytes(&SeededEntropy::new(2)));
        assert_ne!(once, bytes(&first), "the counter moves on");
        assert!(once.chunks(32).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
    }
}
