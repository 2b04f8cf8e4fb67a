//! Users, records, consent, apps and keys, each with its switches.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use vestibule_host::user::FhirUser;
use vestibule_host::{
    AllowedPatient, ClientId, ClientRegistry, Clock as _, ConsentAsked, ConsentId, ConsentRecord,
    ConsentStore, EncounterId, EncounterPage, EncounterQuery, EncounterSummary, HostError, KeyError, KeyId,
    KeyRing, KeySet, MemoryClients, PatientAccessPolicy, PatientAnswer, PatientId, PatientPage, PatientQuery,
    PatientQuestion, PatientSummary, PolicyError, Reach, RegisteredClient, RememberedConsent, SessionId,
    SignInAsk, SignInMove, SignInReason, SignedInUser, Standing, StandingQuestion, StaticClients, Tenant,
    UnixMillis, UserAuthenticator, UserId, UserKind,
};
use vestibule_jose::LocalKeyRing;
use vestibule_testkit::FakeClock;

use super::clients::{CLIENTS, with_keys};
use super::script::Script;
use super::{E1, E3, P1, P2, P3, P9};

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Users whose session cookie is `host=<user>/<session>`.
#[derive(Debug)]
pub struct Users {
    script: Script,
    clock: FakeClock,
    standing: Mutex<HashMap<String, Standing>>,
    nameless: Mutex<bool>,
    /// When users signed in, where it is not just now.
    since: Mutex<HashMap<String, UnixMillis>>,
    asked: Mutex<Vec<AskedToSignIn>>,
    logs_requests: Mutex<bool>,
}

/// What the engine told the sign-in page.
#[derive(Clone, Debug)]
pub struct AskedToSignIn {
    pub reason: SignInReason,
    pub resume: String,
    pub login_hint: Option<String>,
    pub expected_subject: Option<String>,
    pub acr_values: Vec<String>,
    pub ui_locales: Option<String>,
}

impl Users {
    pub(super) fn new(script: Script, clock: FakeClock) -> Self {
        Self {
            script,
            clock,
            standing: Mutex::default(),
            nameless: Mutex::default(),
            since: Mutex::default(),
            asked: Mutex::default(),
            logs_requests: Mutex::default(),
        }
    }

    /// From now on `standing` says this about a user.
    pub fn set_standing(&self, user: &str, standing: Standing) {
        lock(&self.standing).insert(user.to_owned(), standing);
    }

    /// From now on this user says that they signed in then, and not at this moment.
    pub fn signed_in_at(&self, user: &str, since: UnixMillis) {
        lock(&self.since).insert(user.to_owned(), since);
    }

    /// What the sign-in page was told, in order.
    pub fn asked(&self) -> Vec<AskedToSignIn> {
        lock(&self.asked).clone()
    }

    /// From now on the host logs what it is asked, as hosts do that nobody has looked at.
    pub fn log_requests(&self) {
        *lock(&self.logs_requests) = true;
    }

    /// From now on whoever is signed in has an empty id.
    pub fn forget_ids(&self) {
        *lock(&self.nameless) = true;
    }
}

#[async_trait]
impl UserAuthenticator for Users {
    async fn current_user(&self, head: &http::request::Parts) -> Result<Option<SignedInUser>, HostError> {
        self.script.call("users.current_user").await.map_err(HostError::new)?;
        if *lock(&self.logs_requests) {
            tracing::debug!(headers = ?head.headers, "who is it");
        }
        let cookies = head.headers.get_all(http::header::COOKIE).iter().filter_map(|c| c.to_str().ok());
        let host = cookies.flat_map(|line| line.split("; ")).find_map(|pair| pair.strip_prefix("host="));
        let Some((name, session)) = host.and_then(|value| value.split_once('/')) else { return Ok(None) };
        let (kind, fhir_user) = match name {
            "alice" => (UserKind::Patient, FhirUser::new(&format!("Patient/{P1}"))),
            "bob" => (UserKind::Patient, FhirUser::new(&format!("Patient/{P3}"))),
            "mallory" => (UserKind::Patient, FhirUser::new(&format!("Patient/{P9}"))),
            "dr" => (UserKind::Clinician, FhirUser::new("Practitioner/doctor-dr")),
            name if name.starts_with("doctor-") => {
                (UserKind::Clinician, FhirUser::new(&format!("Practitioner/{name}")))
            }
            _ => (UserKind::Patient, None),
        };
        let id = if *lock(&self.nameless) { "" } else { name };
        let user = SignedInUser::new(
            UserId::new(id),
            format!("sub-{id}"),
            SessionId::new(session),
            lock(&self.since).get(name).copied().unwrap_or_else(|| self.clock.now()),
            kind,
        );
        Ok(Some(user.with_fhir_user(fhir_user).with_display_name(format!("{name} Displayname"))))
    }

