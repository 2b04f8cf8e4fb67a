//! The contracts of Vestibule as programs, for tests.
//!
//! Whoever writes a store holds it to the contract with three lines:
//!
//! ```
//! mod grants {
//!     vestibule_testkit::store_suite!(vestibule_host::MemoryGrants::new);
//! }
//! ```
//!
//! Each case becomes a `#[test]` of its own and says in one sentence what is broken. The suites are themselves tested against
//! [`mutants`]: stores with one planted mistake each, every one of which must be found.
//!
//! For tests of a whole engine there are a clock that is [set by hand](FakeClock), [entropy that repeats](SeededEntropy), a
//! store that [fails when told to](FaultyGrants), callers that [go away](at_every_wait) and a
//! [browser without sockets](Browser).

pub mod browser;
mod clock;
mod drops;
mod entropy;
mod fault;
pub mod mutants;
pub mod suite;

pub use browser::{Browser, Form, Page};
pub use clock::FakeClock;
pub use drops::{at_every_wait, drop_after};
pub use entropy::{BrokenEntropy, SeededEntropy};
pub use fault::{FaultyGrants, Injected};
pub use suite::{Broken, StoreFactory, Verdict};
