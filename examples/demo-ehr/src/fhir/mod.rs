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
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::records::{Record, Records};
use guard::{Access, Guard};
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
    headers: HeaderMap,
) -> Response {
    let caller = match base.guard.caller(&headers).await {
        Ok(caller) => caller,
        Err(refused) => return refused.into_response(),
    };
    if base.records.of_type(&kind).is_none() {
        return caller.answer(no_such_type());
    }
    // IPA-015: the scope is asked for before the record, so that a missing scope says the same about every id.
    if !caller.may(&kind, Access::Read) {
        return caller.answer(scope_missing());
    }
    caller.answer(match base.records.get(&kind, &id) {
        Some(record) if caller.sees(record, Access::Read) => {
            answer::resource(StatusCode::OK, &record.resource)
        }
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
    headers: HeaderMap,
) -> Response {
    let caller = match base.guard.caller(&headers).await {
        Ok(caller) => caller,
        Err(refused) => return refused.into_response(),
    };
    let Some(records) = base.records.of_type(&kind) else { return caller.answer(no_such_type()) };
    if !caller.may(&kind, Access::Search) {
        return caller.answer(scope_missing());
    }
    let query = match Query::parse(&kind, &pairs(query.as_deref().unwrap_or_default())) {
        Ok(query) => query,
        Err(error) => {
            return caller.answer(answer::outcome(StatusCode::BAD_REQUEST, "invalid", &error.to_string()));
        }
    };
    // Naming a patient whom the token does not open is refused, not answered with an empty list: it is a mistake of
    // the app, and silence would hide it.
    if query.patients(&kind).any(|patient| !caller.opens(patient)) {
        let text = "this token does not open the record of the patient named in the search";
        return caller.answer(answer::outcome(StatusCode::FORBIDDEN, "forbidden", text));
    }
    let matches: Vec<&Record> = records
        .iter()
        .filter(|record| caller.sees(record, Access::Search))
        .filter(|record| query.matches(record))
        .collect();
    caller.answer(answer::search_set(&base.url, &kind, &query, &matches))
}

fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn no_such_type() -> Response {
    answer::outcome(StatusCode::NOT_FOUND, "not-supported", "this resource type is not known here")
}

fn scope_missing() -> Response {
    answer::outcome(StatusCode::FORBIDDEN, "forbidden", "no granted scope covers this request")
}

async fn unknown() -> Response {
    answer::outcome(StatusCode::NOT_FOUND, "not-found", "there is nothing here")
}

async fn wrong_method() -> Response {
    answer::outcome(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "this server only reads and searches")
}
