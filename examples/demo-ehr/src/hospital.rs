//! The parts put together: from options to two running servers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::watch;
use vestibule::{AuthorizationServer, ConfigErrors};
use vestibule_fetch::SetupError;
use vestibule_host::{KeyError, StaticClients, SystemClock};

use crate::apps::AppKey;
use crate::apps::confidential::{self, ConfidentialApp};
use crate::database::{Database, DatabaseError, Store};
use crate::ehr::forms::Forms;
use crate::ehr::session::Cookie;
use crate::ehr::{self, Ehr, Launcher};
use crate::embed::{self, ARCHIVE, CLINIC, FHIR, Ours, Storage, StorageError};
use crate::fhir::capability::OAuthUris;
use crate::fhir::guard::{self, Guard};
use crate::fhir::journal::Journal;
use crate::fhir::{self, FhirBase, Origins};
use crate::host::audit::EhrAudit;
use crate::host::clients::{self, ClientsFileError, Surroundings};
use crate::host::discovery::Partners;
use crate::host::explanations::Recent;
use crate::host::key_sets::KeySets;
use crate::host::patients::EhrPatients;
use crate::host::rate::Failures;
use crate::host::users::EhrUsers;
use crate::options::{Command, Options};
use crate::records::{Records, Shelf};
use crate::serve::{self, Limits};
use crate::{keys, sample_app};

/// The EHR's own forms are small.
const LARGEST_FORM: usize = 64 * 1024;

/// What a hospital is built from, once its addresses are known.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How browsers reach the EHR: an origin.
    pub public_url: String,
    /// How browsers reach the sample app: another origin.
    pub sample_app_url: String,
    /// Where things are kept.
    pub store: Store,
    /// More registered apps.
    pub clients: Option<PathBuf>,
    /// A file for the keys, if they are not to be in the store.
    pub keys: Option<PathBuf>,
    /// Whether apps' key sets may come from loopback addresses.
    pub allow_loopback_fetch: bool,
}

/// A hospital, ready to be served.
#[derive(Debug)]
pub struct Hospital {
    /// The EHR, the FHIR bases and Vestibule.
    pub ehr: Router,
    /// The sample app.
    pub sample_app: Router,
    /// Vestibule, for whatever else the EHR asks of it.
    pub server: AuthorizationServer,
    /// The second issuer.
    pub clinic: AuthorizationServer,
    storage: Storage,
    /// Set when the end is near: whoever asks is told that this process is not ready any more.
    closing: Arc<AtomicBool>,
}

