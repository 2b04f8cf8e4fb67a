//! The guide's worked examples of requested scopes, row by row. What depends on a launch, a client or a host's choice
//! (rows 46, 57, 60, 61) is the server's; here stands what the language says of the token.

use vestibule_scope::{
    ContextScope, Dialect, FhirVersion, IdentityScope, Level, ListError, RefreshScope, Requested, Scope,
    ScopeError, ScopeKind, ScopeList, TypeSpec,
};

use crate::scope;

/// SMART-SCOPE-040, SMART-SCOPE-071
#[test]
fn resource_scopes_of_the_table_have_their_meaning() {
    let lab = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
    let lab_scope = format!("patient/Observation.rs?category={lab}");
    let concern = "http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern";
    let concern_scope = format!("patient/Condition.rs?category={concern}");
    let none: &[(&str, &[&str])] = &[];
    // row, scope, level, type, letters, dialect, constraint
    type Row<'a> = (u8, &'a str, Level, &'a str, &'a str, Dialect, &'a [(&'a str, &'a [&'a str])]);
    let rows: &[Row<'_>] = &[
        (1, "patient/Observation.rs", Level::Patient, "Observation", "rs", Dialect::V2, none),
        (2, "patient/Observation.read", Level::Patient, "Observation", "rs", Dialect::V1, none),
        (3, "patient/Observation.write", Level::Patient, "Observation", "cud", Dialect::V1, none),
        (4, "patient/Observation.*", Level::Patient, "Observation", "cruds", Dialect::V1, none),
        (5, "patient/*.*", Level::Patient, "*", "cruds", Dialect::V1, none),
        (6, "patient/*.rs", Level::Patient, "*", "rs", Dialect::V2, none),
        (7, "patient/*.cruds", Level::Patient, "*", "cruds", Dialect::V2, none),
        (8, "patient/Patient.r", Level::Patient, "Patient", "r", Dialect::V2, none),
        (9, "patient/Observation.c", Level::Patient, "Observation", "c", Dialect::V2, none),
        (10, "patient/Observation.cu", Level::Patient, "Observation", "cu", Dialect::V2, none),
        (11, "user/Appointment.cruds", Level::User, "Appointment", "cruds", Dialect::V2, none),
        (12, "user/*.cruds", Level::User, "*", "cruds", Dialect::V2, none),
        (13, "user/Patient.rs", Level::User, "Patient", "rs", Dialect::V2, none),
        (14, "user/Observation.rs", Level::User, "Observation", "rs", Dialect::V2, none),
        (15, "system/*.rs", Level::System, "*", "rs", Dialect::V2, none),
        (16, "system/Encounter.cud", Level::System, "Encounter", "cud", Dialect::V2, none),
        (17, "system/*.read", Level::System, "*", "rs", Dialect::V1, none),
        (18, &lab_scope, Level::Patient, "Observation", "rs", Dialect::V2, &[("category", &[lab])]),
        (19, &concern_scope, Level::Patient, "Condition", "rs", Dialect::V2, &[("category", &[concern])]),
        (
            20,
            "patient/Observation.rs?category=laboratory&status=final",
            Level::Patient,
            "Observation",
            "rs",
            Dialect::V2,
            &[("category", &["laboratory"]), ("status", &["final"])],
        ),
        (
            21,
            "patient/Observation.rs?category=laboratory,vital-signs",
            Level::Patient,
            "Observation",
            "rs",
            Dialect::V2,
            &[("category", &["laboratory", "vital-signs"])],
        ),
        (32, "patient/Observation.rd", Level::Patient, "Observation", "rd", Dialect::V2, none),
        (43, "patient/Practitioner.rs", Level::Patient, "Practitioner", "rs", Dialect::V2, none),
        (
            68,
            "patient/Basic.cuds?code=https://myapp.example.org|keys",
            Level::Patient,
            "Basic",
            "cuds",
            Dialect::V2,
            &[("code", &["https://myapp.example.org|keys"])],
        ),
    ];
    for (row, text, level, resource_type, letters, dialect, constraint) in rows {
        let scope = scope(text);
        assert_eq!(scope.to_string(), *text, "row {row}");
        let resource = scope.as_resource().unwrap_or_else(|| panic!("row {row}"));
        assert_eq!(resource.level(), *level, "row {row}");
        assert_eq!(resource.resource_type().to_string(), *resource_type, "row {row}");
        assert_eq!(resource.permissions().to_string(), *letters, "row {row}");
        assert_eq!(resource.dialect(), *dialect, "row {row}");
        let pairs: Vec<(&str, Vec<&str>)> = resource
            .constraint()
            .into_iter()
            .flat_map(|constraint| constraint.pairs())
            .map(|pair| (pair.name(), pair.values().collect()))
            .collect();
        let wanted: Vec<(&str, Vec<&str>)> =
            constraint.iter().map(|(name, values)| (*name, values.to_vec())).collect();
        assert_eq!(pairs, wanted, "row {row}");
        assert!(!resource.constraint().is_some_and(|constraint| constraint.is_experimental()), "row {row}");
    }
}

