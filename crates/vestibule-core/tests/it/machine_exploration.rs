//! The whole state space of the patient-context machine: every reachable state, every event, every need.
//!
//! After each step the promises of the machine are checked. They are written down here from the design, not from the
//! machine; and machines with one part broken must break them.

use std::collections::HashSet;

use vestibule_core::authorize::progress::{EncounterNeed, Needs, PatientNeed};
use vestibule_core::authorize::{Progress, Refusal};
use vestibule_host::{ClientId, Moment, UserId};
use vestibule_scope::{Scope, ScopeSet};

use crate::fixture::{Issue, agreed, decided, encounter, patient};
use crate::machine::{ACTORS, Actor, Broken, Machine, Move, OFFERED, Ours, Says, TICKS, actor, witness};

/// How far an exploration goes. The space ends earlier; that too is checked.
const DEPTH: usize = 8;

/// A world: what must be settled, and what the policy says.
struct World {
    needs: Needs,
    policy: Policy,
}

/// By user and patient: alice P1, alice P2, bob P1, bob P2.
type Policy = [Says; 4];

/// Every pair of answers that alice may get, beside a bob who may see everything; and two in which bob may see nothing.
fn policies() -> impl Iterator<Item = Policy> {
    let answers = |other| [Says::Yes, Says::No, Says::MergedInto(other), Says::Expired];
    let to_alice = answers("P2").into_iter().flat_map(move |p1| answers("P9").map(|p2| (p1, p2)));
    let both = to_alice.map(|(p1, p2)| [p1, p2, Says::Yes, Says::Yes]);
    both.chain([CLOSED, [Says::Yes, Says::Yes, Says::No, Says::No]])
}

/// Everybody may see everything; nobody may see anything.
const OPEN: Policy = [Says::Yes; 4];
const CLOSED: Policy = [Says::No, Says::Expired, Says::No, Says::No];

fn says(policy: &Policy, user: &str, asked: &str) -> Says {
    policy[usize::from(user == "bob") * 2 + usize::from(asked == "P2")]
}

/// The truth about visits, which the host tells: E1 and E3 are P1's, E2 is P2's.
const VISITS: [(&str, &str); 3] = [("P1", "E1"), ("P2", "E2"), ("P1", "E3")];

fn needs() -> Vec<Needs> {
    let mut all = Vec::new();
    for launch_user in [None, Some(UserId::new("alice"))] {
        for of in [
            PatientNeed::None,
            PatientNeed::Launch(patient("P1")),
            PatientNeed::Launch(patient("P2")),
            PatientNeed::Choose,
        ] {
            for visit in [
                EncounterNeed::None,
                EncounterNeed::Launch(encounter("E1")),
                EncounterNeed::Launch(encounter("E2")),
                EncounterNeed::Choose,
            ] {
                all.push(Needs { launch_user: launch_user.clone(), patient: of.clone(), encounter: visit });
            }
        }
    }
    all
}

fn moves(policy: &Policy) -> Vec<Move> {
    let mut all = vec![
        Move::SignedIn,
        Move::NoRecord,
        Move::NoEncounter,
        Move::Denied,
        Move::Cancelled,
        Move::TimedOut,
    ];
    for user in ["alice", "bob"] {
        for asked in ["P1", "P2"] {
            for at in [Moment::Pick, Moment::Launch] {
                all.push(Move::Bind { user, asked, at, says: says(policy, user, asked) });
            }
        }
    }
    all.extend(VISITS.map(|(of, visit)| Move::Visit { of, visit }));
    for ticked in TICKS {
        all.extend([true, false].map(|kept| Move::Consent { ticked, kept }));
    }
    all
}

/// What an exploration saw.
#[derive(Default)]
struct Seen {
    pairs: usize,
    states: usize,
    decided: usize,
    depth: usize,
}

