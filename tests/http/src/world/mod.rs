//! A hospital with a switch at every part.

mod clients;
mod network;
mod observed;
mod parts;
mod registrar;
mod script;
mod spy;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use vestibule::{AuthorizationServer, Builder, Config, FhirBase, Host, RegistrationPolicy};
use vestibule_host::{
    ClientId, ConsentStore, EncounterId, GrantStore, LaunchContext, MemoryConsents, MemoryGrants, PatientId,
    UserId,
};
use vestibule_jose::{LocalKeyRing, SystemRandom};
use vestibule_pages::HtmlPages;
use vestibule_testkit::{FakeClock, FaultyGrants, SeededEntropy};

use crate::door::{Adapter, Door};

pub use clients::{JWTU_KEYS, resource_server_secret, scopes};
pub use network::{Gate, Network};
pub use observed::Observed;
pub use parts::{AskedToSignIn, Clients, Consents, Keys, Patients, Users};
pub use script::{Failing, Script, poll_some};
pub use spy::Spy;

pub const AS: &str = "https://as.example";
pub const FHIR1: &str = "https://fhir.example/r4";
pub const FHIR2: &str = "https://fhir2.example/archive/r4";

// Ids that occur nowhere by chance, so that logs and URLs can be searched for them.
pub const P1: &str = "patient-one-alice";
pub const P2: &str = "patient-two-ben";
pub const P3: &str = "patient-three-bob";
pub const P9: &str = "patient-nine-mallory";
pub const E1: &str = "encounter-one";
pub const E3: &str = "encounter-three-of-bob";

/// Generating an RSA key takes long, so there is one ring for all tests.
fn ring() -> Arc<LocalKeyRing> {
    static RING: OnceLock<Arc<LocalKeyRing>> = OnceLock::new();
    RING.get_or_init(|| Arc::new(LocalKeyRing::ephemeral(&SystemRandom::new()).unwrap())).clone()
}

/// Other keys, for when those of the tests are withdrawn.
pub fn another_ring() -> Arc<LocalKeyRing> {
    static RING: OnceLock<Arc<LocalKeyRing>> = OnceLock::new();
    RING.get_or_init(|| Arc::new(LocalKeyRing::ephemeral(&SystemRandom::new()).unwrap())).clone()
}

/// A host, its parts, and the server over them.
#[derive(Clone, Debug)]
pub struct World {
    pub server: AuthorizationServer,
    /// The way to the server that browsers and apps take.
    pub door: Door,
    adapter: Adapter,
    pub clock: FakeClock,
    pub script: Script,
    pub users: Arc<Users>,
    pub patients: Arc<Patients>,
    pub consents: Arc<Consents>,
    pub clients: Arc<Clients>,
    pub keys: Arc<Keys>,
    /// Where clients publish their keys.
    pub network: Arc<Network>,
    pub gate: Arc<Gate>,
    /// What was explained, request by request.
    pub observed: Arc<Observed>,
    /// The store behind everything, unless the world is [over another](Self::over_store).
    pub memory: Arc<MemoryGrants>,
    /// The store behind everything.
    pub store: Arc<dyn GrantStore>,
    pub grants: FaultyGrants,
    pub spy: Arc<Spy>,
}

