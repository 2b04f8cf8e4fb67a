//! How one fact becomes one FHIR R4 resource: a function per resource type.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::people::PatientFacts;

/// A code with its code system and the words for it.
#[derive(Clone, Copy)]
pub(super) struct Code(pub &'static str, pub &'static str, pub &'static str);

pub(super) const SNOMED: &str = "http://snomed.info/sct";
pub(super) const LOINC: &str = "http://loinc.org";
pub(super) const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub(super) const CVX: &str = "http://hl7.org/fhir/sid/cvx";
const HL7: &str = "http://terminology.hl7.org/CodeSystem";
const US_CORE: &str = "http://hl7.org/fhir/us/core/CodeSystem";

impl Code {
    fn coding(self) -> Value {
        json!({"system": self.0, "code": self.1, "display": self.2})
    }

    pub(super) fn concept(self) -> Value {
        json!({"coding": [self.coding()], "text": self.2})
    }
}

/// What an observation measured.
#[derive(Clone, Copy)]
pub(super) enum Measured {
    Quantity(f64, &'static str),
    BloodPressure(f64, f64),
    Answer(Code),
}

/// The patient a fact is about, the day it happened and a number that makes its id unique.
#[derive(Clone, Copy)]
pub(super) struct Fact<'a> {
    pub patient: &'a PatientFacts,
    /// Starts every id, so that the archive's ids differ from today's.
    pub prefix: &'a str,
    pub number: usize,
    /// `YYYY-MM-DD`.
    pub day: &'a str,
}

impl Fact<'_> {
    /// The members that every resource has, completed with its own.
    fn resource(&self, kind: &str, short: &str, members: Value) -> Value {
        let mut all = Map::new();
        all.insert("resourceType".to_owned(), json!(kind));
        all.insert("id".to_owned(), json!(self.id(short)));
        all.insert("meta".to_owned(), json!({"lastUpdated": self.at("18:00")}));
        if let Value::Object(members) = members {
            all.extend(members);
        }
        Value::Object(all)
    }

    fn id(&self, short: &str) -> String {
        format!("{}{}-{short}-{}", self.prefix, self.patient.id, self.number)
    }

    fn at(&self, time: &str) -> String {
        format!("{}T{time}:00Z", self.day)
    }

    fn subject(&self) -> Value {
        json!({
            "reference": format!("Patient/{}", self.patient.id),
            "display": format!("{} {}", self.patient.given, self.patient.family)
        })
    }

    /// The encounter of the same number.
    fn during(&self) -> Value {
        json!({"reference": format!("Encounter/{}", self.id("enc"))})
    }
}

fn lee() -> Value {
    json!({"reference": "Practitioner/lee", "display": "Dr. Jordan Lee"})
}

fn category(system: &str, code: &str, display: &str) -> Value {
    json!([{"coding": [{"system": system, "code": code, "display": display}], "text": display}])
}

pub(super) fn encounter(fact: Fact<'_>, inpatient: bool, finished: bool, reason: Code) -> Value {
    let class = if inpatient { ("IMP", "inpatient encounter") } else { ("AMB", "ambulatory") };
    let place = if inpatient { ("ward-3", "Ward 3") } else { ("clinic", "Outpatient clinic") };
    let mut period = json!({"start": fact.at("09:00")});
    if let (true, Some(period)) = (finished, period.as_object_mut()) {
        period.insert("end".to_owned(), json!(fact.at("10:30")));
    }
    fact.resource(
        "Encounter",
        "enc",
        json!({
            "status": if finished { "finished" } else { "in-progress" },
            "class": {"system": format!("{HL7}/v3-ActCode"), "code": class.0, "display": class.1},
            "type": [Code(SNOMED, "308335008", "Patient encounter procedure").concept()],
            "subject": fact.subject(), "period": period, "reasonCode": [reason.concept()],
            "participant": [{"individual": lee()}],
            "location": [{"location": {"reference": format!("Location/{}", place.0), "display": place.1}}],
            "serviceProvider": {"reference": "Organization/elmsby", "display": "Elmsby General Hospital"}
        }),
    )
}

