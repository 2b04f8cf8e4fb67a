//! Where a check takes place: in memory with virtual time, or on loopback with real sockets and real time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use vestibule_fetch::{FetchOptions, GuardedFetcher};
use vestibule_host::{JwksFetcher, UnixMillis};

use crate::naive::Naive;
use crate::net::Net;
use crate::server::Server;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    /// The one that is shipped.
    Guarded,
    /// The one that trusts what it is told. Every check must fail for it.
    Naive,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) net: Arc<Net>,
    is_real: bool,
    subject: Subject,
    start: Instant,
    next: AtomicU8,
}

impl World {
    pub(crate) fn in_memory(subject: Subject) -> Self {
        Self { net: Arc::default(), is_real: false, subject, start: Instant::now(), next: AtomicU8::new(1) }
    }

    pub(crate) fn on_loopback(subject: Subject) -> Self {
        Self { is_real: true, ..Self::in_memory(subject) }
    }

    pub(crate) const fn is_real(&self) -> bool {
        self.is_real
    }

    pub(crate) fn fetcher(&self) -> Arc<dyn JwksFetcher> {
        self.fetcher_with(FetchOptions::default())
    }

    /// The subject in this world. The naive one knows no options.
    pub(crate) fn fetcher_with(&self, options: FetchOptions) -> Arc<dyn JwksFetcher> {
        let options = options.with_root_certificate(authority().certificate.clone());
        match (self.subject, self.is_real) {
            (Subject::Naive, false) => Arc::new(Naive::on(Arc::clone(&self.net))),
            (Subject::Naive, true) => Arc::new(Naive::on_loopback()),
            (Subject::Guarded, false) => {
                let options = options.with_resolve(self.net.clone()).with_dial(self.net.clone());
                Arc::new(GuardedFetcher::new(options).unwrap())
            }
            (Subject::Guarded, true) => {
                Arc::new(GuardedFetcher::new(options.danger_allow_loopback()).unwrap())
            }
        }
    }

    /// A server of its own name (in memory) or port (on loopback), and its address.
    pub(crate) async fn server(&self, server: Server) -> (Arc<Server>, String) {
        if self.is_real {
            let (server, at) = listen(server).await;
            return (server, format!("http://{at}/jwks"));
        }
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let (name, address) = (format!("keys{number}.example"), format!("11.0.0.{number}"));
        self.net.name(&name, &[&[&address]]);
        let server = self.net.server(&address, 443, server.with_tls(authority().server_config(&name)));
        (server, format!("https://{name}/jwks"))
    }

    /// A server in the host's own network, which nobody may be led to, and its address.
    pub(crate) async fn inside(&self, server: Server) -> (Arc<Server>, String) {
        if self.is_real {
            return self.server(server).await;
        }
        let server = self.net.server("127.0.0.1", 80, server);
        (server, "http://127.0.0.1/latest/meta-data".to_owned())
    }

    /// What the engine says the time is.
    pub(crate) fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(1_800_000_000).plus(self.start.elapsed())
    }
}

pub(crate) async fn listen(server: Server) -> (Arc<Server>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, server) = (listener.local_addr().unwrap(), Arc::new(server));
    let accepting = Arc::clone(&server);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&accepting).serve(stream));
        }
    });
    (server, at)
}

/// An authority that only these tests trust.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) certificate: Vec<u8>,
}

/// What is wrong with a certificate, if anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    None,
    Expired,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    pub(crate) fn server_config(&self, name: &str) -> Arc<ServerConfig> {
        self.server_config_with(name, Flaw::None)
    }

    pub(crate) fn server_config_with(&self, name: &str, flaw: Flaw) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        if flaw == Flaw::Expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new("an authority for tests"))
}

/// Whether there is time for the long form of a test.
pub(crate) fn is_long_run() -> bool {
    std::env::var_os("VESTIBULE_LONG_RUN").is_some()
}