/// SMART-SCOPE-042
#[test]
fn experimental_constraints_of_the_table_are_read_and_marked() {
    for (row, text, param) in [
        (22, "patient/Observation.rs?code:in=http://vs.example/ValueSet/dm", "code"),
        (23, "patient/Observation.rs?patient.birthdate=1990", "patient.birthdate"),
        (24, "patient/Observation.rs?_filter=code%20eq%20x", "_filter"),
    ] {
        let scope = scope(text);
        let constraint = scope.as_resource().and_then(|resource| resource.constraint()).unwrap();
        assert!(constraint.is_experimental(), "row {row}");
        assert_eq!(constraint.params().collect::<Vec<_>>(), [param], "row {row}");
        assert_eq!(scope.as_str(), text, "row {row}");
    }
    let filter = scope("patient/Observation.rs?_filter=code%20eq%20x");
    let value =
        filter.as_resource().unwrap().constraint().unwrap().pairs().next().unwrap().values().next().unwrap();
    assert_eq!(value, "code eq x", "row 24: decoded once for its meaning");
}

/// SMART-SCOPE-034, SMART-SCOPE-096
#[test]
fn wrong_scopes_of_the_table_say_what_is_wrong() {
    for (row, text, error) in [
        (25, "patient/Observation.read?category=laboratory", ScopeError::ConstraintOnV1),
        (26, "patient/Observation.rs?", ScopeError::EmptyConstraint),
        (27, "patient/Observation.rs?category", ScopeError::PairWithoutValue),
        (28, "patient/Observation.rs?_count=10", ScopeError::ResultParameter),
        (29, "patient/Observation.dus", ScopeError::PermissionOrder),
        (30, "patient/Observation.sr", ScopeError::PermissionOrder),
        (31, "patient/Observation.rr", ScopeError::PermissionRepeated),
        (33, "patient/Observation.rea", ScopeError::UnknownPermission),
        (34, "patient/Observation.RS", ScopeError::PermissionCase),
        (35, "patient/Observation.", ScopeError::NoPermission),
        (36, "patient/Observation", ScopeError::NoSuffix),
        (37, "patient/observation.rs", ScopeError::TypeCase),
        (38, "Patient/Observation.rs", ScopeError::LevelCase),
        (39, "practitioner/Observation.rs", ScopeError::UnknownLevel),
        (40, "patient/Foo.rs", ScopeError::UnknownType),
        (42, "patient/Observation/123.rs", ScopeError::Instance),
        (44, "Observation.rs", ScopeError::NoLevel),
        (49, "launch/Patient", ScopeError::ContextTypeCase),
        (53, "launch/list?role=https://a.example/x&role=https://a.example/y", ScopeError::TwoRoles),
        (54, "launch/list?foo=bar", ScopeError::ContextParameter),
        (64, "smart/orchestrate_launch", ScopeError::Unknown),
        (65, "need_patient_banner", ScopeError::ResponseParameter),
    ] {
        assert_eq!(Scope::parse(text), Err(error), "row {row}: {text}");
    }
}

