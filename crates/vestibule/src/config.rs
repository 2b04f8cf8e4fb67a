//! Settings, their safe defaults, and what is refused at start.

use std::time::Duration;

use vestibule_core::audience::FhirBase;
use vestibule_core::authorize::Rules;
use vestibule_core::discovery::Endpoints;
use vestibule_host::{Alg, ClientId, Durability, StoreFacts};

/// The longest life of an access token that is checked live.
const LIVE_CHECKED: Duration = Duration::from_secs(3_600);

/// How an [`AuthorizationServer`](crate::AuthorizationServer) behaves.
///
/// ```
/// use vestibule::{Config, FhirBase};
/// let config = Config::new("https://ehr.example", FhirBase::new("https://ehr.example/fhir")).with_ehr_launch();
/// assert_eq!(config.endpoints().token, "https://ehr.example/auth/token");
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) issuer: String,
    pub(crate) bases: Vec<FhirBase>,
    pub(crate) organization: String,
    pub(crate) ehr_launch: bool,
    pub(crate) smart_style: bool,
    pub(crate) standalone_encounters: bool,
    pub(crate) v1_scopes: bool,
    pub(crate) host_draws_pages: bool,
    /// 60 s (SMART-AUTHZ-056, SMART-AUTHZ-059).
    pub(crate) code_life: Duration,
    /// 300 s: without a live check nothing else bounds the harm of a revoked token.
    pub(crate) access_token_life: Duration,
    /// Whether whoever accepts access tokens asks whether they still live.
    pub(crate) live_check: bool,
    pub(crate) failover_may_lose: bool,
    /// 180 days, renewed with each use (SMART-REFRESH-020).
    pub(crate) offline_life: Duration,
    /// 12 h, or the session if that ends before.
    pub(crate) online_life: Duration,
    /// The extension scope that lets a bearer introspect (SMART-INTRO-011).
    pub(crate) introspect_scope: String,
    /// The authorization response may be a form that posts itself.
    pub(crate) form_post: bool,
    /// 600 s.
    pub(crate) id_token_life: Duration,
    /// 600 s, absolute (INT-021).
    pub(crate) interaction_life: Duration,
    /// 300 s, judged when the authorize request comes (SMART-LAUNCH-012).
    pub(crate) launch_life: Duration,
    /// Rows that one client may have without anybody having signed in.
    pub(crate) quota_per_client: u32,
    endpoints: Endpoints,
    issuer_path: String,
}

/// What cannot be started with.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// META-001, GEN-001.
    #[error(
        "the issuer must be an https URL, or an http URL on loopback, without query, fragment or final slash"
    )]
    Issuer,
    /// SMART-DISC-006.
    #[error(
        "each FHIR base must be an https URL, or an http URL on loopback, without query, fragment or final slash"
    )]
    FhirBase,
    /// An audience would be ambiguous.
    #[error("two FHIR bases share a URL or an alias")]
    SameBase,
    /// Requests are routed by their path alone: GEN-001 leaves the host name out.
    #[error("two FHIR bases have the same path, so one of them could not be discovered")]
    SamePath,
    /// oauth.md 0.2.
    #[error("a code may live for 600 s at most")]
    CodeLife,
    /// Design §8: 300 s unless tokens are checked live.
    #[error("an access token may live for 300 s at most, or for 3600 s where tokens are checked live")]
    AccessTokenLife,
    /// Nothing could be refreshed.
    #[error("refresh tokens that live for no time at all")]
    RefreshLife,
    /// SMART-IDT-003.
    #[error("the key ring cannot sign ID tokens with RS256")]
    IdTokenAlg,
    /// OIDC-007, A-OIDC-20.
    #[error(
        "client {:?} registered {} for its ID tokens (id_token_signed_response_alg), for which the key ring has no key",
        .0.as_str(),
        .1.name()
    )]
    ClientIdTokenAlg(ClientId, Alg),
    /// DCR-004, A-DCR-18.
    #[error("anybody may register an app, and nothing limits how often: give the builder a rate gate")]
    OpenRegistration,
    /// STORE-008, [`Durability::FailoverMayLose`](vestibule_host::Durability::FailoverMayLose).
    #[error(
        "the grant store may lose what it has acknowledged: choose one that does not, or accept it with `danger_failover_may_lose`"
    )]
    FailoverMayLose,
    /// Nobody could see the steps.
    #[error("no pages: give the builder a page set, or say that the host draws its own")]
    NoPages,
}

