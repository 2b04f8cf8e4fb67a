//! Vestibule inside the hospital: this is all that embedding takes.
//!
//! A store and keys ([`Storage`]), the four traits of our own (`host/`), a configuration ([`authorization_server`]), and
//! one service mounted beside our own routes ([`mount`]).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use vestibule::{AuthorizationServer, Config, ConfigErrors, DiscoveryPolicy, FhirBase, Host, Observer};
use vestibule_host::{
    Alg, AuditSink, Clock as _, ConsentStore, GrantStore, JwksFetcher, KeyError, KeyStore, MemoryClients,
    MemoryConsents, MemoryGrants, PatientAccessPolicy, RateGate, RegistrationPolicy, StaticClients,
    SystemClock, Tenant, UserAuthenticator,
};
use vestibule_jose::{FileKeys, KeyPlan, LocalKeyRing, SystemRandom};
use vestibule_pages::HtmlPages;
use vestibule_postgres::{PostgresClients, PostgresOptions, PostgresStore, migrate};
use vestibule_redis::{ConnectError, RedisStore};
use vestibule_sqlite::{OpenError, SqliteClients, SqliteOptions, SqliteStore};
use vestibule_tower::VestibuleService;

use crate::database::Store;
use crate::host::registrations::Registrations;
use crate::postgres::{self, WayError};
use crate::redis;

/// The paths of the two FHIR bases, below the issuer.
pub const FHIR: &str = "/fhir";
/// Older records of the same patients.
pub const ARCHIVE: &str = "/archive/fhir";
/// The path of the second issuer.
pub const CLINIC: &str = "/clinic";

/// Where Vestibule keeps what must survive, and what it signs with.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Launches, interactions, codes and grants.
    pub grants: Arc<dyn GrantStore>,
    /// What users agreed to.
    pub consents: Arc<dyn ConsentStore>,
    /// Signing and sealing keys.
    pub keys: Arc<LocalKeyRing>,
    /// What all of these are, unless they are memory.
    kept: Option<Kept>,
    keys_file: Option<PathBuf>,
}

/// A store that lasts: grants, consents, keys and registrations.
#[derive(Clone, Debug)]
enum Kept {
    File(SqliteStore),
    Postgres(PostgresStore),
    /// Apps that registered themselves are in the file.
    Redis(RedisStore, SqliteStore),
}

impl Kept {
    async fn open(store: &Store) -> Result<Option<Self>, StorageError> {
        let open = |path: &Path| SqliteStore::open(path, SqliteOptions::default());
        let file = store.tables();
        Ok(match (store, file) {
            (Store::Postgres(server), _) => {
                let (database, options) = (postgres::database(server)?, PostgresOptions::default());
                migrate(&database, &options).await?;
                Some(Self::Postgres(PostgresStore::open(&database, &options).await?))
            }
            (Store::Redis(server), Some(path)) => {
                let (server, options) = redis::server(server)?;
                let server = RedisStore::connect(server.expose_secret(), options).await?;
                Some(Self::Redis(server, open(path)?))
            }
            (_, Some(path)) => Some(Self::File(open(path)?)),
            (_, None) => None,
        })
    }

