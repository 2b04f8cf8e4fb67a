//! Step 5: the patient-context machine, one pure function: [`Progress::apply`].
//!
//! It implements the table of smart.md 4.5. States carry what has been proven so far; an event carries who sent it, and a
//! choice of patient carries its witness, so that a table row cannot be skipped by forgetting a check.
//!
//! ```text
//!  SignIn ──SignedIn──► Patient ──PatientBound──► Encounter ──EncounterBound──► Consent ──Consented──► Decided
//!     │                 (needs.patient)           (needs.encounter)  NoEncounter
//!     └── a state whose need is `None` is passed over; every refusal that ends the interaction is final
//! ```
//!
//! | row | situation | where it is decided here |
//! |---|---|---|
//! | E1 | launch patient, allowed | `Needs::patient = Launch`; only its witness moves on; no picker |
//! | E2 | launch patient, denied | no witness: [`Refusal::PatientDenied`] |
//! | E3 | no launch patient, `patient/` scopes | [`Needs::of_launch`]: `Choose` |
//! | E4, E5 | no launch patient, only `user/` scopes or the hint | [`Needs::of_launch`]: `None`; the hint is dropped in context |
//! | E6 | launch patient, another is tried | [`Refusal::OtherPatient`] |
//! | E7 | another user than the launch's | [`Refusal::LaunchUser`] |
//! | E8 | launch of another app or base, expired, spent | before sign-in: [`LaunchRecord::accept`](super::launch::LaunchRecord::accept) |
//! | E9 | launch encounter | `Needs::encounter = Launch`; only that encounter moves on |
//! | E10 | launch encounter of another patient | refused when the launch is made; later: [`Refusal::EncounterMismatch`] |
//! | E11 | launch without scope `launch` | [`Needs::of_launch`] takes only what was asked for |
//! | E12 | launch patient merged | the witness names the surviving record |
//! | S1 | nobody to choose from | [`Act::NoRecord`] → [`Refusal::NoRecord`] |
//! | S2, S3, S4 | one, several, a search | `Choose`; the shell sends the witness, or shows a picker |
//! | S5 | cancelled, timed out | [`Act::Cancelled`], [`Act::TimedOut`] |
//! | S6 | `patient/` scope without `launch/patient` | [`Needs::standalone`]: `Choose` |
//! | S7 | only `user/` scopes | [`Needs::standalone`]: `None` |
//! | S8 | `launch/encounter` | `Choose` for patient, then encounter; [`Act::NoEncounter`] goes on without |
//! | S9 | `launch/patient` with `user/` scopes | [`Needs::standalone`]: `Choose` |
//! | S10 | consent keeps or drops `launch/patient` | [`issue`](super::issue): the patient is shared only if something granted names it |
//! | S11 | access lost before issue | [`Progress::reask`] |
//! | S12 | restricted record | the host's answer to the witness's question |
//! | S13 | consent remembered | [`Offer::remembered`](super::Offer::remembered); no choice of patient is ever skipped by it |

use serde::{Deserialize, Serialize};
use vestibule_host::{ClientId, ConsentId, EncounterId, LaunchContext, Moment, PatientId, SessionId, UserId};
use vestibule_scope::ScopeSet;

use super::consent::ConsentChoice;
use super::negotiate::Negotiation;
use super::patient::{Ask, PatientAccess};
use super::refusal::Refusal;
use crate::grant::{Reask, is_worth_a_grant};

/// A signed-in user in one session. Nobody else moves an interaction that they began (INT-002).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Who {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
}

/// Whether a patient must be fixed, and which.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum PatientNeed {
    /// No patient.
    None,
    /// The one that is open in the EHR.
    Launch(PatientId),
    /// One that the user may choose.
    Choose,
}

/// Whether an encounter is wanted, and which.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum EncounterNeed {
    /// No encounter.
    None,
    /// The one that is open in the EHR.
    Launch(EncounterId),
    /// One of the patient's that the user may choose.
    Choose,
}

/// What an interaction must settle; computed anew from request and launch, never stored.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Needs {
    /// In an EHR launch: the only user who may go on.
    pub launch_user: Option<UserId>,
    /// The patient.
    pub patient: PatientNeed,
    /// The encounter.
    pub encounter: EncounterNeed,
}

impl Needs {
    /// A standalone launch (S6 to S9).
    pub fn standalone(negotiation: &Negotiation) -> Self {
        let encounter = negotiation.wants_context(|context| context.is_launch_encounter());
        let patient = encounter
            || negotiation.wants_patient_data()
            || negotiation.wants_context(|context| context.is_launch_patient());
        Self {
            launch_user: None,
            patient: if patient { PatientNeed::Choose } else { PatientNeed::None },
            encounter: if encounter { EncounterNeed::Choose } else { EncounterNeed::None },
        }
    }

