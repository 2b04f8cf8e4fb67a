//! What becomes of each requested scope, and why: smart.md 3.7, and the second table of 3.8.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use vestibule_core::audience::FhirBase;
use vestibule_core::authorize::{Fate, Negotiation, Offer, Reason, Refusal, Stage};
use vestibule_core::grant::MAX_JWT_SCOPE;
use vestibule_scope::{Scope, ScopeError, ScopeSet};

use crate::backend::{ask, service};
use crate::fixture::{FHIR1, Server, client, client_with, negotiation, offer, scope, set};

const LABORATORY: &str =
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
const VITAL_SIGNS: &str =
    "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
const PROBLEM_LIST: &str = "patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item";

/// A server whose base allows this at most.
fn server(base: &str) -> Server {
    let mut server = Server::new();
    server.bases = vec![FhirBase::new(FHIR1).with_scopes(set(base))];
    server
}

fn fate(negotiation: &Negotiation, requested: &str) -> Fate {
    let line = negotiation.lines().iter().find(|line| line.requested() == requested);
    line.unwrap_or_else(|| panic!("no line for {requested}")).fate()
}

/// The consent of somebody who ticks these boxes.
fn ticking(requested: &str, ticked: &[&str]) -> Negotiation {
    let negotiation = negotiation(requested, false).for_user(true).in_context(true, false, &[]);
    let choice = Offer::of(&negotiation).choose(ticked);
    negotiation.consented(&choice)
}

/// SMART-SCOPE-110, SMART-SCOPE-113, A-SCOPE-03
#[test]
fn a_read_only_registration_narrows_permissions() {
    let asked = "patient/AllergyIntolerance.cruds";
    let client = client_with("patient/AllergyIntolerance.rs");
    let negotiation = Server::new().negotiate(asked, &client, false);
    assert_eq!(negotiation.granted().to_string(), "patient/AllergyIntolerance.rs");
    assert_eq!(fate(&negotiation, asked), Fate::Narrowed(Stage::Client, Reason::NotRegistered));
}

/// SMART-SCOPE-114, SMART-SCOPE-115, SMART-AUTHZ-073, SMART-SCOPE-010
#[test]
fn ticked_categories_replace_the_resource_scope() {
    let asked = "patient/Observation.rs";
    let negotiation = ticking(asked, &[LABORATORY, VITAL_SIGNS]);
    assert_eq!(negotiation.granted().to_string(), format!("{LABORATORY} {VITAL_SIGNS}"));
    assert_eq!(fate(&negotiation, asked), Fate::Narrowed(Stage::Consent, Reason::Refused));
    // While the resource-level box is ticked, the narrower ones mean nothing.
    assert_eq!(ticking(asked, &[asked, LABORATORY]).granted().to_string(), asked);
}

/// SMART-SCOPE-053: whatever is ticked, a token can carry it.
#[test]
fn every_answer_to_an_offer_fits_a_token() {
    let longest = |offer: &Offer| {
        let parts = offer.items().iter().flat_map(|item| item.parts.iter().map(|(part, _)| part.as_str()));
        let whole = offer.items().iter().map(|item| item.scope.as_str());
        let (all, only): (Vec<&str>, Vec<&str>) = (whole.clone().collect(), parts.collect());
        let with = offer.items().iter().filter(|item| item.parts.is_empty()).map(|item| item.scope.as_str());
        let split: Vec<&str> = only.into_iter().chain(with).collect();
        let len = |ticked: &[&str]| offer.choose(ticked).granted().to_string().len();
        len(&all).max(len(&split))
    };
    let granular = |count: usize| -> String {
        (0..count).map(|at| format!(" patient/Encounter.rs?class=http://a/b|c{at:05}")).collect()
    };
    let offer = |count: usize, client: &vestibule_host::RegisteredClient| {
        let mut server = Server::new();
        server.bases = vec![FhirBase::new(FHIR1).with_constraints("Encounter", &["class"])];
        let asked = format!("launch/patient patient/Observation.rs patient/Condition.rs{}", granular(count));
        Offer::to(client, &server.negotiate(&asked, client, false).in_context(true, false, &[]))
    };
    let jwt = client();
    let mut opaque = client();
    opaque.token_format = vestibule_host::TokenFormat::Opaque;
    let (mut with_parts, mut without, mut refused) = (0, 0, 0);
    for count in 0..150 {
        match offer(count, &jwt) {
            Ok(offer) if offer.items().iter().any(|item| !item.parts.is_empty()) => {
                assert!(longest(&offer) <= MAX_JWT_SCOPE);
                with_parts += 1;
            }
            Ok(offer) => {
                assert!(longest(&offer) <= MAX_JWT_SCOPE && longest(&offer) > MAX_JWT_SCOPE / 2);
                without += 1;
            }
            Err(refusal) => {
                assert_eq!(refusal, Refusal::TooLong);
                refused += 1;
            }
        }
        assert!(offer(count, &opaque).unwrap().items().iter().any(|item| !item.parts.is_empty()));
    }
    assert!(with_parts > 60 && without > 5 && refused > 20, "{with_parts} {without} {refused}");
}

