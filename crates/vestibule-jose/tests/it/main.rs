//! What the crate promises, through its public face.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[cfg(feature = "generate")]
mod assertions;
#[cfg(feature = "generate")]
mod client;
mod file_keys;
mod fixtures;
#[cfg(feature = "generate")]
mod forged_tokens;
mod hsm;
mod key_sets;
mod keys;
#[cfg(feature = "generate")]
mod ring_contract;
#[cfg(feature = "generate")]
mod rotation;
mod seals;
#[cfg(feature = "generate")]
mod tokens;
mod vectors;
