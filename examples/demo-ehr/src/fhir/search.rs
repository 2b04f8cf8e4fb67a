//! Search: on a type, in a patient's compartment, on several types (`?_type=`), and `$everything`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};
use vestibule_scope::ResourceType;

use super::answer::{Answer, bundle, found};
use super::guard::View;
use super::include::{along, everything_named};
use super::query::{OFFSET, Query};
use crate::records::Record;

/// Where a search looks, and how its pages are called.
pub(super) struct Place<'a> {
    /// The base's URL.
    pub(super) base: &'a str,
    /// The resource type.
    pub(super) kind: ResourceType,
    /// Only what belongs to this patient: `Patient/x/Observation`.
    pub(super) compartment: Option<&'a str>,
}

impl Place<'_> {
    fn url(&self) -> String {
        match self.compartment {
            None => format!("{}/{}", self.base, self.kind.name()),
            Some(patient) => format!("{}/Patient/{patient}/{}", self.base, self.kind.name()),
        }
    }
}

/// One page of what a search finds and the app may see.
pub(super) fn search(view: &View<'_>, place: &Place<'_>, sent: &[(String, String)]) -> Answer {
    let query = match understood(view, place, sent) {
        Ok(query) => query,
        Err(answer) => return answer,
    };
    let matches = matches(view, &query, place);
    page(place, &query, &matches, |page| {
        along(&query.includes, page, view.records, |record| view.shows_along(record))
    })
}

/// The same of several types, one after the other: what each of them finds by the parameters that they share.
pub(super) fn of_types(
    view: &View<'_>,
    base: &str,
    kinds: &[ResourceType],
    sent: &[(String, String)],
) -> Answer {
    let (types, sent): (Vec<_>, Vec<_>) = sent.iter().cloned().partition(|(name, _)| name == "_type");
    let mut found = Vec::new();
    let mut page = None;
    for (at, kind) in kinds.iter().enumerate() {
        // A type that is named twice is searched once.
        if kinds.iter().take(at).any(|before| before == kind) {
            continue;
        }
        let place = Place { base, kind: *kind, compartment: None };
        let query = match understood(view, &place, &sent) {
            Ok(query) => query,
            Err(answer) => return answer,
        };
        if query.is_sorted() || !query.includes.is_empty() {
            return Answer::bad("a search of several types is neither sorted nor includes others here");
        }
        found.extend(matches(view, &query, &place));
        page.get_or_insert(query);
    }
    match page {
        Some(page) => page_of(base, base, &page.with_sent(types), &found, |_| Vec::new()),
        None => Answer::bad("the search names no type"),
    }
}

/// What is searched for.
fn understood(view: &View<'_>, place: &Place<'_>, sent: &[(String, String)]) -> Result<Query, Answer> {
    let kind = place.kind.name();
    let query = Query::parse(kind, sent).map_err(|error| Answer::bad(&error.to_string()))?;
    // Naming a patient whom the token does not open is refused, not answered with an empty list: it is a mistake of the app,
    // and silence would hide it. Nothing is learned from it: who exists does not matter.
    let is_closed = |patient: &str| !view.opens(place.kind, patient);
    if query.patients(kind).chain(place.compartment).any(is_closed) {
        let text = "this token does not open the record of the patient named in the search";
        return Err(Answer::outcome(StatusCode::FORBIDDEN, "forbidden", text));
    }
    Ok(query)
}

/// Everything that matches and is shown, in order. The total counts nothing else.
fn matches(view: &View<'_>, query: &Query, place: &Place<'_>) -> Vec<Arc<Record>> {
    let kind = place.kind.name();
    let added = view.added(kind);
    let all = view.records.of_type(kind).unwrap_or_default().iter();
    let mut matches: Vec<Arc<Record>> = all
        // A database would do these together. The last has the last word.
        .filter(|record| added.as_ref().is_none_or(|added| added.matches(record)))
        .filter(|record| place.compartment.is_none_or(|patient| record.is_of(patient)))
        .filter(|record| query.matches(record))
        .filter(|record| view.shows(record))
        .cloned()
        .collect();
    query.put_in_order(&mut matches);
    matches
}

/// `Patient/x/$everything`: what is about the patient, then who and where that names.
pub(super) fn everything(view: &View<'_>, base: &str, patient: &str, sent: &[(String, String)]) -> Answer {
    let mut types: Option<Vec<String>> = None;
    let mut pages = Vec::new();
    for (name, value) in sent {
        match name.as_str() {
            "_type" => types = Some(value.split(',').map(str::to_owned).collect()),
            "_count" | OFFSET | "_format" => pages.push((name.clone(), value.clone())),
            _ => return Answer::bad("of the parameters of $everything only _type and _count are supported"),
        }
    }
    let query = match Query::parse("Patient", &pages) {
        Ok(query) => query.with_sent(types.iter().map(|types| ("_type".to_owned(), types.join(",")))),
        Err(error) => return Answer::bad(&error.to_string()),
    };
    let wanted =
        |record: &Record| types.as_ref().is_none_or(|types| types.iter().any(|one| one == record.kind()));
    let is_patient = |record: &Record| record.kind() == "Patient";
    let about = view.records.all().filter(|record| record.is_of(patient) && view.shows(record));
    let (first, rest): (Vec<_>, Vec<_>) = about.cloned().partition(|record| is_patient(record));
    // A patient who may not be seen looks like one who is not there.
    if first.is_empty() {
        return Answer::missing();
    }
    let own: Vec<Arc<Record>> = first.into_iter().chain(rest).collect();
    let others = along(&everything_named(), &own, view.records, |record| {
        record.patients.is_empty() && view.shows(record)
    });
    let all: Vec<Arc<Record>> = own.into_iter().chain(others).filter(|record| wanted(record)).collect();
    let url = format!("{base}/Patient/{patient}/$everything");
    page_of(base, &url, &query, &all, |_| Vec::new())
}

fn page(
    place: &Place<'_>,
    query: &Query,
    matches: &[Arc<Record>],
    along: impl Fn(&[Arc<Record>]) -> Vec<Arc<Record>>,
) -> Answer {
    page_of(place.base, &place.url(), query, matches, along)
}

/// One page. Each link holds the whole search, so it does not run out.
fn page_of(
    base: &str,
    url: &str,
    query: &Query,
    matches: &[Arc<Record>],
    along: impl Fn(&[Arc<Record>]) -> Vec<Arc<Record>>,
) -> Answer {
    let link = |relation: &str, offset: usize| json!({"relation": relation, "url": format!("{url}?{}", query.page(offset))});
    let mut links = vec![link("self", query.offset)];
    if query.only_total || query.count == 0 {
        return Answer::new(StatusCode::OK, bundle("searchset", Some(matches.len()), links, Vec::new()));
    }
    if query.offset > 0 {
        links.push(link("previous", query.offset.saturating_sub(query.count)));
    }
    let next = query.offset.saturating_add(query.count);
    if next < matches.len() {
        links.push(link("next", next));
    }
    let page: Vec<Arc<Record>> = matches.iter().skip(query.offset).take(query.count).cloned().collect();
    let entries = page.iter().map(|record| found(base, record, "match"));
    let more = along(&page);
    let entries: Vec<Value> =
        entries.chain(more.iter().map(|record| found(base, record, "include"))).collect();
    Answer::new(StatusCode::OK, bundle("searchset", Some(matches.len()), links, entries))
}