/// SMART-SCOPE-031, SMART-SCOPE-115
#[test]
fn a_ticked_category_of_a_v1_scope_is_answered_in_v2() {
    let negotiation = ticking("patient/Condition.read", &[PROBLEM_LIST]);
    assert_eq!(negotiation.granted().to_string(), PROBLEM_LIST);
}

/// SMART-SCOPE-114, A-SCOPE-25, SMART-SCOPE-094
#[test]
fn refresh_scopes_need_the_right_to_refresh_and_online_needs_an_ehr_launch() {
    let asked = "launch/patient offline_access online_access patient/*.rs";
    let mut app = client();
    let standalone = Server::new().negotiate(asked, &app, false);
    assert_eq!(standalone.granted().to_string(), "launch/patient offline_access patient/*.rs");
    assert_eq!(fate(&standalone, "online_access"), Fate::Dropped(Stage::Base, Reason::OnlyInEhrLaunch));
    assert_eq!(Server::new().negotiate(asked, &app, true).granted().to_string(), asked);
    app.grant_types.refresh_token = false;
    let without = Server::new().negotiate(asked, &app, true);
    assert_eq!(without.granted().to_string(), "launch/patient patient/*.rs");
    assert_eq!(fate(&without, "offline_access"), Fate::Dropped(Stage::Base, Reason::NoRefreshTokens));
}

/// SMART-SCOPE-111
#[test]
fn a_wildcard_under_three_types_becomes_three_types() {
    let three = "patient/Condition.rs patient/Observation.rs patient/Patient.rs";
    let granted = Server::new().negotiate("patient/*.rs", &client_with(three), false).granted();
    assert_eq!(granted, set(three));
    assert!(granted.iter().all(|scope| !scope.as_str().contains('*')));
}

/// SMART-SCOPE-112
#[test]
fn a_policy_without_delete_narrows_the_wildcard() {
    let negotiation = server("user/*.crus").negotiate("user/*.cruds", &client(), false);
    assert_eq!(negotiation.granted().to_string(), "user/*.crus");
    assert_eq!(fate(&negotiation, "user/*.cruds"), Fate::Narrowed(Stage::Base, Reason::NotOnThisBase));
}

/// SMART-SCOPE-068, SCOPE-005
#[test]
fn system_scopes_are_dropped_here() {
    for asked in ["system/*.cruds", "system/Condition.rs", "system/*.read"] {
        let negotiation = negotiation(&format!("openid {asked}"), false);
        assert_eq!(negotiation.granted().to_string(), "openid");
        assert_eq!(fate(&negotiation, asked), Fate::Dropped(Stage::Base, Reason::NoSystemHere));
    }
}

/// SMART-SCOPE-005, SMART-SCOPE-007, SMART-SCOPE-110, SMART-SCOPE-032
#[test]
fn an_untouched_scope_keeps_its_spelling() {
    let asked = "patient/Observation.read user/*.* patient/Condition.rs openid";
    let negotiation = negotiation(asked, false);
    assert_eq!(negotiation.granted().to_string(), asked);
    assert!(negotiation.is_untouched());
    assert!(negotiation.lines().iter().all(|line| line.fate() == Fate::Granted));
}

