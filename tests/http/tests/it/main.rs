//! The attack catalogue, over HTTP: each row behind `vestibule-tower` and behind `vestibule-actix`.
//!
//! `attacks.toml` leads from each id of the catalogue to its test, or to the reason why there is none yet; `registry` checks it.
//! `notation` has the catalogue's words (`PAGE`, `RED e`, `J400 e`). A row and its neighbours share a test, whose name begins with
//! the row's id.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod doors;
mod fhir_side;
mod notation;
mod registry;

mod assertions;
mod audience;
mod authorize_errors;
mod bounds;
mod browser_side;
mod canaries;
mod client_auth;
mod clocks;
mod code;
mod id_token;
mod introspection;
mod key_sets;
mod keys;
mod launch;
mod lost_answers;
mod mix_up;
mod patient_context;
mod patient_mix;
mod pkce;
mod races;
mod redirect_uri;
mod refresh;
mod registration;
mod revocation;
mod scope;
mod sessions;
mod single_faults;
mod timing;
mod volume;
