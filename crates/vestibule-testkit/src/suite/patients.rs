//! What a `PatientAccessPolicy` must do.
//!
//! Who may open which record is the host's, so the cases ask a [`PatientWorld`] for people and hold the policy to what the world
//! says of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use vestibule_host::access::AllowedPatient;
use vestibule_host::{
    ClientId, EncounterId, EncounterQuery, Moment, PatientAccessPolicy, PatientAnswer, PatientId,
    PatientPage, PatientQuery, PatientQuestion, PolicyError, Reach, SignedInUser, UserId,
};

use super::{Arranged, Broken, Verdict, hold, race, same};
use crate::drops::{at_every_wait, drop_after};

/// Somebody who may open records, and what the world knows about them.
#[derive(Clone, Debug)]
pub struct Person {
    /// As the authenticator would say.
    pub user: SignedInUser,
    /// An app that this person may let in.
    pub client: ClientId,
    /// Records that this person may open: one at least.
    pub may_open: Vec<PatientId>,
    /// Records that are there, and that this person may not open.
    pub may_not_open: Vec<PatientId>,
}

/// The world of one case: a host's patients and the people around them.
#[async_trait]
pub trait PatientWorld: Send + Sync {
    /// What the engine asks.
    async fn open(&self) -> Arc<dyn PatientAccessPolicy>;

    /// Each kind of person that the host knows: a patient, a parent, a clinician.
    async fn people(&self) -> Vec<Person>;

    /// What connected a person and a record ends: a guardianship, a treatment. `Never`: nothing of that kind ever ends.
    async fn end(&self, user: &UserId, patient: &PatientId) -> Arranged;

    /// Takes away what the host asks, a database say. `Never`: it asks nobody.
    async fn cut(&self) -> Arranged;
}

type World<'a> = &'a dyn PatientWorld;

#[doc(hidden)]
#[macro_export]
macro_rules! __patient_cases {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! { $($argument)*; patients:
            who_may_open_a_record_is_allowed
            what_is_not_theirs_is_denied
            what_does_not_exist_is_denied
            whom_nobody_knows_is_denied
            an_answer_stays_while_nothing_changes
            a_ceiling_never_widens_on_the_way
            a_page_is_as_long_as_asked
            pages_go_on_without_gap_or_repeat
            a_cursor_names_no_patient
            a_hostile_query_opens_nothing
            encounters_are_a_patients_own
            what_has_ended_is_denied
            many_questions_get_their_own_answers
            a_caller_that_goes_away_harms_nobody
            an_outage_is_not_a_denial
        }
    };
}

crate::__patient_cases! { __generate_world_list dyn PatientWorld }

/// The moments of a grant at which the engine asks about a patient, in their order.
const MOMENTS: [Moment; 5] = [Moment::Pick, Moment::Consent, Moment::Issue, Moment::Redeem, Moment::Refresh];

/// More pages than any test world has.
const MANY_PAGES: usize = 1_000;

impl Person {
    const fn question<'a>(&'a self, patient: &'a PatientId, moment: Moment) -> PatientQuestion<'a> {
        PatientQuestion::new(&self.user.user, patient, &self.client, moment)
    }
}

async fn people(world: World<'_>) -> Result<Vec<Person>, Broken> {
    let people = world.people().await;
    hold!(!people.is_empty(), "the world has nobody who may open a record");
    for person in &people {
        hold!(!person.may_open.is_empty(), "the world has somebody who may open no record");
    }
    Ok(people)
}

fn policy_fault(error: PolicyError) -> Broken {
    Broken(format!("an error where none was due: {error:?}"))
}

async fn answer(
    policy: &Arc<dyn PatientAccessPolicy>,
    question: &PatientQuestion<'_>,
) -> Result<Option<AllowedPatient>, Broken> {
    match policy.may_access(question).await.map_err(policy_fault)? {
        PatientAnswer::Allowed(allowed) => Ok(Some(*allowed)),
        PatientAnswer::Denied => Ok(None),
    }
}

