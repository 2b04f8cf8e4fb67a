//! What lies between records: about two people, about nobody, or about somebody else than it seems.
//!
//! Most charts are tidy. These few resources are not, and each is one way in which a FHIR server may show too much: an app
//! that was given one record must not see the other's through them. The comment beside each says what would be wrong.

use serde_json::{Map, Value, json};

use super::clinical::{Code, LOINC, RXNORM, SNOMED};

const HL7: &str = "http://terminology.hl7.org/CodeSystem";

/// All of them. They are among today's records only.
pub(super) fn all() -> Vec<Value> {
    let mut all = two_categories();
    all.extend(two_patients());
    all.extend(people_who_take_part());
    all.extend(provenance());
    all.extend(things());
    all.extend(orders());
    all
}

/// SMART-SCOPE-045: found by either category, and not lost because of the other.
fn two_categories() -> Vec<Value> {
    let observation = |kind: &str| (format!("{HL7}/observation-category"), kind.to_owned());
    let condition = |kind: &str| (format!("{HL7}/condition-category"), kind.to_owned());
    let concern =
        ("http://hl7.org/fhir/us/core/CodeSystem/condition-category".to_owned(), "health-concern".to_owned());
    let category = |(system, code): (String, String)| json!({"coding": [{"system": system, "code": code}]});
    let mut all = Vec::new();
    for patient in ["carol", "dina", "hana", "vip"] {
        all.push(resource(
            "Observation",
            &format!("{patient}-two-1"),
            json!({
                "status": "final", "subject": reference("Patient", patient), "effectiveDateTime": "2026-02-03T08:20:00Z",
                "category": [category(observation("laboratory")), category(observation("vital-signs"))],
                "code": Code(LOINC, "2708-6", "Oxygen saturation in Arterial blood").concept(),
                "valueQuantity": {"value": 97, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
            }),
        ));
        all.push(resource(
            "Observation",
            &format!("{patient}-two-2"),
            json!({
                "status": "amended", "subject": reference("Patient", patient), "effectiveDateTime": "2026-02-03T08:30:00Z",
                "category": [category(observation("social-history")), category(observation("survey"))],
                "code": Code(LOINC, "67875-5", "Employment status").concept(), "valueString": "Works part time"
            }),
        ));
        all.push(resource(
            "Condition",
            &format!("{patient}-two-1"),
            json!({
                "subject": reference("Patient", patient), "recordedDate": "2026-02-03",
                "clinicalStatus": {"coding": [{"system": format!("{HL7}/condition-clinical"), "code": "active"}]},
                "category": [category(condition("encounter-diagnosis")), category(concern.clone())],
                "code": Code(SNOMED, "271737000", "Anemia").concept()
            }),
        ));
    }
    // The code of a category in a system of somebody's own is not that category.
    all.push(resource(
        "Observation",
        "carol-own-1",
        json!({
            "status": "final", "subject": reference("Patient", "carol"), "effectiveDateTime": "2026-02-03T08:40:00Z",
            "category": [{"coding": [{"system": "https://elmsby.example/categories", "code": "laboratory"}], "text": "laboratory"}],
            "code": {"text": "Sugar, measured at home"}, "valueString": "fine"
        }),
    ));
    all
}

/// About more than one patient: neither record may be shown through them.
fn two_patients() -> Vec<Value> {
    let member = |id: &str| json!({"entity": reference("Patient", id)});
    let takes_part = |kind: &str, id: &str| json!({"actor": reference(kind, id), "status": "accepted"});
    vec![
        resource(
            "Group",
            "sugar-study",
            json!({
                "type": "person", "actual": true, "active": true, "name": "Sugar study",
                "member": [member("alice"), member("carol"), member("dina")]
            }),
        ),
        resource(
            "List",
            "ward-round",
            json!({
                "status": "current", "mode": "working", "title": "Ward round",
                "entry": [{"item": reference("Condition", "alice-con-1")}, {"item": reference("Condition", "carol-con-1")}]
            }),
        ),
        resource(
            "List",
            "carol-problems",
            json!({
                "status": "current", "mode": "working", "title": "Problems", "subject": reference("Patient", "carol"),
                "entry": [{"item": reference("Condition", "carol-con-1")}, {"item": reference("Condition", "carol-two-1")}]
            }),
        ),
        resource(
            "Appointment",
            "family-talk",
            json!({
                "status": "booked", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:30:00Z",
                "participant": [takes_part("Patient", "alice"), takes_part("Patient", "ben"), takes_part("Practitioner", "lee")]
            }),
        ),
        resource(
            "Appointment",
            "carol-check",
            json!({
                "status": "booked", "start": "2026-12-02T09:00:00Z", "end": "2026-12-02T09:20:00Z",
                "participant": [takes_part("Patient", "carol"), takes_part("Practitioner", "kim")]
            }),
        ),
    ]
}

/// Somebody who did something is not whom it is about.
fn people_who_take_part() -> Vec<Value> {
    vec![
        // A mother said what her child must not eat. It is in his record and not in hers.
        resource(
            "AllergyIntolerance",
            "ben-alg-2",
            json!({
                "clinicalStatus": {"coding": [{"system": format!("{HL7}/allergyintolerance-clinical"), "code": "active"}]},
                "code": Code(SNOMED, "91934008", "Allergy to nut").concept(), "category": ["food"],
                "patient": reference("Patient", "ben"), "asserter": reference("Patient", "alice"),
                "recorder": reference("Practitioner", "lee"), "recordedDate": "2026-01-20"
            }),
        ),
        // One patient measured another.
        resource(
            "Observation",
            "emil-home-1",
            json!({
                "status": "final", "subject": reference("Patient", "emil"), "performer": [reference("Patient", "dina")],
                "category": [{"coding": [{"system": format!("{HL7}/observation-category"), "code": "vital-signs"}]}],
                "code": Code(LOINC, "8310-5", "Body temperature").concept(), "effectiveDateTime": "2026-02-04T07:00:00Z",
                "valueQuantity": {"value": 37.1, "unit": "Cel", "system": "http://unitsofmeasure.org", "code": "Cel"}
            }),
        ),
        // Of another hospital: not our Alice.
        resource(
            "Observation",
            "elsewhere-1",
            json!({
                "status": "final", "subject": {"reference": "https://other.example/fhir/Patient/alice"},
                "code": Code(LOINC, "8310-5", "Body temperature").concept(), "effectiveDateTime": "2026-02-04T07:00:00Z",
                "category": [{"coding": [{"system": format!("{HL7}/observation-category"), "code": "vital-signs"}]}]
            }),
        ),
        // Of somebody who is described inside and nowhere else.
        resource(
            "Observation",
            "unknown-person-1",
            json!({
                "status": "preliminary", "subject": {"reference": "#who"},
                "contained": [{"resourceType": "Patient", "id": "who", "name": [{"text": "Unknown, brought in at night"}]}],
                "code": Code(LOINC, "8310-5", "Body temperature").concept(), "effectiveDateTime": "2026-02-04T02:00:00Z",
                "category": [{"coding": [{"system": format!("{HL7}/observation-category"), "code": "vital-signs"}]}]
            }),
        ),
    ]
}

/// Where something came from. It names what it came with, so all of that must be open.
fn provenance() -> Vec<Value> {
    let provenance = |id: &str, targets: &[&str]| {
        let targets: Vec<Value> = targets.iter().map(|target| json!({"reference": target})).collect();
        let agent = json!([{"who": reference("Practitioner", "lee"), "onBehalfOf": reference("Organization", "elmsby")}]);
        resource(
            "Provenance",
            id,
            json!({"target": targets, "recorded": "2026-06-15T18:00:00Z", "agent": agent}),
        )
    };
    vec![
        provenance("prov-alice", &["Observation/alice-glu-1"]),
        provenance("prov-ben", &["Observation/ben-glu-1", "Condition/ben-con-1"]),
        provenance("prov-carol", &["Patient/carol"]),
        provenance("prov-two", &["Observation/alice-glu-1", "Observation/carol-glu-1"]),
        provenance("prov-vip", &["Observation/vip-glu-1"]),
    ]
}

/// Things that belong to somebody, to nobody, or came from somebody.
fn things() -> Vec<Value> {
    vec![
        // No type of the patient compartment, and yet about a patient.
        resource(
            "Device",
            "carol-meter",
            json!({
                "status": "active", "patient": reference("Patient", "carol"),
                "deviceName": [{"name": "Glucose meter", "type": "user-friendly-name"}]
            }),
        ),
        resource(
            "Device",
            "ward-monitor",
            json!({
                "status": "active", "owner": reference("Organization", "elmsby"),
                "deviceName": [{"name": "Monitor of ward 3", "type": "user-friendly-name"}]
            }),
        ),
        resource(
            "Specimen",
            "carol-blood",
            json!({
                "status": "available", "subject": reference("Patient", "carol"),
                "type": Code(SNOMED, "119297000", "Blood specimen").concept(), "receivedTime": "2026-02-03T08:00:00Z"
            }),
        ),
        resource(
            "Medication",
            "nitroglycerin",
            json!({"status": "active", "code": Code(RXNORM, "198038", "Nitroglycerin 0.6 MG Sublingual Tablet").concept()}),
        ),
        // A letter that is opened by the document it belongs to, not by a patient's name on it.
        resource(
            "DocumentReference",
            "carol-letter",
            json!({
                "status": "current", "subject": reference("Patient", "carol"), "date": "2026-02-05T10:00:00Z",
                "type": Code(LOINC, "34133-9", "Summary of episode note").concept(),
                "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/carol-letter-text", "title": "Letter"}}]
            }),
        ),
        resource(
            "Binary",
            "carol-letter-text",
            json!({
                "contentType": "text/plain", "securityContext": reference("DocumentReference", "carol-letter"),
                "data": "RGVhciBjb2xsZWFndWUsIENhcm9sIGlzIHdlbGwu"
            }),
        ),
        // Nobody wrote down whose it is.
        resource("Binary", "lost-note", json!({"contentType": "text/plain", "data": "RmVlbGluZyBiZXR0ZXIu"})),
    ]
}

