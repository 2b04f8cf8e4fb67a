//! The engine from outside: requests into [`vestibule::AuthorizationServer::handle`], answers out of it, no sockets.
//!
//! `world` is a host with a switch at every part, `browser` follows redirects and fills in forms, `app` is the OAuth client: they
//! live in `tests/http`, where the attacks run over sockets.
//! The line above a test names the requirements and attacks it shows; `docs/conformance.md` leads here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use vestibule_http_tests::{app, browser, world};

mod app_answers;
mod around_the_token;
mod audit;
mod conformance_gaps;
mod consent;
mod context_extras;
mod discovery;
mod explanations;
mod faults;
mod flows;
mod headers;
mod launch;
mod legacy;
mod limits;
mod manage;
mod narrowed;
mod policies;
mod redemption;
mod redirects;
mod refresh;
mod registration;
mod sign_in;
mod tabs;
mod taken_back;
mod tampering;
mod tenants;
mod token_gaps;