fn explore(machine: &dyn Machine, world: &World) -> Result<Seen, String> {
    let moves = moves(&world.policy);
    let key = |state: &Progress| serde_json::to_string(state).unwrap();
    let mut known = HashSet::from([key(&Progress::SignIn)]);
    let mut seen = Seen::default();
    let mut edge = vec![Progress::SignIn];
    while !edge.is_empty() && seen.depth < DEPTH {
        let mut next = Vec::new();
        for state in &edge {
            seen.states += 1;
            seen.decided += usize::from(matches!(state, Progress::Decided { .. }));
            for by in ACTORS {
                for happens in &moves {
                    let Some(outcome) = machine.apply(state, by, *happens, &world.needs) else { continue };
                    seen.pairs += 1;
                    judge(world, state, by, *happens, &outcome)
                        .map_err(|broken| format!("{broken}: {state:?} {by:?} {happens:?} {outcome:?}"))?;
                    if let Ok(after) = outcome
                        && known.insert(key(&after))
                    {
                        next.push(after);
                    }
                }
            }
        }
        edge = next;
        seen.depth += 1;
    }
    if edge.is_empty() { Ok(seen) } else { Err(format!("the space does not end at depth {DEPTH}")) }
}

fn ensure(holds: bool, promise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(promise) }
}

/// The promises about one step.
fn judge(
    world: &World,
    before: &Progress,
    by: Actor,
    happens: Move,
    outcome: &Result<Progress, Refusal>,
) -> Result<(), &'static str> {
    let stranger = before.who().is_some_and(|who| *who != actor(by));
    if happens == Move::TimedOut {
        return ensure(*outcome == Err(Refusal::TimedOut), "the end of time ends everything");
    }
    if stranger {
        return ensure(*outcome == Err(Refusal::OtherUser), "nobody else moves an interaction");
    }
    let Ok(after) = outcome else { return Ok(()) };
    ensure(after.who() == Some(&actor(by)), "who acts is who is recorded")?;
    ensure(rank(after) > rank(before), "every move goes forward")?;
    ensure(!matches!(happens, Move::Denied | Move::Cancelled | Move::NoRecord), "a no leads nowhere")?;
    if before.patient().is_some() {
        ensure(after.patient() == before.patient(), "a bound patient never changes")?;
    }
    if before.encounter().is_some() {
        ensure(after.encounter() == before.encounter(), "a bound encounter never changes")?;
    }
    if before.patient() != after.patient() {
        let Move::Bind { user, asked, at, says } = happens else {
            return Err("a patient comes from a witness");
        };
        ensure(user == by.0, "the witness is this user's")?;
        ensure(
            says.opens(asked, at).map(patient).as_ref() == after.patient(),
            "the policy said yes to this patient",
        )?;
        if let PatientNeed::Launch(open) = &world.needs.patient {
            ensure(*open == patient(asked), "the launch's patient cannot be replaced")?;
        }
    }
    if before.encounter() != after.encounter() {
        ensure(matches!(happens, Move::Visit { .. }), "an encounter comes from the host's yes")?;
    }
    stands(world, after)?;
    if matches!(after, Progress::Decided { .. }) {
        let Move::Consent { ticked, .. } = happens else { return Err("a decision comes from consent") };
        ensure(matches!(before, Progress::Consent { .. }), "consent is asked last")?;
        let Progress::Decided { scopes, .. } = after else { return Ok(()) };
        ensure(
            scopes.iter().all(|scope| ticked.contains(&scope.as_str())),
            "what was ticked is granted, no more",
        )?;
    }
    Ok(())
}

const fn rank(state: &Progress) -> u8 {
    match state {
        Progress::SignIn => 0,
        Progress::Patient { .. } => 1,
        Progress::Encounter { .. } => 2,
        Progress::Consent { .. } => 3,
        Progress::Decided { .. } => 4,
    }
}

