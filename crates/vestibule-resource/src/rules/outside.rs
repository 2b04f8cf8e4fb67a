//! The types outside the patient compartment that `patient/` scopes reach (SMART-SCOPE-064).

use std::collections::BTreeSet;

use vestibule_scope::ResourceType;

use crate::version::FhirVersion;

/// Who and where care was given, what was given, and what words mean. Nothing of this is about a patient; a Device is listed
/// because it names one (and is out of reach where it does not).
const TYPES: [&str; 25] = [
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "OrganizationAffiliation",
    "Location",
    "HealthcareService",
    "Endpoint",
    "Medication",
    "Substance",
    "Device",
    "CodeSystem",
    "ValueSet",
    "ConceptMap",
    "NamingSystem",
    "StructureDefinition",
    "SearchParameter",
    "OperationDefinition",
    "CapabilityStatement",
    "Questionnaire",
    "ActivityDefinition",
    "PlanDefinition",
    "Library",
    "Measure",
    "ObservationDefinition",
    "MedicationKnowledge",
];

pub(super) fn by_default(version: FhirVersion) -> BTreeSet<ResourceType> {
    TYPES.iter().filter_map(|name| version.resource_type(name)).collect()
}

/// Whether the type is listed as one of which nothing is about a patient.
pub(super) fn is_nobodys(kind: ResourceType) -> bool {
    TYPES.contains(&kind.name()) && kind.name() != "Device"
}
