//! The same service in tower, axum and hyper.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fixtures;
mod in_axum;
mod in_hyper;
mod in_tower;
