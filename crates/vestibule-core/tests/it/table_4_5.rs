//! The table of smart.md 4.5, a test a row: the whole way from request and launch to what the app finds beside its token.

use std::time::Duration;

use vestibule_core::authorize::error::AuthorizeCode;
use vestibule_core::authorize::launch::LaunchRecord;
use vestibule_core::authorize::progress::{Act, EncounterNeed, EncounterOf, Event, Needs, PatientNeed};
use vestibule_core::authorize::{Negotiation, Offer, Progress, Refusal};
use vestibule_core::grant::GrantRecord;
use vestibule_host::{
    AllowedPatient, ClientId, FhirContextItem, LaunchContext, Moment, PatientAnswer, PatientId,
    PatientSummary, SessionId, Standing, UnixMillis, UserId,
};

use crate::fixture::{
    FHIR1, FHIR2, Heard, Issue, NOW, Server, agreed_with, client, encounter, negotiation, patient, pending,
    set, who, yes,
};

/// An interaction under way, with the shell's part played by the test.
struct Walk {
    needs: Needs,
    negotiation: Negotiation,
    launch: Option<LaunchContext>,
    progress: Progress,
}

impl Walk {
    fn standalone(scopes: &str) -> Self {
        let negotiation = negotiation(scopes, false);
        Self { needs: Needs::standalone(&negotiation), negotiation, launch: None, progress: Progress::SignIn }
    }

    fn ehr(scopes: &str, context: LaunchContext) -> Self {
        let negotiation = negotiation(scopes, true);
        let needs = Needs::of_launch(&negotiation, UserId::new("alice"), &context);
        Self { needs, negotiation, launch: Some(context), progress: Progress::SignIn }
    }

    fn hear(&mut self, act: Act) -> Result<(), Refusal> {
        let event = Event { by: who("alice", "s1"), act };
        self.progress = self.progress.apply(event, &self.needs)?;
        Ok(())
    }

    fn sign_in(mut self) -> Self {
        self.hear(Act::SignedIn).unwrap();
        self
    }

    /// Asks the policy about a candidate and hands the answer on.
    fn bind(&mut self, id: &str, answer: PatientAnswer) -> Result<(), Refusal> {
        let at = if self.launch.is_some() { Moment::Launch } else { Moment::Pick };
        let ask = self.progress.ask(&ClientId::new("pub"), patient(id), at)?;
        let witness = ask.answered(answer, NOW)?;
        self.hear(Act::PatientBound(witness))
    }

    fn visit(&mut self, of: &str, id: &str) -> Result<(), Refusal> {
        let proof = EncounterOf::answered(&patient(of), encounter(id), true).unwrap();
        self.hear(Act::EncounterBound(proof))
    }

    /// What is offered once context is settled.
    fn offer(&self) -> Offer {
        let (patient, encounter) = (self.progress.patient().is_some(), self.progress.encounter().is_some());
        Offer::of(&self.negotiation.clone().for_user(true).in_context(patient, encounter, &[]))
    }

    fn offered(&self) -> String {
        self.offer().all().granted().to_string()
    }

    /// Ticks everything that is offered, but these.
    fn consent_without(&mut self, unticked: &[&str]) -> Result<(), Refusal> {
        let offered = self.offered();
        let ticked: Vec<&str> = offered.split(' ').filter(|scope| !unticked.contains(scope)).collect();
        let choice = self.offer().choose(&ticked);
        self.hear(Act::Consented(choice, None))
    }

    fn consent(&mut self) {
        self.consent_without(&[]).unwrap();
    }

    fn grant(&self) -> GrantRecord {
        let issue = Issue::new(&self.offered(), self.launch.is_some());
        issue.grant(&self.progress, self.launch.as_ref())
    }

    /// `patient` and `encounter` of the token response.
    fn context(&self) -> (Option<String>, Option<String>) {
        let members = self.grant().context.members();
        let text = |name: &str| members.get(name).map(|value| value.as_str().unwrap().to_owned());
        (text("patient"), text("encounter"))
    }
}

