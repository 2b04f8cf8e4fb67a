//! FHIR R4, which the other releases start from.

use super::table::{Row, find, one, outside, several};

pub(super) fn row(name: &str) -> Option<&'static Row> {
    find(TABLE, name)
}

const PATIENT: &[&str] = &["patient"];
const SUBJECT: &[&str] = &["subject"];

/// Sorted by name. After the CompartmentDefinition `patient` of 4.0.1, its places divided into subjects and participants; and
/// types outside of it that name a patient all the same.
pub(super) static TABLE: &[Row] = &[
    several("Account", SUBJECT),
    one("AdverseEvent", SUBJECT).with(&["recorder", "contributor"]),
    one("AllergyIntolerance", PATIENT).with(&["recorder", "asserter"]),
    several("Appointment", &["participant.actor"]),
    one("AppointmentResponse", &["actor"]),
    several("AuditEvent", &["entity.what"]).with(&["agent.who"]),
    one("Basic", SUBJECT).with(&["author"]),
    one("BodyStructure", PATIENT),
    one("CarePlan", SUBJECT).with(&["author", "contributor", "activity.detail.performer"]),
    one("CareTeam", SUBJECT).with(&["participant.member"]),
    one("ChargeItem", SUBJECT),
    one("Claim", PATIENT).with(&["payee.party"]),
    one("ClaimResponse", PATIENT),
    one("ClinicalImpression", SUBJECT),
    one("Communication", SUBJECT).with(&["sender", "recipient"]),
    one("CommunicationRequest", SUBJECT).with(&["sender", "recipient", "requester"]),
    one("Composition", SUBJECT).with(&["author", "attester.party"]),
    one("Condition", SUBJECT).with(&["asserter", "recorder"]),
    one("Consent", PATIENT).with(&["performer"]),
    several("Contract", SUBJECT).outside(),
    one("Coverage", &["beneficiary"]).with(&["policyHolder", "subscriber", "payor"]),
    one("CoverageEligibilityRequest", PATIENT),
    one("CoverageEligibilityResponse", PATIENT),
    one("DetectedIssue", PATIENT),
    outside("Device", PATIENT),
    one("DeviceRequest", SUBJECT).with(&["performer"]),
    one("DeviceUseStatement", SUBJECT),
    one("DiagnosticReport", SUBJECT),
    one("DocumentManifest", SUBJECT).with(&["author", "recipient"]),
    one("DocumentReference", SUBJECT).with(&["author"]),
    one("Encounter", SUBJECT),
    one("EnrollmentRequest", &["candidate"]),
    one("EpisodeOfCare", PATIENT),
    one("ExplanationOfBenefit", PATIENT).with(&["payee.party"]),
    one("FamilyMemberHistory", PATIENT),
    one("Flag", SUBJECT),
    one("Goal", SUBJECT),
    several("Group", &["member.entity"]),
    outside("GuidanceResponse", SUBJECT),
    one("ImagingStudy", SUBJECT),
    one("Immunization", PATIENT),
    one("ImmunizationEvaluation", PATIENT),
    one("ImmunizationRecommendation", PATIENT),
    one("Invoice", SUBJECT).with(&["recipient"]),
    one("List", SUBJECT).with(&["source"]),
    one("MeasureReport", SUBJECT),
    one("Media", SUBJECT),
    one("MedicationAdministration", SUBJECT).with(&["performer.actor"]),
    one("MedicationDispense", SUBJECT).with(&["receiver"]),
    one("MedicationRequest", SUBJECT),
    one("MedicationStatement", SUBJECT),
    one("MolecularSequence", PATIENT),
    one("NutritionOrder", PATIENT),
    one("Observation", SUBJECT).with(&["performer"]),
    several("Patient", &[]),
    several("Person", &["link.target"]),
    one("Procedure", SUBJECT).with(&["performer.actor"]),
    several("Provenance", &["target"]),
    one("QuestionnaireResponse", SUBJECT).with(&["author", "source"]),
    one("RelatedPerson", PATIENT),
    one("RequestGroup", SUBJECT).with(&["action.participant"]),
    one("ResearchSubject", &["individual"]),
    one("RiskAssessment", SUBJECT),
    several("Schedule", &["actor"]),
    one("ServiceRequest", SUBJECT).with(&["performer"]),
    one("Specimen", SUBJECT),
    one("SupplyDelivery", PATIENT),
    one("SupplyRequest", &["deliverTo"]).with(&["requester"]),
    outside("Task", &["for"]),
    one("VisionPrescription", PATIENT),
];

impl Row {
    /// The same, outside the compartment.
    const fn outside(self) -> Self {
        Self { place: super::Place::Outside, ..self }
    }
}

#[cfg(test)]
mod tests {
    use vestibule_scope::ResourceType;

    use super::super::Place;
    use super::*;

    /// SMART-SCOPE-060, SMART-SCOPE-064
    #[test]
    fn the_table_is_the_compartment_of_r4() {
        assert!(TABLE.windows(2).all(|pair| pair[0].name < pair[1].name), "sorted");
        for kind in ResourceType::all() {
            let inside = row(kind.name()).is_some_and(|row| row.place == Place::Compartment);
            assert_eq!(inside, kind.in_patient_compartment(), "{kind}");
        }
        assert!(TABLE.iter().all(|row| ResourceType::from_name(row.name).is_some()));
    }
}
