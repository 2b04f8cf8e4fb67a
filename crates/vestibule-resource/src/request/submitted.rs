//! The body of a write: whether it is the resource that the path speaks of, and what its references ask for.

use serde_json::Value;
use vestibule_scope::ResourceType;

use super::{Reading, Unreadable, query};
use crate::interaction::{Act, LogicalId};
use crate::rule::{Rule, on};
use crate::search::{Search, SearchOf};

/// Deepest nesting that is looked into.
const MAX_DEPTH: usize = 64;
/// Most references by search in one resource.
const MAX_REFERENCES: usize = 32;

impl Reading<'_, '_> {
    pub(super) fn submitted_for(
        &self,
        act: Act,
        resource_type: ResourceType,
        id: Option<&LogicalId>,
    ) -> Result<Vec<Search>, Unreadable> {
        match act {
            Act::Create | Act::Update => self.submitted(resource_type, id),
            Act::Patch => self.patch(),
            Act::Delete if self.request.body.is_some() => Err(Unreadable::Body),
            Act::Delete => Ok(Vec::new()),
        }
    }

    /// A body is of the path's type and has its id, so that no server can prefer one to the other.
    pub(super) fn submitted(
        &self,
        resource_type: ResourceType,
        id: Option<&LogicalId>,
    ) -> Result<Vec<Search>, Unreadable> {
        if self.request.if_none_exist.is_some() && id.is_some() {
            return Err(Unreadable::Body);
        }
        // Bodies in other formats are judged by the server that reads them.
        let Some(body) = self.request.body else { return Ok(Vec::new()) };
        let is_type = body.get("resourceType").and_then(Value::as_str) == Some(resource_type.name());
        let is_id = match (id, body.get("id")) {
            (Some(id), Some(found)) => found.as_str() == Some(id.as_str()),
            // FHIR demands it, but what is not there contradicts nothing.
            (Some(_), None) | (None, _) => true,
        };
        if !(is_type && is_id) && on(Rule::BodyIsPath) {
            return Err(Unreadable::Body);
        }
        self.references_by_search(body)
    }

    fn patch(&self) -> Result<Vec<Search>, Unreadable> {
        const FORMATS: [&str; 4] = [
            "application/json-patch+json",
            "application/xml-patch+xml",
            "application/fhir+json",
            "application/fhir+xml",
        ];
        let media = self.request.content_type.map(|text| text.split(';').next().unwrap_or(text).trim());
        // In a batch the patch is a resource: `Binary` or `Parameters`.
        let known = match media {
            Some(media) => FORMATS.iter().any(|format| media.eq_ignore_ascii_case(format)),
            None => self.in_batch,
        };
        if !known && on(Rule::PatchFormats) {
            return Err(Unreadable::PatchFormat);
        }
        self.request.body.map_or_else(|| Ok(Vec::new()), |body| self.references_by_search(body))
    }

    /// References such as `Patient?identifier=…`, which the server resolves by searching.
    pub(super) fn references_by_search(&self, body: &Value) -> Result<Vec<Search>, Unreadable> {
        let mut found = Vec::new();
        collect(body, MAX_DEPTH, &mut |text| found.push(text))?;
        if found.len() > MAX_REFERENCES {
            return Err(Unreadable::Body);
        }
        // An absolute one of another server is nothing that ours would search.
        let ours = found.iter().filter_map(|text| {
            let (url, query) = text.split_once('?')?;
            self.rules.relative(url).map(|name| (name, query))
        });
        let read = |(name, query): (&str, &str)| {
            let of = SearchOf::Type(self.rules.version().resource_type(name).ok_or(Unreadable::Body)?);
            Search::of_pairs(self.rules.version(), of, query::pairs(query)?, &[])
        };
        ours.map(read).collect()
    }
}

fn collect<'v>(value: &'v Value, depth: usize, found: &mut dyn FnMut(&'v str)) -> Result<(), Unreadable> {
    let depth = depth.checked_sub(1).ok_or(Unreadable::Body)?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| collect(item, depth, found)),
        Value::Object(members) => {
            if let Some(text) = members.get("reference").and_then(Value::as_str)
                && text.contains('?')
            {
                found(text);
            }
            members.values().try_for_each(|member| collect(member, depth, found))
        }
        _ => Ok(()),
    }
}