const fn number(reason: Reason) -> usize {
    match reason {
        Reason::NotAScope(_) => 0,
        Reason::NotRegistered => 1,
        Reason::NotOnThisBase => 2,
        Reason::TypeNotInVersion => 3,
        Reason::ConstraintNotSupported => 4,
        Reason::NoSystemHere => 5,
        Reason::NotOffered => 6,
        Reason::OnlyInEhrLaunch => 7,
        Reason::NoFhirUser => 8,
        Reason::NeedsOpenId => 9,
        Reason::NotInContext => 10,
        Reason::BeyondRelationship => 11,
        Reason::Refused => 12,
        Reason::NoRefreshTokens => 13,
        Reason::NotForThisUser => 14,
        Reason::NeedsAUser => 15,
    }
}

/// One request through all stages; every requested scope says what became of it and why.
///
/// SMART-SCOPE-050, SMART-SCOPE-068, SMART-SCOPE-086, SMART-SCOPE-089, SMART-SCOPE-090, SMART-SCOPE-097, SMART-CTX-060, SMART-SCOPE-041
#[test]
fn every_reason_is_told() {
    use Fate::{Dropped, Granted, Narrowed};
    let mut client = client_with(
        "launch launch/patient launch/encounter launch/list openid fhirUser profile offline_access \
         patient/*.cruds user/*.rs system/*.rs",
    );
    client.grant_types.refresh_token = false;
    let rows = [
        ("openid", Granted),
        ("fhirUser", Dropped(Stage::User, Reason::NoFhirUser)),
        ("profile", Granted),
        ("patient/Observation.rs", Granted),
        ("patient/Foo.rs", Dropped(Stage::Grammar, Reason::NotAScope(ScopeError::UnknownType))),
        ("need_patient_banner", Dropped(Stage::Grammar, Reason::NotAScope(ScopeError::ResponseParameter))),
        ("smart/orchestrate_launch", Dropped(Stage::Grammar, Reason::NotAScope(ScopeError::Unknown))),
        ("user/Observation.cruds", Narrowed(Stage::Client, Reason::NotRegistered)),
        ("user/Observation.cud", Dropped(Stage::Client, Reason::NotRegistered)),
        ("__extra", Dropped(Stage::Client, Reason::NotRegistered)),
        ("patient/Patient.cruds", Narrowed(Stage::Base, Reason::NotOnThisBase)),
        ("patient/Patient.d", Dropped(Stage::Base, Reason::NotOnThisBase)),
        ("patient/MedicationOrder.rs", Dropped(Stage::Base, Reason::TypeNotInVersion)),
        (
            "patient/Observation.rs?category=laboratory&status=final",
            Dropped(Stage::Base, Reason::ConstraintNotSupported),
        ),
        (
            "patient/Observation.rs?code:in=http://vs.example/ValueSet/dm",
            Dropped(Stage::Base, Reason::ConstraintNotSupported),
        ),
        (
            "patient/Observation.rs?patient.birthdate=1990",
            Dropped(Stage::Base, Reason::ConstraintNotSupported),
        ),
        ("patient/Patient.rs?category=x", Dropped(Stage::Base, Reason::ConstraintNotSupported)),
        ("system/Observation.rs", Dropped(Stage::Base, Reason::NoSystemHere)),
        ("offline_access", Dropped(Stage::Base, Reason::NoRefreshTokens)),
        ("email", Dropped(Stage::Base, Reason::NotOffered)),
        ("launch/list", Dropped(Stage::Base, Reason::OnlyInEhrLaunch)),
        ("launch/patient", Granted),
        ("launch/encounter", Dropped(Stage::Context, Reason::NotInContext)),
        ("patient/Immunization.cruds", Dropped(Stage::Relationship, Reason::BeyondRelationship)),
        ("patient/Condition.rs", Narrowed(Stage::Relationship, Reason::BeyondRelationship)),
        ("user/Patient.rs", Dropped(Stage::Consent, Reason::Refused)),
    ];
    let asked: Vec<&str> = rows.iter().map(|(asked, _)| *asked).collect();
    let ceiling = set("patient/Observation.rs patient/Condition.r patient/Patient.crus");
    let negotiation = server("patient/*.crus user/*.cruds")
        .negotiate(&asked.join(" "), &client, false)
        .for_user(false)
        .in_context(true, false, &[])
        .within_relationship(Some(&ceiling));
    let offer = Offer::of(&negotiation);
    let texts = offer.all().granted().to_string();
    let ticked: Vec<&str> = texts.split(' ').filter(|text| *text != "user/Patient.rs").collect();
    let negotiation = negotiation.consented(&offer.choose(&ticked));
    let mut seen = [false; 16];
    for (line, (asked, expected)) in negotiation.lines().iter().zip(rows) {
        assert_eq!((line.requested(), line.fate()), (asked, expected));
        if let Narrowed(_, reason) | Dropped(_, reason) = line.fate() {
            seen[number(reason)] = true;
        }
    }
    assert_eq!(negotiation.lines().len(), rows.len());
    // What needs `openid`, without it; the context without a patient.
    let without = Server::new().negotiate("fhirUser profile patient/Patient.r", &client, false);
    for identity in ["fhirUser", "profile"] {
        assert_eq!(fate(&without, identity), Dropped(Stage::Grammar, Reason::NeedsOpenId));
    }
    seen[number(Reason::NeedsOpenId)] = true;
    // What the host's policy keeps from the user; what it gives besides has no line.
    let policy = without.clone().within_policy(Some(&set("openid user/*.cruds")));
    assert_eq!(fate(&policy, "patient/Patient.r"), Dropped(Stage::User, Reason::NotForThisUser));
    assert!(policy.granted().is_empty());
    seen[number(Reason::NotForThisUser)] = true;
    let nobody = without.in_context(false, false, &[]);
    assert_eq!(fate(&nobody, "patient/Patient.r"), Dropped(Stage::Context, Reason::NotInContext));
    assert!(nobody.granted().is_empty());
    // What only a service is told.
    let (_, told) = ask(&Server::new(), &service("system/*.rs"), "patient/*.rs");
    assert_eq!(told.scopes[0].fate, Dropped(Stage::Base, Reason::NeedsAUser));
    seen[number(Reason::NeedsAUser)] = true;
    assert_eq!(seen, [true; 16]);
}

