//! Apps that register themselves: what is kept, and what they are told (oauth.md 13, RFC 7591, RFC 7592).
//!
//! ```text
//!   RegistrationRequest ─► Sent ─► create ─► RegistrationDraft ─settle─► 201, the whole registration and its secrets
//!      (body, read)                  │           │ op: one commit
//!                                    │ change ─► ChangeDraft ──settle─► 200, the registration that stands now
//!                                    │
//!                     the rules of every client: RegisteredClient::wrongs
//! ```
//!
//! * [`create`]: a new registration under what its initial access token allows
//! * [`change`], [`withdraw`]: RFC 7592
//! * [`RegisterError`]: what an app may learn

mod answer;
mod change;
mod create;
mod error;

pub use answer::{Credentials, describe};
pub use change::{ChangeDraft, change, may_manage, withdraw};
pub use create::{Fresh, RegistrationDraft, create};
pub use error::RegisterError;