#[test]
fn other_malformed_scopes_say_what_is_wrong() {
    for (text, error) in [
        ("", ScopeError::Empty),
        ("patient/Observation.rs patient/Condition.rs", ScopeError::Character),
        ("patient/.rs", ScopeError::NoType),
        ("patient/", ScopeError::NoType),
        ("*.rs", ScopeError::NoLevel),
        ("patient/*.rs.r", ScopeError::UnknownPermission),
        ("patient/*.Read", ScopeError::PermissionCase),
        ("patient/Observation.rs?category=a&", ScopeError::EmptyConstraint),
        ("patient/Observation.rs?category=", ScopeError::EmptyValue),
        ("patient/Observation.rs?category=a,,b", ScopeError::EmptyValue),
        ("patient/Observation.rs?category=%2C", ScopeError::EmptyValue),
        ("patient/Observation.rs?=a", ScopeError::ParameterName),
        ("patient/Observation.rs?1a=a", ScopeError::ParameterName),
        ("patient/Observation.rs?a..b=a", ScopeError::ParameterName),
        ("patient/Observation.rs?code:=a", ScopeError::ParameterName),
        ("patient/Observation.rs?%63ode=a", ScopeError::ParameterName),
        ("patient/Observation.rs?code=100%", ScopeError::Escape),
        ("patient/Observation.rs?code=%zz", ScopeError::Escape),
        ("patient/Observation.rs?code=%+1", ScopeError::Escape),
        ("patient/Observation.rs?code=%FF", ScopeError::Escape),
        ("patient/Observation.rs?code=a%0Ab", ScopeError::Escape),
        ("patient/Observation.rs?code=a%00", ScopeError::Escape),
        ("patient/Observation.rs?code=a%5C", ScopeError::Escape),
        ("patient/Observation.rs?_include=Observation:subject", ScopeError::ResultParameter),
        ("patient/Observation.rs?category=a&_sort=date", ScopeError::ResultParameter),
        ("launch/", ScopeError::UnknownContextType),
        ("launch/foo", ScopeError::UnknownContextType),
        ("launch?role=x", ScopeError::RoleWithoutType),
        ("launch?role=https://a.example/x", ScopeError::RoleWithoutType),
        ("launch/list?", ScopeError::ContextParameter),
        ("launch/list?role=", ScopeError::Role),
        ("launch/list?role=https://a.example/<x>", ScopeError::Role),
        ("launch/list?role=x&foo=bar", ScopeError::ContextParameter),
        ("launch/patient.rs", ScopeError::UnknownContextType),
        ("__", ScopeError::ExtensionName),
        ("https://a.example/{x}", ScopeError::Uri),
        ("https://a.example/%x", ScopeError::Uri),
        ("Launch", ScopeError::Unknown),
        ("OpenID", ScopeError::Unknown),
        ("fhiruser", ScopeError::Unknown),
        ("admin", ScopeError::Unknown),
    ] {
        assert_eq!(Scope::parse(text), Err(error), "{text}");
    }
}

#[test]
fn row_41_a_type_of_another_release_is_known_and_told_apart() {
    let scope = scope("patient/MedicationOrder.rs");
    let TypeSpec::Named(order) = scope.as_resource().unwrap().resource_type() else { panic!("row 41") };
    assert!(order.exists_in(FhirVersion::Dstu2));
    assert!(!order.exists_in(FhirVersion::R4));
}

/// SMART-SCOPE-064
#[test]
fn row_43_a_type_outside_the_patient_compartment_is_told_apart() {
    let scope = scope("patient/Practitioner.rs");
    let TypeSpec::Named(practitioner) = scope.as_resource().unwrap().resource_type() else {
        panic!("row 43")
    };
    assert!(practitioner.exists_in(FhirVersion::R4));
    assert!(!practitioner.in_patient_compartment());
}

