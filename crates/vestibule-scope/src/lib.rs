//! The scope language of SMART on FHIR: parse, compare, narrow, print.
//!
//! An app asks for `launch/patient patient/Observation.rs`; a server grants all of it, some of it, or none; a FHIR
//! server later asks whether what was granted covers a request. This crate is that language and its algebra, for
//! authorization servers, FHIR servers and clients alike. It knows SMART 1.0 (`.read`) and 2.x (`.rs`, `?category=…`)
//! and does no I/O. It does not decide who may do what: it says what a scope means.
//!
//! ```text
//!   "launch/patient patient/*.read user/Foo.rs"
//!        │ ScopeList::parse        the whole string: RFC 6749 §3.3, limits
//!        ▼
//!   Requested, Requested, Requested       each: its text, and a Scope or a ScopeError
//!        │ Scope                   keeps its spelling, compares by meaning
//!        ▼
//!   ScopeSet::narrow               the ceiling: Whole, Parts or Nothing
//! ```
//!
//! # For a FHIR server: does the token cover this request?
//!
//! ```
//! use vestibule_scope::{Level, Permission, ResourceType, ScopeSet};
//!
//! let granted: ScopeSet = "launch/patient patient/*.read patient/Observation.c?category=survey".parse()?;
//! let condition = ResourceType::from_name("Condition").ok_or("not a resource type")?;
//!
//! // Search Conditions of the patient in context: some scope must give `s` on that type …
//! let scopes = granted.giving(Level::Patient, condition, Permission::Search);
//! assert!(scopes.into_iter().any(|scope| scope.constraint().is_none()), "… and this one gives all of them");
//!
//! // … while new Observations must have the category survey.
//! let observation = ResourceType::from_name("Observation").ok_or("not a resource type")?;
//! let create = granted.giving(Level::Patient, observation, Permission::Create);
//! let pair = create[0].constraint().and_then(|constraint| constraint.pairs().next()).ok_or("unconstrained")?;
//! assert_eq!((pair.name(), pair.values().collect::<Vec<_>>()), ("category", vec!["survey"]));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # For an authorization server: what of the request fits?
//!
//! ```
//! use vestibule_scope::{Narrowed, ScopeList, ScopeSet};
//!
//! let ceiling: ScopeSet = "openid fhirUser launch/patient patient/*.rs".parse()?;
//! let mut granted = ScopeSet::new();
//! for requested in &ScopeList::parse("openid patient/Condition.read patient/Goal.cruds patient/Foo.rs")? {
//!     match &requested.parsed {
//!         Ok(scope) => granted.extend(ceiling.narrow(scope).into_scopes()),
//!         Err(error) => println!("dropped: {error}"),
//!     }
//! }
//! // What was not touched keeps the app's spelling.
//! assert_eq!(granted.to_string(), "openid patient/Condition.read patient/Goal.rs");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # For a client: did I get what I need?
//!
//! ```
//! use vestibule_scope::{Scope, ScopeSet};
//!
//! let granted: ScopeSet = "launch/patient patient/Observation.r patient/Observation.s".parse()?;
//! assert!(granted.covers(&Scope::parse("patient/Observation.read")?), "the server may split and respell");
//! assert!(!granted.covers(&Scope::parse("patient/Condition.r")?));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Spelling and meaning
//!
//! A [`Scope`] is equal to another when the text is; [`same_meaning`](Scope::same_meaning) compares what they allow, so
//! that `.read` and `.rs` are two scopes of one meaning. A server that answers with the spelling it was asked in keeps
//! clients happy that compare strings. What this crate cannot prove covered is not covered.
//!
//! # Limits
//!
//! A list has at most 32 KiB and 512 tokens ([`ScopeList`]); a constraint 16 pairs and 128 values ([`Constraint`]).
//! Reading is linear in the text. Nothing here panics on input.
//!
//! # Features
//!
//! * `serde` (off by default): [`Scope`] and [`ScopeSet`] as strings.
//!
//! Without it the crate is `no_std` and needs `alloc` alone.
//!
//! # Where next
//!
//! [`Scope`], then [`ScopeSet::narrow`], then [`categories_of`] for the sub-resource scopes of US certification.
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
