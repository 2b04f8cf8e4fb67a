//! `/ehr/inspector/fhir`: what the FHIR APIs decided in the last hour, and which scope gave it. For developers and support.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::Ehr;
use super::page::page;
use super::sign_in::sign_out_token;
use crate::fhir::journal::{Noted, Said};

/// Decisions on the page.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "decisions.html")]
struct Page<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    decisions: Vec<Line<'a>>,
}

/// One decision, in words.
struct Line<'a> {
    noted: &'a Noted,
    time: String,
    denied: bool,
}

pub(super) async fn list(State(ehr): State<Arc<Ehr>>, headers: HeaderMap) -> Response {
    let session = match ehr.staff(&headers, "/ehr/inspector/fhir").await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    let noted = ehr.journal.newest(SHOWN);
    let template = Page {
        user: Some(&session.user),
        sign_out: &sign_out_token(&ehr, &session),
        decisions: noted.iter().map(Line::of).collect(),
    };
    page(StatusCode::OK, &template)
}

impl<'a> Line<'a> {
    fn of(noted: &'a Noted) -> Self {
        let time = jiff::Timestamp::from_millisecond(noted.at.0).unwrap_or(jiff::Timestamp::MIN);
        let denied = noted.judged.answer == Said::Denied;
        Self { noted, time: time.strftime("%H:%M:%S").to_string(), denied }
    }
}