/// `kind`: one of the three categories of the US Core condition profiles.
pub(super) fn condition(fact: Fact<'_>, code: Code, kind: &str, resolved: bool) -> Value {
    let (system, display) = match kind {
        "health-concern" => (format!("{US_CORE}/condition-category"), "Health Concern"),
        "problem-list-item" => (format!("{HL7}/condition-category"), "Problem List Item"),
        _ => (format!("{HL7}/condition-category"), "Encounter Diagnosis"),
    };
    let status = if resolved { "resolved" } else { "active" };
    fact.resource(
        "Condition",
        "con",
        json!({
            "clinicalStatus": {"coding": [{"system": format!("{HL7}/condition-clinical"), "code": status}]},
            "verificationStatus": {"coding": [{"system": format!("{HL7}/condition-ver-status"), "code": "confirmed"}]},
            "category": category(&system, kind, display), "code": code.concept(), "subject": fact.subject(),
            "encounter": fact.during(), "onsetDateTime": fact.day, "recordedDate": fact.day
        }),
    )
}

/// `kind`: an observation category, `sdoh` of US Core included.
pub(super) fn observation(fact: Fact<'_>, short: &str, code: Code, kind: &str, measured: Measured) -> Value {
    let mut categories = category(&format!("{HL7}/observation-category"), kind, kind);
    if kind == "sdoh" {
        // US Core: a social need is a survey answer *and* carries its own category.
        categories = category(&format!("{HL7}/observation-category"), "survey", "survey");
        if let Some(list) = categories.as_array_mut() {
            list.push(json!({"coding": [{"system": format!("{US_CORE}/us-core-category"), "code": "sdoh", "display": "SDOH"}]}));
        }
    }
    let mut members = json!({
        "status": "final", "category": categories, "code": code.concept(), "subject": fact.subject(),
        "encounter": fact.during(), "effectiveDateTime": fact.at("09:30"), "issued": fact.at("17:00"), "performer": [lee()]
    });
    if let Some(members) = members.as_object_mut() {
        let (name, value) = match measured {
            Measured::Quantity(value, unit) => ("valueQuantity", quantity(value, unit)),
            Measured::Answer(code) => ("valueCodeableConcept", code.concept()),
            Measured::BloodPressure(systolic, diastolic) => (
                "component",
                json!([
                    {"code": Code(LOINC, "8480-6", "Systolic blood pressure").concept(), "valueQuantity": quantity(systolic, "mm[Hg]")},
                    {"code": Code(LOINC, "8462-4", "Diastolic blood pressure").concept(), "valueQuantity": quantity(diastolic, "mm[Hg]")}
                ]),
            ),
        };
        members.insert(name.to_owned(), value);
    }
    fact.resource("Observation", short, members)
}

fn quantity(value: f64, unit: &str) -> Value {
    // A UCUM annotation has braces; people read it without.
    let words = unit.trim_matches(['{', '}']);
    json!({"value": value, "unit": words, "system": "http://unitsofmeasure.org", "code": unit})
}

pub(super) fn medication_request(fact: Fact<'_>, code: Code, dosage: &str, stopped: bool) -> Value {
    fact.resource(
        "MedicationRequest",
        "med",
        json!({
            "status": if stopped { "stopped" } else { "active" }, "intent": "order",
            "category": category(&format!("{HL7}/medicationrequest-category"), "community", "Community"),
            "medicationCodeableConcept": code.concept(), "subject": fact.subject(), "encounter": fact.during(),
            "authoredOn": fact.at("10:00"), "requester": lee(), "dosageInstruction": [{"text": dosage}]
        }),
    )
}

pub(super) fn allergy(fact: Fact<'_>, code: Code, kind: &str, severe: bool) -> Value {
    fact.resource(
        "AllergyIntolerance",
        "alg",
        json!({
            "clinicalStatus": {"coding": [{"system": format!("{HL7}/allergyintolerance-clinical"), "code": "active"}]},
            "verificationStatus": {"coding": [{"system": format!("{HL7}/allergyintolerance-verification"), "code": "confirmed"}]},
            "type": "allergy", "category": [kind], "criticality": if severe { "high" } else { "low" },
            "code": code.concept(), "patient": fact.subject(), "recordedDate": fact.day,
            "reaction": [{"manifestation": [Code(SNOMED, "271807003", "Eruption of skin").concept()]}]
        }),
    )
}

pub(super) fn immunization(fact: Fact<'_>, code: Code) -> Value {
    fact.resource(
        "Immunization",
        "imm",
        json!({
            "status": "completed", "vaccineCode": code.concept(), "patient": fact.subject(), "encounter": fact.during(),
            "occurrenceDateTime": fact.day, "primarySource": true, "location": {"reference": "Location/clinic"}
        }),
    )
}

