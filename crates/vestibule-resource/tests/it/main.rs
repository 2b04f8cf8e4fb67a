//! Tokens and requests, through the public face.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod decisions;
mod fixtures;
mod http_client;
mod introspection;
mod layer;
mod properties;
mod remote_keys;
mod token_checks;
mod world;
