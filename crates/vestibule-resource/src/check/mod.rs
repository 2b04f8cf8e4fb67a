//! What a decision leaves to be checked: stored resources, submitted ones, and the entries of an answer.

mod bundle;
mod narrowing;
mod outcome;
mod permitted;
mod push;
mod ties;
mod verdict;

pub use bundle::Filtered;
pub use narrowing::{Checks, Narrowing};
pub(crate) use permitted::Need;
pub use push::Addition;
pub use verdict::{Hidden, Verdict};
