//! A small hospital around an embedded Vestibule: how an EHR vendor does it, and a place to try apps against.
//!
//! Read in this order:
//!
//! 1. `embed.rs`: how Vestibule is built and mounted. This is the part to copy.
//! 2. `host/`: the host traits over the hospital's own tables. This is the part to write anew.
//! 3. `ehr/launcher.rs`: how the EHR opens an app.
//! 4. `fhir/mod.rs`, then `fhir/guard.rs`: how a FHIR server checks a token, and applies what its scopes leave.
//! 5. The rest is the hospital: sign-in and pages (`ehr/`), records (`records/`), FHIR (`fhir/`), serving (`serve.rs`); and
//!    apps of somebody else to try it with (`sample_app.rs`, `apps/`).

pub mod apps;
pub mod database;
mod drain;
pub mod ehr;
pub mod embed;
pub mod fhir;
mod hospital;
pub mod host;
mod keys;
pub mod options;
mod passwords;
pub mod postgres;
mod random;
pub mod records;
pub mod redis;
pub mod sample_app;
mod serve;
pub mod trust;

pub use hospital::{Hospital, Settings, StartError, run};