async fn page(
    policy: &Arc<dyn PatientAccessPolicy>,
    user: &SignedInUser,
    query: &PatientQuery,
) -> Result<PatientPage, Broken> {
    policy.accessible(user, query).await.map_err(policy_fault)
}

/// All that a person is shown, page by page.
async fn walk(
    policy: &Arc<dyn PatientAccessPolicy>,
    user: &SignedInUser,
    limit: u16,
) -> Result<Vec<PatientId>, Broken> {
    let (mut seen, mut query) = (Vec::new(), PatientQuery::first(limit));
    for _ in 0..MANY_PAGES {
        let found = page(policy, user, &query).await?;
        hold!(
            found.patients.len() <= usize::from(limit),
            "a page of {} where {limit} were asked for",
            found.patients.len()
        );
        seen.extend(found.patients.into_iter().map(|patient| patient.id));
        match found.next {
            Some(next) => query = PatientQuery::first(limit).with_after(Some(next)),
            None => return Ok(seen),
        }
    }
    Err(Broken("the pages never end".to_owned()))
}

/// At every moment, under the id that was asked about. Only at launch it may be another: the record it was merged into (E12).
pub async fn who_may_open_a_record_is_allowed(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        for patient in &person.may_open {
            for moment in MOMENTS {
                let allowed = answer(&policy, &person.question(patient, moment)).await?;
                let id = allowed.as_ref().map(|allowed| allowed.summary.id.as_str().to_owned());
                same!(id, Some(patient.as_str().to_owned()), "a record that may be opened, at {moment:?}");
                hold!(
                    allowed.is_some_and(|allowed| !allowed.summary.name.is_empty()),
                    "a patient without a name to show"
                );
            }
            let launched = answer(&policy, &person.question(patient, Moment::Launch)).await?;
            hold!(launched.is_some(), "a record that may be opened is denied at a launch");
        }
    }
    Ok(())
}

/// At no moment, whoever else may open it.
pub async fn what_is_not_theirs_is_denied(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        for patient in &person.may_not_open {
            for moment in MOMENTS.into_iter().chain([Moment::Launch]) {
                let allowed = answer(&policy, &person.question(patient, moment)).await?;
                hold!(allowed.is_none(), "{:?} opens {:?} at {moment:?}", person.user.user, patient.as_str());
            }
        }
        let shown = walk(&policy, &person.user, 50).await?;
        let foreign = shown.iter().find(|id| person.may_not_open.contains(id));
        hold!(foreign.is_none(), "a record that may not be opened is shown to {:?}", person.user.user);
    }
    Ok(())
}

/// The same answer as for what is somebody else's (A-TIME-06), and never a fault: the id may come from a browser.
pub async fn what_does_not_exist_is_denied(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        let Some(real) = person.may_open.first().map(PatientId::as_str) else { continue };
        let odd = [
            String::new(),
            "no-such-patient-here".to_owned(),
            format!("{real} "),
            format!("{real}\0"),
            format!("Patient/{real}"),
            format!("{real}'--"),
            "%".to_owned(),
            "*".to_owned(),
            "../x".to_owned(),
            "ä".to_owned(),
            "x".repeat(100_000),
            real.to_uppercase(),
        ];
        for id in odd.into_iter().filter(|id| !person.may_open.iter().any(|real| real.as_str() == id)) {
            let shown: String = id.chars().take(30).collect();
            let id = PatientId::new(id);
            for moment in [Moment::Launch, Moment::Pick, Moment::Refresh] {
                let allowed = answer(&policy, &person.question(&id, moment)).await?;
                hold!(
                    allowed.is_none(),
                    "the patient {shown:?}, who does not exist, may be opened at {moment:?}"
                );
            }
        }
    }
    Ok(())
}

