//! The steps that a human must take, as owned values. A move consumes its prompt; dropping one grants nothing.

use bytes::Bytes;
use http::{HeaderValue, Response};
use vestibule_core::authorize::progress::Act;
use vestibule_core::authorize::sign_in::Page;
use vestibule_core::authorize::{Offer, Refusal};
use vestibule_host::pages::{Mistake, Problem};
use vestibule_host::{
    AllowedPatient, ConsentRecord, EncounterId, EncounterPage, EncounterQuery, EncounterSummary, Moment,
    PatientId, PatientPage, PatientQuery, PatientSummary, SignedInUser,
};

use super::drive::{ConsentFacts, Interaction};
use super::step_token::{Step, StepToken, Verdict};
use crate::error::AuthorizeError;

/// The longest search text.
const MAX_SEARCH: usize = 100;

/// What comes next, and the cookies that must go with the answer.
#[must_use]
#[derive(Debug)]
pub struct Turn {
    /// The step.
    pub step: AuthorizeStep,
    /// Values of `Set-Cookie` headers.
    pub cookies: Vec<HeaderValue>,
}

/// What comes next.
#[must_use]
#[derive(Debug)]
#[non_exhaustive]
pub enum AuthorizeStep {
    /// Somebody must sign in at the host.
    SignIn(SignInPrompt),
    /// A patient must be chosen.
    SelectPatient(PatientPrompt),
    /// A visit may be chosen.
    SelectEncounter(EncounterPrompt),
    /// Consent is wanted.
    Consent(ConsentPrompt),
    /// The app is answered: send this, with the cookies.
    Respond(Response<Bytes>),
}

/// Somebody must sign in at the host.
#[derive(Debug)]
pub struct SignInPrompt {
    location: String,
    client_name: String,
}

impl SignInPrompt {
    pub(crate) const fn new(location: String, client_name: String) -> Self {
        Self { location, client_name }
    }

    /// Where the host wants the browser to go; it comes back to the interaction's path.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The app on whose behalf this happens.
    pub fn client_name(&self) -> &str {
        &self.client_name
    }
}

macro_rules! about {
    ($prompt:ty, $step:expr) => {
        impl std::fmt::Debug for $prompt {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // What was searched for may be a patient's name (LOG-001).
                f.debug_tuple(stringify!($prompt)).field(&self.interaction).finish()
            }
        }

        impl $prompt {
            /// The app's name.
            pub fn client_name(&self) -> &str {
                &self.interaction.client.name
            }

            /// Who is signed in.
            pub const fn user(&self) -> &SignedInUser {
                &self.interaction.user
            }

            /// Where the form goes.
            pub fn path(&self) -> String {
                self.interaction.path()
            }

            /// The token that the form must carry.
            ///
            /// # Errors
            /// [`AuthorizeError`] if there is no key to make one with.
            pub fn step_token(&self) -> Result<String, AuthorizeError> {
                self.interaction.step_token($step)
            }

            pub(crate) const fn interaction(&self) -> &Interaction {
                &self.interaction
            }
        }
    };
}

about!(PatientPrompt, Step::Patient);
about!(EncounterPrompt, Step::Encounter);
about!(ConsentPrompt, Step::Consent);

/// A patient must be chosen (S3, S4).
pub struct PatientPrompt {
    interaction: Interaction,
    page: PatientPage,
    search: Option<String>,
    mistake: Option<Mistake>,
}

impl PatientPrompt {
    pub(crate) const fn new(interaction: Interaction, page: PatientPage) -> Self {
        Self { interaction, page, search: None, mistake: None }
    }

    /// The first page, or the one that was searched for.
    pub const fn page(&self) -> &PatientPage {
        &self.page
    }

    /// What was searched for.
    pub fn search(&self) -> Option<&str> {
        self.search.as_deref()
    }

    /// What was wrong with the last try.
    pub const fn mistake(&self) -> Option<Mistake> {
        self.mistake
    }

    /// Looks for patients. Changes nothing.
    ///
    /// # Errors
    /// [`AuthorizeError`] if the policy cannot answer.
    pub async fn candidates(&self, query: &PatientQuery) -> Result<PatientPage, AuthorizeError> {
        Ok(self.interaction.inner().host.patients.accessible(&self.interaction.user, query).await?)
    }

    /// The same step with another page.
    pub(crate) async fn looking_for(mut self, query: &PatientQuery) -> Result<Turn, AuthorizeError> {
        if query.text.as_ref().is_some_and(|text| text.chars().count() > MAX_SEARCH) {
            return Ok(self.again(Mistake::SearchTooLong));
        }
        self.page = self.candidates(query).await?;
        self.search = query.text.clone();
        Ok(self.same())
    }

