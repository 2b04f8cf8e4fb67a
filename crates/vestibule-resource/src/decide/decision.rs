//! The answers.

use std::fmt;

use vestibule_scope::{Permission, ResourceType};

use crate::check::Narrowing;
use crate::reach::Part;
use crate::request::Unreadable;

/// What the scopes say to an interaction. An upper bound: the server's own rules apply below it (SMART-SCOPE-025).
#[must_use]
#[derive(Clone, Debug)]
pub enum Decision {
    /// Yes, for every resource that the user (or, for a backend service, the client) may reach.
    Permit(Grounds),
    /// Yes, within limits that the server must apply.
    PermitNarrowed(Narrowing),
    /// No. Answer with [`Denied::InsufficientScope`](crate::Denied::InsufficientScope): whatever is stored has no part in it.
    Deny(Denial),
}

impl Decision {
    /// The scopes that gave it; none where it is denied, or open.
    pub fn scopes(&self) -> Vec<&str> {
        match self {
            Self::Permit(grounds) => grounds.scopes(),
            Self::PermitNarrowed(narrowing) => narrowing.grounds().scopes(),
            Self::Deny(_) => Vec::new(),
        }
    }
}

/// Why something is permitted: the scopes that give it.
#[derive(Clone, Default)]
pub struct Grounds {
    parts: Vec<Part>,
    own: bool,
}

impl Grounds {
    pub(crate) const fn new(parts: Vec<Part>) -> Self {
        Self { parts, own: false }
    }

    /// The user's own resource (SMART-IDT-014).
    pub(crate) const fn own() -> Self {
        Self { parts: Vec::new(), own: true }
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.parts.extend(other.parts.iter().cloned());
        self.own |= other.own;
    }

    /// The scopes, each once; `fhirUser` for the user's own resource. None where no token was needed.
    pub fn scopes(&self) -> Vec<&str> {
        let mut scopes: Vec<&str> = Vec::new();
        for scope in self.own.then_some("fhirUser").into_iter().chain(self.parts.iter().map(Part::scope)) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        scopes
    }
}

impl fmt::Debug for Grounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.scopes()).finish()
    }
}

/// Why something is denied. For the operator; the client is told `insufficient_scope` and no more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// No scope gives this permission on the type (SMART-SCOPE-020), or on any.
    #[error("no scope gives `{}` on {}", permission.letter(), OrAny(*resource_type))]
    NoScope {
        /// The letter that is missing.
        permission: Permission,
        /// On which type; `None` where several were asked for.
        resource_type: Option<ResourceType>,
    },
    /// The record or compartment of another patient than the one in context (SMART-SCOPE-060).
    #[error("the request names another patient than the one in context")]
    OtherPatient,
    /// A new patient, under a `patient/` scope.
    #[error("a patient scope is for the patient in context: it creates nobody")]
    NewPatient,
    /// A chain, a `_has` or a sort along a chain reads resources that the scopes do not open.
    #[error("a chained parameter reads what no scope opens")]
    Chain,
    /// `_filter`, `_query`, `_text`, `_content`, `_contained`, `_graph`, `_in`, or a modifier that reads other resources.
    #[error("a parameter reads what no scope opens")]
    Parameter,
    /// `_list` reads a list that no scope opens.
    #[error("`_list` reads a list that no scope opens")]
    List,
    /// The operation is not in the table, or not on this level or type (SMART-SCOPE-024).
    #[error("the operation is not known here")]
    UnknownOperation,
    /// The operation needs more than a scope's narrowing leaves.
    #[error("the operation's answer cannot be narrowed")]
    CannotNarrow,
    /// An entry of a transaction is denied, and so all of it.
    #[error("entry {at} of the transaction is denied")]
    Entry {
        /// Which, from 0.
        at: usize,
        /// Why.
        source: Box<Self>,
    },
    /// An entry of a transaction cannot be read, or an entry of a batch.
    #[error("an entry cannot be read")]
    Unreadable(#[source] Unreadable),
}

impl Denial {
    pub(crate) const fn no_scope(permission: Permission, resource_type: Option<ResourceType>) -> Self {
        Self::NoScope { permission, resource_type }
    }
}

struct OrAny(Option<ResourceType>);

impl fmt::Display for OrAny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or("what was asked for", ResourceType::name))
    }
}
