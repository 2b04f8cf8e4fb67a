//! The contract, held against a file of redb.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod place;
mod schema;

mod grants {
    vestibule_testkit::store_suite!(crate::place::Place::new());
}
