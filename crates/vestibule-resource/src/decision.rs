//! What a request asks for, and what the scopes say to it.

use vestibule_host::PatientId;
use vestibule_scope::{Constraint, Permission};

/// A FHIR interaction on a type or an instance (SMART-SCOPE-020).
///
/// Batches have none of their own: each entry is judged as if sent alone (SMART-SCOPE-022). A conditional create, update, patch
/// or delete also runs a search, so it needs [`Search`](Self::Search) besides (SMART-SCOPE-023).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interaction {
    /// Create.
    Create,
    /// Read, vread, and the history of an instance.
    Read,
    /// Update, update-as-create (SMART-SCOPE-021) and patch.
    Update,
    /// Delete.
    Delete,
    /// Search, and the history of a type.
    Search,
}

impl Interaction {
    /// The permission that a scope must give.
    pub const fn permission(self) -> Permission {
        match self {
            Self::Create => Permission::Create,
            Self::Read => Permission::Read,
            Self::Update => Permission::Update,
            Self::Delete => Permission::Delete,
            Self::Search => Permission::Search,
        }
    }
}

/// The scopes' answer. An upper bound: the server's own rules apply below it (SMART-SCOPE-025).
#[must_use]
#[derive(Clone, Debug)]
pub enum Decision<'p> {
    /// Every resource of the type that the user (or, for a backend service, the client) may reach.
    Permit,
    /// Only what belongs to this patient (SMART-SCOPE-060).
    ///
    /// The server must apply it: add the compartment to a search, check the stored resource of a read, update or delete, and the
    /// submitted one of a create or update. Types outside the patient compartment belong to no patient; whether to serve them is
    /// the server's choice (SMART-SCOPE-064; `ResourceType::in_patient_compartment`).
    PermitForPatient(&'p PatientId),
    /// Only what at least one of these parts lets through (SMART-SCOPE-043). Never empty.
    PermitFiltered(Vec<Part<'p>>),
    /// Nothing. Answer with [`Denied::InsufficientScope`](crate::Denied::InsufficientScope).
    Deny,
}

/// One part of what is permitted: resources that satisfy both members.
#[derive(Clone, Copy, Debug)]
pub struct Part<'p> {
    /// Only what belongs to this patient.
    pub patient: Option<&'p PatientId>,
    /// Only what a search with these parameters finds (SMART-SCOPE-040): pairs are ANDed, a pair's values are ORed
    /// (SMART-SCOPE-044). Judge the stored resource, and after a write the resulting one too (SMART-SCOPE-048). A server that
    /// does not know a parameter must let nothing through.
    pub constraint: Option<&'p Constraint>,
}

impl<'p> Decision<'p> {
    /// The union of parts, in its simplest form.
    pub(crate) fn any_of(mut parts: Vec<Part<'p>>) -> Self {
        if parts.iter().any(|part| part.patient.is_none() && part.constraint.is_none()) {
            return Self::Permit;
        }
        // Everything of a patient includes some of it. A token has one patient at most.
        if let Some(patient) =
            parts.iter().filter(|part| part.constraint.is_none()).find_map(|part| part.patient)
        {
            parts.retain(|part| part.constraint.is_none() || part.patient.is_none());
            if parts.iter().all(|part| part.constraint.is_none()) {
                return Self::PermitForPatient(patient);
            }
        }
        if parts.is_empty() { Self::Deny } else { Self::PermitFiltered(parts) }
    }
}
