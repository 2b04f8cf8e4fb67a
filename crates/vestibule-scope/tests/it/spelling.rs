//! Spellings: v1 and v2, URIs, the canonical form, escapes.

use std::collections::{BTreeSet, HashSet};

use vestibule_scope::{Constraint, Level, Permissions, ResourceType, Scope, ScopeError, TypeSpec};

use crate::scope;

/// SMART-SCOPE-030
#[test]
fn v1_and_v2_translate_where_the_meaning_is_the_same() {
    for (v1, v2) in [
        ("patient/Observation.read", "patient/Observation.rs"),
        ("user/*.write", "user/*.cud"),
        ("system/*.*", "system/*.cruds"),
    ] {
        assert_eq!(scope(v1).to_v2(), scope(v2));
        assert_eq!(scope(v2).to_v1(), Some(scope(v1)));
        assert_eq!(scope(v1).to_v1(), Some(scope(v1)));
        assert_eq!(scope(v2).to_v2(), scope(v2));
        assert!(scope(v1).same_meaning(&scope(v2)));
        assert_ne!(scope(v1), scope(v2));
    }
    for text in ["patient/*.r", "patient/*.crud", "patient/*.rs?category=a"] {
        assert_eq!(scope(text).to_v1(), None, "{text}");
        assert_eq!(scope(text).to_v2(), scope(text));
    }
    for text in ["openid", "launch/patient", "__x"] {
        assert_eq!(scope(text).to_v1(), Some(scope(text)));
        assert_eq!(scope(text).to_v2(), scope(text));
    }
}

/// SMART-SCOPE-098
#[test]
fn uris_go_there_and_back() {
    let smart = "http://smarthealthit.org/fhir/scopes/";
    let openid = "http://openid.net/specs/openid-connect-core-1_0#";
    for (text, prefix) in [
        ("patient/Observation.rs", smart),
        ("patient/Observation.rs?category=http://a.example/x|y", smart),
        ("launch", smart),
        ("launch/list?role=https://a.example/x", smart),
        ("fhirUser", smart),
        ("online_access", smart),
        ("openid", openid),
        ("profile", openid),
        ("offline_access", openid),
    ] {
        let uri = scope(text).to_uri().unwrap();
        assert_eq!(uri, format!("{prefix}{text}"));
        assert_eq!(Scope::from_uri(&uri), Ok(scope(text)));
    }
    let own = "https://ehr.example.org/scopes/x";
    assert_eq!(scope(own).to_uri().as_deref(), Some(own));
    assert_eq!(Scope::from_uri(own), Ok(scope(own)));
    assert_eq!(scope("__x").to_uri(), None);
    for (uri, error) in [
        ("openid".to_owned(), ScopeError::Uri),
        (format!("{openid}fhirUser"), ScopeError::Uri),
        (format!("{smart}openid"), ScopeError::Uri),
        (format!("{smart}__x"), ScopeError::Uri),
        (format!("{smart}https://a.example/"), ScopeError::Uri),
        (format!("{smart}patient/Foo.rs"), ScopeError::UnknownType),
        (smart.to_owned(), ScopeError::Empty),
    ] {
        assert_eq!(Scope::from_uri(&uri), Err(error), "{uri}");
    }
}

#[test]
fn a_token_that_is_a_uri_stays_one() {
    let uri = "http://smarthealthit.org/fhir/scopes/patient/Observation.rs";
    assert!(scope(uri).as_resource().is_none());
    assert!(!scope("patient/*.cruds").covers(&scope(uri)));
}

