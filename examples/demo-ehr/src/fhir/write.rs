//! Create, update, patch and delete, also conditionally. What is stored and what is submitted are both judged (SMART-SCOPE-048).
//!
//! There is no update-as-create: it would tell apart ids that are free from those of records that are hidden.

use http::{Method, StatusCode};
use json_patch::Patch;
use serde_json::{Value, json};
use vestibule_resource::{Act, FhirRequest, Interaction, Write};

use super::answer::Answer;
use super::guard::{Sight, View};
use super::query::Query;
use super::request::Asked;
use super::{Failure, FhirBase};
use crate::random;
use crate::records::{Change, Committed, LARGEST_RESOURCE, Record, Snapshot};

/// What apps may write. Who exists, who works here and who may open what is not an app's to say; and what describes other
/// resources, or holds their text, is left to the hospital.
pub(super) const WRITABLE: [&str; 13] = [
    "AllergyIntolerance",
    "CarePlan",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Goal",
    "Immunization",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
    "QuestionnaireResponse",
    "ServiceRequest",
];
/// So often a write is decided anew when somebody else was faster.
const ATTEMPTS: usize = 5;
/// Steps of a patch.
const MOST_STEPS: usize = 64;
/// Deepest nesting that a patch may leave.
const DEEPEST: usize = 32;

/// A write that was decided, and may be made.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) change: Change,
    pub(super) status: StatusCode,
}

/// Decides and writes, until nobody else wrote in between.
pub(super) async fn write(
    base: &FhirBase,
    sight: &Sight<'_>,
    asked: &Asked,
    write: &Write,
) -> Result<Answer, Failure> {
    for _ in 0..ATTEMPTS {
        let snapshot = base.shelf.now().await?;
        let plan = match plan(base, &snapshot, sight, asked, write, None) {
            Ok(plan) => plan,
            Err(answer) => return Ok(answer),
        };
        match base.shelf.commit(&snapshot, vec![plan.change]).await? {
            Committed::Done(versions) => {
                let answer = versions.first().map(|version| Answer::written(&base.url, plan.status, version));
                return Ok(answer.unwrap_or_else(Answer::missing));
            }
            Committed::Full => return Ok(full()),
            Committed::Moved => {}
        }
    }
    Ok(busy())
}

pub(super) fn full() -> Answer {
    let text = "this demo has no room left; what nobody touches makes room after a day";
    Answer::outcome(StatusCode::SERVICE_UNAVAILABLE, "throttled", text)
}

pub(super) fn busy() -> Answer {
    Answer::outcome(StatusCode::CONFLICT, "conflict", "others are writing; please try again")
}

/// What is to be done, decided on the records of one moment; or the answer, where nothing is.
pub(super) fn plan(
    base: &FhirBase,
    snapshot: &Snapshot,
    sight: &Sight<'_>,
    asked: &Asked,
    write: &Write,
    new_id: Option<String>,
) -> Result<Plan, Answer> {
    let view = sight.over(&snapshot.records);
    let kind = write.resource_type.name();
    if !WRITABLE.contains(&kind) {
        return Err(Answer::unsupported(
            StatusCode::METHOD_NOT_ALLOWED,
            "apps do not write resources of this type here",
        ));
    }
    if !write.references.is_empty() {
        return Err(Answer::bad("references are written as `Type/id` here, not as searches"));
    }
    let found = write.condition.is_some().then(|| only_match(&view, kind, asked)).transpose()?;
    match (write.act, found) {
        (Act::Create, Some(Some(existing))) => Err(Answer::existing(&base.url, existing)),
        (Act::Create, _) => create(base, &view, asked, kind, new_id),
        (Act::Update, Some(None)) if asked.body.as_ref().is_none_or(|body| body.get("id").is_none()) => {
            create(base, &view, asked, kind, new_id)
        }
        (Act::Update, found) => update(base, &view, asked, kind, stored(&view, write, found)),
        (Act::Delete, found) => delete(&view, asked, kind, stored(&view, write, found)),
        (Act::Patch, found) => patch(base, &view, asked, kind, stored(&view, write, found)),
    }
}

