//! The SMART on FHIR authorization server as an embeddable engine.
//!
//! An EHR vendor implements four traits over its own users and records, picks a store and a key ring, and has SMART App
//! Launch: EHR and standalone, authorize and token endpoints, discovery, consent, "apps with access".
//!
//! ```text
//!   your router ──http::Request──► AuthorizationServer::handle ──http::Response──► your router
//!                                        │ asks
//!            UserAuthenticator   PatientAccessPolicy   ConsentStore   ClientRegistry   GrantStore   KeyRing
//!              (your users)        (your records)          └── an adapter: memory, SQLite ──┘      └ vestibule-jose
//! ```
//!
//! # A host in one screen
//!
//! ```
//! use std::sync::Arc;
//! use vestibule::{AuthorizationServer, Config, ConfigErrors, FhirBase, Host};
//! use vestibule::{ClientRegistry, PatientAccessPolicy, UserAuthenticator};
//! use vestibule::{MemoryConsents, MemoryGrants};
//! # use vestibule_jose::{LocalKeyRing, SystemRandom};
//!
//! fn embed(
//!     users: Arc<dyn UserAuthenticator>,
//!     patients: Arc<dyn PatientAccessPolicy>,
//!     clients: Arc<dyn ClientRegistry>,
//! ) -> Result<AuthorizationServer, ConfigErrors> {
//!     let base = FhirBase::new("https://ehr.example/fhir");
//!     let host = Host {
//!         users,
//!         patients,
//!         clients,
//!         consents: Arc::new(MemoryConsents::new()),
//!         grants: Arc::new(MemoryGrants::new()),
//!         keys: Arc::new(LocalKeyRing::ephemeral(&SystemRandom).unwrap()),
//!     };
//!     AuthorizationServer::builder(Config::new("https://ehr.example", base), host)
//!         .with_pages(Arc::new(vestibule_pages::HtmlPages::new()))
//!         .build()
//! }
//! ```
//!
//! Mount [`AuthorizationServer::handle`] with `vestibule-tower` or `vestibule-actix`, or call it from any HTTP server: it takes and gives plain
//! `http` types, needs no runtime and spawns nothing. Call [`AuthorizationServer::tick`] now and then.
//!
//! # Where to read on
//! `authorize.rs` is the authorize endpoint, `interaction/drive.rs` what happens until the app is answered, `token.rs` the
//! token endpoint. The rules behind them are in `vestibule-core`, pure. What you implement is in `vestibule-host`.
//!
//! # Who should not use this
//! It is not an identity provider, not a FHIR server and not a policy engine for records: it meets yours through traits.

mod authenticate;
mod authorize;
mod bearer;
mod client_keys;
mod config;
mod discovery_policy;
mod error;
mod events;
mod explain;
mod fault;
mod fixed_clients;
mod http_face;
mod interaction;
mod introspect;
mod issuers;
mod launch;
mod own_token;
mod register;
mod registration_events;
mod revocation;
mod revoke;
mod server;
mod token;
mod userinfo;

pub use config::{Config, ConfigError, ConfigErrors};
pub use discovery_policy::{DiscoveryPolicy, MoreToDiscover};
pub use error::AuthorizeError;
pub use fault::Away;
pub use http_face::{MAX_BODY, Unread};
pub use interaction::{
    AuthorizeStep, ConsentPrompt, EncounterPrompt, InteractionId, PatientPrompt, SignInPrompt, StepToken,
    Turn,
};
pub use issuers::{Issuers, SamePath};
pub use launch::{Launch, LaunchError};
pub use server::{AuthorizationServer, Builder, Host};
pub use vestibule_core::access::{AccessClaims, ActiveAccess};
pub use vestibule_core::audience::FhirBase;
pub use vestibule_core::discovery::Endpoints;
pub use vestibule_core::explain::{
    Check, Endpoint, Explanation, Fate, Observer, Outcome, Reason, ScopeLine, Stage,
};
pub use vestibule_host::{
    ClientRegistrar, ClientRegistry, ConsentStore, GrantStore, InitialTokens, KeyRing, LaunchContext,
    MemoryClients, MemoryConsents, MemoryGrants, OpenRegistration, Pages, PatientAccessPolicy,
    RegistrationPolicy, StaticClients, UserAuthenticator,
};

/// The program in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
