//! Where the other releases differ from R4.

use super::table::{Row, find, one, outside, several};
use crate::version::FhirVersion;

pub(super) fn row(version: FhirVersion, name: &str) -> Option<&'static Row> {
    match version {
        FhirVersion::R4 | FhirVersion::R4B => None,
        FhirVersion::Stu3 => find(STU3, name),
        FhirVersion::R5 => find(R5, name),
    }
}

const PATIENT: &[&str] = &["patient"];
const SUBJECT: &[&str] = &["subject"];

static STU3: &[Row] = &[
    several("AuditEvent", &["entity.reference"]).with(&["agent.reference"]),
    one("BodySite", PATIENT),
    one("CarePlan", SUBJECT).with(&["author", "activity.detail.performer"]),
    one("Consent", PATIENT).with(&["consentingParty"]),
    one("EligibilityRequest", PATIENT),
    one("EnrollmentRequest", SUBJECT),
    one("ImagingManifest", PATIENT),
    one("ImagingStudy", PATIENT),
    one("MeasureReport", PATIENT),
    one("ProcedureRequest", SUBJECT).with(&["performer"]),
    one("ReferralRequest", SUBJECT).with(&["requester.agent", "recipient"]),
    outside("Sequence", PATIENT),
    one("SupplyRequest", &["deliverToReference"]).with(&["requester.agent"]),
];

static R5: &[Row] = &[
    one("AdverseEvent", SUBJECT).with(&["recorder", "participant.actor"]),
    one("AllergyIntolerance", PATIENT).with(&["participant.actor"]),
    several("Appointment", &["subject", "participant.actor"]),
    several("AuditEvent", &["patient", "entity.what"]).with(&["agent.who"]),
    one("BiologicallyDerivedProductDispense", PATIENT).with(&["performer.actor"]),
    one("CarePlan", SUBJECT).with(&["custodian", "contributor"]),
    several("Composition", SUBJECT).with(&["author", "attester.party"]),
    one("Condition", SUBJECT).with(&["participant.actor"]),
    one("Consent", SUBJECT).with(&["grantor", "grantee"]),
    one("Coverage", &["beneficiary"]).with(&["policyHolder", "subscriber", "paymentBy.party"]),
    one("DetectedIssue", SUBJECT),
    outside("DeviceAssociation", SUBJECT),
    one("DeviceDispense", SUBJECT).with(&["receiver"]),
    one("DeviceUsage", PATIENT),
    one("EncounterHistory", SUBJECT),
    one("GenomicStudy", SUBJECT),
    one("ImagingSelection", SUBJECT).with(&["performer.actor"]),
    one("MedicationAdministration", SUBJECT).with(&["performer.actor.reference"]),
    one("MolecularSequence", SUBJECT),
    one("NutritionIntake", SUBJECT).with(&["reportedReference"]),
    one("NutritionOrder", SUBJECT),
    one("RequestOrchestration", SUBJECT).with(&["action.participant.actorReference"]),
    one("ResearchSubject", SUBJECT),
    one("SupplyRequest", &["deliverFor"]).with(&["requester"]),
    one("Task", &["for"]).with(&["requester"]),
];

#[cfg(test)]
mod tests {
    use vestibule_scope::ResourceType;

    use super::*;

    #[test]
    fn the_tables_are_of_their_releases() {
        for (table, version) in [(STU3, FhirVersion::Stu3), (R5, FhirVersion::R5)] {
            assert!(table.windows(2).all(|pair| pair[0].name < pair[1].name), "sorted: {version:?}");
            for row in table {
                assert!(ResourceType::from_name(row.name).is_some_and(|it| version.has(it)), "{}", row.name);
            }
        }
        assert!(row(FhirVersion::R4, "Task").is_none());
    }
}
