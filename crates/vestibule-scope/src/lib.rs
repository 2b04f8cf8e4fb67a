//! The scope language of SMART on FHIR: parse, compare, narrow, print.
#![no_std]

extern crate alloc;

mod category;
mod constraint;
mod context;
mod dialect;
mod error;
mod list;
mod parse;
mod permissions;
mod resource;
mod resource_type;
mod scope;
#[cfg(feature = "serde")]
mod serde;
mod set;
mod uri;

pub use category::{Category, categories_of};
pub use constraint::{Constraint, Pair};
pub use context::{ContextScope, IdentityScope, RefreshScope, Role};
pub use dialect::Dialect;
pub use error::{ListError, ScopeError};
pub use list::{Requested, ScopeList};
pub use permissions::{Permission, Permissions};
pub use resource::{Level, ResourceScope, TypeSpec};
pub use resource_type::{FhirVersion, ResourceType};
pub use scope::{Scope, ScopeKind};
pub use set::{Narrowed, ScopeSet, SetError};
