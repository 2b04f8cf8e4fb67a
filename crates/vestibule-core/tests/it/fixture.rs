//! The server, the apps and the requests that the tests begin from; names as in the attack catalogue.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule_core::audience::FhirBase;
use vestibule_core::authorize::error::AuthorizeRefusal;
use vestibule_core::authorize::issue::{CodeDraft, CodeLife, CodeParts};
use vestibule_core::authorize::{
    Identified, Negotiation, Offer, PendingRequest, Progress, ProvenRedirect, Refusal, Rules, Who,
};
use vestibule_core::explain::Trail;
use vestibule_core::grant::{GrantRecord, Grantable};
use vestibule_core::params::Params;
use vestibule_core::record;
use vestibule_host::pages::Problem;
use vestibule_host::user::FhirUser;
use vestibule_host::{
    Advance, ClientAuthentication, ClientId, EncounterId, GrantId, InteractionHash, IssueCode, LaunchContext,
    PatientAnswer, PatientId, PatientSummary, Record, RegisteredClient, Revision, SessionId, SignedInUser,
    Standing, UnixMillis, UserId, UserKind,
};
use vestibule_scope::{Scope, ScopeSet};

pub(crate) const ISSUER: &str = "https://as.example";
pub(crate) const FHIR1: &str = "https://fhir.example/r4";
pub(crate) const FHIR2: &str = "https://fhir2.example/r4";
pub(crate) const REDIRECT: &str = "https://app.example/cb";
pub(crate) const V1: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const C1: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
/// A handle of the right form.
pub(crate) const HANDLE: &str = "vl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn patient(id: &str) -> PatientId {
    PatientId::new(id)
}

pub(crate) fn encounter(id: &str) -> EncounterId {
    EncounterId::new(id)
}

pub(crate) fn yes(id: &str) -> PatientAnswer {
    PatientAnswer::allowed(PatientSummary::new(patient(id), "A Person"))
}

pub(crate) fn who(user: &str, session: &str) -> Who {
    Who { user: UserId::new(user), session: SessionId::new(session) }
}

/// Everything that any test asks for.
pub(crate) const EVERYTHING: &str = "launch launch/patient launch/encounter launch/imagingstudy launch/list openid \
     fhirUser profile offline_access online_access patient/*.cruds user/*.cruds system/*.cruds";

pub(crate) fn client_with(scopes: &str) -> RegisteredClient {
    RegisteredClient::new(ClientId::new("pub"), ClientAuthentication::Public, REDIRECT, set(scopes))
}

/// `pub`: public, with everything in its registration.
pub(crate) fn client() -> RegisteredClient {
    client_with(EVERYTHING)
}

/// What is wired.
pub(crate) struct Server {
    pub(crate) bases: Vec<FhirBase>,
    pub(crate) ehr_launch: bool,
    pub(crate) standalone_encounters: bool,
    pub(crate) form_post: bool,
}

impl Server {
    pub(crate) fn new() -> Self {
        let bases = vec![FhirBase::new(FHIR1), FhirBase::new(FHIR2)];
        Self { bases, ehr_launch: true, standalone_encounters: true, form_post: false }
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules {
            issuer: ISSUER,
            bases: &self.bases,
            interaction_life: Duration::from_secs(600),
            ehr_launch: self.ehr_launch,
            standalone_encounters: self.standalone_encounters,
            v1_scopes: true,
        }
    }

    /// What the authorize endpoint makes of a query before anybody signs in.
    pub(crate) fn hear(&self, query: &str, client: &RegisteredClient) -> Heard {
        let params = Params::parse(query.as_bytes()).expect("few parameters");
        let proven = Identified::read(&params).and_then(|identified| {
            let known = (identified.client_id() == client.id.as_str()).then_some(client);
            ProvenRedirect::prove(known, &identified, &params, self.form_post)
        });
        let proven = match proven {
            Ok(proven) => proven,
            Err(problem) => return Heard::Shown(problem),
        };
        let mut trail = Trail::default();
        let rules = self.rules();
        match PendingRequest::validate(&params, &proven, client, &rules, &hint, NOW, &mut trail) {
            Ok(request) => Heard::Accepted(Box::new(request)),
            Err(refusal) => {
                Heard::Redirected { refusal, location: proven.refuse(refusal, ISSUER).location() }
            }
        }
    }

