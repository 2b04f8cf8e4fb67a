//! What is hidden looks like what is not there, and nothing of it shows in what comes along.

use http::StatusCode;

use crate::fhir::{App, ids};

const LABS: &str =
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";

/// SMART-SCOPE-046, IPA-015
#[tokio::test]
async fn a_foreign_record_and_a_missing_one_look_the_same() {
    let bens = App::new("alice", Some("ben"), "patient/*.rs").await;
    let labs = App::new("alice", Some("alice"), LABS).await;
    let kims = App::new("nurse-kim", None, "user/*.rs").await;
    for (app, hidden, missing) in [
        (&bens, "/Observation/alice-glu-1", "/Observation/alice-glu-999"),
        (&bens, "/Observation/vip-glu-1", "/Observation/vip-glu-999"),
        (&bens, "/Observation/carol-glu-1/_history", "/Observation/carol-glu-999/_history"),
        (&bens, "/Observation/carol-glu-1/_history/1", "/Observation/carol-glu-999/_history/1"),
        (&bens, "/Patient/vip", "/Patient/nosuch"),
        (&bens, "/Patient/vip/$everything", "/Patient/nosuch/$everything"),
        (&bens, "/Patient/vip/Observation", "/Patient/nosuch/Observation"),
        (&bens, "/Observation?patient=vip", "/Observation?patient=nosuch"),
        (&bens, "/Provenance/prov-vip", "/Provenance/prov-nosuch"),
        (&bens, "/Group/sugar-study", "/Group/nosuch"),
        (&bens, "/Person/nobody", "/Person/nosuch"),
        (&labs, "/Observation/alice-bp-1", "/Observation/alice-bp-999"),
        (&kims, "/Patient/vip", "/Patient/nosuch"),
        (&kims, "/Patient/vip/$everything", "/Patient/nosuch/$everything"),
        (&kims, "/Observation?patient=vip", "/Observation?patient=nosuch"),
        (&kims, "/Observation/vip-glu-1", "/Observation/vip-glu-999"),
        (&kims, "/Binary/lost-note", "/Binary/nosuch"),
    ] {
        let (hidden_answer, missing_answer) = (app.get(hidden).await, app.get(missing).await);
        assert!(hidden_answer.status.is_client_error(), "{hidden}");
        assert_eq!(hidden_answer.status, missing_answer.status, "{hidden}");
        assert_eq!(hidden_answer.body, missing_answer.body, "{hidden}");
        assert_eq!(hidden_answer.headers, missing_answer.headers, "{hidden}");
        assert_eq!(hidden_answer.json()["resourceType"], "OperationOutcome");
    }
}

/// SMART-SCOPE-023
#[tokio::test]
async fn nothing_comes_along_that_could_not_be_read_alone() {
    let search = "/Observation?_id=alice-glu-1&_include=Observation:performer&_include=Observation:encounter\
                  &_include=Observation:subject&_revinclude=Provenance:target&_revinclude=DiagnosticReport:result";
    let with = async |scopes: &str| {
        let mut found = App::new("alice", Some("alice"), scopes).await.finds(search).await;
        found.sort();
        found
    };
    assert_eq!(with("patient/Observation.rs").await, ["alice-glu-1"]);
    assert_eq!(with("patient/Observation.rs patient/Practitioner.r").await, ["alice-glu-1", "lee"]);
    assert_eq!(with("patient/Observation.rs patient/Encounter.s").await, ["alice-enc-1", "alice-glu-1"]);
    assert_eq!(
        with("patient/Observation.rs patient/Provenance.r").await,
        ["alice-glu-1", "prov-alice"],
        "the other Provenance tells of Carol too"
    );
    assert_eq!(
        with("patient/*.rs").await,
        ["alice", "alice-enc-1", "alice-glu-1", "alice-rep-1", "lee", "prov-alice"]
    );
    // A user's scopes open what the user may open.
    let lee = App::new("dr-lee", None, "user/*.rs").await;
    assert!(lee.finds(search).await.contains(&"prov-two".to_owned()));
    // From what came along, further.
    let dina = "/MedicationDispense?_include=MedicationDispense:prescription&_include:iterate=MedicationRequest:requester";
    let of_dina = App::new("dr-lee", Some("dina"), "patient/*.rs").await.finds(dina).await;
    assert_eq!(of_dina, ["dina-dispense", "dina-order", "lee"]);
    let cut = App::new("dr-lee", Some("dina"), "patient/MedicationDispense.rs patient/Practitioner.rs").await;
    assert_eq!(cut.finds(dina).await, ["dina-dispense"], "what is hidden is not gone through");
}

