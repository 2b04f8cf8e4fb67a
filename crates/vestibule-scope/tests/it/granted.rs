//! The guide's grant outcomes, as far as they are algebra: what was asked, the ceiling, what comes back.

use vestibule_scope::{Narrowed, ResourceType, Scope, ScopeList, ScopeSet, categories_of};

use crate::{scope, set};

/// What a server would answer: each requested scope narrowed by the ceiling.
fn granted(requested: &str, ceiling: &ScopeSet) -> String {
    let list = ScopeList::parse(requested).unwrap();
    let granted: ScopeSet = list.scopes().flat_map(|scope| ceiling.narrow(scope).into_scopes()).collect();
    granted.to_string()
}

#[test]
fn read_only_client_gets_read_and_search() {
    assert_eq!(
        granted("patient/AllergyIntolerance.cruds", &set("patient/*.rs")),
        "patient/AllergyIntolerance.rs"
    );
}

/// SMART-SCOPE-047
#[test]
fn ticked_categories_replace_the_resource_level_scope() {
    let asked = scope("patient/Observation.rs");
    let observation = ResourceType::from_name("Observation").unwrap();
    let ticked: ScopeSet = categories_of(observation)
        .iter()
        .filter(|category| ["Laboratory", "Vital Signs"].contains(&category.label))
        .filter_map(|category| asked.refined(category))
        .collect();
    let system = "http://terminology.hl7.org/CodeSystem/observation-category";
    let wanted = format!(
        "patient/Observation.rs?category={system}|laboratory patient/Observation.rs?category={system}|vital-signs"
    );
    assert_eq!(granted("patient/Observation.rs", &ticked), wanted);
    assert!(!ticked.covers(&asked), "SMART-SCOPE-047");
}

#[test]
fn a_category_of_a_v1_scope_is_a_v2_scope() {
    let condition = ResourceType::from_name("Condition").unwrap();
    let problems = categories_of(condition).iter().find(|category| category.label == "Problem List").unwrap();
    let refined = scope("patient/Condition.read").refined(problems).unwrap();
    let wanted = "patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item";
    assert_eq!(refined.as_str(), wanted);
    assert_eq!(granted("patient/Condition.read", &ScopeSet::from_iter([refined])), wanted);
}

#[test]
fn categories_are_those_of_the_table() {
    let labels = |name| {
        let resource_type = ResourceType::from_name(name).unwrap();
        categories_of(resource_type).iter().map(|category| category.label).collect::<Vec<_>>()
    };
    assert_eq!(labels("Condition"), ["Encounter Diagnosis", "Problem List", "Health Concern"]);
    assert_eq!(
        labels("Observation"),
        ["Laboratory", "Social History", "SDOH", "Survey", "Vital Signs", "Clinical Test"]
    );
    assert!(labels("Patient").is_empty());
    for resource_type in ResourceType::all() {
        for category in categories_of(resource_type) {
            assert_eq!(category.resource_type, resource_type.name());
            assert!(category.constraint().is_some(), "{}", category.label);
        }
    }
}

#[test]
fn refining_keeps_level_and_permissions_and_leaves_other_types_alone() {
    let observation = ResourceType::from_name("Observation").unwrap();
    let survey = &categories_of(observation)[3];
    let category = "category=http://terminology.hl7.org/CodeSystem/observation-category|survey";
    assert_eq!(
        scope("user/*.cr").refined(survey).unwrap().as_str(),
        format!("user/Observation.cr?{category}")
    );
    assert_eq!(
        scope("patient/Observation.r?status=final").refined(survey).unwrap().as_str(),
        format!("patient/Observation.r?status=final&{category}")
    );
    let already = scope(&format!("patient/Observation.r?{category}"));
    assert_eq!(already.refined(survey), Some(already.clone()));
    assert_eq!(scope("patient/Condition.rs").refined(survey), None);
    assert_eq!(scope("openid").refined(survey), None);
}

#[test]
fn refused_offline_access_leaves_the_rest() {
    let consent = set("launch/patient patient/*.rs");
    assert_eq!(
        granted("launch/patient offline_access patient/*.rs", &consent),
        "launch/patient patient/*.rs"
    );
}

#[test]
fn three_allowed_types_are_three_scopes_and_no_wildcard() {
    let allowed = set("patient/Condition.rs patient/Goal.rs patient/Observation.rs");
    assert_eq!(granted("patient/*.rs", &allowed), allowed.to_string());
}

#[test]
fn policy_without_delete_takes_the_letter_away() {
    assert_eq!(granted("user/*.cruds", &set("user/*.crus")), "user/*.crus");
}

