//! The contracts of Vestibule as programs, for tests.
//!
//! Whoever writes a store holds it to the contract with three lines:
//!
//! ```
//! mod grants {
//!     use vestibule_host::{MemoryGrants, memory::MemoryLimits};
//!
//!     fn small() -> MemoryGrants {
//!         MemoryGrants::with_limits(MemoryLimits::new(20, 10, 15).with_beside(30, 20, 40))
//!     }
//!
//!     vestibule_testkit::store_suite!((MemoryGrants::new, small));
//! }
//! ```
//!
//! Each case becomes a `#[test]` of its own and says in one sentence what is broken: a verdict in an afternoon. The suites are
//! themselves tested against [`mutants`]: stores with one planted mistake each, every one of which must be found.
//!
//! | you write | hold it to | and give the cases |
//! |---|---|---|
//! | `GrantStore` | [`store_suite!`] | a [`StoreFactory`]: two closures, the second for a small store, or a value with a place |
//! | `ConsentStore` | [`consent_suite!`] | a [`StoreFactory`]: a closure, or a value with a place |
//! | `KeyStore` | [`key_suite!`] | the same |
//! | `ClientRegistrar` | [`registrar_suite!`] | the same |
//! | | [`operator_suite!`] | a [`RegistrarWorld`](suite::operators::RegistrarWorld): issuers, a file of clients, an operator's page |
//! | `ClientRegistry` | [`registry_suite!`] | a [`RegistryWorld`](suite::registries::RegistryWorld), or a closure over a list of apps |
//! | `KeyRing` | [`ring_suite!`] | a [`RingWorld`](suite::rings::RingWorld): nodes over the same keys |
//! | `UserAuthenticator` | [`user_suite!`] | a [`UserWorld`](suite::users::UserWorld): people who sign in your way |
//! | `PatientAccessPolicy` | [`patient_suite!`] | a [`PatientWorld`](suite::patients::PatientWorld): people, and what they may open |
//!
//! A registry that is made of a list needs no world:
//!
//! ```
//! mod registry {
//!     vestibule_testkit::registry_suite!(|apps| vestibule_host::StaticClients::new(apps).unwrap());
//! }
//! ```
//!
//! What must never have happened, whatever a test did, is in [`invariants`]: I1 to I12, over a recorded history.
//!
//! For tests of a whole engine there are a clock that is [set by hand](FakeClock), [entropy that repeats](SeededEntropy), a
//! store that [fails when told to](FaultyGrants), callers that [go away](at_every_wait) and a
//! [browser without sockets](Browser).

pub mod browser;
mod clock;
mod drops;
mod entropy;
mod fault;
pub mod invariants;
pub mod mutants;
pub mod suite;

pub use browser::{Browser, Form, Page};
pub use clock::FakeClock;
pub use drops::{at_every_wait, drop_after};
pub use entropy::{BrokenEntropy, SeededEntropy};
pub use fault::{FaultyGrants, Injected};
pub use suite::{Broken, StoreFactory, Verdict};
