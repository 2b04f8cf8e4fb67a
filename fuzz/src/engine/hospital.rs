//! The host around the engine: three people, three records, five apps. Everything that it says is read by the model as well.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use http::request::Parts;
use vestibule_host::client::{ConsentRule, SecretHash};
use vestibule_host::pages::{ConsentView, Frame, Pages, View};
use vestibule_host::user::FhirUser;
use vestibule_host::{
    AuditEvent, AuditSink, ClientAuthentication, ClientId, ClientRegistry, ClientSecret, ClientStatus,
    ConsentAsked, ConsentId, ConsentRecord, ConsentStore, HostError, MemoryConsents, PatientAccessPolicy,
    PatientAnswer, PatientId, PatientPage, PatientQuery, PatientQuestion, PatientSummary, PolicyError, Reach,
    RegisteredClient, RememberedConsent, SessionId, SignInAsk, SignInMove, SignedInUser, Standing,
    StandingQuestion, Tenant, TokenFormat, UserAuthenticator, UserId, UserKind,
};

use crate::{NOW, set};

pub(super) const BASE: &str = "https://ehr.example/fhir";
pub(super) const USERS: [&str; 3] = ["alice", "bob", "dr"];
pub(super) const PATIENTS: [&str; 3] = ["p-one", "p-two", "p-three"];
/// The last one is a resource server, and no app.
pub(super) const APPS: [&str; 6] = ["public", "memo", "strict", "secret", "approved", "server"];
/// What apps ask for. Sets that name `launch` are for EHR launches.
pub(super) const SCOPES: [&str; 6] = [
    "launch/patient patient/Observation.rs offline_access",
    "launch/patient patient/Observation.rs patient/Condition.rs openid fhirUser online_access",
    "launch/patient patient/Observation.rs patient/Condition.rs",
    "launch patient/Observation.rs patient/Condition.rs offline_access",
    "launch patient/Observation.rs online_access",
    "user/Observation.rs openid offline_access",
];

pub(super) fn address(app: usize) -> String {
    format!("https://{}.example/cb", APPS[app])
}

/// Of an app that has one.
pub(super) fn secret(app: usize) -> Option<String> {
    (app >= 3).then(|| format!("{}-", APPS[app]).repeat(8))
}

static REGISTERED: LazyLock<Vec<RegisteredClient>> = LazyLock::new(|| {
    let scopes = "launch launch/patient openid fhirUser offline_access online_access patient/*.rs user/*.rs";
    let app = |number: usize| {
        let authentication = match secret(number) {
            None => ClientAuthentication::Public,
            Some(secret) => ClientAuthentication::SecretPost(vec![ClientSecret::new(
                SecretHash::of(&secret).expect("a long secret"),
            )]),
        };
        let id = ClientId::new(APPS[number]);
        let mut client = RegisteredClient::new(id, authentication, &address(number), set(scopes));
        client.launch_uris = vec![format!("https://{}.example/launch", APPS[number])];
        client.token_format = TokenFormat::Opaque;
        client.version = "1".to_owned();
        match APPS[number] {
            "memo" => client.consent = ConsentRule::Remember,
            "strict" => client.strict_refresh = true,
            // The only one whose tokens can be read, and cannot be introspected: no key signs them.
            "secret" => client.token_format = TokenFormat::Jwt,
            "approved" => client.consent = ConsentRule::PreApproved,
            "server" => client.introspects = vec![BASE.to_owned()],
            _ => {}
        }
        client
    };
    (0..APPS.len()).map(app).collect()
});

#[derive(Debug, Default)]
pub(super) struct Mind {
    pub(super) locked: HashSet<usize>,
    pub(super) ended: HashSet<String>,
    pub(super) denied: HashSet<&'static str>,
    pub(super) disabled: HashSet<usize>,
    /// The answers that were given or found in the call that was just made, the newest last: two requests at once may each have one.
    pub(super) answers: Vec<ConsentAnswer>,
    pub(super) events: Vec<AuditEvent>,
}

