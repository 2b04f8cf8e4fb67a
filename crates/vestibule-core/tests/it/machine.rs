//! What can happen to the patient-context machine, as values that can be repeated; and the machine with parts broken.

use vestibule_core::authorize::progress::{Act, EncounterNeed, EncounterOf, Event, Needs, PatientNeed};
use vestibule_core::authorize::{Ask, ConsentChoice, PatientAccess, Progress, Refusal, Who};
use vestibule_host::{
    AllowedPatient, ClientId, ConsentId, EncounterId, Moment, PatientAnswer, PatientId, PatientSummary,
    UnixMillis, UserId,
};

use crate::fixture::{NOW, encounter, offer, patient, who};

/// How a patient policy answers a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Says {
    Yes,
    No,
    /// The record went into this one.
    MergedInto(&'static str),
    /// Yes, until a moment ago.
    Expired,
}

/// Something that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Move {
    SignedIn,
    /// `user` asked about `asked` at `at`, and the policy says this.
    Bind {
        user: &'static str,
        asked: &'static str,
        at: Moment,
        says: Says,
    },
    NoRecord,
    /// The host says that this encounter is this patient's.
    Visit {
        of: &'static str,
        visit: &'static str,
    },
    NoEncounter,
    /// These boxes of the offer were ticked.
    Consent {
        ticked: &'static [&'static str],
        kept: bool,
    },
    Denied,
    Cancelled,
    TimedOut,
}

/// Who does it: user and session.
pub(crate) type Actor = (&'static str, &'static str);

/// Two users, each in two sessions.
pub(crate) const ACTORS: [Actor; 4] = [("alice", "s1"), ("alice", "s2"), ("bob", "s3"), ("bob", "s4")];

/// What the consent page offers in these tests.
pub(crate) const OFFERED: &str =
    "launch launch/patient launch/encounter patient/Observation.rs user/Patient.rs openid";
/// Ways to tick it: patient data, none of it, none at all.
pub(crate) const TICKS: [&[&str]; 3] =
    [&["launch/patient", "patient/Observation.rs"], &["user/Patient.rs", "openid"], &[]];

pub(crate) fn actor(of: Actor) -> Who {
    who(of.0, of.1)
}

pub(crate) fn choice(ticked: &[&str]) -> ConsentChoice {
    // Made once: every step of an exploration ticks boxes of the same offer.
    thread_local!(static OFFER: vestibule_core::authorize::Offer = offer(OFFERED, true));
    OFFER.with(|offer| offer.choose(ticked))
}

impl Says {
    pub(crate) fn answer(self, asked: &str) -> PatientAnswer {
        let summary = |id: &str| PatientSummary::new(patient(id), "A Person");
        match self {
            Self::Yes => PatientAnswer::allowed(summary(asked)),
            Self::No => PatientAnswer::Denied,
            Self::MergedInto(survivor) => PatientAnswer::allowed(summary(survivor)),
            Self::Expired => {
                let until = UnixMillis(NOW.0 - 1);
                PatientAnswer::Allowed(Box::new(AllowedPatient::new(summary(asked)).with_until(until)))
            }
        }
    }

    /// The record that may be opened after this answer, if any.
    pub(crate) fn opens(self, asked: &'static str, at: Moment) -> Option<&'static str> {
        match self {
            Self::Yes => Some(asked),
            Self::MergedInto(survivor) if at == Moment::Launch || survivor == asked => Some(survivor),
            Self::No | Self::MergedInto(_) | Self::Expired => None,
        }
    }
}

/// A question in a user's name. A machine of its own asks it, since only a signed-in user has one.
pub(crate) fn ask(user: &str, asked: &str, at: Moment) -> Ask {
    let free = Needs { launch_user: None, patient: PatientNeed::None, encounter: EncounterNeed::None };
    let event = Event { by: who(user, "elsewhere"), act: Act::SignedIn };
    let progress = Progress::SignIn.apply(event, &free).unwrap();
    progress.ask(&ClientId::new("pub"), patient(asked), at).unwrap()
}

pub(crate) fn witness(user: &str, asked: &str, at: Moment, says: Says) -> Result<PatientAccess, Refusal> {
    ask(user, asked, at).answered(says.answer(asked), NOW)
}

impl Move {
    /// The event; `None` if the types do not let it come to be: a choice of patient without a yes.
    pub(crate) fn event(self, by: Actor) -> Option<Event> {
        let act = match self {
            Self::SignedIn => Act::SignedIn,
            Self::Bind { user, asked, at, says } => Act::PatientBound(witness(user, asked, at, says).ok()?),
            Self::NoRecord => Act::NoRecord,
            Self::Visit { of, visit } => {
                Act::EncounterBound(EncounterOf::answered(&patient(of), encounter(visit), true)?)
            }
            Self::NoEncounter => Act::NoEncounter,
            Self::Consent { ticked, kept } => {
                Act::Consented(choice(ticked), kept.then(|| ConsentId::new("consent-1")))
            }
            Self::Denied => Act::Denied,
            Self::Cancelled => Act::Cancelled,
            Self::TimedOut => Act::TimedOut,
        };
        Some(Event { by: actor(by), act })
    }
}

/// A patient-context machine: ours, or one with a part broken.
pub(crate) trait Machine {
    fn apply(
        &self,
        state: &Progress,
        by: Actor,
        happens: Move,
        needs: &Needs,
    ) -> Option<Result<Progress, Refusal>>;
}

/// [`Progress::apply`].
pub(crate) struct Ours;

impl Machine for Ours {
    fn apply(
        &self,
        state: &Progress,
        by: Actor,
        happens: Move,
        needs: &Needs,
    ) -> Option<Result<Progress, Refusal>> {
        Some(state.apply(happens.event(by)?, needs))
    }
}

/// What is wrong with a machine. Each must be caught, or a harness that is always green proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// Anybody may go on with an interaction.
    OtherUserGoesOn,
    /// E7 is not looked at.
    LaunchUserIgnored,
    /// E6 is not looked at.
    LaunchPatientReplaced,
    /// The witness may be another user's.
    ForeignWitness,
    /// E10 is not looked at.
    EncounterOfAnybody,
    /// E9: the launch's encounter is left out.
    LaunchEncounterSkipped,
    /// Consent comes before the patient.
    ConsentWithoutPatient,
    /// The patient can be chosen again once it is bound.
    PatientChanges,
    /// Nothing ticked is consent.
    EmptyConsent,
    /// What was decided is decided again.
    DecidedReopens,
    /// Time does not end.
    TimeIgnored,
}

