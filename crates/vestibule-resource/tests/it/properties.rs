//! Laws, over random worlds, scopes and requests.

use std::collections::BTreeSet;

use http::Method;
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Value, json};
use vestibule_resource::{Decision, FhirRequest, FhirVersion, Interaction, Principal, Rules, Search};

use crate::fixtures::BASE;
use crate::world::{Dice, Owner, PATIENTS, Thing, World, name_of};

const SCOPES: [&str; 22] = [
    "patient/*.rs",
    "patient/Patient.rs",
    "patient/Observation.rs",
    "patient/Observation.rs?category=laboratory",
    "patient/Observation.rs?category=urn:c|vital-signs",
    "patient/Encounter.rs",
    "patient/AllergyIntolerance.rs",
    "patient/Appointment.rs",
    "patient/DocumentReference.rs",
    "patient/Binary.rs",
    "patient/Provenance.rs",
    "patient/Device.rs",
    "patient/Practitioner.rs",
    "patient/Location.rs",
    "patient/Task.rs",
    "user/Observation.rs?category=survey",
    "user/Patient.rs",
    "user/Practitioner.rs",
    "user/Encounter.rs",
    "user/Observation.rs",
    "user/Location.rs",
    "user/*.rs",
];

const REQUESTS: [&str; 34] = [
    "Observation",
    "Observation?category=laboratory",
    "Observation?status=final",
    "Observation?patient=ben",
    "Observation?_include=Observation:performer",
    "Observation?_include=Observation:subject&_include=Observation:encounter",
    "Observation?_include=Observation:encounter&_include:iterate=Encounter:location",
    "Observation?_include=*",
    "Observation?_revinclude=Provenance:target",
    "Observation?patient.gender=female",
    "Observation?subject:Patient.gender=male",
    "Observation?encounter:Encounter.status=finished",
    "Observation?performer:Practitioner.gender=female",
    "Observation?patient.general-practitioner:Practitioner.gender=male",
    "Observation?_has:Provenance:target:_id=t3",
    "Patient",
    "Patient?gender=female",
    "Patient?_revinclude=Observation:subject&_revinclude=AllergyIntolerance:patient",
    "Patient?_revinclude:iterate=Provenance:target&_revinclude=Encounter:patient",
    "Patient?_has:Observation:patient:status=final",
    "Patient?_has:Observation:performer:status=final",
    "Patient?_has:AllergyIntolerance:patient:_id=t1",
    "Patient?_has:Appointment:patient:status=booked",
    "Patient?_include=Patient:link",
    "Patient?general-practitioner:Practitioner.gender=male",
    "Encounter?_include=Encounter:participant&_revinclude=Observation:encounter",
    "Encounter?_has:Observation:encounter:status=final",
    "AllergyIntolerance?patient.gender=female",
    "Appointment?patient.gender=female&_include=Appointment:actor",
    "DocumentReference?_include=*",
    "Provenance?_include=Provenance:target",
    "Practitioner?_revinclude=Observation:performer",
    "?_type=Observation,Patient",
    "?_include=*",
];

fn rules() -> Rules {
    Rules::new(FhirVersion::R4, BASE)
}

fn principal(scopes: &[&str]) -> Principal {
    let claims = json!({
        "aud": BASE, "sub": "u", "client_id": "app", "jti": "t", "exp": 2_000_000_000, "scope": scopes.join(" "), "patient": "ann",
    });
    Principal::of_living_token(claims.as_object().unwrap(), BASE).unwrap()
}

fn read(method: &Method, request: &str) -> Interaction {
    let (path, query) = request.split_once('?').map_or((request, None), |(path, query)| (path, Some(query)));
    FhirRequest::new(method, path).with_query(query).read(&rules()).unwrap()
}

/// Whether a read shows the resource.
fn reads(principal: &Principal, world: &World, value: &Value) -> bool {
    match principal.decide(&read(&Method::GET, &name_of(value)), &rules()) {
        Decision::Permit(_) => true,
        Decision::PermitNarrowed(narrowing) => {
            narrowing.check_result_among(value, &world.known()).is_permitted()
        }
        Decision::Deny(_) => false,
    }
}

/// The names of what a search shows; `None` where it is denied.
fn searches(principal: &Principal, world: &World, search: &Search) -> Option<BTreeSet<String>> {
    let interaction = Interaction::Search(search.clone());
    let mut bundle = world.search(search);
    match principal.decide(&interaction, &rules()) {
        Decision::Permit(_) => (),
        Decision::PermitNarrowed(narrowing) => {
            narrowing.filter_bundle_among(&mut bundle, &world.known());
            assert_eq!(bundle.get("total"), None);
        }
        Decision::Deny(_) => return None,
    }
    Some(entries(&bundle).into_iter().collect())
}

/// The name of each entry.
fn entries(bundle: &Value) -> Vec<String> {
    let list = bundle["entry"].as_array().cloned().unwrap_or_default();
    list.iter().map(|it| name_of(&it["resource"])).collect()
}