/// Everything that is wrong, at once.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl Config {
    /// An issuer and its first FHIR base.
    ///
    /// The issuer is the public URL of the server, as clients see it: no URL is ever derived from a request (GEN-001).
    /// Endpoints live below `{issuer}/auth`.
    pub fn new(issuer: impl Into<String>, base: FhirBase) -> Self {
        let issuer = issuer.into();
        let at = |path: &str| format!("{issuer}/auth/{path}");
        let endpoints = Endpoints {
            authorization: at("authorize"),
            token: at("token"),
            jwks: at("keys"),
            management: at("manage"),
            introspection: at("introspect"),
            revocation: at("revoke"),
            userinfo: at("userinfo"),
            registration: at("register"),
        };
        let issuer_path = path_of(&issuer).to_owned();
        Self {
            organization: host_of(&issuer).to_owned(),
            bases: vec![base],
            ehr_launch: false,
            smart_style: false,
            standalone_encounters: false,
            v1_scopes: true,
            host_draws_pages: false,
            code_life: Duration::from_secs(60),
            access_token_life: Duration::from_secs(300),
            live_check: false,
            failover_may_lose: false,
            offline_life: Duration::from_secs(180 * 86_400),
            online_life: Duration::from_secs(12 * 3_600),
            introspect_scope: "__introspect".to_owned(),
            form_post: false,
            id_token_life: Duration::from_secs(600),
            interaction_life: Duration::from_secs(600),
            launch_life: Duration::from_secs(300),
            quota_per_client: 1_000,
            endpoints,
            issuer_path,
            issuer,
        }
    }

    /// Another FHIR base of the same issuer. A token is for exactly one of them.
    #[must_use]
    pub fn with_base(mut self, base: FhirBase) -> Self {
        self.bases.push(base);
        self
    }

    /// The name of the organization on pages, instead of the issuer's host name.
    #[must_use]
    pub fn with_organization(mut self, name: impl Into<String>) -> Self {
        self.organization = name.into();
        self
    }

    /// The EHR creates launches with [`create_launch`](crate::AuthorizationServer::create_launch).
    #[must_use]
    pub const fn with_ehr_launch(mut self) -> Self {
        self.ehr_launch = true;
        self
    }

    /// Every EHR launch carries a style document.
    #[must_use]
    pub const fn with_smart_style(mut self) -> Self {
        self.smart_style = true;
        self
    }

    /// The patient policy lists encounters, so that a standalone app can ask for one.
    #[must_use]
    pub const fn with_standalone_encounters(mut self) -> Self {
        self.standalone_encounters = true;
        self
    }

    /// The host draws pickers and consent itself, from [`AuthorizeStep`](crate::AuthorizeStep).
    #[must_use]
    pub const fn with_pages_of_the_host(mut self) -> Self {
        self.host_draws_pages = true;
        self
    }

    /// How long a code lives; 600 s at most.
    #[must_use]
    pub const fn with_code_life(mut self, life: Duration) -> Self {
        self.code_life = life;
        self
    }

    /// Declares that every FHIR server of this issuer asks, at each request, whether an access token still lives: with
    /// [`access_token`](crate::AuthorizationServer::access_token) in the same process, or by introspection. Revoking then takes
    /// effect at once, and access tokens may live longer (design §8).
    #[must_use]
    pub const fn with_live_check(mut self) -> Self {
        self.live_check = true;
        self
    }

    /// Starts on a grant store that may lose what it has acknowledged
    /// ([`Durability::FailoverMayLose`](vestibule_host::Durability::FailoverMayLose)).
    ///
    /// # Security
    /// After a failover a spent code can be redeemed again, a rotated refresh token can rotate again, and what was revoked can
    /// live again.
    #[must_use]
    pub const fn danger_failover_may_lose(mut self) -> Self {
        self.failover_may_lose = true;
        self
    }

    /// How long a refresh token lives that is not used, with `offline_access`.
    #[must_use]
    pub const fn with_offline_life(mut self, life: Duration) -> Self {
        self.offline_life = life;
        self
    }

    /// How long refresh tokens live at most with `online_access`.
    #[must_use]
    pub const fn with_online_life(mut self, life: Duration) -> Self {
        self.online_life = life;
        self
    }

    /// The scope with which a bearer may introspect tokens for its FHIR base, instead of `__introspect`.
    #[must_use]
    pub fn with_introspect_scope(mut self, scope: impl Into<String>) -> Self {
        self.introspect_scope = scope.into();
        self
    }

    /// Understands no scopes in the words of SMART 1.0 (`patient/*.read`): they are dropped like any unknown scope, and
    /// `permission-v1` is not advertised. What was granted before keeps its words.
    #[must_use]
    pub const fn without_v1_scopes(mut self) -> Self {
        self.v1_scopes = false;
        self
    }

    /// Offers `response_mode=form_post`.
    #[must_use]
    pub const fn with_form_post(mut self) -> Self {
        self.form_post = true;
        self
    }

    /// How long an access token lives; 300 s at most, or 3600 s [with a live check](Self::with_live_check).
    #[must_use]
    pub const fn with_access_token_life(mut self, life: Duration) -> Self {
        self.access_token_life = life;
        self
    }

    /// How long a launch waits for its authorize request.
    #[must_use]
    pub const fn with_launch_life(mut self, life: Duration) -> Self {
        self.launch_life = life;
        self
    }

    /// How many interactions that are too large for a cookie one client may have before anybody signs in.
    #[must_use]
    pub const fn with_quota_per_client(mut self, rows: u32) -> Self {
        self.quota_per_client = rows;
        self
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The FHIR bases.
    pub fn bases(&self) -> &[FhirBase] {
        &self.bases
    }

    /// The endpoints' URLs.
    pub const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(crate) fn issuer_path(&self) -> &str {
        &self.issuer_path
    }

    /// `https://host[:port]`.
    pub(crate) fn origin(&self) -> &str {
        self.issuer.get(..self.issuer.len() - self.issuer_path.len()).unwrap_or(&self.issuer)
    }

    pub(crate) fn is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// An access token without a refresh token beside it: the user would have to come back for another (design §8).
    pub(crate) fn unrefreshed_life(&self) -> Duration {
        if self.live_check { self.access_token_life.max(LIVE_CHECKED) } else { self.access_token_life }
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules {
            issuer: &self.issuer,
            bases: &self.bases,
            interaction_life: self.interaction_life,
            ehr_launch: self.ehr_launch,
            standalone_encounters: self.standalone_encounters,
            v1_scopes: self.v1_scopes,
        }
    }

    /// Whether grants may be kept in a store that says this of itself: a spent code that comes back has a second winner.
    pub(crate) fn check_store(&self, facts: StoreFacts) -> Option<ConfigError> {
        let loses = facts.durability == Durability::FailoverMayLose;
        (loses && !self.failover_may_lose).then_some(ConfigError::FailoverMayLose)
    }

    pub(crate) fn check(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        let mut refuse = |wrong: bool, error| {
            if wrong {
                errors.push(error);
            }
        };
        refuse(!is_public_url(&self.issuer), ConfigError::Issuer);
        refuse(self.bases.iter().any(|base| !is_public_url(base.url())), ConfigError::FhirBase);
        let clash = |(index, base): (usize, &FhirBase)| {
            self.bases.iter().skip(index + 1).any(|other| other.overlaps(base))
        };
        refuse(self.bases.iter().enumerate().any(clash), ConfigError::SameBase);
        let same_path = |(index, base): (usize, &FhirBase)| {
            self.bases
                .iter()
                .skip(index + 1)
                .any(|other| path_of(other.url()) == path_of(base.url()) && !other.overlaps(base))
        };
        refuse(self.bases.iter().enumerate().any(same_path), ConfigError::SamePath);
        refuse(self.code_life.is_zero() || self.code_life > Duration::from_secs(600), ConfigError::CodeLife);
        let life = self.access_token_life;
        let longest = if self.live_check { LIVE_CHECKED } else { Duration::from_secs(300) };
        refuse(life.as_secs() == 0 || life > longest, ConfigError::AccessTokenLife);
        refuse(self.offline_life.is_zero() || self.online_life.is_zero(), ConfigError::RefreshLife);
        errors
    }
}

