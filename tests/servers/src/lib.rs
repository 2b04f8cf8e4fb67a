//! Database servers for tests: private, on a free port of the loopback address, gone when the test program is.
//!
//! A server that is missing is a failure, never a skipped test: `scripts/test` installs what is needed on Debian.
//!
//! Nothing outlives the test program, however it ends: beside each server stands a small watch that notices the end of the program
//! and then ends that one server by its own process id and removes its directory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod certificate;
mod disk;
mod place;
pub mod postgres;
mod process;
pub mod redis;

pub use disk::SmallDisk;
pub use place::Place;
pub use postgres::Postgres;
pub use process::{end, free_port, kill_tree, pause_until};
pub use redis::Redis;