    async fn standing(&self, question: &StandingQuestion<'_>) -> Result<Standing, HostError> {
        self.script.call("users.standing").await.map_err(HostError::new)?;
        Ok(lock(&self.standing).get(question.user.as_str()).copied().unwrap_or(Standing::Active))
    }

    fn sign_in(&self, ask: &SignInAsk<'_>) -> SignInMove {
        lock(&self.asked).push(AskedToSignIn {
            reason: ask.reason,
            resume: ask.resume.to_owned(),
            login_hint: ask.login_hint.map(str::to_owned),
            expected_subject: ask.expected_subject.map(str::to_owned),
            acr_values: ask.acr_values.to_vec(),
            ui_locales: ask.ui_locales.map(str::to_owned),
        });
        let query =
            form_urlencoded::Serializer::new(String::new()).append_pair("resume", ask.resume).finish();
        SignInMove::Redirect(format!("/login?{query}"))
    }
}

/// Whose records a user may open: alice P1 and P2, bob P3, mallory P9, dr everybody; `parent-x` three children of their own, and
/// `doctor-x` the ward.
#[derive(Debug)]
pub struct Patients {
    script: Script,
    /// Denied from now on, though still listed unless `unlisted`.
    denied: Mutex<HashSet<String>>,
    merged: Mutex<HashMap<String, String>>,
    ceilings: Mutex<HashMap<String, String>>,
    until: Mutex<HashMap<String, vestibule_host::UnixMillis>>,
    /// Apps with which nobody may open anything.
    denied_apps: Mutex<HashSet<String>>,
}

impl Patients {
    pub(super) fn new(script: Script) -> Self {
        Self {
            script,
            denied: Mutex::default(),
            merged: Mutex::default(),
            ceilings: Mutex::default(),
            until: Mutex::default(),
            denied_apps: Mutex::default(),
        }
    }

    pub fn deny(&self, patient: &str) {
        lock(&self.denied).insert(patient.to_owned());
    }

    /// With this app nobody may open anything, from now on.
    pub fn deny_app(&self, client: &str) {
        lock(&self.denied_apps).insert(client.to_owned());
    }

    /// Two records became one.
    pub fn merge(&self, old: &str, surviving: &str) {
        lock(&self.merged).insert(old.to_owned(), surviving.to_owned());
    }

    pub fn limit(&self, patient: &str, scopes: &str) {
        lock(&self.ceilings).insert(patient.to_owned(), scopes.to_owned());
    }

    pub fn end_at(&self, patient: &str, until: vestibule_host::UnixMillis) {
        lock(&self.until).insert(patient.to_owned(), until);
    }

