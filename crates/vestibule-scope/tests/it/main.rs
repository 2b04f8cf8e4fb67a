//! Tests of the public interface: the guide's tables, the laws, the attacks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod attacks;
mod cost;
mod examples;
mod granted;
mod laws;
mod lists;
mod model;
mod narrowing;
#[cfg(feature = "serde")]
mod serde;
mod spelling;

use vestibule_scope::{Scope, ScopeSet};

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
