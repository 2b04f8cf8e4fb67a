//! Which search parameters each resource type has, and where in the resource they look.

/// How a parameter's value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `code`, `system|code`, `|code`, `system|`.
    Token,
    /// A date or time with an optional prefix such as `ge`.
    Date,
    /// `Type/id` or a bare id.
    Reference,
    /// The beginning of a text, without regard to case.
    Text,
}

/// One search parameter: its name, its kind, and the elements it looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Dotted element paths; an array on the way stands for each of its elements.
    pub(crate) paths: &'static [&'static str],
}

const fn param(name: &'static str, kind: Kind, paths: &'static [&'static str]) -> Param {
    Param { name, kind, paths }
}

/// The parameters of every type.
const COMMON: [Param; 2] =
    [param("_id", Kind::Token, &["id"]), param("_lastUpdated", Kind::Date, &["meta.lastUpdated"])];

const SUBJECT: Param = param("subject", Kind::Reference, &["subject"]);
const PATIENT: Param = param("patient", Kind::Reference, &["subject"]);
const OWN_PATIENT: Param = param("patient", Kind::Reference, &["patient"]);
const CATEGORY: Param = param("category", Kind::Token, &["category"]);
const CODE: Param = param("code", Kind::Token, &["code"]);
const STATUS: Param = param("status", Kind::Token, &["status"]);
const IDENTIFIER: Param = param("identifier", Kind::Token, &["identifier"]);
const ENCOUNTER: Param = param("encounter", Kind::Reference, &["encounter"]);
const NAME: Param = param("name", Kind::Text, &["name.text", "name.family", "name.given"]);

const fn date(path: &'static [&'static str]) -> Param {
    param("date", Kind::Date, path)
}

/// The parameters of one type beside the common ones.
fn own(kind: &str) -> &'static [Param] {
    match kind {
        "AllergyIntolerance" => {
            const {
                &[
                    OWN_PATIENT,
                    CATEGORY,
                    CODE,
                    param("clinical-status", Kind::Token, &["clinicalStatus"]),
                    date(&["recordedDate"]),
                ]
            }
        }
        "CarePlan" => const { &[PATIENT, SUBJECT, CATEGORY, STATUS, date(&["period"])] },
        "CareTeam" => const { &[PATIENT, SUBJECT, STATUS] },
        "Condition" => {
            const {
                &[
                    PATIENT,
                    SUBJECT,
                    CATEGORY,
                    CODE,
                    ENCOUNTER,
                    param("clinical-status", Kind::Token, &["clinicalStatus"]),
                    param("onset-date", Kind::Date, &["onsetDateTime"]),
                    param("recorded-date", Kind::Date, &["recordedDate"]),
                ]
            }
        }
        "Coverage" => {
            const {
                &[
                    param("patient", Kind::Reference, &["beneficiary"]),
                    param("beneficiary", Kind::Reference, &["beneficiary"]),
                    STATUS,
                ]
            }
        }
        "DiagnosticReport" | "Observation" => {
            const { &[PATIENT, SUBJECT, CATEGORY, CODE, STATUS, ENCOUNTER, date(&["effectiveDateTime"])] }
        }
        "DocumentReference" => {
            const {
                &[
                    PATIENT,
                    SUBJECT,
                    CATEGORY,
                    STATUS,
                    IDENTIFIER,
                    param("type", Kind::Token, &["type"]),
                    date(&["date"]),
                    param("period", Kind::Date, &["context.period"]),
                ]
            }
        }
        "Encounter" => {
            const {
                &[
                    PATIENT,
                    SUBJECT,
                    STATUS,
                    param("class", Kind::Token, &["class"]),
                    param("type", Kind::Token, &["type"]),
                    date(&["period"]),
                ]
            }
        }
        "Goal" => {
            const {
                &[
                    PATIENT,
                    SUBJECT,
                    param("lifecycle-status", Kind::Token, &["lifecycleStatus"]),
                    param("start-date", Kind::Date, &["startDate"]),
                ]
            }
        }
        "Immunization" => {
            const {
                &[
                    OWN_PATIENT,
                    STATUS,
                    param("vaccine-code", Kind::Token, &["vaccineCode"]),
                    date(&["occurrenceDateTime"]),
                ]
            }
        }
        "Location" | "Organization" => const { &[param("name", Kind::Text, &["name"]), STATUS, IDENTIFIER] },
        "MedicationRequest" => {
            const {
                &[
                    PATIENT,
                    SUBJECT,
                    STATUS,
                    CATEGORY,
                    ENCOUNTER,
                    param("intent", Kind::Token, &["intent"]),
                    param("code", Kind::Token, &["medicationCodeableConcept"]),
                    param("authoredon", Kind::Date, &["authoredOn"]),
                ]
            }
        }
        "Patient" => {
            const {
                &[
                    NAME,
                    IDENTIFIER,
                    param("family", Kind::Text, &["name.family"]),
                    param("given", Kind::Text, &["name.given"]),
                    param("gender", Kind::Token, &["gender"]),
                    param("birthdate", Kind::Date, &["birthDate"]),
                ]
            }
        }
        "Person" | "Practitioner" => const { &[NAME, IDENTIFIER] },
        "PractitionerRole" => const { &[param("practitioner", Kind::Reference, &["practitioner"])] },
        "Procedure" => const { &[PATIENT, SUBJECT, CODE, STATUS, date(&["performedDateTime"])] },
        "RelatedPerson" => const { &[OWN_PATIENT, NAME] },
        "Device" => const { &[OWN_PATIENT, STATUS] },
        "MedicationDispense"
        | "MedicationStatement"
        | "QuestionnaireResponse"
        | "ServiceRequest"
        | "Specimen" => const { &[PATIENT, SUBJECT, STATUS] },
        "Provenance" => const { &[param("target", Kind::Reference, &["target"])] },
        _ => &[],
    }
}

/// All parameters of a type.
pub(crate) fn of_type(kind: &str) -> impl Iterator<Item = &'static Param> {
    COMMON.iter().chain(own(kind))
}
