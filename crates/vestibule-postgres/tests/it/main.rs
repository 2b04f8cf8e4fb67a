//! The store against its contract, on a server of its own, and what only a database server has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod cancel;
mod contract;
mod crash;
mod faults;
mod judgement;
mod ops;
mod place;
mod pool;
mod proxy;
mod registrations;
mod room;
mod schema;
mod tls;
mod trips;