fn is_public_url(url: &str) -> bool {
    let loopback = ["127.0.0.1", "localhost", "[::1]"].contains(&host_of(url).rsplit_once(':').map_or_else(
        || host_of(url),
        |(host, port)| if port.bytes().all(|b| b.is_ascii_digit()) { host } else { host_of(url) },
    ));
    let scheme = url.starts_with("https://") || (url.starts_with("http://") && loopback);
    let clean = url
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"' | b'\\' | b'<' | b'>' | b'@'));
    scheme && clean && !host_of(url).is_empty() && !url.ends_with('/')
}

fn after_scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(_, rest)| rest)
}

fn host_of(url: &str) -> &str {
    after_scheme(url).split('/').next().unwrap_or_default()
}

/// The path of a URL; empty at the root.
pub(crate) fn path_of(url: &str) -> &str {
    let rest = after_scheme(url);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use vestibule_host::Sharing;

    use super::*;

    #[test]
    fn a_store_that_may_lose_is_accepted_by_its_danger_only() {
        let config = || Config::new("https://ehr.example", FhirBase::new("https://ehr.example/fhir"));
        let facts = |durability| StoreFacts { sharing: Sharing::Shared, durability };
        for durability in [Durability::None, Durability::Crash] {
            assert_eq!(config().check_store(facts(durability)), None);
        }
        let weak = facts(Durability::FailoverMayLose);
        assert_eq!(config().check_store(weak), Some(ConfigError::FailoverMayLose));
        assert_eq!(config().danger_failover_may_lose().check_store(weak), None);
    }

    /// SMART-AUTHZ-078, SMART-REVOKE-006
    #[test]
    fn urls_are_judged_at_start() {
        let errors = |issuer: &str, base: &str| Config::new(issuer, FhirBase::new(base)).check();
        assert!(errors("https://ehr.example", "https://ehr.example/fhir").is_empty());
        assert!(errors("http://127.0.0.1:8080", "http://localhost:8080/fhir").is_empty());
        assert!(errors("http://[::1]:8080", "https://fhir.example").is_empty());
        for bad in [
            "http://ehr.example",
            "https://ehr.example/",
            "https://",
            "ehr.example",
            "https://a@b",
            "https://a?x",
        ] {
            assert_eq!(errors(bad, "https://ehr.example/fhir"), [ConfigError::Issuer], "{bad}");
            assert_eq!(errors("https://ehr.example", bad), [ConfigError::FhirBase], "{bad}");
        }
        let twice = Config::new("https://a", FhirBase::new("https://a/f"))
            .with_base(FhirBase::new("https://a/g").with_alias("https://a/f"))
            .with_access_token_life(Duration::from_secs(301))
            .with_code_life(Duration::from_secs(601));
        assert_eq!(
            twice.check(),
            [ConfigError::SameBase, ConfigError::CodeLife, ConfigError::AccessTokenLife]
        );
        let path =
            Config::new("https://a", FhirBase::new("https://a/r4")).with_base(FhirBase::new("https://b/r4"));
        assert_eq!(path.check(), [ConfigError::SamePath]);
        assert_eq!(Config::new("https://a:1/t/x", FhirBase::new("https://a/f")).origin(), "https://a:1");
        assert_eq!(path_of("https://a:1/t/x"), "/t/x");
    }
}