fn told(refusal: Refusal) -> AuthorizeCode {
    refusal.for_app().expect("the app is told").code
}

fn open(id: &str) -> LaunchContext {
    LaunchContext::new().with_patient(patient(id))
}

fn found(id: &str) -> (Option<String>, Option<String>) {
    (Some(id.to_owned()), None)
}

const NOTHING: (Option<String>, Option<String>) = (None, None);

/// SMART-CTX-061, SMART-CTX-001, SMART-SCOPE-081, A-LAUNCH-13, SMART-SCOPE-080
#[test]
fn e1_the_open_patient_is_taken_without_a_picker() {
    for scopes in
        ["launch user/Observation.rs openid fhirUser", "launch launch/patient patient/Observation.rs"]
    {
        let mut walk = Walk::ehr(scopes, open("P1")).sign_in();
        assert_eq!(walk.needs.patient, PatientNeed::Launch(patient("P1")));
        walk.bind("P1", yes("P1")).unwrap();
        walk.consent();
        assert_eq!(walk.context(), found("P1"), "{scopes}");
    }
}

/// SMART-AUTHZ-062, A-LAUNCH-11
#[test]
fn e2_the_open_patient_is_denied() {
    let mut walk = Walk::ehr("launch patient/Observation.rs", open("P1")).sign_in();
    assert_eq!(walk.bind("P1", PatientAnswer::Denied), Err(Refusal::PatientDenied));
    assert_eq!(walk.hear(Act::NoRecord), Err(Refusal::PatientDenied));
    assert_eq!(told(Refusal::PatientDenied), AuthorizeCode::AccessDenied);
    // No witness, no way on.
    assert_eq!(walk.consent_without(&[]), Err(Refusal::OutOfOrder));
}

/// SMART-SCOPE-061, SMART-CTX-060
#[test]
fn e3_no_open_patient_and_patient_scopes_lead_to_a_picker() {
    let mut walk = Walk::ehr("launch patient/Observation.rs", LaunchContext::new()).sign_in();
    assert_eq!(walk.needs.patient, PatientNeed::Choose);
    walk.bind("P2", yes("P2")).unwrap();
    walk.consent();
    assert_eq!(walk.context(), found("P2"));
}

/// SMART-SCOPE-087
#[test]
fn e4_a_hint_without_an_open_patient_is_ignored() {
    let mut walk = Walk::ehr("launch launch/patient user/Observation.rs", LaunchContext::new()).sign_in();
    assert_eq!(walk.needs.patient, PatientNeed::None);
    assert_eq!(walk.offered(), "launch user/Observation.rs");
    walk.consent();
    assert_eq!(walk.context(), NOTHING);
}

/// SMART-CTX-015
#[test]
fn e5_only_user_scopes_and_no_open_patient_share_no_patient() {
    let mut walk = Walk::ehr("launch user/Observation.rs", LaunchContext::new()).sign_in();
    walk.consent();
    assert_eq!(walk.context(), NOTHING);
}

/// A-LAUNCH-13, A-CTX-06
#[test]
fn e6_the_open_patient_cannot_be_replaced() {
    let mut walk = Walk::ehr("launch launch/patient patient/Observation.rs", open("P1")).sign_in();
    assert_eq!(walk.bind("P2", yes("P2")), Err(Refusal::OtherPatient));
    assert!(Refusal::OtherPatient.for_app().is_none(), "the interaction goes on where it is");
    walk.bind("P1", yes("P1")).unwrap();
    assert_eq!(walk.bind("P2", yes("P2")), Err(Refusal::OtherPatient));
    walk.consent();
    assert_eq!(walk.context(), found("P1"));
}

/// SMART-LAUNCH-015
#[test]
fn e7_another_user_than_the_launchs_is_refused() {
    let walk = Walk::ehr("launch patient/Observation.rs", open("P1"));
    let event = Event { by: who("bob", "s3"), act: Act::SignedIn };
    let refusal = walk.progress.apply(event, &walk.needs).unwrap_err();
    assert_eq!(refusal, Refusal::LaunchUser);
    assert_eq!(told(refusal), AuthorizeCode::AccessDenied);
    // Nothing was used up: the right user goes on, in whatever session.
    let event = Event { by: who("alice", "s2"), act: Act::SignedIn };
    assert!(walk.progress.apply(event, &walk.needs).is_ok());
}

