//! The FHIR resource types a scope can name, from DSTU2 to R5, and which releases have them.

use alloc::string::String;
use core::cmp::Ordering;
use core::fmt;

/// A FHIR release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FhirVersion {
    /// 1.0.2
    Dstu2,
    /// 3.0.2
    Stu3,
    /// 4.0.1
    R4,
    /// 4.3.0
    R4B,
    /// 5.0.0
    R5,
}

impl FhirVersion {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The name of a FHIR resource type, known to exist in at least one release.
///
/// ```
/// use vestibule_scope::{FhirVersion, ResourceType};
///
/// let order = ResourceType::from_name("MedicationOrder").unwrap();
/// assert!(order.exists_in(FhirVersion::Dstu2) && !order.exists_in(FhirVersion::R4));
/// assert_eq!(ResourceType::from_name("medicationorder"), None);
/// ```
#[derive(Clone, Copy)]
pub struct ResourceType(&'static Row);

impl ResourceType {
    /// The type of this name. Case matters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::search(|row| row.name.cmp(name))
    }

    /// The type whose name in lower case is `name`, as `launch/<type>` writes it.
    #[must_use]
    pub fn from_lower_case(name: &str) -> Option<Self> {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        Self::from_any_case(name)
    }

    /// The type of this name in any case: to say what is wrong with a misspelled scope, never to accept it.
    pub(crate) fn from_any_case(name: &str) -> Option<Self> {
        Self::search(|row| {
            row.name
                .bytes()
                .map(|byte| byte.to_ascii_lowercase())
                .cmp(name.bytes().map(|byte| byte.to_ascii_lowercase()))
        })
    }

    fn search(order: impl Fn(&Row) -> Ordering) -> Option<Self> {
        let at = TYPES.binary_search_by(order).ok()?;
        TYPES.get(at).map(Self)
    }

    /// Every type, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        TYPES.iter().map(Self)
    }

    /// The name as FHIR writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// The name as a `launch/<type>` scope writes it.
    #[must_use]
    pub fn lower_case(self) -> String {
        self.0.name.to_ascii_lowercase()
    }

    /// Whether this release has the type. A scope for a type that the server's release lacks is dropped.
    #[must_use]
    pub const fn exists_in(self, version: FhirVersion) -> bool {
        self.0.versions & version.bit() != 0
    }

    /// Whether the type is in the patient compartment of FHIR R4 (`SMART-SCOPE-064`).
    #[must_use]
    pub const fn in_patient_compartment(self) -> bool {
        self.0.patient_compartment
    }
}

