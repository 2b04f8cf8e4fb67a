//! Patient access policies with one planted mistake each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use vestibule_host::access::AllowedPatient;
use vestibule_host::{
    ClientId, EncounterId, EncounterPage, EncounterQuery, EncounterSummary, Moment, PatientAccessPolicy,
    PatientAnswer, PatientId, PatientPage, PatientQuery, PatientQuestion, PatientSummary, PolicyError, Reach,
    SessionId, SignedInUser, UnixMillis, UserId, UserKind,
};

use crate::suite::Arranged;
use crate::suite::patients::{PatientWorld, Person};

/// A planted mistake.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PatientMistake {
    /// An outage looks like a no.
    FaultIsDenial,
    /// An outage looks like a user without records.
    FaultIsEmptyList,
    /// Whoever is not kept away may open everything.
    AllowsTheUnknown,
    /// Patients' ids are compared without regard to case.
    CaseFolding,
    /// Users' ids are compared without regard to case.
    UsersFolded,
    /// A page shows everybody.
    EndlessPage,
    /// The last of a page is the first of the next.
    RepeatingPages,
    /// The cursor is the last patient's id.
    NamingCursor,
    /// A cursor that cannot be read is a fault.
    OddCursorFaults,
    /// The ceiling is only looked at where consent is asked for.
    CeilingForgotten,
    /// A yes is remembered until the refresh.
    CachedYes,
    /// Any encounter is anybody's.
    AnyonesEncounter,
    /// The question is kept beside the policy, for a moment.
    MixedUp,
    /// What may not be opened is shown all the same.
    ShowsEverybody,
}

impl PatientMistake {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::FaultIsDenial,
        Self::FaultIsEmptyList,
        Self::AllowsTheUnknown,
        Self::CaseFolding,
        Self::UsersFolded,
        Self::EndlessPage,
        Self::RepeatingPages,
        Self::NamingCursor,
        Self::OddCursorFaults,
        Self::CeilingForgotten,
        Self::CachedYes,
        Self::AnyonesEncounter,
        Self::MixedUp,
        Self::ShowsEverybody,
    ];
}

/// Who may open which records. The second one's last record is a child's.
const PEOPLE: [(&str, &[&str]); 3] = [
    ("alice", &["alice"]),
    ("ben", &["ben", "ben.child"]),
    ("dr-lee", &["alice", "ben", "ben.child", "carol", "dora", "emil", "fritz", "gerda", "hans"]),
];
const RECORDS: [&str; 10] =
    ["alice", "ben", "ben.child", "carol", "dora", "emil", "fritz", "gerda", "hans", "vip"];

#[derive(Debug, Default)]
struct Rows {
    ended: Vec<(String, String)>,
    said_yes: Vec<(String, String)>,
    last: Option<(String, String)>,
    is_cut: bool,
}

/// A world of a patient, a parent and a physician, whose policy has this mistake, or none.
#[derive(Clone, Debug)]
pub struct MutantPatients {
    mistake: Option<PatientMistake>,
    rows: Arc<Mutex<Rows>>,
}

impl MutantPatients {
    /// Nothing has ended yet.
    pub fn new(mistake: Option<PatientMistake>) -> Self {
        Self { mistake, rows: Arc::default() }
    }

    fn has(&self, mistake: PatientMistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records of a user, those that have ended left out.
    fn records(&self, user: &str) -> Vec<&'static str> {
        let is = |name: &str| match self.has(PatientMistake::UsersFolded) {
            true => name.eq_ignore_ascii_case(user),
            false => name == user,
        };
        let rows = self.rows();
        let ended = |patient: &str| rows.ended.iter().any(|(who, what)| who == user && what == patient);
        let known = PEOPLE.iter().find(|(name, _)| is(name));
        known.map_or_else(Vec::new, |(_, records)| records.iter().copied().filter(|it| !ended(it)).collect())
    }

    fn outage<T>(&self, as_if: PatientMistake, answer: T) -> Option<Result<T, PolicyError>> {
        if !self.rows().is_cut {
            return None;
        }
        Some(if self.has(as_if) { Ok(answer) } else { Err(PolicyError::new("planted: nobody answers")) })
    }
}

#[async_trait]
impl PatientWorld for MutantPatients {
    async fn open(&self) -> Arc<dyn PatientAccessPolicy> {
        Arc::new(self.clone())
    }

    async fn people(&self) -> Vec<Person> {
        let person = |(name, records): (&str, &[&str])| {
            let kind = if name == "dr-lee" { UserKind::Clinician } else { UserKind::Patient };
            let (user, session) = (UserId::new(name), SessionId::new("session"));
            let ids = |list: Vec<&str>| list.into_iter().map(PatientId::new).collect();
            Person {
                user: SignedInUser::new(user, name, session, UnixMillis(0), kind),
                client: ClientId::new("app"),
                may_open: ids(records.to_vec()),
                may_not_open: ids(RECORDS.into_iter().filter(|it| !records.contains(it)).collect()),
            }
        };
        PEOPLE.into_iter().map(person).collect()
    }

    async fn end(&self, user: &UserId, patient: &PatientId) -> Arranged {
        self.rows().ended.push((user.as_str().to_owned(), patient.as_str().to_owned()));
        Arranged::Done
    }

    async fn cut(&self) -> Arranged {
        self.rows().is_cut = true;
        Arranged::Done
    }
}

