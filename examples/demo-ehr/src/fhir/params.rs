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
const PERFORMER: Param = param("performer", Kind::Reference, &["performer"]);
const REQUESTER: Param = param("requester", Kind::Reference, &["requester"]);
const MEDICATION: Param = param("medication", Kind::Reference, &["medicationReference"]);
const TITLE: Param = param("name", Kind::Text, &["name"]);
const NAME: Param = param("name", Kind::Text, &["name.text", "name.family", "name.given"]);

const fn reference(name: &'static str, paths: &'static [&'static str]) -> Param {
    param(name, Kind::Reference, paths)
}

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
                    reference("asserter", &["asserter"]),
                    reference("recorder", &["recorder"]),
                    param("clinical-status", Kind::Token, &["clinicalStatus"]),
                    date(&["recordedDate"]),
                ]
            }
        }
        "Appointment" => {
            const {
                &[
                    reference("patient", &["participant.actor"]),
                    reference("actor", &["participant.actor"]),
                    STATUS,
                    date(&["start"]),
                ]
            }
        }
        "CarePlan" => {
            const { &[PATIENT, SUBJECT, CATEGORY, STATUS, date(&["period"]), reference("goal", &["goal"])] }
        }
        "CareTeam" => {
            const { &[PATIENT, SUBJECT, STATUS, reference("participant", &["participant.member"])] }
        }
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
                    reference("patient", &["beneficiary"]),
                    reference("beneficiary", &["beneficiary"]),
                    reference("payor", &["payor"]),
                    STATUS,
                ]
            }
        }
        "DiagnosticReport" => {
            const {
                &[
                    PATIENT,
                    SUBJECT,
                    CATEGORY,
                    CODE,
                    STATUS,
                    ENCOUNTER,
                    PERFORMER,
                    reference("result", &["result"]),
                    date(&["effectiveDateTime"]),
                ]
            }
        }
        "Observation" => {
            const {
                &[
                    PATIENT,
                    SUBJECT,
                    CATEGORY,
                    CODE,
                    STATUS,
                    ENCOUNTER,
                    PERFORMER,
                    reference("device", &["device"]),
                    date(&["effectiveDateTime"]),
                ]
            }
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
                    reference("author", &["author"]),
                    reference("encounter", &["context.encounter"]),
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
                    reference("participant", &["participant.individual"]),
                    reference("location", &["location.location"]),
                    reference("service-provider", &["serviceProvider"]),
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
        "Group" => {
            const { &[param("type", Kind::Token, &["type"]), reference("member", &["member.entity"])] }
        }
        "Immunization" => {
            const {
                &[
                    OWN_PATIENT,
                    STATUS,
                    reference("location", &["location"]),
                    param("vaccine-code", Kind::Token, &["vaccineCode"]),
                    date(&["occurrenceDateTime"]),
                ]
            }
        }
        "List" => const { &[PATIENT, SUBJECT, STATUS, CODE, reference("item", &["entry.item"])] },
        "Location" => {
            const { &[TITLE, STATUS, IDENTIFIER, reference("organization", &["managingOrganization"])] }
        }
        "Organization" => const { &[TITLE, IDENTIFIER] },
        "Medication" => const { &[CODE, STATUS] },
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
                    MEDICATION,
                    REQUESTER,
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
                    reference("organization", &["managingOrganization"]),
                    param("birthdate", Kind::Date, &["birthDate"]),
                ]
            }
        }
        "Person" | "Practitioner" => const { &[NAME, IDENTIFIER] },
        "PractitionerRole" => {
            const { &[reference("practitioner", &["practitioner"]), reference("organization", &["organization"])] }
        }
        "Procedure" => {
            const {
                &[
                    PATIENT,
                    SUBJECT,
                    CODE,
                    STATUS,
                    ENCOUNTER,
                    reference("performer", &["performer.actor"]),
                    date(&["performedDateTime"]),
                ]
            }
        }
        "RelatedPerson" => const { &[OWN_PATIENT, NAME] },
        "Device" => const { &[OWN_PATIENT, STATUS, reference("organization", &["owner"])] },
        "MedicationDispense" => {
            const {
                &[
                    PATIENT,
                    SUBJECT,
                    STATUS,
                    MEDICATION,
                    reference("prescription", &["authorizingPrescription"]),
                ]
            }
        }
        "MedicationStatement" => const { &[PATIENT, SUBJECT, STATUS, MEDICATION] },
        "QuestionnaireResponse" => const { &[PATIENT, SUBJECT, STATUS, reference("author", &["author"])] },
        "ServiceRequest" => const { &[PATIENT, SUBJECT, STATUS, CODE, REQUESTER] },
        "Specimen" => const { &[PATIENT, SUBJECT, STATUS] },
        "Provenance" => {
            const {
                &[
                    reference("target", &["target"]),
                    reference("agent", &["agent.who", "agent.onBehalfOf"]),
                    param("recorded", Kind::Date, &["recorded"]),
                ]
            }
        }
        _ => &[],
    }
}

/// All parameters of a type.
pub(crate) fn of_type(kind: &str) -> impl Iterator<Item = &'static Param> {
    COMMON.iter().chain(own(kind))
}