impl PartialEq for ResourceType {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for ResourceType {}

impl PartialOrd for ResourceType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl core::hash::Hash for ResourceType {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

struct Row {
    name: &'static str,
    versions: u8,
    patient_compartment: bool,
}

const fn row(name: &'static str, versions: u8, patient_compartment: bool) -> Row {
    Row { name, versions, patient_compartment }
}

const DSTU2: u8 = FhirVersion::Dstu2.bit();
const STU3: u8 = FhirVersion::Stu3.bit();
const R4: u8 = FhirVersion::R4.bit();
const R4B: u8 = FhirVersion::R4B.bit();
const R5: u8 = FhirVersion::R5.bit();
const ALL: u8 = DSTU2 | STU3 | R4 | R4B | R5;

/// Name, releases that have it, in the R4 patient compartment. Sorted by name, also when case is ignored.
static TYPES: &[Row] = &[
    row("Account", ALL, true),
    row("ActivityDefinition", STU3 | R4 | R4B | R5, false),
    row("ActorDefinition", R5, false),
    row("AdministrableProductDefinition", R4B | R5, false),
    row("AdverseEvent", STU3 | R4 | R4B | R5, true),
    row("AllergyIntolerance", ALL, true),
    row("Appointment", ALL, true),
    row("AppointmentResponse", ALL, true),
    row("ArtifactAssessment", R5, false),
    row("AuditEvent", ALL, true),
    row("Basic", ALL, true),
    row("Binary", ALL, false),
    row("BiologicallyDerivedProduct", R4 | R4B | R5, false),
    row("BiologicallyDerivedProductDispense", R5, false),
    row("BodySite", DSTU2 | STU3, false),
    row("BodyStructure", R4 | R4B | R5, true),
    row("Bundle", ALL, false),
    row("CapabilityStatement", STU3 | R4 | R4B | R5, false),
    row("CarePlan", ALL, true),
    row("CareTeam", STU3 | R4 | R4B | R5, true),
    row("CatalogEntry", R4 | R4B, false),
    row("ChargeItem", STU3 | R4 | R4B | R5, true),
    row("ChargeItemDefinition", R4 | R4B | R5, false),
    row("Citation", R4B | R5, false),
    row("Claim", ALL, true),
    row("ClaimResponse", ALL, true),
    row("ClinicalImpression", ALL, true),
    row("ClinicalUseDefinition", R4B | R5, false),
    row("CodeSystem", STU3 | R4 | R4B | R5, false),
    row("Communication", ALL, true),
    row("CommunicationRequest", ALL, true),
    row("CompartmentDefinition", STU3 | R4 | R4B | R5, false),
    row("Composition", ALL, true),
    row("ConceptMap", ALL, false),
    row("Condition", ALL, true),
    row("ConditionDefinition", R5, false),
    row("Conformance", DSTU2, false),
    row("Consent", STU3 | R4 | R4B | R5, true),
    row("Contract", ALL, false),
    row("Coverage", ALL, true),
    row("CoverageEligibilityRequest", R4 | R4B | R5, true),
    row("CoverageEligibilityResponse", R4 | R4B | R5, true),
    row("DataElement", DSTU2 | STU3, false),
    row("DetectedIssue", ALL, true),
    row("Device", ALL, false),
    row("DeviceAssociation", R5, false),
    row("DeviceComponent", DSTU2 | STU3, false),
    row("DeviceDefinition", R4 | R4B | R5, false),
    row("DeviceDispense", R5, false),
    row("DeviceMetric", ALL, false),
    row("DeviceRequest", STU3 | R4 | R4B | R5, true),
    row("DeviceUsage", R5, false),
    row("DeviceUseRequest", DSTU2, false),
    row("DeviceUseStatement", DSTU2 | STU3 | R4 | R4B, true),
    row("DiagnosticOrder", DSTU2, false),
    row("DiagnosticReport", ALL, true),
    row("DocumentManifest", DSTU2 | STU3 | R4 | R4B, true),
    row("DocumentReference", ALL, true),
    row("EffectEvidenceSynthesis", R4, false),
    row("EligibilityRequest", DSTU2 | STU3, false),
    row("EligibilityResponse", DSTU2 | STU3, false),
    row("Encounter", ALL, true),
    row("EncounterHistory", R5, false),
    row("Endpoint", STU3 | R4 | R4B | R5, false),
    row("EnrollmentRequest", ALL, true),
    row("EnrollmentResponse", ALL, false),
    row("EpisodeOfCare", ALL, true),
    row("EventDefinition", R4 | R4B | R5, false),
    row("Evidence", R4 | R4B | R5, false),
    row("EvidenceReport", R4B | R5, false),
    row("EvidenceVariable", R4 | R4B | R5, false),
    row("ExampleScenario", R4 | R4B | R5, false),
    row("ExpansionProfile", STU3, false),
    row("ExplanationOfBenefit", ALL, true),
    row("FamilyMemberHistory", ALL, true),
    row("Flag", ALL, true),
    row("FormularyItem", R5, false),
    row("GenomicStudy", R5, false),
    row("Goal", ALL, true),
    row("GraphDefinition", STU3 | R4 | R4B | R5, false),
    row("Group", ALL, true),
    row("GuidanceResponse", STU3 | R4 | R4B | R5, false),
    row("HealthcareService", ALL, false),
    row("ImagingManifest", STU3, false),
    row("ImagingObjectSelection", DSTU2, false),
    row("ImagingSelection", R5, false),
    row("ImagingStudy", ALL, true),
    row("Immunization", ALL, true),
    row("ImmunizationEvaluation", R4 | R4B | R5, true),
    row("ImmunizationRecommendation", ALL, true),
    row("ImplementationGuide", ALL, false),
    row("Ingredient", R4B | R5, false),
    row("InsurancePlan", R4 | R4B | R5, false),
    row("InventoryItem", R5, false),
    row("InventoryReport", R5, false),
    row("Invoice", R4 | R4B | R5, true),
    row("Library", STU3 | R4 | R4B | R5, false),
    row("Linkage", STU3 | R4 | R4B | R5, false),
    row("List", ALL, true),
    row("Location", ALL, false),
    row("ManufacturedItemDefinition", R4B | R5, false),
    row("Measure", STU3 | R4 | R4B | R5, false),
    row("MeasureReport", STU3 | R4 | R4B | R5, true),
    row("Media", DSTU2 | STU3 | R4 | R4B, true),
    row("Medication", ALL, false),
    row("MedicationAdministration", ALL, true),
    row("MedicationDispense", ALL, true),
    row("MedicationKnowledge", R4 | R4B | R5, false),
    row("MedicationOrder", DSTU2, false),
    row("MedicationRequest", STU3 | R4 | R4B | R5, true),
    row("MedicationStatement", ALL, true),
    row("MedicinalProduct", R4, false),
    row("MedicinalProductAuthorization", R4, false),
    row("MedicinalProductContraindication", R4, false),
    row("MedicinalProductDefinition", R4B | R5, false),
    row("MedicinalProductIndication", R4, false),
    row("MedicinalProductIngredient", R4, false),
    row("MedicinalProductInteraction", R4, false),
    row("MedicinalProductManufactured", R4, false),
    row("MedicinalProductPackaged", R4, false),
    row("MedicinalProductPharmaceutical", R4, false),
    row("MedicinalProductUndesirableEffect", R4, false),
    row("MessageDefinition", STU3 | R4 | R4B | R5, false),
    row("MessageHeader", ALL, false),
    row("MolecularSequence", R4 | R4B | R5, true),
    row("NamingSystem", ALL, false),
    row("NutritionIntake", R5, false),
    row("NutritionOrder", ALL, true),
    row("NutritionProduct", R4B | R5, false),
    row("Observation", ALL, true),
    row("ObservationDefinition", R4 | R4B | R5, false),
    row("OperationDefinition", ALL, false),
    row("OperationOutcome", ALL, false),
    row("Order", DSTU2, false),
    row("OrderResponse", DSTU2, false),
    row("Organization", ALL, false),
    row("OrganizationAffiliation", R4 | R4B | R5, false),
    row("PackagedProductDefinition", R4B | R5, false),
    row("Patient", ALL, true),
    row("PaymentNotice", ALL, false),
    row("PaymentReconciliation", ALL, false),
    row("Permission", R5, false),
    row("Person", ALL, true),
    row("PlanDefinition", STU3 | R4 | R4B | R5, false),
    row("Practitioner", ALL, false),
    row("PractitionerRole", STU3 | R4 | R4B | R5, false),
    row("Procedure", ALL, true),
    row("ProcedureRequest", DSTU2 | STU3, false),
    row("ProcessRequest", DSTU2 | STU3, false),
    row("ProcessResponse", DSTU2 | STU3, false),
    row("Provenance", ALL, true),
    row("Questionnaire", ALL, false),
    row("QuestionnaireResponse", ALL, true),
    row("ReferralRequest", DSTU2 | STU3, false),
    row("RegulatedAuthorization", R4B | R5, false),
    row("RelatedPerson", ALL, true),
    row("RequestGroup", STU3 | R4 | R4B, true),
    row("RequestOrchestration", R5, false),
    row("Requirements", R5, false),
    row("ResearchDefinition", R4 | R4B, false),
    row("ResearchElementDefinition", R4 | R4B, false),
    row("ResearchStudy", STU3 | R4 | R4B | R5, false),
    row("ResearchSubject", STU3 | R4 | R4B | R5, true),
    row("RiskAssessment", ALL, true),
    row("RiskEvidenceSynthesis", R4, false),
    row("Schedule", ALL, true),
    row("SearchParameter", ALL, false),
    row("Sequence", STU3, false),
    row("ServiceDefinition", STU3, false),
    row("ServiceRequest", R4 | R4B | R5, true),
    row("Slot", ALL, false),
    row("Specimen", ALL, true),
    row("SpecimenDefinition", R4 | R4B | R5, false),
    row("StructureDefinition", ALL, false),
    row("StructureMap", STU3 | R4 | R4B | R5, false),
    row("Subscription", ALL, false),
    row("SubscriptionStatus", R4B | R5, false),
    row("SubscriptionTopic", R4B | R5, false),
    row("Substance", ALL, false),
    row("SubstanceDefinition", R4B | R5, false),
    row("SubstanceNucleicAcid", R4 | R5, false),
    row("SubstancePolymer", R4 | R5, false),
    row("SubstanceProtein", R4 | R5, false),
    row("SubstanceReferenceInformation", R4 | R5, false),
    row("SubstanceSourceMaterial", R4 | R5, false),
    row("SubstanceSpecification", R4, false),
    row("SupplyDelivery", ALL, true),
    row("SupplyRequest", ALL, true),
    row("Task", STU3 | R4 | R4B | R5, false),
    row("TerminologyCapabilities", R4 | R4B | R5, false),
    row("TestPlan", R5, false),
    row("TestReport", STU3 | R4 | R4B | R5, false),
    row("TestScript", ALL, false),
    row("Transport", R5, false),
    row("ValueSet", ALL, false),
    row("VerificationResult", R4 | R4B | R5, false),
    row("VisionPrescription", ALL, true),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_with_and_without_case() {
        for pair in TYPES.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
            assert!(
                pair[0].name.to_ascii_lowercase() < pair[1].name.to_ascii_lowercase(),
                "{}",
                pair[1].name
            );
        }
    }

