//! Whose records a user may open.

use std::fmt::Debug;

use async_trait::async_trait;
use vestibule_scope::ScopeSet;

use crate::{BoxError, ClientId, EncounterId, PatientId, SignedInUser, UnixMillis, UserId};

/// The policy could not answer. Access is then not given: the engine answers 503.
#[derive(Debug, thiserror::Error)]
#[error("the patient access policy could not answer")]
pub struct PolicyError(#[source] pub BoxError);

impl PolicyError {
    /// Wraps whatever went wrong.
    pub fn new(source: impl Into<BoxError>) -> Self {
        Self(source.into())
    }
}

/// A patient as shown on a page: just enough to tell one from another.
#[derive(Clone, PartialEq, Eq)]
pub struct PatientSummary {
    /// The logical id.
    pub id: PatientId,
    /// The name to show.
    pub name: String,
    /// The birth date to show, as the host writes dates.
    pub birth_date: Option<String>,
    /// One more line, for example a record number or a relationship.
    pub note: Option<String>,
}

impl PatientSummary {
    /// A patient with a name.
    pub fn new(id: PatientId, name: impl Into<String>) -> Self {
        Self { id, name: name.into(), birth_date: None, note: None }
    }

    /// With a birth date.
    #[must_use]
    pub fn with_birth_date(mut self, date: impl Into<String>) -> Self {
        self.birth_date = Some(date.into());
        self
    }

    /// With one more line.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

impl Debug for PatientSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PatientSummary(..)")
    }
}

/// How far a user's access reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// A short list: a person's own record, their children's. One entry is chosen without asking (S2).
    Listed,
    /// Too many to list: the user searches, and nothing is chosen for them (S4).
    Searched,
}

/// Which patients a picker wants to show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct PatientQuery {
    /// What the user typed, at most 100 characters; `None` for the first page.
    pub text: Option<String>,
    /// The cursor of an earlier page, as the policy gave it. It came back through a browser: treat it as hostile.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u16,
}

impl PatientQuery {
    /// The first page.
    pub const fn first(limit: u16) -> Self {
        Self { text: None, after: None, limit }
    }

    /// With a search text.
    #[must_use]
    pub fn with_text(mut self, text: Option<String>) -> Self {
        self.text = text;
        self
    }

    /// Continued after a cursor.
    #[must_use]
    pub fn with_after(mut self, after: Option<String>) -> Self {
        self.after = after;
        self
    }
}

/// A page of patients.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatientPage {
    /// The patients, in the order to show them.
    pub patients: Vec<PatientSummary>,
    /// Whether this is a list or a search.
    pub reach: Reach,
    /// The cursor of the next page, if there is one. It must name no patient: it passes through the browser.
    pub next: Option<String>,
}

/// When the engine asks about a patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// A user comes with an app's request, before anything is chosen.
    SignIn,
    /// The EHR creates a launch.
    Launch,
    /// A patient is being chosen, by a user or by a shortcut.
    Pick,
    /// The consent page is about to be shown.
    Consent,
    /// A code is about to be issued.
    Issue,
    /// A code is being redeemed.
    Redeem,
    /// A refresh token is being used.
    Refresh,
    /// An access token is being looked up. Only a user's standing is asked then.
    Use,
}

/// May this user let this app into this patient's record?
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PatientQuestion<'a> {
    /// Who asks for access.
    pub user: &'a UserId,
    /// To whose record.
    pub patient: &'a PatientId,
    /// For which app.
    pub client: &'a ClientId,
    /// At which point of the flow.
    pub moment: Moment,
}

impl<'a> PatientQuestion<'a> {
    /// A question.
    pub const fn new(user: &'a UserId, patient: &'a PatientId, client: &'a ClientId, moment: Moment) -> Self {
        Self { user, patient, client, moment }
    }
}

/// The policy's answer.
#[must_use]
#[derive(Clone, PartialEq, Debug)]
pub enum PatientAnswer {
    /// Yes, within these limits.
    Allowed(Box<AllowedPatient>),
    /// No, or there is no such patient. The two are never told apart (A-TIME-06).
    Denied,
}

impl PatientAnswer {
    /// A yes without limits.
    pub fn allowed(summary: PatientSummary) -> Self {
        Self::Allowed(Box::new(AllowedPatient::new(summary)))
    }
}

/// A yes and its limits.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct AllowedPatient {
    /// The patient. At launch the id may differ from the one asked about: the record into which it was merged (E12).
    pub summary: PatientSummary,
    /// What the user is to the patient, for the consent page.
    pub relationship: Option<String>,
    /// What an app may get at most through this relationship; `None` means no further limit. A later moment of the same grant may
    /// say less, never more: what the consent page showed is the most.
    ///
    /// # Security
    /// It limits `patient/` scopes. A `user/` scope speaks of everything the user may see, not of this patient, and stays: the FHIR
    /// server looks at the relationship itself for each record, as it does for the user's own clicks. A host whose FHIR server does
    /// not, takes `user/` scopes from such users with a [`ScopePolicy`](crate::ScopePolicy).
    pub ceiling: Option<ScopeSet>,
    /// When this access ends; `None` means no end in sight.
    pub until: Option<UnixMillis>,
}

