//! The suites against the stores in memory, and against stores that are broken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod browser;
mod compute;
mod conformance;
mod faults;
mod grant_mutants;
mod host_mutants;
mod invariants;
mod memory;
mod mutants;
