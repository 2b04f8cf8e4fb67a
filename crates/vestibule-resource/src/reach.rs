//! Which resources of a type a token reaches.

use std::fmt;
use std::sync::Arc;

use vestibule_host::PatientId;
use vestibule_scope::{Constraint, Level, Scope};

use crate::grants::Grants;

/// Which resources of a type a token reaches with one permission. An upper bound: the server's own rules apply below it
/// (SMART-SCOPE-025).
#[must_use]
#[derive(Clone, Debug)]
pub enum Reach {
    /// None.
    Nothing,
    /// Those that at least one of these parts lets through (SMART-SCOPE-043). Never empty.
    Parts(Vec<Part>),
    /// Every one that the user (or, for a backend service, the client) may reach. The part says which scope gives it.
    Everything(Part),
}

impl Reach {
    /// Whether it is nothing.
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether it is everything.
    pub const fn is_everything(&self) -> bool {
        matches!(self, Self::Everything(_))
    }

    /// The parts; none where it is nothing, or everything.
    pub fn parts(&self) -> &[Part] {
        match self {
            Self::Parts(parts) => parts,
            _ => &[],
        }
    }

    /// Whether all of it belongs to the patient in context.
    pub(crate) fn is_patients_only(&self) -> bool {
        !self.parts().is_empty() && self.parts().iter().all(Part::is_patients)
    }

    /// Whether it is all that belongs to the patient, perhaps with more.
    pub(crate) fn has_whole_patient(&self) -> bool {
        self.parts().iter().any(|part| part.is_patients() && part.constraint().is_none())
    }
}

/// What one scope lets through: resources that satisfy both members.
#[derive(Clone)]
pub struct Part {
    pub(crate) grants: Arc<Grants>,
    pub(crate) at: usize,
}

impl Part {
    /// Only what belongs to this patient (SMART-SCOPE-060). `None`: no matter whose.
    pub fn patient(&self) -> Option<&PatientId> {
        self.patients().first()
    }

    /// The patient in context, and then the linked records that the server named.
    pub fn patients(&self) -> &[PatientId] {
        if self.is_patients() { &self.grants.patients } else { &[] }
    }

    /// Only what a search with these parameters finds (SMART-SCOPE-040): pairs are ANDed, a pair's values are ORed
    /// (SMART-SCOPE-044).
    pub fn constraint(&self) -> Option<&Constraint> {
        self.grants.constraint(self.at)
    }

    /// The scope that gives it.
    pub fn scope(&self) -> &str {
        self.grants.scopes.get(self.at).map_or("", Scope::as_str)
    }

    pub(crate) fn is_patients(&self) -> bool {
        let scope = self.grants.scopes.get(self.at).and_then(Scope::as_resource);
        // What cannot be looked up is narrow.
        scope.is_none_or(|scope| scope.level() == Level::Patient)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A scope names no patient.
        write!(f, "Part({})", self.scope())
    }
}
