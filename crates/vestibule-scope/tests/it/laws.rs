//! The laws of the algebra, on scopes of a small world where the model decides what is true.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use vestibule_scope::{Constraint, Scope, ScopeList, ScopeSet};

use crate::model::{CATEGORIES, STATUSES, TYPES, allowed, allowed_by_any, both, is_subset};

/// A resource scope, in one of many spellings.
pub(crate) fn resource_scope() -> impl Strategy<Value = Scope> {
    let head = (level(), type_name());
    let v1 = (head.clone(), select(vec!["read", "write", "*"]))
        .prop_map(|((level, name), word)| format!("{level}/{name}.{word}"));
    let letters = subsequence(vec!['c', 'r', 'u', 'd', 's'], 1..=5).prop_map(String::from_iter);
    let v2 = (head, letters, proptest::option::of(constraint())).prop_map(
        |((level, name), letters, constraint)| {
            constraint
                .map_or(format!("{level}/{name}.{letters}"), |it| format!("{level}/{name}.{letters}?{it}"))
        },
    );
    prop_oneof![1 => v1, 3 => v2].prop_map(|text| Scope::parse(&text).expect("of the language"))
}

/// Up to four resource scopes.
pub(crate) fn resource_set() -> impl Strategy<Value = ScopeSet> {
    proptest::collection::vec(resource_scope(), 0..=4).prop_map(ScopeSet::from_iter)
}

/// Mostly one level, so that scopes meet.
fn level() -> impl Strategy<Value = &'static str> + Clone {
    prop_oneof![6 => Just("patient"), 1 => Just("user"), 1 => Just("system")]
}

fn type_name() -> impl Strategy<Value = &'static str> + Clone {
    let named = TYPES[..3].to_vec();
    prop_oneof![2 => Just("*"), 3 => select(named)]
}

fn constraint() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![pair("category", &CATEGORIES), pair("status", &STATUSES)], 1..=3)
        .prop_map(|pairs| pairs.join("&"))
}

