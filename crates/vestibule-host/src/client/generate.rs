//! Ids and secrets that the engine makes itself.
//!
//! Their characters are unreserved in URIs: a client that form-encodes them for HTTP Basic and one that forgets to send the same
//! bytes (design §9, CAUTH-003).

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::{ClientId, Entropy, EntropyError, Secret};

/// A client secret, or another one that is as good: 256 random bits, 64 characters (CAUTH-012).
///
/// ```
/// # use vestibule_host::{Entropy, EntropyError};
/// # #[derive(Debug)] struct Counting;
/// # impl Entropy for Counting {
/// #     fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> { out.fill(7); Ok(()) }
/// # }
/// # let entropy = Counting;
/// use vestibule_host::client::{SecretHash, generate_secret};
///
/// let secret = generate_secret(&entropy)?;
/// let kept = SecretHash::of(secret.expose_secret()).expect("long enough");
/// assert!(kept.is(secret.expose_secret()));
/// # Ok::<(), EntropyError>(())
/// ```
///
/// # Errors
/// [`EntropyError`]; nothing weaker is made instead.
pub fn generate_secret(entropy: &dyn Entropy) -> Result<Secret, EntropyError> {
    hex::<32>(entropy).map(|text| Secret::new(text.as_str()))
}

/// A `client_id` that nobody chose (DCR-003): 128 random bits, 32 characters.
///
/// # Errors
/// [`EntropyError`].
pub fn generate_id(entropy: &dyn Entropy) -> Result<ClientId, EntropyError> {
    hex::<16>(entropy).map(|text| ClientId::new(text.as_str()))
}

fn hex<const BYTES: usize>(entropy: &dyn Entropy) -> Result<Zeroizing<String>, EntropyError> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    entropy.fill(&mut *bytes)?;
    // Grown once, so that no half of a secret stays behind in memory.
    let mut text = Zeroizing::new(String::with_capacity(2 * BYTES));
    for byte in *bytes {
        write!(text, "{byte:02x}").map_err(|_| EntropyError)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Broken;

    impl Entropy for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
            Err(EntropyError)
        }
    }

    #[derive(Debug)]
    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
            out.iter_mut().zip(0..).for_each(|(byte, number)| *byte = number);
            Ok(())
        }
    }

    /// CAUTH-012, CRYPTO-001, DCR-003
    #[test]
    fn all_bytes_are_used_and_failures_are_not_papered_over() {
        let secret = generate_secret(&Counting).unwrap();
        assert_eq!(
            secret.expose_secret(),
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        );
        assert_eq!(generate_id(&Counting).unwrap().as_str(), "000102030405060708090a0b0c0d0e0f");
        assert!(generate_secret(&Broken).is_err() && generate_id(&Broken).is_err());
    }
}
