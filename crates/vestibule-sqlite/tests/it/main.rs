//! The store against its contract, in a file and in memory, and what only a file has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod contract;
mod crash;
mod directory;
mod file;
mod group;
mod readiness;
mod registrations;
mod schema;