    /// Chooses a patient. The policy is asked now; a list that was shown proves nothing (INT-010).
    ///
    /// A patient that the policy does not allow leads back to the same step with [`Mistake::NotAvailable`]; the answer is the
    /// same for one that does not exist (A-TIME-06).
    ///
    /// # Errors
    /// [`AuthorizeError`] for a stale or forged token, or when a part of the host is away. Nothing changed.
    pub async fn choose(mut self, step: &StepToken, patient: PatientId) -> Result<Turn, AuthorizeError> {
        self.interaction.accept(step, Step::Patient)?;
        if !PatientId::is_logical_id(patient.as_str()) {
            return Ok(self.again(Mistake::NotAvailable)); // A-CTX-03
        }
        let act = match self.interaction.bound(patient, Moment::Pick).await? {
            Ok(act) => act,
            Err(Refusal::PatientDenied) => return Ok(self.again(Mistake::NotAvailable)),
            Err(refusal) => return self.interaction.refuse(refusal).await,
        };
        match self.interaction.apply(act) {
            Ok(()) => self.interaction.settle().await,
            Err(refusal) => self.interaction.refuse(refusal).await,
        }
    }

    /// The user gives up: the app is told `access_denied` (S5).
    ///
    /// # Errors
    /// As for [`choose`](Self::choose).
    pub async fn cancel(mut self, step: &StepToken) -> Result<Turn, AuthorizeError> {
        self.interaction.accept(step, Step::Patient)?;
        self.interaction.refuse(Refusal::UserSaidNo).await
    }

    /// The same step, with something to say.
    pub(crate) fn again(mut self, mistake: Mistake) -> Turn {
        self.mistake = Some(mistake);
        self.same()
    }

    fn same(mut self) -> Turn {
        self.interaction.explain_page(Page::Picker);
        let cookies = std::mem::take(&mut self.interaction.cookies);
        Turn { step: AuthorizeStep::SelectPatient(self), cookies }
    }
}

/// A visit may be chosen (S8).
pub struct EncounterPrompt {
    interaction: Interaction,
    patient: PatientSummary,
    page: EncounterPage,
    mistake: Option<Mistake>,
}

impl EncounterPrompt {
    pub(crate) const fn new(interaction: Interaction, patient: PatientSummary, page: EncounterPage) -> Self {
        Self { interaction, patient, page, mistake: None }
    }

    /// Whose visits.
    pub const fn patient(&self) -> &PatientSummary {
        &self.patient
    }

    /// The first page, or the one that was asked for.
    pub const fn page(&self) -> &EncounterPage {
        &self.page
    }

    /// What was wrong with the last try.
    pub const fn mistake(&self) -> Option<Mistake> {
        self.mistake
    }

    pub(crate) async fn looking_for(mut self, query: &EncounterQuery) -> Result<Turn, AuthorizeError> {
        let interaction = &self.interaction;
        self.page =
            interaction.inner().host.patients.encounters(&interaction.user, &self.patient.id, query).await?;
        Ok(self.same())
    }

    /// Chooses a visit; whether it is this patient's is asked now.
    ///
    /// # Errors
    /// As for [`PatientPrompt::choose`].
    pub async fn choose(mut self, step: &StepToken, encounter: EncounterId) -> Result<Turn, AuthorizeError> {
        self.interaction.accept(step, Step::Encounter)?;
        if !PatientId::is_logical_id(encounter.as_str()) {
            return Ok(self.again(Mistake::NotAvailable));
        }
        let act = self.interaction.visit(&self.patient.id, encounter).await?;
        if !matches!(act, Act::EncounterBound(_)) {
            return Ok(self.again(Mistake::NotAvailable));
        }
        self.moved(act).await
    }

    /// Goes on without a visit; `launch/encounter` is then dropped.
    ///
    /// # Errors
    /// As for [`PatientPrompt::choose`].
    pub async fn skip(mut self, step: &StepToken) -> Result<Turn, AuthorizeError> {
        self.interaction.accept(step, Step::Encounter)?;
        self.moved(Act::NoEncounter).await
    }

    /// The user gives up (S5).
    ///
    /// # Errors
    /// As for [`PatientPrompt::choose`].
    pub async fn cancel(mut self, step: &StepToken) -> Result<Turn, AuthorizeError> {
        self.interaction.accept(step, Step::Encounter)?;
        self.interaction.refuse(Refusal::UserSaidNo).await
    }

    async fn moved(mut self, act: Act) -> Result<Turn, AuthorizeError> {
        match self.interaction.apply(act) {
            Ok(()) => self.interaction.settle().await,
            Err(refusal) => self.interaction.refuse(refusal).await,
        }
    }

