//! The token endpoint over the memory store, against the floor: the two signatures that it cannot do without, made with the
//! same keys in the same run. Rounds alternate, so that a slow minute slows both.
//!
//! The same endpoint with signatures that cost nothing shows what is ours. Prints one line for each round and the ratio; there is no socket and no runtime in either side.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot be set up stops")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use vestibule::{AuthorizationServer, Config, Host};
use vestibule_benches::{ISSUER, REDIRECT, VERIFIER, base, client, grant, keys, ready};
use vestibule_core::{digest, record};
use vestibule_host::{
    Advance, AttemptId, Call, Clock, ConsentAsked, ConsentId, ConsentRecord, ConsentStore, GrantId,
    GrantStatus, GrantStore, HostError, InteractionHash, Issuance, IssueCode, KeyError, KeyId, KeyRing,
    KeySet, MemoryGrants, PatientAccessPolicy, PatientAnswer, PatientPage, PatientQuery, PatientQuestion,
    PatientSummary, PolicyError, Reach, RememberedConsent, SignInAsk, SignInMove, SignedInUser, Standing,
    StandingQuestion, StaticClients, StoredGrant, SystemClock, Tenant, UserAuthenticator, UserId,
};

const ROUNDS: usize = 9;
const REQUESTS: usize = 100;

fn main() {
    let ring = Arc::new(keys());
    let unsigned = Arc::new(Unsigned(ring.snapshot()));
    let store = Arc::new(MemoryGrants::new());
    let (whole, rest) = (server(&ring, &store), server(&unsigned, &store));
    let mut codes = Codes { store, next: 0 };
    let mut endpoint = |server: &AuthorizationServer| {
        let requests: Vec<Request<Bytes>> = (0..REQUESTS).map(|_| codes.request()).collect();
        time(requests, |request| {
            let response = ready(server.handle(request));
            assert_eq!(response.status(), 200, "{:?}", response.body());
        })
    };
    println!("µs each, {REQUESTS} in a round");
    println!("round   token endpoint   two signatures   endpoint with free signatures");
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let figures =
            [endpoint(&whole), time(vec![(); REQUESTS], |()| two_signatures(&*ring)), endpoint(&rest)];
        // The first round warms up.
        if round > 0 {
            let [whole, floor, rest] = figures;
            println!("{round:5} {whole:16.1} {floor:16.1} {rest:16.1}");
            rounds.push(figures);
        }
    }
    let best = |pick: fn(&[f64; 3]) -> f64| rounds.iter().map(pick).fold(f64::INFINITY, f64::min);
    let mut ratios: Vec<f64> = rounds.iter().map(|[whole, floor, _]| whole / floor).collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap();
    let of_best = best(|[whole, ..]| *whole) / best(|[_, floor, _]| *floor);
    println!("\nratio: {median:.3} (median of rounds), {of_best:.3} (best against best)");
    println!("beside the signatures: {:.1} µs at best", best(|[.., rest]| *rest));
}

/// As long as the real ones: an access token of twelve claims, and its ID token.
fn two_signatures(ring: &dyn KeyRing) {
    let keys = ring.snapshot();
    for (key, length) in [(&keys.access_token, 760), (&keys.id_token, 620)] {
        assert!(!ready(ring.sign(&key.id, &vec![b'a'; length])).unwrap().is_empty());
    }
}

/// Microseconds for each input.
fn time<T>(inputs: Vec<T>, mut work: impl FnMut(T)) -> f64 {
    let count = u32::try_from(inputs.len()).unwrap();
    let start = Instant::now();
    inputs.into_iter().for_each(&mut work);
    (start.elapsed() / count).as_secs_f64() * 1e6
}

/// Issues codes as the authorize endpoint does at its end.
struct Codes {
    store: Arc<MemoryGrants>,
    next: u64,
}

