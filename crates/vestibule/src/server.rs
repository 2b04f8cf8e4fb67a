//! The engine a host holds.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vestibule_core::explain::Observer;
use vestibule_host::{
    Alg, AttemptId, AuditSink, Call, ClientRegistrar, ClientRegistry, Clock, ConsentStore, Entropy,
    EntropyError, GrantStore, JwksFetcher, KeyRing, Pages, PatientAccessPolicy, RateGate, RegistrationPolicy,
    ScopePolicy, StoreFault, SystemClock, Tenant, UnixMillis, UserAuthenticator,
};
use vestibule_jose::SystemRandom;

use crate::client_keys::KeyCache;
use crate::config::{Config, ConfigError, ConfigErrors};
use crate::discovery_policy::DiscoveryPolicy;
use crate::fixed_clients::unsignable;
use crate::http_face::documents::Documents;
use crate::own_token::OwnKeys;
use crate::register::Registrations;
use crate::registration_events::Unheard;

/// What every host brings. A missing part is a compile error.
#[derive(Clone, Debug)]
pub struct Host {
    /// Who is signed in.
    pub users: Arc<dyn UserAuthenticator>,
    /// Whose records a user may open.
    pub patients: Arc<dyn PatientAccessPolicy>,
    /// What users agreed to.
    pub consents: Arc<dyn ConsentStore>,
    /// Which apps are known.
    pub clients: Arc<dyn ClientRegistry>,
    /// Launches, interactions, codes and grants: choose an adapter.
    pub grants: Arc<dyn GrantStore>,
    /// Signing and sealing keys.
    pub keys: Arc<dyn KeyRing>,
}

/// A SMART on FHIR authorization server. Cheap to clone; holds no timer, spawns nothing, knows no runtime.
///
/// See the [front page](crate) for a whole program.
#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) host: Host,
    pub(crate) pages: Option<Arc<dyn Pages>>,
    pub(crate) documents: Documents,
    pub(crate) fetcher: Option<Arc<dyn JwksFetcher>>,
    pub(crate) rate: Option<Arc<dyn RateGate>>,
    pub(crate) audit: Option<Arc<dyn AuditSink>>,
    pub(crate) registrations: Option<Registrations>,
    pub(crate) unheard: Unheard,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) scopes: Option<Arc<dyn ScopePolicy>>,
    pub(crate) discovery: Option<Arc<dyn DiscoveryPolicy>>,
    pub(crate) client_keys: KeyCache,
    pub(crate) own_keys: OwnKeys,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    tenant: Tenant,
}