/// SMART-SCOPE-020, SMART-SCOPE-023
#[tokio::test]
async fn what_may_be_read_is_not_found_by_that() {
    let scopes = LABS.replace(".rs?", ".s?") + " patient/Observation.r patient/Practitioner.r";
    let app = App::new("alice", Some("alice"), &scopes).await;
    assert_eq!(app.status("/Observation/alice-bp-1").await, 200);
    let plain = app.finds("/Observation").await;
    assert_eq!(plain.len(), 10);
    let mut with_include = app.finds("/Observation?_include=Observation:performer").await;
    assert_eq!(with_include.pop().as_deref(), Some("lee"));
    assert_eq!(with_include, plain);
}

#[tokio::test]
async fn a_total_counts_what_is_shown() {
    let app = App::new("alice", Some("alice"), LABS).await;
    for path in ["/Observation?_summary=count", "/Observation?_count=0", "/Observation?_count=3"] {
        let answer = app.get(path).await;
        assert_eq!(answer.json()["total"], 10, "{path}");
    }
    let count = app.get("/Observation?_summary=count").await;
    assert!(ids(&count).is_empty());
    let other = app.get("/Observation?_summary=count&category=vital-signs").await;
    assert_eq!(other.json()["total"], 0);
}

/// SMART-SCOPE-064
#[tokio::test]
async fn what_is_about_several_or_nobody_belongs_to_nobody() {
    let carols = App::new("carol", Some("carol"), "patient/*.rs").await;
    for (path, status) in [
        ("/Observation/carol-glu-1", 200),
        ("/Binary/carol-letter-text", 200),
        ("/Device/carol-meter", 200),
        ("/List/carol-problems", 200),
        ("/Appointment/carol-check", 200),
        ("/Medication/nitroglycerin", 200),
        ("/Binary/lost-note", 404),
        ("/List/ward-round", 404),
        ("/Group/sugar-study", 404),
        ("/Provenance/prov-two", 404),
        ("/Observation/elsewhere-1", 404),
        ("/Observation/unknown-person-1", 404),
    ] {
        assert_eq!(carols.status(path).await, status, "{path}");
    }
    let alices = App::new("alice", Some("alice"), "patient/*.rs").await;
    for path in [
        "/AllergyIntolerance/ben-alg-2",
        "/Device/carol-meter",
        "/Appointment/family-talk",
        "/Observation/elsewhere-1",
    ] {
        assert_eq!(alices.status(path).await, 404, "{path}");
    }
    let lee = App::new("dr-lee", None, "user/*.rs").await;
    assert_eq!(lee.status("/Group/sugar-study").await, 200);
    assert_eq!(lee.status("/Provenance/prov-two").await, 200);
    assert_eq!(lee.status("/Provenance/prov-vip").await, 404);
    assert_eq!(App::new("nurse-kim", None, "user/*.rs").await.status("/Group/sugar-study").await, 404);
}

/// SMART-SCOPE-024
#[tokio::test]
async fn everything_of_a_patient_is_what_the_scopes_leave_of_it() {
    let types = |answer: &crate::browser::Answer| {
        let bundle = answer.json();
        let entries = bundle["entry"].as_array().unwrap();
        let mut types: Vec<String> = entries
            .iter()
            .map(|entry| entry["resource"]["resourceType"].as_str().unwrap().to_owned())
            .collect();
        types.dedup();
        types.sort();
        types.dedup();
        types
    };
    let app =
        App::new("alice", Some("ben"), "patient/Patient.rs patient/Observation.rs patient/Condition.r").await;
    let answer = app.get("/Patient/ben/$everything?_count=200").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(types(&answer), ["Observation", "Patient"], "Condition needs both letters");
    let whole = App::new("alice", Some("ben"), "patient/*.rs").await;
    let answer = whole.get("/Patient/ben/$everything?_count=200").await;
    let found = types(&answer);
    for kind in ["Practitioner", "Location", "Organization", "Provenance", "Encounter", "RelatedPerson"] {
        assert!(found.contains(&kind.to_owned()), "{kind}: {found:?}");
    }
    assert!(!ids(&answer).contains(&"alice".to_owned()));
    let some = whole.get("/Patient/ben/$everything?_type=Immunization,Patient").await;
    assert_eq!(types(&some), ["Immunization", "Patient"]);
    let without = App::new("alice", Some("ben"), "patient/Observation.rs").await;
    assert_eq!(without.status("/Patient/ben/$everything").await, 403, "the patient is part of it");
    for path in
        ["/Patient/$everything", "/Patient/ben/$everything?_since=2026", "/Observation/ben-glu-1/$meta"]
    {
        assert!(whole.get(path).await.status.is_client_error(), "{path}");
    }
}
