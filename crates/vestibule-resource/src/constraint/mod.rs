//! Whether a resource matches the constraint of a granular scope (SMART-SCOPE-040).
//!
//! Only tokens and references of known parameters are understood. What is not understood matches nothing: a scope that is too
//! narrow asks for a better server, one that is too wide is a leak.

mod parameters;
mod token;

use vestibule_scope::{Constraint, Pair, ResourceType};

use crate::element::Element;
use crate::reference::Reader;
use crate::rule::{Rule, on};
use crate::rules::Rules;

/// Whether the resource matches every pair, each by one of its values (SMART-SCOPE-044). Other categories that it also has do
/// not matter (SMART-SCOPE-045).
pub(crate) fn matches(
    constraint: &Constraint,
    resource_type: ResourceType,
    resource: &dyn Element,
    reader: &Reader<'_>,
) -> bool {
    let mut pairs = constraint.pairs();
    let holds = |pair: &Pair| pair_matches(pair, resource_type, resource, reader);
    if on(Rule::EveryPair) { pairs.all(holds) } else { pairs.any(holds) }
}

/// Whether it is known which elements a pair looks at, and what each of its values means. Of one that means nothing here (a reference without its
/// type) nothing is shown, and a server may find it.
pub(crate) fn is_understood(resource_type: ResourceType, pair: &Pair, rules: &Rules) -> bool {
    let Some(meaning) = parameters::meaning(resource_type, pair.name()) else { return false };
    !pair.is_experimental()
        && pair.values().all(|value| match meaning.kind {
            parameters::Kind::Token => token::is_token(value),
            parameters::Kind::Reference => token::is_reference(value, rules),
        })
}

fn pair_matches(
    pair: &Pair,
    resource_type: ResourceType,
    resource: &dyn Element,
    reader: &Reader<'_>,
) -> bool {
    let meaning = parameters::meaning(resource_type, pair.name());
    if pair.is_experimental() || meaning.is_none() {
        return !on(Rule::UnknownConstraint);
    }
    meaning.is_some_and(|meaning| {
        let mut found = false;
        for path in meaning.paths {
            crate::element::at(resource, path, &mut |element| {
                found = found
                    || pair.values().any(|value| match meaning.kind {
                        parameters::Kind::Token => token::matches(value, element),
                        parameters::Kind::Reference => token::refers(value, element, reader),
                    });
            });
        }
        found
    })
}
