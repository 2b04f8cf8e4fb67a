//! A [`GrantStore`](vestibule_host::GrantStore) in one file, with [redb](https://docs.rs/redb): what a reader of
//! `docs/write-a-store.md` arrives at.
//!
//! redb has one writer at a time and many readers, each of whom sees the newest commit. A verb is therefore read, decide, write,
//! commit, and nothing can come between.

mod claims;
mod code;
mod events;
mod fault;
mod interaction;
mod purge;
mod read;
mod refresh;
mod revoke;
mod rows;
mod store;
mod token;

pub use store::{OpenError, RedbStore};
