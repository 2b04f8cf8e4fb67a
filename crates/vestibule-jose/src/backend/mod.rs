//! The seam to the library that signs and verifies: [`SigningPair`] and [`Verifier`], each parsed once and kept.
//!
//! ring does it by default. With the feature `aws-lc-rs` aws-lc does, several times faster for RSA and P-384; everything else
//! (randomness, hashes, sealing, making keys) stays with ring. The two accept and refuse the same: every test of this crate
//! runs over both.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(not(feature = "aws-lc-rs"))]
mod ring;
#[cfg(test)]
mod vectors;

#[cfg(feature = "aws-lc-rs")]
pub(crate) use self::aws_lc::{SigningPair, Verifier};
#[cfg(not(feature = "aws-lc-rs"))]
pub(crate) use self::ring::{SigningPair, Verifier};

/// A public key as the libraries write and read it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Material {
    /// The uncompressed point, `04 ‖ x ‖ y`.
    Ec(Curve, Vec<u8>),
    Ed25519(Vec<u8>),
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}