    fn grants(&self) -> Arc<dyn GrantStore> {
        match self {
            Self::File(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Redis(store, _) => Arc::new(store.clone()),
        }
    }

    fn consents(&self) -> Arc<dyn ConsentStore> {
        match self {
            Self::File(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Redis(store, _) => Arc::new(store.clone()),
        }
    }

    fn keys(&self) -> Arc<dyn KeyStore> {
        match self {
            Self::File(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
            Self::Redis(store, _) => Arc::new(store.clone()),
        }
    }

    fn registrations(&self, tenant: Tenant, known: StaticClients) -> Arc<dyn Registrations> {
        match self {
            Self::File(store) | Self::Redis(_, store) => {
                Arc::new(SqliteClients::new(store.clone(), tenant, known))
            }
            Self::Postgres(store) => Arc::new(PostgresClients::new(store.clone(), tenant, known)),
        }
    }

    async fn close(&self) {
        match self {
            Self::File(store) | Self::Redis(_, store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

/// Vestibule's storage cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file.
    #[error("the store cannot be opened")]
    Open(#[from] OpenError),
    /// The database.
    #[error("the store cannot be opened")]
    Database(#[from] vestibule_postgres::OpenError),
    /// The way to it.
    #[error("the store cannot be reached")]
    Way(#[from] WayError),
    /// The way to the server.
    #[error("the store cannot be reached")]
    RedisWay(#[from] redis::WayError),
    /// The server.
    #[error("the store cannot be used")]
    Connect(#[from] ConnectError),
    /// The keys in it.
    #[error("the signing keys cannot be had")]
    Keys(#[from] KeyError),
}

impl Storage {
    /// Opens the store, and the keys in it or in a file of their own. The first start makes keys.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub async fn open(store: &Store, keys_file: Option<&Path>, issuer: &str) -> Result<Self, StorageError> {
        let kept = Kept::open(store).await?;
        let keys = Self::open_keys(kept.as_ref(), keys_file, issuer).await?;
        Ok(Self {
            grants: kept.as_ref().map_or_else(|| Arc::new(MemoryGrants::new()) as _, Kept::grants),
            consents: kept.as_ref().map_or_else(|| Arc::new(MemoryConsents::new()) as _, Kept::consents),
            keys,
            kept,
            keys_file: keys_file.map(Path::to_owned),
        })
    }

    /// The same store for another issuer: everything in it knows whose it is. Only the keys are others.
    ///
    /// # Errors
    /// When there are no keys to be had.
    pub async fn of_another(&self, issuer: &str) -> Result<Self, StorageError> {
        let keys = Self::open_keys(self.kept.as_ref(), self.keys_file.as_deref(), issuer).await?;
        Ok(Self { keys, ..self.clone() })
    }

    async fn open_keys(
        kept: Option<&Kept>,
        file: Option<&Path>,
        issuer: &str,
    ) -> Result<Arc<LocalKeyRing>, KeyError> {
        // ES256 for access tokens and RS256 for ID tokens, as SMART has it; apps may choose the others for their ID tokens.
        let plan = KeyPlan::default().with_id_token(Alg::Es384).with_id_token(Alg::EdDsa);
        let store = match file {
            Some(path) => Some(Arc::new(FileKeys::new(path)) as Arc<dyn KeyStore>),
            None => kept.map(Kept::keys),
        };
        let (random, now) = (Arc::new(SystemRandom), SystemClock.now());
        Ok(Arc::new(match store {
            Some(store) => LocalKeyRing::open(store, &Tenant::new(issuer), plan, random, now).await?,
            None => LocalKeyRing::ephemeral_with(plan, random, now)?,
        }))
    }

    /// A place for keys that are not the hospital's: those of the sample apps, which a hospital would never see.
    #[must_use]
    pub fn key_store(&self) -> Option<Arc<dyn KeyStore>> {
        self.kept.as_ref().map(Kept::keys)
    }

    /// The apps of this issuer that register themselves, beside those that are known already.
    #[must_use]
    pub fn registrations(&self, issuer: &str, known: StaticClients) -> Arc<dyn Registrations> {
        match &self.kept {
            Some(kept) => kept.registrations(Tenant::new(issuer), known),
            None => Arc::new(MemoryClients::new(known)),
        }
    }

    /// Waits until everything that was accepted is written.
    pub async fn close(&self) {
        if let Some(kept) = &self.kept {
            kept.close().await;
        }
    }
}

/// What the hospital brings itself: the traits that `host/` implements, and who fetches apps' key sets.
#[derive(Clone, Debug)]
pub struct Ours {
    /// Who is signed in.
    pub users: Arc<dyn UserAuthenticator>,
    /// Whose records a user may open.
    pub patients: Arc<dyn PatientAccessPolicy>,
    /// Which apps there are, those that registered themselves among them.
    pub clients: Arc<dyn Registrations>,
    /// Who may register an app.
    pub registration: Arc<dyn RegistrationPolicy>,
    /// Keeps audit events.
    pub audit: Arc<dyn AuditSink>,
    /// Who is told more than everybody.
    pub discovery: Arc<dyn DiscoveryPolicy>,
    /// Told what happened to each request, and why.
    pub observer: Arc<dyn Observer>,
    /// Fetches key sets.
    pub fetcher: Arc<dyn JwksFetcher>,
    /// Says "not so fast" to who fails too often.
    pub gate: Arc<dyn RateGate>,
}

/// What the hospital is called, what it offers, and where: one issuer, two FHIR bases.
#[must_use]
pub fn hospital(issuer: &str) -> Config {
    Config::new(issuer, base(issuer, FHIR))
        .with_base(base(issuer, ARCHIVE))
        .with_organization("Elmsby General")
        // `fhir/guard.rs` asks with every request whether a token lives.
        .with_live_check()
        .with_ehr_launch()
        .with_smart_style()
        .with_standalone_encounters()
        .with_form_post()
}

/// The clinic next door: another issuer, at the same address and over the same store. Apps open it by themselves only.
#[must_use]
pub fn clinic(issuer: &str) -> Config {
    Config::new(issuer, base(issuer, FHIR))
        .with_organization("Elmsby Clinic")
        .with_live_check()
        .with_standalone_encounters()
        .with_form_post()
}

/// Apps write the base with and without a slash at the end; both name the same audience.
fn base(issuer: &str, path: &str) -> FhirBase {
    FhirBase::new(format!("{issuer}{path}")).with_alias(format!("{issuer}{path}/"))
}

/// Builds the server of one issuer.
///
/// # Errors
/// Everything that is wrong with the configuration, at once.
pub fn authorization_server(
    config: Config,
    storage: &Storage,
    ours: Ours,
) -> Result<AuthorizationServer, ConfigErrors> {
    let host = Host {
        users: ours.users,
        patients: ours.patients,
        clients: ours.clients.clone(),
        consents: Arc::clone(&storage.consents),
        grants: Arc::clone(&storage.grants),
        keys: storage.keys.clone(),
    };
    AuthorizationServer::builder(config, host)
        .with_pages(Arc::new(HtmlPages::new()))
        .with_audit_sink(ours.audit)
        .with_discovery_policy(ours.discovery)
        .with_observer(ours.observer)
        .with_jwks_fetcher(ours.fetcher)
        .with_rate_gate(ours.gate)
        .with_registration(ours.clients, ours.registration)
        .build()
}

/// Mounts Vestibule at its own paths: those below its issuer, and discovery below each FHIR base. It routes on whole paths, so
/// nothing is stripped. `issuer` is the path of the issuer, empty or with a slash in front.
pub fn mount(router: Router, server: &AuthorizationServer, issuer: &str) -> Router {
    let service = VestibuleService::new(server.clone());
    let config = server.config();
    let mut paths =
        vec![format!("{issuer}/auth/{{*endpoint}}"), format!("{issuer}/.well-known/{{*document}}")];
    // RFC 8414 puts the issuer's path behind the well-known one.
    if !issuer.is_empty() {
        paths.push(format!("/.well-known/oauth-authorization-server{issuer}"));
    }
    for base in config.bases() {
        let path = base.url().strip_prefix(config.issuer()).unwrap_or_default();
        paths.push(format!("{issuer}{path}/.well-known/{{*document}}"));
    }
    paths.iter().fold(router, |router, path| router.route_service(path, service.clone()))
}

/// Vestibule has no timer of its own: this is the loop that lets it tidy up.
pub async fn keep_house(server: AuthorizationServer) {
    loop {
        let pause = server.tick().await.unwrap_or_else(|fault| {
            tracing::warn!(error = &fault as &dyn std::error::Error, "tidying up has to wait");
            Duration::from_secs(60)
        });
        tokio::time::sleep(pause).await;
    }
}
