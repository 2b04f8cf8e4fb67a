//! The list of patients a user may open, and one patient's chart.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use rusqlite::OptionalExtension as _;
use serde::Deserialize;
use serde_json::Value;

use super::Ehr;
use super::page::{message, page, see_other, unavailable};
use super::session::Session;
use super::sign_in::sign_out_token;
use crate::database::{Database, DatabaseError};
use crate::records::{Record, Records};

/// A patient as a list shows one.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) birth_date: String,
    pub(super) why: String,
}

#[derive(Template)]
#[template(path = "patients.html")]
struct List<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    search: &'a str,
    patients: &'a [Listed],
}

#[derive(Template)]
#[template(path = "patient.html")]
struct Chart<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    patient: &'a Listed,
    sections: Vec<Section<'a>>,
}

struct Section<'a> {
    title: &'static str,
    lines: Vec<Line<'a>>,
}

struct Line<'a> {
    date: &'a str,
    what: &'a str,
    detail: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
}

pub(super) async fn list(
    State(ehr): State<Arc<Ehr>>,
    Query(Search { q }): Query<Search>,
    headers: HeaderMap,
) -> Response {
    let session = match ehr.session(&headers).await {
        Ok(Some(session)) => session,
        Ok(None) => return see_other("/sign-in?resume=/patients"),
        Err(error) => return unavailable(&error),
    };
    match accessible(&ehr.database, &session.user, &q).await {
        Ok(patients) => {
            let sign_out = sign_out_token(&ehr, &session);
            let template =
                List { user: Some(&session.user), sign_out: &sign_out, search: &q, patients: &patients };
            page(StatusCode::OK, &template)
        }
        Err(error) => unavailable(&error),
    }
}

pub(super) async fn chart(
    State(ehr): State<Arc<Ehr>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let session = match ehr.session(&headers).await {
        Ok(Some(session)) => session,
        Ok(None) => return see_other("/sign-in?resume=/patients"),
        Err(error) => return unavailable(&error),
    };
    match one(&ehr.database, &session.user, &id).await {
        // With what apps wrote by now.
        Ok(Some(patient)) => match ehr.shelf.now().await {
            Ok(snapshot) => show(&ehr, &session, &patient, &snapshot.records),
            Err(error) => unavailable(&error),
        },
        // The same answer for a record that does not exist: who is a patient here is nobody's business.
        Ok(None) => message(StatusCode::FORBIDDEN, "Not for you", "You may not open this record."),
        Err(error) => unavailable(&error),
    }
}

fn show(ehr: &Ehr, session: &Session, patient: &Listed, records: &Records) -> Response {
    let sections = [
        ("Encounters", "Encounter"),
        ("Conditions", "Condition"),
        ("Allergies", "AllergyIntolerance"),
        ("Medications", "MedicationRequest"),
        ("Observations", "Observation"),
        ("Immunizations", "Immunization"),
        ("Documents", "DocumentReference"),
    ]
    .map(|(title, kind)| Section { title, lines: lines(records, kind, &patient.id) });
    let sign_out = sign_out_token(ehr, session);
    let template =
        Chart { user: Some(&session.user), sign_out: &sign_out, patient, sections: sections.into() };
    page(StatusCode::OK, &template)
}

fn lines<'a>(records: &'a Records, kind: &str, patient: &'a str) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = records.of_patient(kind, patient).map(|record| line(record)).collect();
    lines.sort_by(|a, b| b.date.cmp(a.date));
    lines.truncate(20);
    lines
}

fn line(record: &Record) -> Line<'_> {
    let first = |pointers: &[&str]| {
        pointers.iter().find_map(|pointer| record.resource.pointer(pointer)?.as_str()).unwrap_or_default()
    };
    let quantity = record.resource.pointer("/valueQuantity").map(|quantity| {
        let unit = quantity.get("unit").and_then(Value::as_str).unwrap_or_default();
        format!("{} {unit}", quantity.get("value").unwrap_or(&Value::Null))
    });
    let dates = [
        "/period/start",
        "/effectiveDateTime",
        "/recordedDate",
        "/authoredOn",
        "/occurrenceDateTime",
        "/date",
    ];
    let details = [
        "/valueCodeableConcept/text",
        "/dosageInstruction/0/text",
        "/status",
        "/clinicalStatus/coding/0/code",
    ];
    Line {
        date: first(&dates).get(..10).unwrap_or_default(),
        what: first(&[
            "/code/text",
            "/reasonCode/0/text",
            "/medicationCodeableConcept/text",
            "/vaccineCode/text",
            "/description",
        ]),
        detail: quantity.unwrap_or_else(|| first(&details).to_owned()),
    }
}

/// The patients a user may open whose name or birth date fits; at most a screenful.
pub(super) async fn accessible(
    database: &Database,
    user: &str,
    search: &str,
) -> Result<Vec<Listed>, DatabaseError> {
    let (user, search) = (user.to_owned(), search.to_owned());
    let find = "SELECT patient, given || ' ' || family, birth_date, why FROM ehr_access \
                WHERE user = ?1 AND (instr(lower(given || ' ' || family), lower(?2)) OR birth_date = ?2) \
                ORDER BY given, family, patient LIMIT 100";
    database
        .run(move |c| {
            let mut statement = c.prepare_cached(find)?;
            statement.query_map([user, search], listed)?.collect()
        })
        .await
}

/// One patient, if the user may open the record.
pub(super) async fn one(database: &Database, user: &str, id: &str) -> Result<Option<Listed>, DatabaseError> {
    let (user, id) = (user.to_owned(), id.to_owned());
    let find = "SELECT patient, given || ' ' || family, birth_date, why FROM ehr_access WHERE user = ?1 AND patient = ?2";
    database.run(move |c| c.query_row(find, [user, id], listed).optional()).await
}

fn listed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed { id: row.get(0)?, name: row.get(1)?, birth_date: row.get(2)?, why: row.get(3)? })
}
