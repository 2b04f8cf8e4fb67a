//! The patient-context machine beside a slow and obvious model, under random sequences of events.
//!
//! The model is written from the table of smart.md 4.5: a plain struct with flags, each sentence of the table an `if`. It
//! knows neither the states nor the needs of the machine; those are computed from the same request and launch.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRng, TestRunner};
use vestibule_core::authorize::progress::Needs;
use vestibule_core::authorize::{Negotiation, Progress, Refusal};
use vestibule_host::{LaunchContext, Moment, UserId};

use crate::fixture::{encounter, negotiation, patient};
use crate::machine::{ACTORS, Actor, Broken, Machine, Move, Ours, Says, TICKS, actor};

/// What the app asked for and what is open in the EHR.
#[derive(Clone, Copy, Debug)]
struct Situation {
    /// In an EHR launch: alice launched it, with this patient and this encounter open.
    ehr: Option<(Option<&'static str>, Option<&'static str>)>,
    asks_launch: bool,
    asks_launch_patient: bool,
    asks_launch_encounter: bool,
    asks_patient_data: bool,
}

impl Situation {
    fn scopes(&self) -> String {
        let mut scopes = vec!["user/Patient.rs", "openid"];
        let mut ask = |asked: bool, scope| scopes.extend(asked.then_some(scope));
        ask(self.asks_launch, "launch");
        ask(self.asks_launch_patient, "launch/patient");
        ask(self.asks_launch_encounter, "launch/encounter");
        ask(self.asks_patient_data, "patient/Observation.rs");
        scopes.join(" ")
    }

    fn negotiation(&self) -> Negotiation {
        negotiation(&self.scopes(), self.ehr.is_some())
    }

    fn needs(&self) -> Needs {
        let negotiation = self.negotiation();
        let Some((open_patient, open_encounter)) = self.ehr else { return Needs::standalone(&negotiation) };
        let mut context = LaunchContext::new();
        if let Some(id) = open_patient {
            context = context.with_patient(patient(id));
        }
        if let Some(id) = open_encounter {
            context = context.with_encounter(encounter(id));
        }
        Needs::of_launch(&negotiation, UserId::new("alice"), &context)
    }
}

/// What the model answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    /// The interaction went on.
    Moved,
    /// Nothing changed, and the app is told nothing.
    Stays,
    /// It is over, and the app is told this.
    Ends(&'static str),
    /// It is over, and a page says so.
    Page,
}

/// The table, as a person would act on it.
struct Model {
    situation: Situation,
    who: Option<Actor>,
    patient: Option<&'static str>,
    encounter: Option<&'static str>,
    encounter_is_settled: bool,
    agreed: Option<&'static [&'static str]>,
}

impl Model {
    const fn new(situation: Situation) -> Self {
        Self {
            situation,
            who: None,
            patient: None,
            encounter: None,
            encounter_is_settled: false,
            agreed: None,
        }
    }

