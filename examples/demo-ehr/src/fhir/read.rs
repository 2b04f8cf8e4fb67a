//! Read, vread and the history of one resource. Every version is judged by itself.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, bundle};
use super::guard::View;
use super::{Failure, FhirBase};
use crate::records::Record;

/// What is missing and what is not shown look the same.
pub(super) fn read(view: &View<'_>, kind: &str, id: &str) -> Answer {
    let found = view.records.get(kind, id).filter(|record| view.shows(record));
    found.map_or_else(Answer::missing, |record| Answer::of(record))
}

/// One version, also of what is deleted by now.
pub(super) async fn vread(
    base: &FhirBase,
    view: &View<'_>,
    (kind, id, version): (&str, &str, &str),
) -> Result<Answer, Failure> {
    let versions = base.shelf.versions(kind, id).await?;
    let found = versions.into_iter().find(|one| one.number == version).and_then(|one| one.resource);
    let record = found.map(|resource| view.records.record(resource));
    let shown = record.filter(|record| view.shows(record));
    Ok(shown.map_or_else(Answer::missing, |record| Answer::of(&record)))
}

/// All versions that are shown, the newest first.
pub(super) async fn history(
    base: &FhirBase,
    view: &View<'_>,
    (kind, id): (&str, &str),
) -> Result<Answer, Failure> {
    let versions = base.shelf.versions(kind, id).await?;
    let shown: Vec<Option<Record>> = versions
        .iter()
        .map(|version| version.resource.clone().map(|resource| view.records.record(resource)))
        .map(|record| record.filter(|record| view.shows(record)))
        .collect();
    // Where nothing is shown, that something was there is not told either.
    if shown.iter().all(Option::is_none) {
        return Ok(Answer::missing());
    }
    let url = format!("{}/{kind}/{id}", base.url);
    let entries: Vec<Value> = versions
        .iter()
        .zip(&shown)
        .filter_map(|(version, shown)| match (&version.resource, shown) {
            (Some(_), Some(record)) => Some(json!({
                "fullUrl": url, "resource": record.resource,
                "request": {"method": "PUT", "url": format!("{kind}/{id}")},
                "response": {"status": "200", "etag": format!("W/\"{}\"", version.number), "lastModified": version.at}
            })),
            (None, _) if view.shows_deletions() => Some(json!({
                "fullUrl": url, "request": {"method": "DELETE", "url": format!("{kind}/{id}")},
                "response": {"status": "204", "lastModified": version.at}
            })),
            _ => None,
        })
        .collect();
    let link = json!({"relation": "self", "url": format!("{url}/_history")});
    Ok(Answer::new(StatusCode::OK, bundle("history", Some(entries.len()), vec![link], entries)))
}
