//! The rules of `vestibule-core`, from outside: the guide's tables, the laws, the attacks.
//!
//! The line above a test names the requirements it shows; `docs/conformance.md` leads here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod backend;
mod conformance_gaps;
mod discovery;
mod fixture;
mod legacy;
mod machine;
mod machine_exploration;
mod machine_model;
mod negotiation;
mod records;
mod redemption;
mod redirects;
mod registration;
mod sign_in;
mod table_4_5;
mod token_form;
mod validation;
