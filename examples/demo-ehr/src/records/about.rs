//! Whom a resource is about. The hospital's own rule starts here: whoever may open a record may see what is about its patient.
//!
//! This is the hospital's view, for its pages and for what its users may open. What an app's *scopes* open, Vestibule works out
//! by itself.

use serde_json::Value;

use super::Records;

/// The elements that say it, whatever the type.
const SUBJECTS: [&str; 5] =
    ["/subject", "/patient", "/beneficiary", "/member/*/entity", "/participant/*/actor"];

/// The types that say it by naming other resources.
pub(super) const BY_OTHERS: [&str; 3] = ["List", "Binary", "Provenance"];

/// The patients whom a resource names as those it is about, each once.
pub(super) fn patients(resource: &Value) -> Vec<String> {
    let kind = resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
    if kind == "Patient" {
        return resource.get("id").and_then(Value::as_str).map(str::to_owned).into_iter().collect();
    }
    let mut found = Vec::new();
    for (of, id) in SUBJECTS.iter().flat_map(|path| references(resource, path)) {
        if of == "Patient" && !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

/// The patients whom the resources are about that this one names. `None`: it says itself whom it is about.
pub(super) fn patients_by_others(resource: &Value, records: &Records) -> Option<Vec<String>> {
    let path = match resource.get("resourceType").and_then(Value::as_str)? {
        "Provenance" => "/target/*",
        "Binary" => "/securityContext",
        "List" if resource.get("subject").is_none() => "/entry/*/item",
        _ => return None,
    };
    let mut found = Vec::new();
    for (kind, id) in references(resource, path) {
        let named: Vec<String> = match records.get(&kind, &id) {
            _ if kind == "Patient" => vec![id],
            Some(record) => record.patients.clone(),
            None => Vec::new(),
        };
        for patient in named {
            if !found.contains(&patient) {
                found.push(patient);
            }
        }
    }
    Some(found)
}

/// The type and id of each reference at a path. `*` stands for each element of an array. Only resources of this server count.
pub(crate) fn references(resource: &Value, path: &str) -> Vec<(String, String)> {
    let mut found = vec![resource];
    for name in path.split('/').skip(1) {
        found = match name {
            "*" => found.into_iter().filter_map(Value::as_array).flatten().collect(),
            name => found.into_iter().filter_map(|value| value.get(name)).collect(),
        };
    }
    found.into_iter().filter_map(|value| target(value.get("reference")?.as_str()?)).collect()
}

/// `Type/id`, or one version of it.
pub(crate) fn target(reference: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = reference.split('/').collect();
    match parts.as_slice() {
        [kind, id] | [kind, id, "_history", _] => Some(((*kind).to_owned(), (*id).to_owned())),
        _ => None,
    }
}
