//! The FHIR R4 API over the synthetic records: read, search, metadata.
//!
//! `guard.rs` decides who may see what; `query.rs` is the search itself; `params.rs` says where each parameter looks.

mod answer;
pub mod capability;
mod cors;
mod date;
pub mod guard;
mod params;
pub mod query;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use http::request::Parts;
use serde_json::Value;
use vestibule_resource::Denied;
use vestibule_scope::ResourceType;

use crate::records::{Record, Records};
use guard::Guard;
use query::Query;

pub use cors::Origins;

/// One FHIR base: a URL, the records behind it, and who guards them.
#[derive(Debug)]
pub struct FhirBase {
    /// The base URL, without a slash at the end.
    pub url: String,
    /// The records.
    pub records: Arc<Records>,
    /// Checks tokens for this base.
    pub guard: Guard,
    /// What `/metadata` answers.
    pub metadata: Value,
}

/// The routes below one base.
pub fn router(base: Arc<FhirBase>, origins: Arc<Origins>) -> Router {
    let records = Router::new()
        .route("/{kind}", get(search))
        .route("/{kind}/{id}", get(read))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(origins, cors::registered_origins));
    let public = Router::new()
        .route("/metadata", get(metadata))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(cors::any_origin));
    public.merge(records).with_state(base)
}

async fn metadata(State(base): State<Arc<FhirBase>>) -> Response {
    answer::resource(StatusCode::OK, &base.metadata)
}

async fn read(
    State(base): State<Arc<FhirBase>>,
    Path((kind, id)): Path<(String, String)>,
    head: Parts,
) -> Response {
    let caller = match base.guard.caller(&head).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let Some(kind) = base.known(&kind) else { return caller.answer(no_such_type()) };
    // IPA-015. The scope is asked for before the record, so that a missing scope says the same about every id.
    let Some(sight) = caller.sight(kind, Some(&id)) else { return caller.answer(scope_missing()) };
    caller.answer(match base.records.get(kind.name(), &id) {
        Some(record) if sight.shows(record) => answer::resource(StatusCode::OK, &record.resource),
        Some(_) => {
            answer::outcome(StatusCode::FORBIDDEN, "forbidden", "this token does not open this record")
        }
        None => answer::outcome(StatusCode::NOT_FOUND, "not-found", "there is no such resource"),
    })
}

async fn search(
    State(base): State<Arc<FhirBase>>,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    head: Parts,
) -> Response {
    let caller = match base.guard.caller(&head).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let Some(kind) = base.known(&kind) else { return caller.answer(no_such_type()) };
    let Some(sight) = caller.sight(kind, None) else { return caller.answer(scope_missing()) };
    let kind = kind.name();
    let query = match Query::parse(kind, &pairs(query.as_deref().unwrap_or_default())) {
        Ok(query) => query,
        Err(error) => {
            return caller.answer(answer::outcome(StatusCode::BAD_REQUEST, "invalid", &error.to_string()));
        }
    };
    // Naming a patient whom the token does not open is refused, not answered with an empty list: it is a mistake of
    // the app, and silence would hide it.
    if query.patients(kind).any(|patient| !sight.opens(patient)) {
        let text = "this token does not open the record of the patient named in the search";
        return caller.answer(answer::outcome(StatusCode::FORBIDDEN, "forbidden", text));
    }
    let records = base.records.of_type(kind).unwrap_or_default().iter();
    let matches: Vec<&Record> =
        records.filter(|record| sight.shows(record)).filter(|record| query.matches(record)).collect();
    caller.answer(answer::search_set(&base.url, kind, &query, &matches))
}

impl FhirBase {
    fn known(&self, kind: &str) -> Option<ResourceType> {
        self.records.of_type(kind)?;
        ResourceType::from_name(kind)
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn no_such_type() -> Response {
    answer::outcome(StatusCode::NOT_FOUND, "not-supported", "this resource type is not known here")
}

fn scope_missing() -> Response {
    guard::refusal(&Denied::InsufficientScope)
}

async fn unknown() -> Response {
    answer::outcome(StatusCode::NOT_FOUND, "not-found", "there is nothing here")
}

async fn wrong_method() -> Response {
    answer::outcome(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "this server only reads and searches")
}
