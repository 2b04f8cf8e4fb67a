//! The embedded default store of Vestibule: one SQLite file.
//!
//! [`SqliteStore`] implements `GrantStore`, `ConsentStore` and `KeyStore` of `vestibule-host`; [`SqliteClients`] implements
//! `ClientRegistrar` over it.
//!
//! ```
//! use vestibule_host::GrantStore;
//! use vestibule_sqlite::{SqliteOptions, SqliteStore};
//!
//! # let directory = std::env::temp_dir().join(format!("vestibule-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory).unwrap();
//! let store = SqliteStore::open(directory.join("vestibule.sqlite3"), SqliteOptions::default())?;
//! println!("{:?}", store.facts());
//! # drop(store);
//! # let _ = std::fs::remove_dir_all(&directory);
//! # Ok::<(), vestibule_sqlite::OpenError>(())
//! ```
//!
//! # How it works
//!
//! * **One writer.** A thread owns the only connection that writes. Verbs are sent to it as data; up to 256 of those that wait
//!   share one transaction, each in its own savepoint, and all are answered after the commit: `Ok` means that the file system
//!   was told to make it durable (WAL, `synchronous=FULL`). A few reader threads have connections of their own.
//! * **No runtime.** The futures wait for an answer from a thread and run under any executor. A caller that goes away leaves
//!   its verb wholly done or not done at all.
//! * **Bounds.** The queue is bounded (`Busy` when it is full) and so is the file, if
//!   [`SqliteOptions::with_max_bytes`] says so (`Full`).
//! * **Housekeeping gives way.** A purge is taken in bites of some milliseconds, each a commit of its own; what waits for the
//!   writer is served between them.
//! * **Readiness.** `ping` asks the writer for the lock. After a write that failed it is a small write itself, until one works:
//!   a full disk can still be read.
//! * **Several processes** may open the same file on one machine. A network file system is no place for it.
//!
//! # Security
//!
//! The file holds private keys and who granted what to whom. A new file is made readable by its owner only; keep backups of it
//! as you would keep a key file.
//!
//! # Migrations
//!
//! The schema is brought up to date when the store is opened. A host with a migration tool of its own takes the texts from
//! [`migrations()`] and opens with [`SqliteOptions::without_migration`].

mod connection;
mod consents;
mod error;
mod grants;
mod keys;
mod lane;
mod migrations;
mod operation;
mod options;
mod registrations;
mod reply;
mod statements;
mod store;
mod writer;

pub use error::OpenError;
pub use migrations::{Migration, migrations};
pub use options::SqliteOptions;
pub use registrations::SqliteClients;
pub use store::SqliteStore;