    /// An EHR launch (E1, E3 to E5, E9, E11).
    pub fn of_launch(negotiation: &Negotiation, user: UserId, context: &LaunchContext) -> Self {
        let bare =
            negotiation.wants_context(|context| matches!(context, vestibule_scope::ContextScope::Launch));
        let asks_patient = negotiation.wants_context(|context| context.is_launch_patient());
        let asks_encounter = negotiation.wants_context(|context| context.is_launch_encounter());
        let patient_data = negotiation.wants_patient_data();
        let encounter = context.encounter.as_ref().filter(|_| bare || asks_encounter);
        let patient = match &context.patient {
            // E11: without bare `launch` the context is used as far as it was asked for.
            Some(patient) if bare || asks_patient || patient_data || encounter.is_some() => {
                PatientNeed::Launch(patient.clone())
            }
            None if patient_data => PatientNeed::Choose,
            _ => PatientNeed::None,
        };
        let encounter = encounter.map_or(EncounterNeed::None, |id| EncounterNeed::Launch(id.clone()));
        Self { launch_user: Some(user), patient, encounter }
    }
}

/// Where an interaction stands. What follows is a function of what has been proven.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Nobody has signed in.
    SignIn,
    /// A patient must be bound.
    Patient {
        /// Who signed in.
        who: Who,
    },
    /// The patient is bound; an encounter is wanted.
    Encounter {
        /// Who signed in.
        who: Who,
        /// Whose record.
        patient: PatientId,
    },
    /// Context is settled; consent is wanted.
    Consent {
        /// Who signed in.
        who: Who,
        /// Whose record.
        patient: Option<PatientId>,
        /// Which visit.
        encounter: Option<EncounterId>,
    },
    /// Everything is settled; a code may be issued after policy and consent were asked again.
    Decided {
        /// Who signed in.
        who: Who,
        /// Whose record.
        patient: Option<PatientId>,
        /// Which visit.
        encounter: Option<EncounterId>,
        /// What was agreed to.
        scopes: ScopeSet,
        /// The recorded answer; `None` for a pre-approved app.
        consent: Option<ConsentId>,
    },
}

/// The proof that an encounter is a patient's.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EncounterOf {
    patient: PatientId,
    encounter: EncounterId,
}

impl EncounterOf {
    /// Turns the host's answer to "is this encounter this patient's?" into a proof; `None` for a no.
    pub fn answered(patient: &PatientId, encounter: EncounterId, belongs: bool) -> Option<Self> {
        belongs.then(|| Self { patient: patient.clone(), encounter })
    }
}

/// Something that happened, and who did it.
#[derive(Debug)]
pub struct Event {
    /// Who.
    pub by: Who,
    /// What.
    pub act: Act,
}

/// Something that happened.
#[derive(Debug)]
pub enum Act {
    /// The host says who is signed in.
    SignedIn,
    /// A patient was chosen, by a user or because there is one only, and the policy said yes.
    PatientBound(PatientAccess),
    /// The policy lists nobody.
    NoRecord,
    /// An encounter was chosen, by a user or by the launch.
    EncounterBound(EncounterOf),
    /// There is no encounter, or the user goes on without.
    NoEncounter,
    /// The user agreed, now or earlier.
    Consented(ConsentChoice, Option<ConsentId>),
    /// The user said no.
    Denied,
    /// The user gave up.
    Cancelled,
    /// The interaction's time is over.
    TimedOut,
}

