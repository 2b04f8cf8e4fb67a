//! Reference implementations in memory, with hard bounds: for tests, first steps and demonstrations.

mod consents;
mod grants;
mod keys;

pub use consents::MemoryConsents;
pub use grants::{MemoryGrants, MemoryLimits};
pub use keys::MemoryKeys;