#[async_trait]
impl PatientAccessPolicy for MutantPatients {
    async fn accessible(
        &self,
        user: &SignedInUser,
        query: &PatientQuery,
    ) -> Result<PatientPage, PolicyError> {
        let reach = if user.kind == UserKind::Patient { Reach::Listed } else { Reach::Searched };
        let none = PatientPage { patients: Vec::new(), reach, next: None };
        if let Some(answer) = self.outage(PatientMistake::FaultIsEmptyList, none) {
            return answer;
        }
        let mut all = self.records(user.user.as_str());
        if self.has(PatientMistake::ShowsEverybody) {
            all = RECORDS.to_vec();
        }
        let text = query.text.clone().unwrap_or_default();
        all.retain(|patient| patient.contains(&text));
        let after = query.after.as_deref();
        let start = match after {
            Some(after) if self.has(PatientMistake::NamingCursor) => {
                all.iter().position(|id| *id == after).map_or(0, |at| at + 1)
            }
            Some(after) => match after.parse::<usize>() {
                Ok(start) => start,
                Err(error) if self.has(PatientMistake::OddCursorFaults) => {
                    return Err(PolicyError::new(error));
                }
                Err(_) => 0,
            },
            None => 0,
        };
        let limit = match self.has(PatientMistake::EndlessPage) {
            true => usize::MAX,
            false => usize::from(query.limit),
        };
        let shown: Vec<_> = all.iter().copied().skip(start).take(limit).collect();
        let repeats = usize::from(self.has(PatientMistake::RepeatingPages) && shown.len() > 1);
        let next = start.saturating_add(limit).saturating_sub(repeats);
        let more = limit > 0 && next < all.len() && start.saturating_add(limit) < all.len();
        let next = match (shown.last(), self.has(PatientMistake::NamingCursor)) {
            (Some(last), true) => (*last).to_owned(),
            _ => next.to_string(),
        };
        let patients = shown.into_iter().map(|id| PatientSummary::new(PatientId::new(id), id)).collect();
        Ok(PatientPage { patients, reach, next: more.then_some(next) })
    }

    async fn may_access(&self, question: &PatientQuestion<'_>) -> Result<PatientAnswer, PolicyError> {
        if let Some(answer) = self.outage(PatientMistake::FaultIsDenial, PatientAnswer::Denied) {
            return answer;
        }
        let mut asked = (question.user.as_str().to_owned(), question.patient.as_str().to_owned());
        if self.has(PatientMistake::MixedUp) {
            self.rows().last = Some(asked.clone());
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            asked = self.rows().last.clone().unwrap_or(asked);
        }
        let (user, patient) = asked;
        let is = |id: &&str| match self.has(PatientMistake::CaseFolding) {
            true => id.eq_ignore_ascii_case(&patient),
            false => *id == patient,
        };
        let mut may = self.records(&user).iter().any(is);
        if self.has(PatientMistake::AllowsTheUnknown) && patient != "vip" {
            may |= !RECORDS.contains(&patient.as_str());
        }
        let remembered = (user, patient.clone());
        if self.has(PatientMistake::CachedYes) && question.moment == Moment::Refresh {
            may |= self.rows().said_yes.contains(&remembered);
        }
        if !may {
            return Ok(PatientAnswer::Denied);
        }
        self.rows().said_yes.push(remembered);
        let summary = PatientSummary::new(PatientId::new(patient.clone()), patient.clone());
        let mut allowed = AllowedPatient::new(summary);
        let looked_at = !self.has(PatientMistake::CeilingForgotten) || question.moment == Moment::Consent;
        if patient == "ben.child" && looked_at {
            let ceiling = "patient/*.rs".parse().map_err(|_| PolicyError::new("no such ceiling"))?;
            allowed = allowed.with_ceiling(ceiling).with_until(UnixMillis(i64::MAX / 2));
        }
        Ok(PatientAnswer::Allowed(Box::new(allowed)))
    }

    async fn encounters(
        &self,
        _: &SignedInUser,
        patient: &PatientId,
        query: &EncounterQuery,
    ) -> Result<EncounterPage, PolicyError> {
        let start = query.after.as_deref().and_then(|after| after.parse::<usize>().ok()).unwrap_or(0);
        let limit = usize::from(query.limit);
        let encounters = (0..4).skip(start).take(limit).map(|n| encounter(patient, n)).collect();
        let next = start.saturating_add(limit);
        Ok(EncounterPage { encounters, next: (limit > 0 && next < 4).then(|| next.to_string()) })
    }

    async fn encounter(
        &self,
        patient: &PatientId,
        id: &EncounterId,
    ) -> Result<Option<EncounterSummary>, PolicyError> {
        if self.has(PatientMistake::AnyonesEncounter) {
            let known = (0..4).map(|n| encounter(patient, n).title).next();
            return Ok(known.map(|title| EncounterSummary { id: id.clone(), title, date: None }));
        }
        Ok((0..4).map(|n| encounter(patient, n)).find(|encounter| encounter.id == *id))
    }
}

fn encounter(patient: &PatientId, n: usize) -> EncounterSummary {
    let id = EncounterId::new(format!("{}-visit-{n}", patient.as_str()));
    EncounterSummary { id, title: format!("Visit {n}"), date: None }
}