/// SMART-SCOPE-084, SMART-SCOPE-086, SMART-SCOPE-087
#[test]
fn context_scopes_need_their_context() {
    let asked = "launch launch/patient launch/encounter launch/list launch/imagingstudy";
    let types = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (patient, encounter, other, granted) in [
        (true, true, types(&["List", "ImagingStudy"]), asked),
        (false, false, types(&[]), "launch"),
        (true, false, types(&["List"]), "launch launch/patient launch/list"),
    ] {
        let negotiation = negotiation(asked, true).in_context(patient, encounter, &other);
        assert_eq!(negotiation.granted().to_string(), granted);
    }
    let role = "launch/list?role=https://example.org/med-list-at-home";
    let app = client_with(&format!("launch {role}"));
    let negotiation = Server::new().negotiate(role, &app, true).in_context(true, false, &types(&["List"]));
    assert_eq!(negotiation.granted().to_string(), role);
}

/// SMART-SCOPE-090, SMART-SCOPE-088, INT-009
#[test]
fn without_openid_nothing_says_who_the_user_is() {
    assert_eq!(
        ticking("openid fhirUser user/Patient.rs", &["fhirUser", "user/Patient.rs"]).granted(),
        set("user/Patient.rs")
    );
    let app = client_with("fhirUser profile user/Patient.rs");
    let negotiation = Server::new().negotiate("openid fhirUser user/Patient.rs", &app, false);
    assert_eq!(negotiation.granted(), set("user/Patient.rs"));
    assert_eq!(fate(&negotiation, "openid"), Fate::Dropped(Stage::Client, Reason::NotRegistered));
    assert_eq!(fate(&negotiation, "fhirUser"), Fate::Dropped(Stage::Grammar, Reason::NeedsOpenId));
}

/// SCOPE-006, A-SCOPE-03, A-SCOPE-04, A-SCOPE-05, A-SCOPE-07
#[test]
fn a_registration_is_never_exceeded() {
    for (allowed, asked, granted) in [
        ("patient/Observation.rs", "patient/*.rs", "patient/Observation.rs"),
        ("patient/Observation.r", "patient/ObservationDefinition.r", ""),
        ("patient/Observation.r", "patient/Observation.rs", "patient/Observation.r"),
        (
            "patient/Observation.r",
            "patient/Observation.r?category=laboratory",
            "patient/Observation.r?category=laboratory",
        ),
        (
            "patient/Observation.rs?category=laboratory",
            "patient/Observation.rs",
            "patient/Observation.rs?category=laboratory",
        ),
        ("patient/Observation.rs", "user/Observation.rs", ""),
        (
            "patient/Observation.cruds",
            "patient/Observation.read patient/Observation.cud",
            "patient/Observation.read patient/Observation.cud",
        ),
        (
            "patient/Observation.crs",
            "patient/Observation.read patient/Observation.cud",
            "patient/Observation.read patient/Observation.c",
        ),
        ("__mine", "__mine __other", ""),
    ] {
        let got = Server::new().negotiate(asked, &client_with(allowed), false).granted();
        assert_eq!(got.to_string(), granted, "{allowed}: {asked}");
    }
}

