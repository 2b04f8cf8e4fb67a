//! What a search finds, without the question who may see it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use demo_ehr::fhir::query::{Query, QueryError};
use demo_ehr::records::{PATIENTS, Records, TYPES};

static CURRENT: LazyLock<Records> = LazyLock::new(Records::current);

fn query(kind: &str, text: &str) -> Result<Query, QueryError> {
    let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    Query::parse(kind, &pairs)
}

fn ids(kind: &str, text: &str) -> Vec<&'static str> {
    let query = query(kind, text).unwrap();
    CURRENT.of_type(kind).unwrap().iter().filter(|one| query.matches(one)).map(|one| one.id()).collect()
}

#[test]
fn the_hospital_has_what_it_promises() {
    assert!(PATIENTS.len() >= 12);
    for id in ["alice", "ben", "carol", "vip"] {
        assert!(CURRENT.get("Patient", id).is_some(), "{id}");
    }
    for (kind, id) in [("Practitioner", "lee"), ("Practitioner", "kim"), ("Person", "nobody")] {
        assert!(CURRENT.get(kind, id).is_some(), "{id}");
        assert!(Records::archive().get(kind, id).is_some(), "{id} in the archive");
    }
    for kind in [
        "Encounter",
        "Condition",
        "Observation",
        "MedicationRequest",
        "AllergyIntolerance",
        "Immunization",
        "DocumentReference",
        "Binary",
        "Procedure",
        "CarePlan",
        "Goal",
        "DiagnosticReport",
    ] {
        for patient in PATIENTS {
            assert!(CURRENT.of_patient(kind, patient.id).next().is_some(), "{kind} of {}", patient.id);
        }
    }
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    for records in [Records::current(), Records::archive()] {
        for kind in TYPES {
            let all = records.of_type(kind).unwrap();
            assert_eq!(all.iter().map(|one| one.id()).collect::<BTreeSet<_>>().len(), all.len(), "{kind}");
            let ours = |reference: &&str| {
                !reference.starts_with('#') && !reference.starts_with("https://other.example/")
            };
            for reference in all.iter().flat_map(|one| references(&one.resource)).filter(ours) {
                let (kind, id) = reference.split_once('/').unwrap();
                assert!(records.get(kind, id).is_some(), "{reference}");
            }
        }
    }
}

fn references(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value.as_str()) {
                ("reference", Some(text)) => vec![text],
                _ => references(value),
            })
            .collect(),
        serde_json::Value::Array(all) => all.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn both_bases_are_the_same_at_every_start_and_differ_from_each_other() {
    let ids = |records: &Records| -> Vec<String> {
        records.of_type("Observation").unwrap().iter().map(|one| one.id().to_owned()).collect()
    };
    assert_eq!(ids(&Records::current()), ids(&Records::current()));
    let archive = ids(&Records::archive());
    assert!(!archive.is_empty() && archive.iter().all(|id| id.starts_with("old-")));
}

#[test]
fn patients_are_found_by_what_is_known_of_them() {
    assert_eq!(ids("Patient", "_id=alice"), ["alice"]);
    assert_eq!(ids("Patient", "family=marlow"), ["alice", "ben"]);
    assert_eq!(ids("Patient", "name=Mar&given=b"), ["ben"]);
    assert_eq!(ids("Patient", "birthdate=1957-11-23"), ["carol"]);
    assert_eq!(ids("Patient", "birthdate=lt1940"), ["keiko"]);
    assert_eq!(ids("Patient", "birthdate=ge2009&birthdate=lt2010"), ["liam"]);
    assert_eq!(ids("Patient", "identifier=https://elmsby.example/mrn|MRN-CAROL"), ["carol"]);
    assert_eq!(ids("Patient", "identifier=MRN-CAROL"), ["carol"]);
    assert!(ids("Patient", "identifier=|MRN-CAROL").is_empty(), "it has a system");
    assert_eq!(ids("Patient", "_id=alice,carol").len(), 2);
    assert_eq!(ids("Patient", "name=%C3%81lvarez"), ["ines"]);
}

#[test]
fn clinical_records_are_found_by_patient_category_code_status_and_date() {
    let of_alice = ids("Observation", "patient=alice");
    assert!(of_alice.iter().all(|id| id.starts_with("alice-")));
    assert_eq!(of_alice, ids("Observation", "patient=Patient/alice"));
    assert_eq!(of_alice, ids("Observation", "subject=Patient/alice"));
    assert!(ids("Observation", "subject=Group/alice").is_empty());

    let laboratory = ids("Observation", "patient=alice&category=laboratory");
    let system = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
    assert_eq!(laboratory, ids("Observation", &format!("patient=alice&category={system}")));
    assert!(!laboratory.is_empty() && laboratory.len() < of_alice.len());
    assert!(ids("Observation", "category=urn:other|laboratory").is_empty());
    // A record of two categories is found by either (SMART-SCOPE-045).
    let sdoh = ids("Observation", "patient=alice&category=sdoh");
    let survey = ids("Observation", "patient=alice&category=survey");
    assert!(!sdoh.is_empty() && sdoh.iter().all(|id| survey.contains(id)));

    assert_eq!(ids("Observation", "patient=alice&code=http://loinc.org|2345-7").len(), 5);
    assert_eq!(ids("Observation", "patient=alice&code=http://loinc.org|").len(), of_alice.len());
    assert_eq!(ids("Observation", "patient=alice&date=2025-05&category=laboratory").len(), 2);
    assert_eq!(ids("Observation", "patient=alice&date=ge2026-01-01&code=2345-7").len(), 2);
    assert_eq!(ids("Encounter", "patient=alice&status=in-progress"), ["alice-enc-5"]);
    assert_eq!(ids("Encounter", "patient=alice&date=gt2026-12-01"), ["alice-enc-5"], "still going on");
    for category in ["encounter-diagnosis", "problem-list-item", "health-concern"] {
        assert!(!ids("Condition", &format!("patient=alice&category={category}")).is_empty(), "{category}");
    }
    assert!(!ids("MedicationRequest", "patient=alice&intent=order").is_empty());
    assert!(!ids("AllergyIntolerance", "patient=alice&clinical-status=active").is_empty());
}