/// One order from the wish to the pharmacy, so that includes have far to go.
fn orders() -> Vec<Value> {
    let dina = || reference("Patient", "dina");
    let medicine = || reference("Medication", "nitroglycerin");
    vec![
        resource(
            "MedicationRequest",
            "dina-order",
            json!({
                "status": "active", "intent": "order", "subject": dina(), "requester": reference("Practitioner", "lee"),
                "medicationReference": medicine(), "authoredOn": "2026-02-06"
            }),
        ),
        resource(
            "MedicationDispense",
            "dina-dispense",
            json!({
                "status": "completed", "subject": dina(), "medicationReference": medicine(),
                "authorizingPrescription": [reference("MedicationRequest", "dina-order")], "whenHandedOver": "2026-02-07T12:00:00Z"
            }),
        ),
        resource(
            "MedicationStatement",
            "dina-statement",
            json!({"status": "active", "subject": dina(), "medicationReference": medicine(), "effectiveDateTime": "2026-02-08"}),
        ),
        resource(
            "ServiceRequest",
            "dina-ecg",
            json!({
                "status": "active", "intent": "order", "subject": dina(), "requester": reference("Practitioner", "lee"),
                "code": Code(SNOMED, "29303009", "Electrocardiographic procedure").concept(), "authoredOn": "2026-02-06"
            }),
        ),
        resource(
            "QuestionnaireResponse",
            "dina-answers",
            json!({
                "status": "completed", "subject": dina(), "author": dina(), "authored": "2026-02-06T09:00:00Z",
                "item": [{"linkId": "1", "text": "Do you sleep well?", "answer": [{"valueBoolean": true}]}]
            }),
        ),
    ]
}

fn reference(kind: &str, id: &str) -> Value {
    json!({"reference": format!("{kind}/{id}")})
}

fn resource(kind: &str, id: &str, members: Value) -> Value {
    let mut all = Map::new();
    all.insert("resourceType".to_owned(), json!(kind));
    all.insert("id".to_owned(), json!(id));
    all.insert("meta".to_owned(), json!({"lastUpdated": "2026-02-10T18:00:00Z"}));
    if let Value::Object(members) = members {
        all.extend(members);
    }
    Value::Object(all)
}
