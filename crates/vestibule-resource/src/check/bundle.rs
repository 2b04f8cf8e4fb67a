//! Leaving out of a Bundle what may not be shown.
//!
//! What was found is judged by itself. What came with it (includes; in `$everything` what is no patient's) must besides be tied to something that is
//! shown: a Practitioner in the answer says who treated a patient, even when the visit itself is left out.

use serde_json::Value;

use super::Narrowing;
use super::ties::Ties;
use crate::compartment;
use crate::known::{Both, Known, Loaded};
use crate::rule::{Rule, on};

/// The members of a Bundle that speak of no entry that is left out.
const MEMBERS: [&str; 6] = ["resourceType", "id", "type", "timestamp", "link", "entry"];
/// The links that lead from page to page. The last one counts them.
const RELATIONS: [&str; 4] = ["self", "first", "previous", "next"];

/// What was left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filtered {
    /// How many entries. For the operator only.
    pub removed: usize,
}

impl Narrowing {
    /// Leaves out of a search result, history or `$everything` what may not be shown, and what would count it: the total, and the link to the last page.
    /// Of the Bundle itself only id, type, timestamp, entries and the links to pages stay. Whether there is a next page tells something too, unless
    /// [`searches_within_patient`](Self::searches_within_patient).
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
        // What else is there speaks of the whole: the total, a signature over it, issues (R5), tags, extensions.
        members.retain(|name, _| MEMBERS.contains(&name.as_str()) || name == "total" && !on(Rule::Totals));
        match members.get_mut("link") {
            Some(Value::Array(links)) => links.retain(|link| {
                let relation = link.get("relation").and_then(Value::as_str);
                relation.is_some_and(|relation| RELATIONS.contains(&relation))
            }),
            Some(_) => drop(members.remove("link")),
            None => {}
        }
        // FHIR has no empty arrays.
        if members.get("link").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            members.remove("link");
        }
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
        Ties::new(self, entries, &shown).kept()
    }

    fn shown(&self, entry: &Value, known: &dyn Known) -> Shown {
        let Some(resource) = entry.get("resource") else {
            // In a history: a deletion, of which nobody can say whose it was.
            return if on(Rule::Deletions) { Shown::No } else { Shown::Alone };
        };
        let mode = entry.get("search").and_then(|search| search.get("mode")).and_then(Value::as_str);
        // What the server says of its search, it says of all that it found.
        if mode == Some("outcome") && on(Rule::Outcomes) {
            return Shown::No;
        }
        let Some(kind) = self.type_of(resource) else { return Shown::No };
        let is_root = self.types().is_none_or(|types| types.contains(&kind));
        let comes_along = !self.everything && (mode == Some("include") || !is_root);
        let verdict = if comes_along {
            self.check_included_among(resource, known)
        } else {
            self.check_result_among(resource, known)
        };
        if !verdict.is_permitted() {
            return Shown::No;
        }
        // In a patient's everything the patient's own is what was found.
        let is_tied =
            comes_along || self.everything && compartment::row(self.rules().version(), kind).is_none();
        if is_tied { Shown::WithOthers } else { Shown::Alone }
    }
}

/// Whether an entry is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    No,
    Alone,
    /// Only if it is tied to one that is shown.
    WithOthers,
}
