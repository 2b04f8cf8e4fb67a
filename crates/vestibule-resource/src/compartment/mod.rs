//! Whose a resource is.
//!
//! FHIR's patient compartment holds every resource that names the patient anywhere in a list of places: as its subject, but also
//! as who performed, recorded or asserted it. Under a `patient/` scope that would hand a mother her child's allergies, because she
//! recorded them. Here a resource belongs to the patient that it is *about*; whoever else took part counts only where nobody is
//! named as its subject. A resource about several patients belongs to none of them.

mod belongs;
mod r4;
mod releases;
mod table;

use vestibule_scope::{Permission, ResourceType};

use crate::rule::{Rule, on};
use crate::rules::Rules;
use crate::version::FhirVersion;

pub(crate) use belongs::{Belonging, belonging};
pub(crate) use table::{Place, Row};

/// Where resources of a type name patients; `None` where the type is about nobody.
pub(crate) fn row(version: FhirVersion, resource_type: ResourceType) -> Option<&'static Row> {
    let name = resource_type.name();
    releases::row(version, name).or_else(|| r4::row(name))
}

/// Whether `patient/` scopes reach the type at all (SMART-SCOPE-064).
pub(crate) fn is_reached(resource_type: ResourceType, permission: Permission, rules: &Rules) -> bool {
    if !on(Rule::OutsideTypes) {
        return true;
    }
    let row = row(rules.version(), resource_type);
    if row.is_some_and(|row| row.place == Place::Compartment) || resource_type.name() == "Binary" {
        return true;
    }
    let reads = matches!(permission, Permission::Read | Permission::Search);
    // What is nobody's is not changed in one patient's name.
    rules.reaches_outside(resource_type) && (reads || row.is_some() || !on(Rule::OutsideReadOnly))
}

/// Whether a search parameter of the type leads to the one patient that each resource is about, and to nobody else.
pub(crate) fn is_subject_link(version: FhirVersion, resource_type: ResourceType, parameter: &str) -> bool {
    row(version, resource_type).is_some_and(|row| row.has_one_subject())
        && (matches!(parameter, "patient" | "subject")
            || resource_type.name() == "Coverage" && parameter == "beneficiary")
}
