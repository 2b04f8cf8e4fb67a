//! A store of Vestibule on Redis or Valkey, honest about what a failover can lose.
//!
//! [`RedisStore`] implements `GrantStore`, `ConsentStore` and `KeyStore` of `vestibule-host`. **For grants, prefer an SQL store**; the
//! reasons are below.
//!
//! ```no_run
//! use vestibule_host::GrantStore;
//! use vestibule_redis::{RedisOptions, RedisStore};
//!
//! # async fn open() -> Result<(), vestibule_redis::ConnectError> {
//! let store = RedisStore::connect("redis://127.0.0.1/", RedisOptions::default()).await?;
//! println!("{:?}", store.facts());
//! # Ok(())
//! # }
//! ```
//!
//! # What it keeps
//!
//! A single primary with `appendonly yes`, `appendfsync always` and `no-appendfsync-on-rewrite no` syncs its file before it answers:
//! what was acknowledged survives a crash, and the store declares [`Durability::Crash`]. Everything weaker may lose the newest of it.
//! Redis answers before its replicas know, so after a failover a spent code can be unspent and a revoked grant alive. The store asks
//! the server when it connects (`INFO`, `CONFIG GET`), refuses what may lose unless
//! [`RedisOptions::danger_failover_may_lose`] accepts it, and then declares [`Durability::FailoverMayLose`], which the engine refuses
//! in its turn. It sees what is there at that moment: a replica that joins later is not noticed, a setting that is weakened later
//! makes `ping` fail, and so does a server without room, from the first write that it has refused until one works.
//!
//! `maxmemory-policy noeviction` is needed always. `maxmemory` is the store's bound: at the bound a verb is `Full` and changes nothing,
//! while revoking, ending what was used twice, delivering events and purging still work.
//!
//! # How it works
//!
//! * **One script a verb**, run by its hash, or by its text if the server does not know the hash. A script judges first and writes
//!   afterwards, since Redis takes nothing back; the server runs one at a time. In the append-only file its writes are one transaction.
//! * **Refresh tokens** are judged by `Family::answer`, as in every store: the chain is read, judged here, and written by a script that
//!   writes only if it is unchanged. Of two who race, one wins and the other judges again: two round trips, and one more for each
//!   race that was lost. Calls of one process take turns at a chain, so that only processes race.
//! * **Time** comes from the caller. No script asks the server's clock and no key has a time to live, so that no clock but the
//!   caller's can end a row: a live row is never gone because two clocks differ. What is over is removed by `purge`, along an index
//!   over the ends, and stays until then. Times are compared as doubles, which are exact until the year 287396.
//! * **One connection** for all calls. A call that is dropped after its command was handed over is done wholly; before, not at all.
//!   When the connection breaks, verbs that were under way are `OutcomeUnknown`, and the next call connects anew. One that broke while
//!   nobody used it fails nothing.
//!
//! # Keys
//!
//! `{prefix}{t.TENANT}kind:id`: the braces are the hash tag, so that all rows of a tenant are in one slot and a script may touch them
//! together. A tag by tenant *and app* would spread large tenants over a cluster's slots, but the contract does not give the app to
//! every verb: `redeem_code` is told a code's hash, `interaction` an interaction's, `revoke` may be told a user or a session whose grants
//! belong to many apps, and each is one transaction. It would take handles that carry their partition, and a `revoke` that may be
//! done app by app. So this adapter speaks to one server, and refuses a cluster of several shards.
//!
//! Two keys are outside any tenant: `{prefix}schema` and `{prefix}tenants`, by which purging finds them.
//!
//! # Costs and bounds
//!
//! Revoking an app is one write, whatever it holds: rows carry marks that only grow, and one number says up to which mark an app's
//! are dead. Revoking a user or a session ends their grants one by one in one script, so 50 000 of them may live at a time; one more is
//! `Full`. Purging takes 256 rows a script and 256 tenants a call.
//!
//! # Security
//!
//! Codes, handles and tokens reach the server as hashes only. Who granted what to whom, and key documents, reach it in clear: keep
//! its network, its files and its backups as you would keep a key file, and let nobody see `MONITOR` or `SLOWLOG`, which show
//! arguments. A connection that leaves the machine is refused unless it is encrypted: `rediss://` and [`RedisOptions::with_tls`], or
//! [`RedisOptions::danger_clear_text`] where the network itself is safe.
//!
//! # Rows and versions
//!
//! Every row says its version. `{prefix}schema` says the newest version that may be there: one that is not known is refused at the
//! start, and a row of such a version is a fault, never an outcome.

mod address;
mod chain;
mod connection;
mod consents;
mod error;
mod grants;
mod keys;
mod link;
mod options;
mod reply;
mod script;
mod server;
mod store;
mod turns;

pub use error::ConnectError;
pub use options::RedisOptions;
pub use store::RedisStore;
/// For [`RedisOptions::with_tls`].
pub use tokio_rustls::rustls;

#[cfg(doc)]
use vestibule_host::Durability;
