//! The audit log, for staff: who let which app into whose record, as events and as FHIR AuditEvents.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::Ehr;
use super::page::{message, page, unavailable};
use super::sign_in::sign_out_token;
use crate::host::audit::{self, Logged};

/// Events on a page.
const PER_PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    events: Vec<Line<'a>>,
    newer: Option<u32>,
    older: Option<u32>,
}

struct Line<'a> {
    event: &'a Logged,
    time: String,
    what: &'static str,
    /// Deserves a second look.
    alarming: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Place {
    #[serde(default)]
    from: u32,
}

pub(super) async fn list(
    State(ehr): State<Arc<Ehr>>,
    Query(Place { from }): Query<Place>,
    headers: HeaderMap,
) -> Response {
    let session = match ehr.staff(&headers, "/ehr/audit").await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    // Events wait for the next tick; whoever looks wants to see what has just happened.
    if let Err(error) = ehr.server.tick().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the newest events are not here yet");
    }
    let (events, more) = match audit::page(&ehr.database, &session.user, from, PER_PAGE).await {
        Ok(found) => found,
        Err(error) => return unavailable(&error),
    };
    let sign_out = sign_out_token(&ehr, &session);
    let template = Page {
        user: Some(&session.user),
        sign_out: &sign_out,
        events: events.iter().map(Line::of).collect(),
        newer: (from > 0).then(|| from.saturating_sub(PER_PAGE)),
        older: more.then(|| from.saturating_add(PER_PAGE)),
    };
    page(StatusCode::OK, &template)
}

/// One event as FHIR has it.
pub(super) async fn resource(
    State(ehr): State<Arc<Ehr>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let session = match ehr.staff(&headers, "/ehr/audit").await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    match audit::one(&ehr.database, &session.user, &id).await {
        Ok(Some(event)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/fhir+json; charset=utf-8"),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, event.resource).into_response()
        }
        Ok(None) => {
            let text = "It is too old to be kept, or about a record that you may not open.";
            message(StatusCode::NOT_FOUND, "There is no such event", text)
        }
        Err(error) => unavailable(&error),
    }
}

impl<'a> Line<'a> {
    fn of(event: &'a Logged) -> Self {
        let what = match event.kind.as_str() {
            "launch_made" => "The EHR opened an app",
            "refused" => "An app was not let in",
            "code_issued" => "An app was let in",
            "code_redeemed" => "The app fetched its first tokens",
            "code_replayed" => "A code came twice: access ended",
            "refreshed" => "The app renewed its access",
            "refresh_repeated" => "The app asked again for an answer it had lost",
            "reuse_suspected" => "A refresh token came suspiciously often",
            "reuse_detected" => "A refresh token was used twice: access ended",
            "token_issued" => "A service fetched a token for itself",
            "revoked" => "Access ended",
            "client_registered" => "An app registered itself",
            "client_changed" => "An app changed its registration",
            "client_reviewed" => "Staff let an app in, or shut it out",
            "client_removed" => "An app removed its registration",
            _ => "Something else",
        };
        let alarming = matches!(event.kind.as_str(), "code_replayed" | "reuse_suspected" | "reuse_detected");
        let time = jiff::Timestamp::from_millisecond(event.at).unwrap_or(jiff::Timestamp::MIN);
        Self { event, time: time.strftime("%Y-%m-%d %H:%M:%S").to_string(), what, alarming }
    }
}
