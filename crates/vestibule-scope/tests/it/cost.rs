//! Hostile strings of the greatest length cost little. The bound is generous: it is there to catch quadratic work,
//! which at 32 KiB takes a debug build many seconds.

use std::fmt::Write as _;
use std::time::Duration;

use vestibule_scope::{Constraint, ResourceType, Scope, ScopeList, ScopeSet};

use crate::scope;

#[allow(clippy::disallowed_methods, reason = "the cost is what is tested")]
fn within_a_second<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = std::time::Instant::now();
    let result = work();
    assert!(start.elapsed() < Duration::from_secs(1), "{what} took {:?}", start.elapsed());
    result
}

/// `head`, then `piece` as often as fits.
fn filled(head: &str, piece: &str) -> String {
    let mut text = head.to_owned();
    while text.len() + piece.len() <= ScopeList::MAX_LEN {
        text.push_str(piece);
    }
    text
}

#[test]
fn hostile_tokens_are_read_in_linear_time() {
    for (head, piece) in [
        ("", "/"),
        ("", "."),
        ("", ":"),
        ("", "?"),
        ("", "%"),
        ("", "_"),
        ("", "a"),
        ("patient/", "."),
        ("patient/", "Observation"),
        ("patient/Observation.", "r"),
        ("patient/Observation.", "cruds"),
        ("patient/Observation.rs?", "&"),
        ("patient/Observation.rs?", "a=b&"),
        ("patient/Observation.rs?a=", ","),
        ("patient/Observation.rs?a=b", ",b"),
        ("patient/Observation.rs?a=", "%61"),
        ("patient/Observation.rs?a=", "%5C"),
        ("patient/Observation.rs?a", ".a"),
        ("patient/Observation.rs?a:", "b:"),
        ("launch/", "patient"),
        ("launch/list?", "role=a&"),
        ("launch/list?role=a:", "%20"),
        ("a:", "%20"),
    ] {
        let text = filled(head, piece);
        let _ = within_a_second(&text[..40], || Scope::parse(&text));
        let list = filled("openid", &format!(" {head}{piece}"));
        let _ = within_a_second(&list[..40], || ScopeList::parse(&list));
    }
}

#[test]
fn a_megabyte_is_refused_at_once() {
    let text = "openid ".repeat(150_000);
    assert!(within_a_second("a megabyte", || ScopeList::parse(&text)).is_err());
    let token = "a".repeat(1_000_000);
    assert!(within_a_second("a long token", || Scope::parse(&token)).is_err());
}

#[test]
fn the_widest_constraints_compare_quickly() {
    let wide = |salt: usize| {
        let mut text = String::from("patient/*.rs?");
        for pair in 0..Constraint::MAX_PAIRS {
            let values: Vec<String> =
                (0..8).map(|value| format!("{}{salt}{value}", "x".repeat(200))).collect();
            write!(text, "{}code={}", if pair == 0 { "" } else { "&" }, values.join(",")).unwrap();
        }
        scope(&text)
    };
    within_a_second("widest constraints", || {
        let [one, two] = [wide(1), wide(2)];
        assert!(one.covers(&one) && !one.covers(&two));
        assert!(one.intersect(&two).is_some(), "equal pairs are one pair");
    });
}

#[test]
fn a_full_request_narrows_quickly_under_a_full_ceiling() {
    let requested: ScopeSet = (0..200).map(|at| scope(&format!("patient/*.cruds?code={at}"))).collect();
    let ceiling: ScopeSet =
        ResourceType::all().map(|resource_type| scope(&format!("patient/{resource_type}.rs"))).collect();
    let narrowed =
        within_a_second("one wildcard", || ceiling.narrow(&scope("patient/*.cruds"))).into_scopes();
    assert_eq!(narrowed.len(), ceiling.len());
    let list = requested.to_string();
    let parsed = within_a_second("200 wildcards, read", || ScopeList::parse(&list).unwrap());
    assert_eq!(parsed.len(), 200);
    assert!(!within_a_second("200 wildcards, covered", || ceiling.covers_set(&requested)));
}