/// What somebody agreed to, about whose record.
#[derive(Clone, Debug)]
pub(super) struct ConsentAnswer {
    pub(super) id: ConsentId,
    pub(super) patient: Option<PatientId>,
    pub(super) granted: Vec<String>,
}

impl ConsentAnswer {
    fn new(id: &ConsentId, record: &ConsentRecord) -> Self {
        Self { id: id.clone(), patient: record.patient.clone(), granted: record.granted.clone() }
    }
}

/// Clones share what the host thinks.
#[derive(Clone, Debug, Default)]
pub(super) struct Hospital {
    mind: Arc<Mutex<Mind>>,
    consents: Arc<MemoryConsents>,
}

impl Hospital {
    pub(super) fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose records, whatever the policy thinks today.
    pub(super) fn records_of(user: usize) -> &'static [&'static str] {
        match user {
            0 => &PATIENTS[..2],
            1 => &PATIENTS[2..],
            _ => &PATIENTS,
        }
    }

    pub(super) fn may_open(&self, user: usize, patient: &str) -> bool {
        Self::records_of(user).contains(&patient) && !self.mind().denied.contains(patient)
    }

    /// Good standing, in this session if one is named.
    pub(super) fn is_active(&self, user: usize, session: Option<&str>) -> bool {
        let mind = self.mind();
        !mind.locked.contains(&user) && session.is_none_or(|session| !mind.ended.contains(session))
    }

    pub(super) fn is_enabled(&self, app: usize) -> bool {
        !self.mind().disabled.contains(&app)
    }

    pub(super) async fn is_given(&self, consent: &ConsentId) -> bool {
        self.consents.given(&Tenant::new(crate::ISSUER), consent).await.unwrap_or(false)
    }

    pub(super) async fn answers_of(&self, user: usize) -> usize {
        let tenant = Tenant::new(crate::ISSUER);
        self.consents.list_for_user(&tenant, &UserId::new(USERS[user])).await.map_or(0, |list| list.len())
    }
}

fn user_of(name: &str) -> Option<usize> {
    USERS.iter().position(|known| *known == name)
}

#[async_trait]
impl UserAuthenticator for Hospital {
    /// Who is signed in stands in a header, as `user/session`.
    async fn current_user(&self, head: &Parts) -> Result<Option<SignedInUser>, HostError> {
        let session = head.headers.get("x-session").and_then(|value| value.to_str().ok());
        let Some((name, _)) = session.and_then(|session| session.split_once('/')) else { return Ok(None) };
        let session = SessionId::new(session.unwrap_or_default());
        let kind = if name == "dr" { UserKind::Clinician } else { UserKind::Patient };
        let reference = if name == "dr" { "Practitioner/dr" } else { "Patient/p-one" };
        let user = SignedInUser::new(UserId::new(name), format!("sub-{name}"), session, NOW, kind);
        Ok(Some(user.with_fhir_user(FhirUser::new(reference))))
    }

    async fn standing(&self, question: &StandingQuestion<'_>) -> Result<Standing, HostError> {
        let Some(user) = user_of(question.user.as_str()) else { return Ok(Standing::NotAllowed) };
        Ok(match question.session.map(SessionId::as_str) {
            _ if !self.is_active(user, None) => Standing::NotAllowed,
            session if !self.is_active(user, session) => Standing::SessionEnded,
            _ => Standing::Active,
        })
    }

    fn sign_in(&self, _: &SignInAsk<'_>) -> SignInMove {
        SignInMove::Redirect("/sign-in".to_owned())
    }
}

#[async_trait]
impl PatientAccessPolicy for Hospital {
    async fn accessible(&self, user: &SignedInUser, _: &PatientQuery) -> Result<PatientPage, PolicyError> {
        let user = user_of(user.user.as_str()).unwrap_or(usize::MAX);
        let open = Self::records_of(user).iter().filter(|patient| self.may_open(user, patient));
        let patients = open.map(|id| PatientSummary::new(PatientId::new(*id), *id)).collect();
        let reach = if user == 2 { Reach::Searched } else { Reach::Listed };
        Ok(PatientPage { patients, reach, next: None })
    }

