//! Drives an interaction as far as it goes without a human: gather facts, apply the machine, save; refuse or issue.

use http::HeaderValue;
use http::request::Parts;
use vestibule_core::audience::FhirBase;
use vestibule_core::authorize::launch::LaunchRecord;
use vestibule_core::authorize::progress::{Act, EncounterNeed, EncounterOf, PatientNeed};
use vestibule_core::authorize::sign_in::Page;
use vestibule_core::authorize::{
    Event, Needs, Negotiation, Offer, PendingRequest, Progress, ProvenRedirect, Refusal, Who,
};
use vestibule_core::explain::{Endpoint, Outcome, Trail};
use vestibule_host::pages::Problem;
use vestibule_host::{
    Advanced, AllowedPatient, ConsentAsked, ConsentRule, EncounterPage, EncounterQuery, EncounterSummary,
    Moment, PatientId, PatientQuery, Reach, RegisteredClient, RememberedConsent, Revision, ScopeQuestion,
    SignedInUser, UnixMillis, UserKind,
};

use vestibule_scope::ScopeSet;

use super::held::{self, Found, Held};
use super::id::InteractionId;
use super::prompt::{AuthorizeStep, ConsentPrompt, EncounterPrompt, PatientPrompt, Turn};
use super::restore::Restored;
use super::step_token::{Place, Step, StepToken};
use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::server::Inner;

/// How many entries a picker shows at a time.
pub(crate) const PAGE_SIZE: u16 = 10;

/// An interaction in one request: found, checked, with everything looked up again.
pub(crate) struct Interaction {
    pub(crate) server: AuthorizationServer,
    pub(crate) id: InteractionId,
    pub(crate) pending: PendingRequest,
    pub(crate) client: RegisteredClient,
    pub(crate) redirect: ProvenRedirect,
    pub(crate) user: SignedInUser,
    pub(crate) progress: Progress,
    pub(crate) now: UnixMillis,
    /// The form that is being answered, once its token was found fresh.
    pub(crate) answered: Option<StepToken>,
    pub(super) revision: Option<Revision>,
    pub(super) saved: bool,
    pub(super) browser: String,
    pub(super) launch: Option<LaunchRecord>,
    pub(crate) cookies: Vec<HeaderValue>,
    pub(super) languages: Vec<String>,
    pub(crate) trail: Trail,
    pub(super) endpoint: Endpoint,
    /// Whether the request brings a form: the question that it answers is then found again, and not asked anew.
    pub(super) answering: bool,
    /// Whether the present request was explained.
    pub(super) explained: bool,
    /// What the host's policy leaves of the scopes for this user; `None` without one.
    pub(super) allowed: Option<ScopeSet>,
}

impl std::fmt::Debug for Interaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A patient user's own FHIR reference and the open visit say whose record this is (LOG-001).
        f.debug_struct("Interaction").field("client", &self.client.id).finish_non_exhaustive()
    }
}

/// What the consent step knows.
#[derive(Debug)]
pub(crate) struct ConsentFacts {
    pub(crate) offer: Offer,
    pub(crate) negotiation: Negotiation,
    pub(crate) patient: Option<AllowedPatient>,
    pub(crate) encounter: Option<EncounterSummary>,
}

impl AuthorizationServer {
    /// Goes on with an interaction as far as it goes without a human, and says what comes next.
    ///
    /// Everything is checked again: cookie, session, user, client, redirect URI, launch, policy (design §4.4). Calling it twice
    /// is harmless. This is what a host with its own pages calls to show a page, and what [`handle`](Self::handle) does for
    /// `GET`.
    ///
    /// # Errors
    /// An [`AuthorizeError`], to be shown as a page: nothing may be redirected.
    pub async fn resume(&self, head: &Parts, id: &InteractionId) -> Result<Turn, AuthorizeError> {
        let now = self.inner().now();
        let found = self.inner().find(head, id, now).await?;
        match self.restore(head, id, found, now, (self.inner().trail(), Endpoint::Interaction)).await? {
            Restored::Before(turn) => Ok(*turn),
            Restored::Ready(interaction) => {
                let client = interaction.client.clone();
                interaction.settle().await.map_err(|error| error.of(&client))
            }
        }
    }