    /// The patient that is open in the EHR, if the request gives a reason to use it.
    fn open_patient(&self) -> Option<&'static str> {
        let it = &self.situation;
        let asks_for_context = it.asks_launch || it.asks_launch_patient; // E1, E11
        let asks = asks_for_context || it.asks_patient_data || self.open_encounter().is_some(); // E9: it is a patient's
        it.ehr.and_then(|(patient, _)| patient).filter(|_| asks)
    }

    /// E9, E11
    fn open_encounter(&self) -> Option<&'static str> {
        let it = &self.situation;
        let asks = it.asks_launch || it.asks_launch_encounter;
        it.ehr.and_then(|(_, encounter)| encounter).filter(|_| asks)
    }

    fn needs_patient(&self) -> bool {
        let it = &self.situation;
        match it.ehr {
            // S6, S7, S8, S9
            None => it.asks_patient_data || it.asks_launch_patient || it.asks_launch_encounter,
            // E3; E4 and E5 otherwise
            Some((None, _)) => it.asks_patient_data,
            Some((Some(_), _)) => self.open_patient().is_some(),
        }
    }

    fn needs_encounter(&self) -> bool {
        match self.situation.ehr {
            None => self.situation.asks_launch_encounter, // S8
            Some(_) => self.open_encounter().is_some(),
        }
    }

    fn patient_is_settled(&self) -> bool {
        self.who.is_some() && (self.patient.is_some() || !self.needs_patient())
    }

    fn is_asking_patient(&self) -> bool {
        self.who.is_some() && self.needs_patient() && self.patient.is_none()
    }

    fn is_asking_encounter(&self) -> bool {
        self.patient.is_some() && self.needs_encounter() && !self.encounter_is_settled
    }

    fn is_asking_consent(&self) -> bool {
        self.patient_is_settled() && !self.is_asking_encounter() && self.agreed.is_none()
    }

    fn hear(&mut self, by: Actor, happens: Move) -> Answer {
        if happens == Move::TimedOut {
            return Answer::Page; // S5, AUTHZ-010
        }
        if self.who.is_some_and(|who| who != by) {
            return Answer::Stays; // INT-002
        }
        match happens {
            Move::SignedIn => {
                if self.who.is_some() {
                    return Answer::Stays;
                }
                if self.situation.ehr.is_some() && by.0 != "alice" {
                    return Answer::Ends("access_denied"); // E7
                }
                self.who = Some(by);
                Answer::Moved
            }
            Move::Bind { user, asked, at, says } => {
                if !self.is_asking_patient() || user != by.0 {
                    return Answer::Stays;
                }
                if self.open_patient().is_some_and(|open| open != asked) {
                    return Answer::Stays; // E6
                }
                self.patient = says.opens(asked, at); // E1, E12, S2, S3, S4
                Answer::Moved
            }
            Move::NoRecord if self.is_asking_patient() => Answer::Ends("access_denied"), // E2, S1
            Move::Visit { of, visit } if self.is_asking_encounter() => {
                let open = self.open_encounter();
                if self.patient != Some(of) || open.is_some_and(|open| open != visit) {
                    return Answer::Ends("server_error"); // E10
                }
                self.encounter = Some(visit); // E9, S8
                self.encounter_is_settled = true;
                Answer::Moved
            }
            Move::NoEncounter if self.is_asking_encounter() => {
                if self.open_encounter().is_some() {
                    return Answer::Ends("server_error"); // E10
                }
                self.encounter_is_settled = true; // S8
                Answer::Moved
            }
            Move::Consent { ticked, .. } if self.is_asking_consent() => {
                if ticked.is_empty() {
                    return Answer::Ends("access_denied"); // SMART-SCOPE-112
                }
                if self.patient.is_none() && ticked.iter().any(|scope| scope.starts_with("patient/")) {
                    return Answer::Stays; // SMART-CTX-060
                }
                self.agreed = Some(ticked);
                Answer::Moved
            }
            Move::Denied if self.is_asking_consent() => Answer::Ends("access_denied"), // SMART-AUTHZ-067
            Move::Cancelled if self.who.is_some() && self.agreed.is_none() => Answer::Ends("access_denied"), // S5
            _ => Answer::Stays,
        }
    }

    /// Whether the machine stands where the model stands.
    fn agrees(&self, state: &Progress) -> Result<(), String> {
        let same = state.who().cloned() == self.who.map(actor)
            && state.patient().cloned() == self.patient.map(patient)
            && state.encounter().cloned() == self.encounter.map(encounter)
            && matches!(state, Progress::Patient { .. }) == self.is_asking_patient()
            && matches!(state, Progress::Encounter { .. }) == self.is_asking_encounter()
            && matches!(state, Progress::Consent { .. }) == self.is_asking_consent();
        let scopes = match state {
            Progress::Decided { scopes, .. } => {
                Some(scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>())
            }
            _ => None,
        };
        let same_scopes = match (&scopes, self.agreed) {
            (None, None) => true,
            (Some(scopes), Some(ticked)) => {
                scopes.len() == ticked.len() && ticked.iter().all(|one| scopes.contains(one))
            }
            _ => false,
        };
        if same && same_scopes { Ok(()) } else { Err(format!("the machine stands at {state:?}")) }
    }
}

/// Machine and model hear the same events; the first difference is told.
fn differ(machine: &dyn Machine, situation: Situation, events: &[(Actor, Move)]) -> Result<usize, String> {
    let needs = situation.needs();
    let (mut state, mut model, mut moved) = (Progress::SignIn, Model::new(situation), 0);
    for (by, happens) in events {
        // What the types do not let happen happens to neither.
        let Some(outcome) = machine.apply(&state, *by, *happens, &needs) else { continue };
        let expected = model.hear(*by, *happens);
        let got = match &outcome {
            Ok(_) => Answer::Moved,
            Err(Refusal::TimedOut) => Answer::Page,
            Err(refusal) => refusal.for_app().map_or(Answer::Stays, |told| Answer::Ends(told.code.as_str())),
        };
        if got != expected {
            return Err(format!("{by:?} {happens:?} at {state:?}: {got:?}, the table says {expected:?}"));
        }
        if let Ok(after) = outcome {
            state = after;
            moved += 1;
        }
        model.agrees(&state).map_err(|where_| format!("after {by:?} {happens:?}: {where_}"))?;
    }
    Ok(moved)
}

