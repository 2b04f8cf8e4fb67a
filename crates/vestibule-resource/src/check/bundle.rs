//! Leaving out of a Bundle what may not be shown.
//!
//! What was found is judged by itself. What came with it (includes; in `$everything` what is no patient's) must besides be tied to something that is
//! shown: a Practitioner in the answer says who treated a patient, even when the visit itself is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Narrowing;
use crate::compartment;
use crate::known::{Both, Known, Loaded};
use crate::rule::{Rule, on};
use crate::rules::Rules;

/// Deepest nesting in which references are looked for.
const MAX_DEPTH: usize = 64;

/// What was left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filtered {
    /// How many entries. For the operator only.
    pub removed: usize,
}

impl Narrowing {
    /// Leaves out of a search result, history or `$everything` what may not be shown, and what would count it: the total, and the link to the last page.
    ///
    /// Anything but a Bundle is emptied.
    pub fn filter_bundle(&self, bundle: &mut Value) -> Filtered {
        self.filter_bundle_among(bundle, &())
    }

    /// The same, where resources besides those of the Bundle are at hand.
    pub fn filter_bundle_among(&self, bundle: &mut Value, known: &dyn Known) -> Filtered {
        if bundle.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
            *bundle = Value::Null;
            return Filtered { removed: 1 };
        }
        let Some(members) = bundle.as_object_mut() else { return Filtered::default() };
        if on(Rule::Totals) {
            members.remove("total");
            if let Some(Value::Array(links)) = members.get_mut("link") {
                links.retain(|link| link.get("relation").and_then(Value::as_str) != Some("last"));
            }
        }
        // A signature is over what was there before, and may say what that was.
        members.remove("signature");
        let entries = match members.remove("entry") {
            None => return Filtered::default(),
            Some(Value::Array(entries)) => entries,
            Some(_) => return Filtered { removed: 1 },
        };
        let keep = self.kept(&entries, known);
        let before = entries.len();
        let kept: Vec<Value> =
            entries.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(entry, _)| entry).collect();
        let removed = before - kept.len();
        // FHIR has no empty arrays.
        if !kept.is_empty() {
            members.insert("entry".to_owned(), Value::Array(kept));
        }
        Filtered { removed }
    }

    fn kept(&self, entries: &[Value], known: &dyn Known) -> Vec<bool> {
        let beside: Loaded<'_> = entries.iter().filter_map(|entry| entry.get("resource")).collect();
        let known = Both(&beside, known);
        let shown: Vec<Shown> = entries.iter().map(|entry| self.shown(entry, &known)).collect();
        if shown.iter().all(|shown| *shown != Shown::WithOthers) || !on(Rule::IncludePaths) {
            return shown.into_iter().map(|shown| shown != Shown::No).collect();
        }
        tied(entries, &shown, self.rules())
    }

    fn shown(&self, entry: &Value, known: &dyn Known) -> Shown {
        let Some(resource) = entry.get("resource") else {
            // In a history: a deletion, of which nobody can say whose it was.
            return if on(Rule::Deletions) { Shown::No } else { Shown::Alone };
        };
        let mode = entry.get("search").and_then(|search| search.get("mode")).and_then(Value::as_str);
        let Some(kind) = self.type_of(resource) else { return Shown::No };
        if kind.name() == "OperationOutcome" && mode == Some("outcome") {
            return Shown::Alone;
        }
        if !self.check_result_among(resource, known).is_permitted() {
            return Shown::No;
        }
        let is_root = self.types().is_none_or(|types| types.contains(&kind));
        let comes_along = if self.everything {
            // In a patient's everything the patient's own is what was found.
            compartment::row(self.rules().version(), kind).is_none()
        } else {
            mode == Some("include") || !is_root
        };
        if comes_along { Shown::WithOthers } else { Shown::Alone }
    }
}

/// Whether an entry is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    No,
    Alone,
    /// Only if it is tied to one that is shown.
    WithOthers,
}

/// From what is shown alone, along references between entries that may be shown.
fn tied(entries: &[Value], shown: &[Shown], rules: &Rules) -> Vec<bool> {
    let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        for name in names_of(entry) {
            names.entry(name).or_default().push(at);
        }
    }
    let mut ties: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); entries.len()];
    for (at, entry) in entries.iter().enumerate() {
        if shown.get(at).is_none_or(|shown| *shown == Shown::No) {
            continue;
        }
        let Some(resource) = entry.get("resource") else { continue };
        let mut tie = |text: &str| {
            let text = plain(text);
            let relative = rules.relative(text).filter(|relative| *relative != text);
            let named = names.get(text).into_iter().chain(relative.and_then(|text| names.get(text)));
            for to in named.flatten() {
                if let Some(from_here) = ties.get_mut(at) {
                    from_here.insert(*to);
                }
                if let Some(to_here) = ties.get_mut(*to) {
                    to_here.insert(at);
                }
            }
        };
        texts(resource, MAX_DEPTH, &mut tie);
    }
    let mut kept: Vec<bool> = shown.iter().map(|shown| *shown == Shown::Alone).collect();
    let mut next: Vec<usize> = kept.iter().enumerate().filter(|(_, kept)| **kept).map(|(at, _)| at).collect();
    while let Some(at) = next.pop() {
        for to in ties.get(at).into_iter().flatten() {
            let may = shown.get(*to).is_some_and(|shown| *shown == Shown::WithOthers);
            if let Some(kept) = kept.get_mut(*to).filter(|kept| may && !**kept) {
                *kept = true;
                next.push(*to);
            }
        }
    }
    kept
}

/// The texts by which others may refer to an entry's resource.
fn names_of(entry: &Value) -> Vec<String> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(resource) = entry.get("resource") else { return Vec::new() };
    let mut names: Vec<String> = text(entry, "fullUrl").into_iter().chain(text(resource, "url")).collect();
    if let (Some(kind), Some(id)) = (text(resource, "resourceType"), text(resource, "id")) {
        names.push(format!("{kind}/{id}"));
    }
    names
}

/// A reference without its version, or a canonical URL without its own.
fn plain(text: &str) -> &str {
    let text = text.split_once("/_history/").map_or(text, |(text, _)| text);
    text.split_once('|').map_or(text, |(text, _)| text)
}

/// Visits every text that may refer to something.
fn texts(value: &Value, depth: usize, visit: &mut dyn FnMut(&str)) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::String(text) if text.contains(['/', ':']) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, depth, visit)),
        Value::Object(members) => members.values().for_each(|member| texts(member, depth, visit)),
        _ => (),
    }
}