    /// The question that stands open, for a form that answers it. Unlike [`resume`](Self::resume) it takes no shortcut: a
    /// user's answer is never overtaken by what another tab made possible in between.
    ///
    /// # Errors
    /// As for [`resume`](Self::resume).
    pub async fn asked(&self, head: &Parts, id: &InteractionId) -> Result<Turn, AuthorizeError> {
        let now = self.inner().now();
        let found = self.inner().find(head, id, now).await?;
        self.asked_in(head, id, found, now).await
    }

    pub(crate) async fn asked_in(
        &self,
        head: &Parts,
        id: &InteractionId,
        found: Found,
        now: UnixMillis,
    ) -> Result<Turn, AuthorizeError> {
        match self.restore(head, id, found, now, (self.inner().trail(), Endpoint::Interaction)).await? {
            Restored::Before(turn) => Ok(*turn),
            Restored::Ready(interaction) => {
                let client = interaction.client.clone();
                interaction.open_question().await.map_err(|error| error.of(&client))
            }
        }
    }
}

impl Interaction {
    pub(crate) fn inner(&self) -> &Inner {
        self.server.inner()
    }

    pub(crate) fn who(&self) -> Who {
        Who { user: self.user.user.clone(), session: self.user.session.clone() }
    }

    pub(crate) fn path(&self) -> String {
        self.inner().interaction_path(&self.id)
    }

    fn base(&self) -> Result<&FhirBase, AuthorizeError> {
        self.inner().config.rules().base(&self.pending.base).ok_or(AuthorizeError::new(Problem::Internal))
    }

    /// The negotiation up to the user: what needs are computed from.
    fn negotiation(&self) -> Result<Negotiation, AuthorizeError> {
        let rules = self.inner().config.rules();
        let negotiation = self.pending.negotiate(&self.client, self.base()?, &rules);
        let negotiation = negotiation.for_user(self.user.fhir_user.is_some());
        Ok(negotiation.within_policy(self.allowed.as_ref()))
    }

    /// Asks the host's policy, anew in each request.
    pub(super) async fn with_policy(mut self) -> Result<Self, AuthorizeError> {
        if let Some(policy) = &self.inner().scopes {
            let asked = self.negotiation()?.granted();
            let question = ScopeQuestion::new(&self.client, &self.user.user, &self.pending.base, &asked);
            let allowed = policy.narrow(&question.with_signed_in(&self.user)).await?;
            self.allowed = Some(allowed);
        }
        Ok(self)
    }

    pub(crate) fn needs(&self) -> Result<Needs, AuthorizeError> {
        let negotiation = self.negotiation()?;
        Ok(match &self.launch {
            None => Needs::standalone(&negotiation),
            Some(launch) => Needs::of_launch(&negotiation, launch.user.clone(), &launch.context),
        })
    }

    /// A-LAUNCH-17: the launch was spent by another interaction, or its time is over.
    const fn lost_its_launch(&self) -> bool {
        self.pending.launch.is_some() && self.launch.is_none()
    }