/// SMART-SCOPE-095
#[test]
fn an_extension_needs_client_and_base() {
    let app = client_with("__mine https://ehr.example.org/scopes/mine");
    let asked = "__mine https://ehr.example.org/scopes/mine";
    assert!(Server::new().negotiate(asked, &app, false).granted().is_empty());
    assert_eq!(server("__mine").negotiate(asked, &app, false).granted(), set("__mine"));
}

/// SMART-SCOPE-002, SMART-SCOPE-004, SCOPE-004, A-SCOPE-10, A-SCOPE-11, A-SCOPE-12
#[test]
fn what_is_no_scope_is_dropped_and_told() {
    for wrong in [
        "patient/Observation.rr",
        "patient/Observation.rsr",
        "patient/Observation.sr",
        "patient/Observation.dc",
        "patient/Observation.RS",
        "patient/Observation.",
        "Patient/Observation.rs",
        "patient/observation.rs",
        "patient/Observation/123.rs",
        "practitioner/Observation.rs",
        "Observation.rs",
        "launch/Patient",
        "foo",
    ] {
        let negotiation = negotiation(&format!("openid {wrong}"), false);
        assert_eq!(negotiation.granted(), set("openid"));
        assert!(
            matches!(fate(&negotiation, wrong), Fate::Dropped(Stage::Grammar, Reason::NotAScope(_))),
            "{wrong}"
        );
    }
}

/// SCOPE-002, A-SCOPE-18
#[test]
fn doubles_collapse() {
    let negotiation = negotiation("openid openid patient/Observation.r patient/Observation.r", false);
    assert_eq!(negotiation.lines().len(), 2);
    assert_eq!(negotiation.granted().to_string(), "openid patient/Observation.r");
}

/// INT-006, INT-009, A-CTX-07
#[test]
fn ticks_that_were_not_offered_are_ignored() {
    let offer = offer("openid patient/Observation.rs", false);
    let ticked =
        ["system/*.cruds", "patient/*.cruds", "patient/Observation.cruds", "user/Patient.rs", "", "openid"];
    assert_eq!(*offer.choose(&ticked).granted(), set("openid"));
    assert!(!offer.choose(&["nonsense"]).is_worth_a_grant());
    // A category of a scope that was not offered is not offered either.
    assert!(!offer.choose(&[PROBLEM_LIST]).is_worth_a_grant());
}

/// SMART-AUTHZ-071, SMART-AUTHZ-076
#[test]
fn the_offer_says_what_is_sensitive_and_what_is_everything() {
    let offer = offer(
        "openid fhirUser launch/patient patient/Observation.rs patient/*.rs patient/Condition.cud patient/Consent.r",
        false,
    );
    let told = |text: &str| {
        let item = offer.items().iter().find(|item| item.scope.as_str() == text).unwrap();
        (item.sensitive || item.changes_data, item.everything, item.parts.len())
    };
    assert_eq!(told("openid"), (false, false, 0));
    assert_eq!(told("launch/patient"), (false, false, 0));
    assert_eq!(told("patient/Observation.rs"), (false, false, 6));
    assert_eq!(told("patient/Condition.cud"), (true, false, 3));
    assert_eq!(told("patient/*.rs"), (true, true, 0));
    assert_eq!(told("patient/Consent.r"), (true, false, 0));
    // What is guarded and what changes data are two marks.
    let marks = |text: &str| {
        let item = offer.items().iter().find(|item| item.scope.as_str() == text).unwrap();
        (item.sensitive, item.changes_data)
    };
    assert_eq!(marks("patient/Condition.cud"), (false, true));
    assert_eq!(marks("patient/Consent.r"), (true, false));
    let choice = offer.choose(&["openid", LABORATORY]);
    assert!(offer.refused(&choice).contains(&"patient/Observation.rs".to_owned()));
    assert!(!offer.refused(&choice).contains(&"openid".to_owned()));
}