/// Builds an [`AuthorizationServer`] with parts other than the defaults.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    config: Config,
    host: Host,
    pages: Option<Arc<dyn Pages>>,
    fetcher: Option<Arc<dyn JwksFetcher>>,
    rate: Option<Arc<dyn RateGate>>,
    audit: Option<Arc<dyn AuditSink>>,
    registrations: Option<Registrations>,
    observer: Option<Arc<dyn Observer>>,
    scopes: Option<Arc<dyn ScopePolicy>>,
    discovery: Option<Arc<dyn DiscoveryPolicy>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Builder {
    /// The page set that draws pickers, consent, "apps with access" and errors.
    pub fn with_pages(mut self, pages: Arc<dyn Pages>) -> Self {
        self.pages = Some(pages);
        self
    }

    /// Fetches the key sets of clients that registered a `jwks_uri`. Without one, such clients cannot authenticate.
    pub fn with_jwks_fetcher(mut self, fetcher: Arc<dyn JwksFetcher>) -> Self {
        self.fetcher = Some(fetcher);
        self
    }

    /// Limits rates and locks out. Without one, every request may go on.
    pub fn with_rate_gate(mut self, gate: Arc<dyn RateGate>) -> Self {
        self.rate = Some(gate);
        self
    }

    /// Keeps audit events: one for each change, committed with it and delivered by [`tick`](AuthorizationServer::tick).
    ///
    /// Those about registrations wait in this process: a registrar's commit has no place for them. They are offered to the sink
    /// before the app is answered, and by `tick` as long as it does not take them; with a thousand of them waiting, registrations
    /// stay as they are (503). What a process had not told when it died is lost; the registrar still knows.
    pub fn with_audit_sink(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.audit = Some(sink);
        self
    }

    /// Lets apps register themselves, at the endpoint that the discovery documents then name. Off without this (DCR-004).
    ///
    /// The registrar must be the [`Host::clients`] of this server, or what that one looks into: otherwise nobody knows the apps
    /// that it keeps.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use vestibule::{AuthorizationServer, Builder, Config, Host, InitialTokens, MemoryClients};
    ///
    /// fn with_registration(config: Config, host: Host, clients: Arc<MemoryClients>) -> Builder {
    ///     let policy = InitialTokens::new();
    ///     let host = Host { clients: clients.clone(), ..host };
    ///     AuthorizationServer::builder(config, host).with_registration(clients, Arc::new(policy))
    /// }
    /// ```
    pub fn with_registration(
        mut self,
        registrar: Arc<dyn ClientRegistrar>,
        policy: Arc<dyn RegistrationPolicy>,
    ) -> Self {
        self.registrations = Some(Registrations { registrar, policy });
        self
    }

    /// Is told what happened to each request that decides something (authorize, interaction, token, introspection, revocation,
    /// UserInfo, registration), and why: each check, each scope, what the client learned and what it did not. See [`Explanation`](crate::Explanation).
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Narrows what an app may have of a user, beyond its registration.
    pub fn with_scope_policy(mut self, policy: Arc<dyn ScopePolicy>) -> Self {
        self.scopes = Some(policy);
        self
    }

    /// Lets the SMART configuration say more to callers who show who they are.
    pub fn with_discovery_policy(mut self, policy: Arc<dyn DiscoveryPolicy>) -> Self {
        self.discovery = Some(policy);
        self
    }

    /// Another clock: for tests.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Another source of secrets: for tests.
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Checks everything and builds.
    ///
    /// # Errors
    /// [`ConfigErrors`] with all that is wrong; nothing is left to be found by the first request.
    pub fn build(self) -> Result<AuthorizationServer, ConfigErrors> {
        let mut errors = self.config.check();
        let keys = self.host.keys.snapshot();
        if keys.id_token_key(Alg::Rs256).is_none() {
            errors.push(ConfigError::IdTokenAlg);
        }
        errors.extend(unsignable(&*self.host.clients, &keys));
        // A form that answers an app is a page as well, whoever draws the steps.
        if self.pages.is_none() && (self.config.form_post || !self.config.host_draws_pages) {
            errors.push(ConfigError::NoPages);
        }
        // A-DCR-18: whoever lets anybody in counts them.
        let is_open = self.registrations.as_ref().is_some_and(|wired| wired.policy.is_open());
        if is_open && self.rate.is_none() {
            errors.push(ConfigError::OpenRegistration);
        }
        errors.extend(self.config.check_store(self.host.grants.facts()));
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        let inner = Inner {
            documents: Documents::new(&self.config, &keys, self.registrations.is_some()),
            fetcher: self.fetcher,
            rate: self.rate,
            audit: self.audit,
            registrations: self.registrations,
            unheard: Unheard::default(),
            observer: self.observer,
            scopes: self.scopes,
            discovery: self.discovery,
            client_keys: KeyCache::default(),
            own_keys: OwnKeys::default(),
            tenant: Tenant::new(self.config.issuer()),
            config: self.config,
            host: self.host,
            pages: self.pages,
            clock: self.clock,
            entropy: self.entropy,
        };
        Ok(AuthorizationServer { inner: Arc::new(inner) })
    }
}

impl AuthorizationServer {
    /// Starts to build a server.
    pub fn builder(config: Config, host: Host) -> Builder {
        Builder {
            config,
            host,
            pages: None,
            fetcher: None,
            rate: None,
            audit: None,
            registrations: None,
            observer: None,
            scopes: None,
            discovery: None,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemRandom),
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Does one bounded slice of background work, and says when the next one makes sense: keys are announced, promoted and
    /// retired, events are delivered, rows that are over are purged. The host calls it, from whatever loop it has.
    ///
    /// # Errors
    /// A [`StoreFault`]; try again later.
    pub async fn tick(&self) -> Result<Duration, StoreFault> {
        let inner = self.inner();
        let now = inner.now();
        // Keys first: they do not depend on the store of grants, and a rotation should not wait for it.
        let keys_next = inner.host.keys.tend(now).await.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "the keys cannot be looked after");
            None
        });
        let more_events = inner.deliver_events(now).await?;
        let purged = inner.host.grants.purge(now, 1_000).await?;
        if more_events || purged.more {
            return Ok(Duration::from_millis(50));
        }
        let idle = Duration::from_secs(30);
        Ok(keys_next.map_or(idle, |next| next.clamp(Duration::from_secs(1), idle)))
    }

    /// Answers when the store can be used: what a readiness probe asks.
    ///
    /// # Errors
    /// A [`StoreFault`] when it cannot.
    pub async fn ready(&self) -> Result<(), StoreFault> {
        self.inner.host.grants.ping().await
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl Inner {
    pub(crate) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    pub(crate) fn issuer(&self) -> &str {
        self.config.issuer()
    }

    pub(crate) const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// What goes with a store call: a fresh attempt each time.
    pub(crate) fn call(&self, now: UnixMillis) -> Result<Call, EntropyError> {
        let mut attempt = [0; 16];
        self.entropy.fill(&mut attempt)?;
        Ok(Call { tenant: self.tenant.clone(), attempt: AttemptId::new(attempt), now })
    }

    /// A fresh 256-bit secret with a prefix that names its kind (CODE-010).
    pub(crate) fn secret(&self, prefix: &str) -> Result<String, EntropyError> {
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes)?;
        Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }
}