    /// The records, whatever is denied at the moment.
    pub fn of(user: &str) -> Vec<String> {
        match user {
            "alice" => vec![P1.to_owned(), P2.to_owned()],
            "bob" => vec![P3.to_owned()],
            "mallory" => vec![P9.to_owned()],
            "dr" => {
                let ward = (10..35).map(|number| format!("ward-patient-{number}"));
                [P1, P2, P3, P9].map(str::to_owned).into_iter().chain(ward).collect()
            }
            user if user.starts_with("parent-") => {
                (1..=3).map(|number| format!("child-{number}-of-{user}")).collect()
            }
            user if user.starts_with("doctor-") => {
                (10..19).map(|number| format!("ward-patient-{number}")).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn summary(id: &str) -> PatientSummary {
    PatientSummary::new(PatientId::new(id), format!("Name Of {id}")).with_birth_date("1970-01-31")
}

#[async_trait]
impl PatientAccessPolicy for Patients {
    async fn accessible(
        &self,
        user: &SignedInUser,
        query: &PatientQuery,
    ) -> Result<PatientPage, PolicyError> {
        self.script.call("patients.accessible").await.map_err(PolicyError::new)?;
        let searched = user.kind == UserKind::Clinician;
        let text = query.text.as_deref().unwrap_or_default();
        let wanted = |id: &String| text.is_empty() || id.contains(text);
        let all: Vec<String> = Self::of(user.user.as_str()).into_iter().filter(wanted).collect();
        // Cursors count, and name nobody.
        let from: usize = query.after.as_deref().map_or(0, |cursor| cursor.parse().unwrap_or(usize::MAX));
        let rest = all.get(from.min(all.len())..).unwrap_or_default();
        let shown: Vec<PatientSummary> =
            rest.iter().take(usize::from(query.limit)).map(|id| summary(id)).collect();
        let next = (rest.len() > shown.len()).then(|| (from + shown.len()).to_string());
        let reach = if searched { Reach::Searched } else { Reach::Listed };
        Ok(PatientPage { patients: shown, reach, next })
    }

    async fn may_access(&self, question: &PatientQuestion<'_>) -> Result<PatientAnswer, PolicyError> {
        self.script.call("patients.may_access").await.map_err(PolicyError::new)?;
        let asked = question.patient.as_str();
        let surviving = lock(&self.merged).get(asked).cloned();
        let id = surviving.as_deref().unwrap_or(asked);
        let known = Self::of(question.user.as_str()).iter().any(|one| one == id);
        let by_this_app = !lock(&self.denied_apps).contains(question.client.as_str());
        if !known || !by_this_app || lock(&self.denied).contains(id) {
            return Ok(PatientAnswer::Denied);
        }
        let mut allowed = AllowedPatient::new(summary(id)).with_relationship("self");
        if let Some(ceiling) = lock(&self.ceilings).get(id) {
            allowed = allowed.with_ceiling(
                ceiling.split(' ').map(|scope| vestibule_scope::Scope::parse(scope).unwrap()).collect(),
            );
        }
        if let Some(until) = lock(&self.until).get(id) {
            allowed = allowed.with_until(*until);
        }
        Ok(PatientAnswer::Allowed(Box::new(allowed)))
    }

    async fn encounters(
        &self,
        _: &SignedInUser,
        patient: &PatientId,
        query: &EncounterQuery,
    ) -> Result<EncounterPage, PolicyError> {
        self.script.call("patients.encounters").await.map_err(PolicyError::new)?;
        let all: Vec<String> = match patient.as_str() {
            P1 => (1..=12)
                .map(|number| if number == 1 { E1.to_owned() } else { format!("visit-{number}") })
                .collect(),
            P3 => vec![E3.to_owned()],
            _ => Vec::new(),
        };
        let from: usize = query.after.as_deref().map_or(0, |cursor| cursor.parse().unwrap_or(usize::MAX));
        let rest = all.get(from.min(all.len())..).unwrap_or_default();
        let entry = |id: &String| EncounterSummary {
            id: EncounterId::new(id.clone()),
            title: format!("Title of {id}"),
            date: None,
        };
        let shown: Vec<_> = rest.iter().take(usize::from(query.limit)).map(entry).collect();
        let next = (rest.len() > shown.len()).then(|| (from + shown.len()).to_string());
        Ok(EncounterPage { encounters: shown, next })
    }

    async fn encounter(
        &self,
        patient: &PatientId,
        encounter: &EncounterId,
    ) -> Result<Option<EncounterSummary>, PolicyError> {
        self.script.call("patients.encounter").await.map_err(PolicyError::new)?;
        let belongs = match patient.as_str() {
            P1 => encounter.as_str() == E1 || encounter.as_str().starts_with("visit-"),
            P3 => encounter.as_str() == E3,
            _ => false,
        };
        let title = format!("Title of {}", encounter.as_str());
        Ok(belongs.then(|| EncounterSummary { id: encounter.clone(), title, date: None }))
    }
}

/// Consent, behind the script. What writes is a call before its effect and another one after it.
#[derive(Debug)]
pub struct Consents {
    script: Script,
    inner: Arc<dyn ConsentStore>,
    /// Each answer is withdrawn, in another window, as soon as it is kept.
    forgets: Mutex<bool>,
    /// Whether what cannot be found out is taken for "not given".
    swallows: Mutex<bool>,
}

impl Consents {
    pub(super) const fn new(script: Script, inner: Arc<dyn ConsentStore>) -> Self {
        Self { script, inner, forgets: Mutex::new(false), swallows: Mutex::new(false) }
    }

    pub fn swallow_faults(&self) {
        *lock(&self.swallows) = true;
    }

    pub fn forget_at_once(&self) {
        *lock(&self.forgets) = true;
    }

    pub async fn of(&self, user: &str) -> Vec<RememberedConsent> {
        self.inner.list_for_user(&Tenant::new(super::AS), &UserId::new(user)).await.unwrap()
    }

    pub async fn withdraw_all_of(&self, user: &str) {
        for consent in self.of(user).await {
            self.inner.withdraw(&Tenant::new(super::AS), &consent.id).await.unwrap();
        }
    }
}

#[async_trait]
impl ConsentStore for Consents {
    async fn remembered(
        &self,
        tenant: &Tenant,
        asked: &ConsentAsked<'_>,
    ) -> Result<Option<RememberedConsent>, HostError> {
        self.script.call("consents.remembered").await.map_err(HostError::new)?;
        self.inner.remembered(tenant, asked).await
    }

    async fn record(&self, tenant: &Tenant, record: &ConsentRecord) -> Result<ConsentId, HostError> {
        self.script.call("consents.record").await.map_err(HostError::new)?;
        let id = self.inner.record(tenant, record).await?;
        let forgets = *lock(&self.forgets);
        if forgets {
            self.inner.withdraw(tenant, &id).await?;
        }
        self.script.call("consents.recorded").await.map_err(HostError::new)?;
        Ok(id)
    }

    async fn given(&self, tenant: &Tenant, id: &ConsentId) -> Result<bool, HostError> {
        if let Err(injected) = self.script.call("consents.given").await {
            return if *lock(&self.swallows) { Ok(false) } else { Err(HostError::new(injected)) };
        }
        self.inner.given(tenant, id).await
    }

    async fn list_for_user(
        &self,
        tenant: &Tenant,
        user: &UserId,
    ) -> Result<Vec<RememberedConsent>, HostError> {
        self.script.call("consents.list_for_user").await.map_err(HostError::new)?;
        self.inner.list_for_user(tenant, user).await
    }

    async fn withdraw(&self, tenant: &Tenant, id: &ConsentId) -> Result<(), HostError> {
        self.script.call("consents.withdraw").await.map_err(HostError::new)?;
        self.inner.withdraw(tenant, id).await?;
        self.script.call("consents.withdrawn").await.map_err(HostError::new)
    }
}

/// Apps that an administrator may change at any time.
#[derive(Debug)]
pub struct Clients {
    pub(super) script: Script,
    clients: Mutex<Vec<RegisteredClient>>,
    /// Those that registered themselves.
    pub registered: MemoryClients,
}

impl Clients {
    pub(super) fn new(script: Script) -> Self {
        let mut clients: Vec<RegisteredClient> =
            StaticClients::from_json(CLIENTS).unwrap().iter().cloned().collect();
        clients.extend(with_keys());
        let registered = MemoryClients::with_limit(StaticClients::default(), 1_000);
        Self { script, clients: Mutex::new(clients), registered }
    }

    pub fn change(&self, id: &str, change: impl FnOnce(&mut RegisteredClient)) {
        change(lock(&self.clients).iter_mut().find(|client| client.id.as_str() == id).unwrap());
    }

    /// The app is no longer registered.
    pub fn remove(&self, id: &str) {
        lock(&self.clients).retain(|client| client.id.as_str() != id);
    }

    pub fn get(&self, id: &str) -> RegisteredClient {
        lock(&self.clients).iter().find(|client| client.id.as_str() == id).unwrap().clone()
    }
}

#[async_trait]
impl ClientRegistry for Clients {
    async fn client(&self, id: &ClientId) -> Result<Option<RegisteredClient>, HostError> {
        self.script.call("clients.client").await.map_err(HostError::new)?;
        let known = lock(&self.clients).iter().find(|client| client.id == *id).cloned();
        if known.is_some() { Ok(known) } else { self.registered.client(id).await }
    }

    async fn is_known_origin(&self, origin: &str) -> Result<bool, HostError> {
        self.script.call("clients.is_known_origin").await.map_err(HostError::new)?;
        let is_known = {
            let clients = lock(&self.clients);
            let mut enabled = clients.iter().filter(|client| client.is_enabled());
            enabled.any(|client| client.allowed_origins.iter().any(|known| known == origin))
        };
        Ok(is_known || self.registered.is_known_origin(origin).await?)
    }
}

/// Keys whose service may be away, and which may be exchanged.
#[derive(Debug)]
pub struct Keys {
    script: Script,
    inner: Mutex<Arc<LocalKeyRing>>,
    exchanged: AtomicU64,
}

impl Keys {
    pub(super) const fn new(script: Script, inner: Arc<LocalKeyRing>) -> Self {
        Self { script, inner: Mutex::new(inner), exchanged: AtomicU64::new(0) }
    }

    /// From now on there are other keys: the former ones are withdrawn.
    pub fn exchange(&self, ring: Arc<LocalKeyRing>) {
        *lock(&self.inner) = ring;
        self.exchanged.fetch_add(1, Ordering::Relaxed);
    }

    fn inner(&self) -> Arc<LocalKeyRing> {
        lock(&self.inner).clone()
    }
}

#[async_trait]
impl KeyRing for Keys {
    fn snapshot(&self) -> Arc<KeySet> {
        let mut keys = KeySet::clone(&self.inner().snapshot());
        // Two rings know nothing of each other, and yet it is one that changed.
        keys.revision += 1_000 * self.exchanged.load(Ordering::Relaxed);
        Arc::new(keys)
    }

    async fn sign(&self, key: &KeyId, input: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.script.call("keys.sign").await.map_err(|injected| KeyError::Service(injected.into()))?;
        self.inner().sign(key, input).await
    }

    async fn tend(&self, now: UnixMillis) -> Result<Option<Duration>, KeyError> {
        self.inner().tend(now).await
    }
}
