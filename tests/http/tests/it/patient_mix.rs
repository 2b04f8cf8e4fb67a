//! T21: many users, records, apps and tabs at once, with faults and mistakes in between. No token ever carries a patient that its user
//! did not choose in that launch.
//!
//! Every step of every launch is one that a user or an app could take; which one is next is thrown, and three browsers act at once:
//! each call of each part is a point at which another request goes on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use vestibule_http_tests::app::{Az, Tk, az, az_ehr, introspection, rf, tk};
use vestibule_http_tests::browser::{Answer, Browser, Tab, params_of};
use vestibule_http_tests::world::{Patients, World, open_record};
use vestibule_testkit::{Injected, SeededEntropy};

/// A mix-up, in words.
type MixUp = String;

const USERS: usize = 25;
const TABS: usize = 8;
const APPS: [&str; 4] = ["pub", "basic", "memo", "pre"];
const VERBS: [&str; 7] =
    ["interaction", "launch", "grant", "advance_interaction", "issue_code", "redeem_code", "rotate_refresh"];

/// 2 000 launches; `VESTIBULE_LAUNCHES=100000` is the long run.
///
/// A-CTX-52
#[tokio::test]
async fn t21_no_token_is_for_a_patient_that_nobody_chose() {
    let launches = std::env::var("VESTIBULE_LAUNCHES").map_or(2_000, |text| text.parse().unwrap());
    let mut done = Done::default();
    let mut round = 0;
    while done.launches < launches {
        round += 1;
        let world = World::new();
        world.script.suspend(true);
        if let Err(mix_up) = simulate(&world, round, &mut done).await {
            panic!("round {round}: {mix_up}");
        }
        // A long run that is cut short has said how far it came.
        if round.is_multiple_of(50) {
            println!("{done:?}");
        }
    }
    println!("{done:?}");
    assert!(done.tokens > done.launches && done.ehr > 0 && done.faults > 0 && done.foreign > 0, "{done:?}");
}

/// The reason to believe the above: where a user's launches of one app share their context, it shows within one round.
#[tokio::test]
async fn t21_a_shared_context_is_noticed() {
    let world = World::new();
    world.script.suspend(true);
    world.spy.share_contexts();
    let mix_up = simulate(&world, 1, &mut Done::default()).await.expect_err("a mix-up");
    assert!(mix_up.contains("was chosen"), "{mix_up}");
}

/// What happened.
#[derive(Debug, Default)]
struct Done {
    launches: usize,
    ehr: usize,
    tokens: usize,
    faults: usize,
    /// Choices that were not the user's to make, and were refused.
    foreign: usize,
}

struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    fn one_in(&self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn one_of<T: Clone>(&self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// One launch, from the app's link to its last refresh.
struct Launch {
    user: String,
    app: &'static str,
    ehr: bool,
    /// Whose record the user means.
    patient: String,
    stage: Stage,
}

enum Stage {
    Fresh,
    Open(Tab),
    Code(String),
    Tokens { refresh: Option<String>, older: Option<String>, left: usize },
    Over,
}

/// A user's browser with its tabs.
struct Desk {
    user: String,
    browser: Browser,
    launches: Vec<Launch>,
}

async fn simulate(world: &World, seed: u64, done: &mut Done) -> Result<(), MixUp> {
    let dice = Dice(SeededEntropy::new(seed));
    let mut desks: Vec<Desk> = (0..USERS).map(|number| desk(world, &dice, number)).collect();
    while desks.iter().any(|desk| !desk.is_done()) {
        world.script.restart();
        world.grants.restart();
        if dice.one_in(25) {
            let how = [Injected::Before, Injected::After, Injected::Reset, Injected::Busy];
            world.grants.fail_next(dice.one_of(&VERBS), dice.one_of(&how));
            done.faults += 1;
        }
        if dice.one_in(50) {
            world.advance(1);
        }
        // Three different browsers at once.
        let mut open: Vec<&mut Desk> = desks.iter_mut().filter(|desk| !desk.is_done()).collect();
        let first = open.swap_remove(dice.below(open.len()));
        let second = (!open.is_empty()).then(|| open.swap_remove(dice.below(open.len())));
        let third = (!open.is_empty()).then(|| open.swap_remove(dice.below(open.len())));
        let step = async |desk: Option<&mut Desk>| match desk {
            Some(desk) => desk.step(world, &dice).await,
            None => Ok(Done::default()),
        };
        let (one, two, three) =
            tokio::join!(Box::pin(step(Some(first))), Box::pin(step(second)), Box::pin(step(third)));
        for happened in [one?, two?, three?] {
            done.launches += happened.launches;
            done.ehr += happened.ehr;
            done.tokens += happened.tokens;
            done.foreign += happened.foreign;
        }
    }
    Ok(())
}

/// Parents have three children each, whom nobody else may open; doctors share a ward.
fn desk(world: &World, dice: &Dice, number: usize) -> Desk {
    let user = if number.is_multiple_of(3) { format!("doctor-{number}") } else { format!("parent-{number}") };
    let records = Patients::of(&user);
    let launch = |_| Launch {
        user: user.clone(),
        app: dice.one_of(&APPS),
        ehr: dice.one_in(3),
        patient: dice.one_of(&records),
        stage: Stage::Fresh,
    };
    let mut launches: Vec<Launch> = (0..TABS).map(launch).collect();
    // The EHR opens apps that are registered for it.
    launches.iter_mut().filter(|launch| launch.app == "memo").for_each(|launch| launch.ehr = false);
    Desk { browser: Browser::of(world, &user), user, launches }
}

impl Desk {
    fn is_done(&self) -> bool {
        self.launches.iter().all(|launch| matches!(launch.stage, Stage::Over))
    }

    /// One of the tabs goes on by one step.
    async fn step(&mut self, world: &World, dice: &Dice) -> Result<Done, MixUp> {
        let mut done = Done::default();
        let open: Vec<usize> =
            (0..self.launches.len()).filter(|at| !matches!(self.launches[*at].stage, Stage::Over)).collect();
        let at = dice.one_of(&open);
        let stage = std::mem::replace(&mut self.launches[at].stage, Stage::Over);
        let next = match stage {
            Stage::Fresh => self.begin(world, at, &mut done).await,
            Stage::Open(tab) => {
                if dice.one_in(12) {
                    self.try_what_is_not_theirs(world, &tab, dice, &mut done).await?;
                }
                self.answer(at, tab, dice, &mut done).await?
            }
            Stage::Code(code) => self.launches[at].redeem(world, dice, code, &mut done).await?,
            Stage::Tokens { refresh, older, left } => {
                self.launches[at].refresh(world, dice, (refresh, older, left), &mut done).await?
            }
            Stage::Over => Stage::Over,
        };
        self.launches[at].stage = next;
        Ok(done)
    }

    /// The app's link, or the EHR's button.
    async fn begin(&mut self, world: &World, at: usize, done: &mut Done) -> Stage {
        let launch = &self.launches[at];
        let request: Az = if launch.ehr {
            let context = open_record(&launch.patient);
            let (user, client) =
                (vestibule_host::UserId::new(&*self.user), vestibule_host::ClientId::new(launch.app));
            let base = vestibule_http_tests::world::FHIR1;
            let made = world.server.create_launch(&user, None, &client, None, base, context).await;
            let Ok(made) = made else { return Stage::Fresh };
            done.ehr += 1;
            let handle = params_of(made.expose_url())["launch"].clone();
            az_ehr(launch.app, &handle).scope("launch patient/Observation.rs openid offline_access")
        } else {
            az(launch.app).scope("launch/patient patient/Observation.rs openid offline_access")
        };
        let answer = self.browser.authorize(&request).await;
        if !answer.location().starts_with("/auth/i/") {
            return Stage::Fresh; // A fault.
        }
        self.browser.path = answer.location().to_owned();
        self.browser.reload().await;
        self.seen()
    }

    /// What the tab in front shows: a page, or the end.
    fn seen(&self) -> Stage {
        let page = &self.browser.page;
        let location = page.location();
        if location.starts_with("https://") {
            return match params_of(location).remove("code") {
                Some(code) => Stage::Code(code),
                // A fault was told to the app, which starts again.
                None => Stage::Fresh,
            };
        }
        Stage::Open(self.browser.tab())
    }

    /// A picker is answered with the patient that is meant, a consent page with yes; anything else is loaded again.
    async fn answer(&mut self, at: usize, tab: Tab, dice: &Dice, done: &mut Done) -> Result<Stage, MixUp> {
        self.browser.switch_to(&tab);
        let patient = self.launches[at].patient.clone();
        if self.browser.page.is_picker() {
            // A slip: somebody else's record, from a form that was tampered with.
            if dice.one_in(10) {
                let other = format!("child-1-of-parent-{}", 100 + dice.below(5));
                self.browser.submit(&[("patient", &other), ("move", "choose")]).await;
                if self.browser.page.is_consent() {
                    return Err(format!("{} chose {other}, and nobody minded", self.user));
                }
                done.foreign += 1;
                return Ok(Stage::Open(tab));
            }
            self.browser.submit(&[("patient", &patient), ("move", "choose")]).await;
        } else if self.browser.page.is_consent() {
            let shown = &self.browser.page.body;
            let others = Patients::of(&self.user).into_iter().filter(|other| *other != patient);
            for other in others {
                if shown.contains(&format!("Name Of {other}")) {
                    return Err(format!("{} is asked about {other}, and {patient} was chosen", self.user));
                }
            }
            self.browser.allow().await;
        } else {
            // A problem page: a fault, or this tab was overtaken.
            self.browser.reload().await;
        }
        if self.browser.page.status >= 500 || (self.browser.page.status == 400 && !self.has_form()) {
            self.browser.reload().await;
        }
        Ok(if self.browser.page.status == 400 && !self.has_form() { Stage::Fresh } else { self.seen() })
    }

    fn has_form(&self) -> bool {
        self.browser.page.is_picker() || self.browser.page.is_consent()
    }

    /// Another tab's form sent to this one's address, and this one's address in somebody else's browser.
    async fn try_what_is_not_theirs(
        &mut self,
        world: &World,
        tab: &Tab,
        dice: &Dice,
        done: &mut Done,
    ) -> Result<(), MixUp> {
        self.browser.switch_to(tab);
        let path = self.browser.path.clone();
        let other = self.launches.iter().find_map(|launch| match &launch.stage {
            Stage::Open(tab) => Some((tab.clone(), launch.patient.clone())),
            _ => None,
        });
        if let Some((other, patient)) = other {
            self.browser.switch_to(&other);
            if self.has_form() {
                let step = self.browser.page.step();
                let fields = [("step", step.as_str()), ("patient", &patient), ("move", "choose")];
                let answer = self.browser.post(&path, &fields).await;
                if answer.status == 303 {
                    return Err(format!("{}: one tab's form was taken for another's", self.user));
                }
                done.foreign += 1;
            }
        }
        let mut stranger = Browser::of(world, dice.one_of(&["doctor-99", "parent-99"]));
        let answer: Answer = stranger.get(&path).await;
        if answer.is_picker() || answer.is_consent() || answer.location().contains("code=") {
            return Err(format!("{}: a stranger sees the page", self.user));
        }
        done.foreign += 1;
        Ok(())
    }
}

impl Launch {
    async fn redeem(
        &self,
        world: &World,
        dice: &Dice,
        code: String,
        done: &mut Done,
    ) -> Result<Stage, MixUp> {
        let answer = send(world, &tk(self.app, &code)).await;
        if answer.status == 503 {
            return Ok(Stage::Code(code));
        }
        let tokens = self.check(world, dice, &answer, done).await?;
        done.launches += 1;
        let refresh = tokens["refresh_token"].as_str().map(str::to_owned);
        Ok(Stage::Tokens { refresh, older: None, left: dice.below(4) })
    }

    /// A refresh, or the repetition of one whose answer was lost.
    async fn refresh(
        &self,
        world: &World,
        dice: &Dice,
        (refresh, older, left): (Option<String>, Option<String>, usize),
        done: &mut Done,
    ) -> Result<Stage, MixUp> {
        let Some(current) = refresh.filter(|_| left > 0) else { return Ok(Stage::Over) };
        let again = older.as_ref().filter(|_| dice.one_in(4));
        let answer = send(world, &rf(self.app, again.unwrap_or(&current))).await;
        if answer.status == 503 || answer.status == 400 && again.is_some() {
            // A repetition that came too late or too often; the chain may have ended with it.
            let over = answer.status == 400;
            return Ok(if over {
                Stage::Over
            } else {
                Stage::Tokens { refresh: Some(current), older, left }
            });
        }
        let tokens = self.check(world, dice, &answer, done).await?;
        let next = tokens["refresh_token"].as_str().map(str::to_owned);
        let older = if again.is_some() { older } else { Some(current) };
        Ok(Stage::Tokens { refresh: next, older, left: left - 1 })
    }

    /// The patient of the answer, of the access token, and of what a resource server is told.
    async fn check(
        &self,
        world: &World,
        dice: &Dice,
        answer: &Answer,
        done: &mut Done,
    ) -> Result<Value, MixUp> {
        if answer.status != 200 {
            return Err(format!("{} with {}: {}", self.user, self.app, answer.brief()));
        }
        done.tokens += 1;
        let tokens = answer.json();
        let access = tokens["access_token"].as_str().unwrap_or_default();
        let payload = access.split('.').nth(1).unwrap_or_default();
        let claims = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
        let subject = format!("sub-{}", self.user);
        let mut told =
            vec![("the answer", tokens["patient"].clone()), ("the token", claims["patient"].clone())];
        if dice.one_in(8) {
            let live = introspection("rs1", access);
            let live = send(world, &live).await;
            if live.status == 200 {
                told.push(("introspection", live.json()["patient"].clone()));
            }
        }
        for (where_, patient) in told {
            if patient != self.patient.as_str() {
                return Err(format!(
                    "{where_} says {patient}, and {} was chosen by {}",
                    self.patient, self.user
                ));
            }
        }
        if claims["sub"] != subject.as_str() || claims["client_id"] != self.app {
            return Err(format!("a token of {} with {} is {claims}", self.user, self.app));
        }
        Ok(tokens)
    }
}

async fn send(world: &World, request: &Tk) -> Answer {
    request.send(world).await
}