/// SMART-SCOPE-085
#[test]
fn context_scopes_of_the_table_have_their_meaning() {
    assert!(matches!(scope("launch").kind(), ScopeKind::Context(ContextScope::Launch)), "rows 45 and 46");
    for (row, text, name, role, absolute) in [
        (47, "launch/patient", "Patient", None, false),
        (48, "launch/encounter", "Encounter", None, false),
        (50, "launch/imagingstudy", "ImagingStudy", None, false),
        (
            51,
            "launch/list?role=https://example.org/med-list-at-home",
            "List",
            Some("https://example.org/med-list-at-home"),
            true,
        ),
        (52, "launch/relatedperson?role=friend", "RelatedPerson", Some("friend"), false),
        (
            55,
            "launch/patient?role=https://a.example/newborn",
            "Patient",
            Some("https://a.example/newborn"),
            true,
        ),
    ] {
        let scope = scope(text);
        assert_eq!(scope.as_str(), text, "row {row}");
        let context = scope.as_context().unwrap();
        let ContextScope::LaunchType { resource_type, role: found } = context else { panic!("row {row}") };
        assert_eq!(resource_type.name(), name, "row {row}");
        assert_eq!(found.as_ref().map(|role| role.as_str()), role, "row {row}");
        assert_eq!(found.as_ref().is_some_and(|role| role.is_absolute_uri()), absolute, "row {row}");
        assert_eq!(context.is_launch_patient(), row == 47, "row {row}: a role makes it fhirContext");
        assert_eq!(context.is_launch_encounter(), row == 48, "row {row}");
    }
}

#[test]
fn identity_refresh_and_extension_scopes_of_the_table_have_their_meaning() {
    // Rows 56, 57, 58
    for (text, identity) in [
        ("openid", IdentityScope::OpenId),
        ("fhirUser", IdentityScope::FhirUser),
        ("profile", IdentityScope::Profile),
    ] {
        assert!(matches!(scope(text).kind(), ScopeKind::Identity(found) if *found == identity), "{text}");
    }
    assert!(matches!(scope("offline_access").kind(), ScopeKind::Refresh(RefreshScope::Offline)), "row 59");
    assert!(
        matches!(scope("online_access").kind(), ScopeKind::Refresh(RefreshScope::Online)),
        "rows 60 and 61"
    );
    // Rows 62, 63
    for text in ["__profilePhoto.manage", "https://ehr.example.org/scopes/profilePhoto.manage"] {
        assert!(matches!(scope(text).kind(), ScopeKind::Extension), "{text}");
        assert_eq!(scope(text).as_str(), text);
    }
}

#[test]
fn row_64_a_host_can_register_a_word_of_its_own_but_no_lookalike() {
    let registered = Scope::extension("smart/orchestrate_launch").unwrap();
    assert!(matches!(registered.kind(), ScopeKind::Extension));
    assert_eq!(registered.as_str(), "smart/orchestrate_launch");
    assert_eq!(Scope::extension("__mine"), Ok(scope("__mine")));
    assert_eq!(Scope::extension("patient/*.rs"), Err(ScopeError::NotAnExtension));
    assert_eq!(Scope::extension("openid"), Err(ScopeError::NotAnExtension));
    assert_eq!(Scope::extension("patient/*.sr"), Err(ScopeError::PermissionOrder));
    assert_eq!(Scope::extension("two words"), Err(ScopeError::Character));
}

/// SMART-SCOPE-033
#[test]
fn row_66_mixed_dialects_are_each_read_in_their_own() {
    let list = ScopeList::parse("patient/Observation.read patient/Condition.rs").unwrap();
    let dialects: Vec<Dialect> = list.scopes().map(|scope| scope.as_resource().unwrap().dialect()).collect();
    assert_eq!(dialects, [Dialect::V1, Dialect::V2]);
}

/// SMART-SCOPE-006
#[test]
fn row_67_split_scopes_stay_two_and_merge_only_in_the_canonical_form() {
    let split = crate::set("patient/Observation.r patient/Observation.s");
    assert_eq!(split.to_string(), "patient/Observation.r patient/Observation.s");
    assert_eq!(split.canonical().to_string(), "patient/Observation.rs");
}

#[test]
fn row_69_an_empty_list_is_an_error_of_the_list() {
    assert_eq!(ScopeList::parse("").map(|list| list.len()), Err(ListError::Empty));
}

#[test]
fn rows_56_to_58_lists_keep_every_token() {
    for text in ["openid fhirUser", "fhirUser", "openid profile"] {
        let list = ScopeList::parse(text).unwrap();
        let texts: Vec<&str> = list.iter().map(|Requested { text, .. }| &**text).collect();
        assert_eq!(texts.join(" "), text);
        assert_eq!(list.scopes().count(), list.len());
    }
}
