//! The hospital's records: synthetic FHIR R4 resources, all invented, the same at every start.
//!
//! Read `people.rs` for who exists, `charts.rs` for what happened to them, `clinical.rs` for how one fact becomes one
//! FHIR resource. There are two collections, one per FHIR base: today's records, and an archive of older ones about
//! the same people.

mod charts;
mod clinical;
mod people;

use std::collections::BTreeMap;

use serde_json::Value;

pub use people::{PATIENTS, PatientFacts};

/// The FHIR R4 resource types this server knows. A type without a single resource is still searchable.
pub const TYPES: [&str; 29] = [
    "AllergyIntolerance",
    "Binary",
    "CarePlan",
    "CareTeam",
    "Condition",
    "Coverage",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Goal",
    "Immunization",
    "Location",
    "Medication",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Organization",
    "Patient",
    "Person",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Specimen",
];

/// One resource, with the facts an access decision needs beside it.
#[derive(Debug)]
pub struct Record {
    /// The resource as the API answers it.
    pub resource: Value,
    /// The patient whose compartment it is in; `None` for practitioners, places and the like.
    pub patient: Option<String>,
}

impl Record {
    fn new(resource: Value) -> Self {
        let patient = compartment(&resource);
        Self { resource, patient }
    }

    /// The logical id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.resource.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// The resource type.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.resource.get("resourceType").and_then(Value::as_str).unwrap_or_default()
    }
}

/// All resources behind one FHIR base, by type and in a stable order.
#[derive(Debug)]
pub struct Records {
    by_type: BTreeMap<&'static str, Vec<Record>>,
}

impl Records {
    /// Today's records.
    #[must_use]
    pub fn current() -> Self {
        Self::build(&charts::CURRENT)
    }

    /// Older records of the same people.
    #[must_use]
    pub fn archive() -> Self {
        Self::build(&charts::ARCHIVE)
    }

    fn build(era: &charts::Era) -> Self {
        let mut by_type: BTreeMap<&'static str, Vec<Record>> =
            TYPES.iter().map(|t| (*t, Vec::new())).collect();
        let everything = people::directory().into_iter().chain(charts::all(era));
        for record in everything.map(Record::new) {
            if let Some(records) = by_type.get_mut(record.kind()) {
                records.push(record);
            }
        }
        Self { by_type }
    }

    /// The resources of one type; `None` for a type this server does not know.
    #[must_use]
    pub fn of_type(&self, kind: &str) -> Option<&[Record]> {
        self.by_type.get(kind).map(Vec::as_slice)
    }

    /// One resource.
    #[must_use]
    pub fn get(&self, kind: &str, id: &str) -> Option<&Record> {
        self.of_type(kind)?.iter().find(|record| record.id() == id)
    }

    /// The resources of one type in one patient's compartment.
    pub fn of_patient<'a>(&'a self, kind: &str, patient: &'a str) -> impl Iterator<Item = &'a Record> {
        let all = self.of_type(kind).unwrap_or_default();
        all.iter().filter(move |record| record.patient.as_deref() == Some(patient))
    }
}

/// The patient a resource belongs to, from the element that says so.
fn compartment(resource: &Value) -> Option<String> {
    if resource.get("resourceType")? == "Patient" {
        return resource.get("id")?.as_str().map(str::to_owned);
    }
    ["subject", "patient", "beneficiary", "securityContext"]
        .iter()
        .find_map(|element| resource.get(element)?.get("reference")?.as_str()?.strip_prefix("Patient/"))
        .map(str::to_owned)
}
