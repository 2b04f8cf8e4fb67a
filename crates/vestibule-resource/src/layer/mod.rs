//! The whole way of a request, as a tower layer: token, interaction, decision, and what the decision leaves to be applied.
//!
//! ```text
//! request ─► head ─► token ─► body ─► interaction ─► decision ─┬─ Deny ─────────► 403
//!            head.rs TokenVerifier    FhirRequest    Principal ├─ Permit ───────► the FHIR server
//!                                                              └─ Narrowed ─┬───► the FHIR server, which applies it itself
//!                                                                           └───► enforce.rs: asks, judges, lets through
//! ```
//!
//! Two ways, chosen once:
//!
//! * **The server applies it** ([`GuardLayer::new`]): the request carries [`Principal`](crate::Principal), [`Interaction`](crate::Interaction) and
//!   [`Decision`](crate::Decision) as extensions. A handler that forgets the narrowing leaks, so read [`Narrowing::checks`](crate::Narrowing::checks).
//! * **The layer applies it** ([`GuardLayer::enforcing`]): the server behind needs to know nothing of scopes. Answers are collected and
//!   judged, Bundles are filtered, stored resources are looked at before they are changed. Whatever cannot be judged is refused.
//!
//! # What the enforcing layer does to a narrowed request
//!
//! | asked | done |
//! |---|---|
//! | read, vread | asked in JSON and in full; the answer is judged. Hidden, deleted and missing are one and the same 404 |
//! | search | narrowed by FHIR's parameters, and refused where they cannot say it: pages of a wider search would tell by their number what is hidden. Under several granular scopes with different parameters it says itself what one of them says. The Bundle is filtered, totals and the link to the last page left out |
//! | history of an instance, `$everything` | the Bundle is filtered |
//! | history of a type or of the system | refused |
//! | create | the submitted resource is judged |
//! | update, delete | the stored resource is judged, then changed only in that version (`If-Match`, where it has one), so that nothing comes in between |
//! | patch, conditional update, patch and delete | refused: what they would leave, or find, is not known beforehand. Send the whole resource |
//! | batch | each entry as if sent alone, until the answers take more than [`with_max_answer`](GuardLayer::with_max_answer) |
//! | transaction | reads are refused, writes judged; answers carry no resources |
//! | `$validate` | what is submitted is judged as for the write, a stored resource as for a read; of the outcome severities and codes are shown, where they are about the submitted resource alone |
//! | other formats than JSON | refused: 406, 415 |
//!
//! Errors of the server behind are told by their status alone: its words might say what is stored. `If-None-Match`, `If-Modified-Since`
//! and `Range` do not reach it.
//!
//! Writes are watched in open requests too: to write is not to read, so what a write answers with is shown only where a read would show it, or
//! where it is the resource that was just created. Of other headers than those of FHIR, tracing and content negotiation none reaches the server.
//!
//! # What is refused before anything is decided
//!
//! Two tokens, or one in the query; method overrides (`X-HTTP-Method-Override`), upgrades, compressed bodies, bodies on GET and DELETE;
//! paths and queries that two servers could read differently. The path and the query that reach the server are written anew from what
//! was read.
//!
//! # Duties of the host
//!
//! * Time-outs for slow requests and slow servers: there is no timer in here.
//! * CORS is in front of this layer: a preflight carries no token and would be refused.
//! * What the user may see (SMART-SCOPE-025): a scope raises nobody's rights.

mod answer;
mod batch;
mod bundle;
mod enforce;
mod head;
mod refusal;
mod service;
mod strict_json;
mod write;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tower_layer::Layer;
use vestibule_host::{BoxError, Clock, SystemClock};
use vestibule_scope::ResourceType;

pub use service::GuardService;

use crate::interaction::LogicalId;
use crate::rules::Rules;
use crate::verifier::TokenVerifier;

/// Guards a FHIR server: no request reaches it that its token does not allow.
///
/// ```
/// use std::sync::Arc;
/// use vestibule_resource::layer::GuardLayer;
/// use vestibule_resource::{FhirVersion, Rules, TokenVerifier};
///
/// fn guard(tokens: Arc<dyn TokenVerifier>) -> GuardLayer {
///     let rules = Rules::new(FhirVersion::R4, "https://ehr.example/fhir");
///     GuardLayer::new(rules, tokens).under("/fhir").enforcing()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct GuardLayer(Setup);

#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) rules: Rules,
    pub(crate) tokens: Arc<dyn TokenVerifier>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) path: Arc<str>,
    pub(crate) enforces: bool,
    pub(crate) stored: Option<Arc<dyn StoredResources>>,
    pub(crate) max_body: usize,
    pub(crate) max_answer: usize,
}

impl GuardLayer {
    /// Lets the server behind apply what a decision narrows, and guards the root of whatever it is put around.
    pub fn new(rules: Rules, tokens: Arc<dyn TokenVerifier>) -> Self {
        Self(Setup {
            rules,
            tokens,
            clock: Arc::new(SystemClock),
            path: "".into(),
            enforces: false,
            stored: None,
            max_body: MAX_BODY,
            max_answer: MAX_ANSWER,
        })
    }

    /// Guards what is under this path: `/fhir`. Everything else is 404.
    #[must_use]
    pub fn under(mut self, path: impl AsRef<str>) -> Self {
        self.0.path = path.as_ref().trim_end_matches('/').into();
        self
    }

    /// Applies what a decision narrows itself, before and after it asks the server behind.
    #[must_use]
    pub const fn enforcing(mut self) -> Self {
        self.0.enforces = true;
        self
    }

    /// Looks up stored resources here instead of by a read of the server behind.
    #[must_use]
    pub fn with_stored_resources(mut self, stored: Arc<dyn StoredResources>) -> Self {
        self.0.stored = Some(stored);
        self
    }

    /// Takes the time from here.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.0.clock = clock;
        self
    }

    /// How many bytes a request's body may have: 1 MiB unless told otherwise. Longer ones are answered with 413.
    #[must_use]
    pub const fn with_max_body(mut self, bytes: usize) -> Self {
        self.0.max_body = bytes;
        self
    }

    /// How many bytes an answer may have that must be judged: 16 MiB unless told otherwise. Longer ones are answered with 502.
    #[must_use]
    pub const fn with_max_answer(mut self, bytes: usize) -> Self {
        self.0.max_answer = bytes;
        self
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService::new(inner, self.0.clone())
    }
}

/// Where the enforcing layer finds what is stored, before it is changed. Without one it reads from the server behind.
#[async_trait]
pub trait StoredResources: Debug + Send + Sync {
    /// The resource as it is stored now, whole, with `meta.versionId` if the server has versions; `None` if there is none, or none any
    /// more.
    ///
    /// # Errors
    /// Nobody knows; the answer is 503 and nothing is changed.
    async fn stored(&self, resource_type: ResourceType, id: &LogicalId) -> Result<Option<Value>, BoxError>;
}

const MAX_BODY: usize = 1024 * 1024;
const MAX_ANSWER: usize = 16 * 1024 * 1024;
