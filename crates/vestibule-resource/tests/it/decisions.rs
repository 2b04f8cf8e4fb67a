//! What scopes allow.

use serde_json::json;
use vestibule_resource::{Decision, Interaction};
use vestibule_scope::ResourceType;

use crate::fixtures::{principal, with_scope};

fn of(name: &str) -> ResourceType {
    ResourceType::from_name(name).unwrap()
}

/// A decision in a few letters.
fn shown(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Permit => "all".to_owned(),
        Decision::PermitForPatient(patient) => format!("patient {}", patient.as_str()),
        Decision::PermitFiltered(parts) => {
            let part = |part: &vestibule_resource::Part<'_>| {
                let level = if part.patient.is_some() { "patient" } else { "user" };
                format!("{level}?{}", part.constraint.map_or("", |constraint| constraint.as_str()))
            };
            parts.iter().map(part).collect::<Vec<_>>().join(" or ")
        }
        Decision::Deny => "no".to_owned(),
    }
}

fn may(scope: &str, interaction: Interaction, name: &str) -> String {
    shown(&with_scope(scope).may(interaction, of(name)))
}

/// SMART-SCOPE-020
#[test]
fn letters_are_interactions() {
    use Interaction::{Create, Delete, Read, Search, Update};
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
        for interaction in [Create, Read, Update, Delete, Search] {
            let expected = if allowed.contains(&interaction) { "all" } else { "no" };
            assert_eq!(
                may(&format!("user/Observation.{letters}"), interaction, "Observation"),
                expected,
                "SMART-SCOPE-020"
            );
        }
    }
}

/// SMART-SCOPE-026, SMART-SCOPE-043, SMART-SCOPE-069
#[test]
fn levels_are_reach() {
    use Interaction::Read;
    assert_eq!(may("patient/Observation.r", Read, "Observation"), "patient p-1");
    assert_eq!(may("patient/*.r", Read, "Observation"), "patient p-1");
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

#[test]
fn constraints_are_handed_to_the_server() {
    use Interaction::{Read, Search};
    let labs = "patient/Observation.rs?category=laboratory";
    assert_eq!(may(labs, Search, "Observation"), "patient?category=laboratory");
    assert_eq!(
        may(&format!("{labs} patient/Observation.rs?category=survey"), Read, "Observation"),
        "patient?category=laboratory or patient?category=survey"
    );
    assert_eq!(may(&format!("{labs} patient/Observation.r"), Read, "Observation"), "patient p-1");
    assert_eq!(
        may(&format!("{labs} patient/Observation.r"), Search, "Observation"),
        "patient?category=laboratory"
    );
    assert_eq!(may(&format!("{labs} user/Observation.s"), Search, "Observation"), "all");
    assert_eq!(
        may("patient/Observation.r user/Observation.r?code=x", Read, "Observation"),
        "patient? or user?code=x",
        "all of the patient's, and some of everybody's"
    );
}

/// SMART-IDT-014
#[test]
fn the_user_may_read_who_they_are() {
    let lee =
        |scope: &str, user: &str| principal(&[("scope", json!(scope)), ("fhirUser", json!(user))]).unwrap();
    let url = "https://ehr.example/fhir/Practitioner/lee";
    let read = |principal: &vestibule_resource::Principal, name: &str, id: &str| {
        shown(&principal.may_read(of(name), id))
    };

    let principal = lee("openid fhirUser patient/Observation.rs", url);
    assert_eq!(read(&principal, "Practitioner", "lee"), "all", "SMART-IDT-014");
    assert_eq!(read(&principal, "Practitioner", "kim"), "no", "exactly that resource");
    assert_eq!(read(&principal, "Patient", "lee"), "no");
    assert_eq!(shown(&principal.may(Interaction::Read, of("Practitioner"))), "no");
    assert_eq!(shown(&principal.may(Interaction::Update, of("Practitioner"))), "no");
    assert_eq!(read(&principal, "Observation", "o"), "patient p-1", "the scopes count as ever");

    assert_eq!(read(&lee("openid fhirUser", "Practitioner/lee"), "Practitioner", "lee"), "all");
    assert_eq!(read(&lee("openid profile", url), "Practitioner", "lee"), "all", "as SMART 1.0 asks for it");
    assert_eq!(read(&lee("openid", url), "Practitioner", "lee"), "no", "the claim alone grants nothing");
    let elsewhere = "https://ehr.example/archive/fhir/Practitioner/lee";
    assert_eq!(read(&lee("openid fhirUser", elsewhere), "Practitioner", "lee"), "no");
}
