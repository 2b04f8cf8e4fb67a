//! The contract, held against a file of redb.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bound;
mod crash;
mod place;
mod schema;

mod grants {
    vestibule_testkit::store_suite!(crate::place::Place::new());
}

/// The suite plays twenty sequences. More of them cost little here.
#[test]
fn more_sequences_match_the_model() {
    use vestibule_testkit::suite::{check, grants::random_sequences};
    check(random_sequences(&place::Place::new(), 20..60));
}