/// SMART-AUTHZ-042, SMART-LAUNCH-011, SMART-LAUNCH-012, SMART-LAUNCH-014, A-LAUNCH-01, A-LAUNCH-07
#[test]
fn e8_a_launch_of_another_app_or_base_or_time_is_refused() {
    let launch = LaunchRecord {
        user: UserId::new("alice"),
        session: Some(SessionId::new("s1")),
        client: ClientId::new("pub"),
        base: FHIR1.to_owned(),
        context: open("P1"),
        usable_until: NOW.plus(Duration::from_secs(300)),
    };
    let (app, other) = (ClientId::new("pub"), ClientId::new("other"));
    let at = |seconds: i64| UnixMillis(NOW.0 + seconds * 1000);
    assert_eq!(LaunchRecord::accept(Some(&launch), &app, FHIR1, NOW), Ok(()));
    assert_eq!(LaunchRecord::accept(Some(&launch), &app, FHIR1, UnixMillis(at(300).0 - 1)), Ok(()));
    let refusals = [
        LaunchRecord::accept(Some(&launch), &other, FHIR1, NOW),
        LaunchRecord::accept(Some(&launch), &app, FHIR2, NOW),
        LaunchRecord::accept(Some(&launch), &app, &format!("{FHIR1}/"), NOW),
        LaunchRecord::accept(Some(&launch), &app, FHIR1, at(300)),
        LaunchRecord::accept(Some(&launch), &app, FHIR1, at(301)),
        // Unknown, spent, purged: the store finds nothing.
        LaunchRecord::accept(None, &app, FHIR1, NOW),
    ];
    for refusal in refusals {
        let refusal = refusal.unwrap_err();
        assert_eq!(refusal.code, AuthorizeCode::InvalidRequest);
        // A-TIME-07: one and the same text.
        assert_eq!(Err(refusal), LaunchRecord::accept(None, &app, FHIR1, NOW));
    }
}

/// SMART-CTX-002
#[test]
fn e9_the_open_encounter_is_passed_on() {
    for scopes in ["launch user/Observation.rs", "launch/patient launch/encounter user/Observation.rs"] {
        let context = open("P1").with_encounter(encounter("E1"));
        let mut walk = Walk::ehr(scopes, context).sign_in();
        assert_eq!(walk.needs.encounter, EncounterNeed::Launch(encounter("E1")));
        walk.bind("P1", yes("P1")).unwrap();
        walk.visit("P1", "E1").unwrap();
        walk.consent();
        assert_eq!(walk.context(), (Some("P1".into()), Some("E1".into())), "{scopes}");
    }
    // Nothing asks for it: it is neither awaited nor shared.
    let context = open("P1").with_encounter(encounter("E1"));
    let mut walk = Walk::ehr("launch/patient user/Observation.rs", context).sign_in();
    assert_eq!(walk.needs.encounter, EncounterNeed::None);
    walk.bind("P1", yes("P1")).unwrap();
    walk.consent();
    assert_eq!(walk.context(), found("P1"));
}

/// SMART-LAUNCH-016
#[test]
fn e10_an_encounter_of_another_patient_is_a_server_error() {
    let walk = || {
        let context = open("P1").with_encounter(encounter("E1"));
        let mut walk = Walk::ehr("launch patient/Observation.rs", context).sign_in();
        walk.bind("P1", yes("P1")).unwrap();
        walk
    };
    // The host now says that the open encounter is nobody's, another patient's, or another one.
    assert!(EncounterOf::answered(&patient("P1"), encounter("E1"), false).is_none());
    assert_eq!(walk().hear(Act::NoEncounter), Err(Refusal::EncounterMismatch));
    assert_eq!(walk().visit("P2", "E1"), Err(Refusal::EncounterMismatch));
    assert_eq!(walk().visit("P1", "E3"), Err(Refusal::EncounterMismatch));
    assert_eq!(told(Refusal::EncounterMismatch), AuthorizeCode::ServerError);
    assert_eq!(walk().visit("P1", "E1"), Ok(()));
}