/// Why the hospital does not open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The clients file is wrong.
    #[error(transparent)]
    Clients(#[from] ClientsFileError),
    /// The store's directory is missing.
    #[error("the directory of the store, {0}, does not exist")]
    NoDirectory(String),
    /// The hospital's tables cannot be opened.
    #[error(transparent)]
    Tables(#[from] DatabaseError),
    /// Vestibule's storage cannot be opened.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Vestibule does not start like this.
    #[error("the authorization server cannot be built")]
    Server(#[from] ConfigErrors),
    /// The sample apps' key cannot be made or read.
    #[error("the sample apps get no key")]
    AppKey(#[from] KeyError),
    /// Nothing could fetch apps' key sets.
    #[error("key sets of apps could not be fetched")]
    Fetcher(#[from] SetupError),
    /// There is nothing to change.
    #[error("keys in memory end with the program that made them; name the store with --store sqlite:PATH")]
    NoKeysInMemory,
    /// The port cannot be had.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// Browsers reach this address without https, which only loopback may do.
    #[error("{0} is not a loopback address: say with --public-url under which https URL browsers reach it")]
    NeedsPublicUrl(SocketAddr),
    /// There is no port after the last.
    #[error("the sample app needs the port after {0}, and there is none")]
    NoNextPort(u16),
}

impl StartError {
    /// 2: something that was said is wrong. 1: something is in the way.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Clients(_) | Self::NeedsPublicUrl(_) | Self::NoNextPort(_) | Self::NoKeysInMemory => 2,
            _ => 1,
        }
    }

    /// The whole story in one text.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

impl Hospital {
    /// Puts the hospital together.
    ///
    /// # Errors
    /// Whatever stands in the way, named.
    pub async fn open(settings: &Settings) -> Result<Self, StartError> {
        has_directory(&settings.store)?;
        let public = settings.public_url.as_str();
        // Vestibule's store first: it makes the file readable by its owner only.
        let storage = Storage::open(&settings.store, settings.keys.as_deref(), public).await?;
        let app_key = AppKey::open(storage.key_store()).await?;
        let apps = settings.sample_app_url.as_str();
        let key_set_url = confidential::key_set_url(apps);
        let around = Surroundings {
            public_url: public,
            sample_app_url: apps,
            key_set_url: &key_set_url,
            app_key: &app_key,
        };
        let registry = clients::registry(around, settings.clients.as_deref())?;
        let fetcher = KeySets::new(key_set_url.clone(), settings.allow_loopback_fetch)?;
        clients::check_key_sets(&registry, &fetcher, settings.clients.as_deref())?;
        let known: Vec<_> = registry.iter().cloned().collect();
        let partners = Partners::of(&registry, public);
        let clients = storage.registrations(public, registry);
        let database = Database::open(&settings.store)?;
        let records = Arc::new(Records::current());

        let https = public.starts_with("https:");
        let session = Cookie::new("ehr_session", https);
        let recent = Arc::new(Recent::new(Arc::new(SystemClock)));
        let journal = Arc::new(Journal::new(Arc::new(SystemClock)));
        let audit = |issuer: &str| EhrAudit { database: database.clone(), issuer: issuer.to_owned() };
        let ours = Ours {
            users: Arc::new(EhrUsers { database: database.clone(), cookie: session.clone() }),
            patients: Arc::new(EhrPatients { database: database.clone(), records: Arc::clone(&records) }),
            clients: Arc::clone(&clients),
            registration: Arc::new(clients::registration()?),
            audit: Arc::new(audit(public)),
            discovery: Arc::new(partners),
            observer: recent.clone(),
            fetcher: Arc::new(fetcher),
            gate: Arc::new(Failures::new(Arc::new(SystemClock))),
        };
        // The clinic next door: the same people and store; its own keys, apps and audit events.
        let next_door = format!("{public}{CLINIC}");
        let of_the_clinic = storage.of_another(&next_door).await?;
        let clinics = of_the_clinic.registrations(&next_door, clients::of_the_clinic(apps)?);
        let theirs = Ours {
            clients: Arc::clone(&clinics),
            audit: Arc::new(audit(&next_door)),
            discovery: Arc::new(Partners::of(&StaticClients::default(), &next_door)),
            ..ours.clone()
        };
        let server = embed::authorization_server(embed::hospital(public), &storage, ours)?;
        let clinic = embed::authorization_server(embed::clinic(&next_door), &of_the_clinic, theirs)?;

        let ehr = Arc::new(Ehr {
            database: database.clone(),
            records: Arc::clone(&records),
            shelf: Shelf::new(FHIR, Arc::clone(&records), database.clone()),
            forms: Forms::new(public, &database.secret("forms").await?),
            session,
            visit: Cookie::new("ehr_visit", https),
            server: server.clone(),
            clinic: clinic.clone(),
            launcher: Launcher::new(server.clone(), known, Arc::clone(&clients), public),
            clients: Arc::clone(&clients),
            recent,
            journal: Arc::clone(&journal),
            sample_app: settings.sample_app_url.clone(),
            app_key: app_key.clone(),
        });
        let origins = Arc::new(Origins { clients });
        let clinic_origins = Arc::new(Origins { clients: clinics });
        let base = |server: &AuthorizationServer,
                    path: &'static str,
                    records: Arc<Records>,
                    origins: &Arc<Origins>| {
            let url = format!("{}{path}", server.config().issuer());
            let guard = Guard {
                server: server.clone(),
                base: url.clone(),
                database: database.clone(),
                rules: guard::rules(&url),
            };
            // What is written through one issuer's base is there at the other's: it is one hospital.
            let shelf = Shelf::new(path, records, database.clone());
            let (uris, journal) = (oauth_uris(server), Arc::clone(&journal));
            fhir::router(Arc::new(FhirBase { url, shelf, guard, uris, journal }), Arc::clone(origins))
        };
        let closing = Arc::new(AtomicBool::new(false));
        let ready = {
            let (database, server, closing) = (database.clone(), server.clone(), Arc::clone(&closing));
            async move || match closing.load(Ordering::Relaxed) {
                true => (StatusCode::SERVICE_UNAVAILABLE, "closing\n"),
                false => ready(&database, &server).await,
            }
        };
        let router = ehr::router(ehr)
            .layer(DefaultBodyLimit::max(LARGEST_FORM))
            .nest(&format!("{CLINIC}{FHIR}"), base(&clinic, FHIR, Arc::clone(&records), &clinic_origins))
            .nest(FHIR, base(&server, FHIR, records, &origins))
            .nest(ARCHIVE, base(&server, ARCHIVE, Arc::new(Records::archive()), &origins))
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(ready));
        let router = embed::mount(embed::mount(router, &server, ""), &clinic, CLINIC);
        let apps = ConfidentialApp::all(apps, &server, &clinic, &app_key)
            .into_iter()
            .fold(sample_app::router(public), |router, app| router.merge(app.router()));
        Ok(Self { ehr: router, sample_app: apps, server, clinic, storage, closing })
    }
}

fn oauth_uris(server: &AuthorizationServer) -> OAuthUris {
    let endpoints = server.config().endpoints();
    OAuthUris {
        authorize: endpoints.authorization.clone(),
        token: endpoints.token.clone(),
        introspect: endpoints.introspection.clone(),
        revoke: endpoints.revocation.clone(),
        register: endpoints.registration.clone(),
        manage: endpoints.management.clone(),
    }
}

/// Without a directory for it no file can be made; a directory that was mistyped should not be.
fn has_directory(store: &Store) -> Result<(), StartError> {
    let Some(path) = store.tables() else { return Ok(()) };
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    match directory.filter(|directory| !directory.is_dir()) {
        Some(missing) => Err(StartError::NoDirectory(missing.display().to_string())),
        None => Ok(()),
    }
}

async fn ready(database: &Database, server: &AuthorizationServer) -> (StatusCode, &'static str) {
    let tables = database.run(|c| c.query_row("SELECT 1", [], |_| Ok(()))).await;
    match (tables, server.ready().await) {
        (Ok(()), Ok(())) => (StatusCode::OK, "ready\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}

/// Opens the hospital and serves it until a signal says stop.
///
/// # Errors
/// Whatever stands in the way of opening.
pub async fn run(options: &Options) -> Result<(), StartError> {
    if let Some(Command::Keys { action }) = &options.command {
        has_directory(&options.store)?;
        let issuer = options.public_url.clone().map_or_else(|| local_url(options.listen), Ok)?;
        println!("{}", keys::run(&options.store, options.keys.as_deref(), &issuer, action).await?);
        return Ok(());
    }
    let stop_signal = serve::stop_signal();
    let ehr = listen(options.listen).await?;
    let address = ehr.local_addr().map_err(|error| StartError::Listen(options.listen, error))?;
    let app = listen(next_port(options.listen)?).await?;
    let app_port = app.local_addr().map_err(|error| StartError::Listen(options.listen, error))?.port();

    let settings = Settings {
        public_url: match &options.public_url {
            Some(url) => url.clone(),
            None => local_url(address)?,
        },
        sample_app_url: format!("http://localhost:{app_port}"),
        store: options.store.clone(),
        clients: options.clients.clone(),
        keys: options.keys.clone(),
        allow_loopback_fetch: options.allow_loopback_fetch,
    };
    let hospital = Hospital::open(&settings).await?;
    println!("{}", banner(&settings));
    let housekeeping =
        [&hospital.server, &hospital.clinic].map(|server| tokio::spawn(embed::keep_house(server.clone())));

    let (stop, stopping) = watch::channel(false);
    let closing = Arc::clone(&hospital.closing);
    let servers = async {
        tokio::join!(
            serve::serve(ehr, hospital.ehr, Limits::default(), stopping.clone()),
            serve::serve(app, hospital.sample_app, Limits::default(), stopping)
        )
    };
    let signal = async {
        stop_signal.await;
        println!("Closing.");
        closing.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(options.drain_wait)).await;
        // Both servers hold a receiver until they stop.
        let _ = stop.send(true);
    };
    tokio::join!(servers, signal);
    housekeeping.iter().for_each(tokio::task::JoinHandle::abort);
    hospital.storage.close().await;
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen(address, error))
}

/// The sample app's address. Port 0 asks for any free port, twice.
fn next_port(address: SocketAddr) -> Result<SocketAddr, StartError> {
    let port = match address.port() {
        0 => 0,
        port => port.checked_add(1).ok_or(StartError::NoNextPort(port))?,
    };
    Ok(SocketAddr::new(address.ip(), port))
}

/// How this machine's browser reaches an address that may mean "every interface".
fn local_url(address: SocketAddr) -> Result<String, StartError> {
    match address.ip() {
        ip if ip.is_unspecified() => Ok(format!("http://127.0.0.1:{}", address.port())),
        ip if ip.is_loopback() => Ok(format!("http://{address}")),
        _ => Err(StartError::NeedsPublicUrl(address)),
    }
}

fn banner(settings: &Settings) -> String {
    let Settings { public_url: ehr, sample_app_url: app, store, .. } = settings;
    let kept = match store {
        Store::Memory => "in memory: grants, sign-ins and keys end with this process".to_owned(),
        Store::Sqlite(path) => format!("in {}", path.display()),
        Store::Postgres(server) | Store::Redis(server) => {
            format!("at {server}, the hospital's own tables in ./demo-ehr.sqlite3")
        }
    };
    format!(
        "
  Elmsby General is open. Every person in it is invented.

  Try a patient's app      {app}/
                           press the button, sign in as alice, choose Ben
  Try a clinician's launch {ehr}/ehr
                           sign in as dr-lee, choose a patient, open the app
  Apps that keep secrets   {app}/confidential   {app}/asymmetric
                           {app}/key-set        {app}/old
  Without a browser        {ehr}/ehr/try
                           backend services, introspection, revocation, as dr-lee
  A second issuer          {app}/clinic
                           {ehr}/clinic: the same store, other keys and apps
  Apps with access         {ehr}/auth/manage
  What was asked, and why  {ehr}/ehr/inspector   {ehr}/ehr/inspector/fhir
  Audit log                {ehr}/ehr/audit

  Users, password = name   alice  carol  nobody  dr-lee  nurse-kim
  FHIR bases               {ehr}/fhir
                           {ehr}/archive/fhir
  Stored                   {kept}

  Ctrl-C closes it.
"
    )
}
