//! What in a Bundle came because of what.
//!
//! A server includes a resource because a found one refers to it, or it to a found one, by the reference that was asked for. If the found
//! one is hidden, the included one goes too, even where the app might read it by itself: that it is there answers the search.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use vestibule_scope::ResourceType;

use super::Narrowing;
use super::bundle::Shown;
use crate::compartment;
use crate::element::at;
use crate::rules::Rules;
use crate::search::Include;

/// Deepest nesting in which references are looked for.
const MAX_DEPTH: usize = 64;

pub(super) struct Ties<'a> {
    rules: &'a Rules,
    includes: Cow<'a, [Include]>,
    resources: Vec<Option<(ResourceType, &'a Value)>>,
    shown: &'a [Shown],
    names: BTreeMap<String, Vec<usize>>,
}

impl<'a> Ties<'a> {
    pub(super) fn new(narrowing: &'a Narrowing, entries: &'a [Value], shown: &'a [Shown]) -> Self {
        let mut names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            for name in names_of(entry) {
                names.entry(name).or_default().push(at);
            }
        }
        let resource = |entry: &'a Value| {
            let resource = entry.get("resource")?;
            Some((narrowing.type_of(resource)?, resource))
        };
        // In a patient's everything any reference counts, and on a later page, where nobody repeats which was asked for.
        let any = |reverse| Include { reverse, iterate: true, source: None, reference: None, target: None };
        let includes = if narrowing.everything || narrowing.pages {
            Cow::Owned(vec![any(false), any(true)])
        } else {
            Cow::Borrowed(&*narrowing.includes)
        };
        let resources = entries.iter().map(resource).collect();
        Self { rules: narrowing.rules(), includes, resources, shown, names }
    }

    /// From what is shown alone, along what was asked for.
    pub(super) fn kept(&self) -> Vec<bool> {
        let mut kept: Vec<bool> = self.shown.iter().map(|shown| *shown == Shown::Alone).collect();
        let backwards: Vec<_> = self.includes.iter().map(|include| self.backwards(include)).collect();
        let roots = kept.iter().enumerate().filter(|(_, kept)| **kept).map(|(at, _)| (at, true));
        let mut next: Vec<(usize, bool)> = roots.collect();
        while let Some((from, is_root)) = next.pop() {
            for (include, backwards) in self.includes.iter().zip(&backwards) {
                if !is_root && !include.iterate {
                    continue;
                }
                let forwards;
                let to = if include.reverse {
                    backwards.get(&from).map_or(&[][..], Vec::as_slice)
                } else {
                    forwards = self.pointed_at(from, include);
                    &forwards
                };
                for to in to {
                    let may = self.shown.get(*to).is_some_and(|shown| *shown == Shown::WithOthers);
                    if let Some(kept) = kept.get_mut(*to).filter(|kept| may && !**kept) {
                        *kept = true;
                        next.push((*to, false));
                    }
                }
            }
        }
        kept
    }

    /// For a reverse include: by entry, those that point to it.
    fn backwards(&self, include: &Include) -> BTreeMap<usize, Vec<usize>> {
        let mut backwards: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        if include.reverse {
            for from in 0..self.resources.len() {
                for to in self.pointed_at(from, include) {
                    backwards.entry(to).or_default().push(from);
                }
            }
        }
        backwards
    }

    /// The entries that an entry's resource refers to by the include's reference.
    fn pointed_at(&self, from: usize, include: &Include) -> Vec<usize> {
        let Some(Some((kind, resource))) = self.resources.get(from) else { return Vec::new() };
        if include.source.is_some_and(|source| source != *kind) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let is_target = |at: usize| {
            let kind = self.resources.get(at).and_then(Option::as_ref).map(|(kind, _)| *kind);
            kind.is_some() && (include.target.is_none() || include.target == kind)
        };
        let mut visit = |text: &str| {
            let text = plain(text);
            let relative = self.rules.relative(text).filter(|relative| *relative != text);
            let named =
                self.names.get(text).into_iter().chain(relative.and_then(|text| self.names.get(text)));
            found.extend(named.flatten().copied().filter(|at| is_target(*at)));
        };
        self.referring(*kind, resource, include.reference.as_deref(), &mut visit);
        found
    }

    /// The texts behind a search parameter. Where nobody says which element it looks at, all of them.
    fn referring(
        &self,
        kind: ResourceType,
        resource: &Value,
        parameter: Option<&str>,
        visit: &mut dyn FnMut(&str),
    ) {
        let Some(parameter) = parameter else { return texts(resource, MAX_DEPTH, visit) };
        if matches!(parameter, "patient" | "subject") {
            let subjects = compartment::row(self.rules.version(), kind).map_or(&[][..], |row| row.subjects);
            for path in subjects.iter().chain(&["subject", "patient"]) {
                at(resource, path, &mut |reference| {
                    reference.each("reference", &mut |text| visit(&text.text().unwrap_or_default()));
                });
            }
            return;
        }
        let name = element_name(parameter);
        if !named(resource, &name, MAX_DEPTH, visit) {
            texts(resource, MAX_DEPTH, visit);
        }
    }
}

/// `general-practitioner` looks at `generalPractitioner`: most parameters are named after their element.
fn element_name(parameter: &str) -> String {
    let mut words = parameter.split('-');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

/// Visits the texts in elements of this name; whether there are any.
fn named(value: &Value, name: &str, depth: usize, visit: &mut dyn FnMut(&str)) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let mut found = false;
    match value {
        Value::Array(items) => items.iter().for_each(|item| found |= named(item, name, depth, visit)),
        Value::Object(members) => {
            for (member, value) in members {
                if member == name {
                    found = true;
                    texts(value, depth, visit);
                } else {
                    found |= named(value, name, depth, visit);
                }
            }
        }
        _ => (),
    }
    found
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
