//! The whole engine under any sequence of commands, held to a reference model: people at two browsers, six apps, a host that changes
//! its mind, a store that fails, requests that race. `commands` says what the bytes mean, `hospital` is the host, `model` says what
//! must be true.
//!
//! What it holds the engine to (the invariants I1 to I12): a code and each generation of a refresh chain buy tokens once; tokens
//! are for the patient that this user chose in this launch, for this app and no more scopes than were agreed to; what was revoked,
//! is over, or whose user, session, consent, record or app is gone, stays refused; each change has its event and each event its
//! change; a fault is a 503 and changes nothing, and a 503 comes only with a fault.
//!
//! There are no clocks, sockets or signatures in it: tokens are opaque, or have a signature that nobody checks.

mod browsing;
mod commands;
mod hospital;
mod model;
mod programs;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use vestibule::{AuthorizationServer, Config, FhirBase, Host};
use vestibule_host::{
    ClientId, Clock as _, GrantStore, KeyError, KeyId, KeyRing, KeySet, LaunchContext, MemoryGrants,
    PatientId, SessionId, UserId,
};
use vestibule_testkit::{FakeClock, FaultyGrants, Injected, SeededEntropy};

use self::browsing::{Browser, Tab};
use self::commands::Bytes;
use self::hospital::{APPS, BASE, Hospital, PATIENTS, SCOPES, USERS};
use self::model::{Model, Wrong, hold, is_ehr};
use crate::{ISSUER, KEY_SET, NOW};

/// The target: over the store in memory.
pub fn engine(data: &[u8]) -> bool {
    match run(data, Arc::new(MemoryGrants::new())) {
        Ok(accepted) => accepted,
        Err(wrong) => panic!("{wrong}"),
    }
}

/// The same over any store, and without a panic. `Ok(true)`: some code bought tokens.
pub(crate) fn run(data: &[u8], store: Arc<dyn GrantStore>) -> Result<bool, Wrong> {
    let mut engine = Engine::over(store);
    let mut bytes = Bytes::new(data);
    while let Some(letter) = bytes.command() {
        // No two codes are issued at the same moment, so that a moment names a grant.
        if b"fgspcy".contains(&letter) {
            engine.clock.advance(Duration::from_millis(1));
        }
        engine.command(letter, &mut bytes)?;
    }
    engine.every_change_has_its_event()?;
    Ok(!engine.model.tokens.is_empty())
}

/// A launch that the EHR made.
struct Launch {
    handle: String,
    user: usize,
    app: usize,
    patient: &'static str,
    until: i64,
    spent: bool,
}