    async fn may_access(&self, question: &PatientQuestion<'_>) -> Result<PatientAnswer, PolicyError> {
        let patient = question.patient.as_str();
        let open = user_of(question.user.as_str()).is_some_and(|user| self.may_open(user, patient));
        let summary = PatientSummary::new(question.patient.clone(), patient);
        Ok(if open { PatientAnswer::allowed(summary) } else { PatientAnswer::Denied })
    }
}

#[async_trait]
impl ClientRegistry for Hospital {
    async fn client(&self, id: &ClientId) -> Result<Option<RegisteredClient>, HostError> {
        let Some(number) = REGISTERED.iter().position(|client| client.id == *id) else { return Ok(None) };
        let mut client = REGISTERED[number].clone();
        if !self.is_enabled(number) {
            client.status = ClientStatus::Disabled;
        }
        Ok(Some(client))
    }

    async fn is_known_origin(&self, _: &str) -> Result<bool, HostError> {
        Ok(false)
    }
}

#[async_trait]
impl ConsentStore for Hospital {
    async fn remembered(
        &self,
        tenant: &Tenant,
        asked: &ConsentAsked<'_>,
    ) -> Result<Option<RememberedConsent>, HostError> {
        let found = self.consents.remembered(tenant, asked).await?;
        self.mind().answers.extend(found.iter().map(|found| ConsentAnswer::new(&found.id, &found.record)));
        Ok(found)
    }

    async fn record(&self, tenant: &Tenant, record: &ConsentRecord) -> Result<ConsentId, HostError> {
        let id = self.consents.record(tenant, record).await?;
        self.mind().answers.push(ConsentAnswer::new(&id, record));
        Ok(id)
    }

    async fn given(&self, tenant: &Tenant, id: &ConsentId) -> Result<bool, HostError> {
        self.consents.given(tenant, id).await
    }

    async fn list_for_user(
        &self,
        tenant: &Tenant,
        user: &UserId,
    ) -> Result<Vec<RememberedConsent>, HostError> {
        self.consents.list_for_user(tenant, user).await
    }

    async fn withdraw(&self, tenant: &Tenant, id: &ConsentId) -> Result<(), HostError> {
        self.consents.withdraw(tenant, id).await
    }
}

#[async_trait]
impl AuditSink for Hospital {
    async fn record(&self, events: &[AuditEvent]) -> Result<(), HostError> {
        self.mind().events.extend_from_slice(events);
        Ok(())
    }
}

/// Draws lines that the target reads: no HTML, one word a line and its values.
impl Pages for Hospital {
    fn render(&self, view: &View<'_>, _: &Frame<'_>) -> String {
        let mut out = String::new();
        let mut line = |name: &str, values: &str| {
            out.push_str(name);
            out.push(' ');
            out.push_str(values);
            out.push('\n');
        };
        match view {
            View::Patients(view) => {
                line("step", view.form.step);
                line("mistake", if view.mistake.is_some() { "yes" } else { "no" });
                view.patients.iter().for_each(|patient| line("patient", patient.id.as_str()));
                line("page", "picker");
            }
            View::Consent(ConsentView { form, patient, items, .. }) => {
                line("step", form.step);
                patient.iter().for_each(|patient| line("patient", patient.id.as_str()));
                items.iter().for_each(|item| line("scope", item.scope.as_str()));
                line("page", "consent");
            }
            View::Manage(view) => {
                line("step", view.form.step);
                for grant in view.grants {
                    let patient = grant.patient.as_ref().map_or("-", |patient| patient.id.as_str());
                    line("grant", &format!("{} {} {} {patient}", grant.id, grant.app, grant.since.0));
                }
                line("page", "manage");
            }
            View::EndAll(view) => line("step", view.form.step),
            _ => line("page", "other"),
        }
        out
    }

    fn language(&self, _: &[String]) -> String {
        "en".to_owned()
    }
}