/// The one resource that a condition finds among what may be seen.
fn only_match<'v>(view: &View<'v>, kind: &str, asked: &Asked) -> Result<Option<&'v Record>, Answer> {
    let query = Query::parse(kind, &asked.condition()).map_err(|error| Answer::bad(&error.to_string()))?;
    let seen = view.of_condition();
    let all = view.records.of_type(kind).unwrap_or_default().iter();
    let mut found = all.filter(|record| query.matches(record) && seen.shows(record));
    match (found.next(), found.next()) {
        (_, Some(_)) => {
            let text = "the condition finds several resources";
            Err(Answer::outcome(StatusCode::PRECONDITION_FAILED, "multiple-matches", text))
        }
        (found, None) => Ok(found.map(|record| &**record)),
    }
}

fn stored<'v>(view: &View<'v>, write: &Write, found: Option<Option<&'v Record>>) -> Option<&'v Record> {
    let by_id =
        || view.records.get(write.resource_type.name(), write.id.as_ref()?.as_str()).map(|record| &**record);
    found.unwrap_or_else(by_id)
}

fn create(
    base: &FhirBase,
    view: &View<'_>,
    asked: &Asked,
    kind: &str,
    id: Option<String>,
) -> Result<Plan, Answer> {
    let id = id.unwrap_or_else(new_id);
    let record = view.records.record(submitted(base, asked, kind, &id)?);
    if !view.may_submit(&record) {
        return Err(not_yours());
    }
    let change = Change { kind: kind.to_owned(), id, resource: Some(record.resource) };
    Ok(Plan { change, status: StatusCode::CREATED })
}

fn update(
    base: &FhirBase,
    view: &View<'_>,
    asked: &Asked,
    kind: &str,
    stored: Option<&Record>,
) -> Result<Plan, Answer> {
    // What is not there and what may not be changed look the same.
    let stored = stored.filter(|record| view.may_change(record)).ok_or_else(Answer::missing)?;
    unchanged(asked, stored)?;
    let record = view.records.record(submitted(base, asked, kind, stored.id())?);
    if !(view.may_submit(&record) && view.may_leave(&record)) {
        return Err(not_yours());
    }
    let change =
        Change { kind: kind.to_owned(), id: stored.id().to_owned(), resource: Some(record.resource) };
    Ok(Plan { change, status: StatusCode::OK })
}