/// What was meant when the resource was made: slow, and written from the requirements alone.
fn truth(scopes: &[&str], world: &World, thing: &Thing, depth: usize) -> bool {
    let kind = thing.value["resourceType"].as_str().unwrap();
    scopes.iter().any(|scope| {
        let (level, rest) = scope.split_once('/').unwrap();
        let (of, letters) = rest.split_once(".rs").unwrap();
        let category = letters.strip_prefix("?category=").map(|value| value.trim_start_matches("urn:c|"));
        let matches = (of == "*" || of == kind)
            && category.is_none_or(|category| kind == "Observation" && thing.categories.contains(&category));
        matches && (level == "user" || is_anns(scopes, world, thing, kind, depth))
    })
}

fn is_anns(scopes: &[&str], world: &World, thing: &Thing, kind: &str, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    let visible = |other: &Thing| {
        let anns = other.value["resourceType"] == "Patient" && other.value["id"] == PATIENTS[0];
        let patient = other.value["resourceType"] == "Patient";
        if patient { anns } else { truth(scopes, world, other, depth - 1) }
    };
    match thing.owner {
        Owner::One(patient) => patient == PATIENTS[0],
        Owner::Everybody => true,
        Owner::Nobody => false,
        Owner::AsVisibleAs if kind == "Binary" => {
            let documents = world.documents_of(thing.value["id"].as_str().unwrap());
            !documents.is_empty() && documents.into_iter().all(visible)
        }
        Owner::AsVisibleAs => thing.value["target"].as_array().unwrap().iter().all(|target| {
            let (kind, id) = target["reference"].as_str().unwrap().split_once('/').unwrap();
            world.get(kind, id).is_some_and(visible)
        }),
    }
}

/// A few scopes and a request, from dice.
fn drawn(seed: u64) -> (Vec<&'static str>, &'static str) {
    let mut dice = Dice(seed | 1);
    let count = 1 + dice.below(5);
    let scopes = (0..count).map(|_| dice.of(&SCOPES)).collect();
    (scopes, dice.of(&REQUESTS))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// SMART-SCOPE-043, SMART-SCOPE-045, SMART-SCOPE-060, SMART-SCOPE-064
    #[test]
    fn a_read_shows_what_is_the_patients(world in any::<u64>(), seed in any::<u64>()) {
        let (world, (scopes, _)) = (World::new(world), drawn(seed));
        let principal = principal(&scopes);
        for thing in &world.things {
            assert_eq!(
                reads(&principal, &world, &thing.value), truth(&scopes, &world, thing, 5),
                "{scopes:?} {}", thing.value
            );
        }
    }

    /// SMART-SCOPE-023, SMART-SCOPE-046
    #[test]
    fn a_search_shows_what_a_read_shows(world in any::<u64>(), seed in any::<u64>()) {
        let (world, (scopes, request)) = (World::new(world), drawn(seed));
        let principal = principal(&scopes);
        let Interaction::Search(search) = read(&Method::GET, request) else { panic!("{request}") };
        let Some(shown) = searches(&principal, &world, &search) else { return Ok(()) };
        for name in &shown {
            let (kind, id) = name.split_once('/').unwrap();
            let value = &world.get(kind, id).unwrap().value;
            assert!(reads(&principal, &world, value), "{scopes:?} {request} shows {value}");
        }
        // And no less: what a server would answer that holds nothing but what may be read.
        let visible = world.things.iter().filter(|thing| reads(&principal, &world, &thing.value));
        let bundle = World { things: visible.cloned().collect() }.search(&search);
        let expected: BTreeSet<String> = entries(&bundle).into_iter().collect();
        assert_eq!(shown, expected, "{scopes:?} {request}");
    }

    /// What an app may not see changes no answer that it gets: no chain, no `_has`, no include is an oracle.
    #[test]
    fn what_is_hidden_changes_nothing(world in any::<u64>(), seed in any::<u64>()) {
        let (world, (scopes, request)) = (World::new(world), drawn(seed));
        let principal = principal(&scopes);
        let Interaction::Search(search) = read(&Method::GET, request) else { panic!("{request}") };
        let visible = world.things.iter().filter(|thing| reads(&principal, &world, &thing.value));
        let without = World { things: visible.cloned().collect() };
        assert_eq!(
            searches(&principal, &world, &search), searches(&principal, &without, &search),
            "{scopes:?} {request}"
        );
    }
}

#[test]
fn the_requests_are_answered_often_enough() {
    let mut answered = BTreeSet::new();
    for seed in 0..20_000_u64 {
        let (scopes, request) = drawn(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        if !matches!(principal(&scopes).decide(&read(&Method::GET, request), &rules()), Decision::Deny(_)) {
            answered.insert(request);
        }
    }
    let never: Vec<&str> = REQUESTS.into_iter().filter(|request| !answered.contains(request)).collect();
    assert!(never.is_empty(), "{never:?}");
}

/// The laws above would notice a server that answers without filtering.
#[test]
fn an_unfiltered_answer_breaks_the_laws() {
    let leaks = |seed: &u64| {
        let (world, (scopes, request)) = (World::new(*seed), drawn(*seed));
        let principal = principal(&scopes);
        let Interaction::Search(search) = read(&Method::GET, request) else { panic!("{request}") };
        let Some(shown) = searches(&principal, &world, &search) else { return false };
        entries(&world.search(&search)).iter().any(|name| !shown.contains(name))
    };
    let seeds: Vec<u64> = (1..300_u64).map(|seed| seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    assert!(seeds.iter().filter(|seed| leaks(seed)).count() > 20);
}