/// A-LAUNCH-08, SMART-CTX-003
#[test]
fn e11_a_launch_without_scope_launch_gives_the_context_asked_for() {
    let item = FhirContextItem::reference("ImagingStudy/55").unwrap();
    let context =
        || open("P1").with_encounter(encounter("E1")).with_fhir_context(item.clone()).with_intent("i");
    let mut walk = Walk::ehr("launch/patient patient/Observation.rs", context()).sign_in();
    assert_eq!(walk.needs.patient, PatientNeed::Launch(patient("P1")), "no picker");
    walk.bind("P1", yes("P1")).unwrap();
    walk.consent();
    assert_eq!(walk.context(), found("P1"));
    let grant = walk.grant();
    assert!(grant.context.fhir_context.is_empty(), "nobody asked for it");
    assert!(grant.scopes.iter().all(|scope| scope.as_str() != "launch"), "launch is not echoed");

    // Nothing asks for a patient: none is shared, though one is open.
    let mut walk = Walk::ehr("user/Observation.rs", context()).sign_in();
    assert_eq!(walk.needs.patient, PatientNeed::None);
    walk.consent();
    assert_eq!(walk.context(), NOTHING);

    // What is asked for by its type comes, without the rest.
    let mut walk = Walk::ehr("launch/imagingstudy user/Observation.rs", context()).sign_in();
    let other_types = ["ImagingStudy".to_owned()];
    let offer = Offer::of(&walk.negotiation.clone().in_context(false, false, &other_types));
    walk.hear(Act::Consented(offer.all(), None)).unwrap();
    let members = walk.grant().context.members();
    assert_eq!(members["fhirContext"], serde_json::json!([{"reference": "ImagingStudy/55"}]));
    assert!(!members.contains_key("patient") && !members.contains_key("encounter"));
}

/// SMART-CTX-060, SMART-SCOPE-065
#[test]
fn e12_a_merged_patient_becomes_the_surviving_one() {
    let mut walk = Walk::ehr("launch patient/Observation.rs", open("P1")).sign_in();
    walk.bind("P1", yes("P9")).unwrap();
    walk.consent();
    assert_eq!(walk.context(), found("P9"));
    // Only at launch: a yes about somebody else is a no wherever a person has chosen.
    let mut walk = Walk::standalone("launch/patient patient/Observation.rs").sign_in();
    assert_eq!(walk.bind("P1", yes("P9")), Err(Refusal::PatientDenied));
    // Inactive, and nobody survives.
    let mut walk = Walk::ehr("launch patient/Observation.rs", open("P1")).sign_in();
    assert_eq!(walk.bind("P1", PatientAnswer::Denied), Err(Refusal::PatientDenied));
}

/// SMART-AUTHZ-062, INT-011
#[test]
fn s1_nobody_to_choose_from() {
    let mut walk = Walk::standalone("launch/patient patient/Observation.rs").sign_in();
    let refusal = walk.hear(Act::NoRecord).unwrap_err();
    assert_eq!(refusal, Refusal::NoRecord);
    let told = refusal.for_app().unwrap();
    assert_eq!((told.code, told.description), (AuthorizeCode::AccessDenied, "no patient record available"));
}

/// SMART-LAUNCH-020, SMART-CTX-062
#[test]
fn s2_the_only_patient_is_bound_by_a_witness_too() {
    let mut walk = Walk::standalone("launch/patient patient/Observation.rs").sign_in();
    // The shell chooses the only one of the list; the policy is asked about it all the same.
    assert_eq!(walk.bind("P1", PatientAnswer::Denied), Err(Refusal::PatientDenied));
    walk.bind("P1", yes("P1")).unwrap();
    assert!(matches!(walk.progress, Progress::Consent { .. }), "consent is still asked");
    walk.consent();
    assert_eq!(walk.context(), found("P1"));
}