fn any_scope() -> impl Strategy<Value = Scope> {
    let resource = (
        select(vec!["patient", "user", "system"]),
        select(vec!["*", "Observation", "Condition", "Patient", "MedicationOrder"]),
        select(vec!["r", "rs", "cruds", "cud", "s", "read", "write", "*", "crus"]),
        select(vec!["", "", "?category=laboratory", "?category=vital-signs", "?status=final"]),
    );
    let resource = resource.prop_filter_map("no scope", |(level, of, letters, constraint)| {
        Scope::parse(&format!("{level}/{of}.{letters}{constraint}")).ok()
    });
    let other = select(vec![
        "openid",
        "fhirUser",
        "profile",
        "launch",
        "launch/patient",
        "launch/encounter",
        "launch/list",
        "offline_access",
        "__mine",
        "email",
    ]);
    prop_oneof![4 => resource, 2 => other.prop_map(scope)]
}

fn any_set(most: usize) -> impl Strategy<Value = ScopeSet> {
    proptest::collection::vec(any_scope(), 0..most).prop_map(|scopes| scopes.into_iter().collect())
}

/// Everything that can be ticked in an offer.
fn boxes(offer: &Offer) -> Vec<String> {
    let parts = offer.items().iter().flat_map(|item| item.parts.iter().map(|(part, _)| part));
    offer.items().iter().map(|item| &item.scope).chain(parts).map(|scope| scope.as_str().to_owned()).collect()
}

proptest! {
    /// SMART-SCOPE-112, INT-009, A-SCOPE-28
    #[test]
    fn granted_is_covered_by_request_client_base_and_consent(
        requested in any_set(9), allowed in any_set(9), on_base in any_set(7), ceiling in proptest::option::of(any_set(5)),
        [ehr, has_fhir_user, patient, encounter] in any::<[bool; 4]>(),
        keep in subsequence((0..64).collect::<Vec<usize>>(), 0..=64),
    ) {
        prop_assume!(!requested.is_empty());
        let server = server(&on_base.to_string());
        let mut client = client();
        client.scopes = allowed.clone();
        let mut stages = vec![server.negotiate(&requested.to_string(), &client, ehr)];
        let last = |stages: &[Negotiation]| stages[stages.len() - 1].clone();
        stages.push(last(&stages).for_user(has_fhir_user));
        stages.push(last(&stages).in_context(patient, encounter, &["List".to_owned()]));
        stages.push(last(&stages).within_relationship(ceiling.as_ref()));
        let offer = Offer::of(&last(&stages));
        let boxes = boxes(&offer);
        let ticked: Vec<&str> = keep.iter().filter_map(|at| boxes.get(*at)).map(String::as_str).collect();
        let choice = offer.choose(&ticked);
        stages.push(last(&stages).consented(&choice));
        for pair in stages.windows(2) {
            prop_assert!(pair[0].granted().covers_set(&pair[1].granted()), "a stage widened");
        }
        let end = last(&stages);
        let granted = end.granted();
        prop_assert!(requested.covers_set(&granted));
        prop_assert!(allowed.covers_set(&granted));
        prop_assert!(choice.granted().covers_set(&granted));
        for scope in &granted {
            prop_assert!(scope.as_resource().is_none() || on_base.covers(scope), "{}", scope);
            if scope.is_patient_level() {
                prop_assert!(patient, "a patient/ scope without a patient");
                prop_assert!(ceiling.as_ref().is_none_or(|ceiling| ceiling.covers(scope)));
            }
            prop_assert!(!scope.as_str().starts_with("system/"));
        }
        for line in end.lines() {
            let asked = Scope::parse(line.requested()).unwrap();
            prop_assert!(line.left().iter().all(|left| asked.covers(left)), "more than its own line asked");
            match line.fate() {
                Fate::Granted => prop_assert_eq!(line.left(), &[asked][..], "untouched, in its spelling"),
                Fate::Narrowed(..) => prop_assert!(!line.left().is_empty()),
                Fate::Dropped(..) => prop_assert!(line.left().is_empty()),
            }
        }
    }
}
