//! The pages, drawn and read again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod consent;
mod escaping;
mod html;
mod languages;
mod manage;
mod pickers;
mod problems;
mod views;
