//! Batches and transactions: each entry is judged as if it was sent alone (SMART-SCOPE-022).

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::Value;
use vestibule_resource::{Act, Interaction};

use super::answer::{Answer, bundle};
use super::guard::Caller;
use super::request::Asked;
use super::write::{Plan, busy, full, new_id, plan};
use super::{Failure, FhirBase};
use crate::records::{Committed, Snapshot};

/// So often a transaction is decided anew when somebody else was faster.
const ATTEMPTS: usize = 5;

/// The entries one after the other; each has an answer of its own.
pub(super) async fn batch(base: &FhirBase, caller: &Caller, entries: &[Value]) -> Answer {
    let mut answers = Vec::with_capacity(entries.len());
    for entry in entries {
        let answer = match Asked::of_entry(&base.url, entry) {
            Some(asked) => base.answer_entry(caller, &asked).await,
            None => not_a_request(),
        };
        answers.push(answer.entry());
    }
    Answer::new(StatusCode::OK, bundle("batch-response", None, Vec::new(), answers))
}

fn not_a_request() -> Answer {
    Answer::bad("an entry has no request that this server understands")
}

/// All of it or nothing. Writes come first, whatever their order, then reads see what was written.
pub(super) async fn transaction(
    base: &FhirBase,
    caller: &Caller,
    entries: &[Value],
) -> Result<Answer, Failure> {
    let (entries, new_ids) = resolved(entries);
    let asked: Option<Vec<Asked>> = entries.iter().map(|entry| Asked::of_entry(&base.url, entry)).collect();
    let Some(asked) = asked else { return Ok(not_a_request()) };
    for _ in 0..ATTEMPTS {
        let snapshot = base.shelf.now().await?;
        let plans = match plans(base, caller, &snapshot, &asked, &new_ids) {
            Ok(plans) => plans,
            Err(answer) => return Ok(answer),
        };
        let changes = plans.iter().flatten().map(|plan| plan.change.clone()).collect();
        match base.shelf.commit(&snapshot, changes).await? {
            Committed::Done(versions) => {
                let mut versions = versions.iter();
                let mut answers = Vec::with_capacity(asked.len());
                for (asked, plan) in asked.iter().zip(&plans) {
                    let written = plan.as_ref().and_then(|plan| Some((plan.status, versions.next()?)));
                    let answer = match written {
                        Some((status, version)) => Answer::written(&base.url, status, version),
                        None => base.answer_entry(caller, asked).await,
                    };
                    answers.push(answer.entry());
                }
                return Ok(Answer::new(
                    StatusCode::OK,
                    bundle("transaction-response", None, Vec::new(), answers),
                ));
            }
            Committed::Full => return Ok(full()),
            Committed::Moved => {}
        }
    }
    Ok(busy())
}

/// A plan for each entry that writes. The first entry that cannot be done ends all of it.
fn plans(
    base: &FhirBase,
    caller: &Caller,
    snapshot: &Snapshot,
    asked: &[Asked],
    new_ids: &[Option<String>],
) -> Result<Vec<Option<Plan>>, Answer> {
    let mut touched = BTreeSet::new();
    let mut plans = Vec::with_capacity(asked.len());
    for (asked, id) in asked.iter().zip(new_ids) {
        let interaction = asked.interaction(&base.guard.rules)?;
        let Interaction::Write(write) = &interaction else {
            plans.push(None);
            continue;
        };
        // Others may refer to what it makes, and would have to refer to what is there already.
        if write.act == Act::Create && write.condition.is_some() {
            return Err(Answer::bad("a transaction creates without conditions here"));
        }
        let (sight, judged) = caller.judge(&interaction);
        base.journal.note(judged);
        let plan = plan(base, snapshot, &sight?, asked, write, id.clone())?;
        if !touched.insert((plan.change.kind.clone(), plan.change.id.clone())) {
            return Err(Answer::bad("two entries of the transaction change one resource"));
        }
        plans.push(Some(plan));
    }
    Ok(plans)
}

/// New resources get their ids now, and references to their `urn:uuid:` become references to these.
fn resolved(entries: &[Value]) -> (Vec<Value>, Vec<Option<String>>) {
    let mut become_of = BTreeMap::new();
    let ids: Vec<Option<String>> = entries
        .iter()
        .map(|entry| {
            let creates = entry.pointer("/request/method").and_then(Value::as_str) == Some("POST");
            let kind = entry.pointer("/resource/resourceType").and_then(Value::as_str)?;
            let id = creates.then(new_id)?;
            if let Some(url) = entry.get("fullUrl").and_then(Value::as_str) {
                become_of.insert(url.to_owned(), format!("{kind}/{id}"));
            }
            Some(id)
        })
        .collect();
    let mut entries = entries.to_vec();
    for entry in &mut entries {
        if let Some(resource) = entry.get_mut("resource") {
            refer(resource, &become_of);
        }
    }
    (entries, ids)
}

fn refer(value: &mut Value, become_of: &BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, become_of)),
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().and_then(|url| become_of.get(url)) {
                    Some(reference) if name == "reference" => *member = Value::String(reference.clone()),
                    _ => refer(member, become_of),
                }
            }
        }
        _ => {}
    }
}
