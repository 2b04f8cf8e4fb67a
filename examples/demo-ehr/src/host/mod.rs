//! What Vestibule asks of the hospital: the host traits, each over the hospital's own tables.
//!
//! This folder is what a vendor writes. `users.rs` says who is signed in, `patients.rs` who may open which record,
//! `clients.rs` and `registrations.rs` which apps there are, `audit.rs` keeps what is to be remembered, and `explanations.rs` what developers
//! ask about. `discovery.rs` says who is told more than everybody, `key_sets.rs` from where apps' keys may
//! come, `rate.rs` who fails too often.

pub mod audit;
pub mod clients;
pub mod discovery;
pub mod explanations;
pub mod key_sets;
pub mod patients;
pub mod rate;
pub mod registrations;
pub mod users;
