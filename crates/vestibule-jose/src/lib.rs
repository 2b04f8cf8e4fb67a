//! Keys, signatures and sealed state for Vestibule.
//!
//! This crate keeps the cryptography library in one place: nothing in a public signature here belongs to it, so that it can
//! be replaced without breaking a host. A host with an HSM replaces [`LocalKeyRing`] by its own
//! [`KeyRing`](vestibule_host::KeyRing) and keeps the rest.
//!
//! ```text
//!   KeyStore ──load/save──► LocalKeyRing ──snapshot──► KeySet ──► Sealer          sealed cookies, step tokens
//!   (persisted)             keys parsed once           │
//!                           sign(kid, input) ◄─────────┴────────► jws::encode     access and ID tokens
//!
//!   a JWKS, ours or a client's ──► VerifyKeys ──► verify(token) ──► Claims        assertions, our own tokens
//! ```
//!
//! Sealing needs nothing else:
//!
//! ```
//! use vestibule_host::{KeyRing, KeySet};
//! use vestibule_jose::{Purpose, SealContext, SealError, Sealer, SystemRandom};
//!
//! const PENDING: Purpose = Purpose::new("pending request");
//!
//! fn there_and_back(keys: &KeySet, id: &[u8; 32]) -> Result<Vec<u8>, SealError> {
//!     let place = SealContext { purpose: PENDING, issuer: "https://ehr.example", name: "cookie", id };
//!     let cookie = Sealer::new(keys).seal(&place, b"state", &SystemRandom::new())?;
//!     Sealer::new(keys).open(&place, &cookie)
//! }
//! # #[cfg(feature = "generate")]
//! # {
//! let ring = vestibule_jose::LocalKeyRing::ephemeral(&SystemRandom::new())?;
//! assert_eq!(there_and_back(&ring.snapshot(), &[7; 32])?, b"state");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reading order
//!
//! [`local_key_ring`] (where keys come from), [`key_plan`] (which, and how long), [`file_keys`] (a place for them), [`jws`] (making and taking apart tokens), [`verify_keys`] (the checks),
//! [`claims`] (what was proven, and its times), [`assertion`] (clients that have a key), [`seal`] (state in the browser's
//! hands).
//!
//! # Features
//!
//! * `aws-lc-rs`: signs and verifies with aws-lc instead of ring: two to four times as fast for RSA and P-384, for a longer build
//!   with a C compiler. It accepts and refuses the same tokens.
//! * `generate`: makes keys when none are stored ([`LocalKeyRing::open`] on an empty store, `LocalKeyRing::ephemeral`), and RSA
//!   keys at all. Without it an empty store is an error, which is what a deployment with provisioned keys wants.

pub mod assertion;
mod backend;
mod base64url;
pub mod claims;
mod document;
pub mod file_keys;
mod generate;
mod held_keys;
pub mod jws;
pub mod key_plan;
mod lifecycle;
pub mod local_key_ring;
mod private_key;
pub mod public_key;
mod random;
pub mod seal;
mod strict_json;
pub mod verify_keys;

pub use assertion::{AssertionError, AssertionRules, CheckedAssertion};
pub use claims::{Claims, Validity};
pub use file_keys::FileKeys;
pub use jws::{JwsError, at_hash};
pub use key_plan::{KeyPhase, KeyPlan, KeyRole, KeyStatus};
pub use local_key_ring::LocalKeyRing;
pub use public_key::{PublicKey, jwks};
pub use random::SystemRandom;
pub use seal::{Purpose, SealContext, SealError, Sealer};
pub use verify_keys::{Expect, JwksError, VerifyKeys};