    #[test]
    fn every_type_is_in_some_release_and_found_by_both_spellings() {
        for kind in ResourceType::all() {
            assert_ne!(kind.0.versions, 0, "{kind}");
            assert_eq!(ResourceType::from_name(kind.name()), Some(kind));
            assert_eq!(ResourceType::from_lower_case(&kind.lower_case()), Some(kind));
        }
    }

    #[test]
    fn compartment_types_are_types_of_r4() {
        let compartment = || ResourceType::all().filter(|kind| kind.in_patient_compartment());
        assert!(compartment().all(|kind| kind.exists_in(FhirVersion::R4)));
        assert_eq!(compartment().count(), 66);
    }

    #[test]
    fn releases_differ_where_they_should() {
        let exists = |name: &str, version| ResourceType::from_name(name).unwrap().exists_in(version);
        for (name, dstu2, stu3, r4, r4b, r5) in [
            ("Patient", true, true, true, true, true),
            ("MedicationOrder", true, false, false, false, false),
            ("MedicationRequest", false, true, true, true, true),
            ("Conformance", true, false, false, false, false),
            ("Sequence", false, true, false, false, false),
            ("DeviceUseStatement", true, true, true, true, false),
            ("DeviceUsage", false, false, false, false, true),
            ("MedicinalProduct", false, false, true, false, false),
            ("SubscriptionTopic", false, false, false, true, true),
            ("SubstancePolymer", false, false, true, false, true),
            ("Media", true, true, true, true, false),
        ] {
            let found =
                [FhirVersion::Dstu2, FhirVersion::Stu3, FhirVersion::R4, FhirVersion::R4B, FhirVersion::R5]
                    .map(|version| exists(name, version));
            assert_eq!(found, [dstu2, stu3, r4, r4b, r5], "{name}");
        }
    }
}
