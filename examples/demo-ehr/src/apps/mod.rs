//! Apps of somebody else, to try Vestibule with: none of it is part of Vestibule, nor of the hospital.
//!
//! | client | is | where |
//! |---|---|---|
//! | [`sample_app`](crate::sample_app) | public, JavaScript in the browser | `/` of the sample app's origin |
//! | [`SECRET_APP`] | confidential with a secret | `/confidential` there |
//! | [`KEY_APP`] | confidential with a key (`private_key_jwt`) | `/asymmetric` there |
//! | [`KEY_SET_APP`] | the same, with its key at an address (`jwks_uri`) | `/key-set` there |
//! | [`OLD_APP`] | confidential, from before PKCE (`legacy_v1`) | `/old` there |
//! | [`CLINIC_APP`] | confidential, at the second issuer | `/clinic` there |
//! | [`SERVICE`] | a backend service with the same key | `/ehr/try` |
//! | [`RESOURCE_SERVER`] | a FHIR server elsewhere, which introspects with a secret | `/ehr/try` |
//! | [`INTROSPECTOR`] | the same, with a bearer token of its own | `/ehr/try` |
//! | [`GUESSED`] | nobody: its secret is guessed at until the gate says no | `/ehr/try` |
//!
//! Their secrets are public, since they exist to be tried. The key is kept in the store's file, if there is one.

pub mod calls;
pub mod confidential;
mod key;

pub use key::AppKey;

/// A confidential app with a secret.
pub const SECRET_APP: &str = "confidential-example";
/// A confidential app with a key.
pub const KEY_APP: &str = "asymmetric-example";
/// A confidential app with a key that the hospital fetches.
pub const KEY_SET_APP: &str = "key-set-example";
/// A confidential app that speaks as SMART 1.0 did.
pub const OLD_APP: &str = "old-example";
/// A confidential app of the clinic next door.
pub const CLINIC_APP: &str = "clinic-example";
/// An app whose secret is guessed at.
pub const GUESSED: &str = "guessed-example";
/// A backend service with a key.
pub const SERVICE: &str = "backend-example";
/// A FHIR server that introspects with a secret.
pub const RESOURCE_SERVER: &str = "resource-server-example";
/// A service that introspects with a bearer token.
pub const INTROSPECTOR: &str = "introspector-example";

/// A secret everybody knows. It opens invented records only.
pub const TEST_SECRET: &str = "this-is-a-public-test-secret-of-the-demo";

/// The scope with which a bearer introspects: Vestibule's default.
pub const INTROSPECT_SCOPE: &str = "__introspect";