/// SMART-CTX-062, SMART-CTX-065
#[test]
fn s3_one_of_several_is_chosen_exactly_once() {
    let mut walk = Walk::standalone("launch/patient patient/Observation.rs").sign_in();
    assert_eq!(walk.consent_without(&[]), Err(Refusal::OutOfOrder));
    walk.bind("P2", yes("P2")).unwrap();
    assert_eq!(walk.bind("P1", yes("P1")), Err(Refusal::OtherPatient));
    assert_eq!(walk.bind("P2", yes("P2")), Err(Refusal::OutOfOrder));
    walk.consent();
    assert_eq!(walk.context(), found("P2"));
}

/// SMART-LAUNCH-021
#[test]
fn s4_a_search_ends_with_a_witness_too() {
    let mut walk = Walk::standalone("patient/Observation.rs user/Patient.rs").sign_in();
    assert_eq!(walk.needs.patient, PatientNeed::Choose);
    assert_eq!(walk.bind("vip", PatientAnswer::Denied), Err(Refusal::PatientDenied));
    walk.bind("P2", yes("P2")).unwrap();
    walk.consent();
    assert_eq!(walk.context(), found("P2"));
}

/// AUTHZ-010, SMART-AUTHZ-062, SMART-AUTHZ-067
#[test]
fn s5_cancelled_is_denied_and_timed_out_is_a_page() {
    let walk = || Walk::standalone("launch/patient launch/encounter patient/Observation.rs").sign_in();
    let at_patient = walk();
    let mut at_encounter = walk();
    at_encounter.bind("P1", yes("P1")).unwrap();
    let mut at_consent = walk();
    at_consent.bind("P1", yes("P1")).unwrap();
    at_consent.hear(Act::NoEncounter).unwrap();
    for mut walk in [at_patient, at_encounter, at_consent] {
        assert_eq!(walk.hear(Act::Cancelled), Err(Refusal::UserSaidNo));
        assert_eq!(walk.hear(Act::TimedOut), Err(Refusal::TimedOut));
    }
    assert_eq!(told(Refusal::UserSaidNo), AuthorizeCode::AccessDenied);
    assert!(Refusal::TimedOut.for_app().is_none());
    let mut walk = Walk::standalone("user/Patient.rs").sign_in();
    assert_eq!(walk.hear(Act::Denied), Err(Refusal::UserSaidNo));
}

/// SMART-SCOPE-062, SMART-SCOPE-063, A-SCOPE-23
#[test]
fn s6_patient_scopes_alone_infer_the_choice_of_a_patient() {
    let mut walk = Walk::standalone("patient/Observation.rs").sign_in();
    assert_eq!(walk.needs.patient, PatientNeed::Choose);
    walk.bind("P1", yes("P1")).unwrap();
    walk.consent();
    assert_eq!(walk.context(), found("P1"));
    assert_eq!(walk.grant().scopes, set("patient/Observation.rs"), "launch/patient is not added");
}

/// SMART-SCOPE-066
#[test]
fn s7_only_user_scopes_need_no_patient() {
    let mut walk = Walk::standalone("user/Observation.rs openid fhirUser").sign_in();
    assert!(matches!(walk.progress, Progress::Consent { patient: None, .. }));
    walk.consent();
    assert_eq!(walk.context(), NOTHING);
}

