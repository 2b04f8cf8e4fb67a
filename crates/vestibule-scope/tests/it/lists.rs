//! Limits and errors of lists and sets.

use vestibule_scope::{
    Constraint, Level, ListError, Permissions, ResourceType, Scope, ScopeError, ScopeList, ScopeSet,
    SetError, TypeSpec,
};

use crate::{scope, set};

#[test]
fn limits_hold_exactly() {
    let tokens = |count: usize| (0..count).map(|at| format!("__{at}")).collect::<Vec<_>>().join(" ");
    assert_eq!(ScopeList::parse(&tokens(ScopeList::MAX_TOKENS)).unwrap().len(), ScopeList::MAX_TOKENS);
    assert_eq!(
        ScopeList::parse(&tokens(ScopeList::MAX_TOKENS + 1)).map(|list| list.len()),
        Err(ListError::TooManyTokens)
    );
    let long = |len: usize| "_".repeat(len);
    assert_eq!(ScopeList::parse(&long(ScopeList::MAX_LEN)).unwrap().len(), 1);
    assert_eq!(
        ScopeList::parse(&long(ScopeList::MAX_LEN + 1)).map(|list| list.len()),
        Err(ListError::TooLong)
    );
    assert_eq!(Scope::parse(&long(ScopeList::MAX_LEN + 1)), Err(ScopeError::TooLong));
}

#[test]
fn limits_of_constraints_hold_exactly() {
    let pairs = |count: usize| {
        let pairs: Vec<String> = (0..count).map(|at| format!("a{at}=x")).collect();
        Scope::parse(&format!("patient/*.r?{}", pairs.join("&")))
    };
    assert!(pairs(16).is_ok());
    assert_eq!(pairs(17), Err(ScopeError::TooManyConditions));
    let values = |count: usize| {
        let values: Vec<String> = (0..count).map(|at| format!("v{at}")).collect();
        Scope::parse(&format!("patient/*.r?code={}", values.join(",")))
    };
    assert!(values(128).is_ok());
    assert_eq!(values(129), Err(ScopeError::TooManyConditions));
    let long = |len: usize| Constraint::parse(&format!("code={}", "x".repeat(len - 5)));
    assert!(long(Constraint::MAX_LEN).is_ok());
    assert_eq!(long(Constraint::MAX_LEN + 1).unwrap_err(), ScopeError::TooLong);
    // So whatever scope is built around a constraint can be read back.
    let longest_name = ResourceType::all().max_by_key(|it| it.name().len()).unwrap();
    let constraint = long(Constraint::MAX_LEN).unwrap();
    let built =
        Scope::resource(Level::Patient, TypeSpec::Named(longest_name), Permissions::ALL, Some(constraint));
    assert_eq!(Scope::parse(built.as_ref().unwrap().as_str()), built);
}

#[test]
fn a_narrowed_set_knows_when_it_has_outgrown_a_list() {
    let wildcards: ScopeSet = (0..64).map(|at| scope(&format!("patient/*.rs?code={at}"))).collect();
    let types: ScopeSet =
        ResourceType::all().map(|resource_type| scope(&format!("patient/{resource_type}.rs"))).collect();
    let narrowed = wildcards.intersect(&types);
    assert_eq!(narrowed.len(), wildcards.len() * types.len());
    assert!(!narrowed.is_within_limits());
    assert!(types.is_within_limits());
    let short = |count: usize| (0..count).map(|at| scope(&format!("__{at}"))).collect::<ScopeSet>();
    assert!(short(ScopeList::MAX_TOKENS).is_within_limits());
    assert!(!short(ScopeList::MAX_TOKENS + 1).is_within_limits(), "too many, though short");
    assert!(ScopeSet::new().is_within_limits());
    assert!(ScopeList::parse(&types.to_string()).is_ok());
}

#[test]
fn sets_are_strict_and_keep_order_without_doubles() {
    assert_eq!(set("openid launch openid").to_string(), "openid launch");
    assert_eq!(ScopeSet::parse(""), Ok(ScopeSet::new()));
    assert_eq!(ScopeSet::parse("openid patient/Foo.r"), Err(SetError::Scope(ScopeError::UnknownType)));
    assert_eq!(ScopeSet::parse("openid  launch"), Err(SetError::List(ListError::Spacing)));
    let mut scopes = set("openid");
    assert!(scopes.insert(scope("launch")));
    assert!(!scopes.insert(scope("openid")));
    scopes.extend([scope("launch"), scope("fhirUser")]);
    assert_eq!(scopes.to_string(), "openid launch fhirUser");
    assert!(scopes.contains(&scope("launch")) && !scopes.is_empty());
}

#[test]
fn union_and_intersection_keep_order_and_spelling() {
    let left = set("openid patient/*.read launch");
    let right = set("launch patient/Condition.rs patient/Goal.r openid");
    assert_eq!(
        left.union(&right).to_string(),
        "openid patient/*.read launch patient/Condition.rs patient/Goal.r"
    );
    assert_eq!(left.intersect(&right).to_string(), "openid patient/Condition.read patient/Goal.r launch");
    assert_eq!(right.intersect(&left).to_string(), "launch patient/Condition.rs patient/Goal.r openid");
    assert!(left.intersect(&right).same_meaning(&right.intersect(&left)));
}

#[test]
fn canonical_sets_are_the_fewest_scopes_in_order() {
    for (text, canonical) in [
        ("patient/*.read", "patient/*.rs"),
        ("patient/Observation.s openid patient/Observation.r", "openid patient/Observation.rs"),
        ("patient/Observation.rs patient/*.r", "patient/*.r patient/Observation.s"),
        ("patient/Observation.rs?category=a patient/Observation.rs", "patient/Observation.rs"),
        (
            "patient/*.rs?status=f&category=b,a patient/*.r?category=a,b&status=f",
            "patient/*.rs?category=a,b&status=f",
        ),
        ("user/*.* patient/*.write", "patient/*.cud user/*.cruds"),
        ("", ""),
    ] {
        assert_eq!(set(text).canonical().to_string(), canonical, "{text}");
        assert!(set(text).same_meaning(&set(canonical)), "{text}");
    }
}

#[test]
fn errors_are_constant_text() {
    let list = ScopeList::parse("SECRET").unwrap();
    let error = *list.iter().next().unwrap().parsed.as_ref().unwrap_err();
    assert_eq!(error.to_string(), "the scope is not known");
    assert_eq!(ListError::Spacing.to_string(), "scopes are separated by exactly one space");
    assert_eq!(ScopeSet::parse("x y").unwrap_err().to_string(), "the scope is not known");
}
