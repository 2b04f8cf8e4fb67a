//! What scopes allow.

use http::Method;
use serde_json::json;
use vestibule_resource::{Decision, FhirRequest, FhirVersion, Principal, Reach, Rules};
use vestibule_scope::{Permission, ResourceType};

use crate::fixtures::{BASE, principal, with_scope};

fn of(name: &str) -> ResourceType {
    ResourceType::from_name(name).unwrap()
}

fn rules() -> Rules {
    Rules::new(FhirVersion::R4, BASE)
}

/// What a permission reaches, in a few letters.
fn may(scope: &str, permission: Permission, name: &str) -> String {
    let part = |part: &vestibule_resource::Part| {
        let level = part.patient().map_or("user", |patient| patient.as_str());
        format!("{level}?{}", part.constraint().map_or("", |constraint| constraint.as_str()))
    };
    match with_scope(scope).reach(of(name), permission, &rules()) {
        Reach::Nothing => "no".to_owned(),
        Reach::Everything(_) => "all".to_owned(),
        Reach::Parts(parts) => parts.iter().map(part).collect::<Vec<_>>().join(" or "),
    }
}

/// SMART-SCOPE-020
#[test]
fn letters_are_interactions() {
    use Permission::{Create, Delete, Read, Search, Update};
    for (letters, allowed) in [
        ("c", &[Create][..]),
        ("r", &[Read]),
        ("u", &[Update]),
        ("d", &[Delete]),
        ("s", &[Search]),
        ("rs", &[Read, Search]),
        ("cruds", &[Create, Read, Update, Delete, Search]),
        ("read", &[Read, Search]),
        ("write", &[Create, Update, Delete]),
        ("*", &[Create, Read, Update, Delete, Search]),
    ] {
        for permission in Permission::ALL {
            let expected = if allowed.contains(&permission) { "all" } else { "no" };
            assert_eq!(
                may(&format!("user/Observation.{letters}"), permission, "Observation"),
                expected,
                "SMART-SCOPE-020"
            );
        }
    }
}

/// SMART-SCOPE-026, SMART-SCOPE-043, SMART-SCOPE-069
#[test]
fn levels_are_reach() {
    use Permission::Read;
    assert_eq!(may("patient/Observation.r", Read, "Observation"), "p-1?");
    assert_eq!(may("patient/*.r", Read, "Observation"), "p-1?");
    assert_eq!(may("patient/Observation.r", Read, "Condition"), "no", "SMART-SCOPE-026");
    assert_eq!(
        may("user/Observation.r patient/Observation.r", Read, "Observation"),
        "all",
        "SMART-SCOPE-043"
    );
    assert_eq!(may("system/*.r", Read, "Observation"), "all");
    assert_eq!(may("openid fhirUser launch/patient offline_access", Read, "Patient"), "no");
    assert_eq!(may("https://ehr.example/scope/all", Read, "Patient"), "no");
}

/// SMART-SCOPE-040
#[test]
fn constraints_are_handed_to_the_server() {
    use Permission::{Read, Search};
    let labs = "patient/Observation.rs?category=laboratory";
    assert_eq!(may(labs, Search, "Observation"), "p-1?category=laboratory");
    assert_eq!(
        may(&format!("{labs} patient/Observation.rs?category=survey"), Read, "Observation"),
        "p-1?category=laboratory or p-1?category=survey"
    );
    assert_eq!(may(&format!("{labs} patient/Observation.r"), Read, "Observation"), "p-1?");
    assert_eq!(
        may(&format!("{labs} patient/Observation.r"), Search, "Observation"),
        "p-1?category=laboratory"
    );
    assert_eq!(may(&format!("{labs} user/Observation.s"), Search, "Observation"), "all");
    assert_eq!(
        may("patient/Observation.r user/Observation.r?code=x", Read, "Observation"),
        "p-1? or user?code=x",
        "all of the patient's, and some of everybody's"
    );
}

/// What is said to a request.
fn asked(principal: &Principal, method: Method, path: &str) -> &'static str {
    let interaction = FhirRequest::new(&method, path).read(&rules()).unwrap();
    match principal.decide(&interaction, &rules()) {
        Decision::Permit(_) => "all",
        Decision::PermitNarrowed(_) => "some",
        Decision::Deny(_) => "no",
    }
}

/// SMART-IDT-014
#[test]
fn the_user_may_read_who_they_are() {
    let lee =
        |scope: &str, user: &str| principal(&[("scope", json!(scope)), ("fhirUser", json!(user))]).unwrap();
    let url = "https://ehr.example/fhir/Practitioner/lee";
    let read = |principal: &Principal, path: &str| asked(principal, Method::GET, path);

    let principal = lee("openid fhirUser patient/Observation.rs", url);
    assert_eq!(read(&principal, "/Practitioner/lee"), "all", "SMART-IDT-014");
    assert_eq!(read(&principal, "/Practitioner/kim"), "no", "exactly that resource");
    assert_eq!(read(&principal, "/Patient/lee"), "no");
    assert_eq!(read(&principal, "/Practitioner"), "no", "a read is no search");
    assert_eq!(asked(&principal, Method::PUT, "/Practitioner/lee"), "no");
    assert_eq!(read(&principal, "/Observation/o"), "some", "the scopes count as ever");

    assert_eq!(read(&lee("openid fhirUser", "Practitioner/lee"), "/Practitioner/lee"), "all");
    assert_eq!(read(&lee("openid profile", url), "/Practitioner/lee"), "all", "as SMART 1.0 asks for it");
    assert_eq!(read(&lee("openid", url), "/Practitioner/lee"), "no", "the claim alone grants nothing");
    let elsewhere = "https://ehr.example/archive/fhir/Practitioner/lee";
    assert_eq!(read(&lee("openid fhirUser", elsewhere), "/Practitioner/lee"), "no");
}