/// A user who is gone, or whose id merely resembles one.
pub async fn whom_nobody_knows_is_denied(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        let Some(patient) = person.may_open.first() else { continue };
        let real = person.user.user.as_str();
        for user in [
            String::new(),
            "nobody-of-that-name".to_owned(),
            real.to_uppercase(),
            format!("{real} "),
            format!("{real}\0"),
        ] {
            if user == real {
                continue;
            }
            let id = UserId::new(user.clone());
            for moment in [Moment::Pick, Moment::Refresh] {
                let question = PatientQuestion::new(&id, patient, &person.client, moment);
                hold!(
                    answer(&policy, &question).await?.is_none(),
                    "{user:?}, whom nobody knows, opens a record at {moment:?}"
                );
            }
        }
    }
    Ok(())
}

/// A page and the click on it must speak of the same.
pub async fn an_answer_stays_while_nothing_changes(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        for patient in person.may_open.iter().chain(&person.may_not_open).take(10) {
            for moment in MOMENTS {
                let first = answer(&policy, &person.question(patient, moment)).await?;
                for _ in 0..3 {
                    let again = answer(&policy, &person.question(patient, moment)).await?;
                    hold!(again == first, "two answers to one question at {moment:?}, and nothing changed");
                }
            }
        }
        let first = walk(&policy, &person.user, 20).await?;
        hold!(walk(&policy, &person.user, 20).await? == first, "two lists for one user, and nothing changed");
    }
    Ok(())
}

/// What was shown on the consent page is the most that comes of it: a ceiling that is there at consent is there at the refresh.
pub async fn a_ceiling_never_widens_on_the_way(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        for patient in &person.may_open {
            let mut before: Option<AllowedPatient> = None;
            for moment in MOMENTS {
                let Some(now) = answer(&policy, &person.question(patient, moment)).await? else {
                    return Err(Broken(format!("a record that may be opened is denied at {moment:?}")));
                };
                if let Some(ceiling) = before.as_ref().and_then(|before| before.ceiling.as_ref()) {
                    let within = now.ceiling.as_ref().is_some_and(|now| ceiling.covers_set(now));
                    hold!(within, "a relationship allows more at {moment:?} than just before");
                }
                let ended =
                    before.as_ref().is_some_and(|before| before.until.is_some() && now.until.is_none());
                hold!(!ended, "an access that was to end has no end at {moment:?}");
                before = Some(now);
            }
        }
    }
    Ok(())
}

/// Never more, down to none.
pub async fn a_page_is_as_long_as_asked(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        for limit in [0, 1, 2, 3, 50] {
            let found = page(&policy, &person.user, &PatientQuery::first(limit)).await?.patients.len();
            hold!(found <= usize::from(limit), "a page of {found} where {limit} were asked for");
            for patient in &person.may_open {
                let query = EncounterQuery::first(limit);
                let found = policy.encounters(&person.user, patient, &query).await.map_err(policy_fault)?;
                let found = found.encounters.len();
                hold!(
                    found <= usize::from(limit),
                    "a page of {found} encounters where {limit} were asked for"
                );
            }
        }
    }
    Ok(())
}

/// Small pages show what large ones show. Who has a short list finds everything on it: what is not shown cannot be chosen.
pub async fn pages_go_on_without_gap_or_repeat(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        let all = walk(&policy, &person.user, 50).await?;
        let each: BTreeSet<_> = all.iter().collect();
        same!(each.len(), all.len(), "the patients that one user is shown, each once");
        for limit in [1, 2, 7] {
            hold!(
                walk(&policy, &person.user, limit).await? == all,
                "pages of {limit} show something else than pages of 50"
            );
        }
        let reach = page(&policy, &person.user, &PatientQuery::first(50)).await?.reach;
        if reach == Reach::Listed {
            let missing = person.may_open.iter().any(|patient| !all.contains(patient));
            hold!(!missing, "a record that may be opened is missing from the list of {:?}", person.user.user);
        }
        for patient in &person.may_open {
            encounter_pages(&policy, &person, patient).await?;
        }
    }
    Ok(())
}