/// SMART-BACK-018
#[test]
fn system_wildcard_shrinks_to_what_was_pre_authorized() {
    assert_eq!(granted("system/*.cruds", &set("system/Observation.rs")), "system/Observation.rs");
    assert_eq!(granted("system/Condition.rs", &set("system/Observation.rs")), "");
}

#[test]
fn untouched_scopes_are_echoed_in_their_spelling() {
    let ceiling = set("patient/*.cruds launch/patient openid");
    for text in [
        "patient/Observation.read",
        "patient/*.*",
        "patient/Observation.rs?category=http://a.example/x|y",
        "patient/Observation.rs?category=b,a&category=b,a",
        "patient/Observation.rs?code=%61",
        "launch/patient",
        "openid",
    ] {
        assert_eq!(ceiling.narrow(&scope(text)), Narrowed::Whole(scope(text)));
    }
}

#[test]
fn part_of_a_v1_scope_is_v1_where_a_word_fits_and_v2_elsewhere() {
    for (asked, ceiling, answer) in [
        ("patient/Observation.write", "patient/*.c", "patient/Observation.c"),
        ("patient/Observation.*", "patient/*.rs", "patient/Observation.read"),
        ("patient/Observation.*", "patient/*.cud", "patient/Observation.write"),
        ("patient/*.read", "patient/Condition.cruds", "patient/Condition.read"),
        ("patient/Observation.cruds", "patient/*.read", "patient/Observation.rs"),
        ("patient/Observation.*", "patient/*.r patient/*.s", "patient/Observation.read"),
        ("patient/Observation.write", "patient/*.c patient/*.u", "patient/Observation.cu"),
    ] {
        assert_eq!(granted(asked, &set(ceiling)), answer, "{asked} under {ceiling}");
    }
}

#[test]
fn members_of_a_ceiling_cover_together() {
    let split = set("patient/Observation.r patient/*.s");
    assert_eq!(granted("patient/Observation.read", &split), "patient/Observation.read");
    // The part that another part covers is left out.
    assert_eq!(
        granted("patient/Observation.crs", &set("patient/Observation.rs?category=a patient/Observation.rs")),
        "patient/Observation.rs"
    );
    assert_eq!(
        granted("patient/*.rs", &set("patient/*.r patient/Observation.rs")),
        "patient/*.r patient/Observation.rs"
    );
}

#[test]
fn constraints_meet_in_a_conjunction() {
    for (asked, ceiling, answer) in [
        ("patient/Observation.rs", "patient/*.rs?category=a", "patient/Observation.rs?category=a"),
        ("patient/Observation.rs?category=a", "patient/*.rs?category=a", "patient/Observation.rs?category=a"),
        (
            "patient/Observation.rs?status=final",
            "patient/*.rs?category=a",
            "patient/Observation.rs?status=final&category=a",
        ),
        // One resource may have both categories.
        (
            "patient/Observation.rs?category=a,b",
            "patient/*.rs?category=b,c",
            "patient/Observation.rs?category=a,b&category=b,c",
        ),
        (
            "patient/Observation.rs?category=a,b",
            "patient/*.rs?category=b",
            "patient/Observation.rs?category=b",
        ),
        (
            "patient/Observation.rs?category=a",
            "patient/*.rs?category=a,b",
            "patient/Observation.rs?category=a",
        ),
        // A pair is written once, and not where a narrower one stands beside it.
        (
            "patient/Observation.rs?category=a&status=x",
            "patient/*.rs?category=a&code=y",
            "patient/Observation.rs?category=a&status=x&code=y",
        ),
        (
            "patient/Observation.rs?category=a,b&status=x",
            "patient/*.rs?category=a",
            "patient/Observation.rs?status=x&category=a",
        ),
        (
            "patient/Observation.rs?category=a",
            "patient/*.rs?category=a,b&status=x",
            "patient/Observation.rs?category=a&status=x",
        ),
        // What a comma means under a modifier is not known, so nothing is left out.
        (
            "patient/Observation.rs?code:not=a",
            "patient/*.rs?code:not=a,b",
            "patient/Observation.rs?code:not=a&code:not=a,b",
        ),
    ] {
        assert_eq!(granted(asked, &set(ceiling)), answer, "{asked} under {ceiling}");
    }
}

#[test]
fn a_conjunction_past_the_limits_is_not_granted() {
    let pairs = |prefix: &str| {
        let pairs: Vec<String> = (0..9).map(|at| format!("{prefix}{at}=x")).collect();
        Scope::parse(&format!("patient/Observation.rs?{}", pairs.join("&"))).unwrap()
    };
    assert_eq!(pairs("a").intersect(&pairs("b")), None);
    assert_eq!(pairs("a").intersect(&pairs("a")), Some(pairs("a")));
}