fn situations() -> impl Strategy<Value = Situation> {
    // E10: a launch with an encounter and no patient, or another patient's, is refused when it is made.
    let open = select(vec![
        None,
        Some((None, None)),
        Some((Some("P1"), None)),
        Some((Some("P1"), Some("E1"))),
        Some((Some("P2"), Some("E2"))),
        // A visit that was moved to another patient since: found later.
        Some((Some("P2"), Some("E1"))),
    ]);
    (open, any::<[bool; 4]>()).prop_map(|(ehr, [launch, patient, visit, data])| Situation {
        ehr,
        // Without a launch, bare `launch` is refused before the machine is reached.
        asks_launch: launch && ehr.is_some(),
        asks_launch_patient: patient,
        asks_launch_encounter: visit,
        asks_patient_data: data,
    })
}

fn events() -> impl Strategy<Value = Vec<(Actor, Move)>> {
    let says = select(vec![Says::Yes, Says::Yes, Says::MergedInto("P2"), Says::No, Says::Expired]);
    let bind = (
        prop_oneof![4 => Just("alice"), 1 => Just("bob")],
        select(vec!["P1", "P2"]),
        select(vec![Moment::Launch, Moment::Pick]),
        says,
    );
    let visits = select(vec![("P1", "E1"), ("P2", "E2"), ("P1", "E3")]);
    let happens = prop_oneof![
        6 => Just(Move::SignedIn),
        8 => bind.prop_map(|(user, asked, at, says)| Move::Bind { user, asked, at, says }),
        1 => Just(Move::NoRecord),
        5 => visits.prop_map(|(of, visit)| Move::Visit { of, visit }),
        2 => Just(Move::NoEncounter),
        6 => (select(TICKS.to_vec()), any::<bool>()).prop_map(|(ticked, kept)| Move::Consent { ticked, kept }),
        1 => Just(Move::Denied),
        1 => Just(Move::Cancelled),
        1 => Just(Move::TimedOut),
    ];
    let by = prop_oneof![8 => Just(ACTORS[0]), 1 => Just(ACTORS[1]), 2 => Just(ACTORS[2])];
    vec((by, happens), 1..24)
}

proptest! {
    #![proptest_config(Config { cases: 4096, ..Config::default() })]

    /// SMART-CTX-060, SMART-CTX-061, INT-002, INT-007, INT-009, SMART-AUTHZ-062
    #[test]
    fn machine_and_model_agree(situation in situations(), events in events()) {
        if let Err(difference) = differ(&Ours, situation, &events) {
            prop_assert!(false, "{}", difference);
        }
    }
}

/// The comparison sees whole interactions, not only first steps.
#[test]
fn random_sequences_reach_decisions() {
    let mut runner = deterministic(2048);
    let longest = std::cell::Cell::new((0, 0));
    runner
        .run(&(situations(), events()), |(situation, events)| {
            let moved = differ(&Ours, situation, &events).map_err(TestCaseError::fail)?;
            let (most, whole) = longest.get();
            longest.set((most.max(moved), whole + usize::from(moved >= 3)));
            Ok(())
        })
        .unwrap();
    let (most, whole) = longest.get();
    assert_eq!(most, 4, "sign-in, patient, encounter, consent");
    assert!(whole > 100, "{whole}");
}

/// Negative control of the harness: each broken machine differs from the model somewhere.
#[test]
fn every_broken_machine_differs_from_the_model() {
    for broken in Broken::ALL {
        let result = deterministic(16_384).run(&(situations(), events()), |(situation, events)| {
            differ(&broken, situation, &events).map(drop).map_err(TestCaseError::fail)
        });
        assert!(result.is_err(), "{broken:?} was not caught");
    }
}

/// The same cases in every run, and no file for what is expected to fail.
fn deterministic(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    TestRunner::new_with_rng(config, rng)
}
