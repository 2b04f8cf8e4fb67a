//! One search: the parameters as sent, understood, and applied to a record.
//!
//! Unknown parameters are refused rather than ignored: an ignored filter would answer with more than was asked for.

use std::cmp::Reverse;

use super::include::Include;
use super::matching::{Filter, Test, elements, range};
use super::params::{self, Kind, Param};
use crate::records::Record;

/// How many matches a page holds unless asked otherwise, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;
/// More parameters or alternatives than any honest search has.
const MOST_PARAMETERS: usize = 32;
const MOST_ALTERNATIVES: usize = 100;
const MOST_SORT_KEYS: usize = 4;

/// The parameter that says which page is meant. A link holds the whole search, so it is good for ever; what it leads to is
/// what the token that follows it opens.
pub const OFFSET: &str = "_offset";

/// A search, ready to be applied.
#[derive(Debug)]
pub struct Query {
    /// All must hold.
    filters: Vec<Filter>,
    /// The parameters as sent, for the links of the answer; paging left out.
    sent: Vec<(String, String)>,
    /// The most important first.
    sort: Vec<Sort>,
    /// What is to come along.
    pub includes: Vec<Include>,
    /// Matches a page holds.
    pub count: usize,
    /// Matches that earlier pages held.
    pub offset: usize,
    /// Only their number is wanted.
    pub only_total: bool,
}

#[derive(Debug)]
struct Sort {
    param: &'static Param,
    descending: bool,
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

impl Query {
    /// Reads the parameters of a search on one resource type.
    ///
    /// # Errors
    /// The first parameter that is not understood.
    pub fn parse(kind: &str, parameters: &[(String, String)]) -> Result<Self, QueryError> {
        if parameters.len() > MOST_PARAMETERS {
            return Err(QueryError::TooMany);
        }
        let mut query = Self {
            filters: Vec::new(),
            sent: Vec::new(),
            sort: Vec::new(),
            includes: Vec::new(),
            count: PAGE,
            offset: 0,
            only_total: false,
        };
        for (name, value) in parameters {
            let bad = || QueryError::Value(name.clone());
            let number = || value.parse::<usize>().map_err(|_| bad());
            match name.as_str() {
                "_count" => query.count = number()?.min(LARGEST_PAGE),
                OFFSET => query.offset = number()?,
                "_format"
                    if matches!(value.as_str(), "json" | "application/json" | "application/fhir+json") => {}
                // Totals are always exact.
                "_total" if matches!(value.as_str(), "accurate" | "estimate") => {}
                "_summary" => query.only_total = summary(value).ok_or_else(bad)?,
                "_sort" => query.sort = sort(kind, value)?,
                _ => match Include::parse(kind, name, value) {
                    Some(include) => query.includes.push(include.map_err(|()| bad())?),
                    None => query.filters.push(filter(kind, name, value)?),
                },
            }
            if name != "_count" && name != OFFSET {
                query.sent.push((name.clone(), value.clone()));
            }
        }
        Ok(query)
    }

    /// Whether an order was asked for.
    pub(super) const fn is_sorted(&self) -> bool {
        !self.sort.is_empty()
    }

    /// The same with more parameters for the links of the answer.
    #[must_use]
    pub(super) fn with_sent(mut self, more: impl IntoIterator<Item = (String, String)>) -> Self {
        self.sent.extend(more);
        self
    }

    /// Whether a record satisfies every parameter.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        self.filters.iter().all(|filter| filter.matches(&record.resource))
    }

    /// Puts matches in the order that was asked for; equals, and everything if none was, stay as they are.
    pub fn put_in_order<R: AsRef<Record>>(&self, matches: &mut [R]) {
        // The least important first: sorting is stable.
        for sort in self.sort.iter().rev() {
            if sort.descending {
                matches.sort_by_cached_key(|record| Reverse(sort.key(record.as_ref())));
            } else {
                matches.sort_by_cached_key(|record| sort.key(record.as_ref()));
            }
        }
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
            text.append_pair(OFFSET, &offset.to_string());
        }
        text.finish()
    }
}

/// Whether only a number is wanted. Other summaries would leave out what a later check needs.
fn summary(value: &str) -> Option<bool> {
    match value {
        "count" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn sort(kind: &str, value: &str) -> Result<Vec<Sort>, QueryError> {
    let keys: Result<Vec<Sort>, QueryError> = value
        .split(',')
        .map(|name| {
            let (descending, name) = name.strip_prefix('-').map_or((false, name), |name| (true, name));
            let sortable = |param: &&Param| param.name == "_id" || param.kind == Kind::Date;
            let param = params::of_type(kind).filter(sortable).find(|param| param.name == name);
            Ok(Sort { param: param.ok_or_else(|| QueryError::Value("_sort".to_owned()))?, descending })
        })
        .collect();
    keys.and_then(|keys| if keys.len() > MOST_SORT_KEYS { Err(QueryError::TooMany) } else { Ok(keys) })
}

impl Sort {
    /// When, for a date; what is not dated comes first. For an id, the id.
    fn key(&self, record: &Record) -> (Option<i64>, String) {
        if self.param.kind != Kind::Date {
            return (None, record.id().to_owned());
        }
        let found = self.param.paths.iter().flat_map(|path| elements(&record.resource, path));
        (found.filter_map(range).map(|range| range.start).min(), String::new())
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
        value.split(',').map(|one| Test::parse(param, one).ok_or_else(bad)).collect::<Result<_, _>>()?;
    if alternatives.len() > MOST_ALTERNATIVES {
        return Err(QueryError::TooMany);
    }
    Ok(Filter { name: param.name, paths: param.paths, alternatives })
}
