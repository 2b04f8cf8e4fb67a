//! Batches and transactions: each entry is a request of its own (SMART-SCOPE-022).

use http::Method;
use serde_json::Value;

use super::{FhirRequest, Reading, Unreadable};
use crate::interaction::{Act, BatchEntry, Interaction};
use crate::rule::{Rule, on};
use crate::rules::Rules;

impl Reading<'_, '_> {
    pub(super) fn bundle(&self) -> Result<Interaction, Unreadable> {
        if self.in_batch && on(Rule::BatchBounds) {
            return Err(Unreadable::Batch);
        }
        self.dressed(&[])?;
        let body = self.request.body.ok_or(Unreadable::Body)?;
        if body.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
            return Err(Unreadable::Body);
        }
        let entries = match body.get("entry") {
            None => &[][..],
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(Unreadable::Batch),
        };
        if entries.len() > self.rules.max_entries() && on(Rule::BatchBounds) {
            return Err(Unreadable::Batch);
        }
        let entries: Vec<_> = entries.iter().map(|entry| self.entry(entry)).collect();
        match body.get("type").and_then(Value::as_str) {
            Some("batch") => Ok(Interaction::Batch(entries)),
            Some("transaction") => Ok(Interaction::Transaction(entries)),
            _ => Err(Unreadable::Batch),
        }
    }

    fn entry(&self, entry: &Value) -> BatchEntry {
        let full_url = entry.get("fullUrl").and_then(Value::as_str).map(str::to_owned);
        let interaction = self.asked(entry).and_then(|interaction| {
            let is_text = full_url.is_some() || entry.get("fullUrl").is_none();
            let sound = is_text
                && full_url.as_deref().is_none_or(|url| {
                    is_its_own_name(url, &interaction, self.rules)
                        || is_foreign(url, &interaction, self.rules)
                });
            if sound || !on(Rule::FullUrls) { Ok(interaction) } else { Err(Unreadable::Batch) }
        });
        BatchEntry { full_url, interaction }
    }

    fn asked(&self, entry: &Value) -> Result<Interaction, Unreadable> {
        let request = entry.get("request").ok_or(Unreadable::Batch)?;
        let text = |name: &str| match request.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(Unreadable::Batch),
        };
        let method = text("method")?.ok_or(Unreadable::Batch)?;
        // Case matters in methods, also for whoever is lenient.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" => Method::from_bytes(method.as_bytes()),
            _ => return Err(Unreadable::Batch),
        };
        let method = method.map_err(|_| Unreadable::Batch)?;
        let url = text("url")?.ok_or(Unreadable::Batch)?;
        let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
        let inner = FhirRequest::new(&method, self.rules.relative(path).ok_or(Unreadable::Batch)?)
            .with_query(query)
            .with_if_none_exist(text("ifNoneExist")?)
            .with_body(entry.get("resource"));
        // A POST `_search` has its form nowhere in an entry.
        if path.ends_with("_search") {
            return Err(Unreadable::Batch);
        }
        Reading { request: &inner, rules: self.rules, in_batch: true }.interaction()
    }
}

/// A server takes references to a `fullUrl` for references to what the entry becomes, relative ones too. So an entry that calls itself
/// a patient, in whatever form, is that patient. One with a name of its own in this transaction has none that anybody else has (`urn:`);
/// any other is called what it is.
fn is_its_own_name(full_url: &str, interaction: &Interaction, rules: &Rules) -> bool {
    if full_url.starts_with("urn:") {
        return !full_url.contains('/');
    }
    let (kind, id) = match interaction {
        Interaction::Write(write) => (write.resource_type, write.id.as_ref()),
        Interaction::Read(instance) | Interaction::Vread(instance, _) => {
            (instance.resource_type, Some(&instance.id))
        }
        _ => return false,
    };
    let own = id.map(|id| format!("{}/{}", kind.name(), id.as_str()));
    own.is_some() && rules.relative(full_url) == own.as_deref()
}

/// What is new may bring the address that it had elsewhere. References to that address then become references to whatever the entry becomes, and
/// each check would take them for references to another server; so the decision refuses it wherever anything is left to be checked. An address
/// of this base is one of somebody else here.
fn is_foreign(full_url: &str, interaction: &Interaction, rules: &Rules) -> bool {
    let is_address = full_url.starts_with("http://") || full_url.starts_with("https://");
    let creates = matches!(interaction, Interaction::Write(write) if write.act == Act::Create);
    is_address && creates && rules.relative(full_url).is_none()
}