#[test]
fn constraints_compare_by_meaning_and_keep_their_spelling() {
    for (left, right) in [
        ("category=a,b", "category=b,a"),
        ("category=a,a", "category=a"),
        ("category=a&status=f", "status=f&category=a"),
        ("category=a&category=a,b", "category=a"),
        ("category=%61", "category=a"),
        ("category=a%2Cb", "category=a,b"),
        ("category=http%3A%2F%2Fx%7Cy", "category=http://x|y"),
        ("code:in=a%2Cb", "code:in=a,b"),
    ] {
        let [left, right] = [left, right].map(|it| scope(&format!("patient/Observation.rs?{it}")));
        assert!(left.same_meaning(&right), "{left} {right}");
        assert!(left.covers(&right) && right.covers(&left));
        assert_ne!(left, right);
        assert_eq!(left.canonical(), right.canonical());
    }
    for (left, right) in [
        ("category=a+b", "category=a%20b"),
        ("category=a%5C,b", "category=a,b"),
        ("category=A", "category=a"),
        ("category=a", "code=a"),
        ("code:in=a", "code=a"),
        ("code:in=a", "code:not=a"),
        ("code:in=a,b", "code:in=b,a"),
        ("category=%2561", "category=a"),
        ("category=a", "category=x|a"),
    ] {
        let [left, right] = [left, right].map(|it| scope(&format!("patient/Observation.rs?{it}")));
        assert!(!left.same_meaning(&right), "{left} {right}");
        assert!(!left.covers(&right) && !right.covers(&left), "{left} {right}");
        assert_ne!(left.canonical(), right.canonical());
    }
}

#[test]
fn canonical_scopes_escape_only_what_must_be() {
    for (text, canonical) in [
        ("patient/*.read", "patient/*.rs"),
        ("patient/*.r?b=2&a=%31", "patient/*.r?a=1&b=2"),
        ("patient/*.r?a=%3a%7c%2f", "patient/*.r?a=:|/"),
        ("patient/*.r?a=%26%25%20%c3%a9%22", "patient/*.r?a=%26%25%20%C3%A9%22"),
        ("patient/*.r?a=x%5c,y", "patient/*.r?a=x%5C,y"),
        ("patient/*.r?a:b=y,x", "patient/*.r?a:b=y,x"),
        ("launch/list?role=x", "launch/list?role=x"),
    ] {
        assert_eq!(scope(text).canonical().as_str(), canonical);
        assert!(scope(text).canonical().same_meaning(&scope(text)), "{text}");
    }
}

/// SMART-SCOPE-049
#[test]
fn values_are_decoded_once() {
    let scope = scope("patient/Observation.rs?code=a%5C,b,http://x%7Cy,%2561");
    let constraint = scope.as_resource().unwrap().constraint().unwrap();
    let pair = constraint.pairs().next().unwrap();
    assert_eq!(pair.values().collect::<Vec<_>>(), ["%61", "a\\,b", "http://x|y"]);
    assert_eq!(pair.as_str(), "code=a%5C,b,http://x%7Cy,%2561");
    assert_eq!(pair.modifier(), None);
    let escaped_escape = Constraint::parse("code=a%5C%5C,b").unwrap();
    let values: Vec<&str> = escaped_escape.pairs().flat_map(|pair| pair.values()).collect();
    assert_eq!(values, ["a\\\\", "b"]);
}

#[test]
fn scopes_can_be_built_and_read_back() {
    let observation = TypeSpec::Named(ResourceType::from_name("Observation").unwrap());
    let lab = Constraint::parse("category=laboratory").unwrap();
    let built = Scope::resource(Level::User, observation, Permissions::ALL, Some(lab.clone())).unwrap();
    assert_eq!(built, scope("user/Observation.cruds?category=laboratory"));
    let plain = scope("patient/Observation.read");
    let refined = plain.as_resource().unwrap().with_constraint(lab).unwrap();
    assert_eq!(Scope::from(refined), scope("patient/Observation.rs?category=laboratory"));
    let none = Scope::resource(Level::User, TypeSpec::Any, Permissions::NONE, None);
    assert_eq!(none, Err(ScopeError::NoPermission));
    let count = Constraint::parse("_count=10").unwrap();
    assert!(count.is_result_parameter());
    let counted = Scope::resource(Level::User, TypeSpec::Any, Permissions::ALL, Some(count));
    assert_eq!(counted, Err(ScopeError::ResultParameter));
    assert!(Constraint::parse("category=a b").is_err());
}

#[test]
fn collections_find_scopes_by_their_text() {
    let hashed: HashSet<Scope> = [scope("openid"), scope("patient/*.rs")].into();
    assert!(hashed.contains("openid") && !hashed.contains("patient/*.read"));
    let sorted: BTreeSet<Scope> = [scope("patient/*.rs"), scope("openid")].into();
    assert_eq!(sorted.first().map(Scope::as_str), Some("openid"));
    assert_eq!("patient/*.rs".parse::<Scope>(), Scope::try_from("patient/*.rs"));
}