/// SMART-SCOPE-083, SMART-CTX-002
#[test]
fn s8_patient_first_then_an_encounter_or_none() {
    let scopes = "launch/encounter user/Observation.rs";
    let mut walk = Walk::standalone(scopes).sign_in();
    assert_eq!((&walk.needs.patient, &walk.needs.encounter), (&PatientNeed::Choose, &EncounterNeed::Choose));
    assert_eq!(walk.visit("P1", "E1"), Err(Refusal::OutOfOrder));
    walk.bind("P1", yes("P1")).unwrap();
    assert_eq!(walk.visit("P2", "E2"), Err(Refusal::EncounterMismatch));
    walk.visit("P1", "E1").unwrap();
    walk.consent();
    assert_eq!(walk.context(), (Some("P1".into()), Some("E1".into())));

    let mut walk = Walk::standalone("launch/patient launch/encounter user/Observation.rs").sign_in();
    walk.bind("P1", yes("P1")).unwrap();
    walk.hear(Act::NoEncounter).unwrap();
    assert_eq!(walk.offered(), "launch/patient user/Observation.rs");
    walk.consent();
    assert_eq!(walk.context(), found("P1"));

    // Not supported at all.
    let server = Server { standalone_encounters: false, ..Server::new() };
    let negotiation =
        server.negotiate("launch/patient launch/encounter user/Observation.rs", &client(), false);
    assert_eq!(Needs::standalone(&negotiation).encounter, EncounterNeed::None);
    assert_eq!(negotiation.granted().to_string(), "launch/patient user/Observation.rs");
}

/// SMART-SCOPE-082, SMART-SCOPE-066
#[test]
fn s9_launch_patient_with_user_scopes_runs_the_picker() {
    let mut walk = Walk::standalone("launch/patient user/Observation.rs").sign_in();
    assert_eq!(walk.needs.patient, PatientNeed::Choose);
    // A ceiling of the relationship is one on patient/ scopes: user/ scopes are not limited to that patient.
    let ceiling = AllowedPatient::new(PatientSummary::new(patient("P1"), "A Person"))
        .with_ceiling(set("patient/Condition.r"));
    walk.bind("P1", PatientAnswer::Allowed(Box::new(ceiling.clone()))).unwrap();
    walk.consent();
    assert_eq!(walk.context(), found("P1"));
    let limited = agreed_with(&walk.progress, |_| PatientAnswer::Allowed(Box::new(ceiling.clone()))).unwrap();
    let issue = Issue::new("launch/patient user/Observation.rs", false);
    let draft = issue.draft(&walk.progress, None, limited).unwrap();
    let grant: GrantRecord = vestibule_core::record::read(&issue.operation(&draft).grant.record).unwrap();
    assert_eq!(grant.scopes, set("launch/patient user/Observation.rs"));
}

/// INT-009, A-CTX-29, SMART-CTX-013
#[test]
fn s10_the_patient_is_shared_only_if_something_granted_names_it() {
    let scopes = "launch/patient patient/Observation.rs user/Patient.rs";
    for (unticked, shared) in [
        (vec![], true),
        (vec!["patient/Observation.rs"], true),
        (vec!["launch/patient"], true),
        (vec!["launch/patient", "patient/Observation.rs"], false),
    ] {
        let mut walk = Walk::standalone(scopes).sign_in();
        walk.bind("P1", yes("P1")).unwrap();
        walk.consent_without(&unticked).unwrap();
        assert_eq!(walk.context() == found("P1"), shared, "{unticked:?}");
        assert_eq!(walk.context() == NOTHING, !shared, "{unticked:?}");
    }
}

/// INT-010, A-CTX-30, A-LAUNCH-11
#[test]
fn s11_access_that_was_lost_before_issue_is_denied() {
    let mut walk = Walk::standalone("launch/patient patient/Observation.rs").sign_in();
    walk.bind("P1", yes("P1")).unwrap();
    walk.consent();
    let ended = || {
        let until = AllowedPatient::new(PatientSummary::new(patient("P1"), "A Person")).with_until(NOW);
        PatientAnswer::Allowed(Box::new(until))
    };
    let asks: [&dyn Fn(&PatientId) -> PatientAnswer; 3] =
        [&|_| PatientAnswer::Denied, &|_| yes("P2"), &|_| ended()];
    for answer in asks {
        assert_eq!(agreed_with(&walk.progress, answer).unwrap_err(), Refusal::PatientDenied);
    }
    let reask = || walk.progress.reask(&ClientId::new("pub")).unwrap();
    let question = reask();
    let question = question.patient_question().unwrap();
    assert_eq!((question.moment, question.user), (Moment::Issue, &UserId::new("alice")));
    // Not asked is not allowed.
    let refusal = reask().answered(Standing::Active, None, true, NOW).unwrap_err();
    assert_eq!(refusal, Refusal::PatientDenied);
    for standing in [Standing::SessionEnded, Standing::NotAllowed] {
        let refusal = reask().answered(standing, Some(yes("P1")), true, NOW).unwrap_err();
        assert_eq!(refusal, Refusal::NotAllowed);
    }
    assert_eq!(told(Refusal::NotAllowed), AuthorizeCode::AccessDenied);
    let refusal = reask().answered(Standing::SignInAgain, Some(yes("P1")), true, NOW).unwrap_err();
    assert_eq!(told(refusal), AuthorizeCode::UnmetAuthenticationRequirements);
    assert!(Refusal::NotAllowed.ends_the_grant() && !refusal.ends_the_grant());
}