/// What is stored may be changed, and what the patch makes of it may be kept. The patch tests what is there, and the answer shows what it left alone:
/// who may not read does not patch.
fn patch(
    base: &FhirBase,
    view: &View<'_>,
    asked: &Asked,
    kind: &str,
    stored: Option<&Record>,
) -> Result<Plan, Answer> {
    if !asked.is_json_patch() {
        let text = "a patch is a JSON Patch here: application/json-patch+json, in a request of its own";
        return Err(Answer::unsupported(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let may_patch = |record: &&Record| view.may_change(record) && view.may_read(record);
    let stored = stored.filter(may_patch).ok_or_else(Answer::missing)?;
    unchanged(asked, stored)?;
    let patched = patched(asked, stored)?;
    // As if the whole resource was sent: its type and id, and no references by search.
    let path = format!("/{kind}/{}", stored.id());
    let whole = FhirRequest::new(&Method::PUT, &path).with_body(Some(&patched)).read(&base.guard.rules);
    if !matches!(whole, Ok(Interaction::Write(write)) if write.references.is_empty()) {
        return Err(Answer::bad(
            "what the patch leaves is not the resource that it was, or refers by a search",
        ));
    }
    let record = view.records.record(resource(base, patched, kind, stored.id())?);
    if !view.may_leave(&record) {
        return Err(not_yours());
    }
    let change =
        Change { kind: kind.to_owned(), id: stored.id().to_owned(), resource: Some(record.resource) };
    Ok(Plan { change, status: StatusCode::OK })
}

/// The stored resource after all steps of a JSON Patch (RFC 6902).
fn patched(asked: &Asked, stored: &Record) -> Result<Value, Answer> {
    let steps = asked.body.clone().and_then(|body| serde_json::from_value::<Patch>(body).ok());
    let Some(Patch(steps)) = steps.filter(|steps| steps.0.len() <= MOST_STEPS) else {
        return Err(Answer::bad("the body is no JSON Patch, or has too many steps"));
    };
    let mut resource = stored.resource.clone();
    for step in steps {
        // One by one: each step can double what the last one left, or nest it.
        if json_patch::patch(&mut resource, &[step]).is_err() {
            let text = "a step of the patch does not fit the resource";
            return Err(Answer::outcome(StatusCode::UNPROCESSABLE_ENTITY, "processing", text));
        }
        if !is_shallow(&resource, DEEPEST) {
            return Err(Answer::bad("the patch nests too deep"));
        }
        small(&resource)?;
    }
    Ok(resource)
}

fn is_shallow(value: &Value, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().all(|item| is_shallow(item, left)),
        Value::Object(members) => members.values().all(|member| is_shallow(member, left)),
        _ => true,
    }
}

fn delete(view: &View<'_>, asked: &Asked, kind: &str, stored: Option<&Record>) -> Result<Plan, Answer> {
    let stored = stored.filter(|record| view.may_change(record)).ok_or_else(Answer::missing)?;
    unchanged(asked, stored)?;
    let change = Change { kind: kind.to_owned(), id: stored.id().to_owned(), resource: None };
    Ok(Plan { change, status: StatusCode::NO_CONTENT })
}

/// `If-Match`: nobody else changed it since the app read it.
fn unchanged(asked: &Asked, stored: &Record) -> Result<(), Answer> {
    let Some(wanted) = &asked.if_match else { return Ok(()) };
    if *wanted == format!("W/\"{}\"", stored.version()) {
        return Ok(());
    }
    Err(Answer::outcome(
        StatusCode::PRECONDITION_FAILED,
        "conflict",
        "it was changed since then; read it again",
    ))
}

fn not_yours() -> Answer {
    let text = "the granted scopes do not cover the resource as it was sent, or its patient's record is not open to the user";
    Answer::outcome(StatusCode::FORBIDDEN, "forbidden", text)
}

/// The resource as it came, as far as this server looks at it. It checks no profile.
fn submitted(base: &FhirBase, asked: &Asked, kind: &str, id: &str) -> Result<Value, Answer> {
    let sent = asked.body.clone().ok_or_else(|| Answer::bad("there is no resource in the body"))?;
    resource(base, sent, kind, id)
}

/// A resource as it is kept.
fn resource(base: &FhirBase, mut resource: Value, kind: &str, id: &str) -> Result<Value, Answer> {
    if resource.get("resourceType").and_then(Value::as_str) != Some(kind) {
        return Err(Answer::bad("the body is of another type than the address"));
    }
    // Its version is written there; without one, everybody's `If-Match` would be for nothing.
    if resource.get("meta").is_some_and(|meta| !meta.is_object()) {
        return Err(Answer::bad("the `meta` of a resource is an object"));
    }
    small(&resource)?;
    if let Some(members) = resource.as_object_mut() {
        members.insert("id".to_owned(), json!(id));
    }
    localize(&mut resource, &format!("{}/", base.url));
    Ok(resource)
}

fn small(resource: &Value) -> Result<(), Answer> {
    if resource.to_string().len() > LARGEST_RESOURCE {
        let text = "this server keeps small resources only";
        return Err(Answer::outcome(StatusCode::PAYLOAD_TOO_LARGE, "too-long", text));
    }
    Ok(())
}

/// References to this base become relative, so that they lead home wherever home is.
fn localize(value: &mut Value, base: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| localize(item, base)),
        Value::Object(members) => {
            for (name, member) in members {
                let rest = member.as_str().and_then(|text| text.strip_prefix(base)).map(str::to_owned);
                match rest {
                    Some(rest) if name == "reference" => *member = Value::String(rest),
                    _ => localize(member, base),
                }
            }
        }
        _ => {}
    }
}

/// Nobody chooses or guesses the id of a new resource.
pub(super) fn new_id() -> String {
    random::bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