pub fn config() -> Config {
    Config::new(AS, FhirBase::new(FHIR1))
        .with_base(FhirBase::new(FHIR2))
        .with_ehr_launch()
        .with_smart_style()
        .with_standalone_encounters()
        .with_organization("St. Example")
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(config())
    }

    pub fn with(config: Config) -> Self {
        Self::behind(Adapter::Direct, config)
    }

    /// A world whose clients speak to it through an adapter.
    pub fn behind(adapter: Adapter, config: Config) -> Self {
        let memory = Arc::new(MemoryGrants::new());
        Self::over((adapter, config), memory.clone(), memory, Arc::new(MemoryConsents::new()))
    }

    /// The same over another store; `memory` then stands aside.
    pub fn over_store(adapter: Adapter, config: Config, store: Arc<dyn GrantStore>) -> Self {
        Self::over_stores(adapter, config, store, Arc::new(MemoryConsents::new()))
    }

    /// The same with another store of consents as well.
    pub fn over_stores(
        adapter: Adapter,
        config: Config,
        store: Arc<dyn GrantStore>,
        consents: Arc<dyn ConsentStore>,
    ) -> Self {
        Self::over((adapter, config), Arc::new(MemoryGrants::new()), store, consents)
    }

    fn over(
        (adapter, config): (Adapter, Config),
        memory: Arc<MemoryGrants>,
        store: Arc<dyn GrantStore>,
        consents: Arc<dyn ConsentStore>,
    ) -> Self {
        let clock = FakeClock::default();
        let script = Script::default();
        let grants = FaultyGrants::new(store.clone());
        let world = Parts {
            users: Arc::new(Users::new(script.clone(), clock.clone())),
            patients: Arc::new(Patients::new(script.clone())),
            consents: Arc::new(Consents::new(script.clone(), consents)),
            clients: Arc::new(Clients::new(script.clone())),
            keys: Arc::new(Keys::new(script.clone(), ring())),
            network: Arc::new(Network::new(script.clone())),
            gate: Arc::default(),
            observed: Arc::default(),
            spy: Arc::new(Spy::new(script.clone(), Arc::new(grants.clone()))),
        };
        let server = world.serve(config, &clock, 1);
        let Parts { users, patients, consents, clients, keys, network, gate, observed, spy } = world;
        let door = Door::open(adapter, server.clone());
        Self {
            server,
            door,
            adapter,
            clock,
            script,
            users,
            patients,
            consents,
            clients,
            keys,
            network,
            gate,
            observed,
            memory,
            store,
            grants,
            spy,
        }
    }

    /// Another server over the same parts: what a restart, or a second node, looks like.
    pub fn restarted(&self, config: Config) -> Self {
        let server = self.parts().serve(config, &self.clock, 2);
        Self { door: self.door_to(&server), server, ..self.clone() }
    }

    /// The same world with an endpoint at which apps register themselves.
    pub fn registering(&self, policy: impl RegistrationPolicy + 'static) -> Self {
        self.rebuilt(|server| server.with_registration(self.clients.clone(), Arc::new(policy)))
    }

    /// The same world with another server, or with one that has more parts.
    pub fn rebuilt(&self, with: impl FnOnce(Builder) -> Builder) -> Self {
        let server =
            with(self.parts().builder(self.server.config().clone(), &self.clock, 3)).build().unwrap();
        Self { door: self.door_to(&server), server, ..self.clone() }
    }

    fn parts(&self) -> Parts {
        Parts {
            users: self.users.clone(),
            patients: self.patients.clone(),
            consents: self.consents.clone(),
            clients: self.clients.clone(),
            keys: self.keys.clone(),
            network: self.network.clone(),
            gate: self.gate.clone(),
            observed: self.observed.clone(),
            spy: self.spy.clone(),
        }
    }

    /// A way to another server, like the one to this world's own.
    pub fn door_to(&self, server: &AuthorizationServer) -> Door {
        Door::open(self.adapter, server.clone())
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Makes an EHR launch and returns its handle.
    pub async fn launch_for(&self, user: &str, client: &str, context: LaunchContext) -> String {
        let (user, client) = (UserId::new(user), ClientId::new(client));
        let launch = self.server.create_launch(&user, None, &client, None, FHIR1, context).await.unwrap();
        handle_of(launch.expose_url())
    }

    /// How many rows the store holds. Empties it.
    pub async fn count_rows_and_purge(&self) -> u32 {
        let mut rows = 0;
        loop {
            let purged = self.store.purge(vestibule_host::UnixMillis(i64::MAX), u16::MAX).await.unwrap();
            rows += purged.rows;
            if !purged.more {
                return rows;
            }
        }
    }
}

/// The `launch` parameter of a launch URL.
pub fn handle_of(url: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "launch").unwrap().1.into_owned()
}

pub fn open_record(patient: &str) -> LaunchContext {
    LaunchContext::new().with_patient(PatientId::new(patient))
}

pub fn open_visit(patient: &str, encounter: &str) -> LaunchContext {
    open_record(patient).with_encounter(EncounterId::new(encounter))
}

struct Parts {
    users: Arc<Users>,
    patients: Arc<Patients>,
    consents: Arc<Consents>,
    clients: Arc<Clients>,
    keys: Arc<Keys>,
    network: Arc<Network>,
    gate: Arc<Gate>,
    observed: Arc<Observed>,
    spy: Arc<Spy>,
}

impl Parts {
    fn serve(&self, config: Config, clock: &FakeClock, seed: u64) -> AuthorizationServer {
        self.builder(config, clock, seed).build().unwrap()
    }

    fn builder(&self, config: Config, clock: &FakeClock, seed: u64) -> Builder {
        let host = Host {
            users: self.users.clone(),
            patients: self.patients.clone(),
            consents: self.consents.clone(),
            clients: self.clients.clone(),
            grants: self.spy.clone(),
            keys: self.keys.clone(),
        };
        AuthorizationServer::builder(config, host)
            .with_pages(Arc::new(HtmlPages::new()))
            .with_jwks_fetcher(self.network.clone())
            .with_rate_gate(self.gate.clone())
            .with_observer(self.observed.clone())
            .with_clock(Arc::new(clock.clone()))
            .with_entropy(Arc::new(SeededEntropy::new(seed)))
    }
}