    /// The negotiation of a scope text by whatever client and base, also where nothing is left.
    pub(crate) fn negotiate(&self, scopes: &str, client: &RegisteredClient, ehr: bool) -> Negotiation {
        pending(scopes, ehr).negotiate(client, &self.bases[0], &self.rules())
    }
}

/// `hint:<client>:<subject>` stands for an ID token of ours.
fn hint(token: &str) -> Option<serde_json::Map<String, Value>> {
    let (aud, sub) = token.strip_prefix("hint:")?.split_once(':')?;
    json!({ "aud": aud, "sub": sub }).as_object().cloned()
}

/// A request as if it had been validated and stored.
pub(crate) fn pending(scopes: &str, ehr: bool) -> PendingRequest {
    let mut text = json!({
        "c": "pub", "r": REDIRECT, "s": "st1", "b": FHIR1, "p": scopes, "h": C1, "n": "n-0S6",
        "e": NOW.0 + 600_000,
    });
    if ehr {
        text["l"] = json!(vec![7; 32]);
    }
    serde_json::from_value(text).expect("a stored request")
}

/// The negotiation of the standard server and client.
pub(crate) fn negotiation(scopes: &str, ehr: bool) -> Negotiation {
    Server::new().negotiate(scopes, &client(), ehr)
}

/// What became of an authorize request.
#[derive(Debug)]
pub(crate) enum Heard {
    Shown(Problem),
    Redirected { refusal: AuthorizeRefusal, location: String },
    Accepted(Box<PendingRequest>),
}

impl Heard {
    pub(crate) fn accepted(self) -> PendingRequest {
        match self {
            Self::Accepted(request) => *request,
            other => panic!("not accepted: {other:?}"),
        }
    }

    /// The error code, after a look at the redirect: right address, state, issuer, no code.
    pub(crate) fn error(self, state: Option<&str>) -> &'static str {
        let Self::Redirected { refusal, location } = self else { panic!("not redirected: {self:?}") };
        let query = location.strip_prefix("https://app.example/cb?").expect("the registered address");
        let params = Params::parse(query.as_bytes()).unwrap();
        assert_eq!(params.one("error"), Ok(Some(refusal.code.as_str())));
        assert_eq!(params.one("error_description"), Ok(Some(refusal.description)));
        assert_eq!(params.one("state"), Ok(state), "{location}");
        assert_eq!(params.one("iss"), Ok(Some(ISSUER)));
        assert_eq!(params.one("code"), Ok(None));
        refusal.code.as_str()
    }
}

