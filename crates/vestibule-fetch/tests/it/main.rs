//! A hostile world around the fetcher. The same checks run in a network made of memory, where time is virtual, and over real
//! sockets on loopback; and each must fail for a fetcher that trusts what it is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod addresses;
mod answers;
mod caching;
mod certificates;
mod checks;
mod engine;
mod naive;
mod net;
mod real_time;
mod reasons;
mod server;
mod sharing;
mod world;
