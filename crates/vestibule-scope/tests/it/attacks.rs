//! Attacks on negotiation that the algebra must withstand by itself (A-SCOPE).

use vestibule_scope::{ListError, Narrowed, Permission, ResourceType, Scope, ScopeError, ScopeList};

use crate::{scope, set};

#[test]
fn a_scope_03_wildcards_do_not_escalate() {
    let allowed = set("patient/Observation.rs");
    assert_eq!(
        allowed.narrow(&scope("patient/*.rs")),
        Narrowed::Parts(vec![scope("patient/Observation.rs")])
    );
    let every_type: String = ResourceType::all()
        .map(|resource_type| format!("patient/{resource_type}.rs"))
        .collect::<Vec<_>>()
        .join(" ");
    assert!(!set(&every_type).covers(&scope("patient/*.rs")), "a wildcard means later types too");
}

#[test]
fn a_scope_04_prefixes_mean_nothing() {
    let allowed = set("patient/Observation.r");
    assert_eq!(allowed.narrow(&scope("patient/ObservationDefinition.r")), Narrowed::Nothing);
    assert_eq!(
        allowed.narrow(&scope("patient/Observation.rs")),
        Narrowed::Parts(vec![scope("patient/Observation.r")])
    );
    let filtered = scope("patient/Observation.r?code=y");
    assert_eq!(allowed.narrow(&filtered), Narrowed::Whole(filtered));
}

#[test]
fn a_scope_05_a_dropped_constraint_comes_back() {
    let allowed = set("patient/Observation.rs?category=laboratory");
    assert_eq!(
        allowed.narrow(&scope("patient/Observation.rs")),
        Narrowed::Parts(vec![scope("patient/Observation.rs?category=laboratory")])
    );
    assert_eq!(
        allowed.narrow(&scope("patient/Observation.read")),
        Narrowed::Parts(vec![scope("patient/Observation.rs?category=laboratory")])
    );
}

#[test]
fn a_scope_07_mixed_dialects_are_granted_letter_by_letter() {
    let allowed = set("patient/Observation.crs");
    assert_eq!(
        allowed.narrow(&scope("patient/Observation.read")),
        Narrowed::Whole(scope("patient/Observation.read"))
    );
    assert_eq!(
        allowed.narrow(&scope("patient/Observation.cud")),
        Narrowed::Parts(vec![scope("patient/Observation.c")])
    );
    let both = set("patient/Observation.read patient/Observation.cud");
    assert!(both.covers(&scope("patient/Observation.cruds")));
}

/// SMART-SCOPE-003
#[test]
fn a_scope_10_to_12_malformed_suffixes_grant_nothing() {
    for text in [
        "patient/Observation.rr",
        "patient/Observation.rsr",
        "patient/Observation.sr",
        "patient/Observation.dc",
        "patient/Observation.RS",
        "patient/Observation.",
        "Patient/Observation.rs",
        "patient/observation.rs",
    ] {
        assert!(Scope::parse(text).is_err(), "{text}");
        assert_eq!(ScopeList::parse(text).unwrap().scopes().count(), 0, "{text}");
    }
}

/// SMART-SCOPE-001
#[test]
fn a_scope_14_only_single_spaces_separate() {
    for (text, error) in [
        ("openid\nfhirUser", ListError::Character),
        ("openid\rfhirUser", ListError::Character),
        ("openid\tfhirUser", ListError::Character),
        ("openid\u{a0}fhirUser", ListError::Character),
        ("openid\u{2028}fhirUser", ListError::Character),
        ("openid  fhirUser", ListError::Spacing),
        (" openid", ListError::Spacing),
        ("openid ", ListError::Spacing),
        (" ", ListError::Spacing),
    ] {
        assert_eq!(ScopeList::parse(text).map(|list| list.len()), Err(error), "{text:?}");
    }
}

#[test]
fn a_scope_15_and_16_no_control_character_comes_in() {
    for text in [
        "patient/Observation.rs\nAPPROVED admin",
        "openid\0",
        "openid\u{7f}",
        "ｏｐｅｎｉｄ",
        "open\"id",
        "open\\id",
        "openid\u{1b}[31m",
    ] {
        assert_eq!(ScopeList::parse(text).map(|list| list.len()), Err(ListError::Character), "{text:?}");
    }
    // Nor by the way of an escape in a constraint.
    assert_eq!(Scope::parse("patient/Observation.rs?code=a%0AAPPROVED"), Err(ScopeError::Escape));
    assert_eq!(Scope::parse("patient/Observation.rs?code=a%C2%85"), Err(ScopeError::Escape));
}

#[test]
fn a_scope_18_doubles_collapse_and_keep_the_first_place() {
    let list =
        ScopeList::parse("openid patient/Observation.r openid patient/Observation.r fhirUser").unwrap();
    let texts: Vec<&str> = list.iter().map(|requested| &*requested.text).collect();
    assert_eq!(texts, ["openid", "patient/Observation.r", "fhirUser"]);
}

#[test]
fn a_scope_20_unknown_words_are_reported_one_by_one() {
    let list = ScopeList::parse("foo bar").unwrap();
    assert!(list.iter().all(|requested| requested.parsed == Err(ScopeError::Unknown)));
    assert_eq!(list.len(), 2);
}

/// SMART-SCOPE-008
#[test]
fn levels_never_mix() {
    for (allowed, asked) in [
        ("user/*.cruds", "patient/Observation.r"),
        ("patient/*.cruds", "user/Observation.r"),
        ("system/*.cruds", "patient/Observation.r"),
        ("system/*.cruds user/*.cruds", "patient/*.r"),
    ] {
        assert_eq!(set(allowed).narrow(&scope(asked)), Narrowed::Nothing, "SMART-SCOPE-008");
    }
}

#[test]
fn other_kinds_are_equal_or_nothing() {
    let allowed =
        set("launch launch/patient launch/list?role=https://a.example/x openid __a https://a.example/s");
    for text in [
        "launch/list",
        "launch/patient?role=https://a.example/x",
        "fhirUser",
        "__ab",
        "https://a.example/s2",
        "profile",
    ] {
        assert_eq!(allowed.narrow(&scope(text)), Narrowed::Nothing, "{text}");
    }
    assert!(!set("launch/list").covers(&scope("launch/list?role=https://a.example/x")));
}

#[test]
fn a_resource_server_sees_every_scope_that_gives_a_permission() {
    let granted =
        set("patient/Observation.rs?category=a patient/*.r user/Observation.rs patient/Condition.rs");
    let observation = ResourceType::from_name("Observation").unwrap();
    let given = |permission| {
        granted
            .giving(vestibule_scope::Level::Patient, observation, permission)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(given(Permission::Read), ["patient/Observation.rs?category=a", "patient/*.r"]);
    assert_eq!(given(Permission::Search), ["patient/Observation.rs?category=a"]);
    assert!(given(Permission::Delete).is_empty());
}
