//! Which search parameters are understood in a constraint, and which elements they look at.

use vestibule_scope::ResourceType;

/// The meaning of a parameter on a type.
pub(super) struct Meaning {
    pub(super) paths: &'static [&'static str],
    pub(super) kind: Kind,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Token,
    Reference,
}

/// `None` where the parameter is not known on the type.
pub(super) fn meaning(resource_type: ResourceType, parameter: &str) -> Option<Meaning> {
    let name = resource_type.name();
    let tokens = |paths| Some(Meaning { paths, kind: Kind::Token });
    match parameter {
        "_id" => return tokens(&["id"]),
        "_tag" => return tokens(&["meta.tag"]),
        "_security" => return tokens(&["meta.security"]),
        _ => (),
    }
    let find = |table: &'static [(&str, &str, &[&str])]| {
        table
            .iter()
            .find(|(of, parameters, _)| *of == name && *parameters == parameter)
            .map(|(_, _, paths)| *paths)
    };
    find(TOKENS)
        .and_then(tokens)
        .or_else(|| find(REFERENCES).map(|paths| Meaning { paths, kind: Kind::Reference }))
}

/// Type, parameter, elements. Those of R4, and where an element has another name in another release, that one too.
static TOKENS: &[(&str, &str, &[&str])] = &[
    ("AllergyIntolerance", "category", &["category"]),
    ("AllergyIntolerance", "clinical-status", &["clinicalStatus"]),
    ("AllergyIntolerance", "code", &["code"]),
    ("AllergyIntolerance", "criticality", &["criticality"]),
    ("AllergyIntolerance", "type", &["type"]),
    ("AllergyIntolerance", "verification-status", &["verificationStatus"]),
    ("Appointment", "status", &["status"]),
    ("CarePlan", "category", &["category"]),
    ("CarePlan", "intent", &["intent"]),
    ("CarePlan", "status", &["status"]),
    ("CareTeam", "category", &["category"]),
    ("CareTeam", "status", &["status"]),
    ("Communication", "category", &["category"]),
    ("Communication", "status", &["status"]),
    ("Composition", "category", &["category"]),
    ("Composition", "status", &["status"]),
    ("Composition", "type", &["type"]),
    ("Condition", "category", &["category"]),
    ("Condition", "clinical-status", &["clinicalStatus"]),
    ("Condition", "code", &["code"]),
    ("Condition", "severity", &["severity"]),
    ("Condition", "verification-status", &["verificationStatus"]),
    ("Consent", "category", &["category"]),
    ("Consent", "status", &["status"]),
    ("Coverage", "status", &["status"]),
    ("Coverage", "type", &["type"]),
    ("Device", "type", &["type"]),
    ("Device", "status", &["status"]),
    ("DiagnosticReport", "category", &["category"]),
    ("DiagnosticReport", "code", &["code"]),
    ("DiagnosticReport", "status", &["status"]),
    ("DocumentReference", "category", &["category"]),
    ("DocumentReference", "status", &["status"]),
    ("DocumentReference", "type", &["type"]),
    ("Encounter", "class", &["class"]),
    ("Encounter", "status", &["status"]),
    ("Encounter", "type", &["type"]),
    ("EpisodeOfCare", "status", &["status"]),
    ("EpisodeOfCare", "type", &["type"]),
    ("ExplanationOfBenefit", "status", &["status"]),
    ("FamilyMemberHistory", "status", &["status"]),
    ("Flag", "status", &["status"]),
    ("Goal", "category", &["category"]),
    ("Goal", "lifecycle-status", &["lifecycleStatus"]),
    ("ImagingStudy", "status", &["status"]),
    ("Immunization", "status", &["status"]),
    ("Immunization", "vaccine-code", &["vaccineCode"]),
    ("List", "code", &["code"]),
    ("List", "status", &["status"]),
    ("Location", "status", &["status"]),
    ("Location", "type", &["type"]),
    ("Media", "status", &["status"]),
    ("Media", "type", &["type"]),
    ("Medication", "code", &["code"]),
    ("Medication", "status", &["status"]),
    ("MedicationAdministration", "code", &["medicationCodeableConcept", "medication"]),
    ("MedicationAdministration", "status", &["status"]),
    ("MedicationDispense", "code", &["medicationCodeableConcept", "medication"]),
    ("MedicationDispense", "status", &["status"]),
    ("MedicationDispense", "type", &["type"]),
    ("MedicationRequest", "category", &["category"]),
    ("MedicationRequest", "code", &["medicationCodeableConcept", "medication"]),
    ("MedicationRequest", "intent", &["intent"]),
    ("MedicationRequest", "priority", &["priority"]),
    ("MedicationRequest", "status", &["status"]),
    ("MedicationStatement", "category", &["category"]),
    ("MedicationStatement", "code", &["medicationCodeableConcept", "medication"]),
    ("MedicationStatement", "status", &["status"]),
    ("Observation", "category", &["category"]),
    ("Observation", "code", &["code"]),
    ("Observation", "status", &["status"]),
    ("Organization", "active", &["active"]),
    ("Organization", "type", &["type"]),
    ("Patient", "active", &["active"]),
    ("Patient", "gender", &["gender"]),
    ("Patient", "identifier", &["identifier"]),
    ("Practitioner", "active", &["active"]),
    ("PractitionerRole", "active", &["active"]),
    ("PractitionerRole", "role", &["code"]),
    ("PractitionerRole", "specialty", &["specialty"]),
    ("Procedure", "category", &["category"]),
    ("Procedure", "code", &["code"]),
    ("Procedure", "status", &["status"]),
    ("QuestionnaireResponse", "status", &["status"]),
    ("RelatedPerson", "active", &["active"]),
    ("RelatedPerson", "relationship", &["relationship"]),
    ("ServiceRequest", "category", &["category"]),
    ("ServiceRequest", "code", &["code"]),
    ("ServiceRequest", "intent", &["intent"]),
    ("ServiceRequest", "priority", &["priority"]),
    ("ServiceRequest", "status", &["status"]),
    ("Specimen", "status", &["status"]),
    ("Specimen", "type", &["type"]),
    ("Task", "code", &["code"]),
    ("Task", "intent", &["intent"]),
    ("Task", "status", &["status"]),
];

static REFERENCES: &[(&str, &str, &[&str])] = &[
    ("CarePlan", "encounter", &["encounter"]),
    ("Condition", "encounter", &["encounter"]),
    ("Condition", "patient", &["subject"]),
    ("Condition", "subject", &["subject"]),
    ("DiagnosticReport", "encounter", &["encounter"]),
    ("DiagnosticReport", "patient", &["subject"]),
    ("DiagnosticReport", "subject", &["subject"]),
    ("DocumentReference", "encounter", &["context.encounter"]),
    ("DocumentReference", "patient", &["subject"]),
    ("DocumentReference", "subject", &["subject"]),
    ("Encounter", "patient", &["subject"]),
    ("Encounter", "subject", &["subject"]),
    ("MedicationRequest", "encounter", &["encounter"]),
    ("MedicationRequest", "patient", &["subject"]),
    ("MedicationRequest", "subject", &["subject"]),
    ("Observation", "encounter", &["encounter"]),
    ("Observation", "patient", &["subject"]),
    ("Observation", "subject", &["subject"]),
    ("Procedure", "encounter", &["encounter"]),
    ("Procedure", "patient", &["subject"]),
    ("Procedure", "subject", &["subject"]),
];