pub(super) fn procedure(fact: Fact<'_>, code: Code) -> Value {
    fact.resource(
        "Procedure",
        "pro",
        json!({
            "status": "completed", "code": code.concept(), "subject": fact.subject(), "encounter": fact.during(),
            "performedDateTime": fact.at("09:45"), "performer": [{"actor": lee()}]
        }),
    )
}

pub(super) fn care_plan(fact: Fact<'_>, text: &str) -> Value {
    let narrative = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{text}</div>");
    fact.resource(
        "CarePlan",
        "cpl",
        json!({
            "status": "active", "intent": "plan", "title": text, "text": {"status": "generated", "div": narrative},
            "category": category(&format!("{US_CORE}/careplan-category"), "assess-plan", "Assessment and Plan of Treatment"),
            "subject": fact.subject(), "period": {"start": fact.day}, "goal": [{"reference": format!("Goal/{}", fact.id("goa"))}]
        }),
    )
}

pub(super) fn goal(fact: Fact<'_>, text: &str) -> Value {
    fact.resource(
        "Goal",
        "goa",
        json!({
            "lifecycleStatus": "active", "description": {"text": text}, "subject": fact.subject(), "startDate": fact.day,
            "target": [{"dueDate": fact.day}]
        }),
    )
}

pub(super) fn care_team(fact: Fact<'_>) -> Value {
    let role = |code: Code| json!([code.concept()]);
    fact.resource(
        "CareTeam",
        "tea",
        json!({
            "status": "active", "name": "Care team", "subject": fact.subject(),
            "participant": [
                {"role": role(Code(SNOMED, "309343006", "Physician")), "member": lee()},
                {"role": role(Code(SNOMED, "116154003", "Patient")), "member": fact.subject()}
            ]
        }),
    )
}

pub(super) fn coverage(fact: Fact<'_>) -> Value {
    fact.resource(
        "Coverage",
        "cov",
        json!({
            "status": "active", "beneficiary": fact.subject(), "subscriberId": format!("SUB-{}", fact.patient.id.to_uppercase()),
            "relationship": {"coding": [{"system": format!("{HL7}/subscriber-relationship"), "code": "self"}]},
            "period": {"start": fact.day}, "payor": [{"reference": "Organization/elmsby"}]
        }),
    )
}

/// A panel and the results it reports.
pub(super) fn diagnostic_report(fact: Fact<'_>, code: Code, results: &[&str]) -> Value {
    let result: Vec<Value> =
        results.iter().map(|short| json!({"reference": format!("Observation/{}", fact.id(short))})).collect();
    fact.resource(
        "DiagnosticReport",
        "rep",
        json!({
            "status": "final", "category": category(&format!("{HL7}/v2-0074"), "LAB", "Laboratory"), "code": code.concept(),
            "subject": fact.subject(), "encounter": fact.during(), "effectiveDateTime": fact.at("09:30"),
            "issued": fact.at("17:00"), "performer": [lee()], "result": result
        }),
    )
}

/// A note, and the Binary that holds its text.
pub(super) fn document(fact: Fact<'_>, title: &str, text: &str) -> [Value; 2] {
    let binary = fact.id("bin");
    [
        fact.resource(
            "DocumentReference",
            "doc",
            json!({
                "status": "current", "type": Code(LOINC, "11506-3", "Progress note").concept(),
                "category": category(&format!("{US_CORE}/us-core-documentreference-category"), "clinical-note", "Clinical Note"),
                "identifier": [{"system": "https://elmsby.example/documents", "value": binary}],
                "subject": fact.subject(), "date": fact.at("17:30"), "author": [lee()], "description": title,
                "content": [{
                    "attachment": {"contentType": "text/plain", "url": format!("Binary/{binary}"), "title": title},
                    "format": {"system": "http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "code": "urn:ihe:iti:xds:2017:mimeTypeSufficient"}
                }],
                "context": {"encounter": [fact.during()], "period": {"start": fact.at("09:00"), "end": fact.at("10:30")}}
            }),
        ),
        fact.resource(
            "Binary",
            "bin",
            json!({"contentType": "text/plain", "securityContext": fact.subject(), "data": BASE64_STANDARD.encode(text)}),
        ),
    ]
}