struct Engine {
    server: AuthorizationServer,
    hospital: Hospital,
    clock: FakeClock,
    store: FaultyGrants,
    model: Model,
    browsers: [Browser; 2],
    tabs: Vec<Tab>,
    launches: Vec<Launch>,
    sessions: usize,
    /// The verb whose next call fails.
    armed: Option<(&'static str, Injected)>,
    /// Whether a fault hit the request that was just made.
    hit: bool,
}

/// Every verb and read that a request may come to.
const VERBS: [&str; 9] = [
    "interaction",
    "launch",
    "grant",
    "access",
    "put_launch",
    "advance_interaction",
    "issue_code",
    "redeem_code",
    "rotate_refresh",
];

const FAULTS: [Injected; 6] =
    [Injected::Before, Injected::After, Injected::Reset, Injected::Busy, Injected::Full, Injected::Delay];

/// Around everything that ends.
const STEPS: [u64; 15] =
    [1, 4, 5, 10, 30, 59, 60, 61, 299, 300, 600, 12 * HOUR, 179 * DAY, 200 * DAY, 180 * DAY];
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

impl Engine {
    fn over(store: Arc<dyn GrantStore>) -> Self {
        let (hospital, clock) = (Hospital::default(), FakeClock::new(NOW));
        let store = FaultyGrants::new(store).that_waits();
        let shared = Arc::new(hospital.clone());
        let host = Host {
            users: shared.clone(),
            patients: shared.clone(),
            consents: shared.clone(),
            clients: shared.clone(),
            grants: Arc::new(store.clone()),
            keys: Arc::new(NoSignatures(Arc::new(KEY_SET.clone()))),
        };
        let server =
            AuthorizationServer::builder(Config::new(ISSUER, FhirBase::new(BASE)).with_ehr_launch(), host)
                .with_pages(shared.clone())
                .with_audit_sink(shared)
                .with_clock(Arc::new(clock.clone()))
                .with_entropy(Arc::new(SeededEntropy::new(7)))
                .build()
                .expect("a valid configuration");
        Self {
            server,
            hospital,
            clock,
            store,
            model: Model::default(),
            browsers: Default::default(),
            tabs: Vec::new(),
            launches: Vec::new(),
            sessions: 0,
            armed: None,
            hit: false,
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().0
    }

    /// Runs a call of the engine with the fault that is armed, if one is.
    fn call<T>(&mut self, call: impl Future<Output = T>) -> T {
        self.store.restart();
        if let Some((verb, how)) = self.armed {
            self.store.fail_next(verb, how);
        }
        self.hospital.mind().answers.clear();
        let result = ready(call);
        self.hit = false;
        if let Some((verb, how)) = self.armed
            && self.store.calls().contains(&verb)
        {
            self.armed = None;
            self.hit = how != Injected::Delay;
        }
        result
    }

    fn command(&mut self, letter: u8, bytes: &mut Bytes<'_>) -> Result<(), Wrong> {
        match letter {
            b'i' => {
                let (browser, user) = (bytes.below(2), bytes.below(USERS.len()));
                self.sign_in(browser, user);
            }
            b'o' => return self.sign_out(bytes),
            b'l' => {
                let (user, app) = (bytes.below(USERS.len()), bytes.below(APPS.len()));
                let patient = PATIENTS[bytes.below(PATIENTS.len())];
                self.launch(user, app, patient)?;
            }
            b'a' => {
                let (browser, app) = (bytes.below(2), bytes.below(APPS.len()));
                let scopes = bytes.below(SCOPES.len());
                let launch = bytes.below(self.launches.len() + 1);
                let launch = (launch > 0).then(|| self.launches.len() - launch);
                self.authorize(browser, app, scopes, launch)?;
            }
            b's' => {
                let (tab, browser) = (bytes.next(), bytes.below(2));
                if let Some(tab) = newest(self.tabs.len(), tab) {
                    self.load(tab, browser)?;
                }
            }
            b'p' => {
                let (tab, patient, page) = (bytes.next(), bytes.below(PATIENTS.len()), bytes.next());
                if let Some(tab) = newest(self.tabs.len(), tab) {
                    self.pick(tab, PATIENTS[patient], page)?;
                }
            }
            b'c' => {
                let (tab, answer, page) = (bytes.next(), bytes.next(), bytes.next());
                if let Some(tab) = newest(self.tabs.len(), tab) {
                    self.consent(tab, answer, page)?;
                }
            }
            b'f' | b'g' => {
                let (browser, app) = (bytes.below(2), bytes.below(APPS.len()));
                let (scopes, patient) = (bytes.below(SCOPES.len()), bytes.below(PATIENTS.len()));
                self.whole_launch(browser, app, (letter == b'g', scopes), PATIENTS[patient])?;
            }
            b'r' | b'n' | b'v' => {
                let ask = commands::Ask::read(letter, bytes);
                self.one(ask)?;
            }
            b'z' => {
                let order = bytes.next();
                let mut ask = || {
                    let letter = [b'r', b'n', b'v'][bytes.below(3)];
                    commands::Ask::read(letter, bytes)
                };
                let (first, second) = (ask(), ask());
                self.race(order, first, second)?;
            }
            b'y' => {
                let (order, tab, consents) = (bytes.next(), bytes.next(), bytes.below(2) == 1);
                let (first, second) = (bytes.next(), bytes.next());
                if let Some(tab) = newest(self.tabs.len(), tab) {
                    self.both(order, tab, consents, (first, second))?;
                }
            }
            b'q' => {
                let token = bytes.next();
                self.introspect(token)?;
            }
            b'm' => {
                let (browser, what, which) = (bytes.below(2), bytes.below(3), bytes.next());
                self.manage(browser, what, which)?;
            }
            b'h' => {
                let (what, which) = (bytes.below(8), bytes.next());
                self.change(what, which)?;
            }
            b't' => self.clock.advance(Duration::from_secs(STEPS[bytes.below(STEPS.len())])),
            b'x' => self.armed = Some((VERBS[bytes.below(VERBS.len())], FAULTS[bytes.below(FAULTS.len())])),
            b'k' => {
                let server = self.server.clone();
                let done = self.call(server.tick());
                hold!(done.is_ok(), "a tick failed without a fault");
            }
            _ => {}
        }
        Ok(())
    }

    fn sign_in(&mut self, browser: usize, user: usize) {
        self.sessions += 1;
        self.browsers[browser].session = Some((user, format!("{}/{}", USERS[user], self.sessions)));
    }

    fn sign_out(&mut self, bytes: &mut Bytes<'_>) -> Result<(), Wrong> {
        let (browser, told) = (bytes.below(2), bytes.below(2) == 0);
        let Some((_, session)) = self.browsers[browser].session.take() else { return Ok(()) };
        self.hospital.mind().ended.insert(session.clone());
        if told {
            let server = self.server.clone();
            let id = SessionId::new(session.clone());
            let done = self.call(server.session_ended(&id));
            hold!(done.is_ok(), "a session could not be ended");
            let now = self.now();
            self.model.end(now, |grant| grant.session() == Some(session.as_str()));
        }
        Ok(())
    }

    /// The EHR opens an app. `None`: it was refused, rightly.
    fn launch(&mut self, user: usize, app: usize, patient: &'static str) -> Result<Option<usize>, Wrong> {
        let server = self.server.clone();
        let context = LaunchContext::new().with_patient(PatientId::new(patient));
        let (who, client) = (UserId::new(USERS[user]), ClientId::new(APPS[app]));
        let made = self.call(server.create_launch(&who, None, &client, None, BASE, context));
        let allowed = self.hospital.may_open(user, patient) && self.hospital.is_enabled(app);
        let Ok(made) = made else {
            hold!(self.hit || !allowed, "a launch was refused: {made:?}");
            if self.hit {
                self.model.told(vestibule_host::EventKind::LaunchMade, false);
            }
            return Ok(None);
        };
        hold!(allowed, "a launch into a record that this user may not open, or of an app that is disabled");
        let url = made.expose_url();
        let handle = url.split_once("launch=").map(|(_, handle)| handle.to_owned()).unwrap_or_default();
        let until = self.now() + 300_000;
        self.launches.push(Launch { handle, user, app, patient, until, spent: false });
        self.model.told(vestibule_host::EventKind::LaunchMade, true);
        Ok(Some(self.launches.len() - 1))
    }

    /// The host changes its mind; some of it the engine is told.
    fn change(&mut self, what: usize, which: usize) -> Result<(), Wrong> {
        let (user, app) = (which % USERS.len(), which % APPS.len());
        let patient = PATIENTS[which % PATIENTS.len()];
        let server = self.server.clone();
        let mut mind = self.hospital.mind();
        match what {
            0 => drop(mind.locked.insert(user)),
            1 => drop(mind.locked.remove(&user)),
            2 => drop(mind.denied.insert(patient)),
            3 => drop(mind.denied.remove(patient)),
            // The resource server stays.
            4 if app + 1 < APPS.len() => drop(mind.disabled.insert(app)),
            5 => drop(mind.disabled.remove(&app)),
            6 => {
                drop(mind);
                let id = UserId::new(USERS[user]);
                let done = self.call(server.user_ended(&id));
                hold!(done.is_ok(), "a user could not be ended");
                let now = self.now();
                self.model.end(now, |grant| grant.user == user);
            }
            7 => {
                drop(mind);
                let id = ClientId::new(APPS[app]);
                let done = self.call(server.client_ended(&id));
                hold!(done.is_ok(), "an app could not be ended");
                let now = self.now();
                self.model.end(now, |grant| grant.app == app);
            }
            _ => {}
        }
        Ok(())
    }

    /// A whole launch as a user would do it, which must end with a code unless somebody may not.
    fn whole_launch(
        &mut self,
        browser: usize,
        app: usize,
        (by_ehr, scopes): (bool, usize),
        patient: &'static str,
    ) -> Result<(), Wrong> {
        let by_ehr = by_ehr && is_ehr(scopes);
        if self.browsers[browser].session.is_none() {
            self.sign_in(browser, 0);
        }
        let Some((user, session)) = self.browsers[browser].session.clone() else { return Ok(()) };
        let launch = if by_ehr { self.launch(user, app, patient)? } else { None };
        let mut hit = self.hit;
        let scopes = if is_ehr(scopes) && launch.is_none() { scopes % 3 } else { scopes };
        let before = self.model.grants.len();
        if let Some(tab) = self.authorize(browser, app, scopes, launch)? {
            hit |= self.hit;
            self.load(tab, browser)?;
            hit |= self.hit;
            self.pick(tab, patient, 0)?;
            hit |= self.hit;
            self.load(tab, browser)?;
            hit |= self.hit;
            self.consent(tab, 0, 0)?;
        }
        hit |= self.hit;
        let reachable = match launch {
            Some(_) => true,
            None if scopes == 5 => true,
            // One record is chosen by itself, whatever was picked.
            None => {
                let open: Vec<_> = PATIENTS.iter().filter(|one| self.hospital.may_open(user, one)).collect();
                open.contains(&&patient) || (open.len() == 1 && user != 2)
            }
        };
        let may = reachable
            && self.hospital.is_active(user, Some(&session))
            && self.hospital.is_enabled(app)
            && !hit;
        hold!(
            !may || self.model.grants.len() == before + 1,
            "a launch that nothing speaks against led to no code"
        );
        Ok(())
    }

    /// I9.
    fn every_change_has_its_event(&mut self) -> Result<(), Wrong> {
        self.armed = None;
        self.store.restart();
        for _ in 0..8 {
            self.clock.advance(Duration::from_secs(61));
            let server = self.server.clone();
            hold!(ready(server.tick()).is_ok(), "a tick failed");
        }
        let mind = self.hospital.mind();
        let mut ids: Vec<_> = mind.events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        ids.dedup();
        hold!(ids.len() == mind.events.len(), "an event was told twice");
        for (kind, (least, most)) in &self.model.events {
            let told = mind.events.iter().filter(|event| event.kind.name() == *kind).count();
            hold!(
                (*least..=*most).contains(&told),
                "{told} events of {kind}, and it happened {least} to {most} times"
            );
        }
        for event in &mind.events {
            let kind = event.kind.name();
            hold!(self.model.events.contains_key(kind), "an event of {kind}, and nothing happened");
        }
        Ok(())
    }
}

/// The newest is 0.
fn newest(len: usize, back: usize) -> Option<usize> {
    len.checked_sub(1).map(|last| last - back % len)
}

/// Nothing in memory waits for anybody else.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..10_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    unreachable!("a call that hangs")
}

#[derive(Debug)]
struct NoSignatures(Arc<KeySet>);

#[async_trait::async_trait]
impl KeyRing for NoSignatures {
    fn snapshot(&self) -> Arc<KeySet> {
        Arc::clone(&self.0)
    }

    async fn sign(&self, _: &KeyId, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(vec![0; 64])
    }
}