impl AllowedPatient {
    /// A yes without limits.
    pub const fn new(summary: PatientSummary) -> Self {
        Self { summary, relationship: None, ceiling: None, until: None }
    }

    /// With a relationship to show.
    #[must_use]
    pub fn with_relationship(mut self, relationship: impl Into<String>) -> Self {
        self.relationship = Some(relationship.into());
        self
    }

    /// With a ceiling.
    #[must_use]
    pub fn with_ceiling(mut self, ceiling: ScopeSet) -> Self {
        self.ceiling = Some(ceiling);
        self
    }

    /// With an end.
    #[must_use]
    pub const fn with_until(mut self, until: UnixMillis) -> Self {
        self.until = Some(until);
        self
    }
}

/// Which encounters a picker wants to show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct EncounterQuery {
    /// The cursor of an earlier page.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u16,
}

impl EncounterQuery {
    /// The first page.
    pub const fn first(limit: u16) -> Self {
        Self { after: None, limit }
    }

    /// Continued after a cursor.
    #[must_use]
    pub fn with_after(mut self, after: Option<String>) -> Self {
        self.after = after;
        self
    }
}

/// An encounter as shown on a page.
#[derive(Clone, PartialEq, Eq)]
pub struct EncounterSummary {
    /// The logical id.
    pub id: EncounterId,
    /// What happened, for example `Check-up with Dr Lee`.
    pub title: String,
    /// When, as the host writes dates.
    pub date: Option<String>,
}

impl Debug for EncounterSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EncounterSummary(..)")
    }
}

/// A page of encounters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EncounterPage {
    /// The encounters, in the order to show them.
    pub encounters: Vec<EncounterSummary>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Knows whose records a user may open. **Required.** Fails closed.
///
/// It is asked when a patient is chosen, before consent, at issue and at redemption; no answer is cached. The question names
/// the app, so that a host can keep an app away from some records.
///
/// Check an implementation with `vestibule_testkit::patient_suite!`.
#[async_trait]
pub trait PatientAccessPolicy: Debug + Send + Sync {
    /// The patients this user may choose from.
    ///
    /// # Contract
    /// At most `query.limit` entries, and a cursor for the rest: pages of any length show the same patients in the same order, each
    /// once. An empty first page of [`Reach::Listed`] means that the user has no record, and the
    /// app is told `access_denied` (S1); what is not on such a list cannot be chosen. Listing is a convenience: a choice is always
    /// checked with [`may_access`](Self::may_access). A text or a cursor that makes no sense is no fault: it finds nothing, or
    /// begins anew.
    ///
    /// # Errors
    /// [`PolicyError`] when nobody knows; nothing is granted.
    async fn accessible(&self, user: &SignedInUser, query: &PatientQuery)
    -> Result<PatientPage, PolicyError>;

    /// Whether this user may let this app into this record, now.
    ///
    /// # Contract
    /// While nothing changes, the same question has the same answer. What has ended is denied from the next question on; whom or
    /// what nobody knows is denied, and is no fault. Ids are compared byte for byte.
    ///
    /// # Errors
    /// [`PolicyError`] when nobody knows; nothing is granted and nothing is spent.
    ///
    /// # Security
    /// The patient id may come from a browser. Answer [`PatientAnswer::Denied`] for what does not exist.
    async fn may_access(&self, question: &PatientQuestion<'_>) -> Result<PatientAnswer, PolicyError>;

    /// The encounters of a patient that the user may choose from. By default there are none, and `launch/encounter` is
    /// dropped (S8).
    ///
    /// # Errors
    /// [`PolicyError`] when nobody knows.
    async fn encounters(
        &self,
        user: &SignedInUser,
        patient: &PatientId,
        query: &EncounterQuery,
    ) -> Result<EncounterPage, PolicyError> {
        let _ = (user, patient, query);
        Ok(EncounterPage::default())
    }

    /// This encounter, if it is this patient's: asked at launch (E10), for a choice, and before consent is asked for. By
    /// default no encounter is.
    ///
    /// # Errors
    /// [`PolicyError`] when nobody knows.
    ///
    /// # Security
    /// The encounter id may come from a browser. Answer `None` for another patient's, as for what does not exist.
    async fn encounter(
        &self,
        patient: &PatientId,
        encounter: &EncounterId,
    ) -> Result<Option<EncounterSummary>, PolicyError> {
        let _ = (patient, encounter);
        Ok(None)
    }
}