impl Broken {
    pub(crate) const ALL: [Self; 11] = [
        Self::OtherUserGoesOn,
        Self::LaunchUserIgnored,
        Self::LaunchPatientReplaced,
        Self::ForeignWitness,
        Self::EncounterOfAnybody,
        Self::LaunchEncounterSkipped,
        Self::ConsentWithoutPatient,
        Self::PatientChanges,
        Self::EmptyConsent,
        Self::DecidedReopens,
        Self::TimeIgnored,
    ];

    /// What the broken machine does differently, if it does.
    fn instead(
        self,
        state: &Progress,
        by: Actor,
        happens: Move,
        needs: &Needs,
    ) -> Option<Result<Progress, Refusal>> {
        let consent = |patient: &PatientId, visit: Option<&str>| {
            let encounter = visit.map(EncounterId::new);
            Ok(Progress::Consent { who: actor(by), patient: Some(patient.clone()), encounter })
        };
        let decided = |patient: Option<PatientId>, ticked: &[&str]| {
            let scopes = choice(ticked).granted().clone();
            Ok(Progress::Decided { who: actor(by), patient, encounter: None, scopes, consent: None })
        };
        match (self, state, happens) {
            (Self::OtherUserGoesOn, _, _) => {
                let rightful = state.who()?;
                let by = *ACTORS.iter().find(|one| actor(**one) == *rightful)?;
                Ours.apply(state, by, happens, needs)
            }
            (Self::LaunchUserIgnored, Progress::SignIn, Move::SignedIn) => {
                Ours.apply(state, by, happens, &Needs { launch_user: None, ..needs.clone() })
            }
            (Self::LaunchPatientReplaced, Progress::Patient { .. }, Move::Bind { .. }) => {
                Ours.apply(state, by, happens, &Needs { patient: PatientNeed::Choose, ..needs.clone() })
            }
            (Self::ForeignWitness, Progress::Patient { who }, Move::Bind { user, asked, at, says })
                if UserId::new(user) != who.user && *who == actor(by) =>
            {
                Ours.apply(state, by, Move::Bind { user: by.0, asked, at, says }, needs)
            }
            (Self::EncounterOfAnybody, Progress::Encounter { patient, who }, Move::Visit { visit, .. })
                if *who == actor(by) =>
            {
                Some(consent(patient, Some(visit)))
            }
            (Self::LaunchEncounterSkipped, Progress::Encounter { patient, who }, Move::NoEncounter)
                if *who == actor(by) =>
            {
                Some(consent(patient, None))
            }
            (Self::ConsentWithoutPatient, Progress::Patient { who }, Move::Consent { ticked, .. })
                if *who == actor(by) && !ticked.is_empty() =>
            {
                Some(decided(None, ticked))
            }
            (
                Self::PatientChanges,
                Progress::Consent { who, patient: Some(_), .. },
                Move::Bind { user, asked, at, says },
            ) if *who == actor(by) && user == by.0 => {
                says.opens(asked, at).map(|opened| consent(&patient(opened), None))
            }
            (
                Self::EmptyConsent,
                Progress::Consent { who, patient, .. },
                Move::Consent { ticked: &[], .. },
            ) if *who == actor(by) => Some(decided(patient.clone(), &[])),
            (Self::DecidedReopens, Progress::Decided { who, patient, .. }, Move::Consent { ticked, .. })
                if *who == actor(by) && !ticked.is_empty() =>
            {
                Some(decided(patient.clone(), ticked))
            }
            (Self::TimeIgnored, _, Move::TimedOut) => Some(Ok(state.clone())),
            _ => None,
        }
    }
}

impl Machine for Broken {
    fn apply(
        &self,
        state: &Progress,
        by: Actor,
        happens: Move,
        needs: &Needs,
    ) -> Option<Result<Progress, Refusal>> {
        happens.event(by)?;
        self.instead(state, by, happens, needs).or_else(|| Ours.apply(state, by, happens, needs))
    }
}
