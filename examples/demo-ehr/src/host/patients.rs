//! Whose records a user may open: the hospital's one rule, the view `ehr_access`.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::{OptionalExtension as _, Row, params};
use serde_json::Value;
use vestibule_host::access::AllowedPatient;
use vestibule_host::{
    Clock as _, EncounterId, EncounterPage, EncounterQuery, EncounterSummary, PatientAccessPolicy,
    PatientAnswer, PatientId, PatientPage, PatientQuery, PatientQuestion, PatientSummary, PolicyError, Reach,
    SignedInUser, SystemClock, UnixMillis, UserKind,
};
use vestibule_scope::ScopeSet;

use crate::database::Database;
use crate::records::{Record, Records};

/// The hospital's access rules, as Vestibule sees them.
#[derive(Debug)]
pub struct EhrPatients {
    /// The hospital's tables.
    pub database: Database,
    /// Today's records, for the encounters in them.
    pub records: Arc<Records>,
}

#[async_trait]
impl PatientAccessPolicy for EhrPatients {
    async fn accessible(
        &self,
        user: &SignedInUser,
        query: &PatientQuery,
    ) -> Result<PatientPage, PolicyError> {
        // The cursor counts entries, so it names nobody. Anything else starts from the beginning.
        let start = query.after.as_deref().and_then(|after| after.parse::<u32>().ok()).unwrap_or(0);
        let limit = u32::from(query.limit);
        let name = user.user.as_str().to_owned();
        let text = query.text.clone().unwrap_or_default();
        let find = "SELECT patient, given, family, birth_date, why FROM ehr_access \
                    WHERE user = ?1 AND (instr(lower(given || ' ' || family), lower(?2)) OR birth_date = ?2) \
                    ORDER BY given, family, patient LIMIT ?3 OFFSET ?4";
        // One more than asked for tells whether there is another page.
        let found = self.database.run(move |c| {
            let mut statement = c.prepare_cached(find)?;
            statement
                .query_map(params![name, text, limit + 1, start], summary)?
                .collect::<Result<Vec<_>, _>>()
        });
        let mut patients: Vec<_> =
            found.await.map_err(PolicyError::new)?.into_iter().map(|(summary, _)| summary).collect();
        let more = patients.len() > usize::from(query.limit);
        patients.truncate(usize::from(query.limit));
        let reach = match user.kind {
            UserKind::Patient => Reach::Listed,
            // Staff choose knowingly, even when the search finds one.
            UserKind::Clinician => Reach::Searched,
        };
        Ok(PatientPage { patients, reach, next: more.then(|| start.saturating_add(limit).to_string()) })
    }

    async fn may_access(&self, question: &PatientQuestion<'_>) -> Result<PatientAnswer, PolicyError> {
        let (user, patient) = (question.user.as_str().to_owned(), question.patient.as_str().to_owned());
        let find =
            "SELECT patient, given, family, birth_date, why FROM ehr_access WHERE user = ?1 AND patient = ?2";
        let found = self.database.run(move |c| c.query_row(find, [user, patient], summary).optional()).await;
        Ok(match found.map_err(PolicyError::new)? {
            Some((summary, why)) => {
                // On a consent page the user's role has a line of its own.
                let allowed = AllowedPatient::new(PatientSummary { note: None, ..summary });
                match why.as_str() {
                    "self" => PatientAnswer::Allowed(Box::new(allowed)),
                    "parent" => for_a_parent(allowed),
                    _ => PatientAnswer::Allowed(Box::new(allowed.with_relationship(why))),
                }
            }
            None => PatientAnswer::Denied,
        })
    }

    async fn encounters(
        &self,
        _: &SignedInUser,
        patient: &PatientId,
        query: &EncounterQuery,
    ) -> Result<EncounterPage, PolicyError> {
        let start = query.after.as_deref().and_then(|after| after.parse::<usize>().ok()).unwrap_or(0);
        let limit = usize::from(query.limit);
        let mut all: Vec<_> = self.records.of_patient("Encounter", patient.as_str()).collect();
        all.reverse();
        let encounters = all.iter().skip(start).take(limit).map(|record| encounter(record)).collect();
        let next = start.saturating_add(limit);
        Ok(EncounterPage { encounters, next: (next < all.len()).then(|| next.to_string()) })
    }

    async fn encounter(
        &self,
        patient: &PatientId,
        id: &EncounterId,
    ) -> Result<Option<EncounterSummary>, PolicyError> {
        let found = self.records.get("Encounter", id.as_str());
        Ok(found.filter(|record| record.is_of(patient.as_str())).map(|record| encounter(record)))
    }
}

/// Delegation: whoever acts for a child lets apps read and change nothing, and only until the child decides alone.
fn for_a_parent(allowed: AllowedPatient) -> PatientAnswer {
    let born = allowed.summary.birth_date.as_deref().and_then(|date| date.parse::<Date>().ok());
    let grown_up = born.and_then(|born| born.checked_add(Span::new().years(DECIDES_ALONE)).ok());
    let until = grown_up.and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    let until = until.map(|moment| UnixMillis(moment.timestamp().as_millisecond()));
    match (until, ScopeSet::parse(READ_ONLY)) {
        (Some(until), Ok(ceiling)) if !until.is_over(SystemClock.now()) => PatientAnswer::Allowed(Box::new(
            allowed.with_relationship("parent").with_ceiling(ceiling).with_until(until),
        )),
        // Nobody knows how long, or it is over.
        _ => PatientAnswer::Denied,
    }
}

/// At this age a child's record is the child's alone.
const DECIDES_ALONE: i32 = 16;

/// What an app gets at most of a child's record.
const READ_ONLY: &str = "patient/*.rs";

/// A row of `ehr_access`, and what the user is to the patient.
fn summary(row: &Row<'_>) -> rusqlite::Result<(PatientSummary, String)> {
    let name = format!("{} {}", row.get::<_, String>(1)?, row.get::<_, String>(2)?);
    let summary = PatientSummary::new(PatientId::new(row.get::<_, String>(0)?), name);
    let why: String = row.get(4)?;
    Ok((summary.with_birth_date(row.get::<_, String>(3)?).with_note(why.clone()), why))
}

fn encounter(record: &Record) -> EncounterSummary {
    let text = |pointer: &str| record.resource.pointer(pointer).and_then(Value::as_str);
    let reason = text("/reasonCode/0/text").unwrap_or("Visit");
    let place = text("/location/0/location/display").unwrap_or("hospital");
    EncounterSummary {
        id: EncounterId::new(record.id()),
        title: format!("{reason}, {place}"),
        date: text("/period/start").and_then(|start| start.get(..10)).map(str::to_owned),
    }
}