    /// The step that stands open, with fresh facts and without shortcuts.
    async fn open_question(mut self) -> Result<Turn, AuthorizeError> {
        if self.lost_its_launch() {
            return self.launch_gone().await;
        }
        let needs = self.needs()?;
        match (&self.progress, &needs.patient, &needs.encounter) {
            (Progress::Patient { .. }, PatientNeed::Choose, _) => {
                let page = self
                    .inner()
                    .host
                    .patients
                    .accessible(&self.user, &PatientQuery::first(PAGE_SIZE))
                    .await?;
                self.ask(Page::Picker, |this| AuthorizeStep::SelectPatient(PatientPrompt::new(this, page)))
                    .await
            }
            (Progress::Encounter { patient, .. }, _, EncounterNeed::Choose) => {
                let patient = patient.clone();
                let page = self.first_visits(&patient).await?;
                self.ask_for_visit(patient, page).await
            }
            (Progress::Consent { .. }, ..) => match self.consent_facts().await? {
                Ok(facts) => {
                    self.ask(Page::Consent, |this| AuthorizeStep::Consent(ConsentPrompt::new(this, facts)))
                        .await
                }
                Err(refusal) => self.refuse(refusal).await,
            },
            // Nothing was asked yet, so there is nothing that a form could answer.
            _ => Err(self.stale()),
        }
    }

    async fn first_visits(&self, patient: &PatientId) -> Result<EncounterPage, AuthorizeError> {
        let query = EncounterQuery::first(PAGE_SIZE);
        Ok(self.inner().host.patients.encounters(&self.user, patient, &query).await?)
    }

    async fn ask_for_visit(
        mut self,
        patient: PatientId,
        page: EncounterPage,
    ) -> Result<Turn, AuthorizeError> {
        // The visits of a patient are shown only after the policy was asked again.
        let Ok(Act::PatientBound(access)) = self.bound(patient, Moment::Pick).await? else {
            return self.refuse(Refusal::PatientDenied).await;
        };
        let summary = access.allowed().summary.clone();
        self.ask(Page::Picker, |this| {
            AuthorizeStep::SelectEncounter(EncounterPrompt::new(this, summary, page))
        })
        .await
    }

    /// Applies what can be known without a human until a human is needed, or the end is reached.
    pub(crate) async fn settle(mut self) -> Result<Turn, AuthorizeError> {
        if self.lost_its_launch() {
            return self.launch_gone().await;
        }
        loop {
            let needs = self.needs()?;
            let act = match &self.progress {
                Progress::SignIn => Act::SignedIn,
                Progress::Patient { .. } => match &needs.patient {
                    PatientNeed::Launch(open) => match self.bound(open.clone(), Moment::Launch).await? {
                        Ok(act) => act,
                        Err(refusal) => return self.refuse(refusal).await, // E2
                    },
                    PatientNeed::Choose | PatientNeed::None => {
                        let query = PatientQuery::first(PAGE_SIZE);
                        let page = self.inner().host.patients.accessible(&self.user, &query).await?;
                        match (page.reach, page.patients.as_slice()) {
                            (Reach::Listed, []) => Act::NoRecord, // S1
                            (Reach::Listed, [only]) if page.next.is_none() => {
                                match self.bound(only.id.clone(), Moment::Pick).await? {
                                    Ok(act) => act, // S2
                                    Err(refusal) => return self.refuse(refusal).await,
                                }
                            }
                            // S3, S4
                            _ => {
                                return self
                                    .ask(Page::Picker, |this| {
                                        AuthorizeStep::SelectPatient(PatientPrompt::new(this, page))
                                    })
                                    .await;
                            }
                        }
                    }
                },
                Progress::Encounter { patient, .. } => {
                    let patient = patient.clone();
                    match &needs.encounter {
                        EncounterNeed::Launch(open) => self.visit(&patient, open.clone()).await?,
                        EncounterNeed::Choose | EncounterNeed::None => {
                            let page = self.first_visits(&patient).await?;
                            if !page.encounters.is_empty() {
                                return self.ask_for_visit(patient, page).await;
                            }
                            Act::NoEncounter // S8
                        }
                    }
                }
                Progress::Consent { .. } => {
                    let facts = match self.consent_facts().await? {
                        Ok(facts) => facts,
                        Err(refusal) => return self.refuse(refusal).await,
                    };
                    match self.consent_without_asking(&facts).await? {
                        Some(act) => act,
                        None => {
                            return self
                                .ask(Page::Consent, |this| {
                                    AuthorizeStep::Consent(ConsentPrompt::new(this, facts))
                                })
                                .await;
                        }
                    }
                }
                Progress::Decided { .. } => return self.issue().await,
            };
            if let Err(refusal) = self.apply(act) {
                return self.refuse(refusal).await;
            }
        }
    }

