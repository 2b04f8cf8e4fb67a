//! The store against its contract, on servers of its own, and what only a server has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod contract;
mod crash;
mod outage;
mod place;
mod refused;
mod room;
mod rows;
mod stored;
mod tls;
