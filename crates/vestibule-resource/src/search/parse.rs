//! From pairs to a [`Search`].

use vestibule_scope::ResourceType;

use super::{Filter, Include, Key, Search, SearchOf};
use crate::Unreadable;
use crate::rule::{Rule, on};
use crate::version::FhirVersion;

/// Parameters that shape the result and read nothing else.
const RESULT: [&str; 9] =
    ["_count", "_elements", "_format", "_maxresults", "_pretty", "_score", "_summary", "_total", "_sort"];
/// Parameters that every type has, answered from the resource itself.
const OWN: [&str; 8] =
    ["_id", "_lastUpdated", "_profile", "_security", "_source", "_tag", "_language", "_type"];
/// Parameters that every type has and that read more than the resource's own elements; judged one by one.
pub(crate) const FAR: [&str; 9] =
    ["_filter", "_query", "_text", "_content", "_contained", "_containedType", "_graph", "_list", "_in"];

/// Most types in a `_type`.
const MAX_TYPES: usize = 256;
/// Most `_include` and `_revinclude`.
const MAX_INCLUDES: usize = 32;

pub(super) fn search(
    version: FhirVersion,
    of: SearchOf,
    pairs: Vec<(String, String)>,
    more: &[String],
) -> Result<Search, Unreadable> {
    let mut search = Search {
        of,
        filters: Vec::new(),
        types: None,
        includes: Vec::new(),
        sorts_along_chain: false,
        counts: false,
        partial: false,
        pages: false,
        is_split: false,
    };
    let mut seen = Vec::new();
    for (name, value) in pairs {
        let (bare, modifier) = name.split_once(':').map_or((&*name, None), |(bare, rest)| (bare, Some(rest)));
        if matches!(bare, "_include" | "_revinclude") {
            if search.includes.len() == MAX_INCLUDES {
                return Err(Unreadable::Parameter);
            }
            search.includes.push(Include::parse(version, bare == "_revinclude", modifier, &value)?);
            continue;
        }
        // One server takes the first of two, another the last: which were judged?
        let single = RESULT.contains(&bare)
            || FAR.contains(&bare)
            || bare == "_type"
            || more.iter().any(|it| it == bare);
        if single {
            if modifier.is_some() || seen.iter().any(|it| *it == bare) && on(Rule::SingleParameters) {
                return Err(Unreadable::Parameter);
            }
            seen.push(bare.to_owned());
        }
        search.pages |= more.iter().any(|it| it == bare);
        match bare {
            "_sort" => search.sorts_along_chain = sorts_along_chain(&value)?,
            "_summary" => {
                let known = matches!(&*value, "true" | "false" | "text" | "data" | "count");
                search.counts = value == "count";
                search.partial |= value != "false";
                if !known {
                    return Err(Unreadable::Parameter);
                }
            }
            "_elements" => search.partial = true,
            "_type" => search.types = Some(types(version, &search.of, &value)?),
            _ if RESULT.contains(&bare) || more.iter().any(|it| it == bare) => (),
            _ => {
                let key = Key::parse(version, &name)?;
                let unknown =
                    key.underscore().is_some_and(|name| !OWN.contains(&name) && !FAR.contains(&name));
                // Whoever knows it may do anything with it.
                if unknown && on(Rule::UnknownResultParameters) {
                    return Err(Unreadable::Parameter);
                }
                search.filters.push(Filter { key, value });
            }
        }
    }
    Ok(search)
}

/// `_type` is for searches over several types; elsewhere nobody says what it means.
fn types(version: FhirVersion, of: &SearchOf, value: &str) -> Result<Vec<ResourceType>, Unreadable> {
    if !matches!(of, SearchOf::System | SearchOf::Compartment(_, None)) {
        return Err(Unreadable::Parameter);
    }
    let types: Option<Vec<_>> =
        value.split(',').take(MAX_TYPES + 1).map(|name| version.resource_type(name)).collect();
    types.filter(|types| types.len() <= MAX_TYPES).ok_or(Unreadable::Parameter)
}

fn sorts_along_chain(value: &str) -> Result<bool, Unreadable> {
    let sound = value
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b',' | b'.' | b':'));
    if !sound {
        return Err(Unreadable::Parameter);
    }
    Ok(value.contains('.'))
}
