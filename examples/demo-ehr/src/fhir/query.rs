//! One search: the parameters as sent, understood, and applied to a record.
//!
//! Unknown parameters are refused rather than ignored: an ignored filter would answer with more than was asked for.

use serde_json::Value;

use super::date::{Range, Sought};
use super::params::{self, Kind};
use crate::records::Record;

/// How many matches a page holds unless asked otherwise, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;
/// More parameters or alternatives than any honest search has.
const MOST_PARAMETERS: usize = 32;
const MOST_ALTERNATIVES: usize = 100;

/// A search, ready to be applied.
#[derive(Debug)]
pub struct Query {
    /// All must hold.
    filters: Vec<Filter>,
    /// The parameters as sent, for the links of the answer; paging left out.
    sent: Vec<(String, String)>,
    /// Matches a page holds.
    pub count: usize,
    /// Matches that earlier pages held.
    pub offset: usize,
}

/// Why a search was refused, in words for the developer of the app.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No such parameter on this type.
    #[error("search parameter `{0}` is not supported here")]
    UnknownParameter(String),
    /// Modifiers such as `:exact` are not supported.
    #[error("search modifier in `{0}` is not supported")]
    Modifier(String),
    /// The value does not fit the parameter.
    #[error("the value of search parameter `{0}` is not understood")]
    Value(String),
    /// Beyond the limits of this server.
    #[error("too many search parameters or alternatives")]
    TooMany,
}

#[derive(Debug)]
struct Filter {
    name: &'static str,
    paths: &'static [&'static str],
    /// One must hold.
    alternatives: Vec<Test>,
}

#[derive(Debug)]
enum Test {
    Token { system: Option<String>, code: Option<String> },
    Date(Sought),
    Reference { kind: Option<String>, id: String },
    Text(String),
}

impl Query {
    /// Reads the parameters of a search on one resource type.
    ///
    /// # Errors
    /// The first parameter that is not understood.
    pub fn parse(kind: &str, parameters: &[(String, String)]) -> Result<Self, QueryError> {
        if parameters.len() > MOST_PARAMETERS {
            return Err(QueryError::TooMany);
        }
        let mut query = Self { filters: Vec::new(), sent: Vec::new(), count: PAGE, offset: 0 };
        for (name, value) in parameters {
            let number = || value.parse::<usize>().map_err(|_| QueryError::Value(name.clone()));
            match name.as_str() {
                "_count" => query.count = number()?.min(LARGEST_PAGE),
                "_offset" => query.offset = number()?,
                "_format"
                    if matches!(value.as_str(), "json" | "application/json" | "application/fhir+json") => {}
                _ => query.filters.push(filter(kind, name, value)?),
            }
            if name != "_count" && name != "_offset" {
                query.sent.push((name.clone(), value.clone()));
            }
        }
        Ok(query)
    }

    /// Whether a record satisfies every parameter.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        self.filters.iter().all(|filter| {
            let found = filter.paths.iter().flat_map(|path| elements(&record.resource, path));
            found.into_iter().any(|element| filter.alternatives.iter().any(|test| test.holds(element)))
        })
    }

    /// The patients that the search names.
    pub fn patients<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.filters.iter().filter(move |filter| match filter.name {
            "_id" => kind == "Patient",
            name => matches!(name, "patient" | "subject" | "beneficiary"),
        });
        named.flat_map(|filter| &filter.alternatives).filter_map(|test| match test {
            Test::Reference { id, .. } => Some(id.as_str()),
            Test::Token { code, .. } => code.as_deref(),
            _ => None,
        })
    }

    /// The query string of the page that starts at `offset`.
    #[must_use]
    pub fn page(&self, offset: usize) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(&self.sent).append_pair("_count", &self.count.to_string());
        if offset > 0 {
            text.append_pair("_offset", &offset.to_string());
        }
        text.finish()
    }
}

fn filter(kind: &str, name: &str, value: &str) -> Result<Filter, QueryError> {
    if name.contains([':', '.']) {
        return Err(QueryError::Modifier(name.to_owned()));
    }
    let unknown = || QueryError::UnknownParameter(name.to_owned());
    let param = params::of_type(kind).find(|param| param.name == name).ok_or_else(unknown)?;
    let bad = || QueryError::Value(name.to_owned());
    let alternatives: Vec<Test> =
        value.split(',').map(|one| Test::parse(param.kind, one).ok_or_else(bad)).collect::<Result<_, _>>()?;
    if alternatives.len() > MOST_ALTERNATIVES {
        return Err(QueryError::TooMany);
    }
    Ok(Filter { name: param.name, paths: param.paths, alternatives })
}

impl Test {
    fn parse(kind: Kind, text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(match kind {
            Kind::Date => Self::Date(Sought::parse(text)?),
            Kind::Text => Self::Text(text.to_lowercase()),
            Kind::Reference => match text.rsplit_once('/') {
                // An absolute reference keeps its type as the last segment before the id.
                Some((kind, id)) => {
                    Self::Reference { kind: kind.rsplit('/').next().map(str::to_owned), id: filled(id)? }
                }
                None => Self::Reference { kind: None, id: text.to_owned() },
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
                let target = element.get("reference").and_then(Value::as_str).unwrap_or_default();
                target.split_once('/').is_some_and(|(target_kind, target_id)| {
                    target_id == id && kind.as_deref().is_none_or(|kind| kind == target_kind)
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
fn range(element: &Value) -> Option<Range> {
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
fn elements<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
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