    pub(crate) fn again(mut self, mistake: Mistake) -> Turn {
        self.mistake = Some(mistake);
        self.same()
    }

    fn same(mut self) -> Turn {
        self.interaction.explain_page(Page::Picker);
        let cookies = std::mem::take(&mut self.interaction.cookies);
        Turn { step: AuthorizeStep::SelectEncounter(self), cookies }
    }
}

/// Consent is wanted.
pub struct ConsentPrompt {
    interaction: Interaction,
    facts: ConsentFacts,
}

impl ConsentPrompt {
    pub(crate) const fn new(interaction: Interaction, facts: ConsentFacts) -> Self {
        Self { interaction, facts }
    }

    /// What is asked for.
    pub const fn offer(&self) -> &Offer {
        &self.facts.offer
    }

    /// Whose record, with the limits that the policy sets.
    pub const fn patient(&self) -> Option<&AllowedPatient> {
        self.facts.patient.as_ref()
    }

    /// Which visit is shared.
    pub const fn encounter(&self) -> Option<&EncounterSummary> {
        self.facts.encounter.as_ref()
    }

    /// Allows the ticked scopes. What was not offered is ignored; nothing ticked is a no (INT-008, INT-009).
    ///
    /// The answer is recorded, `language` being the one in which it was asked. Then policy and consent are asked again, and the
    /// code is issued.
    ///
    /// # Errors
    /// [`AuthorizeError`] for a stale or forged token, or when a part of the host is away. No code was issued; a recorded
    /// answer may remain (A-FAULT-11).
    pub async fn allow(
        mut self,
        step: &StepToken,
        ticked: &[&str],
        language: &str,
    ) -> Result<Turn, AuthorizeError> {
        self.interaction.accept(step, Step::Consent)?;
        let choice = self.facts.offer.choose(ticked);
        if !choice.is_worth_a_grant() {
            return self.interaction.refuse(Refusal::UserSaidNo).await;
        }
        let negotiation = self.facts.negotiation.consented(&choice);
        self.interaction.trail.scopes(&negotiation);
        let granted = choice.granted().iter().map(|scope| scope.as_str().to_owned()).collect();
        let refused = self.facts.offer.refused(&choice);
        let asked = self.interaction.consent_asked();
        let answer = ConsentRecord::new(&asked, granted, refused, language, self.interaction.now)
            .with_client_version(&self.interaction.client.version);
        let inner = self.interaction.inner();
        let consent = inner.host.consents.record(inner.tenant(), &answer).await?;
        match self.interaction.apply(Act::Consented(choice, Some(consent))) {
            Ok(()) => self.interaction.settle().await,
            Err(refusal) => self.interaction.refuse(refusal).await,
        }
    }

    /// Allows nothing: the app is told `access_denied`.
    ///
    /// # Errors
    /// As for [`allow`](Self::allow).
    pub async fn deny(mut self, step: &StepToken) -> Result<Turn, AuthorizeError> {
        self.interaction.accept(step, Step::Consent)?;
        self.interaction.refuse(Refusal::UserSaidNo).await
    }
}

impl ConsentPrompt {
    /// What to say to a form without a decision: a form of an earlier step, say of a picker behind the back button, is told
    /// that the interaction has moved on.
    pub(crate) fn without_decision(mut self, step: &StepToken) -> AuthorizeError {
        match self.interaction.accept(step, Step::Consent) {
            Ok(()) => self.interaction.unanswered().going_on_at(self.path()),
            Err(error) => error,
        }
    }
}

impl Interaction {
    /// A form without an answer in it.
    fn unanswered(&mut self) -> AuthorizeError {
        self.trail.note("INT-008", "a decision", false);
        self.stopped(Problem::Malformed)
    }

    /// Takes a form's token: fresh, or nothing happens (INT-003, A-CTX-10, -11, -16).
    fn accept(&mut self, token: &StepToken, step: Step) -> Result<(), AuthorizeError> {
        let keys = self.inner().host.keys.snapshot();
        let sealer = vestibule_jose::seal::Sealer::new(&keys);
        let verdict = self.place(&self.who()).judge(&sealer, token, (step, self.revision()));
        self.trail.note("INT-003", "the form's token is fresh", verdict == Verdict::Fresh);
        match verdict {
            Verdict::Fresh => {
                self.answered = Some(token.clone());
                // What comes of it is yet to be told, though the question that it answers may have been.
                self.explained = false;
                Ok(())
            }
            Verdict::Stale => Err(self.stale()),
            Verdict::Forged => Err(self.stopped(Problem::Forged).going_on_at(self.path())),
        }
    }
}