/// SMART-SCOPE-045
#[test]
fn charts_are_not_all_tidy() {
    let labs = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
    let found = ids("Observation", &format!("patient=carol&category={labs}&category=vital-signs"));
    assert_eq!(found, ["carol-two-1"], "of both categories");
    assert!(!ids("Observation", &format!("category={labs}")).contains(&"carol-own-1"), "another system");
    assert!(ids("Observation", "category=laboratory").contains(&"carol-own-1"));
    let about = |kind: &str, id: &str| CURRENT.get(kind, id).unwrap().patients.clone();
    assert_eq!(about("Group", "sugar-study"), ["alice", "carol", "dina"]);
    assert_eq!(about("List", "ward-round"), ["alice", "carol"]);
    assert_eq!(about("Provenance", "prov-two"), ["alice", "carol"]);
    assert_eq!(about("AllergyIntolerance", "ben-alg-2"), ["ben"], "not who said it");
    assert_eq!(about("Binary", "carol-letter-text"), ["carol"], "through its document");
    for (kind, id) in
        [("Observation", "elsewhere-1"), ("Observation", "unknown-person-1"), ("Binary", "lost-note")]
    {
        assert!(about(kind, id).is_empty(), "{id}");
    }
}

#[test]
fn matches_come_in_the_order_that_was_asked_for() {
    let sorted = |kind: &str, text: &str| -> Vec<String> {
        let query = query(kind, text).unwrap();
        let mut found: Vec<_> =
            CURRENT.of_type(kind).unwrap().iter().filter(|one| query.matches(one)).cloned().collect();
        query.put_in_order(&mut found);
        found.iter().map(|one| one.id().to_owned()).collect()
    };
    let dates = |ids: &[String]| -> Vec<String> {
        let date =
            |id: &String| CURRENT.get("Observation", id).unwrap().resource["effectiveDateTime"].to_string();
        ids.iter().map(date).collect()
    };
    let ids = sorted("Observation", "patient=alice&_sort=-date,_id");
    let found = dates(&ids);
    assert!(found.len() == 40 && found.is_sorted_by(|a, b| a >= b), "{found:?}");
    assert!(ids.windows(2).all(|pair| dates(pair)[0] != dates(pair)[1] || pair[0] < pair[1]), "{ids:?}");
    assert_eq!(sorted("Patient", "family=marlow&_sort=-birthdate"), ["ben", "alice"]);
}

#[test]
fn what_is_not_understood_is_refused() {
    for (kind, text, error) in [
        ("Observation", "nonsense=1", QueryError::UnknownParameter("nonsense".into())),
        ("Observation", "family=marlow", QueryError::UnknownParameter("family".into())),
        ("Observation", "_include=Observation:nonsense", QueryError::Value("_include".into())),
        ("Observation", "_include:recurse=Observation:subject", QueryError::Value("_include:recurse".into())),
        ("Observation", "_revinclude=*", QueryError::Value("_revinclude".into())),
        ("Observation", "_sort=code", QueryError::Value("_sort".into())),
        ("Observation", "_summary=text", QueryError::Value("_summary".into())),
        ("Observation", "_elements=id", QueryError::UnknownParameter("_elements".into())),
        ("Observation", "code:in=x", QueryError::Modifier("code:in".into())),
        ("Observation", "patient.name=x", QueryError::Modifier("patient.name".into())),
        ("Observation", "date=yesterday", QueryError::Value("date".into())),
        ("Observation", "date=ap2026", QueryError::Value("date".into())),
        ("Observation", "category=", QueryError::Value("category".into())),
        ("Observation", "category=|", QueryError::Value("category".into())),
        ("Observation", "_count=-1", QueryError::Value("_count".into())),
        ("Observation", "_count=many", QueryError::Value("_count".into())),
        ("Observation", "_format=xml", QueryError::UnknownParameter("_format".into())),
    ] {
        assert_eq!(query(kind, text).unwrap_err(), error, "{text}");
    }
    let many = "code=a&".repeat(33);
    assert_eq!(query("Observation", &many).unwrap_err(), QueryError::TooMany);
    let alternatives = format!("code={}", "a,".repeat(200) + "a");
    assert_eq!(query("Observation", &alternatives).unwrap_err(), QueryError::TooMany);
}

#[test]
fn a_page_keeps_the_search_and_says_where_it_is() {
    let query = query("Observation", "patient=alice&category=laboratory&_count=2").unwrap();
    assert_eq!((query.count, query.offset), (2, 0));
    assert_eq!(query.page(0), "patient=alice&category=laboratory&_count=2");
    assert_eq!(query.page(2), "patient=alice&category=laboratory&_count=2&_offset=2");
    let largest = self::query("Observation", "_count=100000").unwrap();
    assert_eq!(largest.count, 200);
}

#[test]
fn the_patients_a_search_names_are_known() {
    let named = |kind: &'static str, text| -> Vec<String> {
        query(kind, text).unwrap().patients(kind).map(str::to_owned).collect()
    };
    assert_eq!(named("Observation", "patient=alice,Patient/ben&code=x"), ["alice", "ben"]);
    assert_eq!(named("Patient", "_id=alice"), ["alice"]);
    assert!(named("Observation", "_id=alice").is_empty());
}