/// AZ: the valid authorize request, to be changed a parameter at a time.
#[derive(Clone)]
pub(crate) struct Az(Vec<(&'static str, String)>);

impl Az {
    pub(crate) fn new() -> Self {
        let pairs = [
            ("response_type", "code"),
            ("client_id", "pub"),
            ("redirect_uri", REDIRECT),
            ("scope", "launch/patient patient/Observation.rs offline_access"),
            ("state", "st1"),
            ("aud", FHIR1),
            ("code_challenge", C1),
            ("code_challenge_method", "S256"),
        ];
        Self(pairs.iter().map(|(name, value)| (*name, encode(value))).collect())
    }

    /// `AZ{name=value}`, the value encoded.
    pub(crate) fn set(self, name: &'static str, value: &str) -> Self {
        self.raw(name, &encode(value))
    }

    /// `AZ{name=value}`, the value as it stands.
    pub(crate) fn raw(self, name: &'static str, value: &str) -> Self {
        self.without(name).add_raw(name, value)
    }

    /// `AZ{+name=value}`
    pub(crate) fn add(self, name: &'static str, value: &str) -> Self {
        self.add_raw(name, &encode(value))
    }

    fn add_raw(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }

    /// `AZ{-name}`
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn query(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    /// What the standard server answers `pub`.
    pub(crate) fn send(&self) -> Heard {
        Server::new().hear(&self.query(), &client())
    }
}

pub(crate) fn encode(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// A user whose FHIR resource is a practitioner.
pub(crate) fn user(name: &str, session: &str) -> SignedInUser {
    let (id, session) = (UserId::new(name), SessionId::new(session));
    let since = UnixMillis(NOW.0 - 60_000);
    SignedInUser::new(id, format!("sub-{name}"), session, since, UserKind::Clinician)
        .with_fhir_user(FhirUser::new("Practitioner/lee"))
}

/// Everybody who must agree agrees: the patient policy without limits.
pub(crate) fn agreed(progress: &Progress) -> Grantable {
    agreed_with(progress, |patient| yes(patient.as_str())).unwrap()
}

/// Everybody else agrees; the patient policy answers as told.
pub(crate) fn agreed_with(
    progress: &Progress,
    answer: impl Fn(&PatientId) -> PatientAnswer,
) -> Result<Grantable, Refusal> {
    let reask = progress.reask(&ClientId::new("pub"))?;
    let answer = reask.patient_question().map(|question| answer(question.patient));
    reask.answered(Standing::Active, answer, true, NOW)
}

/// A decided interaction of alice.
pub(crate) fn decided(patient: Option<&str>, encounter: Option<&str>, scopes: &str) -> Progress {
    Progress::Decided {
        who: who("alice", "s1"),
        patient: patient.map(PatientId::new),
        encounter: encounter.map(EncounterId::new),
        scopes: set(scopes),
        consent: Some(vestibule_host::ConsentId::new("consent-1")),
    }
}

/// What a code is made of, besides progress and launch.
pub(crate) struct Issue {
    pub(crate) client: RegisteredClient,
    pub(crate) request: PendingRequest,
    pub(crate) user: SignedInUser,
}

impl Issue {
    pub(crate) fn new(scopes: &str, ehr: bool) -> Self {
        let (client, request) = (client(), pending(scopes, ehr));
        Self { client, request, user: user("alice", "s1") }
    }

    pub(crate) fn draft(
        &self,
        progress: &Progress,
        launch: Option<&LaunchContext>,
        grantable: Grantable,
    ) -> Result<CodeDraft, Refusal> {
        let parts = CodeParts {
            issuer: ISSUER,
            client: &self.client,
            request: &self.request,
            progress,
            user: &self.user,
            launch,
            code: "vc_code",
            grant: GrantId::new("grant-1"),
            life: CodeLife { code: Duration::from_secs(60), grant: Duration::from_secs(3600) },
            now: NOW,
        };
        CodeDraft::new(parts, grantable)
    }

    pub(crate) fn operation(&self, draft: &CodeDraft) -> IssueCode {
        let done = Record(bytes::Bytes::from_static(b"done"));
        let id = InteractionHash::new([9; 32]);
        let advance = Advance::new(id, Some(Revision(3)), UnixMillis(NOW.0 + 600_000), done);
        draft.operation(advance, &self.request).unwrap()
    }

    /// The grant that comes of it, read back from its stored form.
    pub(crate) fn grant(&self, progress: &Progress, launch: Option<&LaunchContext>) -> GrantRecord {
        let draft = self.draft(progress, launch, agreed(progress)).unwrap();
        record::read(&self.operation(&draft).grant.record).unwrap()
    }
}

/// The offer of a negotiation of these scopes.
pub(crate) fn offer(scopes: &str, ehr: bool) -> Offer {
    Offer::of(&negotiation(scopes, ehr))
}

/// A JSON object's member names, in order.
pub(crate) fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}
