//! Narrowing never widens: the crate's answer against the slow model, and the proof that this harness can fail.

use proptest::prelude::*;
use vestibule_scope::{Dialect, Narrowed, Scope, ScopeSet};

use crate::laws::{resource_scope, resource_set};
use crate::model::{allowed, allowed_by_any, both};
use crate::{scope, set};

/// Checks one way of narrowing on one case. The error says which promise is broken.
fn check(
    narrow: impl Fn(&ScopeSet, &Scope) -> Narrowed,
    ceiling: &ScopeSet,
    requested: &Scope,
) -> Result<(), &'static str> {
    let answer = narrow(ceiling, requested);
    let scopes = match &answer {
        Narrowed::Whole(whole) if whole != requested => {
            return Err("an untouched scope changed its spelling");
        }
        Narrowed::Parts(parts) if parts.is_empty() => return Err("parts without a part"),
        _ => answer.clone().into_scopes(),
    };
    let granted = allowed_by_any(scopes.iter().map(Scope::as_str));
    let fits = both(&allowed(requested.as_str()), &allowed_by_any(ceiling.iter().map(Scope::as_str)));
    if granted.iter().zip(&fits).any(|(granted, fits)| *granted && !*fits) {
        return Err("the answer is wider than the request or the ceiling");
    }
    if granted != fits {
        return Err("the answer leaves out what fits");
    }
    if scopes.iter().any(|part| !requested.covers(part) || !ceiling.covers(part)) {
        return Err("a part is not covered by both");
    }
    let asked_in = requested.as_resource().map(|resource| resource.dialect());
    let answered_v1 =
        |part: &Scope| part.as_resource().is_some_and(|resource| resource.dialect() == Dialect::V1);
    if asked_in == Some(Dialect::V2) && scopes.iter().any(answered_v1) {
        return Err("a v2 scope was answered in v1");
    }
    Ok(())
}

proptest! {
    #[test]
    fn narrowing_gives_exactly_what_fits(ceiling in resource_set(), requested in resource_scope()) {
        prop_assert_eq!(check(ScopeSet::narrow, &ceiling, &requested), Ok(()), "{:?} under {:?}", requested, ceiling);
    }

    /// A-SCOPE-28: through several ceilings, the result is covered by the request and by each of them.
    #[test]
    fn a_pipeline_of_ceilings_only_narrows(
        requested in resource_set(), client in resource_set(), policy in resource_set()
    ) {
        let granted = requested.intersect(&client).intersect(&policy);
        for bound in [&requested, &client, &policy] {
            prop_assert!(bound.covers_set(&granted), "{:?} past {:?}", granted, bound);
        }
    }
}

/// Cases on which the broken variants below must be found out.
fn small_world() -> Vec<(ScopeSet, Scope)> {
    let scopes = [
        "patient/Observation.rs",
        "patient/Observation.r",
        "patient/*.s",
        "patient/*.read",
        "patient/*.*",
        "patient/*.cruds",
        "patient/Condition.cud",
        "patient/Observation.rs?category=a",
        "patient/Observation.rs?category=a,b",
        "patient/Observation.cr?category=b&status=x",
        "user/Observation.rs",
        "system/*.cruds",
    ];
    let mut cases = Vec::new();
    for first in scopes {
        for second in scopes {
            for requested in scopes {
                cases.push((set(first).union(&set(second)), scope(requested)));
            }
        }
    }
    cases
}

fn found_out(broken: impl Fn(&ScopeSet, &Scope) -> Narrowed) -> Option<&'static str> {
    small_world().iter().find_map(|(ceiling, requested)| check(&broken, ceiling, requested).err())
}

#[test]
fn the_real_narrowing_passes_the_small_world() {
    assert_eq!(found_out(ScopeSet::narrow), None);
}

#[test]
fn the_harness_rejects_one_that_forgets_the_constraint() {
    let broken = |ceiling: &ScopeSet, requested: &Scope| {
        let bare = |member: &Scope| member.as_str().split('?').next().map(scope).expect("head");
        ceiling.iter().map(bare).collect::<ScopeSet>().narrow(requested)
    };
    assert_eq!(found_out(broken), Some("the answer is wider than the request or the ceiling"));
}

#[test]
fn the_harness_rejects_one_that_compares_prefixes() {
    let broken = |ceiling: &ScopeSet, requested: &Scope| {
        if ceiling.iter().any(|member| requested.as_str().starts_with(member.as_str())) {
            Narrowed::Whole(requested.clone())
        } else {
            ceiling.narrow(requested)
        }
    };
    assert_eq!(found_out(broken), Some("the answer is wider than the request or the ceiling"));
}

#[test]
fn the_harness_rejects_one_that_ignores_the_level() {
    let broken = |ceiling: &ScopeSet, requested: &Scope| {
        let (level, _) = requested.as_str().split_once('/').expect("level");
        let as_asked = |member: &Scope| {
            let (_, rest) = member.as_str().split_once('/').expect("level");
            scope(&format!("{level}/{rest}"))
        };
        ceiling.iter().map(as_asked).collect::<ScopeSet>().narrow(requested)
    };
    assert_eq!(found_out(broken), Some("the answer is wider than the request or the ceiling"));
}

#[test]
fn the_harness_rejects_one_that_gives_too_little_or_respells() {
    let timid = |ceiling: &ScopeSet, requested: &Scope| match ceiling.narrow(requested) {
        Narrowed::Parts(_) => Narrowed::Nothing,
        other => other,
    };
    assert_eq!(found_out(timid), Some("the answer leaves out what fits"));
    let respelling = |ceiling: &ScopeSet, requested: &Scope| match ceiling.narrow(requested) {
        Narrowed::Whole(scope) => Narrowed::Whole(scope.canonical()),
        other => other,
    };
    assert_eq!(found_out(respelling), Some("an untouched scope changed its spelling"));
    let older = |ceiling: &ScopeSet, requested: &Scope| match ceiling.narrow(requested) {
        Narrowed::Parts(parts) => {
            Narrowed::Parts(parts.into_iter().map(|part| part.to_v1().unwrap_or(part)).collect())
        }
        other => other,
    };
    assert_eq!(found_out(older), Some("a v2 scope was answered in v1"));
}
