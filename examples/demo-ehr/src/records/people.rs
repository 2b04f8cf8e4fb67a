//! Who exists: patients, staff, the hospital itself. Every person here is invented.

use serde_json::{Value, json};

/// What the rest of the demo needs to know about a patient without reading FHIR.
#[derive(Clone, Copy, Debug)]
pub struct PatientFacts {
    /// The logical id of the Patient resource.
    pub id: &'static str,
    /// The given name.
    pub given: &'static str,
    /// The family name.
    pub family: &'static str,
    /// Administrative gender, as FHIR codes it.
    pub gender: &'static str,
    /// The date of birth.
    pub birth_date: &'static str,
    /// Where the person lives.
    pub city: &'static str,
    /// Known by few: not even every physician may open this record.
    pub restricted: bool,
}

#[rustfmt::skip]
const fn patient(id: &'static str, given: &'static str, family: &'static str, gender: &'static str, birth_date: &'static str, city: &'static str) -> PatientFacts {
    PatientFacts { id, given, family, gender, birth_date, city, restricted: false }
}

/// Every patient of the hospital.
#[rustfmt::skip]
pub const PATIENTS: [PatientFacts; 14] = [
    patient("alice", "Alice", "Marlow", "female", "1984-03-12", "Port Elmsby"),
    patient("ben", "Ben", "Marlow", "male", "2016-07-01", "Port Elmsby"),
    patient("carol", "Carol", "Whitby", "female", "1957-11-23", "Lower Hatch"),
    PatientFacts { restricted: true, ..patient("vip", "Victor", "Ipswell", "male", "1969-01-30", "Port Elmsby") },
    patient("dina", "Dina", "Okafor", "female", "1992-09-05", "Stonebridge"),
    patient("emil", "Emil", "Sørensen", "male", "1948-05-17", "Lower Hatch"),
    patient("farah", "Farah", "Haddad", "female", "2001-12-09", "Port Elmsby"),
    patient("goran", "Goran", "Petrović", "male", "1975-08-28", "Stonebridge"),
    patient("hana", "Hana", "Suzuki", "female", "1966-02-14", "Stonebridge"),
    patient("ines", "Inés", "Álvarez", "female", "1989-10-31", "Port Elmsby"),
    patient("jonas", "Jonas", "Weber", "male", "1995-04-02", "Lower Hatch"),
    patient("keiko", "Keiko", "Tanaka", "female", "1939-06-20", "Port Elmsby"),
    patient("liam", "Liam", "O'Connor", "male", "2009-03-03", "Stonebridge"),
    patient("maya", "Maya", "Gupta", "female", "1979-07-19", "Lower Hatch"),
];

/// Staff: id, given name, family name, prefix, role.
const STAFF: [(&str, &str, &str, &str, &str); 2] =
    [("lee", "Jordan", "Lee", "Dr.", "physician"), ("kim", "Robin", "Kim", "RN", "nurse")];

/// Everything that exists apart from what happened to the patients.
pub(super) fn directory() -> Vec<Value> {
    let mut all: Vec<Value> = PATIENTS.iter().map(patient_resource).collect();
    all.extend(STAFF.iter().map(|(id, given, family, prefix, _)| practitioner(id, given, family, prefix)));
    all.extend(STAFF.iter().map(|(id, _, _, _, role)| practitioner_role(id, role)));
    all.push(json!({
        "resourceType": "Person", "id": "nobody", "meta": META, "active": true,
        "name": [{"use": "official", "family": "Body", "given": ["Noah"]}]
    }));
    all.push(json!({
        "resourceType": "RelatedPerson", "id": "alice-parent-of-ben", "meta": META, "active": true,
        "patient": {"reference": "Patient/ben", "display": "Ben Marlow"},
        "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH", "display": "mother"}]}],
        "name": [{"use": "official", "family": "Marlow", "given": ["Alice"]}], "gender": "female", "birthDate": "1984-03-12"
    }));
    all.push(json!({
        "resourceType": "Organization", "id": "elmsby", "meta": META, "active": true, "name": "Elmsby General Hospital",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": "https://elmsby.example/hospital"}],
        "type": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "prov", "display": "Healthcare Provider"}]}]
    }));
    for (id, name) in [("ward-3", "Ward 3"), ("clinic", "Outpatient clinic")] {
        all.push(json!({
            "resourceType": "Location", "id": id, "meta": META, "status": "active", "name": name, "mode": "instance",
            "managingOrganization": {"reference": "Organization/elmsby", "display": "Elmsby General Hospital"}
        }));
    }
    all
}

/// The day the directory was last put in order.
const META: Meta = Meta { last_updated: "2026-01-05T08:00:00Z" };

#[derive(serde::Serialize)]
struct Meta {
    #[serde(rename = "lastUpdated")]
    last_updated: &'static str,
}

fn patient_resource(p: &PatientFacts) -> Value {
    let mut resource = json!({
        "resourceType": "Patient", "id": p.id, "meta": META, "active": true,
        "identifier": [{
            "use": "usual", "system": "https://elmsby.example/mrn", "value": format!("MRN-{}", p.id.to_uppercase()),
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR", "display": "Medical record number"}]}
        }],
        "name": [{"use": "official", "family": p.family, "given": [p.given], "text": format!("{} {}", p.given, p.family)}],
        "gender": p.gender, "birthDate": p.birth_date,
        "telecom": [{"system": "email", "value": format!("{}@mail.example", p.id), "use": "home"}],
        "address": [{"use": "home", "line": ["1 Example Street"], "city": p.city, "country": "XX"}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}, "preferred": true}],
        "managingOrganization": {"reference": "Organization/elmsby", "display": "Elmsby General Hospital"}
    });
    if let (true, Some(members)) = (p.restricted, resource.as_object_mut()) {
        let label = json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V", "display": "very restricted"}]);
        members.insert("meta".to_owned(), json!({"lastUpdated": META.last_updated, "security": label}));
    }
    resource
}

fn practitioner(id: &str, given: &str, family: &str, prefix: &str) -> Value {
    json!({
        "resourceType": "Practitioner", "id": id, "meta": META, "active": true,
        "identifier": [{"system": "https://elmsby.example/staff", "value": format!("STAFF-{}", id.to_uppercase())}],
        "name": [{"use": "official", "family": family, "given": [given], "prefix": [prefix], "text": format!("{prefix} {given} {family}")}]
    })
}

fn practitioner_role(id: &str, role: &str) -> Value {
    json!({
        "resourceType": "PractitionerRole", "id": format!("{id}-{role}"), "meta": META, "active": true,
        "practitioner": {"reference": format!("Practitioner/{id}")},
        "organization": {"reference": "Organization/elmsby"},
        "code": [{"text": role}]
    })
}