/// Values in any order, some twice, some escaped; commas too.
fn pair(name: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = String> {
    let value = (select(values), any::<bool>()).prop_map(|(value, escape)| {
        if escape { format!("%{:02X}", value.as_bytes()[0]) } else { value.to_owned() }
    });
    (proptest::collection::vec(value, 1..=3), select(vec![",", "%2C"]))
        .prop_map(move |(values, comma)| format!("{name}={}", values.join(comma)))
}

/// Any kind of scope.
fn any_scope() -> impl Strategy<Value = Scope> {
    let other = select(vec![
        "launch",
        "launch/patient",
        "launch/list?role=https://a.example/x",
        "openid",
        "fhirUser",
        "offline_access",
        "__own",
        "https://a.example/scope",
        "patient/*.rs?code:in=a,b",
        "patient/Observation.rs?code:in=b,a",
        "patient/Observation.rs?code=b,a",
    ]);
    prop_oneof![3 => resource_scope(), 1 => other.prop_map(crate::scope)]
}

fn any_set() -> impl Strategy<Value = ScopeSet> {
    proptest::collection::vec(any_scope(), 0..=5).prop_map(ScopeSet::from_iter)
}

fn meaning(set: &ScopeSet) -> Vec<bool> {
    allowed_by_any(set.iter().map(Scope::as_str))
}

proptest! {
    #[test]
    fn printing_what_was_parsed_is_identity(scope in any_scope()) {
        let text = scope.to_string();
        let again = Scope::parse(&text).expect("printed");
        prop_assert_eq!(again.as_str(), &text);
        prop_assert_eq!(&again, &scope);
        prop_assert!(again.same_meaning(&scope));
    }

    /// What the algebra builds is written so that reading it back gives the same.
    #[test]
    fn what_the_algebra_builds_can_be_read_back(left in any_scope(), right in any_scope()) {
        let built = [left.intersect(&right), Some(left.canonical()), Some(left.to_v2()), left.to_v1()];
        for scope in built.into_iter().flatten() {
            let again = Scope::parse(scope.as_str()).expect("built");
            prop_assert!(again.same_meaning(&scope), "{}", scope);
            prop_assert_eq!(
                again.as_resource().map(|it| it.dialect()),
                scope.as_resource().map(|it| it.dialect())
            );
        }
    }

    /// SMART-SCOPE-044
    #[test]
    fn covering_is_exactly_what_the_model_says(left in resource_scope(), right in resource_scope()) {
        let [wide, narrow] = [&left, &right].map(|scope| allowed(scope.as_str()));
        prop_assert_eq!(left.covers(&right), is_subset(&narrow, &wide), "{} {}", left, right);
        prop_assert_eq!(left.same_meaning(&right), narrow == wide, "{} {}", left, right);
    }

    #[test]
    fn covering_is_a_partial_order_on_meaning(a in any_scope(), b in any_scope(), c in any_scope()) {
        prop_assert!(a.covers(&a));
        prop_assert_eq!(a.covers(&b) && b.covers(&a), a.same_meaning(&b));
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
        // Not left to chance: a chain by intersection.
        if let Some(ab) = a.intersect(&b) {
            prop_assert!(a.covers(&ab) && b.covers(&ab));
            if let Some(abc) = ab.intersect(&c) {
                prop_assert!(ab.covers(&abc) && a.covers(&abc) && b.covers(&abc) && c.covers(&abc));
            }
        }
    }

    #[test]
    fn intersection_is_exactly_what_the_model_says(left in resource_scope(), right in resource_scope()) {
        let fits = both(&allowed(left.as_str()), &allowed(right.as_str()));
        match left.intersect(&right) {
            Some(scope) => prop_assert_eq!(allowed(scope.as_str()), fits, "{}", scope),
            None => prop_assert!(fits.iter().all(|it| !it), "{} {}", left, right),
        }
    }

    #[test]
    fn intersection_is_commutative_associative_idempotent(a in any_scope(), b in any_scope(), c in any_scope()) {
        prop_assert_eq!(a.intersect(&a), Some(a.clone()));
        let same = |left: Option<Scope>, right: Option<Scope>| match (left, right) {
            (Some(left), Some(right)) => left.same_meaning(&right),
            (left, right) => left.is_none() && right.is_none(),
        };
        prop_assert!(same(a.intersect(&b), b.intersect(&a)));
        let left = a.intersect(&b).and_then(|ab| ab.intersect(&c));
        let right = b.intersect(&c).and_then(|bc| a.intersect(&bc));
        prop_assert!(same(left, right));
    }

    #[test]
    fn set_intersection_is_commutative_associative_idempotent(a in any_set(), b in any_set(), c in any_set()) {
        prop_assert_eq!(&a.intersect(&a), &a);
        prop_assert!(a.intersect(&b).same_meaning(&b.intersect(&a)));
        prop_assert!(a.intersect(&b).intersect(&c).same_meaning(&a.intersect(&b.intersect(&c))));
    }

    #[test]
    fn sets_mean_what_the_model_says(a in resource_set(), b in resource_set()) {
        prop_assert_eq!(meaning(&a.intersect(&b)), both(&meaning(&a), &meaning(&b)));
        let either: Vec<bool> = meaning(&a).iter().zip(meaning(&b)).map(|(a, b)| *a || b).collect();
        prop_assert_eq!(meaning(&a.union(&b)), either);
        // What is said to be covered is; the reverse is not promised.
        prop_assert!(!a.covers_set(&b) || is_subset(&meaning(&b), &meaning(&a)), "{} {}", a, b);
        prop_assert!(a.union(&b).covers_set(&a) && a.union(&b).covers_set(&b));
        prop_assert!(a.covers_set(&a.intersect(&b)) && b.covers_set(&a.intersect(&b)));
    }

    #[test]
    fn set_covering_is_a_partial_order_on_meaning(a in any_set(), b in any_set(), c in any_set()) {
        prop_assert!(a.covers_set(&a));
        prop_assert_eq!(a.same_meaning(&b), a.covers_set(&b) && b.covers_set(&a));
        let (ab, abc) = (a.union(&b), a.union(&b).union(&c));
        prop_assert!(abc.covers_set(&ab) && ab.covers_set(&a) && abc.covers_set(&a));
        prop_assert!(!(a.covers_set(&b) && b.covers_set(&c)) || a.covers_set(&c));
    }

    #[test]
    fn canonical_scopes_are_one_per_meaning(a in any_scope(), b in any_scope()) {
        let canonical = a.canonical();
        prop_assert!(canonical.same_meaning(&a));
        prop_assert_eq!(&canonical.canonical(), &canonical);
        prop_assert_eq!(a.same_meaning(&b), canonical == b.canonical(), "{} {}", a, b);
    }

    #[test]
    fn canonical_sets_are_one_per_meaning(a in any_set(), b in any_set()) {
        let canonical = a.canonical();
        prop_assert!(canonical.same_meaning(&a));
        prop_assert_eq!(&canonical.canonical(), &canonical);
        prop_assert_eq!(a.same_meaning(&b), canonical == b.canonical(), "{} {}", a, b);
        // A case where they do mean the same.
        let reversed: ScopeSet = a.iter().rev().map(Scope::canonical).collect();
        prop_assert_eq!(&reversed.union(&a).canonical(), &canonical);
    }

    #[test]
    fn v1_and_v2_forms_mean_the_same(scope in any_scope()) {
        prop_assert!(scope.to_v2().same_meaning(&scope));
        if let Some(v1) = scope.to_v1() {
            prop_assert!(v1.same_meaning(&scope));
        }
    }

    #[test]
    fn uri_forms_lead_back(scope in any_scope()) {
        if let Some(uri) = scope.to_uri() {
            prop_assert_eq!(Scope::from_uri(&uri), Ok(scope));
        }
    }

    #[test]
    fn no_text_panics_and_what_is_read_is_kept(
        text in prop_oneof![
            any::<String>(),
            "[ -~]{0,60}",
            "(patient|user|system|launch|smart|__|a:)?[/.?]?(\\*|Observation|patient|[A-Z][a-z]*)?[./?]?(read|write|\\*|[cruds]{0,6})?[?]?([a-z_.:]{0,6}=?[%,|&=a-f0-9]{0,8}&?){0,3}"
        ]
    ) {
        if let Ok(scope) = Scope::parse(&text) {
            prop_assert_eq!(scope.as_str(), &text);
            prop_assert!(scope.covers(&scope) && scope.canonical().same_meaning(&scope));
            let again = Scope::parse(scope.canonical().as_str());
            prop_assert_eq!(again.as_ref(), Ok(&scope.canonical()));
        }
        if let Ok(list) = ScopeList::parse(&text) {
            let mut tokens: Vec<&str> = Vec::new();
            for token in text.split(' ') {
                if !tokens.contains(&token) {
                    tokens.push(token);
                }
            }
            let kept: Vec<&str> = list.iter().map(|requested| &*requested.text).collect();
            prop_assert_eq!(kept, tokens);
        }
        let _ = (Constraint::parse(&text), Scope::from_uri(&text), Scope::extension(&text), ScopeSet::parse(&text));
    }

    /// Any value can be written, and is read back as it was.
    #[test]
    fn escaped_values_come_back(value in "[^\\p{Cc},\\\\]{1,12}") {
        let escaped: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let constraint = Constraint::parse(&format!("code={escaped}")).expect("escaped");
        for constraint in [constraint.canonical(), constraint] {
            let pair = constraint.pairs().next().expect("one pair");
            prop_assert_eq!(pair.values().collect::<Vec<_>>(), [value.as_str()]);
        }
    }
}