impl Progress {
    /// The machine. Judges one event against the present state and what the interaction needs.
    ///
    /// # Errors
    /// A [`Refusal`]; the present state then stays as it is.
    pub fn apply(&self, event: Event, needs: &Needs) -> Result<Self, Refusal> {
        let Event { by, act } = event;
        if matches!(act, Act::TimedOut) {
            return Err(Refusal::TimedOut);
        }
        if self.who().is_some_and(|who| *who != by) {
            return Err(Refusal::OtherUser);
        }
        match (self, act) {
            (Self::SignIn, Act::SignedIn)
                if needs.launch_user.as_ref().is_some_and(|user| *user != by.user) =>
            {
                Err(Refusal::LaunchUser) // E7
            }
            (Self::SignIn, Act::SignedIn) if needs.patient == PatientNeed::None => {
                Ok(Self::Consent { who: by, patient: None, encounter: None }) // E4, E5, S7
            }
            (Self::SignIn, Act::SignedIn) => Ok(Self::Patient { who: by }),
            (Self::Patient { who }, Act::PatientBound(access)) => {
                if *access.user() != who.user {
                    return Err(Refusal::OtherUser);
                }
                if matches!(&needs.patient, PatientNeed::Launch(open) if open != access.asked()) {
                    return Err(Refusal::OtherPatient); // E6
                }
                let (who, patient) = (by, access.patient().clone());
                Ok(match needs.encounter {
                    EncounterNeed::None => Self::Consent { who, patient: Some(patient), encounter: None },
                    EncounterNeed::Launch(_) | EncounterNeed::Choose => Self::Encounter { who, patient },
                })
            }
            (Self::Patient { .. }, Act::NoRecord) => match needs.patient {
                PatientNeed::Launch(_) => Err(Refusal::PatientDenied), // E2
                PatientNeed::Choose | PatientNeed::None => Err(Refusal::NoRecord), // S1
            },
            (Self::Encounter { patient, .. }, Act::EncounterBound(found)) => {
                if found.patient != *patient {
                    return Err(Refusal::EncounterMismatch); // E10
                }
                match &needs.encounter {
                    EncounterNeed::Launch(open) if *open != found.encounter => {
                        Err(Refusal::EncounterMismatch)
                    }
                    _ => Ok(Self::Consent {
                        who: by,
                        patient: Some(found.patient),
                        encounter: Some(found.encounter),
                    }),
                }
            }
            (Self::Encounter { patient, .. }, Act::NoEncounter) => match needs.encounter {
                EncounterNeed::Launch(_) => Err(Refusal::EncounterMismatch), // E10
                EncounterNeed::Choose | EncounterNeed::None => {
                    Ok(Self::Consent { who: by, patient: Some(patient.clone()), encounter: None }) // S8
                }
            },
            (Self::Consent { patient, encounter, .. }, Act::Consented(choice, consent)) => {
                let scopes = choice.into_granted();
                if !is_worth_a_grant(&scopes) {
                    return Err(Refusal::UserSaidNo);
                }
                // SMART-CTX-060: patient data is never granted without a patient.
                if patient.is_none() && scopes.iter().any(vestibule_scope::Scope::is_patient_level) {
                    return Err(Refusal::OutOfOrder);
                }
                Ok(Self::Decided {
                    who: by,
                    patient: patient.clone(),
                    encounter: encounter.clone(),
                    scopes,
                    consent,
                })
            }
            (Self::Patient { .. } | Self::Encounter { .. }, Act::Cancelled)
            | (Self::Consent { .. }, Act::Denied | Act::Cancelled) => Err(Refusal::UserSaidNo), // S5
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// Who signed in.
    pub const fn who(&self) -> Option<&Who> {
        match self {
            Self::SignIn => None,
            Self::Patient { who }
            | Self::Encounter { who, .. }
            | Self::Consent { who, .. }
            | Self::Decided { who, .. } => Some(who),
        }
    }

    /// The patient that is bound.
    pub const fn patient(&self) -> Option<&PatientId> {
        match self {
            Self::SignIn | Self::Patient { .. } => None,
            Self::Encounter { patient, .. } => Some(patient),
            Self::Consent { patient, .. } | Self::Decided { patient, .. } => patient.as_ref(),
        }
    }

    /// The encounter that is bound.
    pub const fn encounter(&self) -> Option<&EncounterId> {
        match self {
            Self::SignIn | Self::Patient { .. } | Self::Encounter { .. } => None,
            Self::Consent { encounter, .. } | Self::Decided { encounter, .. } => encounter.as_ref(),
        }
    }

    /// A question about a candidate, in the name of whoever signed in.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] before sign-in; [`Refusal::OtherPatient`] for anybody but the bound patient, once there is one.
    pub fn ask(&self, client: &ClientId, candidate: PatientId, moment: Moment) -> Result<Ask, Refusal> {
        let who = self.who().ok_or(Refusal::OutOfOrder)?;
        if self.patient().is_some_and(|patient| *patient != candidate) {
            return Err(Refusal::OtherPatient);
        }
        Ok(Ask::new(who.user.clone(), client.clone(), candidate, moment))
    }

    /// What must be asked again before a code is issued (S11, principle 8).
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] unless everything is decided: a code without consent cannot be made (CODE-011, A-TYPE-02).
    pub fn reask(&self, client: &ClientId) -> Result<Reask, Refusal> {
        let Self::Decided { who, patient, consent, .. } = self else { return Err(Refusal::OutOfOrder) };
        // Whoever decides is there, whatever the grant will outlive.
        let session = Some(who.session.clone());
        Ok(Reask::new(who.clone(), session, client.clone(), patient.clone(), consent.clone(), Moment::Issue))
    }
}
