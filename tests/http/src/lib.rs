//! The engine from outside: a hospital with a switch at every part, a browser, an app, and the doors through which their
//! requests reach the engine.
//!
//! | module | is |
//! |---|---|
//! | [`world`] | host parts that fail, lie and forget when told to; registered apps and people |
//! | [`browser`] | keeps cookies, follows redirects and fills in forms |
//! | [`app`] | the OAuth client: authorize and token requests, to be changed |
//! | [`assertion`] | what clients with keys sign |
//! | [`registering`] | the app that registers itself |
//! | [`log`] | what was logged meanwhile |
//! | [`flow`] | whole flows, cut into their requests |
//! | [`race`] | many clients at the same moment |
//! | `proxy` | cuts a connection at a chosen byte |
//! | [`door`] | [`Adapter::Direct`] calls `handle`; the others are an adapter behind a socket, spoken to byte by byte |
//!
//! [`World::new`](world::World::new) has no socket; [`World::behind`](world::World::behind) names an adapter, and everything
//! above it stays as it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(missing_docs, reason = "names that say it")]

pub mod app;
pub mod assertion;
pub mod browser;
pub mod door;
pub mod flow;
pub mod log;
#[cfg(feature = "loopback")]
pub mod proxy;
pub mod race;
pub mod registering;
#[cfg(feature = "loopback")]
mod serve;
pub mod wire;
pub mod world;

pub use door::{Adapter, Door};
