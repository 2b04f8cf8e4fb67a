//! The FHIR R4 APIs over the synthetic records, as a FHIR server uses `vestibule-resource`.
//!
//! Read in this order: this file is the way of a request; `guard.rs` asks Vestibule, and applies the hospital's own rule below
//! the answer; `read.rs`, `search.rs`, `write.rs` and `batch.rs` do what was permitted. `query.rs`, `params.rs`, `matching.rs`,
//! `include.rs` and `date.rs` are the search itself, which knows of no token.
//!
//! What is missing and what is hidden look the same to an app: 404 with the same words. Every record is asked for before it
//! leaves, whatever a query already left out.

mod answer;
mod batch;
pub mod capability;
mod cors;
mod date;
pub mod guard;
pub mod include;
pub mod journal;
mod matching;
mod params;
pub mod query;
mod read;
mod request;
mod search;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;
use http::request::Parts;
use serde_json::Value;
use vestibule_resource::{HistoryOf, Interaction, OperationLevel, SearchOf};
use vestibule_scope::ResourceType;

use crate::database::DatabaseError;
use crate::records::{Shelf, TYPES};
use answer::Answer;
use capability::OAuthUris;
use guard::{Caller, Guard, Sight};
use journal::Journal;
use request::Asked;
use search::Place;

pub use cors::Origins;

/// One FHIR base: a URL, the records behind it, and who guards them.
#[derive(Debug)]
pub struct FhirBase {
    /// The base URL, without a slash at the end.
    pub url: String,
    /// The records, and what was written on top of them.
    pub shelf: Shelf,
    /// Checks tokens for this base.
    pub guard: Guard,
    /// Where tokens come from, for `/metadata`.
    pub uris: OAuthUris,
    /// Told what was decided.
    pub journal: Arc<Journal>,
}

/// The hospital's tables are away.
type Failure = DatabaseError;

/// The routes below one base.
pub fn router(base: Arc<FhirBase>, origins: Arc<Origins>) -> Router {
    let records = Router::new()
        .fallback(serve)
        .layer(middleware::from_fn_with_state(origins, cors::registered_origins));
    let public = Router::new()
        .route("/metadata", get(metadata))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(cors::any_origin));
    public.merge(records).with_state(base)
}

/// IPA-002, IPA-003: for everybody; whoever shows a token is told what that is good for. A bad one is none.
async fn metadata(State(base): State<Arc<FhirBase>>, head: Parts) -> Response {
    let caller = base.guard.caller(&head).await.ok();
    let statement = capability::statement(&base, caller.as_ref().map(|caller| &caller.principal));
    let mut response = Answer::new(StatusCode::OK, statement).into_response();
    response.headers_mut().append(http::header::VARY, http::HeaderValue::from_static("authorization"));
    response
}

async fn wrong_method() -> Response {
    Answer::unsupported(StatusCode::METHOD_NOT_ALLOWED, "this is for reading only").into_response()
}

/// Every request but `/metadata`: who asks, then what, then the answer.
async fn serve(State(base): State<Arc<FhirBase>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let caller = match base.guard.caller(&head).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let answer = match Asked::of_request(Request::from_parts(head, body)).await {
        Ok(asked) => base.answer(&caller, &asked).await,
        Err(answer) => answer,
    };
    caller.answer(answer)
}

impl FhirBase {
    /// The answer to a request that came alone.
    async fn answer(&self, caller: &Caller, asked: &Asked) -> Answer {
        let entries = |asked: &Asked| {
            let entries = asked.body.as_ref().and_then(|body| body.get("entry")).and_then(Value::as_array);
            entries.cloned().unwrap_or_default()
        };
        match asked.interaction(&self.guard.rules) {
            Ok(Interaction::Batch(_)) => batch::batch(self, caller, &entries(asked)).await,
            Ok(Interaction::Transaction(_)) => {
                let done = batch::transaction(self, caller, &entries(asked)).await;
                done.unwrap_or_else(|failure| guard::away(&failure))
            }
            Ok(interaction) => self.answer_one(caller, asked, &interaction).await,
            Err(answer) => answer,
        }
    }

    /// The answer to one entry of a batch.
    async fn answer_entry(&self, caller: &Caller, asked: &Asked) -> Answer {
        match asked.interaction(&self.guard.rules) {
            Ok(interaction) => self.answer_one(caller, asked, &interaction).await,
            Err(answer) => answer,
        }
    }

    /// IPA-015. The scopes are asked before the records, so that a missing scope says the same about every id.
    async fn answer_one(&self, caller: &Caller, asked: &Asked, interaction: &Interaction) -> Answer {
        let (sight, judged) = caller.judge(interaction);
        self.journal.note(judged);
        let done = match sight {
            Ok(sight) => self.permitted(&sight, asked, interaction).await,
            Err(refusal) => return refusal,
        };
        done.unwrap_or_else(|failure| guard::away(&failure))
    }

    /// Does what the scopes permit, within what they leave.
    async fn permitted(
        &self,
        sight: &Sight<'_>,
        asked: &Asked,
        interaction: &Interaction,
    ) -> Result<Answer, Failure> {
        if let Interaction::Write(write) = interaction {
            return write::write(self, sight, asked, write).await;
        }
        let snapshot = self.shelf.now().await?;
        let view = sight.over(&snapshot.records);
        let place = |kind, compartment| Place { base: &self.url, kind, compartment };
        Ok(match interaction {
            Interaction::Read(of) => read::read(&view, of.resource_type.name(), of.id.as_str()),
            Interaction::Vread(of, version) => {
                let which = (of.resource_type.name(), of.id.as_str(), version.as_str());
                read::vread(self, &view, which).await?
            }
            Interaction::History(HistoryOf::Instance(of)) => {
                read::history(self, &view, (of.resource_type.name(), of.id.as_str())).await?
            }
            Interaction::Search(search) => match search.of() {
                SearchOf::Type(kind) if is_known(*kind) => {
                    search::search(&view, &place(*kind, None), &asked.parameters())
                }
                SearchOf::Compartment(of, Some(kind))
                    if of.resource_type.name() == "Patient" && is_known(*kind) =>
                {
                    search::search(&view, &place(*kind, Some(of.id.as_str())), &asked.parameters())
                }
                SearchOf::System => match search.types() {
                    Some(kinds) if kinds.iter().all(|kind| is_known(*kind)) => {
                        search::of_types(&view, &self.url, kinds, &asked.parameters())
                    }
                    _ => unsupported(),
                },
                _ => unsupported(),
            },
            Interaction::Operation(operation) if operation.name == "everything" => match &operation.level {
                OperationLevel::Instance(of)
                    if of.resource_type.name() == "Patient" && asked.body.is_none() =>
                {
                    search::everything(&view, &self.url, of.id.as_str(), &asked.parameters())
                }
                _ => unsupported(),
            },
            _ => unsupported(),
        })
    }
}

fn is_known(kind: ResourceType) -> bool {
    TYPES.contains(&kind.name())
}

fn unsupported() -> Answer {
    Answer::unsupported(StatusCode::BAD_REQUEST, "this server does not do this; /metadata says what it does")
}
