//! Whether one element of a resource is what a search parameter looks for.

use serde_json::Value;

use super::date::{Range, Sought};
use super::params::{Kind, Param};
use crate::records::target;

/// One parameter of a search.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) name: &'static str,
    pub(super) paths: &'static [&'static str],
    /// One must hold.
    pub(super) alternatives: Vec<Test>,
}

/// One value of a parameter.
#[derive(Debug)]
pub(super) enum Test {
    Token { system: Option<String>, code: Option<String> },
    Date(Sought),
    Reference { kind: Option<String>, id: String },
    Text(String),
}

impl Filter {
    pub(super) fn matches(&self, resource: &Value) -> bool {
        let mut found = self.paths.iter().flat_map(|path| elements(resource, path));
        found.any(|element| self.alternatives.iter().any(|test| test.holds(element)))
    }
}

impl Test {
    pub(super) fn parse(param: &Param, text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(match param.kind {
            Kind::Date => Self::Date(Sought::parse(text)?),
            Kind::Text => Self::Text(text.to_lowercase()),
            Kind::Reference => match text.rsplit_once('/') {
                // An absolute reference keeps its type as the last segment before the id.
                Some((kind, id)) => {
                    Self::Reference { kind: kind.rsplit('/').next().map(str::to_owned), id: filled(id)? }
                }
                // A bare id is of the one type that the parameter is for.
                None => {
                    let kind = (param.name == "patient").then(|| "Patient".to_owned());
                    Self::Reference { kind, id: text.to_owned() }
                }
            },
            Kind::Token => match text.split_once('|') {
                Some(("", "")) => return None,
                // `|code` means a code without a system.
                Some((system, code)) => Self::Token { system: Some(system.to_owned()), code: filled(code) },
                None => Self::Token { system: None, code: Some(text.to_owned()) },
            },
        })
    }

    fn holds(&self, element: &Value) -> bool {
        match self {
            Self::Token { system, code } => token(element, system.as_deref(), code.as_deref()),
            Self::Date(sought) => range(element).is_some_and(|range| sought.matches(range)),
            Self::Reference { kind, id } => {
                let target = element.get("reference").and_then(Value::as_str).and_then(target);
                target.is_some_and(|(target_kind, target_id)| {
                    target_id == *id && kind.as_deref().is_none_or(|kind| kind == target_kind)
                })
            }
            Self::Text(start) => element.as_str().is_some_and(|text| text.to_lowercase().starts_with(start)),
        }
    }
}

/// A token against a code, Coding, CodeableConcept or Identifier.
fn token(element: &Value, system: Option<&str>, code: Option<&str>) -> bool {
    let text = |name: &str| element.get(name).and_then(Value::as_str);
    match element {
        Value::String(value) => system.is_none_or(str::is_empty) && code.is_none_or(|code| code == value),
        Value::Object(members) if members.contains_key("coding") => {
            elements(element, "coding").into_iter().any(|coding| token(coding, system, code))
        }
        Value::Object(_) => {
            let value = text("code").or_else(|| text("value"));
            system.is_none_or(|system| text("system").unwrap_or_default() == system)
                && code.is_none_or(|code| value == Some(code))
        }
        _ => false,
    }
}

/// The span of a date, dateTime or Period; a Period without an end is still going on.
pub(super) fn range(element: &Value) -> Option<Range> {
    if let Some(text) = element.as_str() {
        return Range::parse(text);
    }
    let edge = |name: &str| element.get(name).and_then(Value::as_str).and_then(Range::parse);
    Some(Range {
        start: edge("start").map_or(i64::MIN, |range| range.start),
        end: edge("end").map_or(i64::MAX, |range| range.end),
    })
}

/// Every element a dotted path leads to, through arrays.
pub(super) fn elements<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for name in path.split('.') {
        found = found.into_iter().filter_map(|value| value.get(name)).flat_map(each).collect();
    }
    found
}

fn each(value: &Value) -> &[Value] {
    match value {
        Value::Array(all) => all,
        one => std::slice::from_ref(one),
    }
}
