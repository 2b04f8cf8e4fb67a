//! The same engine behind actix-web: what goes in and comes out is what goes in and comes out of `handle`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod beside_routes;
mod bodies;
mod fidelity;
