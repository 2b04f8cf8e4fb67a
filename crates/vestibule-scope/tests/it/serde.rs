//! Scopes and sets as strings.

use vestibule_scope::{Scope, ScopeSet};

use crate::{scope, set};

#[test]
fn scopes_and_sets_are_strings() {
    let json = serde_json::to_string(&scope("patient/Observation.read")).unwrap();
    assert_eq!(json, r#""patient/Observation.read""#);
    assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope("patient/Observation.read"));
    let json = serde_json::to_string(&set("openid patient/*.rs")).unwrap();
    assert_eq!(json, r#""openid patient/*.rs""#);
    assert_eq!(serde_json::from_str::<ScopeSet>(&json).unwrap(), set("openid patient/*.rs"));
    assert_eq!(serde_json::from_str::<ScopeSet>(r#""""#).unwrap(), ScopeSet::new());
}

#[test]
fn wrong_strings_are_errors_that_do_not_echo() {
    let error = serde_json::from_str::<Scope>(r#""patient/Secret.rs""#).unwrap_err().to_string();
    assert!(error.contains("not a FHIR resource type") && !error.contains("Secret"), "{error}");
    assert!(serde_json::from_str::<ScopeSet>(r#""openid  launch""#).is_err());
    assert!(serde_json::from_str::<ScopeSet>("7").is_err());
}
