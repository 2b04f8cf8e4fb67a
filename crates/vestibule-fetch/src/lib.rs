//! Fetches the key sets of clients that registered a `jwks_uri`: the only part of Vestibule that reaches out.
//!
//! The address comes from whoever registers a client, and its name may be changed at any time by whoever owns it. An HTTP client as
//! it comes would connect to whatever the name says today: the host's own databases, its cloud's metadata service, its
//! printers. [`GuardedFetcher`] connects to public addresses only, and nothing that a server does or says takes it elsewhere,
//! holds it for more than seconds, or fills its memory.
//!
//! ```
//! use std::sync::Arc;
//! use vestibule_fetch::{FetchOptions, GuardedFetcher};
//! use vestibule_host::JwksFetcher;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # let _inside = runtime.enter();
//! // Inside a tokio runtime, on which it will fetch.
//! let fetcher: Arc<dyn JwksFetcher> = Arc::new(GuardedFetcher::new(FetchOptions::default())?);
//!
//! // Asked when a client is registered: no connection is made.
//! assert!(fetcher.may_fetch("https://keys.example/jwks.json"));
//! assert!(!fetcher.may_fetch("http://keys.example/jwks.json"));
//! assert!(!fetcher.may_fetch("https://169.254.169.254/latest/meta-data"));
//! assert!(!fetcher.may_fetch("https://2130706433/jwks.json"));
//! # Ok(())
//! # }
//! ```
//!
//! # The way of a fetch
//!
//! ```text
//! address ─► read strictly ─► cached and fresh? ─► under way already? ─► a turn ─► resolve ─► every address public?
//!            target.rs        cache.rs             flights.rs            fetcher.rs           connect.rs
//!                                                                                                 │
//!            keep, as the answer allows ◄─ check, count ◄─ GET ◄─ TLS for the name ◄─ dial the checked address
//!            freshness.rs, cache.rs        ask.rs
//! ```
//!
//! # What holds
//!
//! * **Where to.** https; port 443 and those that [`FetchOptions::with_ports`] adds; a plain name of two labels or a plain
//!   address. A name is looked up once for each fetch. If one of its addresses is not public, nothing is connected to; otherwise
//!   one of the addresses that were checked is. IPv4 addresses inside IPv6 ones are judged by what is inside. TLS proves the
//!   name that was registered (FETCH-001 to FETCH-003).
//! * **What for.** One GET without credentials, cookies or anything that depends on the caller. No redirect, no proxy from the
//!   environment, no compression. 200, a JSON content type, a JSON object; the rest is for those who read key sets.
//! * **How much.** 5 seconds in all, 2 of them for TCP and TLS; 256 KiB of body, counted while they arrive; 16 KiB and 64 lines of
//!   head (FETCH-004).
//! * **How often.** All who want one address at the same time share a fetch, which none of them can end by going away. 4 fetches
//!   from one server and 64 in all are under way; others wait for up to 2 seconds. An unknown key id has a fresh set fetched anew
//!   once in 30 seconds (FETCH-006, JWTCA-013).
//! * **How long.** A key set is used for its `max-age`, less its `Age`, at most an hour. Without `max-age`, or with `no-store` or
//!   `no-cache`, those who waited for it use it, and nobody else. Only `stale-if-error` lets an old one stand in for a server
//!   that is down, within the same hour. A server that answers with anything else has taken its keys back.
//! * **What is told.** `Refused` or `Busy`, and nothing that tells one cause from another (FETCH-007). The reason is the error's
//!   source and, once for each fetch, a `tracing` event with the server's name; never the path, the query or what was answered.
//!
//! A failure is not remembered: it would let whoever can make one fetch fail lock a client out, and one fetch at a time of an
//! address that fails costs little. There is no shortest time for which a key set is kept either: a server that says 10 seconds
//! means it. In both, this differs from FETCH-005 as it was first written.
//!
//! # Duties of the host
//!
//! * Limit how often one source may try to authenticate. A client whose server forbids keeping its keys is fetched for each
//!   attempt, though never twice at the same time.
//! * If the network has machines with public addresses that only it may reach, keep this process from reaching them: from outside
//!   they look like any other.
//! * [`FetchOptions::danger_allow_loopback`] is for development: clients can then reach what listens on this machine.
//!
//! # What else is here
//!
//! [`exchange`] is one request and its answer on a connection that somebody else made, without any guard: the way of this project's clients, once.
//!
//! # Who should not use this crate
//!
//! A host without outbound connections has no clients with a `jwks_uri`; the engine refuses them when they are loaded. A host whose
//! connections must go through a proxy implements [`Dial`] over it, and asks the proxy for the address it is given, not for a
//! name.

mod ask;
mod cache;
mod connect;
mod dial;
mod exchange;
mod failure;
mod fetcher;
mod flights;
mod freshness;
mod options;
mod public_address;
mod resolve;
mod target;

pub use dial::{Dial, Stream, TcpDial};
pub use exchange::exchange;
pub use fetcher::GuardedFetcher;
pub use options::{FetchOptions, SetupError};
pub use resolve::{Resolve, SystemResolve};
