//! The demo from outside: its pages, its FHIR search, its command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod apps;
mod browser;
mod clinic;
mod command_line;
mod contract;
mod fhir;
mod fhir_access;
mod fhir_hidden;
mod fhir_oracle;
mod fhir_public;
mod fhir_results;
mod fhir_search;
mod fhir_writes;
mod inspector;
mod junk;
mod key_rings;
mod killed;
mod known_clients;
mod launch;
mod on_redis;
mod outage;
mod overheard;
mod own_log;
mod races;
mod restart;
mod running;
mod sample_app;
mod sign_in;
mod throughput;
mod tools;
mod two_processes;
