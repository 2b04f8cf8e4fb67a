//! Reference implementations in memory, with hard bounds: for tests, first steps and demonstrations.
//!
//! Nothing survives the process and no other process sees it. The stores say so in their facts.

mod clients;
mod consents;
mod grants;
mod keys;
mod rows;
mod table;

pub use crate::registration::ChangeError;
pub use clients::MemoryClients;
pub use consents::MemoryConsents;
pub use grants::{MemoryGrants, MemoryLimits};
pub use keys::MemoryKeys;