async fn encounter_pages(
    policy: &Arc<dyn PatientAccessPolicy>,
    person: &Person,
    patient: &PatientId,
) -> Verdict {
    let mut lists = Vec::new();
    for limit in [50, 1, 3] {
        let (mut seen, mut query) = (Vec::new(), EncounterQuery::first(limit));
        for _ in 0..MANY_PAGES {
            let found = policy.encounters(&person.user, patient, &query).await.map_err(policy_fault)?;
            seen.extend(found.encounters.into_iter().map(|encounter| encounter.id));
            let Some(next) = found.next else { break };
            query = EncounterQuery::first(limit).with_after(Some(next));
        }
        lists.push(seen);
    }
    hold!(
        lists.windows(2).all(|two| two.first() == two.last()),
        "small pages of encounters show something else than large ones"
    );
    Ok(())
}

/// It passes through the browser, its history, and logs.
pub async fn a_cursor_names_no_patient(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        let mut query = PatientQuery::first(1);
        let everybody = walk(&policy, &person.user, 50).await?;
        for _ in 0..20 {
            let found = page(&policy, &person.user, &query).await?;
            let Some(next) = found.next else { break };
            let mut words = next.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'));
            let named = words.any(|word| everybody.iter().any(|patient| patient.as_str() == word));
            hold!(!named, "a cursor names a patient");
            query = PatientQuery::first(1).with_after(Some(next));
        }
    }
    Ok(())
}

/// Cursors and search texts come from a browser: an odd one is no fault, and shows nobody whom the user would not be shown.
pub async fn a_hostile_query_opens_nothing(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    let odd = [
        "",
        "-1",
        "0",
        "999999999999999999999",
        "4294967295",
        "' OR 1=1 --",
        "%",
        "_",
        "*",
        "\0",
        "\u{1F600}",
        "../",
        "NaN",
        "{}",
        "\r\n",
    ];
    let long = "x".repeat(100);
    for person in people(world).await? {
        let shown: BTreeSet<_> = walk(&policy, &person.user, 50).await?.into_iter().collect();
        for text in odd.into_iter().chain([long.as_str()]) {
            let first = PatientQuery::first(2);
            let queries = [
                first.clone().with_after(Some(text.to_owned())),
                first.clone().with_text(Some(text.to_owned())),
                first.with_text(Some(text.to_owned())).with_after(Some(text.to_owned())),
            ];
            for query in queries {
                let found = page(&policy, &person.user, &query).await?;
                hold!(found.patients.len() <= 2, "{text:?} gets a longer page than was asked for");
                let foreign = found.patients.iter().any(|patient| !shown.contains(&patient.id));
                hold!(!foreign, "{text:?} shows a patient whom {:?} may not see", person.user.user);
            }
            let Some(patient) = person.may_open.first() else { continue };
            let query = EncounterQuery::first(2).with_after(Some(text.to_owned()));
            let found = policy.encounters(&person.user, patient, &query).await.map_err(policy_fault)?;
            hold!(
                found.encounters.len() <= 2,
                "{text:?} gets a longer page of encounters than was asked for"
            );
        }
    }
    Ok(())
}

/// What is listed is confirmed, and what is another patient's is not (E10).
pub async fn encounters_are_a_patients_own(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        for patient in &person.may_open {
            let query = EncounterQuery::first(5);
            let found = policy.encounters(&person.user, patient, &query).await.map_err(policy_fault)?;
            for encounter in found.encounters {
                let own = policy.encounter(patient, &encounter.id).await.map_err(policy_fault)?;
                hold!(own.as_ref() == Some(&encounter), "an encounter that was listed is not the patient's");
                for other in
                    person.may_open.iter().chain(&person.may_not_open).filter(|other| *other != patient)
                {
                    let foreign = policy.encounter(other, &encounter.id).await.map_err(policy_fault)?;
                    hold!(foreign.is_none(), "an encounter is two patients'");
                }
            }
            for id in ["", "no-such-encounter-here", "*", "' OR 1=1 --", "\0"] {
                let found = policy.encounter(patient, &EncounterId::new(id)).await.map_err(policy_fault)?;
                hold!(found.is_none(), "the encounter {id:?}, which does not exist, is a patient's");
            }
        }
    }
    Ok(())
}