    /// Moves the machine by one event of whoever is signed in.
    pub(crate) fn apply(&mut self, act: Act) -> Result<(), Refusal> {
        let needs = self.needs().map_err(|_| Refusal::OutOfOrder)?;
        self.progress = self.progress.apply(Event { by: self.who(), act }, &needs)?;
        self.saved = false;
        Ok(())
    }

    /// Asks the policy about a patient; a yes becomes the act that binds them.
    pub(crate) async fn bound(
        &mut self,
        patient: PatientId,
        moment: Moment,
    ) -> Result<Result<Act, Refusal>, AuthorizeError> {
        let ask = match self.progress.ask(&self.client.id, patient, moment) {
            Ok(ask) => ask,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let answer = self.inner().host.patients.may_access(&ask.question()).await?;
        let answered = ask.answered(answer, self.now);
        Ok(self.trail.check("INT-010", "the patient policy says yes", answered).map(Act::PatientBound))
    }

    /// Asks whether an encounter is the patient's; a no is the act that goes on without.
    pub(crate) async fn visit(
        &self,
        patient: &PatientId,
        encounter: vestibule_host::EncounterId,
    ) -> Result<Act, AuthorizeError> {
        let found = self.inner().host.patients.encounter(patient, &encounter).await?;
        let belongs = found.is_some_and(|found| found.id == encounter);
        Ok(EncounterOf::answered(patient, encounter, belongs).map_or(Act::NoEncounter, Act::EncounterBound))
    }

    /// Everything that the consent page must show; policy is asked before it is shown (principle 8).
    async fn consent_facts(&mut self) -> Result<Result<ConsentFacts, Refusal>, AuthorizeError> {
        let patient = match self.progress.patient().cloned() {
            None => None,
            Some(patient) => match self.bound(patient, Moment::Consent).await? {
                Ok(Act::PatientBound(access)) => Some(access.allowed().clone()),
                Ok(_) => return Ok(Err(Refusal::OutOfOrder)),
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        let encounter = match (self.progress.patient(), self.progress.encounter()) {
            (Some(patient), Some(encounter)) => {
                match self.inner().host.patients.encounter(patient, encounter).await? {
                    Some(found) if found.id == *encounter => Some(found),
                    _ => return Ok(Err(Refusal::EncounterMismatch)), // E10
                }
            }
            _ => None,
        };
        let other_types = self.launch.as_ref().map(LaunchRecord::other_types_in_context).unwrap_or_default();
        let negotiation = self
            .negotiation()?
            .in_context(patient.is_some(), encounter.is_some(), &other_types)
            .within_relationship(patient.as_ref().and_then(|patient| patient.ceiling.as_ref()));
        self.trail.scopes(&negotiation);
        if !negotiation.is_worth_asking() {
            return Ok(Err(Refusal::NothingLeft));
        }
        let offer = Offer::to(&self.client, &negotiation);
        let offer = self.trail.check("SMART-SCOPE-053", "a token can carry the scopes", offer);
        Ok(offer.map(|offer| ConsentFacts { offer, negotiation, patient, encounter }))
    }

    /// The shortcuts of the consent step. None skips a choice of patient: that state lies behind us.
    async fn consent_without_asking(&self, facts: &ConsentFacts) -> Result<Option<Act>, AuthorizeError> {
        // OIDC-003, INT-014: whoever agreed or approved before.
        if self.pending.sign_in.wants_consent() {
            return Ok(None);
        }
        let confidential = self.client.authentication.is_confidential();
        match self.client.consent {
            ConsentRule::PreApproved if confidential && self.user.kind == UserKind::Clinician => {
                Ok(Some(Act::Consented(facts.offer.all(), None)))
            }
            // REDIR-013, INT-014: an address on the user's device identifies nobody, so such an app is asked about each time.
            ConsentRule::Remember if self.redirect.uri().starts_with("https://") || confidential => {
                let asked = self.consent_asked();
                let remembered = self.inner().host.consents.remembered(self.inner().tenant(), &asked).await?;
                // INT-014, DCRM-004: an app that changed since is asked about again.
                let same = |consent: &RememberedConsent| consent.record.client_version == self.client.version;
                Ok(remembered.filter(same).and_then(|consent| {
                    let choice = facts.offer.remembered(&consent.record.granted)?;
                    Some(Act::Consented(choice, Some(consent.id)))
                }))
            }
            _ => Ok(None),
        }
    }

    pub(crate) fn consent_asked(&self) -> ConsentAsked<'_> {
        ConsentAsked {
            user: &self.user.user,
            client: &self.client.id,
            base: &self.pending.base,
            patient: self.progress.patient(),
        }
    }

    /// A token for a form of this step, as the interaction stands.
    pub(crate) fn step_token(&self, step: Step) -> Result<String, AuthorizeError> {
        let keys = self.inner().host.keys.snapshot();
        let sealer = vestibule_jose::seal::Sealer::new(&keys);
        Ok(self.place(&self.who()).token(&sealer, step, self.revision())?)
    }

    pub(crate) fn place<'a>(&'a self, who: &'a Who) -> Place<'a> {
        Place { issuer: self.inner().issuer(), id: &self.id, who, browser: &self.browser }
    }

    pub(crate) fn held(&self) -> Held<'_> {
        Held { id: &self.id, expected: self.revision, pending: &self.pending, browser: &self.browser }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.revision.unwrap_or(Revision(0))
    }

    /// Saves, if anything changed, and shows a step. The one place from which a page is shown.
    async fn ask(
        mut self,
        page: Page,
        step: impl FnOnce(Self) -> AuthorizeStep,
    ) -> Result<Turn, AuthorizeError> {
        let shown = self.pending.sign_in.may_show(page);
        if let Err(refusal) = self.trail.check("OIDC-001", "a page may be shown", shown) {
            return self.answer_refusal(refusal).await;
        }
        if !self.saved {
            let inner = self.inner();
            let row = inner.open_row(&self.held(), &self.progress)?;
            let call = inner.call(self.now)?;
            match held::certain(|| inner.host.grants.advance_interaction(&row, &call)).await? {
                Advanced::Saved(revision) => {
                    self.revision = Some(revision);
                    self.saved = true;
                }
                // Another tab was first: it goes on there (design §4.4).
                Advanced::Stale(_) => return Err(self.stale()),
                Advanced::Gone => return Err(self.stopped(Problem::Expired)),
            }
        }
        if !self.answering || self.answered.is_some() {
            self.explain_page(page);
        }
        let cookies = std::mem::take(&mut self.cookies);
        Ok(Turn { step: step(self), cookies })
    }

    /// Tells that the user sees a page next: once, however often it is looked for.
    pub(super) fn explain_page(&mut self, page: Page) {
        if !std::mem::replace(&mut self.explained, true) {
            let goes_on = Outcome::GoesOn(match page {
                Page::Picker => "picker",
                Page::Consent => "consent",
            });
            self.inner().explain(self.trail.clone(), self.endpoint, goes_on);
        }
    }

    pub(crate) fn stale(&self) -> AuthorizeError {
        self.stopped(Problem::Stale).going_on_at(self.path())
    }

    /// A page of this app's, and what was checked until then.
    pub(super) fn stopped(&self, problem: Problem) -> AuthorizeError {
        AuthorizeError::new(problem).of(&self.client).after(self.trail.clone(), self.endpoint)
    }
}