/// The promises about a state.
fn stands(world: &World, state: &Progress) -> Result<(), &'static str> {
    let (needs, policy) = (&world.needs, &world.policy);
    let Some(who) = state.who() else { return Ok(()) };
    if let Some(user) = &needs.launch_user {
        ensure(who.user == *user, "only the launch's user goes on")?;
    }
    if let Some(bound) = state.patient() {
        let opened = ["P1", "P2"].iter().any(|asked| {
            says(policy, who.user.as_str(), asked).opens(asked, Moment::Launch).map(patient).as_ref()
                == Some(bound)
        });
        ensure(opened, "the policy lets this user into this record")?;
    }
    if rank(state) >= 2 {
        let wanted = needs.patient != PatientNeed::None;
        ensure(state.patient().is_some() == wanted, "there is a patient exactly where one is needed")?;
    }
    if rank(state) >= 3 {
        let visit = state.encounter().map(|visit| visit.as_str());
        if let (Some(of), Some(visit)) = (state.patient(), visit) {
            ensure(VISITS.contains(&(of.as_str(), visit)), "the encounter is this patient's")?;
        }
        ensure(visit.is_none() || state.patient().is_some(), "no encounter without a patient")?;
        match &needs.encounter {
            EncounterNeed::None => ensure(visit.is_none(), "no encounter unasked")?,
            EncounterNeed::Launch(open) if state.patient().is_some() => {
                ensure(visit == Some(open.as_str()), "the launch's encounter is passed on")?;
            }
            EncounterNeed::Launch(_) | EncounterNeed::Choose => {}
        }
    }
    let reask = state.reask(&ClientId::new("pub"));
    match state {
        Progress::Decided { scopes, patient, .. } => {
            ensure(!scopes.is_empty(), "nothing is not a decision")?;
            ensure(
                patient.is_some() || !scopes.iter().any(Scope::is_patient_level),
                "a patient/ scope has exactly one patient",
            )?;
            let reask = reask.map_err(|_| "what is decided can be asked again")?;
            ensure(
                reask.patient_question().map(|question| question.patient) == patient.as_ref(),
                "the policy is asked again about this patient",
            )
        }
        _ => ensure(matches!(reask, Err(Refusal::OutOfOrder)), "nothing is asked again before it is decided"),
    }
}

fn worlds() -> impl Iterator<Item = World> {
    policies().flat_map(|policy| needs().into_iter().map(move |needs| World { needs, policy }))
}

/// SMART-CTX-060, SMART-CTX-061, SMART-CTX-065, INT-002, INT-007, INT-010, INT-011, A-CTX-16, A-CTX-18, A-CTX-24, A-CTX-29
#[test]
fn every_state_and_event_keeps_the_promises() {
    let (mut all, mut count) = (Seen::default(), 0);
    for world in worlds() {
        count += 1;
        let seen = explore(&Ours, &world).unwrap();
        all.pairs += seen.pairs;
        all.states += seen.states;
        all.decided += seen.decided;
        all.depth = all.depth.max(seen.depth);
    }
    println!("{count} worlds, {} states, {} (state, event) pairs", all.states, all.pairs);
    assert_eq!(count, 18 * 32);
    assert!(all.pairs > 500_000, "{}", all.pairs);
    assert!(all.states > 7_000, "{}", all.states);
    assert!(all.decided > 1_500, "{}", all.decided);
    assert!(all.depth >= 5);
}

/// No promise holds because nothing moves: where everybody says yes, every need that fits together can be met.
///
/// SMART-LAUNCH-020, SMART-CTX-061, SMART-CTX-062
#[test]
fn every_need_that_fits_together_can_be_met() {
    for needs in needs() {
        let fits = !matches!(
            (&needs.patient, &needs.encounter),
            (PatientNeed::Launch(of), EncounterNeed::Launch(visit))
                if !VISITS.contains(&(of.as_str(), visit.as_str()))
        );
        let world = World { needs, policy: OPEN };
        let seen = explore(&Ours, &world).unwrap();
        assert_eq!(seen.decided > 0, fits, "{:?}", world.needs);
    }
}