/// From the next question on, at the refresh above all: nobody caches a yes.
pub async fn what_has_ended_is_denied(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        let Some((gone, kept)) = person.may_open.split_first() else { continue };
        hold!(
            answer(&policy, &person.question(gone, Moment::Refresh)).await?.is_some(),
            "a record before the end"
        );
        if world.end(&person.user.user, gone).await == Arranged::Never {
            continue;
        }
        for moment in MOMENTS.into_iter().chain([Moment::Launch]) {
            let allowed = answer(&policy, &person.question(gone, moment)).await?;
            hold!(allowed.is_none(), "{:?} opens at {moment:?} what is over", person.user.user);
        }
        hold!(!walk(&policy, &person.user, 50).await?.contains(gone), "a list shows what is over");
        for patient in kept {
            let allowed = answer(&policy, &person.question(patient, Moment::Refresh)).await?;
            hold!(allowed.is_some(), "one relationship's end ended another");
        }
    }
    Ok(())
}

/// Asked at once about everybody by everybody.
pub async fn many_questions_get_their_own_answers(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    let mut asked = Vec::new();
    for person in people(world).await? {
        let allowed = person.may_open.iter().take(5).map(|patient| (patient, true));
        let denied = person.may_not_open.iter().take(5).map(|patient| (patient, false));
        asked.extend(allowed.chain(denied).map(|(patient, due)| (person.clone(), patient.clone(), due)));
    }
    let answers = race(asked.len().max(40), |index| {
        let (policy, case) = (Arc::clone(&policy), asked.get(index % asked.len()).cloned());
        async move {
            let Some((person, patient, due)) = case else { return Ok(true) };
            let allowed = answer(&policy, &person.question(&patient, Moment::Issue)).await?;
            let right = allowed.as_ref().is_none_or(|allowed| allowed.summary.id == patient);
            Ok::<_, Broken>(allowed.is_some() == due && right)
        }
    });
    for right in answers.await? {
        hold!(right?, "an answer to another question, of many at once");
    }
    Ok(())
}

/// Dropped at each of its waits, a question leaves nothing behind that the next one would meet.
pub async fn a_caller_that_goes_away_harms_nobody(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    for person in people(world).await? {
        let Some(patient) = person.may_open.first() else { continue };
        let mut verdict = Ok(());
        at_every_wait(async |waits| {
            let question = person.question(patient, Moment::Refresh);
            let query = PatientQuery::first(5);
            let finished = drop_after(waits, policy.may_access(&question)).await.is_some();
            let finished =
                drop_after(waits, policy.accessible(&person.user, &query)).await.is_some() && finished;
            let next = async {
                hold!(
                    answer(&policy, &question).await?.is_some(),
                    "a denial after a question that was dropped"
                );
                for foreign in person.may_not_open.iter().take(2) {
                    let allowed = answer(&policy, &person.question(foreign, Moment::Refresh)).await?;
                    hold!(allowed.is_none(), "a yes after a question that was dropped");
                }
                Ok(())
            };
            verdict = next.await;
            finished || verdict.is_err()
        })
        .await;
        verdict?;
    }
    Ok(())
}

/// It fails closed, and says that it failed: a denial would end grants that are good (503, nothing spent).
pub async fn an_outage_is_not_a_denial(world: World<'_>) -> Verdict {
    let policy = world.open().await;
    let people = people(world).await?;
    if world.cut().await == Arranged::Never {
        return Ok(());
    }
    for person in people {
        for patient in person.may_open.iter().chain(&person.may_not_open).take(5) {
            for moment in MOMENTS {
                let answer = policy.may_access(&person.question(patient, moment)).await;
                hold!(answer.is_err(), "a question that nobody can answer, at {moment:?}");
            }
        }
        let listed = policy.accessible(&person.user, &PatientQuery::first(10)).await;
        hold!(listed.is_err(), "a list that nobody can make");
    }
    Ok(())
}
