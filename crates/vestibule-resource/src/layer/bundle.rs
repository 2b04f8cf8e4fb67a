//! Filtering a Bundle without touching what stays in it.

use serde_json::Value;

use super::strict_json;
use crate::check::Narrowing;

/// A filtered Bundle.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) body: Vec<u8>,
    pub(super) entries: usize,
}

/// What may be shown of a Bundle; `None` where it is no Bundle that everybody reads alike.
pub(super) fn filter(narrowing: &Narrowing, body: &[u8]) -> Option<Kept> {
    let mut bundle = strict_json::read(body)?;
    if bundle.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
        return None;
    }
    if let Some(entries) = bundle.get_mut("entry").and_then(Value::as_array_mut) {
        for (at, entry) in entries.iter_mut().enumerate() {
            entry.as_object_mut()?.insert(MARK.to_owned(), at.into());
        }
    }
    let filtered = narrowing.filter_bundle(&mut bundle);
    let marks = bundle.get("entry").and_then(Value::as_array);
    let kept: Vec<usize> = marks
        .into_iter()
        .flatten()
        .filter_map(|entry| usize::try_from(entry.get(MARK)?.as_u64()?).ok())
        .collect();
    if filtered.removed > 0 {
        tracing::debug!(removed = filtered.removed, "left out of a Bundle");
    }
    Some(Kept { body: written(body, &bundle, &kept)?, entries: kept.len() })
}

/// The original text of what is left: decimals keep their digits.
fn written(body: &[u8], bundle: &Value, kept: &[usize]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let mut begin = b'{';
    for (name, raw) in strict_json::members(body)? {
        let Some(left) = bundle.get(&name) else { continue };
        out.push(begin);
        begin = b',';
        serde_json::to_writer(&mut out, &name).ok()?;
        out.push(b':');
        match name.as_str() {
            "entry" => entries(raw.get(), kept, &mut out)?,
            "link" => serde_json::to_writer(&mut out, left).ok()?,
            _ => out.extend_from_slice(raw.get().as_bytes()),
        }
    }
    out.push(b'}');
    Some(out)
}

fn entries(raw: &str, kept: &[usize], out: &mut Vec<u8>) -> Option<()> {
    let all: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).ok()?;
    let mut begin = b'[';
    for at in kept {
        out.push(begin);
        begin = b',';
        out.extend_from_slice(all.get(*at)?.get().as_bytes());
    }
    out.push(b']');
    Some(())
}

/// A name that no FHIR element has.
const MARK: &str = "\u{1f}at";