/// SMART-CTX-065
#[test]
fn s12_a_restricted_record_is_the_hosts_answer() {
    for mut walk in [
        Walk::standalone("launch/patient patient/Observation.rs").sign_in(),
        Walk::ehr("launch patient/Observation.rs", open("vip")).sign_in(),
    ] {
        let refusal = walk.bind("vip", PatientAnswer::Denied).unwrap_err();
        assert_eq!(told(refusal), AuthorizeCode::AccessDenied);
        assert_eq!(walk.progress.patient(), None, "only the final id is taken");
    }
}

/// INT-014, A-CTX-32, A-CTX-37
#[test]
fn s13_remembered_consent_covers_all_or_is_asked_again() {
    let mut walk = Walk::standalone("launch/patient patient/Observation.rs openid").sign_in();
    let remembered = |walk: &Walk, text: &str| {
        let earlier: Vec<String> = text.split(' ').map(str::to_owned).collect();
        walk.offer().remembered(&earlier)
    };
    // It is no choice of patient.
    let choice =
        remembered(&walk, "launch/patient patient/*.rs openid").or_else(|| Some(walk.offer().all())).unwrap();
    assert_eq!(walk.hear(Act::Consented(choice, None)), Err(Refusal::OutOfOrder));
    walk.bind("P1", yes("P1")).unwrap();
    assert!(remembered(&walk, "launch/patient patient/Observation.r openid").is_none(), "something is new");
    assert!(remembered(&walk, "patient/Observation.rs openid").is_none());
    assert!(remembered(&walk, "").is_none());
    assert!(remembered(&walk, "nonsense").is_none());
    let choice = remembered(&walk, "launch/patient patient/*.cruds openid fhirUser").unwrap();
    assert_eq!(
        *choice.granted(),
        set("launch/patient patient/Observation.rs openid"),
        "no wider than asked now"
    );
    walk.hear(Act::Consented(choice, Some(vestibule_host::ConsentId::new("c7")))).unwrap();
    assert_eq!(walk.grant().consent, Some(vestibule_host::ConsentId::new("c7")));
    // Nothing is offered: nothing is remembered.
    assert!(Offer::of(&Negotiation::default()).remembered(&["openid".to_owned()]).is_none());
}

/// The way in for E8 and E11: what the authorize endpoint makes of a handle.
///
/// SMART-LAUNCH-022, A-LAUNCH-09
#[test]
fn launch_parameter_and_scope_decide_the_mode() {
    let az = crate::fixture::Az::new;
    let ehr = az()
        .set("launch", crate::fixture::HANDLE)
        .set("scope", "launch patient/Observation.rs")
        .send()
        .accepted();
    assert!(ehr.launch.is_some());
    let e11 = az().set("launch", crate::fixture::HANDLE).send().accepted();
    assert!(e11.launch.is_some());
    assert!(az().send().accepted().launch.is_none());
    let heard = az().set("scope", "launch patient/Observation.rs").send();
    assert!(matches!(&heard, Heard::Redirected { .. }));
    assert_eq!(heard.error(Some("st1")), "invalid_request");
    assert!(pending("launch", true).launch.is_some());
}
