//! Decisions on FHIR requests: with 20 scopes, whoever the patient is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that cannot be set up stops")]

use divan::{Bencher, black_box};
use http::Method;
use serde_json::{Value, json};
use vestibule_resource::{Decision, FhirRequest, FhirVersion, Interaction, Principal, Rules};

const BASE: &str = "https://ehr.example/fhir";
/// What US certification asks for, Observations by category.
const SCOPES: [&str; 20] = [
    "patient/AllergyIntolerance.rs",
    "patient/CarePlan.rs",
    "patient/CareTeam.rs",
    "patient/Condition.rs",
    "patient/Device.rs",
    "patient/DiagnosticReport.rs",
    "patient/DocumentReference.rs",
    "patient/Encounter.rs",
    "patient/Goal.rs",
    "patient/Immunization.rs",
    "patient/Location.rs",
    "patient/MedicationRequest.rs",
    "patient/Organization.rs",
    "patient/Patient.rs",
    "patient/Practitioner.rs",
    "patient/Procedure.rs",
    "patient/Provenance.rs",
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|survey",
];

fn main() {
    divan::main();
}

fn rules() -> Rules {
    Rules::new(FhirVersion::R4, BASE)
}

fn principal(patient: usize) -> Principal {
    let claims = json!({
        "aud": BASE, "sub": "u", "client_id": "app", "jti": "t", "exp": 2_000_000_000,
        "scope": SCOPES.join(" "), "patient": format!("p{patient}"),
    });
    Principal::of_living_token(claims.as_object().unwrap(), BASE).unwrap()
}

fn read(path: &str, query: Option<&str>) -> Interaction {
    FhirRequest::new(&Method::GET, path).with_query(query).read(&rules()).unwrap()
}

fn observation(at: usize) -> Value {
    json!({
        "resourceType": "Observation", "id": format!("o{at}"), "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "subject": {"reference": format!("Patient/p{}", at % 2)}, "performer": [{"reference": "Practitioner/lee"}],
    })
}

/// The goal: under 5 µs, and the same for every number of patients.
#[divan::bench(args = [1, 100, 10_000])]
fn decide_a_read(bencher: Bencher<'_, '_>, patients: usize) {
    let principals: Vec<Principal> = (0..patients).map(principal).collect();
    let (rules, interaction) = (rules(), read("/Observation/o1", None));
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 1) % patients;
        principals[at].decide(black_box(&interaction), &rules)
    });
}

#[divan::bench]
fn decide_a_search_with_includes(bencher: Bencher<'_, '_>) {
    let (rules, principal) = (rules(), principal(0));
    let interaction = read("/Observation", Some("patient=p0&category=survey&_include=Observation:performer"));
    bencher.bench_local(|| principal.decide(black_box(&interaction), &rules));
}

#[divan::bench]
fn read_a_request_and_decide(bencher: Bencher<'_, '_>) {
    let (rules, principal) = (rules(), principal(0));
    bencher.bench_local(|| {
        let request = FhirRequest::new(&Method::GET, black_box("/Observation/o1"));
        principal.decide(&request.read(&rules).unwrap(), &rules)
    });
}

#[divan::bench]
fn check_a_stored_resource(bencher: Bencher<'_, '_>) {
    let (rules, principal, stored) = (rules(), principal(0), observation(0));
    let Decision::PermitNarrowed(narrowing) = principal.decide(&read("/Observation/o0", None), &rules) else {
        return;
    };
    assert!(narrowing.check_result(&stored).is_permitted());
    bencher.bench_local(|| narrowing.check_result(black_box(&stored)));
}

/// Linear in the entries.
#[divan::bench(args = [10, 100, 1000])]
fn filter_a_bundle(bencher: Bencher<'_, '_>, entries: usize) {
    let (rules, principal) = (rules(), principal(0));
    let interaction = read("/Observation", Some("_include=Observation:performer"));
    let Decision::PermitNarrowed(narrowing) = principal.decide(&interaction, &rules) else { return };
    let entries: Vec<Value> =
        (0..entries).map(|at| json!({"resource": observation(at), "search": {"mode": "match"}})).collect();
    let bundle = json!({"resourceType": "Bundle", "type": "searchset", "entry": entries});
    bencher.with_inputs(|| bundle.clone()).bench_local_values(|mut bundle| {
        let removed = narrowing.filter_bundle(&mut bundle).removed;
        (removed, bundle)
    });
}
