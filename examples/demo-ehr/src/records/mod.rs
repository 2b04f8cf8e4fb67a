//! The hospital's records: synthetic FHIR R4 resources, all invented, the same at every start, and what apps wrote since.
//!
//! Read `people.rs` for who exists, `charts.rs` for what happened to them, `clinical.rs` for how one fact becomes one
//! FHIR resource, `between.rs` for what does not fit into one chart. `about.rs` says whose a resource is, `shelf.rs` keeps
//! what is written. There are two collections, one per FHIR base: today's records, and an archive of older ones about the
//! same people.

mod about;
mod between;
mod charts;
mod clinical;
mod people;
mod shelf;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

pub(crate) use about::target;
pub use people::{PATIENTS, PatientFacts};
pub use shelf::{Change, Committed, LARGEST_RESOURCE, Shelf, Snapshot, Version};

/// The FHIR R4 resource types this server knows. A type without a single resource is still searchable.
pub const TYPES: [&str; 32] = [
    "AllergyIntolerance",
    "Appointment",
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
    "Group",
    "Immunization",
    "List",
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

/// The version of what came with the demo. What is written is newer.
pub const FIRST_VERSION: &str = "1";

/// One resource, with the facts an access decision needs beside it.
#[derive(Debug)]
pub struct Record {
    /// The resource as the API answers it.
    pub resource: Value,
    /// Whom it is about; nobody for practitioners, places and the like.
    pub patients: Vec<String>,
}

impl Record {
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

    /// `meta.versionId`.
    #[must_use]
    pub fn version(&self) -> &str {
        self.resource.pointer("/meta/versionId").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it is about this patient and about nobody else.
    #[must_use]
    pub fn is_of(&self, patient: &str) -> bool {
        matches!(self.patients.as_slice(), [one] if one == patient)
    }
}

/// All resources behind one FHIR base, by type and in a stable order.
#[derive(Debug)]
pub struct Records {
    by_type: BTreeMap<&'static str, Vec<Arc<Record>>>,
}

impl Records {
    /// Today's records.
    #[must_use]
    pub fn current() -> Self {
        Self::build(charts::all(&charts::CURRENT).into_iter().chain(between::all()))
    }

    /// Older records of the same people.
    #[must_use]
    pub fn archive() -> Self {
        Self::build(charts::all(&charts::ARCHIVE))
    }

    fn build(clinical: impl IntoIterator<Item = Value>) -> Self {
        let mut records = Self { by_type: TYPES.iter().map(|kind| (*kind, Vec::new())).collect() };
        for mut resource in people::directory().into_iter().chain(clinical) {
            if let Some(Value::Object(meta)) = resource.get_mut("meta") {
                meta.insert("versionId".to_owned(), json!(FIRST_VERSION));
            }
            records.put(resource);
        }
        records.settle();
        records
    }

    /// The same with later versions: a resource each, or that there is none any more.
    fn with(&self, written: Vec<Version>) -> Self {
        let mut records = Self { by_type: self.by_type.clone() };
        for version in written {
            match version.resource {
                Some(resource) => records.put(resource),
                None => records.remove(&version.kind, &version.id),
            }
        }
        records.settle();
        records
    }

    /// A version of a resource, judged among these.
    #[must_use]
    pub fn record(&self, resource: Value) -> Record {
        let patients =
            about::patients_by_others(&resource, self).unwrap_or_else(|| about::patients(&resource));
        Record { resource, patients }
    }

    /// In the place of what has its id, else at the end.
    fn put(&mut self, resource: Value) {
        let record = Arc::new(Record { patients: about::patients(&resource), resource });
        let Some(all) = self.by_type.get_mut(record.kind()) else { return };
        match all.iter_mut().find(|one| one.id() == record.id()) {
            Some(place) => *place = record,
            None => all.push(record),
        }
    }

    fn remove(&mut self, kind: &str, id: &str) {
        if let Some(all) = self.by_type.get_mut(kind) {
            all.retain(|one| one.id() != id);
        }
    }

    /// Whom those are about that say it by naming other resources.
    fn settle(&mut self) {
        let mut settled: Vec<Arc<Record>> = Vec::new();
        // In this order: a Binary may name a document, a Provenance may name any.
        for kind in about::BY_OTHERS {
            for record in self.of_type(kind).unwrap_or_default() {
                if let Some(patients) = about::patients_by_others(&record.resource, self) {
                    settled.push(Arc::new(Record { resource: record.resource.clone(), patients }));
                }
            }
        }
        for record in settled {
            let place = self.by_type.get_mut(record.kind()).into_iter().flatten();
            place.filter(|one| one.id() == record.id()).for_each(|one| *one = Arc::clone(&record));
        }
    }

    /// The resources of one type; `None` for a type this server does not know.
    #[must_use]
    pub fn of_type(&self, kind: &str) -> Option<&[Arc<Record>]> {
        self.by_type.get(kind).map(Vec::as_slice)
    }

    /// Every resource, type by type.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.by_type.values().flatten()
    }

    /// One resource.
    #[must_use]
    pub fn get(&self, kind: &str, id: &str) -> Option<&Arc<Record>> {
        self.of_type(kind)?.iter().find(|record| record.id() == id)
    }

    /// The resources of one type that are about one patient.
    pub fn of_patient<'a>(&'a self, kind: &str, patient: &'a str) -> impl Iterator<Item = &'a Arc<Record>> {
        let all = self.of_type(kind).unwrap_or_default();
        all.iter().filter(move |record| record.is_of(patient))
    }
}