/// INT-010, INT-011, A-LAUNCH-11, SMART-AUTHZ-062
#[test]
fn where_the_policy_says_no_nothing_with_a_patient_is_decided() {
    for needs in needs().into_iter().filter(|needs| needs.patient != PatientNeed::None) {
        let world = World { needs, policy: CLOSED };
        assert_eq!(explore(&Ours, &world).unwrap().decided, 0, "{:?}", world.needs);
    }
}

/// Negative control of the harness: each broken machine breaks a promise somewhere.
#[test]
fn every_broken_machine_is_caught_by_exploration() {
    for broken in Broken::ALL {
        let caught = worlds().find_map(|world| explore(&broken, &world).err());
        assert!(caught.is_some(), "{broken:?} was not caught");
    }
}

/// INT-010, A-CTX-02, A-CTX-30, SMART-CTX-065
#[test]
fn no_witness_without_a_yes() {
    for at in [Moment::Launch, Moment::Pick, Moment::Consent, Moment::Issue, Moment::Redeem] {
        for (says, expected) in [
            (Says::Yes, Some("P1")),
            (Says::No, None),
            (Says::Expired, None),
            (Says::MergedInto("P2"), (at == Moment::Launch).then_some("P2")),
        ] {
            let witness = witness("alice", "P1", at, says);
            let bound = witness.as_ref().map(|witness| witness.patient().as_str());
            assert_eq!(bound.ok(), expected, "{at:?} {says:?}");
            assert!(witness.err().is_none_or(|refusal| refusal == Refusal::PatientDenied));
        }
    }
}

/// INT-010, SMART-CTX-062
#[test]
fn once_bound_nobody_else_can_be_asked_about() {
    let client = ClientId::new("pub");
    assert_eq!(Progress::SignIn.ask(&client, patient("P1"), Moment::Pick).unwrap_err(), Refusal::OutOfOrder);
    let who = actor(ACTORS[0]);
    let choosing = Progress::Patient { who: who.clone() };
    for state in [
        Progress::Encounter { who: who.clone(), patient: patient("P1") },
        Progress::Consent { who: who.clone(), patient: Some(patient("P1")), encounter: None },
        decided(Some("P1"), None, "user/Patient.rs"),
    ] {
        assert!(state.ask(&client, patient("P1"), Moment::Consent).is_ok());
        assert_eq!(state.ask(&client, patient("P2"), Moment::Consent).unwrap_err(), Refusal::OtherPatient);
    }
    let ask = choosing.ask(&client, patient("P2"), Moment::Pick).unwrap();
    let question = ask.question();
    assert_eq!((question.user, question.patient), (&who.user, &patient("P2")));
    assert_eq!((question.client, question.moment), (&client, Moment::Pick));
}

/// CODE-011, A-CODE-18, A-TYPE-02, INT-007
#[test]
fn no_code_comes_from_an_undecided_state() {
    let issue = Issue::new("user/Patient.rs", false);
    let who = actor(ACTORS[0]);
    let finished = decided(Some("P1"), None, "user/Patient.rs");
    for state in [
        Progress::SignIn,
        Progress::Patient { who: who.clone() },
        Progress::Encounter { who: who.clone(), patient: patient("P1") },
        Progress::Consent { who, patient: Some(patient("P1")), encounter: None },
    ] {
        let refusal = issue.draft(&state, None, agreed(&finished)).unwrap_err();
        assert_eq!(refusal, Refusal::OutOfOrder, "{state:?}");
    }
    assert!(issue.draft(&finished, None, agreed(&finished)).is_ok());
}

/// The boxes that the exploration ticks are real ones.
#[test]
fn the_ticked_boxes_are_offered() {
    let offered = ScopeSet::parse(OFFERED).unwrap();
    for ticked in TICKS {
        assert!(ticked.iter().all(|text| offered.iter().any(|scope| scope.as_str() == *text)));
        assert_eq!(crate::machine::choice(ticked).granted().len(), ticked.len());
    }
}
