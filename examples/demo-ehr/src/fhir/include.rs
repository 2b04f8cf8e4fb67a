//! `_include` and `_revinclude`: what comes along with the matches.
//!
//! Nothing comes along that could not be read by itself: whoever calls `along` says what is shown, and a resource that is not
//! shown is not gone through either.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::matching::elements;
use super::params::{self, Kind, Param};
use crate::records::{Record, Records, TYPES, target};

/// At most so many come along with one page.
const MOST: usize = 1000;
/// `:iterate` goes at most so far.
const DEEPEST: usize = 8;

/// One `_include` or `_revinclude`.
#[derive(Debug)]
pub struct Include {
    /// `_revinclude`: those that refer to a match, not those that a match refers to.
    reverse: bool,
    /// Also from what came along.
    iterate: bool,
    /// The type that refers.
    source: &'static str,
    /// With which parameter; all references if there is none.
    param: Option<&'static Param>,
    /// The type that is referred to.
    target: Option<String>,
}

impl Include {
    /// Reads a parameter of a search for `kind`. `None`: it is another parameter.
    pub(super) fn parse(kind: &str, name: &str, value: &str) -> Option<Result<Self, ()>> {
        let (name, modifier) = name.split_once(':').map_or((name, None), |(name, after)| (name, Some(after)));
        let reverse = match name {
            "_include" => false,
            "_revinclude" => true,
            _ => return None,
        };
        let iterate = match modifier {
            None => false,
            Some("iterate") => true,
            Some(_) => return Some(Err(())),
        };
        Some(Self::parse_value(kind, value, reverse, iterate).ok_or(()))
    }

    fn parse_value(kind: &str, value: &str, reverse: bool, iterate: bool) -> Option<Self> {
        let known = |kind: &str| TYPES.into_iter().find(|known| *known == kind);
        let parts: Vec<&str> = value.split(':').collect();
        let (source, param, to) = match *parts.as_slice() {
            ["*"] if !reverse => (known(kind)?, "*", None),
            [source, param] => (known(source)?, param, None),
            [source, param, to] => (known(source)?, param, Some(known(to)?.to_owned())),
            _ => return None,
        };
        let param = match param {
            "*" => None,
            name => Some(references_of(source).find(|param| param.name == name)?),
        };
        Some(Self { reverse, iterate, source, param, target: to })
    }

    /// Where a resource refers to, if this is about it.
    fn targets(&self, resource: &Value) -> BTreeSet<(String, String)> {
        if resource.get("resourceType").and_then(Value::as_str) != Some(self.source) {
            return BTreeSet::new();
        }
        references_of(self.source)
            .filter(|param| self.param.is_none_or(|wanted| wanted.name == param.name))
            .flat_map(|param| param.paths.iter().flat_map(|path| elements(resource, path)))
            .filter_map(|element| target(element.get("reference")?.as_str()?))
            .filter(|(kind, _)| self.target.as_ref().is_none_or(|wanted| wanted == kind))
            .collect()
    }

    /// What this brings along with some records.
    fn from(&self, from: &[Arc<Record>], records: &Records) -> Vec<Arc<Record>> {
        if !self.reverse {
            let targets: BTreeSet<_> =
                from.iter().flat_map(|record| self.targets(&record.resource)).collect();
            return targets.iter().filter_map(|(kind, id)| records.get(kind, id)).cloned().collect();
        }
        let wanted: BTreeSet<(&str, &str)> = from.iter().map(|record| (record.kind(), record.id())).collect();
        let sources = records.of_type(self.source).unwrap_or_default().iter();
        let refers = |record: &&Arc<Record>| {
            self.targets(&record.resource)
                .iter()
                .any(|(kind, id)| wanted.contains(&(kind.as_str(), id.as_str())))
        };
        sources.filter(refers).cloned().collect()
    }
}

/// Whatever any resource names.
pub(super) fn everything_named() -> Vec<Include> {
    let all = |source| Include { reverse: false, iterate: true, source, param: None, target: None };
    TYPES.into_iter().map(all).collect()
}

fn references_of(kind: &str) -> impl Iterator<Item = &'static Param> {
    params::of_type(kind).filter(|param| param.kind == Kind::Reference)
}

/// What comes along with the matches of a page, each once and none of the matches again.
pub(super) fn along(
    includes: &[Include],
    matches: &[Arc<Record>],
    records: &Records,
    shows: impl Fn(&Record) -> bool,
) -> Vec<Arc<Record>> {
    let key = |record: &Record| (record.kind().to_owned(), record.id().to_owned());
    let mut seen: BTreeSet<(String, String)> = matches.iter().map(|record| key(record)).collect();
    let mut all = Vec::new();
    let mut from = matches.to_vec();
    for depth in 0..DEEPEST {
        let mut next = Vec::new();
        for include in includes.iter().filter(|include| depth == 0 || include.iterate) {
            for record in include.from(&from, records) {
                if shows(&record) && seen.insert(key(&record)) {
                    next.push(record);
                }
            }
        }
        if next.is_empty() || all.len() + next.len() > MOST {
            break;
        }
        all.extend(next.iter().cloned());
        from = next;
    }
    all
}