impl Codes {
    fn request(&mut self) -> Request<Bytes> {
        self.next += 1;
        let now = SystemClock.now();
        let code = format!("vc_{:043}", self.next);
        let record = grant(now);
        let interaction = Advance::new(
            InteractionHash::new(digest::parts("interaction", &[&self.next.to_be_bytes()])),
            None,
            now.plus(Duration::from_secs(600)),
            record::write(&"an interaction").unwrap(),
        );
        let stored = StoredGrant {
            id: GrantId::new(format!("grant-{}", self.next)),
            user: record.who.user.clone(),
            client: record.client.clone(),
            session: record.session().cloned(),
            keep_until: now.plus(Duration::from_secs(600)),
            used: now,
            status: GrantStatus::Live,
            record: record::write(&record).unwrap(),
        };
        let binding = digest::binding("app", REDIRECT, record.proof.as_str());
        let issue = IssueCode::new(
            interaction,
            None,
            digest::code(ISSUER, &code),
            binding,
            record.code_expires,
            stored,
        );
        let call = Call { tenant: Tenant::new(ISSUER), attempt: AttemptId::new([0; 16]), now };
        assert_eq!(ready(self.store.issue_code(&issue, &call)).unwrap(), Issuance::Won);
        let form = format!(
            "grant_type=authorization_code&client_id=app&code={code}&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&code_verifier={VERIFIER}"
        );
        Request::post("/auth/token")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .unwrap()
    }
}

fn server(keys: &Arc<impl KeyRing + 'static>, grants: &Arc<MemoryGrants>) -> AuthorizationServer {
    let host = Host {
        users: Arc::new(Everybody),
        patients: Arc::new(Everybody),
        consents: Arc::new(Everybody),
        clients: Arc::new(StaticClients::new(vec![client()]).unwrap()),
        grants: grants.clone(),
        keys: keys.clone(),
    };
    AuthorizationServer::builder(Config::new(ISSUER, base()).with_pages_of_the_host(), host).build().unwrap()
}

/// The same keys, and signatures that cost nothing: what is left is ours.
#[derive(Debug)]
struct Unsigned(Arc<KeySet>);

#[async_trait]
impl KeyRing for Unsigned {
    fn snapshot(&self) -> Arc<KeySet> {
        Arc::clone(&self.0)
    }

    async fn sign(&self, key: &KeyId, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(vec![0; if *key == self.0.id_token.id { 256 } else { 64 }])
    }
}

/// A host that agrees at once, so that only the engine is measured.
#[derive(Debug)]
struct Everybody;

#[async_trait]
impl UserAuthenticator for Everybody {
    async fn current_user(&self, _: &Parts) -> Result<Option<SignedInUser>, HostError> {
        Ok(None)
    }

    async fn standing(&self, _: &StandingQuestion<'_>) -> Result<Standing, HostError> {
        Ok(Standing::Active)
    }

    fn sign_in(&self, _: &SignInAsk<'_>) -> SignInMove {
        SignInMove::Redirect("/sign-in".to_owned())
    }
}

#[async_trait]
impl PatientAccessPolicy for Everybody {
    async fn accessible(&self, _: &SignedInUser, _: &PatientQuery) -> Result<PatientPage, PolicyError> {
        Ok(PatientPage { patients: Vec::new(), reach: Reach::Listed, next: None })
    }

    async fn may_access(&self, question: &PatientQuestion<'_>) -> Result<PatientAnswer, PolicyError> {
        Ok(PatientAnswer::allowed(PatientSummary::new(question.patient.clone(), "Alice")))
    }
}

#[async_trait]
impl ConsentStore for Everybody {
    async fn remembered(
        &self,
        _: &Tenant,
        _: &ConsentAsked<'_>,
    ) -> Result<Option<RememberedConsent>, HostError> {
        Ok(None)
    }

    async fn record(&self, _: &Tenant, _: &ConsentRecord) -> Result<ConsentId, HostError> {
        Ok(ConsentId::new("consent-1"))
    }

    async fn given(&self, _: &Tenant, _: &ConsentId) -> Result<bool, HostError> {
        Ok(true)
    }

    async fn list_for_user(&self, _: &Tenant, _: &UserId) -> Result<Vec<RememberedConsent>, HostError> {
        Ok(Vec::new())
    }

    async fn withdraw(&self, _: &Tenant, _: &ConsentId) -> Result<(), HostError> {
        Ok(())
    }
}
